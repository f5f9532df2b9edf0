"""Render: a configuration and templates to texts.

Templates run in Jinja's immutable sandbox with strict undefined values: they cannot reach Python, change the configuration or
use a setting that is not there. A mistake becomes a problem that names the template, the line and the setting.

`templates` compiles and runs them, and finds the line of a template behind a line of an output; `filters` are what templates
may call. To add a filter, add it to `filters.FILTERS` and give it an example in docs/reference/templates.md.

May import: what every stage may.
"""

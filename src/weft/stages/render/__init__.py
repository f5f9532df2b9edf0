"""Render: a configuration and templates to texts.

Templates run in Jinja's immutable sandbox with strict undefined values: they cannot access Python, change the configuration or
use a setting that does not exist. A mistake becomes a problem with the template, the line and the setting.

`templates` compiles and runs them, and finds the line of a template behind a line of an output; `filters` are the functions for
templates. To add a filter, add it to `filters.FILTERS` and give it an example in docs/reference/templates.md.

May import: the same as every stage.
"""

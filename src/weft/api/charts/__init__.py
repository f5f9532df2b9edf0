"""A Helm chart as a project: its values are the base layer, and the output is a values file for each environment.

The rendered values equal those of the chart, so Helm gives its templates the same values with the file and without it. `values` reads
values.yaml as Helm does and writes it as an overlay; `comments` reads what its comments say about settings; `dependencies` lists the
sections of other charts; `schemas` generates the project's schema from these, or from the chart's values.schema.json; `importing`
assembles the files. Start reading at `importing.from_chart`.

May import: base, files, report, schema, rules, secrets, stages, checks, project, lint, derived, secret_files.
"""

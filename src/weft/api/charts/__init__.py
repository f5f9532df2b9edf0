"""A Helm chart as a project: its values are the base layer, and the output is a values file for each environment.

What is rendered equals what the chart holds, so that Helm gives its templates the same values with the file and without it.
`values` reads values.yaml as Helm does and writes it as an overlay; `comments` finds what its comments say of the settings;
`dependencies` lists the sections that belong to other charts; `schemas` makes the project's schema of all that, or of the
chart's values.schema.json; `importing` puts the files together. Begin with `importing.from_chart`.

May import: base, files, report, schema, rules, secrets, stages, checks, project, lint, derived, secret_files.
"""

"""A project: weft.yaml, the targets that it describes, and the five stages put in a row.

A *dimension* is something that targets differ in (an environment, a tenant); its values come from weft.yaml or from the files
that exist. A *target* is one choice of values, with the name that they make: `production/acme`. Its *layers* are the patterns
of weft.yaml with the values filled in; folding them gives its configuration. An *output* is a template, a path and the
targets that have it.

`projectfile` reads weft.yaml, `targets` knows which targets there are and which layers each has, `target` is one of them, and
`outputs` renders it. `provenance` finds the file that set a value, `impact` the output lines that change with a setting,
`revisions` opens the project as it was at a git revision.

Begin with `project.load_project`.

May import: base, files, report, schema, rules, secrets, stages, checks.
"""

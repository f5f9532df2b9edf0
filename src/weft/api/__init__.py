"""The Python facade: what programs use beside `weft.load_project`, and new projects.

`facade` offers `ConfigMapManager`, `ConfigurationValidator`, `ConfigMapUtils` and `EnvironmentTier`, which are importable from
`weft`. They are thin: each method is a few calls of a `Project` or a `Target`. The facade is the only module that knows the
names of the reference project's domains, as they are part of its method names.

`new_projects` makes the files that `weft init` writes, from nothing or from a JSON Schema; `charts` those from a Helm chart. `parts`
plans what `weft new` adds to a project that exists.

Begin with `facade.ConfigMapManager`.

May import: every package but cli.
"""

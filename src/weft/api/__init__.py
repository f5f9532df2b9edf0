"""The Python facade: the API for programs besides `weft.load_project`, and new projects.

`facade` offers `ConfigMapManager`, `ConfigurationValidator`, `ConfigMapUtils` and `EnvironmentTier`, which are importable from `weft`.
They are thin: each method is a few calls of a `Project` or a `Target`. The facade is the only module that knows the names of the
reference project's domains, because they are part of its method names. `config_maps` finds the ConfigMaps among the outputs of a
target, and reads one.

`new_projects` creates the files that `weft init` writes, from nothing or from a JSON Schema; `charts` creates them from a Helm chart.
`parts` plans what `weft new` adds to an existing project.

Start reading at `facade.ConfigMapManager`.

May import: every package but cli.
"""

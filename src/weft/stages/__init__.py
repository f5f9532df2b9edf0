"""The five stages that turn overlays into outputs.

    load       files of a layer          -> sources
    merge      sources, lowest first     -> one configuration
    validate   a configuration           -> problems
    render     a configuration, templates -> texts
    write      texts                     -> files, each replaced at once

Each stage is a function of its arguments; none imports another, and none knows about targets or weft.yaml. The package
`project` runs them in sequence. `base.overlay` defines the data that they exchange.

A stage reports problems with paths into the configuration. `project.placing` finds the file later, and `files.locator` the
line, because a merged value no longer knows where it came from.

Start reading at `merge.merge`, the core of Weft.

May import: base, files, report, schema, rules, secrets; never another stage.
"""

"""The five stages that make outputs of overlays.

    load       files of a layer          -> sources
    merge      sources, lowest first     -> one configuration
    validate   a configuration           -> problems
    render     a configuration, templates -> texts
    write      texts                     -> files, each replaced at once

Each stage is a function of what it is given; none imports another, and none knows of targets or of weft.yaml. The package
`project` puts them in a row. What they hand to each other is defined in `base.overlay`.

A stage reports what is wrong as problems with paths into the configuration; the file is found later, by
`project.placing`, and the line by `files.locator`, as a merged value no longer knows where it came from.

Begin with `merge.merge`, the shortest way to what Weft is about.

May import: base, files, report, schema, rules, secrets; never another stage.
"""

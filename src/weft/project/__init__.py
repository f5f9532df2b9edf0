"""A project: weft.yaml, the targets that it describes, and the five stages put in a row.

A *dimension* is something that targets differ in (an environment, a tenant); its values come from weft.yaml, from the files that
exist, or from a setting. A *target* is one choice of values, with the name that they make: `production/acme`. Its *layers* are the
patterns of weft.yaml with the values filled in; folding them gives its configuration. An *output* is a template, a path and the
targets that have it.

The modules, from below; none uses one that comes later:

    entries, projectfile            weft.yaml: its entries as values, read and checked
    provenance, placing             which file set a value; where a problem points
    schemas, settings               the schemas, compiled; settings by the names that people write, `--set` and `--from-env`
    layering                        layers folded into one configuration, with what is wrong with them
    dimensions, resolution, limits  the values of dimensions; the layers of a target; which combinations exist
    targets, unread                 which targets there are; files that none of them reads
    outputs, collisions, rendering  which outputs a target has, and their texts; many targets together
    target, writing, project        one target; the output folder; everything put together
    impact, revisions               what changes with a setting or a file; the project at a git revision

What is below is handed values, never the object above: outputs see a `TargetView`, a target gets the parts that it needs.

Begin with `project.load_project`.

May import: base, files, report, schema, rules, secrets, stages, checks.
"""

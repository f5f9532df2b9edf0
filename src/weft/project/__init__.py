"""A project: weft.yaml, the targets that it describes, and the five stages in sequence.

A *dimension* is a property in which targets differ (an environment, a tenant); its values come from weft.yaml, from file names, or
from a setting. A *target* is one choice of values, named after them: `production/acme`. Its *layers* are the patterns of weft.yaml
with the values filled in; folding them gives its configuration. An *output* is a template, a path and the targets that have it.

The modules, bottom up; none uses a later one:

    entries, projectfile            weft.yaml: its entries as values, read and checked
    provenance, placing             the file that set a value; the place of a problem
    schemas, settings               the schemas, compiled; settings by their dotted names, `--set` and `--from-env`
    layering                        layers folded into one configuration, with their problems
    dimensions, resolution, limits  the values of dimensions; the layers of a target; which combinations exist
    targets, unread                 which targets there are; files that none of them reads
    outputs, collisions, rendering  which outputs a target has, and their texts; many targets together
    target, writing, project        one target; the output folder; everything combined
    impact, revisions               what a setting or a file affects; the project at a Git revision

A lower module receives values, never the object above it: outputs see a `TargetView`, a target gets the parts that it needs.

Start reading at `project.load_project`.

May import: base, files, report, schema, rules, secrets, stages, checks.
"""

"""Many targets: what earlier runs found is remembered, and the rest is done by several processes.

A target on its own is a pure function of the files of its layers and of what all targets share: weft.yaml, schemas, templates, options, and
Weft itself. `keys` makes one digest of all that, the key of the target's result in the store `.weft_cache`.

The door is `memory`. What is kept:

    options, keys   what results follow from
    results         results as data, and back; `packing` and `problem_data` are its parts
    unchanged       whole runs, and what commands printed; `affected` says which targets a change concerns
    written         what is in output folders

Who works:

    making          one result, from the store or from its files
    remembering     a renderer for a run: what is known, and the rest by a crew
    workers         the crew of this machine, processes
    elsewhere       the crew behind any executor: it sends `archives`, and asks their receivers to call `serving`

Other ways to run:

    shards          a run as several parts, for several machines
    joining         the outputs of all parts as one, after it is proven that they belong together
    following       a project that is rendered again after each change

Nothing here decides what a result is; that is `project.rendering`. A result with errors is never kept.

May import: base, files, report, schema, rules, secrets, stages, checks, project, and the `Notifier` of client.
"""

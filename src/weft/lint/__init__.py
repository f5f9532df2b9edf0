"""Probable mistakes in valid files, and the results of rule packs.

Warnings come from reading, never from rendering: `layers` compares each layer with those below it, `schemas` searches for misspelled
keywords and invalid defaults, `templates` walks the syntax trees of templates along the schema. Where something cannot be followed,
nothing is reported, because false alarms teach people to ignore warnings.

A *policy* is different: the rules of a standard, with controls that a target passes, fails or has a waiver for (`policies`).

Most warnings are added only by `weft validate --strict`, where they fail the run.

Start reading at `strict.strict_warnings`, which collects what `weft validate --strict` adds: `layers`, `schemas` and, from
`project.unread`, the files and layers that no target reads. `weft schema check` uses `schemas`, `templates`, which also finds
errors, and `policies.packs`.

May import: base, files, report, schema, rules, secrets, stages, checks, project.
"""

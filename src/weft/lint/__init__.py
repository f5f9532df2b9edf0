"""What is valid, but probably a mistake, and what rule packs say of a configuration.

Warnings are found by reading, never by rendering: `layers` compares what each layer says with what lies below it, `schemas`
looks for keywords that nearly are ones and for defaults that their own schema refuses, `templates` walks the syntax trees of
templates beside the schema. Where something cannot be followed, nothing is said: a false alarm teaches people not to look.

A *policy* is different: somebody else's rules, with controls that a target passes, fails or is excused from (`policies`).

Most warnings are added only by `weft validate --strict`, where they fail the run.

Begin with `strict.strict_warnings`, which gathers what `weft validate --strict` adds: `layers`, `schemas` and, from
`project.unread`, the files and layers that no target reads. `weft schema check` asks `schemas`, `templates`, which also finds
errors, and `policies.packs`.

May import: base, files, report, schema, rules, secrets, stages, checks, project.
"""

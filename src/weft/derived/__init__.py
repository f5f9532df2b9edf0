"""What is made from the schemas for others: editors, readers, programs and clusters.

`overlay_schema` is the root schema made partial, so that editors can check an overlay; `bundle` is all schema files as one;
`docs` are reference pages; `types` are classes for Python and TypeScript. `crd` makes a CustomResourceDefinition,
`compatibility` lists what changed between two versions of the schemas, `editors` writes the settings that tell editors which
schema is for which files.

Nothing here takes part in rendering a target; each module may go without the others noticing. What another format cannot say
is left out or reported, never approximated in silence.

Begin with `overlay_schema`, which is the one that every project uses.

May import: base, files, report, schema, rules, secrets, stages, checks, project, lint.
"""

"""Files generated from the schemas: for editors, readers, programs and clusters.

`overlay_schema` is the root schema made partial, so editors can check an overlay; `bundle` is all schemas in one file; `docs` are
reference pages; `types` are classes for Python and TypeScript. `crd` generates a CustomResourceDefinition, `compatibility` lists the
changes between two versions of the schemas, `editors` writes editor settings that assign schemas to files.

Nothing here takes part in rendering a target, and each module can be removed without affecting the others. What another format cannot
express is omitted or reported, never approximated silently.

Start reading at `overlay_schema`, which every project uses.

May import: base, files, report, schema, rules, secrets, stages, checks, project, lint.
"""

"""A CustomResourceDefinition whose objects contain the configuration of a project.

Kubernetes accepts only *structural* schemas: every place has one type, and `anyOf`, `oneOf`, `not` and `if` may add limits but
describe nothing new.

- `structural` walks the nodes and writes such a schema, with `keywords` and `patterns` in the spelling of Kubernetes, with the limits of the
combining keywords that it can express (`combinators`), and with rules for some keywords that it cannot (`expressions`);
- `admission` removes the rules that an API server would refuse: `declared` are the types and sizes that the server gives to the places of the schema,
`costs` and `calls` its estimate of what an expression may cost;
- `definition` writes the resource around it, and `notes` say what was left out, so readers know where Weft is stricter than the cluster.

Start reading at `definition.definition`.

May import: the same as `derived`.
"""

"""A CustomResourceDefinition whose objects contain the configuration of a project.

Kubernetes accepts only *structural* schemas: every place has one type, and `anyOf`, `oneOf`, `not` and `if` may add limits but
describe nothing new. `structural` walks the nodes and writes such a schema, with the rules and defaults that Kubernetes accepts;
`combinators` keeps the limits of the combining keywords if a structural schema can express them; `definition` writes the resource
around both. `Structural.notes` lists what cannot be expressed, so readers know where Weft is stricter than the cluster.

Start reading at `definition.definition`.

May import: the same as `derived`.
"""

"""A CustomResourceDefinition whose objects hold the configuration of a project.

Kubernetes takes only *structural* schemas: every place has one type, and `anyOf`, `oneOf`, `not` and `if` may set limits but
describe nothing new. `structural` walks the nodes and writes such a schema, with the rules and defaults that Kubernetes takes;
`combinators` keeps what the combining keywords say about limits, where a structural schema can say it; `definition` writes the
resource around both. What cannot be said is listed in `Structural.notes`, so that a reader knows where Weft judges more strictly
than the cluster.

Begin with `definition.definition`.

May import: what `derived` may.
"""

"""Rules: CEL expressions of `x-kubernetes-validations`, as Kubernetes knows them from CustomResourceDefinitions.

A rule stands in a schema and must be true of the value that the schema describes, `self`. Rules that read `oldSelf` are
*transition rules*: they judge a change, not a configuration. Policies and the conditions of outputs are the same kind of
expression over the whole configuration.

An expression is compiled once, and is given only the settings that it reads. `functions` are those that rules may call beside
CEL's own: the extensions of Kubernetes, and `acyclic`.

Begin with `expressions.Expression`, then `expressions.RuleCheck`, which holds the rules of all schemas.

May import: base, files, report, schema.
"""

from weft.rules.expressions import CEL_ERRORS, Expression, RuleCheck, first_line, is_transition, unescape, why

__all__ = ["CEL_ERRORS", "Expression", "RuleCheck", "first_line", "is_transition", "unescape", "why"]

"""The package `weft.rules`."""

from weft.rules.expressions import CEL_ERRORS, Expression, RuleCheck, first_line, is_transition, unescape, why

__all__ = ["CEL_ERRORS", "Expression", "RuleCheck", "first_line", "is_transition", "unescape", "why"]

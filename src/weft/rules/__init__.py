"""Rules: expressions in CEL, Google's Common Expression Language, over a configuration.

Expressions appear in three places: `x-kubernetes-validations` of schemas (and their `messageExpression`), `when` of outputs, and
rule packs. They may use what Kubernetes allows in CustomResourceDefinitions, so a schema that becomes one keeps its rules;
docs/reference/rules.md lists the functions and the differences.

- `shapes` and `descriptor` turn a schema into the types of CEL;
- `functions` declares what Kubernetes adds to CEL, and `environment` builds two environments: one that checks types, and one that
runs expressions;
- `compiling` compiles an expression, or `mistakes` explains why it does not compile, with line and column;
- `deciding` runs it, and explains why it cannot be decided;
- `syntax` and `reads` find the settings that it reads, from its syntax tree;
- `validations` are the rules of a schema.

CEL and protobuf are imported when the first expression is compiled.

Start reading at `validations`, then `compiling`.

May import: base, files, report, schema.
"""

from weft.rules.compiling import Expression, Old, Request, compiled, is_transition, settings_of
from weft.rules.deciding import Undecided, holds, text
from weft.rules.mistakes import Mistake
from weft.rules.shapes import Shapes
from weft.rules.validations import Rule, RuleCheck

__all__ = [
    "Expression",
    "Mistake",
    "Old",
    "Request",
    "Rule",
    "RuleCheck",
    "Shapes",
    "Undecided",
    "compiled",
    "holds",
    "is_transition",
    "settings_of",
    "text",
]

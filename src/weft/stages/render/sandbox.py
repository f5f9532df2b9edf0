"""The sandbox in which templates run: what they can access, and how much work they may do.

Templates are compiled with a `tick` in every body that may run repeatedly, and their calls go through `costs`. `budget` defines
the limits.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from types import CodeType
from typing import Any, Final

from jinja2 import Template, TemplateSyntaxError, nodes
from jinja2.compiler import CodeGenerator, Frame, operators
from jinja2.environment import TemplateModule
from jinja2.lexer import Token, TokenStream
from jinja2.parser import Parser
from jinja2.runtime import Context, LoopContext, str_join
from jinja2.sandbox import MAX_RANGE, ImmutableSandboxedEnvironment, SandboxedFormatter, safe_range
from jinja2.utils import Namespace, pass_context

from weft.secrets.taint import Branch
from weft.stages.render import budget, costs, printing
from weft.stages.render.filters import DIGESTS, FILTERS, digests_are_same
from weft.stages.render.unset import Unset

MAX_DEPTH: Final = 120
"""The maximum nesting of blocks and expressions of a template; a sum with this many terms is as deep."""
MAX_TOKENS: Final = 100_000
"""The maximum number of tokens of a template besides its text; compiling that many takes about three seconds."""
_TOO_DEEP: Final = f"this is nested more than {MAX_DEPTH} levels deep"
_TOO_LONG: Final = f"this number has more than {budget.MAX_BITS:,} bits"
_TEXT_A_STEP: Final = 64
_COST_OF_A_FILE: Final = 100
_DEBUG_INFO: Final = re.compile(r"^debug_info = '([\d=&]*)'$", re.MULTILINE)

_OF_JINJA: Final = frozenset((LoopContext, Namespace, TemplateModule))
METHODS: Final = frozenset(("get", "items", "keys", "values"))
"""The methods of a mapping of the configuration that templates may call; every other name is a setting."""


class _Lined(Template):
    """A template that finds a line in its table of lines at once; Jinja makes the table again each time, and goes through it."""

    @cached_property
    def _lines(self) -> tuple[list[int], list[int]]:
        """The lines of the compiled code, ascending, and the line of the template for each."""
        pairs = sorted((python, line) for line, python in self.debug_info)
        return [python for python, _ in pairs], [line for _, line in pairs]

    def get_corresponding_lineno(self, lineno: int) -> int:
        """The line of the template for a line of its compiled code."""
        pythons, lines = self._lines
        found = bisect_right(pythons, lineno)
        return lines[found - 1] if found else 1


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's sandbox with limits. In `cache.items` the setting `items` wins over the method of the mapping."""

    template_class = _Lined
    intercepted_binops = frozenset(ImmutableSandboxedEnvironment.default_binop_table)

    def __init__(self, **options: Any) -> None:
        # computations during compilation have no limits, so there are none
        super().__init__(**options, undefined=Unset, optimized=False, finalize=_printed)
        self.code_generator_class = _Generator
        self.filters.update(printing.FILTERS, **FILTERS)
        self.filters = {name: costs.metered_filter(name, function) for name, function in self.filters.items()}
        tests: Mapping[str, Any] = self.tests
        self.tests = {name: costs.metered_test(name, function) for name, function in tests.items()}
        del self.globals["lipsum"]  # its text is random
        self.globals.update(dict=_mapping, range=_range)
        self.policies["json.dumps_kwargs"] = {"default": str}  # which fails for a secret

    def getattr(self, obj: Any, attribute: str) -> Any:
        """`app.path` is a setting first, and a method otherwise."""
        if isinstance(obj, dict) and attribute in obj:
            return obj[attribute]
        if isinstance(obj, Branch) and (attribute in obj.node.properties or attribute not in METHODS):
            safe = attribute in obj.node.properties or self.is_safe_attribute(obj, attribute, None)
            return self.undefined(obj=obj, name=attribute) if safe else self.unsafe_undefined(obj, attribute)
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """`app["path"]` is also a setting, never an attribute of the mapping."""
        if isinstance(obj, Branch) and argument not in obj:
            return self.undefined(obj=obj, name=argument)
        return super().getitem(obj, argument)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Jinja's own answer; of its own objects it looks only at the name, after it has asked for twenty other kinds."""
        return not attr.startswith("_") if type(obj) in _OF_JINJA else super().is_safe_attribute(obj, attr, value)

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        """A `format` that pays for each of its fields, replacing the method of texts."""
        if super().wrap_str_format(value) is None:
            return None
        text: str = value.__self__
        fields = _Formatter(self)

        def format_map(mapping: Mapping[str, Any]) -> str:
            return type(text)(fields.vformat(text, (), mapping))

        def format(*args: Any, **kwargs: Any) -> str:  # noqa: A001 - it is called as the method is
            return type(text)(fields.vformat(text, args, kwargs))

        return format_map if value.__name__ == "format_map" else format

    # --- what is called by the code of a template ---

    tick = staticmethod(budget.tick)
    digests_are_same = staticmethod(digests_are_same)
    made = staticmethod(budget.made)

    @staticmethod
    def printed(value: Any) -> str:
        """What `{{ }}` prints, paid for, where nothing is escaped."""
        if type(value) is str:
            budget.tick(1 + (len(value) >> 6))
            return value
        return str(_in_words(value))

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """An operator, paid for."""
        costs.pay_for_operator(operator, left, right)
        return super().call_binop(context, operator, left, right)

    def call(self, context: Context, function: Any, /, *args: Any, **kwargs: Any) -> Any:
        """A call, paid for."""
        costs.pay_for_call(function, args, kwargs)
        return budget.made(super().call(context, function, *args, **kwargs))

    def joined(self, parts: Sequence[Any]) -> str:
        """The result of `~`."""
        budget.spend_size(parts)
        text: str = budget.made(str_join(map(printing.in_words, parts)))
        return text

    def compared(self, value: Any) -> Any:
        """One side of a comparison."""
        budget.spend_size(value)
        return value

    def searched(self, value: Any) -> Any:
        """The right side of `in`."""
        costs.spend_for_search(value)
        return value

    def _load_template(self, name: str, globals: Any) -> Template:  # noqa: A002 - as Jinja has it
        budget.spend(_COST_OF_A_FILE)
        return super()._load_template(name, globals)

    # --- how a template is compiled ---

    def _tokenize(
        self, source: str, name: str | None, filename: str | None = None, state: str | None = None
    ) -> TokenStream:
        stream = super()._tokenize(source, name, filename, state)
        return TokenStream(_few(stream), stream.name, stream.filename)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        parser = Parser(self, source, name, filename)
        try:
            tree = parser.parse()
            line, reason = _too_much(tree)
        except RecursionError:
            line, reason = parser.stream.current.lineno, _TOO_DEEP
        except ValueError:  # Python refuses numbers with too many digits
            line, reason = parser.stream.current.lineno, _TOO_LONG
        if line:
            raise TemplateSyntaxError(reason, line, name, filename)
        return tree

    def _compile(self, source: str, filename: str) -> CodeType:
        try:
            return super()._compile(source, filename)
        except (SyntaxError, RecursionError, MemoryError) as error:  # Python has its own limits
            line = error.lineno if isinstance(error, SyntaxError) else None
            raise TemplateSyntaxError(
                "this is nested deeper than Python allows", _template_line(source, line or 1), None, filename
            ) from None


@pass_context
def _printed(_: Context, value: Any) -> Any:
    return _in_words(value)


def _in_words(value: Any) -> Any:
    """The value in `{{ }}` as it is printed, paid for before it becomes text."""
    budget.spend_size(value)
    if type(value) is str:
        return value
    printed = printing.in_words(value)
    return value if printed is value else budget.made(printed)


def _mapping(*args: Any, **kwargs: Any) -> dict[Any, Any]:
    """The `dict` of templates: only the call, because methods of the class can change any mapping."""
    budget.spend_size((*args, *kwargs.values()))
    return dict(*args, **kwargs)


def _range(*args: int) -> range:
    try:
        return safe_range(*args)
    except OverflowError:
        raise budget.TooCostlyError(f"it makes a range of more than {MAX_RANGE:,} numbers") from None


class _Formatter(SandboxedFormatter):
    """`"...".format(...)`, with each field paid for."""

    def convert_field(self, value: Any, conversion: Any) -> Any:
        budget.spend_size(value)
        return super().convert_field(value, conversion)

    def format_field(self, value: Any, format_spec: str) -> Any:
        costs.pay_for_field(value, format_spec)
        return super().format_field(value, format_spec)


class _Tick:
    """A constant in a syntax tree that is compiled to a call of `tick`."""

    def __init__(self, body: Iterable[nodes.Node]) -> None:
        self._steps = 1 + sum(map(_weight, body))

    def __repr__(self) -> str:
        return f"environment.tick({self._steps})"


class _Generator(CodeGenerator):
    """Generates the Python code of a template, including the code that counts its steps."""

    def visit_Template(self, node: nodes.Template, frame: Frame | None = None) -> None:  # noqa: N802 - as Jinja has it
        """Insert a tick at the beginning of every body."""
        bodies: list[Any] = [node, *node.find_all((nodes.For, nodes.Macro, nodes.CallBlock, nodes.Block))]
        ticks = [_Tick(one.body) for one in bodies]  # all of them before the first one is inserted
        for one, tick in zip(bodies, ticks, strict=True):
            counted = nodes.Const(tick, lineno=one.lineno)
            one.body.insert(0, nodes.ExprStmt(counted, lineno=one.lineno))
            if isinstance(one, nodes.For) and one.test is not None:
                one.test = nodes.And(counted, one.test, lineno=one.test.lineno)
        super().visit_Template(node, frame)

    def _output_child_pre(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:
        """What comes before an expression in `{{ }}`: one call, where Jinja has two."""
        if _may_escape(frame):
            super()._output_child_pre(node, frame, finalize)
        else:
            self.write("environment.printed(")

    def _output_child_post(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:
        if _may_escape(frame):
            super()._output_child_post(node, frame, finalize)
        else:
            self.write(")")

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802 - as Jinja has it
        """The operator `~`."""
        self.write("environment.joined((")
        for part in node.nodes:
            self.visit(part, frame)
            self.write(", ")
        self.write("))")

    def visit_Filter(self, node: nodes.Filter, frame: Frame) -> None:  # noqa: N802 - as Jinja has it
        """What a digest is made of is not evaluated where all texts have the same one."""
        same = DIGESTS.get(node.name)
        self.write(f"({same!r} if environment.digests_are_same() else " if same else "")
        super().visit_Filter(node, frame)
        self.write(")" if same else "")

    def visit_Compare(self, node: nodes.Compare, frame: Frame) -> None:  # noqa: N802 - as Jinja has it
        """Comparisons: `==`, `<`, `in` and the like."""
        self.write("(")
        self._side(node.expr, frame)
        for operand in node.ops:
            self.visit(operand, frame)
        self.write(")")

    def visit_Operand(self, node: nodes.Operand, frame: Frame) -> None:  # noqa: N802 - as Jinja has it
        """The operator and its right operand."""
        self.write(f" {operators[node.op]} ")
        self._side(node.expr, frame, "searched" if node.op in ("in", "notin") else "compared")

    def visit_Getitem(self, node: nodes.Getitem, frame: Frame) -> None:  # noqa: N802 - as Jinja has it
        """`text[1:]` creates a new value."""
        sliced = isinstance(node.arg, nodes.Slice)
        self.write("environment.made(" if sliced else "")
        super().visit_Getitem(node, frame)
        self.write(")" if sliced else "")

    def _side(self, node: nodes.Expr, frame: Frame, paying: str = "compared") -> None:
        constant = isinstance(node, nodes.Const)
        self.write("" if constant else f"environment.{paying}(")
        self.visit(node, frame)
        self.write("" if constant else ")")


def _may_escape(frame: Frame) -> bool:
    return bool(frame.eval_ctx.volatile or frame.eval_ctx.autoescape)


def _weight(node: nodes.Node) -> int:
    """The steps of one run of a body; nested bodies have their own."""
    text = len(node.data) // _TEXT_A_STEP if isinstance(node, nodes.TemplateData) else 0
    fields = ("iter", "else_") if isinstance(node, nodes.For) else None
    inside = () if isinstance(node, nodes.Macro | nodes.CallBlock | nodes.Block) else node.iter_child_nodes(only=fields)
    return 1 + text + sum(map(_weight, inside))


def _few(stream: TokenStream) -> Iterator[Token]:
    """The tokens of a template. Raises an error if there are too many."""
    for number, token in enumerate(stream):
        if number > MAX_TOKENS:
            reason = f"the template has more than {MAX_TOKENS:,} names, operators and marks; split it"
            raise TemplateSyntaxError(reason, token.lineno, stream.name, stream.filename)
        yield token


def _too_much(tree: nodes.Node) -> tuple[int, str]:
    """The line and the reason if a tree is too deep or contains a number that is too long; line 0 otherwise."""
    level: list[nodes.Node] = [tree]
    for _ in range(MAX_DEPTH):
        level = [below for node in level for below in node.iter_child_nodes()]
        for node in level:
            if isinstance(node, nodes.Const) and type(node.value) is int and node.value.bit_length() > budget.MAX_BITS:
                return node.lineno, _TOO_LONG
    return (level[0].lineno, _TOO_DEEP) if level else (0, "")


def _template_line(code: str, line: int) -> int:
    """The line of a template for a line of its generated code."""
    found = _DEBUG_INFO.search(code)
    pairs = [pair.split("=") for pair in found[1].split("&")] if found and found[1] else []
    return max((int(template) for template, python in pairs if int(python) <= line), default=1)

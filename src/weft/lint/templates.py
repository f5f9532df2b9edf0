"""Static checks of templates: their syntax trees are compared with the schema before they run.

Settings are followed through attributes, loops, `set`, filters that keep a mapping, and into the templates that are included or
extended; where this is not possible, nothing is reported. A setting that does not exist and a secret in an ordinary output are
errors; a setting that may be absent is a warning, unless a rule of the schema may guarantee it where it is used.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from jinja2 import nodes
from jinja2.defaults import DEFAULT_NAMESPACE

from weft.base.paths import Path, dotted, pointer
from weft.base.problems import Place, Problem, Severity, did_you_mean
from weft.files.lines import lines_of
from weft.project.entries import Output
from weft.project.project import Project
from weft.rules import RuleCheck
from weft.schema.node import MISSING, Node
from weft.stages.render.sandbox import METHODS
from weft.stages.render.templates import Templates

_GIVEN: Final = ("config", "target", "project", "output_path", "weft_version")
_JINJA: Final = (*DEFAULT_NAMESPACE, "loop", "self", "super", "caller", "varargs", "kwargs", "_")
_FALLBACKS: Final = ("default", "d")
_KEEPING: Final = ("public",)
_ALSO_UNSET: Final = ("defined", "undefined")


@dataclass(frozen=True)
class _Value:
    """The setting of an expression; `sure` if every valid configuration has it."""

    node: Node
    path: Path
    sure: bool


def template_problems(project: Project) -> list[Problem]:
    """The problems of a project's templates, by their syntax trees and the schema."""
    return problems_of(project.outputs.templates, project.file.outputs, project.root, project.schemas.rule_check)


def problems_of(templates: Templates, outputs: Iterable[Output], root: Node, rules: RuleCheck) -> list[Problem]:
    """The problems of the templates of these outputs, and of the templates that they include; each problem once."""
    found: dict[Problem, None] = {}
    presence = _Presence(rules)
    for output in outputs:
        walk = _Walk(_Files(templates, presence, found, output.secrets), root, output.template, _Known())
        walk.template()
    return list(found)


@dataclass
class _Files:
    """What the walks through one output's template and those that it includes share. `seen` are the finished walks."""

    templates: Templates
    presence: _Presence
    found: dict[Problem, None]
    secrets: bool
    seen: set[Any] = field(default_factory=set)


class _Presence:
    """The settings whose presence depends on others: those that a rule tests with `has()`, or an alternative requires."""

    def __init__(self, rules: RuleCheck) -> None:
        self._rules = rules
        self._read_with = cache(self._found)

    def may_follow(self, value: _Value, above: Node, asked: frozenset[Path]) -> bool:
        """True if a setting may be there because of conditions that read the `asked` settings."""
        *around, step = value.path
        beside = {path[: len(around) + 1] for path in asked if path[: len(around)] == tuple(around)} - {value.path}
        demanded = any(step in schema.get("required", ()) for schema in above.possible)
        return (demanded and bool(beside)) or not asked.isdisjoint(self._read_with(value.path))

    def _found(self, path: Path) -> set[Path]:
        """The other settings that the rules read which test whether there is a setting at a path."""
        found: set[Path] = set()
        for rule, above in self._rules.at(path):
            tested = {chain.path for chain in rule.expression.chains if chain.presence}
            if path[len(above) :] in tested:
                found |= {(*above, *read) for read in rule.expression.reads}
        return found - {path}


@dataclass(frozen=True)
class _Known:
    """What is known where a template begins: names, guaranteed settings, settings that conditions read, including templates.

    `read_by` has the settings from which a name gets its value.
    """

    names: dict[str, _Value | None] = field(default_factory=dict)
    there: frozenset[Path] = frozenset()
    asked: frozenset[Path] = frozenset()
    read_by: dict[str, frozenset[Path]] = field(default_factory=dict)
    around: tuple[str, ...] = ()


class _Walk:
    """One template's tree, walked once where something is `known`."""

    def __init__(self, files: _Files, root: Node, name: str, known: _Known) -> None:
        self._files = files
        self._root = root
        self._name = name
        self._known = known
        self._scopes = [dict(known.names)]
        self._there = known.there
        self._asked = known.asked
        self._read_by = dict(known.read_by)
        self._lines: list[str] = []
        self._later: set[str] = set()
        """Names that are set anywhere in the template: what is called later may use them."""
        self._deferred = 0
        self._quiet = 0

    def template(self) -> None:
        """Walk the template, then the one that it extends."""
        tree, source = self._files.templates.tree(self._name)
        state = (self._name, frozenset(self._scopes[0].items()), self._there, self._asked)
        if tree is None or state in self._files.seen or self._name in self._known.around:
            return
        self._files.seen.add(state)
        self._lines = list(lines_of(source))
        extended = [name for node in tree.find_all(nodes.Extends) for name in _named_templates(node.template)]
        self._later = _set_in(tree).union(*(_set_in(self._files.templates.tree(name)[0]) for name in extended))
        self.visit(tree)
        for name in extended:  # which begins to run when this one is finished, and knows what it set
            self._walk(name)

    def _walk(self, name: str) -> None:
        """Walk another template from here."""
        names = {name: value for scope in self._scopes for name, value in scope.items()}
        around = (*self._known.around, self._name)
        known = _Known(names, self._there, self._asked, self._read_by, around)
        _Walk(self._files, self._root, name, known).template()

    def visit(self, node: nodes.Node) -> None:
        """Walk a node and its children."""
        method = getattr(self, f"_visit_{type(node).__name__.lower()}", None)
        if method is not None:
            method(node)
        elif isinstance(node, nodes.Getattr | nodes.Getitem | nodes.Name):
            self._use(node)
        else:
            for child in node.iter_child_nodes():
                self.visit(child)

    def _all(self, some: Iterable[nodes.Node]) -> None:
        for node in some:
            self.visit(node)

    @contextmanager
    def _scope(self, names: dict[str, _Value | None]) -> Iterator[None]:
        self._scopes.append(names)
        yield
        self._scopes.pop()

    @contextmanager
    def _given(self, there: Iterable[Path], tests: Iterable[nodes.Node] = ()) -> Iterator[None]:
        """Where conditions hold: the settings that they guarantee, and those that they read."""
        before = self._there, self._asked
        self._there = self._there | set(there)
        self._asked = self._asked.union(*map(self._reads, tests))
        yield
        self._there, self._asked = before

    @contextmanager
    def _called_later(self) -> Iterator[None]:
        self._deferred += 1
        yield
        self._deferred -= 1

    # statements

    def _visit_output(self, node: nodes.Output) -> None:
        for child in node.nodes:
            if not isinstance(child, nodes.Getattr | nodes.Getitem | nodes.Name):
                self.visit(child)
                continue
            value = self._use(child)
            if value is not None and value.node.sensitive and not self._files.secrets:
                message = f"{dotted(value.path)} is sensitive, and this output is not declared to contain secrets"
                hint = "omit it (`| public`), or give the output `secrets: true` in weft.yaml"
                self._complain(child, "secret-exposed", message, hint, value.path)

    def _visit_if(self, node: nodes.If) -> None:
        tests: list[nodes.Node] = []
        refuted: set[Path] = set()
        before = dict(self._scopes[-1])
        outcomes = []
        for test, body in ((branch.test, branch.body) for branch in (node, *node.elif_)):
            with self._given(refuted, tests):
                self.visit(test)
                tests.append(test)
                with self._given(self._guards(test), [test]):
                    self._all(body)
            refuted |= self._guards(nodes.Not(test))
            outcomes.append(self._scopes[-1])
            self._scopes[-1] = dict(before)
        with self._given(refuted, tests):
            self._all(node.else_)
        outcomes.append(self._scopes[-1])
        # a condition is not a scope: what a branch sets is known after it, but not which branch ran
        names = {name for outcome in outcomes for name in outcome}
        self._scopes[-1] = {name: _agreed([outcome.get(name) for outcome in outcomes]) for name in names}

    def _visit_condexpr(self, node: nodes.CondExpr) -> None:
        self.visit(node.test)
        with self._given(self._guards(node.test), [node.test]):
            self.visit(node.expr1)
        if node.expr2 is not None:
            with self._given(self._guards(nodes.Not(node.test)), [node.test]):
                self.visit(node.expr2)

    def _visit_and(self, node: nodes.And) -> None:
        self.visit(node.left)
        with self._given(self._guards(node.left), [node.left]):
            self.visit(node.right)

    def _visit_or(self, node: nodes.Or) -> None:
        self.visit(node.left)
        with self._given(self._guards(nodes.Not(node.left)), [node.left]):
            self.visit(node.right)

    def _visit_for(self, node: nodes.For) -> None:
        self.visit(node.iter)
        item = self._item_of(node.iter)
        names = (
            [name.name for name in node.target.find_all(nodes.Name)]
            if not isinstance(node.target, nodes.Name)
            else [node.target.name]
        )
        # `for key, value in ...`: only the last name is an item of the loop
        bound = dict.fromkeys(names, None) | ({names[-1]: item} if names else {})
        with self._scope(bound), self._given((), [node.iter]):
            tests = [node.test] if node.test is not None else []
            self._all(tests)
            with self._given([path for test in tests for path in self._guards(test)], tests):
                self._all(node.body)
        self._all(node.else_)

    def _visit_include(self, node: nodes.Include | nodes.Import | nodes.FromImport) -> None:
        self.visit(node.template)
        for name in _named_templates(node.template) if node.with_context else ():
            self._walk(name)

    def _visit_block(self, node: nodes.Block) -> None:
        with self._called_later():
            self._all(node.body)

    def _visit_assign(self, node: nodes.Assign) -> None:
        value = self._quietly(node.node)
        self.visit(node.node)
        for name in [node.target, *node.target.find_all(nodes.Name)]:
            if isinstance(name, nodes.Name):
                self._read_by[name.name] = self._read_by.get(name.name, frozenset()) | self._reads(node.node)
        if isinstance(node.target, nodes.Name):
            self._scopes[-1][node.target.name] = value
        else:
            self._scopes[-1] |= {name.name: None for name in node.target.find_all(nodes.Name)}

    def _visit_assignblock(self, node: nodes.AssignBlock) -> None:
        self._all(node.body)
        self._scopes[-1] |= {
            name.name: None for name in [node.target, *node.target.find_all(nodes.Name)] if isinstance(name, nodes.Name)
        }

    def _visit_macro(self, node: nodes.Macro) -> None:
        self._scopes[-1][node.name] = None
        self._all(node.defaults)
        with self._called_later(), self._scope({argument.name: None for argument in node.args}):
            self._all(node.body)

    def _visit_callblock(self, node: nodes.CallBlock) -> None:
        self.visit(node.call)
        with self._scope({argument.name: None for argument in node.args}):
            self._all(node.body)

    def _visit_with(self, node: nodes.With) -> None:
        self._all(node.values)
        bound = {
            target.name: self._quietly(value)
            for target, value in zip(node.targets, node.values, strict=True)
            if isinstance(target, nodes.Name)
        }
        with self._scope(bound):
            self._all(node.body)

    def _visit_import(self, node: nodes.Import) -> None:
        self._visit_include(node)
        self._scopes[-1][node.target] = None

    def _visit_fromimport(self, node: nodes.FromImport) -> None:
        self._visit_include(node)
        self._scopes[-1] |= {name if isinstance(name, str) else name[1]: None for name in node.names}

    # expressions

    def _visit_test(self, node: nodes.Test) -> None:
        if node.name in _ALSO_UNSET:
            self._use(node.node, may_be_absent=True)
        else:
            self.visit(node.node)
        self._all(node.args)

    def _visit_filter(self, node: nodes.Filter) -> None:
        if node.node is not None:
            if node.name in _FALLBACKS:
                self._use(node.node, may_be_absent=True)
            else:
                self.visit(node.node)
        self._all([*node.args, *(pair.value for pair in node.kwargs)])

    def _visit_call(self, node: nodes.Call) -> None:
        called = node.node
        if isinstance(called, nodes.Getattr) and called.attr in METHODS:
            self.visit(called.node)
        else:
            self.visit(called)
        self._all([*node.args, *(pair.value for pair in node.kwargs)])

    def _use(self, node: nodes.Node, *, may_be_absent: bool = False) -> _Value | None:
        """The setting of an expression; problems on its path are reported."""
        if isinstance(node, nodes.Name):
            value = self._named(node)
            return self._sure(node, value, self._root, may_be_absent=may_be_absent) if value else None
        if not isinstance(node, nodes.Getattr | nodes.Getitem):
            self.visit(node)
            return None
        return self._member(node, may_be_absent=may_be_absent)

    def _member(self, node: nodes.Getattr | nodes.Getitem, *, may_be_absent: bool) -> _Value | None:
        """The setting of an attribute or an item with a literal name."""
        step = _step(node)
        if step is None and isinstance(node, nodes.Getitem):
            self.visit(node.arg)
        above = self._use(node.node)
        if above is None or step is None or _is_method(above.node, step):
            return None
        if above.node.knows(step):
            return self._sure(node, self._below(above, step), above.node, may_be_absent=may_be_absent)
        where = f"in {dotted(above.path)}" if above.path else "at the top level"
        hint = did_you_mean(str(step), above.node.properties)
        self._complain(node, "undefined", f"there is no setting `{step}` {where}", hint, (*above.path, step))
        return None

    def _sure(self, node: nodes.Node, value: _Value, above: Node, *, may_be_absent: bool) -> _Value:
        """The value, which counts as present from here on; reported if nothing guarantees that."""
        known = value.sure or may_be_absent or value.path in self._there
        if not known and not self._files.presence.may_follow(value, above, self._asked):
            hint = "guard it with `is defined`, or use `| default(...)`"
            message = f"{dotted(value.path)} may be absent: it has no default and is not required"
            self._complain(node, "may-be-absent", message, hint, value.path, Severity.WARNING)
        return _Value(value.node, value.path, sure=True)

    def _named(self, node: nodes.Name) -> _Value | None:
        for scope in reversed(self._scopes):
            if node.name in scope:
                return scope[node.name]
        if node.name == "config":
            return _Value(self._root, (), sure=True)
        if node.name in self._root.properties:
            return self._below(_Value(self._root, (), sure=True), node.name)
        known = [*self._root.properties, *_GIVEN, *(name for scope in self._scopes for name in scope)]
        later = self._deferred and node.name in self._later
        if node.ctx == "load" and not later and node.name not in (*_GIVEN, *_JINJA):
            self._complain(node, "undefined", f"`{node.name}` is not defined", did_you_mean(node.name, known))
        return None

    def _quietly(self, node: nodes.Node) -> _Value | None:
        """The setting of an expression, without reporting problems."""
        self._quiet += 1
        if isinstance(node, nodes.Filter) and node.name in _KEEPING and node.node is not None:
            value = self._quietly(node.node)
        else:
            value = (
                self._use(node, may_be_absent=True)
                if isinstance(node, nodes.Getattr | nodes.Getitem | nodes.Name)
                else None
            )
        self._quiet -= 1
        return value

    def _reads(self, node: nodes.Node) -> frozenset[Path]:
        """The settings on which the value of an expression depends."""
        found: set[Path] = set()
        waiting = [node]
        while waiting:
            one = waiting.pop()
            value = self._quietly(one)
            if value is not None:
                found.add(value.path)
            elif isinstance(one, nodes.Name):
                found |= self._read_by.get(one.name, frozenset())
            else:
                waiting += one.iter_child_nodes()
        return frozenset(found)

    def _item_of(self, node: nodes.Node) -> _Value | None:
        """The setting of the last loop variable: an item of a list, or the value of a mapping's `items()`."""
        if (
            isinstance(node, nodes.Call)
            and isinstance(node.node, nodes.Getattr)
            and node.node.attr in ("items", "values")
        ):
            return None  # one of many values, described by many schemas
        value = self._quietly(node)
        if value is None or "array" not in value.node.types:
            return None
        return _Value(value.node.child(0), (*value.path, 0), sure=True)

    def _below(self, above: _Value, step: str | int) -> _Value:
        node = above.node.child(step)
        required = any(step in schema.get("required", ()) for schema in above.node.certain)
        return _Value(node, (*above.path, step), sure=above.sure and (required or node.default is not MISSING))

    # conditions: the settings that a true condition guarantees

    def _guards(self, test: nodes.Node) -> set[Path]:
        """The settings that a true condition guarantees."""
        method = getattr(self, f"_guards_of_{type(test).__name__.lower()}", None)
        return method(test) if method else set()

    def _guards_of_and(self, test: nodes.And) -> set[Path]:
        return self._guards(test.left) | self._guards(test.right)

    def _guards_of_not(self, test: nodes.Not) -> set[Path]:
        inner = test.node
        if isinstance(inner, nodes.Not):
            return self._guards(inner.node)
        if isinstance(inner, nodes.Or):
            return self._guards(nodes.Not(inner.left)) | self._guards(nodes.Not(inner.right))
        return self._path_of(inner.node) if isinstance(inner, nodes.Test) and inner.name == "undefined" else set()

    def _guards_of_test(self, test: nodes.Test) -> set[Path]:
        return self._path_of(test.node) if test.name == "defined" else set()

    def _guards_of_filter(self, test: nodes.Filter) -> set[Path]:
        return self._path_of(test.node) if test.name in _FALLBACKS and test.node is not None else set()

    def _guards_of_call(self, test: nodes.Call) -> set[Path]:
        """`mapping.get("name")`, which gives none for a setting that is absent."""
        called, one = test.node, test.args[:1]
        if not isinstance(called, nodes.Getattr) or called.attr != "get" or len(test.args) + len(test.kwargs) != 1:
            return set()
        above = self._quietly(called.node)
        return {(*above.path, one[0].value)} if above and one and isinstance(one[0], nodes.Const) else set()

    def _guards_of_compare(self, test: nodes.Compare) -> set[Path]:
        """`"name" in mapping`, and `setting | default(0) > 3`: whether the fallback passes is not followed."""
        fallbacks = {path for one in test.find_all(nodes.Filter) for path in self._guards(one)}
        is_in = len(test.ops) == 1 and test.ops[0].op == "in"
        above = self._quietly(test.ops[0].expr) if is_in and isinstance(test.expr, nodes.Const) else None
        return fallbacks | ({(*above.path, test.expr.value)} if above and isinstance(test.expr, nodes.Const) else set())

    def _path_of(self, node: nodes.Node) -> set[Path]:
        value = self._quietly(node)
        return {value.path} if value else set()

    def _complain(
        self,
        node: nodes.Node,
        code: str,
        message: str,
        hint: str | None,
        path: Path | None = None,
        severity: Severity = Severity.ERROR,
    ) -> None:
        place = Place(f"{self._files.templates.name}/{self._name}", node.lineno, self._column(node))
        where = pointer(path) if path else None
        if not self._quiet:
            self._files.found.setdefault(Problem(code, message, severity, path=where, place=place, hint=hint))

    def _column(self, node: nodes.Node) -> int | None:
        """The column of a node's name; syntax trees have lines only."""
        word = node.name if isinstance(node, nodes.Name) else str(_step(node))
        line = self._lines[node.lineno - 1] if 0 < node.lineno <= len(self._lines) else ""
        before = r"(?<=\.)" if isinstance(node, nodes.Getattr) else r"(?<!\w)"
        found = re.search(rf"{before}{re.escape(word)}(?!\w)", line)
        return found.start() + 1 if found else None


def _agreed(values: list[_Value | None]) -> _Value | None:
    """The value of a name after branches, of which one ran; None if it may have several."""
    return values[0] if all(value == values[0] for value in values) else None


def _named_templates(name: nodes.Expr) -> list[str]:
    """The templates that an include names literally: one, or the candidates of a list."""
    several = name.items if isinstance(name, nodes.List | nodes.Tuple) else [name]
    return [one.value for one in several if isinstance(one, nodes.Const) and isinstance(one.value, str)]


def _set_in(tree: nodes.Template | None) -> set[str]:
    """All names that a template sets, imports or defines anywhere."""
    found: set[str] = set()
    for node in tree.find_all((nodes.Name, nodes.Macro, nodes.Import, nodes.FromImport)) if tree else ():
        if isinstance(node, nodes.Name):
            found |= {node.name} if node.ctx == "store" else set()
        elif isinstance(node, nodes.FromImport):
            found |= {name if isinstance(name, str) else name[1] for name in node.names}
        else:
            found.add(node.target if isinstance(node, nodes.Import) else node.name)  # type: ignore[attr-defined]
    return found


def _is_method(node: Node, step: str | int) -> bool:
    """True if a step is a method, of a mapping (`items`) or of a text (`endswith`), rather than a setting."""
    if node.types and not node.types & {"object", "array"}:
        return True
    return isinstance(step, str) and step in METHODS and step not in node.properties


def _step(node: Any) -> str | int | None:
    """The key or index of an attribute or an item, if it is a literal."""
    if isinstance(node, nodes.Getattr):
        return str(node.attr)
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str | int):
        return node.arg.value
    return None

"""Static checks of templates: their syntax trees are compared with the schema before they run.

Settings are followed through attributes, loops, `set`, filters that keep a mapping, and into the templates that are included or
extended; where this is not possible, nothing is reported. A setting that does not exist and a secret in an ordinary output are
errors; a setting that may be absent is a warning, unless a rule of the schema may guarantee it where it is used.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from jinja2 import nodes
from jinja2.defaults import DEFAULT_NAMESPACE

from weft.base.paths import Path, dotted, pointer
from weft.base.problems import Place, Problem, Severity, did_you_mean
from weft.files.lines import lines_of
from weft.lint.conditions import FALLBACKS, Conditions
from weft.lint.known import Files, Known, Presence, Value
from weft.lint.syntax import bound_names, named_templates, set_in, step_of
from weft.project.entries import Output
from weft.project.project import Project
from weft.rules import RuleCheck
from weft.schema.node import MISSING, Node
from weft.stages.render.sandbox import METHODS
from weft.stages.render.templates import Templates

_GIVEN: Final = ("config", "target", "project", "output_path", "weft_version")
_JINJA: Final = (*DEFAULT_NAMESPACE, "loop", "self", "super", "caller", "varargs", "kwargs", "_")
_KEEPING: Final = ("public",)
_ALSO_UNSET: Final = ("defined", "undefined")


def template_problems(project: Project) -> list[Problem]:
    """The problems of a project's templates, by their syntax trees and the schema."""
    return problems_of(project.outputs.templates, project.file.outputs, project.root, project.schemas.rule_check)


def problems_of(templates: Templates, outputs: Iterable[Output], root: Node, rules: RuleCheck) -> list[Problem]:
    """The problems of the templates of these outputs, and of the templates that they include; each problem once."""
    found: dict[Problem, None] = {}
    presence = Presence(rules)
    for output in outputs:
        walk = _Walk(Files(templates, presence, found, output.secrets), root, output.template, Known())
        walk.template()
    return list(found)


class _Walk:
    """One template's tree, walked once where something is `known`."""

    def __init__(self, files: Files, root: Node, name: str, known: Known) -> None:
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
        self._conditions = Conditions(self._quietly)

    def template(self) -> None:
        """Walk the template, then the one that it extends."""
        tree, source = self._files.templates.tree(self._name)
        state = (self._name, frozenset(self._scopes[0].items()), self._there, self._asked)
        if tree is None or state in self._files.seen or self._name in self._known.around:
            return
        self._files.seen.add(state)
        self._lines = list(lines_of(source))
        extended = [name for node in tree.find_all(nodes.Extends) for name in named_templates(node.template)]
        self._later = set_in(tree).union(*(set_in(self._files.templates.tree(name)[0]) for name in extended))
        self.visit(tree)
        for name in extended:  # which begins to run when this one is finished, and knows what it set
            self._walk(name)

    def _walk(self, name: str) -> None:
        """Walk another template from here."""
        names = {name: value for scope in self._scopes for name, value in scope.items()}
        around = (*self._known.around, self._name)
        known = Known(names, self._there, self._asked, self._read_by, around)
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
    def _scope(self, names: dict[str, Value | None]) -> Iterator[None]:
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
                with self._given(self._conditions.guarantee(test), [test]):
                    self._all(body)
            refuted |= self._conditions.guarantee(nodes.Not(test))
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
        with self._given(self._conditions.guarantee(node.test), [node.test]):
            self.visit(node.expr1)
        if node.expr2 is not None:
            with self._given(self._conditions.guarantee(nodes.Not(node.test)), [node.test]):
                self.visit(node.expr2)

    def _visit_and(self, node: nodes.And) -> None:
        self.visit(node.left)
        with self._given(self._conditions.guarantee(node.left), [node.left]):
            self.visit(node.right)

    def _visit_or(self, node: nodes.Or) -> None:
        self.visit(node.left)
        with self._given(self._conditions.guarantee(nodes.Not(node.left)), [node.left]):
            self.visit(node.right)

    def _visit_for(self, node: nodes.For) -> None:
        self.visit(node.iter)
        item = self._item_of(node.iter)
        names = bound_names(node.target)
        # `for key, value in ...`: only the last name is an item of the loop
        bound = dict.fromkeys(names, None) | ({names[-1]: item} if names else {})
        with self._scope(bound), self._given((), [node.iter]):
            tests = [node.test] if node.test is not None else []
            self._all(tests)
            with self._given([path for test in tests for path in self._conditions.guarantee(test)], tests):
                self._all(node.body)
        self._all(node.else_)

    def _visit_include(self, node: nodes.Include | nodes.Import | nodes.FromImport) -> None:
        self.visit(node.template)
        for name in named_templates(node.template) if node.with_context else ():
            self._walk(name)

    def _visit_block(self, node: nodes.Block) -> None:
        with self._called_later():
            self._all(node.body)

    def _visit_assign(self, node: nodes.Assign) -> None:
        value = self._quietly(node.node)
        self.visit(node.node)
        names = bound_names(node.target)
        for name in names:
            self._read_by[name] = self._read_by.get(name, frozenset()) | self._reads(node.node)
        if isinstance(node.target, nodes.Name):
            self._scopes[-1][node.target.name] = value
        else:
            self._scopes[-1] |= dict.fromkeys(names, None)

    def _visit_assignblock(self, node: nodes.AssignBlock) -> None:
        self._all(node.body)
        self._scopes[-1] |= dict.fromkeys(bound_names(node.target), None)

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
            if node.name in FALLBACKS:
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

    def _use(self, node: nodes.Node, *, may_be_absent: bool = False) -> Value | None:
        """The setting of an expression; problems on its path are reported."""
        if isinstance(node, nodes.Name):
            value = self._named(node)
            return self._sure(node, value, self._root, may_be_absent=may_be_absent) if value else None
        if not isinstance(node, nodes.Getattr | nodes.Getitem):
            self.visit(node)
            return None
        return self._member(node, may_be_absent=may_be_absent)

    def _member(self, node: nodes.Getattr | nodes.Getitem, *, may_be_absent: bool) -> Value | None:
        """The setting of an attribute or an item with a literal name."""
        step = step_of(node)
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

    def _sure(self, node: nodes.Node, value: Value, above: Node, *, may_be_absent: bool) -> Value:
        """The value, which counts as present from here on; reported if nothing guarantees that."""
        known = value.sure or may_be_absent or value.path in self._there
        if not known and not self._files.presence.may_follow(value, above, self._asked):
            hint = "guard it with `is defined`, or use `| default(...)`"
            message = f"{dotted(value.path)} may be absent: it has no default and is not required"
            self._complain(node, "may-be-absent", message, hint, value.path, Severity.WARNING)
        return Value(value.node, value.path, sure=True)

    def _named(self, node: nodes.Name) -> Value | None:
        for scope in reversed(self._scopes):
            if node.name in scope:
                return scope[node.name]
        if node.name == "config":
            return Value(self._root, (), sure=True)
        if node.name in self._root.properties:
            return self._below(Value(self._root, (), sure=True), node.name)
        known = [*self._root.properties, *_GIVEN, *(name for scope in self._scopes for name in scope)]
        later = self._deferred and node.name in self._later
        if node.ctx == "load" and not later and node.name not in (*_GIVEN, *_JINJA):
            self._complain(node, "undefined", f"`{node.name}` is not defined", did_you_mean(node.name, known))
        return None

    def _quietly(self, node: nodes.Node) -> Value | None:
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

    def _item_of(self, node: nodes.Node) -> Value | None:
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
        return Value(value.node.child(0), (*value.path, 0), sure=True)

    def _below(self, above: Value, step: str | int) -> Value:
        node = above.node.child(step)
        required = any(step in schema.get("required", ()) for schema in above.node.certain)
        return Value(node, (*above.path, step), sure=above.sure and (required or node.default is not MISSING))

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
        word = node.name if isinstance(node, nodes.Name) else str(step_of(node))
        line = self._lines[node.lineno - 1] if 0 < node.lineno <= len(self._lines) else ""
        before = r"(?<=\.)" if isinstance(node, nodes.Getattr) else r"(?<!\w)"
        found = re.search(rf"{before}{re.escape(word)}(?!\w)", line)
        return found.start() + 1 if found else None


def _agreed(values: list[Value | None]) -> Value | None:
    """The value of a name after branches, of which one ran; None if it may have several."""
    return values[0] if all(value == values[0] for value in values) else None


def _is_method(node: Node, step: str | int) -> bool:
    """True if a step is a method, of a mapping (`items`) or of a text (`endswith`), rather than a setting."""
    if node.types and not node.types & {"object", "array"}:
        return True
    return isinstance(step, str) and step in METHODS and step not in node.properties

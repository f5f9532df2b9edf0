"""Static checks of templates: their syntax trees are compared with the schema before they run.

Settings are followed through attributes, loops, `set` and filters that keep a mapping; where this is not possible, nothing is
reported. A setting that does not exist and a secret in an ordinary output are errors; a setting that may be absent is a warning.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from jinja2 import nodes
from jinja2.defaults import DEFAULT_NAMESPACE

from weft.base.paths import Path, dotted, pointer
from weft.base.problems import Place, Problem, Severity, did_you_mean
from weft.files.lines import lines_of
from weft.project.entries import Output
from weft.project.project import Project
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
    return problems_of(project.outputs.templates, project.file.outputs, project.root)


def problems_of(templates: Templates, outputs: Iterable[Output], root: Node) -> list[Problem]:
    """The problems of the templates of these outputs, and of the templates that they include; each problem once."""
    found: dict[Problem, None] = {}
    for output in outputs:
        waiting, seen = [output.template], set[str]()
        while waiting:
            name = waiting.pop()
            if name in seen:
                continue
            seen.add(name)
            tree, source = templates.tree(name)
            if tree is not None:
                walk = _Walk(root, Place(f"{templates.name}/{name}"), source, secrets=output.secrets)
                walk.visit(tree)
                found |= dict.fromkeys(walk.problems)
                waiting += _included(tree)
    return list(found)


def _included(tree: nodes.Template) -> Iterator[str]:
    for node in tree.find_all((nodes.Include, nodes.Extends)):
        if isinstance(node.template, nodes.Const) and isinstance(node.template.value, str):  # type: ignore[attr-defined]
            yield node.template.value  # type: ignore[attr-defined]


class _Walk:
    """One template's tree, walked once."""

    def __init__(self, root: Node, place: Place, source: str, *, secrets: bool) -> None:
        self.problems: list[Problem] = []
        self._root = root
        self._place = place
        self._lines = lines_of(source)
        self._secrets = secrets
        self._scopes: list[dict[str, _Value | None]] = [{}]
        self._there: set[Path] = set()
        """Settings that an enclosing condition guarantees."""

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
    def _scope(self, names: dict[str, _Value | None], there: Iterable[Path] = ()) -> Iterator[None]:
        before = set(self._there)
        self._scopes.append(names)
        self._there |= set(there)
        yield
        self._scopes.pop()
        self._there = before

    # statements

    def _visit_output(self, node: nodes.Output) -> None:
        for child in node.nodes:
            if not isinstance(child, nodes.Getattr | nodes.Getitem | nodes.Name):
                self.visit(child)
                continue
            value = self._use(child)
            if value is not None and value.node.sensitive and not self._secrets:
                message = f"{dotted(value.path)} is sensitive, and this output is not declared to contain secrets"
                hint = "omit it (`| public`), or give the output `secrets: true` in weft.yaml"
                self._complain(child, "secret-exposed", message, hint, value.path)

    def _visit_if(self, node: nodes.If) -> None:
        self.visit(node.test)
        with self._scope({}, self._guards(node.test)):
            self._all(node.body)
        self._all(node.elif_)
        with self._scope({}, self._guards(nodes.Not(node.test))):
            self._all(node.else_)

    def _visit_condexpr(self, node: nodes.CondExpr) -> None:
        self.visit(node.test)
        with self._scope({}, self._guards(node.test)):
            self.visit(node.expr1)
        if node.expr2 is not None:
            with self._scope({}, self._guards(nodes.Not(node.test))):
                self.visit(node.expr2)

    def _visit_and(self, node: nodes.And) -> None:
        self.visit(node.left)
        with self._scope({}, self._guards(node.left)):
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
        with self._scope(bound):
            if node.test is not None:
                self.visit(node.test)
            self._all(node.body)
        self._all(node.else_)

    def _visit_assign(self, node: nodes.Assign) -> None:
        value = self._quietly(node.node)
        self.visit(node.node)
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
        with self._scope({argument.name: None for argument in node.args}):
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
        self._scopes[-1][node.target] = None

    def _visit_fromimport(self, node: nodes.FromImport) -> None:
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
            return self._sure(node, value, may_be_absent=may_be_absent) if value else None
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
            return self._sure(node, self._below(above, step), may_be_absent=may_be_absent)
        where = f"in {dotted(above.path)}" if above.path else "at the top level"
        hint = did_you_mean(str(step), above.node.properties)
        self._complain(node, "undefined", f"there is no setting `{step}` {where}", hint, (*above.path, step))
        return None

    def _sure(self, node: nodes.Node, value: _Value, *, may_be_absent: bool) -> _Value:
        """The value, which counts as present from here on; reported if nothing guarantees that."""
        if not value.sure and not may_be_absent and value.path not in self._there:
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
        if node.ctx == "load" and node.name not in (*_GIVEN, *_JINJA):
            self._complain(node, "undefined", f"`{node.name}` is not defined", did_you_mean(node.name, known))
        return None

    def _quietly(self, node: nodes.Node) -> _Value | None:
        """The setting of an expression, without reporting problems."""
        said = len(self.problems)
        if isinstance(node, nodes.Filter) and node.name in _KEEPING and node.node is not None:
            value = self._quietly(node.node)
        else:
            value = (
                self._use(node, may_be_absent=True)
                if isinstance(node, nodes.Getattr | nodes.Getitem | nodes.Name)
                else None
            )
        del self.problems[said:]
        return value

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

    def _guards_of_compare(self, test: nodes.Compare) -> set[Path]:
        """`"name" in mapping`."""
        is_in = len(test.ops) == 1 and test.ops[0].op == "in"
        above = self._quietly(test.ops[0].expr) if is_in and isinstance(test.expr, nodes.Const) else None
        return {(*above.path, test.expr.value)} if above and isinstance(test.expr, nodes.Const) else set()

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
        place = Place(self._place.file, node.lineno, self._column(node))
        where = pointer(path) if path else None
        self.problems.append(Problem(code, message, severity, path=where, place=place, hint=hint))

    def _column(self, node: nodes.Node) -> int | None:
        """The column of a node's name; syntax trees have lines only."""
        word = node.name if isinstance(node, nodes.Name) else str(_step(node))
        line = self._lines[node.lineno - 1] if 0 < node.lineno <= len(self._lines) else ""
        before = r"(?<=\.)" if isinstance(node, nodes.Getattr) else r"(?<!\w)"
        found = re.search(rf"{before}{re.escape(word)}(?!\w)", line)
        return found.start() + 1 if found else None


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

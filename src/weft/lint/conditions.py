"""The settings that a condition of a template guarantees where it is true."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from jinja2 import nodes

from weft.base.paths import Path
from weft.lint.known import Value

FALLBACKS: Final = ("default", "d")
"""The filters that give a value to a setting that is absent."""


class Conditions:
    """The conditions of one template; `setting` finds the setting of an expression."""

    def __init__(self, setting: Callable[[nodes.Node], Value | None]) -> None:
        self._setting = setting

    def guarantee(self, test: nodes.Node) -> set[Path]:
        """The settings that a true condition guarantees."""
        method = getattr(self, f"_of_{type(test).__name__.lower()}", None)
        return method(test) if method else set()

    def _of_and(self, test: nodes.And) -> set[Path]:
        return self.guarantee(test.left) | self.guarantee(test.right)

    def _of_not(self, test: nodes.Not) -> set[Path]:
        inner = test.node
        if isinstance(inner, nodes.Not):
            return self.guarantee(inner.node)
        if isinstance(inner, nodes.Or):
            return self.guarantee(nodes.Not(inner.left)) | self.guarantee(nodes.Not(inner.right))
        return self._path_of(inner.node) if isinstance(inner, nodes.Test) and inner.name == "undefined" else set()

    def _of_test(self, test: nodes.Test) -> set[Path]:
        return self._path_of(test.node) if test.name == "defined" else set()

    def _of_filter(self, test: nodes.Filter) -> set[Path]:
        return self._path_of(test.node) if test.name in FALLBACKS and test.node is not None else set()

    def _of_call(self, test: nodes.Call) -> set[Path]:
        """`mapping.get("name")`, which gives none for a setting that is absent."""
        called, one = test.node, test.args[:1]
        if not isinstance(called, nodes.Getattr) or called.attr != "get" or len(test.args) + len(test.kwargs) != 1:
            return set()
        above = self._setting(called.node)
        return {(*above.path, one[0].value)} if above and one and isinstance(one[0], nodes.Const) else set()

    def _of_compare(self, test: nodes.Compare) -> set[Path]:
        """`"name" in mapping`, and `setting | default(0) > 3`: whether the fallback passes is not followed."""
        fallbacks = {path for one in test.find_all(nodes.Filter) for path in self.guarantee(one)}
        is_in = len(test.ops) == 1 and test.ops[0].op == "in"
        above = self._setting(test.ops[0].expr) if is_in and isinstance(test.expr, nodes.Const) else None
        return fallbacks | ({(*above.path, test.expr.value)} if above and isinstance(test.expr, nodes.Const) else set())

    def _path_of(self, node: nodes.Node) -> set[Path]:
        value = self._setting(node)
        return {value.path} if value else set()

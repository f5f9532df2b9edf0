"""Mentions: the settings that templates name, and where, whether or not a target uses that part of the template.

The outputs of a target show what its templates do with a setting. A part that no target uses is only seen in its syntax tree: a setting
of what is switched off, or a condition that has the same result with every other value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from jinja2 import nodes

from weft.base.paths import Path
from weft.base.problems import Place
from weft.project.entries import Output
from weft.schema.node import Node
from weft.stages.render.sandbox import METHODS
from weft.stages.render.templates import Templates

_VARIABLES: Final = ("env", "secret_env")


@dataclass(frozen=True)
class Mention:
    """A setting or a group that a template names; `decides` if only a condition reads it, `variables` if only its variables are used."""

    path: Path
    place: Place
    decides: bool
    variables: bool

    def is_about(self, setting: Path, root: Node) -> bool:
        """True if the setting is named, or is inside of what is named. The whole configuration names nothing."""
        if not self.path or setting[: len(self.path)] != self.path:
            return False
        return root.at(setting).env is not None if self.variables else True


def mentions_of(templates: Templates, outputs: Iterable[Output], root: Node) -> list[Mention]:
    """What the templates of these outputs name, and those that they include, extend or import."""
    found: dict[Mention, None] = {}
    waiting, seen = [output.template for output in outputs], set[str]()
    while waiting:
        name = waiting.pop()
        tree = templates.tree(name)[0] if name not in seen else None
        seen.add(name)
        if tree is not None:
            walk = _Walk(root, f"{templates.name}/{name}")
            walk.visit(tree)
            found |= dict.fromkeys(walk.mentions)
            waiting += _others(tree)
    return list(found)


@dataclass(frozen=True)
class _Flags:
    """Where a walk is: in a condition, in a filter that only takes variables."""

    decides: bool = False
    variables: bool = False


_START: Final = _Flags()


class _Walk:
    """A walk through one template that notes what is named, at the end of each chain of names."""

    def __init__(self, root: Node, file: str) -> None:
        self.mentions: list[Mention] = []
        self._root = root
        self._file = file
        self._names: dict[str, Path | None] = {}
        """What the template's own names stand for: a setting, or something else. The template says it once for all of its parts."""

    def visit(self, node: nodes.Node, flags: _Flags = _START) -> None:
        """Walk a node and what is inside of it."""
        path = self._path(node)
        if path is not None:
            self.mentions.append(Mention(path, Place(self._file, node.lineno), flags.decides, flags.variables))
        elif isinstance(node, nodes.If | nodes.CondExpr):
            self.visit(node.test, replace(flags, decides=True))
            self._inside(node, flags, leaving_out="test")
        elif isinstance(node, nodes.Filter) and node.name in _VARIABLES:
            self._inside(node, replace(flags, variables=True))
        elif isinstance(node, nodes.Assign):
            self._assign(node, flags)
        elif isinstance(node, nodes.For):
            self._loop(node, flags)
        else:
            self._hide(node)
            self._inside(node, flags)

    def _inside(self, node: nodes.Node, flags: _Flags, leaving_out: str = "") -> None:
        for child in node.iter_child_nodes(exclude=(leaving_out,)):
            self.visit(child, flags)

    def _assign(self, node: nodes.Assign, flags: _Flags) -> None:
        """A name for a setting counts where it is used."""
        path = self._path(node.node)
        if path is None or not isinstance(node.target, nodes.Name):
            self.visit(node.node, flags)
        for name in _names_in(node.target):
            self._names[name] = path if isinstance(node.target, nodes.Name) else None

    def _loop(self, node: nodes.For, flags: _Flags) -> None:
        """The items of a list are followed; everything else that a loop goes through counts as a whole."""
        path = self._path(node.iter)
        is_list = path is not None and "array" in self._root.at(path).types and isinstance(node.target, nodes.Name)
        for name in _names_in(node.target):
            self._names[name] = (*path, 0) if path is not None and is_list else None
        if not is_list:
            self.visit(node.iter, flags)
        if node.test is not None:
            self.visit(node.test, replace(flags, decides=True))
        for child in (*node.body, *node.else_):
            self.visit(child, flags)

    def _hide(self, node: nodes.Node) -> None:
        """The arguments of macros, and the names of other statements, stand for anything."""
        if isinstance(node, nodes.Macro | nodes.CallBlock):
            self._names |= dict.fromkeys(name for argument in node.args for name in _names_in(argument))
        elif isinstance(node, nodes.Import):
            self._names[node.target] = None

    def _path(self, node: nodes.Node) -> Path | None:
        """The setting or the group that a chain of names ends at; None for anything else."""
        if isinstance(node, nodes.Name):
            return self._of_name(node.name)
        if not isinstance(node, nodes.Getattr | nodes.Getitem):
            return None
        above, step = self._path(node.node), _step(node)
        if above is None or step is None:
            return None
        known = self._root.at(above)
        is_method = step in METHODS and step not in known.properties
        return (*above, step) if known.knows(step) and not is_method else None

    def _of_name(self, name: str) -> Path | None:
        """What a name stands for: what a statement says, the whole configuration, or a domain."""
        if name in self._names:
            return self._names[name]
        if name == "config":
            return ()
        return (name,) if name in self._root.properties else None


def _names_in(node: nodes.Node) -> list[str]:
    return [node.name] if isinstance(node, nodes.Name) else [name.name for name in node.find_all(nodes.Name)]


def _step(node: nodes.Getattr | nodes.Getitem) -> str | int | None:
    """The key or index of an attribute or an item, if it is written."""
    if isinstance(node, nodes.Getattr):
        return node.attr
    return node.arg.value if isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str | int) else None


def _others(tree: nodes.Template) -> Iterator[str]:
    """The templates that a template includes, extends or imports, as far as their names are written."""
    every: tuple[type[nodes.Node], ...] = (nodes.Include, nodes.Extends, nodes.Import, nodes.FromImport)
    for node in tree.find_all(every):
        name = getattr(node, "template", None)
        if isinstance(name, nodes.Const) and isinstance(name.value, str):
            yield name.value

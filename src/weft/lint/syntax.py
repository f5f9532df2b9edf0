"""What the syntax tree of a template says by itself: names that it sets, templates that it includes, literal steps."""

from __future__ import annotations

from typing import Any

from jinja2 import nodes


def bound_names(target: nodes.Node) -> list[str]:
    """The names that a `set` or a loop gives values to: one, or those of a tuple."""
    return [target.name] if isinstance(target, nodes.Name) else [name.name for name in target.find_all(nodes.Name)]


def named_templates(name: nodes.Expr) -> list[str]:
    """The templates that an include names literally: one, or the candidates of a list."""
    several = name.items if isinstance(name, nodes.List | nodes.Tuple) else [name]
    return [one.value for one in several if isinstance(one, nodes.Const) and isinstance(one.value, str)]


def set_in(tree: nodes.Template | None) -> set[str]:
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


def step_of(node: Any) -> str | int | None:
    """The key or index of an attribute or an item, if it is a literal."""
    if isinstance(node, nodes.Getattr):
        return str(node.attr)
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str | int):
        return node.arg.value
    return None

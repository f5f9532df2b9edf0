"""New inputs out of old ones: of trees of data, of pieces of text, of bytes, and a few that grow to the size that an input may have.

A tree is changed as data and written again, so that what comes out is YAML or JSON, and gets past the parser. Pieces are words, signs
and white space. Most inputs are changed a few times.
"""

import copy
import json
import re
from dataclasses import dataclass, field

import yaml
from dictionary import SAID_BY
from kinds import MOST

PIECES = re.compile(rb"\s+|\w+|\{[{%#]-?|-?[}%#]\}|.", re.DOTALL)
LARGE = 0.003
"""How many of the inputs grow."""
SLOTS = 400
"""How many places of a tree may be chosen from: aliases make few bytes many places."""
LARGEST = 1_000_000
"""How many parts a tree may have that is written: one with aliases of aliases has more than anybody can write."""
_LOADER = yaml.CSafeLoader


@dataclass
class Mutations:
    """Draws inputs of one kind from `pool`, which may grow, by `chance`, a `random.Random`."""

    kind: str
    pool: list[bytes]
    chance: object
    _trees: dict[bytes, object] = field(default_factory=dict)

    def __post_init__(self):
        self.pieces, self.keys, self.values = SAID_BY[self.kind]

    def draw(self):
        """A new input."""
        text = self._parent()
        for _ in range(1 + int(self.chance.expovariate(0.6))):
            text = self._changed(text)[:MOST]
        if self.chance.random() < LARGE:
            text = self._grown(text)[:MOST]
        return text

    def _parent(self):
        # the latest reached something that nobody else did: they are drawn more often
        latest = self.pool[-200:] if self.chance.random() < 0.4 else self.pool
        return self.chance.choice(latest)

    def _changed(self, text):
        if self.keys and len(text) < 50_000 and self.chance.random() < 0.65:
            tree = self._tree(text)
            if isinstance(tree, dict | list) and tree:
                return self._written(self._changed_tree(copy.deepcopy(tree)), text)
        return self._changed_pieces(text) if self.chance.random() < 0.85 else self._changed_bytes(text)

    # --- trees ---

    def _tree(self, text):
        if text not in self._trees:
            if len(self._trees) > 3000:
                self._trees.clear()
            try:
                self._trees[text] = yaml.load(text, _LOADER)
            except Exception:  # noqa: BLE001 - a text that the parser stumbles over is changed as a text
                self._trees[text] = None
        return self._trees[text]

    def _slots(self, tree):
        """Places of a tree, as (container, key), at most so many."""
        found, waiting = [], [tree]
        while waiting and len(found) < SLOTS:
            container = waiting.pop()
            keys = list(container) if isinstance(container, dict) else range(len(container))
            for key in keys:
                found.append((container, key))
                if isinstance(container[key], dict | list):
                    waiting.append(container[key])
        return found

    def _changed_tree(self, tree):
        container, key = self.chance.choice(self._slots(tree))
        way = self.chance.choice(
            [
                self._other_value,
                self._other_value,
                self._subtree,
                self._removed,
                self._again,
                self._renamed,
                self._wrapped,
                self._more,
                self._near,
            ]
        )
        way(container, key)
        return tree

    def _value(self):
        return copy.deepcopy(self.chance.choice(self.values))

    def _other_value(self, container, key):
        container[key] = self._value()

    def _subtree(self, container, key):
        """Another file's part in this place, or as one more part."""
        other = self._tree(self._parent())
        if isinstance(other, dict | list) and other:
            there, name = self.chance.choice(self._slots(other))
            if isinstance(container, dict) and isinstance(name, str) and self.chance.random() < 0.6:
                key = name
            container[key] = copy.deepcopy(there[name])

    def _removed(self, container, key):
        del container[key]

    def _again(self, container, key):
        """The same part twice: as an alias where YAML is written."""
        part = container[key]
        if isinstance(container, list):
            container.insert(self.chance.randrange(len(container) + 1), part)
        else:
            container[self.chance.choice(self.keys)] = part

    def _renamed(self, container, key):
        if isinstance(container, dict):
            container[self.chance.choice(self.keys)] = container.pop(key)
        else:
            self.chance.shuffle(container)

    def _wrapped(self, container, key):
        part = container[key]
        container[key] = [part] if self.chance.random() < 0.3 else {self.chance.choice(self.keys): part}

    def _more(self, container, key):
        inside = container[key] if isinstance(container[key], dict | list) else container
        if isinstance(inside, dict):
            inside[self.chance.choice(self.keys)] = self._value()
        else:
            inside.append(self._value())

    def _near(self, container, key):
        """A value that is almost the same."""
        value = container[key]
        if isinstance(value, bool) or value is None:
            container[key] = not value
        elif isinstance(value, int | float):
            container[key] = self.chance.choice(
                [value + 1, -value, value * 10, value / 3, f"{value}"] if abs(value) < 10**300 else [0]
            )
        elif isinstance(value, str):
            at = self.chance.randrange(len(value) + 1)
            said = self.chance.choice(self.values)
            container[key] = value[:at] + (said if isinstance(said, str) else value[at:] * 2) + value[at:]
        elif isinstance(value, dict | list):
            container[key] = (
                list(value) if isinstance(value, dict) else {str(number): item for number, item in enumerate(value)}
            )
        else:  # a date, which YAML 1.1 has
            container[key] = str(value)

    def _written(self, tree, text):
        """The tree as text; where nobody can write it, what it was made of."""
        if _size(tree) > LARGEST:
            return text
        as_json = self.kind in ("json", "schema") or self.chance.random() < 0.1
        try:
            if as_json:
                return json.dumps(
                    tree, ensure_ascii=self.chance.random() < 0.5, indent=self.chance.choice([None, 2])
                ).encode("utf-8", "replace")
            flow = self.chance.choice([None, False, False, True])
            style = self.chance.choice([None, None, None, '"', "|"])
            return yaml.dump(
                tree,
                Dumper=yaml.CSafeDumper,
                default_flow_style=flow,
                default_style=style,
                allow_unicode=True,
                sort_keys=False,
            ).encode("utf-8", "replace")
        except (yaml.YAMLError, ValueError, TypeError, RecursionError):
            return text

    # --- text ---

    def _said(self):
        said = self.chance.choice(
            self.chance.choice([part for part in (self.pieces, self.pieces, self.keys, self.values) if part])
        )
        text = said if isinstance(said, str) else json.dumps(said)
        return text.encode("utf-8", "surrogatepass")

    def _changed_pieces(self, text):
        pieces = PIECES.findall(text[:20_000])
        rest = text[20_000:]
        start = self.chance.randrange(len(pieces) + 1)
        end = min(len(pieces), start + int(self.chance.expovariate(0.3)))
        way = self.chance.randrange(6)
        if way == 0:
            pieces[start:end] = []
        elif way == 1:
            pieces[start:start] = [self._said()]
        elif way == 2:
            pieces[start : start + 1] = [self._said()]
        elif way == 3:
            pieces[start:start] = pieces[start:end]
        elif way == 4:
            pieces[start:end] = self._cut()
        else:
            at = self.chance.randrange(len(pieces) + 1)
            pieces[at:at] = pieces[start:end]
        return b"".join(pieces) + rest

    def _cut(self):
        """Some lines of another input."""
        lines = self._parent()[:20_000].splitlines(keepends=True) or [b""]
        start = self.chance.randrange(len(lines))
        return lines[start : start + 1 + int(self.chance.expovariate(0.4))]

    def _changed_bytes(self, text):
        changed = bytearray(text)
        for _ in range(1 + int(self.chance.expovariate(0.5))):
            at = self.chance.randrange(len(changed) + 1)
            if self.chance.random() < 0.5 and changed:
                changed[min(at, len(changed) - 1)] ^= 1 << self.chance.randrange(8)
            else:
                changed[at:at] = bytes([self.chance.randrange(256)])
        return bytes(changed)

    # --- large inputs ---

    def _grown(self, text):
        """A part of the input many times: in sequence, nested, or as one long word."""
        size = int(10 ** self.chance.uniform(3, 6))
        tree = self._tree(text) if self.keys and len(text) < 20_000 else None
        if isinstance(tree, dict | list) and tree and self.chance.random() < 0.7:
            tree = copy.deepcopy(tree)
            container, key = self.chance.choice(self._slots(tree))
            part = container[key]
            number = max(2, min(size // (1 + len(str(part)[:1000])), 100_000))
            container[key] = self._many(part, number)
            if isinstance(container, dict) and self.chance.random() < 0.1:
                container["k" * size] = part
            return self._written(tree, text)
        pieces = PIECES.findall(text[:20_000]) or [b"x"]
        start = self.chance.randrange(len(pieces))
        end = min(len(pieces), start + 1 + int(self.chance.expovariate(0.2)))
        part = b"".join(pieces[start:end])
        return b"".join(pieces[:start]) + part * max(2, size // len(part)) + b"".join(pieces[end:])

    def _many(self, part, number):
        way = self.chance.randrange(5)
        if way == 0:
            return [part] * number if self.kind != "overlay" else [copy.copy(part) for _ in range(number)]
        if way == 1:
            return {f"k{n}": copy.copy(part) for n in range(number)}
        if way == 2:
            keyword = self.chance.choice(self.keys)
            as_list = self.chance.random() < 0.4
            for _ in range(min(number, self.chance.choice([50, 200, 2000, 20_000]))):
                part = [part] if as_list else {keyword: part}
            return part
        if way == 3:
            return str(part)[:1000] * number
        return (
            [{**part, self.chance.choice(self.keys): n} for n in range(number)]
            if isinstance(part, dict)
            else list(range(number))
        )


def _size(tree):
    """How many parts a tree has, each counted as often as it is written; no more than one too many."""
    waiting, number = [tree], 0
    while waiting and number <= LARGEST:
        part = waiting.pop()
        number += 1
        if isinstance(part, dict | list):
            waiting += part.values() if isinstance(part, dict) else part
            number += len(waiting) > LARGEST and LARGEST
    return number

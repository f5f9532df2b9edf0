"""The ways to break an overlay around the secret in it, or to write the secret where it does not belong.

A way is a function from a `Spot`, which knows the line with the secret, to the files of the project that it changes; a text alone is
the overlay. Keys are names of settings and shown, so that no way makes a key of the secret where keys belong.
"""

import json
import re
from dataclasses import dataclass
from functools import cached_property

import yaml

OVERLAY = "one.yaml"


@dataclass(frozen=True)
class Spot:
    """An overlay of one secret on a line of its own."""

    text: str
    secret: str
    names: frozenset = frozenset()

    @property
    def is_named(self):
        """Whether the schemas know a sensitive setting by the key."""
        return self.key in self.names

    @cached_property
    def lines(self):
        return self.text.split("\n")

    @cached_property
    def number(self):
        return next(number for number, line in enumerate(self.lines) if self.secret in line)

    @cached_property
    def line(self):
        return self.lines[self.number]

    @cached_property
    def indent(self):
        return re.match(" *", self.line)[0]

    @cached_property
    def key(self):
        """The key before the secret; of an item of a list the nearest one above."""
        above = reversed(self.lines[: self.number + 1])
        return next(found[1] for found in (re.match(r"[ -]*([\w.]+):", line) for line in above) if found)

    @cached_property
    def data(self):
        return yaml.safe_load(self.text)

    def value(self, text):
        """The overlay with another text in the place of the secret."""
        return self.text.replace(self.secret, text.replace("S", self.secret))

    def instead(self, *lines):
        """The overlay with other lines in the place of the one with the secret."""
        return "\n".join([*self.lines[: self.number], *lines, *self.lines[self.number + 1 :]])

    def renamed(self, name):
        """The overlay with another key before the secret."""
        at = max(
            number for number in range(self.number + 1) if re.match(rf"[ -]*{re.escape(self.key)}:", self.lines[number])
        )
        changed = self.lines[at].replace(self.key, name, 1)
        return "\n".join([*self.lines[:at], changed, *self.lines[at + 1 :]])

    def flow(self, **more):
        """The overlay in one line, with another domain's settings next to it."""
        return json.dumps({**self.data, **more})


def _values(**texts):
    return {name.replace("_", " "): lambda spot, text=text: spot.value(text) for name, text in texts.items()}


def _unindented(spot):
    return spot.instead(spot.line.strip().removeprefix("- "))


def _too_deep(spot):
    return spot.instead(f"{spot.indent}extra:", f"{spot.indent}  {spot.key}: {spot.secret}")


def _swallowed(spot, before):
    """The whole overlay in one text, because its quotation mark is closed far below."""
    lines = "".join(f"    {line}\n" for line in spot.text.replace("'", "''").split("\n"))
    return f"{before}'\n{lines}    '\n" if spot.is_named else spot.text


def _as_json(text):
    return {OVERLAY: None, "one.json": text}


WAYS = {
    "not at all": lambda spot: spot.text,
    # the value
    **_values(
        an_open_quote='"S',
        an_open_single_quote="'S",
        a_quote_too_many='"S"x',
        text_after_a_quote="'S' S",
        a_tag="!S",
        a_tag_before_it="!secret S",
        a_tag_of_YAML="!!S",
        a_tag_of_another_type="!!int S",
        a_tag_for_bytes="!!binary S",
        a_tag_in_full="!<S>",
        an_anchor_alone="&S",
        an_anchor="&a S",
        an_alias="*S",
        a_reserved_character="@S",
        a_backquote="`S",
        a_percent_sign="%S",
        a_colon_after_it="S: [",
        a_colon_inside="S: S",
        a_mapping="{S: 1}",
        a_mapping_of_one_name="{S}",
        a_mapping_with_the_value="{value: S}",
        an_open_mapping="{a: S",
        a_key_twice="{S: 1, S: 2}",
        a_list="[S]",
        a_list_of_lists="[[S]]",
        an_open_list="[S, ",
        a_bracket_too_many="S]",
        a_template="{{ S }}",
        a_merge_key="{<<: S}",
        append="{$append: [S]}",
        append_of_no_list="{$append: S}",
        an_unknown_operator="{$apend: [S]}",
        prepend="{$prepend: [S]}",
        remove="{$remove: [S]}",
        replace="{$replace: [S]}",
        replace_of_a_text="{$replace: S}",
        an_exact_value="{$value: S}",
        an_exact_list="{$value: [S]}",
        an_operator_beside_a_key="{$value: S, b: S}",
        a_patch="{$patch: S}",
        a_patch_beside_it="{$patch: replace, a: S}",
        a_patch_that_deletes="{$patch: delete, a: S}",
        an_open_block="|9\n S",
        a_block="|\n        S\n        S",
        a_folded_text=">-\n          S\n          S\n   : [",
        over_two_lines='"a\n        S',
        a_number_that_JSON_has_not=".inf # S",
        a_reference_with_a_comment="ref+env://NAME  # was S",
        almost_a_reference="ref+S",
        a_reference_in_capitals="ref+ENV://S",
        null_with_a_comment="null # S",
        a_NUL="S\0",
        a_control_character="S\x07",
        a_form_feed="x\x0cS",
        a_next_line="x\x85S",
        a_line_separator="x\u2028S",
        a_tab_before_it="\tS\t: x",
    ),
    # the key
    "a key misspelled": lambda spot: spot.renamed(spot.key[:-1]),
    "a key in the plural": lambda spot: spot.renamed(spot.key + "s"),
    "a key in capitals": lambda spot: spot.renamed(spot.key.upper()),
    "a key in quotes, misspelled": lambda spot: spot.renamed(f'"{spot.key[:1]}{spot.key}"'),
    "a key with a space": lambda spot: spot.renamed(spot.key + " "),
    "a key of another kind": lambda spot: spot.renamed("[1]"),
    "no space after the colon": lambda spot: spot.instead(f"{spot.indent}{spot.key}:{spot.secret}"),
    "no colon": lambda spot: spot.instead(f"{spot.indent}{spot.key} {spot.secret}"),
    "an equals sign": lambda spot: spot.instead(f"{spot.indent}{spot.key}={spot.secret}"),
    "a key twice in the file": lambda spot: spot.instead(spot.line, spot.line),
    "an old and a new key": lambda spot: spot.instead(spot.line, f"{spot.indent}old_{spot.key}: {spot.secret}"),
    # the level
    "a level too high": _unindented,
    "a level too high, and nothing else": lambda spot: f"{spot.key}: {spot.secret}\n",
    "a level too low": _too_deep,
    # a free key does not reveal what it holds: moved to where other keys are free, it has any ordinary value
    "below another domain": lambda spot: f"plain:\n  {spot.key}: {spot.secret}\n" if spot.is_named else spot.text,
    "below a domain that is not there": lambda spot: f"ap:\n  {spot.key}: {spot.secret}\n",
    "for the domain": lambda spot: f"app: {spot.secret}\n",
    "for a list of domains": lambda spot: f"app: [{spot.secret}]\n",
    "for all settings": lambda spot: f"{spot.secret}\n",
    "in a list of settings": lambda spot: f"- {spot.secret}\n",
    # the lines
    "a space too many": lambda spot: spot.instead(" " + spot.line, f"{spot.indent}other: 1"),
    "a space too few": lambda spot: spot.instead(spot.line, f"{spot.indent[1:]}other: {spot.secret}"),
    "a tab": lambda spot: spot.instead("\t" + spot.line.strip()),
    "a tab after spaces": lambda spot: spot.instead(f"{spot.indent}\t{spot.line.strip()}"),
    "markers of a conflict": lambda spot: spot.instead("<<<<<<< HEAD", spot.line, "=======", spot.line, ">>>>>>> main"),
    "a comment above": lambda spot: spot.instead(f"# {spot.secret}", f"{spot.indent}{spot.key}: [", "  x"),
    "a comment below": lambda spot: spot.text + f"# {spot.secret}\nplain: {{colour: x}} # {spot.secret}\n",
    "two documents": lambda spot: f"{spot.text}--- {spot.secret}\n",
    "a directive": lambda spot: f"%{spot.secret}\n---\n{spot.text}",
    "a line without sense": lambda spot: f"{spot.text}{spot.secret}\n",
    "an open bracket above": lambda spot: f"plain: [\n{spot.text}",
    "an open quote above": lambda spot: f'plain: "\n{spot.text}',
    "in a text of a domain": lambda spot: _swallowed(spot, "plain: "),
    "in a text of a setting": lambda spot: _swallowed(spot, "plain:\n  colour: "),
    "a wrong value next to it": lambda spot: f"{spot.text}plain:\n  colour: blue\n",
    "in one line": lambda spot: spot.flow(),
    "in one line, next to a wrong value": lambda spot: spot.flow(plain={"colour": "blue"}),
    "in one line, next to an unknown key": lambda spot: spot.flow(plain={"color": 1}),
    "in one line, open": lambda spot: spot.flow(plain={"color": 1})[:-1],
    "an alias elsewhere": lambda spot: spot.value("&a S") + "plain:\n  colour: *a\n",
    "an alias in itself": lambda spot: spot.value("&a [S, *a]"),
    "aliases that explode": lambda spot: (
        spot.value("&a [S]") + "plain:\n  colour: &b [" + "*a," * 400 + "]\n  c: [" + "*b," * 400 + "]\n"
    ),
    "nested too deep": lambda spot: spot.value("[" * 120 + "S"),
    # the file
    "Windows line ends": lambda spot: spot.value("[S").replace("\n", "\r\n"),
    "old line ends": lambda spot: spot.value("S: [").replace("\n", "\r"),
    "a line separator above": lambda spot: f"# \u2028\n# \x0c \x85\n{spot.value('!S')}",
    "a form feed above": lambda spot: f"# \x0c\x0c\nplain:\n  colour: blue\n{spot.text}",
    "a byte order mark": lambda spot: {OVERLAY: b"\xef\xbb\xbf" + spot.value("[S").encode()},
    "UTF-16": lambda spot: {OVERLAY: spot.text.encode("utf-16")},
    "Latin-1": lambda spot: {OVERLAY: f"# \xfc\n{spot.text}".encode("latin-1")},
    "a byte that is not a character": lambda spot: {
        OVERLAY: spot.text.encode().replace(spot.secret.encode(), spot.secret.encode() + b"\xff")
    },
    "JSON": lambda spot: _as_json(json.dumps(spot.data, indent=1)),
    "JSON without its end": lambda spot: _as_json(json.dumps(spot.data, indent=1)[:-1]),
    "JSON with a comma too many": lambda spot: _as_json(json.dumps(spot.data, indent=1).replace("\n}", ",\n}")),
    "JSON with a key twice": lambda spot: _as_json(json.dumps(spot.data)[:-1] + "," + json.dumps(spot.data)[1:]),
    "JSON without quotes": lambda spot: _as_json(
        json.dumps(spot.data, indent=1).replace(f'"{spot.secret}"', spot.secret)
    ),
    "JSON with no number": lambda spot: _as_json(
        json.dumps(spot.data).replace(f'"{spot.secret}"', f'1e999, "b": "{spot.secret}"')
    ),
    "another name of the file": lambda spot: {OVERLAY: None, "oen.yaml": spot.text},
    "another suffix": lambda spot: {OVERLAY: None, "one.yml": spot.value("[S")},
    "an empty file next to it": lambda spot: {OVERLAY: spot.text, "base.yaml": "# nothing\n"},
    "in a higher layer that removes it": lambda spot: {OVERLAY: spot.text, "top.yaml": spot.value("null")},
    "below another layer that has a list": lambda spot: {
        OVERLAY: spot.value("[S]"),
        "top.yaml": spot.value("{$append: [S]}"),
    },
    "below another layer that has a mapping": lambda spot: {OVERLAY: spot.text, "top.yaml": spot.value("{a: S}")},
    "below another layer that deletes it": lambda spot: {
        OVERLAY: spot.text,
        "top.yaml": spot.value("{$patch: delete}"),
    },
    "twice in a layer": lambda spot: {OVERLAY: spot.text, "one.yml": spot.text},
    "in weft.yaml": lambda spot: {"weft.yaml": lambda text: text.rstrip()[:-1] + f', "{spot.key}": "{spot.secret}"}}'},
    "in a weft.yaml that is broken": lambda spot: {
        "weft.yaml": lambda text: text.rstrip()[:-1] + f", {spot.key}: !{spot.secret}"
    },
    "in a weft.yaml of another form": lambda spot: {"weft.yaml": lambda text: f"{text}\n{spot.text}"},
    "as the value of a dimension": lambda spot: {
        "weft.yaml": lambda text: text.replace('"values"', f'"valeus": ["{spot.secret}"], "values"')
    },
}

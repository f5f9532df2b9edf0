"""The registry of problem codes: everything Weft knows about each kind of problem, defined once.

Every problem code is listed here and has a page in docs/reference/problems.md. No other module compares codes: it asks the registry what
follows from one. For each code, the registry defines

- what it is *about*, which decides where a problem is placed: at a key, at a value, or at the rule that reports it;
- how it is *grouped*: when the problems of several targets are one problem that lists them;
- whether the source line may be *quoted* next to it, because that line may contain a secret;
- which other code *covers* it: when both report the same setting, only the covering one is shown.

To add a code, add a line to `_CODES` and a page to docs/reference/problems.md. The codes of checks are named after the checks; the
package `checks` adds them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final


class UnknownCodeError(LookupError):
    """A problem was created with a code that is not in the registry."""


class About(Enum):
    """What a problem is about."""

    KEY = auto()
    """A key that should not be there, whatever its value is."""
    ABSENCE = auto()
    """A missing setting: the place is the nearest existing key."""
    VALUE = auto()
    """The value of a setting."""
    RULE = auto()
    """A rule or a condition, not the values that it reads: the place is where the rule is written."""
    TEXT = auto()
    """The text of a data file, which could not be read as data."""
    FILE = auto()
    """A file as a whole."""
    SCHEMA = auto()
    """A schema."""
    PROJECT = auto()
    """weft.yaml, its dimensions, targets and waivers."""
    TEMPLATE = auto()
    """A template."""
    OUTPUT = auto()
    """A finished output."""
    COMMAND = auto()
    """What the caller asked for."""
    ENVIRONMENT = auto()
    """The machine: programs, packages, the file system, git."""


class Grouping(Enum):
    """Which problems of several targets are one problem."""

    SAME_PLACE = auto()
    """Those that differ in nothing but their targets."""
    NEAREST_PLACE = auto()
    """Those that also differ in their places, if each place is only the nearest to something missing."""


class Quoting(Enum):
    """Whether the line of a problem may be shown."""

    ALLOWED = auto()
    """Yes, unless a secret in plain text was found in the file, or the problem itself is marked."""
    UNLESS_SECRETS_ARE_NEAR = auto()
    """Only if the file has no sensitive setting in plain text. It was not read as data, so Weft cannot know which value is a
    secret: the reader of the file must search it, and mark the problem where it may be one."""
    NEVER = auto()
    """No: the line contains a secret."""
    NOTHING_OF_THE_FILE = auto()
    """No, and no other line of the file either: its author keeps secrets in it."""


@dataclass(frozen=True, slots=True)
class Code:
    """Everything known about one code. `covered_by` is a code that reports the same setting more precisely.

    `unquoted` is a message for files whose text may not be quoted, if the usual message quotes a value. `keeps_types` means that
    the configuration still has the types of its schema, so expressions can be evaluated. `explains_others` means that every other
    mistake in the same expression follows from this one. `hides_others` means that rendering ended here, before similar problems
    could be found.
    """

    name: str
    about: About
    quoting: Quoting = Quoting.ALLOWED
    grouping: Grouping = Grouping.SAME_PLACE
    covered_by: str | None = None
    unquoted: str | None = None
    keeps_types: bool = False
    explains_others: bool = False
    hides_others: bool = False

    @property
    def at_key(self) -> bool:
        """True if a problem points at a key instead of its value."""
        return self.about is About.KEY

    @property
    def page(self) -> str:
        """The page that explains the code, as a path in the repository."""
        return f"docs/reference/problems.md#{self.name}"


_UNREAD: Final = Quoting.UNLESS_SECRETS_ARE_NEAR

_CODES: Final = (
    # the text of a data file
    Code("alias-bomb", About.TEXT, _UNREAD),
    Code("alias-cycle", About.TEXT, _UNREAD),
    Code(
        "bad-tag", About.TEXT, _UNREAD, unquoted="a value has an unknown YAML tag, or one that does not fit the value"
    ),
    Code("duplicate-key", About.TEXT, _UNREAD, unquoted="this mapping contains a key twice"),
    Code("empty-file", About.TEXT, _UNREAD),
    Code("merge-key", About.TEXT, _UNREAD),
    Code("not-a-json-number", About.TEXT, _UNREAD, unquoted="JSON has no such number"),
    Code("not-a-mapping", About.TEXT, _UNREAD),
    Code("not-utf8", About.TEXT, _UNREAD),
    Code("several-documents", About.TEXT, _UNREAD),
    Code("syntax", About.TEXT, _UNREAD),
    Code("tab-indentation", About.TEXT, _UNREAD),
    # a file as a whole
    Code("file-exists", About.FILE),
    Code("outside-project", About.FILE),
    Code("settings-unreadable", About.FILE),
    Code("unreadable", About.FILE),
    Code("unused-file", About.FILE),
    # overlays: the merge
    Code("bad-key", About.KEY, _UNREAD),
    Code("deprecated", About.KEY),
    Code("left-empty", About.KEY),
    Code("list-key", About.VALUE),
    Code("merge-conflict", About.VALUE),
    Code("nothing-to-remove", About.KEY),
    Code("operator-misused", About.KEY),
    Code("redundant", About.VALUE),
    Code("set-twice", About.VALUE),
    Code("unknown-operator", About.KEY),
    # values and the schema
    Code("ambiguous", About.VALUE),
    Code("bad-variable", About.VALUE),
    Code("missing-required", About.ABSENCE, grouping=Grouping.NEAREST_PLACE),
    Code("not-allowed", About.VALUE),
    Code("not-unique", About.VALUE),
    Code("out-of-range", About.VALUE),
    Code("pattern-too-costly", About.VALUE),
    Code("policy", About.VALUE),
    Code("rule", About.VALUE, keeps_types=True),
    Code("schema", About.VALUE),
    Code("shared-variable", About.VALUE),
    Code("unknown-key", About.KEY),
    Code("wrong-format", About.VALUE),
    Code("wrong-size", About.VALUE),
    Code("wrong-type", About.VALUE),
    # secrets
    Code("age", About.FILE),
    Code("bad-baseline", About.FILE),
    Code("bad-reference", About.VALUE, covered_by="unresolved-reference"),
    Code("literal-secret", About.VALUE, Quoting.NOTHING_OF_THE_FILE),
    Code("plaintext-secret", About.VALUE, Quoting.NEVER),
    Code("not-scanned", About.FILE),
    Code("secret-exposed", About.TEMPLATE),
    Code("stale-baseline", About.FILE),
    Code("tracked-file", About.FILE),
    Code("unknown-scheme", About.VALUE, covered_by="unresolved-reference"),
    Code("unresolved-reference", About.VALUE),
    # rules and conditions
    Code("rule-invalid", About.RULE),
    Code("rule-too-costly", About.RULE),
    Code("rule-undecided", About.RULE),
    Code("unsupported-function", About.RULE, explains_others=True),
    # schemas
    Code("backtracking-pattern", About.SCHEMA),
    Code("bad-default", About.SCHEMA),
    Code("generator-failed", About.SCHEMA),
    Code("no-reader", About.SCHEMA),
    Code("schema-invalid", About.SCHEMA),
    Code("schema-not-found", About.SCHEMA),
    Code("schema-not-generated", About.SCHEMA),
    Code("schema-ref-cycle", About.SCHEMA),
    Code("schema-ref-network", About.SCHEMA),
    Code("schema-ref-nowhere", About.SCHEMA),
    Code("schema-too-costly", About.SCHEMA),
    Code("unknown-keyword", About.KEY),
    Code("unknown-reader", About.SCHEMA),
    # weft.yaml, dimensions and targets
    Code("bad-name", About.PROJECT),
    Code("no-project", About.PROJECT),
    Code("no-target", About.PROJECT),
    Code("not-a-limit", About.KEY),
    Code("no-values", About.PROJECT),
    Code("nothing-applied", About.PROJECT),
    Code("output-outside", About.PROJECT),
    Code("output-path", About.PROJECT),
    Code("output-reserved", About.PROJECT),
    Code("project-invalid", About.PROJECT),
    Code("same-path", About.PROJECT),
    Code("unknown-check", About.PROJECT),
    Code("unknown-value", About.VALUE),
    Code("unstable-value", About.VALUE),
    Code("unused-layer", About.PROJECT),
    Code("waiver-expired", About.PROJECT),
    Code("waiver-expiring", About.PROJECT),
    Code("waiver-invalid", About.PROJECT),
    Code("waiver-unused", About.PROJECT),
    # templates
    Code("may-be-absent", About.TEMPLATE),
    Code("template-failed", About.TEMPLATE),
    Code("template-not-found", About.TEMPLATE),
    Code("template-syntax", About.TEMPLATE),
    Code("template-too-costly", About.TEMPLATE),
    Code("template-unsafe", About.TEMPLATE),
    Code("undefined", About.TEMPLATE, hides_others=True),
    # finished outputs, with those codes of Weft's own checks that differ from the check's name, because checks are loaded late
    Code("bad-record", About.OUTPUT),
    Code("check-failed", About.OUTPUT),
    Code("kubernetes-unknown-kind", About.OUTPUT),
    Code("not-ours", About.OUTPUT),
    Code("object-twice", About.OUTPUT),
    Code("other-namespace", About.OUTPUT),
    Code("other-project", About.OUTPUT),
    Code("output-in-sources", About.OUTPUT),
    Code("reference-applied", About.OUTPUT),
    # live clusters: objects
    Code("cluster-conflict", About.OUTPUT),
    Code("cluster-missing-kind", About.OUTPUT),
    Code("cluster-not-ready", About.OUTPUT),
    Code("cluster-owned", About.OUTPUT),
    Code("cluster-refused", About.OUTPUT),
    Code("cluster-warning", About.OUTPUT),
    # running programs
    Code("agent-refused", About.ENVIRONMENT),
    Code("binding", About.ENVIRONMENT),
    Code("bundle-refused", About.FILE),
    Code("change-refused", About.ENVIRONMENT),
    Code("never-updated", About.ENVIRONMENT),
    Code("setting-pinned", About.ENVIRONMENT),
    # live clusters: drift
    Code("drift-changed", About.OUTPUT),
    Code("drift-foreign", About.OUTPUT),
    Code("drift-lost", About.OUTPUT),
    Code("cluster-missing-namespace", About.OUTPUT),
    Code("cluster-other-environment", About.OUTPUT),
    Code("cluster-pinned", About.OUTPUT),
    Code("cluster-skipped", About.OUTPUT),
    # live clusters: the cluster
    Code("cluster-changed", About.ENVIRONMENT),
    Code("cluster-credentials", About.ENVIRONMENT),
    Code("cluster-inventory", About.ENVIRONMENT),
    Code("cluster-locked", About.ENVIRONMENT),
    Code("cluster-rights", About.ENVIRONMENT),
    Code("cluster-unreachable", About.ENVIRONMENT),
    Code("not-deployed", About.ENVIRONMENT),
    Code("revision-incomplete", About.ENVIRONMENT),
    # what the caller asked for
    Code("no-context", About.COMMAND),
    Code("no-reason", About.COMMAND),
    Code("unknown-cluster-revision", About.COMMAND),
    Code("unknown-context", About.COMMAND),
    Code("bad-override", About.COMMAND),
    Code("cannot-edit", About.FILE),
    Code("shard-damaged", About.FILE),
    Code("shard-missing", About.COMMAND),
    Code("shard-other", About.COMMAND),
    Code("name-taken", About.COMMAND),
    Code("bad-path", About.COMMAND),
    Code("bad-revision", About.COMMAND),
    Code("no-such-schema", About.COMMAND),
    Code("not-empty", About.COMMAND),
    Code("unknown-line", About.COMMAND),
    Code("unknown-output", About.COMMAND),
    Code("unknown-path", About.COMMAND),
    Code("unknown-policy", About.COMMAND),
    Code("unknown-revision", About.COMMAND),
    Code("unknown-target", About.COMMAND),
    # the machine
    Code("busy", About.ENVIRONMENT),
    Code("cannot-write", About.ENVIRONMENT),
    Code("check-skipped", About.ENVIRONMENT),
    Code("editor-failed", About.ENVIRONMENT),
    Code("git-failed", About.ENVIRONMENT),
    Code("no-executor", About.ENVIRONMENT),
    Code("no-git", About.ENVIRONMENT),
    Code("no-recipients", About.ENVIRONMENT),
    Code("no-repository", About.ENVIRONMENT),
    Code("not-installed", About.ENVIRONMENT),
    Code("plugin-not-used", About.ENVIRONMENT),
    Code("shallow-clone", About.ENVIRONMENT),
    Code("worker-failed", About.ENVIRONMENT),
    Code("workers-differ", About.ENVIRONMENT),
)

_registry: Final = {code.name: code for code in _CODES}


def find(name: str) -> Code:
    """The entry of the registry for a code.

    Raises UnknownCodeError when the registry does not contain it.
    """
    try:
        return _registry[name]
    except KeyError:
        raise UnknownCodeError(f"`{name}` is not in the registry of problem codes (weft.base.codes)") from None


def every() -> tuple[Code, ...]:
    """All codes registered so far, sorted by name."""
    return tuple(sorted(_registry.values(), key=lambda code: code.name))


def add(code: Code) -> None:
    """Add a code that this module does not list. An existing code is not changed."""
    _registry.setdefault(code.name, code)


def add_outputs_codes(names: Iterable[str]) -> None:
    """Add the codes of a check: its own name, and the other codes that it reports for a finished output."""
    for name in names:
        add(Code(name, About.OUTPUT))

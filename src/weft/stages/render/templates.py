"""Render: a configuration and templates to texts.

Templates run in Jinja's immutable sandbox with strict undefined values: they cannot reach Python, change the configuration,
or use a setting that is not there. A mistake becomes a problem that names template, line and setting.
"""

from __future__ import annotations

import contextlib
import io
import re
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NoReturn

from jinja2 import (
    BytecodeCache,
    FileSystemLoader,
    StrictUndefined,
    Template,
    TemplateError,
    TemplateNotFound,
    TemplateRuntimeError,
    TemplateSyntaxError,
    nodes,
)
from jinja2.bccache import Bucket
from jinja2.exceptions import SecurityError, UndefinedError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing

from weft.base.paths import dotted, pointer
from weft.base.problems import Place, Problem, did_you_mean
from weft.files import cache, yaml12
from weft.files.lines import line_of, start_of
from weft.secrets.taint import Branch, TaintError
from weft.stages.render.filters import FILTERS
from weft.version import __version__


@dataclass(frozen=True, slots=True)
class Rendered:
    """One finished file: `path` is relative to the output folder, with `/`.

    `entry` is the position of its output in weft.yaml, `checks` what that output asks for, `secrets` whether it may hold some.
    """

    path: str
    text: str
    target: str
    template: str
    entry: int
    checks: tuple[str, ...] = ()
    secrets: bool = False


class Templates:
    """The templates of one folder, each compiled at most once. `name` is how reports call the folder."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder.resolve()
        self.name = name
        self._environment = _Environment(
            loader=FileSystemLoader(str(folder)),
            undefined=_Unset,
            autoescape=False,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            auto_reload=False,
            cache_size=-1,
            bytecode_cache=_Compiled(),
        )
        self._environment.filters.update(FILTERS)
        self._environment.policies["json.dumps_kwargs"] = {"default": str}  # which a secret refuses
        self._templates: dict[str, Template | Problem] = {}

    def check(self, template: str) -> Problem | None:
        """What keeps a template from being compiled, if anything."""
        found = self._get(template)
        return found if isinstance(found, Problem) else None

    def render(self, template: str, context: Mapping[str, Any]) -> str | Problem:
        """The text that a template makes, or what went wrong."""
        found = self._get(template)
        if isinstance(found, Problem):
            return found
        try:
            return found.render(context)
        except Exception as error:  # noqa: BLE001 - whatever a template can raise is the template author's to mend
            return self._failure(template, error, context)

    def line_of(self, template: str, context: Mapping[str, Any], line: int) -> Place | None:
        """The line of a template that makes a line of its text; of what it includes, the line that does so."""
        found = self._get(template)
        if isinstance(found, Problem):
            return None
        source = (self._folder / template).read_text("utf-8")
        count, number = 1, 1
        with contextlib.suppress(Exception):  # it was rendered before: this is about the search, not about the template
            chunks = found.root_render_func(found.new_context(dict(context)))
            for chunk in chunks:
                known = found.get_corresponding_lineno(chunks.gi_frame.f_lineno)  # type: ignore[attr-defined]
                number = _line_in(source, chunk, known, line - count)
                count += chunk.count("\n")
                if count > line or (count == line and not chunk.endswith("\n")):
                    break
        return Place(f"{self.name}/{template}", number)

    def tree(self, name: str) -> tuple[nodes.Template | None, str]:
        """The syntax tree of a template, None where it has none, and its source."""
        try:
            source = (self._folder / name).read_text("utf-8")
            return self._environment.parse(source), source
        except (TemplateError, OSError, UnicodeDecodeError):
            return None, ""  # which `check` tells

    def _get(self, name: str) -> Template | Problem:
        if name not in self._templates:
            try:
                self._templates[name] = self._environment.get_template(name)
            except TemplateNotFound:
                hint = did_you_mean(name, self._environment.list_templates())
                self._templates[name] = Problem(
                    "template-not-found", f"there is no template `{name}` in {self.name}/", hint=hint
                )
            except TemplateError as error:
                self._templates[name] = self._failure(name, error)
            except UnicodeDecodeError:
                self._templates[name] = self._not_text(name)
            except OSError as error:
                self._templates[name] = Problem(
                    "unreadable", f"the template cannot be read: {error.strerror}", place=Place(f"{self.name}/{name}")
                )
        return self._templates[name]

    def _failure(self, template: str, error: Exception, context: Mapping[str, Any] | None = None) -> Problem:
        problem = self._explained(template, error, context)
        if problem.place is None or problem.place.line is None:
            return problem
        name = problem.place.file.removeprefix(f"{self.name}/")
        line = line_of((self._folder / name).read_text("utf-8", "replace"), problem.place.line) or ""
        return replace(problem, place=replace(problem.place, column=_column(line, error)))

    def _explained(self, template: str, error: Exception, context: Mapping[str, Any] | None) -> Problem:
        place = self._place(error.__traceback__) or Place(f"{self.name}/{template}")
        if isinstance(error, TaintError):
            return Problem(
                "secret-exposed",
                f"{dotted(error.path)} is sensitive, and this output is not declared to hold secrets",
                path=pointer(error.path),
                place=place,
                hint="leave it out (`| public`), or give the output `secrets: true` in weft.yaml",
            )
        if isinstance(error, _UnsetError):
            return Problem(
                "undefined",
                str(error),
                path=pointer(error.path) if error.path else None,
                place=place,
                hint=error.hint or error.suggest(context or {}),
            )
        if isinstance(error, TemplateSyntaxError):
            file = f"{self.name}/{error.name or template}"
            return Problem(
                "template-syntax",
                error.message or "syntax error",
                place=Place(file, error.lineno),
                hint=self._suggest(error.message or ""),
            )
        if isinstance(error, TemplateNotFound):
            return Problem(
                "template-not-found",
                f"there is no template `{error.name}` in {self.name}/",
                place=place,
                hint=did_you_mean(str(error.name), self._environment.list_templates()),
            )
        if isinstance(error, RecursionError):
            return Problem("template-failed", "it calls or includes itself without end", place=place)
        if isinstance(error, TemplateRuntimeError) and "No test named" in str(error):
            message = str(error).removesuffix(" found.") + "."
            return Problem("template-syntax", message, place=place, hint=self._suggest(message))
        if isinstance(error, SecurityError):
            return Problem("template-unsafe", f"not allowed in a template: {error}", place=place)
        return Problem("template-failed", f"{type(error).__name__}: {error}", place=place)

    def _not_text(self, name: str) -> Problem:
        try:
            yaml12.decode((self._folder / name).read_bytes())
        except yaml12.YamlError as error:
            return error.problem(f"{self.name}/{name}")
        return Problem("not-utf8", "a template that it needs is not UTF-8", place=Place(f"{self.name}/{name}"))

    def _place(self, trace: TracebackType | None) -> Place | None:
        for frame in reversed(traceback.extract_tb(trace)):
            path = Path(frame.filename)
            if path.is_absolute() and path.is_relative_to(self._folder):
                return Place(f"{self.name}/{path.relative_to(self._folder).as_posix()}", frame.lineno)
        return None

    def _suggest(self, message: str) -> str | None:
        if message.startswith(("No filter named", "No test named")):
            known = self._environment.filters if "filter" in message else self._environment.tests
            return did_you_mean(message.split("'")[1], known)
        return None


def _column(line: str, error: Exception) -> int:
    """Where in a line of a template an error most likely lies, as Jinja knows lines only."""
    path = getattr(error, "path", None)
    words = [str(path[-1])] if path else re.findall(r"[`'](\w+)[`']", str(error))
    places = [re.search(rf"(?<!\w){re.escape(word)}(?!\w)", line) for word in words]
    found = next((place for place in places if place), None) or re.search(r"\{[{%#]", line) or re.search(r"\S", line)
    return found.start() + 1 if found else 1


def _line_in(source: str, chunk: str, known: int, offset: int) -> int:
    """The line of a template at which a chunk of its text stands; what is computed stands at the line that is `known`.

    Jinja knows the lines of what it computes, and of plain text only which computed thing came before.
    """
    found = source.find(chunk, start_of(source, known))
    return known if found < 0 else source.count("\n", 0, found) + 1 + max(offset, 0)


METHODS: Final = frozenset(("get", "items", "keys", "values"))
"""What templates may call of a mapping of the configuration; every other name is a setting."""


class _Compiled(BytecodeCache):
    """Compiled templates, kept by their sources in the user's cache folder; one that cannot be written is no mistake."""

    _FOLDER: Final = f"templates-{__version__}"  # which may hold what filters made of constants

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill the bucket if its source was compiled before."""
        compiled = cache.recall(self._FOLDER, bucket.key)
        if compiled is not None:
            bucket.load_bytecode(io.BytesIO(compiled))  # which looks at the checksum of the source

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what was compiled."""
        cache.keep(self._FOLDER, bucket.key, bucket.bytecode_to_string())


class _Environment(ImmutableSandboxedEnvironment):
    """In `cache.items` the setting `items` wins over the method of the mapping."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, dict) and attribute in obj:
            return obj[attribute]
        if isinstance(obj, Branch) and (attribute in obj.node.properties or attribute not in METHODS):
            safe = attribute in obj.node.properties or self.is_safe_attribute(obj, attribute, None)
            return self.undefined(obj=obj, name=attribute) if safe else self.unsafe_undefined(obj, attribute)
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """`app["path"]` is a setting too, never an attribute of the mapping."""
        if isinstance(obj, Branch) and argument not in obj:
            return self.undefined(obj=obj, name=argument)
        return super().getitem(obj, argument)


class _UnsetError(UndefinedError):
    """A setting that is not there was used."""

    def __init__(self, obj: Any, name: str, message: str | None = None) -> None:
        self.path: tuple[str | int, ...] = ()
        self.hint: str | None = None
        self.variable = name if obj is missing else None
        if isinstance(obj, Branch):
            self.path = (*obj.path, name)
            message = f"{dotted(self.path)} is not set"
            known = dict.fromkeys((*obj, *obj.node.properties))
            self.hint = did_you_mean(str(name), [key for key in known if key != name])
            if name in obj.node.properties:
                self.hint = "it has no default: guard it with `is defined`, or use `| default(...)`"
        elif obj is missing:
            message = f"`{name}` is not defined"
        super().__init__(message)

    def suggest(self, context: Mapping[str, Any]) -> str | None:
        """What may have been meant by a variable that is not defined."""
        config = context.get("config")
        if self.variable is None or not isinstance(config, Branch):
            return None
        if self.variable in config.node.properties:
            return "it has no default: guard it with `is defined`, or use `| default(...)`"
        return did_you_mean(self.variable, context)


class _Unset(StrictUndefined):
    __slots__ = ()

    def __init__(
        self, hint: str | None = None, obj: Any = missing, name: str | None = None, exc: Any = UndefinedError
    ) -> None:
        unset = exc is UndefinedError  # else the sandbox says why it refused
        super().__init__(hint, obj, name, partial(_UnsetError, obj, name or "") if unset else exc)  # type: ignore[arg-type]

    def __repr__(self) -> NoReturn:
        """Printing a list shows its items by `repr`, and one that is unset must not pass there either."""
        self._fail_with_undefined_error()

"""Render: a configuration and templates to texts.

Templates run in Jinja's immutable sandbox with strict undefined values: they cannot reach Python, change the configuration,
or use a setting that is not there. A mistake becomes a problem that names template, line and setting.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NoReturn

from jinja2 import (
    BaseLoader,
    BytecodeCache,
    Environment,
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
from jinja2.loaders import split_template_path
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing

from weft.base.paths import dotted, pointer
from weft.base.problems import Place, Problem, choices, did_you_mean
from weft.base.wording import counted
from weft.files import cache, yaml12
from weft.files.lines import line_of, start_of
from weft.files.reading import ProjectFiles, unreadable
from weft.schema.types import TYPE_WORDS, json_type
from weft.secrets.taint import Branch, TaintError
from weft.stages.render import printing
from weft.stages.render.filters import FILTERS
from weft.stages.render.unset import Uses
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
    """The templates in the folder `name` of a project, each compiled at most once."""

    def __init__(self, files: ProjectFiles, name: str) -> None:
        self._files = files
        self._folder = files.folder.resolve() / name
        self.name = name
        self._environment = _Environment(
            loader=_Loader(files, self._folder),
            undefined=_Unset,
            autoescape=False,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            auto_reload=False,
            cache_size=-1,
            bytecode_cache=_Compiled(),
            finalize=printing.in_words,
        )
        self._environment.filters.update(printing.FILTERS, **FILTERS)
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

    def unset(self, template: str, context: Mapping[str, Any]) -> list[Problem]:
        """Every use of something that is not there in a template that `render` failed for, each line once."""
        uses = Uses(_UnsetError)
        environment = self._environment.overlay(undefined=uses.undefined())
        with contextlib.suppress(Exception):  # what else is wrong is not said before this is corrected
            environment.get_template(template).render(context)
        problems = []
        for error, file, line in uses.found:
            place = Place(f"{self.name}/{Path(file).relative_to(self._folder).as_posix()}", line)
            problems.append(self._with_column(_unset(error, place, context), error))
        return list(dict.fromkeys(problems))

    def line_of(self, template: str, context: Mapping[str, Any], line: int) -> Place | None:
        """The line of a template that makes a line of its text; of what it includes, the line that does so."""
        found = self._get(template)
        if isinstance(found, Problem):
            return None
        source = self._source(template)
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
            source = self._source(name)
            return self._environment.parse(source), source
        except (TemplateError, OSError, UnicodeDecodeError):
            return None, ""  # which `check` tells

    def _source(self, name: str) -> str:
        return text_of(self._files, self._folder / name)

    def _get(self, name: str) -> Template | Problem:
        if name not in self._templates:
            try:
                self._templates[name] = self._environment.get_template(name)
            except TemplateNotFound:
                self._templates[name] = self._not_found(name, None)
            except TemplateError as error:
                self._templates[name] = self._failure(name, error)
            except UnicodeDecodeError:
                self._templates[name] = self._not_text(name)
            except OSError as error:
                self._templates[name] = unreadable(error, f"{self.name}/{name}", "the template")
        return self._templates[name]

    def _failure(self, template: str, error: Exception, context: Mapping[str, Any] | None = None) -> Problem:
        return self._with_column(self._explained(template, error, context), error)

    def _with_column(self, problem: Problem, error: Exception) -> Problem:
        if problem.place is None or problem.place.line is None:
            return problem
        name = problem.place.file.removeprefix(f"{self.name}/")
        text = self._files.read(self._folder / name).decode("utf-8", "replace")
        line = line_of(text, problem.place.line) or ""
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
            return _unset(error, place, context or {})
        if isinstance(error, TemplateSyntaxError):
            file = f"{self.name}/{error.name or template}"
            return Problem(
                "template-syntax",
                error.message or "syntax error",
                place=Place(file, error.lineno),
                hint=self._suggest(error.message or ""),
            )
        if isinstance(error, TemplateNotFound):
            return self._not_found(str(error.name), place)
        if isinstance(error, OSError):
            return replace(unreadable(error, "what it includes or imports", "what it includes or imports"), place=place)
        if isinstance(error, RecursionError):
            return Problem("template-failed", "it calls or includes itself without end", place=place)
        if isinstance(error, TemplateRuntimeError) and "No test named" in str(error):
            message = str(error).removesuffix(" found.") + "."
            return Problem("template-syntax", message, place=place, hint=self._suggest(message))
        if isinstance(error, SecurityError):
            return Problem("template-unsafe", f"not allowed in a template: {error}", place=place)
        kind = (
            "" if isinstance(error, TypeError | ValueError) else f"{type(error).__name__}: "
        )  # which say it all themselves
        return Problem("template-failed", f"{kind}{printing.with_our_types(str(error))}", place=place)

    def _not_found(self, name: str, place: Place | None) -> Problem:
        there = self._environment.list_templates()
        hint = did_you_mean(name, there) or (f"there are {choices(there)}" if there else "the folder has no templates")
        return Problem("template-not-found", f"there is no template `{name}` in {self.name}/", place=place, hint=hint)

    def _not_text(self, name: str) -> Problem:
        try:
            yaml12.decode(self._files.read(self._folder / name))
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


def _unset(error: Exception, place: Place, context: Mapping[str, Any]) -> Problem:
    """What is not there, as a problem; the sandbox has errors of its own for what a template may not touch."""
    if not isinstance(error, _UnsetError):
        return Problem("template-unsafe", f"not allowed in a template: {error}", place=place)
    where = pointer(error.path) if error.path else None
    return Problem("undefined", str(error), path=where, place=place, hint=error.hint or error.suggest(context))


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


class _Loader(BaseLoader):
    """Jinja's way to the files of a folder."""

    def __init__(self, files: ProjectFiles, folder: Path) -> None:
        self._files = files
        self._folder = folder

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        """The text of a template. Raises TemplateNotFound, OSError and UnicodeDecodeError."""
        path = self._folder.joinpath(*split_template_path(template))
        try:
            return text_of(self._files, path), str(path), lambda: True
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise TemplateNotFound(template) from None

    def list_templates(self) -> list[str]:
        """The names of all templates, for hints."""
        walked = os.walk(self._folder) if self._files.may_read(self._folder) else ()
        paths = (Path(folder, name) for folder, _, names in walked for name in names)
        return sorted(path.relative_to(self._folder).as_posix() for path in paths)


def text_of(files: ProjectFiles, path: Path) -> str:
    """The text of a template, its line ends as Jinja counts them. Raises OSError and UnicodeDecodeError."""
    return io.TextIOWrapper(io.BytesIO(files.read(path)), "utf-8").read()


class _Compiled(BytecodeCache):
    """Compiled templates, kept by their sources in the user's cache folder; one that cannot be written is no mistake."""

    # of this version, as they hold what filters made of constants; the 2 is since values are printed by `printing`
    _FOLDER: Final = f"templates-{__version__}-2"

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

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        return printing.print_concatenated(super()._parse(source, name, filename))

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


class TargetNames(dict[str, str]):
    """What templates see as `target`: its name, and the value of each dimension that it has, of all `dimensions`."""

    def __init__(self, names: Mapping[str, str], dimensions: Sequence[str]) -> None:
        super().__init__(names)
        self._dimensions = dimensions

    def without(self, name: str) -> tuple[str, str]:
        """What to say of a name that the target does not have, and what to do."""
        if name in self._dimensions:
            message = f"target.{name} is not set: {self['name']} has no {name}"
            return message, f"guard it with `is defined`, or give the output `scope: {name}`"
        known = dict.fromkeys((*self, *self._dimensions))
        return f"there is no `target.{name}`", did_you_mean(name, known) or f"there are {choices(known)}"


def _without_value(value: Any) -> str:
    """What kind of thing has no such name or item, without a word on what it holds."""
    if isinstance(value, list | tuple):
        return f"a list of {counted(len(value), 'item')}"
    if isinstance(value, Mapping):
        return TYPE_WORDS["object"]
    plain = value is None or isinstance(value, str | int | float)
    return TYPE_WORDS[json_type(value)] if plain else "what stands before it"


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
        elif isinstance(obj, TargetNames):
            message, self.hint = obj.without(str(name))
        else:
            message = f"{_without_value(obj)} has no `{name}`"
            self.hint = did_you_mean(str(name), map(str, obj)) if isinstance(obj, Mapping) else None
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

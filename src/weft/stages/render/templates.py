"""Render: a configuration and templates to texts.

Templates run in Jinja's immutable sandbox with strict undefined values: they cannot access Python, change the configuration,
or use a setting that does not exist. A mistake becomes a problem with template, line and setting.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from jinja2 import (
    BaseLoader,
    BytecodeCache,
    Environment,
    Template,
    TemplateError,
    TemplateNotFound,
    TemplateRuntimeError,
    TemplateSyntaxError,
    nodes,
)
from jinja2.bccache import Bucket
from jinja2.exceptions import SecurityError
from jinja2.loaders import split_template_path

from weft.base.paths import dotted, pointer
from weft.base.problems import Place, Problem, choices, did_you_mean
from weft.files import cache, yaml12
from weft.files.lines import lines_of, start_of
from weft.files.reading import ProjectFiles, unreadable
from weft.secrets.taint import TaintError
from weft.stages.render import printing
from weft.stages.render.budget import TooCostlyError, check_length, fresh_budget
from weft.stages.render.sandbox import Sandbox
from weft.stages.render.unset import UnsetError, Uses
from weft.version import __version__


class Templates:
    """The templates in the folder `name` of a project, each compiled at most once."""

    def __init__(self, files: ProjectFiles, name: str) -> None:
        self._files = files
        self._folder = files.folder.resolve() / name
        self.name = name
        self._environment = Sandbox(
            loader=_Loader(files, self._folder),
            autoescape=False,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            auto_reload=False,
            cache_size=-1,
            bytecode_cache=_Compiled(),
        )
        self._templates: dict[str, Template | Problem] = {}
        self._lines: dict[str, list[str]] = {}

    def check(self, template: str) -> Problem | None:
        """The problem that keeps a template from being compiled, if any."""
        found = self._get(template)
        return found if isinstance(found, Problem) else None

    def render(self, template: str, context: Mapping[str, Any]) -> str | Problem:
        """The text of a template, or the problem."""
        found = self._get(template)
        if isinstance(found, Problem):
            return found
        try:
            with fresh_budget():
                text = found.render(context)
                check_length(text)
        except TooCostlyError as error:
            return self._costly(template, error)
        except Exception as error:  # noqa: BLE001 - any error that a template raises is for its author to fix
            return self._failure(template, error, context)
        return text

    def _costly(self, template: str, error: TooCostlyError) -> Problem:
        """The problem of a template that costs too much; it is not run again, because it would cost as much for other targets."""
        problem = self._failure(template, error)
        self._templates[template] = problem
        return problem

    def unset(self, template: str, context: Mapping[str, Any]) -> list[Problem]:
        """Every use of a missing value in a template for which `render` failed, each line once."""
        uses = Uses()
        environment = self._environment.overlay(undefined=uses.undefined())
        problems = []
        try:
            with fresh_budget():
                environment.get_template(template).render(context)
        except TooCostlyError as error:
            problems.append(self._costly(template, error))
        except Exception:  # noqa: BLE001, S110 - what else is wrong is not said before this is corrected
            pass
        for use, file, line in uses.found:
            place = Place(f"{self.name}/{_named(file)}", line)
            problems.append(self._with_column(_unset(use, place, context), use))
        return list(dict.fromkeys(problems))

    def line_of(self, template: str, context: Mapping[str, Any], line: int) -> Place | None:
        """The line of a template that produces a line of its text; for included text, the line with the include."""
        found = self._get(template)
        if isinstance(found, Problem):
            return None
        source = self._source(template)
        count, number = 1, 1
        # it was rendered before, so this is a problem of the search, not of the template
        with contextlib.suppress(Exception), fresh_budget():
            chunks = found.root_render_func(found.new_context(dict(context)))
            for chunk in chunks:
                known = found.get_corresponding_lineno(chunks.gi_frame.f_lineno)  # type: ignore[attr-defined]
                number = _line_in(source, chunk, known, line - count)
                count += chunk.count("\n")
                if count > line or (count == line and not chunk.endswith("\n")):
                    break
        return Place(f"{self.name}/{template}", number)

    def tree(self, name: str) -> tuple[nodes.Template | None, str]:
        """The syntax tree of a template, or None, and its source."""
        try:
            source = self._source(name)
            return self._environment.parse(source), source
        except (TemplateError, OSError, UnicodeDecodeError):
            return None, ""  # which `check` reports

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
        lines = self._lines_of(name)
        line = lines[problem.place.line - 1] if 0 < problem.place.line <= len(lines) else ""
        return replace(problem, place=replace(problem.place, column=_column(line, error)))

    def _lines_of(self, name: str) -> list[str]:
        """The lines of a template for reports; a template may have thousands of mistakes."""
        if name not in self._lines:
            self._lines[name] = lines_of(self._files.read(self._folder / name).decode("utf-8", "replace"))
        return self._lines[name]

    def _explained(self, template: str, error: Exception, context: Mapping[str, Any] | None) -> Problem:
        place = self._place(error.__traceback__) or Place(f"{self.name}/{template}")
        if isinstance(error, TemplateSyntaxError):
            return self._bad_syntax(error, template)
        found = _of_sandbox(error, place, context or {}) or self._of_environment(error, place)
        if found:
            return found
        kind = (
            "" if isinstance(error, TypeError | ValueError) else f"{type(error).__name__}: "
        )  # whose messages are complete
        return Problem("template-failed", f"{kind}{printing.with_our_types(str(error))}", place=place)

    def _bad_syntax(self, error: TemplateSyntaxError, template: str) -> Problem:
        # where a comment or a block does not end, Jinja gives the file name as the name
        name = _named(error.filename) or _named(error.name) or error.name or template
        message = error.message or ""
        place = Place(f"{self.name}/{name}", error.lineno)
        return Problem("template-syntax", message or "syntax error", place=place, hint=self._suggest(message))

    def _of_environment(self, error: Exception, place: Place) -> Problem | None:
        """The problem of a name, of a file that the template needs, or of a template that never ends; None for another error."""
        if isinstance(error, TemplateNotFound):
            return self._not_found(str(error.name), place)
        if isinstance(error, OSError):
            what = "a template that it includes or imports"
            return replace(unreadable(error, what, what), place=place)
        if isinstance(error, RecursionError):
            return Problem("template-failed", "it calls or includes itself without end", place=place)
        if isinstance(error, TemplateRuntimeError) and "No test named" in str(error):
            message = str(error).removesuffix(" found.") + "."
            return Problem("template-syntax", message, place=place, hint=self._suggest(message))
        return None

    def _not_found(self, name: str, place: Place | None) -> Problem:
        there = self._environment.list_templates()
        hint = did_you_mean(name, there) or (
            f"choose from {choices(there)}" if there else "the folder has no templates"
        )
        return Problem("template-not-found", f"there is no template `{name}` in {self.name}/", place=place, hint=hint)

    def _not_text(self, name: str) -> Problem:
        try:
            yaml12.decode(self._files.read(self._folder / name))
        except yaml12.YamlError as error:
            return error.problem(f"{self.name}/{name}")
        return Problem("not-utf8", "a template that it needs is not UTF-8", place=Place(f"{self.name}/{name}"))

    def _place(self, trace: TracebackType | None) -> Place | None:
        for frame in reversed(traceback.extract_tb(trace)):
            name = _named(frame.filename)
            if name is not None:
                return Place(f"{self.name}/{name}", frame.lineno)
        return None

    def _suggest(self, message: str) -> str | None:
        if message.startswith(("No filter named", "No test named")):
            known = self._environment.filters if "filter" in message else self._environment.tests
            return did_you_mean(message.split("'")[1], known)
        return None


def _of_sandbox(error: Exception, place: Place, context: Mapping[str, Any]) -> Problem | None:
    """The problem of what the sandbox does not allow, or cannot give; None for another error."""
    if isinstance(error, TaintError):
        return Problem(
            "secret-exposed",
            f"{dotted(error.path)} is sensitive, and this output is not declared to contain secrets",
            path=pointer(error.path),
            place=place,
            hint="omit it (`| public`), or give the output `secrets: true` in weft.yaml",
        )
    if isinstance(error, TooCostlyError):
        hint = "a loop inside a loop multiplies its turns, and a text that is added to itself doubles: generate less"
        return Problem("template-too-costly", f"the template costs too much: {error}", place=place, hint=hint)
    if isinstance(error, UnsetError | SecurityError):
        return _unset(error, place, context)
    return None


def _unset(error: Exception, place: Place, context: Mapping[str, Any]) -> Problem:
    """The problem of a missing value; the sandbox has its own errors for forbidden access."""
    if not isinstance(error, UnsetError):
        return Problem("template-unsafe", f"not allowed in a template: {error}", place=place)
    where = pointer(error.path) if error.path else None
    return Problem("undefined", str(error), path=where, place=place, hint=error.hint or error.suggest(context))


def _column(line: str, error: Exception) -> int:
    """The most likely column of an error in a line of a template, because Jinja reports lines only."""
    path = getattr(error, "path", None)
    words = [str(path[-1])] if path else re.findall(r"[`'](\w+)[`']", str(error))
    places = [re.search(rf"(?<!\w){re.escape(word)}(?!\w)", line) for word in words]
    mark = r"\{#" if "comment" in str(error) else r"\{[{%#]"
    found = next((place for place in places if place), None) or re.search(mark, line) or re.search(r"\S", line)
    return found.start() + 1 if found else 1


def _line_in(source: str, chunk: str, known: int, offset: int) -> int:
    """The line of a template for a chunk of its text; computed text is at the `known` line.

    Jinja knows the lines of expressions; for plain text, it only knows the preceding expression.
    """
    found = source.find(chunk, start_of(source, known))
    return known if found < 0 else source.count("\n", 0, found) + 1 + max(offset, 0)


def _named(filename: str | None) -> str | None:
    """The name of the template that Jinja knows by a file name of `_Loader`."""
    found = _FILE_NAME.fullmatch(filename or "")
    return found[1] if found else None


_LISTED: Final = 10_000
"""The files in which a template is looked for, for a hint: the folder of an agent's template may be a whole disk."""
_FILE_NAME: Final = re.compile("<template (.*)>", re.DOTALL)


class _Loader(BaseLoader):
    """The Jinja loader for the files of a folder."""

    def __init__(self, files: ProjectFiles, folder: Path) -> None:
        self._files = files
        self._folder = folder

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        """The text of a template, and a file name that is the same wherever the project is.

        Raises TemplateNotFound, OSError and UnicodeDecodeError.
        """
        steps = split_template_path(template)
        try:
            source = text_of(self._files, self._folder.joinpath(*steps))
            return source, f"<template {'/'.join(steps)}>", lambda: True
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise TemplateNotFound(template) from None

    def list_templates(self) -> list[str]:
        """The names of all templates, for hints."""
        walked = os.walk(self._folder) if self._files.may_read(self._folder) else ()
        paths = islice((Path(folder, name) for folder, _, names in walked for name in names), _LISTED)
        return sorted(path.relative_to(self._folder).as_posix() for path in paths)


def text_of(files: ProjectFiles, path: Path) -> str:
    """The text of a template, with line ends as Jinja counts them. Raises OSError and UnicodeDecodeError."""
    return io.TextIOWrapper(io.BytesIO(files.read(path)), "utf-8").read()


class _Compiled(BytecodeCache):
    """Compiled templates, cached by name and source in the user's cache folder; a failed write is ignored.

    A copy of a project, as an earlier revision or a trial of a change is, finds there what the project compiled.
    """

    # depends on this version and on how the sandbox compiles, which the number identifies
    _FOLDER: Final = f"templates-{__version__}-6"

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill the bucket if its source was compiled before."""
        compiled = cache.recall(self._FOLDER, _entry(bucket))
        if compiled is not None:
            bucket.load_bytecode(io.BytesIO(compiled))  # which verifies the checksum of the source

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Cache a compiled template."""
        cache.keep(self._FOLDER, _entry(bucket), bucket.bytecode_to_string())


def _entry(bucket: Bucket) -> str:
    return f"{bucket.key}-{bucket.checksum}"

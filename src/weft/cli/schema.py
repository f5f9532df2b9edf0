"""`weft schema`: what is derived from the schemas."""

from __future__ import annotations

import os
from collections.abc import Container
from pathlib import Path
from typing import TYPE_CHECKING

import click

from weft.cli.common import (
    allowed_folders,
    complete_target,
    max_problems_option,
    open_project,
    output_folder,
    project_options,
    put,
    start_folder,
)
from weft.cli.report import formatted
from weft.report.formats import FORMATS

if TYPE_CHECKING:
    from weft.project.project import Project
    from weft.project.target import Target

_FOLDER = "schemas/generated"
_FILE = click.Path(path_type=Path, allow_dash=True)


@click.group(name="schema")
def command() -> None:
    """Generate overlay schemas, documentation, types and CRDs from the schemas."""


@command.command()
@click.option(
    "-o", "--output", type=_FILE, help=f"The file to write, `-` for stdout.  [default: {_FOLDER}/overlay.schema.json]"
)
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if the file is not up to date.")
@click.pass_context
def overlay(ctx: click.Context, output: Path | None, check: bool) -> None:
    """Write the schemas that editors use: for overlays, weft.yaml and rule packs."""
    from weft.derived.overlay_schema import overlay_schema
    from weft.files.formats import to_json
    from weft.files.shipped import schema_text
    from weft.lint.policies import packs

    project = open_project(ctx)
    text = to_json(overlay_schema(project.root, project.name)) + "\n"
    if output == Path("-"):
        put(text)
        return
    overlay_path = start_folder(ctx) / output if output else project.folder / _FOLDER / "overlay.schema.json"
    wanted = {overlay_path: text, overlay_path.with_name("weft.schema.json"): schema_text()}
    if packs.files(project):
        wanted[overlay_path.with_name(packs.SCHEMA)] = schema_text(packs.SCHEMA)
    within = None if output else project.folder
    stale = [path for path, content in wanted.items() if _put(path, content, check, within)]
    _say("not up to date" if check else "wrote", stale)
    if check and stale:
        click.echo("run `weft schema overlay`", err=True)
        ctx.exit(1)


@command.command()
@click.option("--strict", is_flag=True, help="Fail on warnings too.")
@click.option("--format", "format_", type=click.Choice(list(FORMATS)), default="text", show_default=True)
@max_problems_option
@click.pass_context
def check(ctx: click.Context, strict: bool, format_: str) -> None:
    """Check schemas, rules, rule packs and templates without loading overlays.

    Expressions are checked against the types of the schema. Templates are checked for settings that do not exist or
    may be absent, and for secrets in ordinary outputs.
    """
    from weft.base.problems import UsageError, WeftError
    from weft.derived.crd.definition import too_costly
    from weft.files.locator import placed_at_rule
    from weft.lint.policies.packs import check_packs
    from weft.lint.schemas import schema_warnings
    from weft.lint.templates import template_problems
    from weft.project.readers import missing_files
    from weft.report.report import Report

    try:
        project = open_project(ctx)
        in_packs, expressions = check_packs(project)
        of_readers = missing_files(project.file)
        costly = [placed_at_rule(problem, project.folder) for problem in too_costly(project.root)]
        found = [*of_readers, *schema_warnings(project), *costly, *in_packs, *template_problems(project)]
        report = Report(found, project.folder)
        code = 1 if report.fails(strict) else 0
        expressions = [*project.expressions, *expressions]
        dynamic = sum(expression.dynamic for expression in expressions)
        if expressions and format_ == "text":
            click.echo(
                f"{len(expressions)} expressions, {dynamic} of them with parts that no schema gives a type", err=True
            )
    except UsageError:
        raise
    except WeftError as error:
        report, code = Report(error.problems, error.folder), error.exit_code
    click.echo(formatted(report, format_), nl=False)
    if not report and format_ == "text":
        click.echo("schemas, rules and templates checked, no problems", err=True)
    ctx.exit(code)


@command.command()
@click.argument("name", metavar="[TARGET]", required=False, shell_complete=complete_target)
@click.option("--format", "format_", type=click.Choice(("text", "json", "markdown")), default="text", show_default=True)
@project_options
@click.pass_context
def reach(ctx: click.Context, name: str | None, format_: str, overrides: dict[str, str], from_env: bool) -> None:
    """Show who reads each setting: the readers of weft.yaml with the lines of their outputs or code, Weft itself, or nobody.

    Of one target, or of all that name one dimension: then a setting that is read in any of them is read.
    """
    from weft.base.problems import WeftError, has_errors
    from weft.files.formats import to_json
    from weft.lint import reach_reports
    from weft.lint.reach import Survey
    from weft.project.readers import missing_files
    from weft.report.report import Report

    project = open_project(ctx, overrides, from_env)
    targets = [project.target(name)] if name else [one for one in project.targets() if "/" not in one.name]
    of_targets = [problem for target in targets for problem in target.problems()]
    problems = Report([*missing_files(project.file), *of_targets]).problems
    if has_errors(problems):
        raise WeftError(*problems)
    found, readers = Survey(project).reach(*targets), project.file.readers
    if format_ == "json":
        put(to_json(reach_reports.as_data(name, found, readers)) + "\n")
    else:
        put((reach_reports.as_text if format_ == "text" else reach_reports.as_markdown)(found, readers))


@command.command()
@click.option("-o", "--output", type=_FILE, help="The file to write.  [default: stdout]")
@click.pass_context
def bundle(ctx: click.Context, output: Path | None) -> None:
    """Write all schemas as one self-contained file (draft 2020-12) that accepts the same values."""
    from weft.files.formats import to_json
    from weft.schema.bundled import bundled

    _deliver(ctx, to_json(bundled(open_project(ctx).catalog.documents)) + "\n", output)


@command.command()
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The folder.  [default: docs/settings]")
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if a page is not up to date.")
@click.pass_context
def docs(ctx: click.Context, output: Path | None, check: bool) -> None:
    """Write Markdown reference pages of all settings, one for each domain, with the values in each environment."""
    from weft.derived.docs import INDEX, pages

    project = open_project(ctx)
    targets = _valid_targets(project)
    folder = output_folder(ctx, output, project.folder / "docs" / "settings")
    within = folder if output else project.folder
    wanted = {folder / name: text for name, text in pages(project, targets).items()}
    stale = [path for path, text in wanted.items() if _put(path, text, check, within)]
    old = _outdated(folder, wanted)
    _say("not up to date" if check else "wrote", stale)
    _say("no longer has a domain" if check else "removed", old)
    if not stale and not old:
        click.echo(f"{folder / INDEX} and its pages are up to date", err=True)
    elif check:
        click.echo("run `weft schema docs`", err=True)
        ctx.exit(1)
    for path in old:
        path.unlink()


def _valid_targets(project: Project) -> list[Target]:
    """The targets whose values the pages show: one for each environment. Raises WeftError if one has errors."""
    from weft.base.problems import WeftError, has_errors
    from weft.report.report import Report

    targets = [target for target in project.targets() if "/" not in target.name]
    problems = Report([problem for target in targets for problem in target.problems()]).problems
    if has_errors(problems):
        raise WeftError(*problems)
    return targets


def _outdated(folder: Path, wanted: Container[Path]) -> list[Path]:
    """The pages of removed domains that an earlier run wrote."""
    from weft.derived.docs import is_generated

    return [path for path in sorted(folder.glob("*.md")) if path not in wanted and is_generated(path)]


def _say(what: str, paths: list[Path]) -> None:
    for path in paths:
        click.echo(f"{what} {path}", err=True)


@command.command()
@click.option("--language", type=click.Choice(("python", "typescript")), required=True)
@click.option("-o", "--output", type=_FILE, help="The file to write.  [default: stdout]")
@click.pass_context
def types(ctx: click.Context, language: str, output: Path | None) -> None:
    """Write types of the configuration, for programs that read it.

    Python: TypedDicts, by datamodel-code-generator (the extra `types`). TypeScript: interfaces, by
    json-schema-to-typescript (npm install --save-dev json-schema-to-typescript).
    """
    from weft.derived import types as making

    project = open_project(ctx)
    if language == "python":
        _deliver(ctx, making.python(project.catalog), output)
    else:
        _deliver(ctx, making.typescript(project.catalog, project.folder.resolve()), output)


@command.command()
@click.option("--group", required=True, help="The API group, such as config.example.com.")
@click.option("--kind", required=True, help="The kind, such as AppConfig.")
@click.option("--plural", help="The name in URLs.  [default: the plural of the kind]")
@click.option("--version", default="v1", show_default=True)
@click.option("-o", "--output", type=_FILE, help="The file to write.  [default: stdout]")
@click.pass_context
def crd(ctx: click.Context, group: str, kind: str, plural: str | None, version: str, output: Path | None) -> None:
    """Write a CustomResourceDefinition whose `spec` is the configuration, with its types, defaults and rules.

    Parts that an API server cannot express or would refuse are listed on stderr and in the annotation `weft/notes`.
    """
    from weft.derived.crd.definition import definition
    from weft.files.formats import to_yaml

    made, notes = definition(open_project(ctx).root, group=group, kind=kind, plural=plural, version=version)
    _deliver(ctx, to_yaml(made) + "\n", output)
    for note in notes:
        click.echo(f"note: {note}", err=True)


@command.command()
@click.argument("old", required=False)
@click.argument("new", required=False)
@click.option("--since", metavar="GITREF", help="Compare the project's schemas with those of a git revision.")
@click.option("--format", "format_", type=click.Choice(("text", "json")), default="text", show_default=True)
@click.pass_context
def diff(ctx: click.Context, old: str | None, new: str | None, since: str | None, format_: str) -> None:
    """List the changes between two versions of a schema, and which of them break; exit 1 if any does.

    OLD and NEW are schema files, or files of a git revision (HEAD~3:schemas/root.schema.json).
    """
    from weft.derived.compatibility import changes, versions
    from weft.files.reading import files_of

    files = files_of(start_folder(ctx), allowed_folders(ctx))
    if (since is None) == (old is None) or (old is None) != (new is None):
        raise click.UsageError("name OLD and NEW, or use `--since GITREF`", ctx)
    if since is not None:
        project = open_project(ctx)
        files, new = project.files, Path(project.catalog.documents.files[0]).as_posix()
        old = f"{since}:./{Path(os.path.relpath(new, files.folder.resolve())).as_posix()}"
    with versions.opened(str(old), files) as before, versions.opened(str(new), files) as after:
        found = changes.compare(before.documents, after.documents)
        found = [(before if one.version == "old" else after).placed(one) for one in found]
    click.echo(changes.as_json(found) if format_ == "json" else changes.as_text(found), nl=False)
    ctx.exit(1 if any(one.effect is changes.Effect.BREAKING for one in found) else 0)


def _deliver(ctx: click.Context, text: str, output: Path | None) -> None:
    """Print a generated file, or write it."""
    if output is None or output == Path("-"):
        put(text)
    elif _put(start_folder(ctx) / output, text, check=False, within=None):
        click.echo(f"wrote {start_folder(ctx) / output}", err=True)


def _put(path: Path, text: str, check: bool, within: Path | None) -> bool:
    """Write a generated file if it differs. Returns whether it did. A default path stays `within` the project."""
    from weft.base.problems import CannotRun
    from weft.files.atomic import cannot_write, replace_file

    try:
        if path.is_file() and path.read_text("utf-8", "replace") == text:
            return False
    except OSError as error:
        raise CannotRun(cannot_write(path, error)) from error
    if not check:
        replace_file(path, text, parents=True, within=within)
    return True

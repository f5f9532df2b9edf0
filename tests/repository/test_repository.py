"""What holds for the files of this repository as such: whose words they use, how long they are, what they import."""

import ast
import re
import shutil
import subprocess
import sys
from collections import Counter

import pytest

import weft
from reference import ROOT, project
from run import run
from weft import cli

SOURCES = sorted((ROOT / "src" / "weft").rglob("*.py"))
DATA = sorted(path for path in (ROOT / "src" / "weft" / "data").rglob("*") if path.is_file() and path.suffix != ".pyc")
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
assert len(SOURCES) > 20
assert DATA


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def tracked():
    """The files that git knows or would take, as (name, text), without those that other projects wrote."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("this is not a Git clone: the files of the repository are unknown")
    git = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(git, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    paths = [ROOT / name for name in names if name]
    assert len(paths) > 100
    ours = [path for path in paths if path.is_file() and ROOT / "tests" / "third_party" not in path.parents]
    return [(name_of(path), path.read_text("utf-8", "replace")) for path in ours]


def found(pattern, texts):
    """`file:line: text` of every place that a pattern matches."""
    return [
        f"{name}:{text.count(chr(10), 0, match.start()) + 1}: {match[0]}"
        for name, text in texts
        for match in re.finditer(pattern, text)
    ]


def test_the_modules_of_tests_have_names_of_their_own():
    """Two of one name cannot be imported in one run."""
    others = {ROOT / "tests/cases", ROOT / "tests/cluster/shop"}
    modules = [path for path in (ROOT / "tests").rglob("test_*.py") if others.isdisjoint(path.parents)]
    assert [name for name, number in Counter(path.name for path in modules).items() if number > 1] == []


# --- the engine knows no platform ---

WORDS = [
    "spotify",
    "postgres",
    "postgresql",
    "redis",
    "mongo",
    "mongodb",
    "elasticsearch",
    "pgbouncer",
    "kafka",
    "rabbitmq",
    "prometheus",
    "grafana",
    "jaeger",
    "alertmanager",
    "mlflow",
    "sentry",
    "spleeter",
    "audio",
    "music",
    "song",
    "playlist",
    "podcast",
    "mp3",
    "flac",
    "uvicorn",
    "gunicorn",
    "pytorch",
    "tensorflow",
    "onnx",
    "stripe",
    "twilio",
    "sendgrid",
    "huggingface",
    "openai",
    "jwt",
    "oauth",
    "csrf",
]


# a plug-in that asks a program knows the program's name, and a rule that finds the tokens of a service that of the service
ENGINE = [path for path in SOURCES if path.parent.name != "checks" or path.stem in ("__init__", "memory", "programs")]


def own_name(path):
    """The name of the program that a check asks which is a package: `checks/mlflow/evaluate.py` knows MLflow, and no other."""
    return path.parent.name if path.parent.parent.name == "checks" else None


@pytest.mark.parametrize("path", [*ENGINE, *(path for path in DATA if path.stem != "secret_rules")], ids=name_of)
def test_the_engine_has_no_word_of_the_reference_platform(path):
    words = rf"(?i)(?<![a-z])(?:{'|'.join(word for word in WORDS if word != own_name(path))})(?![a-z])"
    # a check says which package its program comes with, and what is made for a library says for which
    known = r'INSTALL.* = "the Debian package [\w-]+"|"the Debian package [\w-]+"|\bprometheus[_-]client\b'
    text = re.sub(known, "", path.read_text("utf-8"))
    assert found(words, [(name_of(path), text)]) == []


def test_no_domain_of_the_reference_project_is_named_outside_the_facade():
    """`kubernetes` is one of Weft's checks and `performance` an ordinary word; the rest would be knowledge."""
    domains = set(project().root.properties) - {"kubernetes", "performance", "tenant"}
    assert {"application", "database", "feature_flags"} <= domains
    named = {
        (name_of(path), node.value)
        for path in SOURCES
        if path.name != "facade.py"
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and node.value in domains
    }
    assert named == set()


# --- nothing of one machine ---


def test_no_file_names_a_folder_of_somebodys_machine():
    machines = r"(?<![\w.~-])/(?:wor[k]|hom[e]|roo[t]|User[s]|op[t]|mn[t])/[\w.-]+"  # brackets: not to find this line
    assert found(machines, tracked()) == []


def test_no_file_names_a_package_index():
    index = (
        r"--(?:extra-)?index-ur[l][ =]|--find-link[s][ =]|(?<![\w-])index-ur[l]\s*=|\[\[tool\.uv\.inde[x]|"
        r"https?://[^\s/\"']*(?:artifactor[y]|nexu[s]|devp[i])|https?://[^\s\"']+/simpl[e]\b|files\.pythonhoste[d]\.org"
    )
    assert found(index, tracked()) == []


# --- how the code reads ---


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_no_module_is_longer_than_400_lines(path):
    assert len(path.read_text("utf-8").splitlines()) <= 400


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_only_the_command_line_prints_and_exits(path):
    called = {
        ast.unparse(node.func) for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)
    }
    outside = path.parent.name != "cli"
    assert not outside or not called & {"print", "sys.exit", "exit", "os._exit"}


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_module_that_lists_its_names_has_them_and_no_other_public_ones(path):
    tree = ast.parse(path.read_text("utf-8"))
    listed = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and any(ast.unparse(target) == "__all__" for target in node.targets)
    ]
    for names in listed:
        assert names == sorted(names)
        if path.name != "__init__.py":
            defined = {node.name for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)}
            assert {name for name in defined if not name.startswith("_")} <= set(names)
            assert set(names) <= defined


# --- imports ---


def imported_by(statement):
    """The packages that a fresh Python holds after a statement."""
    code = f"import sys\n{statement}\nprint(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


HEAVY = {"cel", "deepmerge", "hypothesis", "jinja2", "jsonschema", "jsonschema_rs", "kubernetes_validate", "referencing", "yaml"}  # fmt: skip


def test_the_command_line_imports_nothing_heavy_before_a_command_needs_it():
    modules = imported_by("import weft.cli")
    assert {"click", "weft"} <= modules
    assert modules & HEAVY == set()


def test_help_and_version_import_nothing_heavy():
    for option in ("--help", "--version"):
        code = f"import sys; sys.argv = ['weft', '{option}']\nimport weft.cli, io, contextlib\n"
        code += "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit): weft.cli.main()"
        assert imported_by(code) & HEAVY == set()


def test_importing_weft_costs_nothing():
    assert imported_by("import weft") & {*HEAVY, "click"} == set()


def test_the_library_runs_without_click():
    assert "click" not in imported_by(f"import weft; weft.load_project({str(ROOT)!r}).target('local').problems()")


# --- the command line and what is written about it ---


def test_every_command_has_help():
    for command in cli.cli.list_commands(None):
        result = run(command, "--help")
        assert (result.code, result.err) == (0, "")
        assert result.out.startswith(f"Usage: weft {command}")


def test_there_is_one_module_for_each_command():
    modules = {path.stem for path in (ROOT / "src/weft/cli").glob("*.py")} - {
        "__init__",
        "answers",
        "clusters",
        "common",
        "dask",
        "rendering",
        "report",
    }
    assert modules == set(cli.cli.list_commands(None))


def test_the_module_and_the_script_are_the_same_program():
    script = shutil.which("weft", path=str(ROOT / ".venv" / "bin")) or shutil.which("weft")
    for command in ([sys.executable, "-m", "weft"], *([[script]] if script else [])):
        done = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == f"weft, version {weft.__version__}"


def shell_lines(path):
    """The lines of the code blocks of a document, and the code in backticks in its text."""
    text = path.read_text("utf-8")
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    rest = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    return [*"\n".join(blocks).splitlines(), *re.findall(r"`([^`\n]+)`", rest)]


def commands(program):
    """The word after `make` or `weft` in the documents: (document, word)."""
    pattern = re.compile(rf"(?:\$ )?(?:\w+=\S+ )*(?:\.venv/bin/)?{program} (?:-C \S+ )?(?P<word>[a-z][a-z-]+)(?=\s|$)")
    return {
        (path.name, match["word"]) for path in DOCUMENTS for line in shell_lines(path) if (match := pattern.match(line))
    }


def test_the_make_targets_in_the_documents_are_in_the_makefile_and_its_help():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    documented = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))
    used = commands("make")
    assert {("README.md", "render"), ("README.md", "test")} <= used
    assert [(name, word) for name, word in used if word not in documented] == []
    phony, internal = (line.split() for line in re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE))
    assert sorted(phony) == sorted(documented)
    assert set(internal) == {"python", "for-render", "for-dev"}


def test_the_commands_in_the_documents_exist():
    used = commands("weft")
    assert {("README.md", "init"), ("README.md", "render")} <= used
    assert [(name, word) for name, word in used if word not in cli.cli.list_commands(None)] == []


def without_code(text):
    return re.sub(r"^( *)```.*?^\1```|(`+)[^`\n].*?\2", "", text, flags=re.DOTALL | re.MULTILINE)


def anchors(path):
    """What a link to a document may name after `#`: its headings, as a forge names them, and anchors of its own."""
    text = re.sub(r"^( *)```.*?^\1```", "", path.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    titles = (re.sub(r"<[^>]*>", "", title) for title in re.findall(r"^#+ (.*)$", text, re.MULTILINE))
    slugs = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
    return slugs | set(re.findall(r'<a id="([^"]+)"', text))


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_links_in_the_documents_lead_to_files_and_their_headings(path):
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)", without_code(path.read_text("utf-8"))):
        name, _, anchor = link.partition("#")
        target = path.parent / name if name else path
        if "://" in link or (target.is_file() and (not anchor or anchor in anchors(target))):
            continue
        broken.append(link)
    assert broken == []


def test_every_page_of_the_site_is_linked_from_an_index():
    """Its navigation is made of these links (docs/conf.py)."""
    pages = set((ROOT / "docs").rglob("*.md"))
    indexes = {page for page in pages if page.name in ("index.md", "README.md")}
    listed = {
        (page.parent / link).resolve()
        for page in indexes
        for link in re.findall(r"\]\(([^)#:]+\.md)\)", page.read_text("utf-8"))
    }
    assert len(indexes) >= 6
    assert sorted(name_of(page) for page in pages - listed - {ROOT / "docs" / "index.md"}) == []


def test_ci_runs_what_the_makefile_offers():
    text = (ROOT / ".ci" / "run").read_text("utf-8")
    used = re.findall(r"^[^#\n]*\bmake (\S+)", text, re.MULTILINE)
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert {"check", "render", "test"} <= set(used)
    assert [target for target in used if not re.search(rf"^{target}:", makefile, re.MULTILINE)] == []
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o100

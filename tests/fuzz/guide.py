"""Coverage of the engine, for a fuzzer that keeps the inputs which reach something new.

Modules of `weft` that are imported after `install` count how often each of their blocks runs: their syntax trees get a statement
`counts[n] += 1` at the start of every function, branch and loop.
Why it is not one of the libraries for this: docs/decisions/0014-fuzzing.md.
"""

import ast
import contextlib
import pkgutil
import sys
from importlib import import_module
from importlib.machinery import PathFinder, SourceFileLoader

PACKAGE = "weft"
COUNTS: list[int] = []
"""How often each block of the engine ran, since `reset`."""
_NAME = "_blocks_of_the_engine"


class _Counted(ast.NodeTransformer):
    """Puts a counter at the start of each block."""

    def generic_visit(self, node):
        super().generic_visit(node)
        if isinstance(node, ast.FunctionDef | ast.If | ast.For | ast.While | ast.ExceptHandler | ast.match_case):
            self._count(node.body, skip_docstring=isinstance(node, ast.FunctionDef))
        if isinstance(node, ast.If | ast.For | ast.While) and node.orelse:
            self._count(node.orelse)
        return node

    def _count(self, body, *, skip_docstring=False):
        first = body[0]
        is_text = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
        statement = ast.parse(f"{_NAME}[{len(COUNTS)}] += 1").body[0]
        for part in ast.walk(statement):
            ast.copy_location(part, first)
        body.insert(1 if skip_docstring and is_text else 0, statement)
        COUNTS.append(0)


class _Loader(SourceFileLoader):
    """Compiles a module with counters; what Python has compiled before is left alone."""

    def get_code(self, fullname):
        tree = _Counted().visit(ast.parse(self.get_data(self.path), self.path))
        return compile(tree, self.path, "exec", dont_inherit=True)

    def exec_module(self, module):
        setattr(module, _NAME, COUNTS)
        super().exec_module(module)


class _Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] != PACKAGE:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec


def install():
    """Count in every module of the engine, of which none may have been imported before: all are now, so that their numbers stay."""
    assert not any(name.partition(".")[0] == PACKAGE for name in sys.modules), "the engine is imported already"
    sys.meta_path.insert(0, _Finder)
    for module in pkgutil.walk_packages(import_module(PACKAGE).__path__, f"{PACKAGE}."):
        with contextlib.suppress(ImportError):  # an extra that is not installed
            if not module.name.endswith(".__main__"):
                import_module(module.name)


def reset():
    """Reset the count."""
    COUNTS[:] = [0] * len(COUNTS)


def reached():
    """What ran since `reset`: numbers that mean a block, and about how often it ran, by powers of two up to 2**7."""
    return {index << 3 | min(count.bit_length(), 8) - 1 for index, count in enumerate(COUNTS) if count}

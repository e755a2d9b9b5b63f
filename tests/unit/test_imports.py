"""What import-linter cannot say: the standard library and nothing else, and syntax that an old Python reads."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STANDARD_LIBRARY_ONLY = {"mainstay": "mainstay", "agent/workers/shim": "agent.workers.shim"}
FOREIGN = [path for folder in ("mainstay", "examples") for path in sorted((ROOT / folder).rglob("*.py"))]


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module or ""


@pytest.mark.parametrize("folder", STANDARD_LIBRARY_ONLY)
def test_runs_on_the_standard_library_alone(folder: str) -> None:
    own = STANDARD_LIBRARY_ONLY[folder]
    foreign = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in (ROOT / folder).rglob("*.py")
        for name in imported(path)
        if name.split(".")[0] not in sys.stdlib_module_names and not f"{name}.".startswith(f"{own}.")
    }
    assert foreign == set()


@pytest.mark.parametrize("path", FOREIGN, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_runs_in_somebody_elses_python_is_python_3_8(path: Path) -> None:
    ast.parse(path.read_text(), feature_version=(3, 8))

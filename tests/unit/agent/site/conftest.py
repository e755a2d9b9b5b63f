"""A directory of a site's own checks."""

from collections.abc import Callable
from pathlib import Path

import pytest
from site_node import EXAMPLE, Node


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    made = tmp_path / "checks.d"
    made.mkdir(mode=0o755)
    return made


@pytest.fixture
def node(directory: Path) -> Node:
    return Node(str(directory))


@pytest.fixture
def put(directory: Path) -> Callable[..., Path]:
    """A file in the directory; the documented example unless another text is given."""

    def put(name: str, text: str = EXAMPLE) -> Path:
        path = directory / f"{name}.py"
        path.write_text(text, errors="surrogateescape")
        path.chmod(0o644)
        return path

    return put

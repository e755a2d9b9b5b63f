"""The reference is what the code says, and every field that somebody sets is explained there."""

from pathlib import Path
from typing import Annotated

import msgspec
import pytest

from agent.config import Config as AgentConfig
from agent.config import units
from controller.config import Config as ControllerConfig
from remediations.playbook import Playbook
from scripts.reference import imports, pages, structs
from scripts.reference.__main__ import DOCS, stale, write
from scripts.reference.kinds import fields_of, table_of, within
from scripts.reference.markdown import anchor, prose, table
from scripts.reference.meanings import of_words
from wire import api
from wire.attempts import End
from wire.specs import JobSpec

REQUESTS = [kind for kind in vars(api).values() if isinstance(kind, type) and kind.__name__.endswith("Request")]
UNITS = [struct for group in units().values() for struct in group.values()]
SET_BY_SOMEBODY = [AgentConfig, ControllerConfig, JobSpec, Playbook, *REQUESTS, *UNITS]


def test_no_page_is_stale():
    assert [str(path) for path in stale(DOCS)] == [], "run `make docs` and commit what it writes"


def test_what_is_stale_is_written_anew(tmp_path: Path):
    assert set(write(tmp_path)) == {tmp_path / path for path in pages.rendered()}
    page = tmp_path / "reference" / "cli.md"
    page.write_text(page.read_text() + "by hand")

    assert stale(tmp_path) == [page]
    assert write(tmp_path) == [page]
    assert stale(tmp_path) == []


@pytest.mark.parametrize("outermost", SET_BY_SOMEBODY, ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_what_somebody_sets_is_explained(outermost: type[msgspec.Struct]):
    for struct in within(outermost):
        plain = [field for field in fields_of(struct) if table_of(field.type) is None]
        unsaid = [field.name for field in plain if not structs.said(struct, field)]
        assert unsaid == [], f"{struct.__name__}: say in its docstring what they mean, as ``name``"


class Inner(msgspec.Struct):
    depth: int


class Outer(msgspec.Struct):
    """Of everything. Give ``first`` or ``second``."""

    first: Annotated[int, msgspec.Meta(ge=1)]
    inner: Inner
    second: str | None = None
    read: int = 3  # in mm


def test_a_struct_is_a_table():
    assert structs.fields(Outer) == [
        "| field | type | default | meaning |",
        "| --- | --- | --- | --- |",
        "| `first` | whole number at least 1 | required | Give `first` or `second`. |",
        "| `inner` | [Inner](#inner) | required |  |",
        "| `second` | text, or none | none | see `first` |",
        "| `read` | whole number | `3` | in mm |",
        "",
    ]
    assert structs.about(Outer) == ["Of everything.", ""]


def test_a_table_of_a_file_is_a_section():
    assert "## [inner]" in structs.toml(Outer)


def test_words_of_an_enum_are_explained_by_their_comments():
    assert "`succeeded`: every worker exited 0" in of_words(End)


def test_an_empty_column_is_left_out():
    assert table(("a", "b"), [("1", ""), ("2", "")]) == ["| a |", "| --- |", "| 1 |", "| 2 |", ""]
    assert table(("a", "b"), []) == []


def test_markdown_takes_text_for_text():
    assert table(("a",), [("x|y",)])[2] == "| x\\|y |"
    assert prose("``a`` of <b>, `<c>`") == "`a` of \\<b>, `<c>`"
    assert anchor("GET /v1/nodes/{name}") == "#get-v1nodesname"


def test_a_module_counts_for_its_package():
    assert imports.room("agent.workers.shim.main", 2) == "agent.workers"
    assert imports.room("agent.link", 2) == "agent"
    assert imports.arrows(1)["agent", "controller"] == 0
    assert imports.arrows(1)["agent", "wire"] > 0

"""Every line of the corpus is classed right; its harmless lines, that look most like faults, are no faults."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.faults import classify
from agent.faults.classify import Found

CORPUS = Path(__file__).parents[3] / "corpus/kernel"
ELSEWHERE = {"kernel_log_lost"}  # of no line


def lines(name: str) -> Iterator[str]:
    for line in (CORPUS / name).read_text("utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            yield line


def faults() -> Iterator[tuple[Found, str]]:
    for line in lines("faults.txt"):
        head, _, text = line.partition(" | ")
        kind, code, component = ("" if word == "-" else word for word in head.split())
        yield Found(kind, code, component), text


@pytest.mark.parametrize(("found", "line"), list(faults()), ids=lambda case: str(case)[:60])
def test_a_fault_is_classed(found: Found, line: str) -> None:
    assert classify.classify(line) == found


@pytest.mark.parametrize("line", list(lines("harmless.txt")), ids=lambda line: line[:60])
def test_a_harmless_line_is_no_fault(line: str) -> None:
    assert classify.classify(line) is None


def test_each_kind_of_line_is_in_the_corpus() -> None:
    assert {found.kind for found, _ in faults()} == classify.kinds()


def test_each_row_is_needed_and_has_its_source() -> None:
    """No row without a line of the corpus that only it classes."""
    texts = [text for _, text in faults()]
    firsts = {id(_first(text)) for text in texts}
    assert [each._pattern.pattern for each in classify._patterns() if id(each) not in firsts] == []
    assert [row.marker for row in classify.rows() if not row.source] == []


def _first(line: str) -> classify._Pattern | None:
    return next((each for each in classify._patterns() if each.marker in line and each.find(line)), None)


@given(st.text(max_size=300))
def test_no_line_breaks_it(line: str) -> None:
    classify.classify(line)


@given(st.sampled_from([text for _, text in faults()]), st.integers(0, 300))
def test_a_line_that_was_cut_breaks_nothing(line: str, length: int) -> None:
    classify.classify(line[:length])


@pytest.mark.parametrize(
    ("kind", "component", "name"),
    [
        ("xid", "PCI:0", "PCI:0"),
        ("xid", "0000:3B:00", "0000:3b:00"),
        ("xid", "00000000:3B:00.0", "0000:3b:00"),
        ("xid", "10000:3b:00", "10000:3b:00"),
        ("xid", "3b:00", "0000:3b:00"),
        ("aer_fatal", "0000:3B:00.1", "0000:3b:00.1"),
        ("nic_reset", "eth0", "eth0"),
    ],
)
def test_a_pci_address_is_written_as_sysfs_does(kind: str, component: str, name: str) -> None:
    assert classify.named(kind, component) == name

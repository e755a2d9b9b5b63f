"""The table of faults: what stands when, an operator's rows, and what is wrong with them in one line."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import checks
from agent.checks import Clears, Judged
from agent.errors import Invalid
from agent.faults import Sighting, classify, table, watch
from agent.faults.rows import ACTIONS, Burst, Occurrence, Repeat, Row
from agent.faults.table import Table, load
from agent.sensors.kernel_log import LOST
from wire.conditions import Severity, Status

GPU, OTHER = "0000:3b:00", "0000:4c:00"
DAY_S = 86_400.0


class Settings(msgspec.Struct):
    faults: str | None = None


@pytest.fixture(scope="module")
def own() -> Table:
    return table.own()


def row(**fields: object) -> Row:
    given = {"kind": "oom_kill", "meaning": "It broke.", "severity": "warning", "action": "reboot", "source": "us"}
    return msgspec.convert(given | {"condition": "ItBroke"} | fields, Row)


def seen(
    ago_s: float = 1.0, kind: str = "oom_kill", code: str = "", component: str = "", this_boot: bool = True
) -> Occurrence:
    return Occurrence(Sighting(kind, code, component, 1.0, f"{kind} {code}", "kernel_log"), ago_s, this_boot)


def standing(judged: Judged | None) -> dict[str, Severity]:
    """By component, what stands."""
    return {name: each.severity for name, each in judged.items()} if isinstance(judged, dict) else {}


def stands(row: Row, *occurrences: Occurrence) -> dict[str, Severity]:
    return standing(Table({(row.kind, row.code): row}).judge(occurrences).get("ItBroke"))


@pytest.mark.parametrize(
    ("clears", "occurrence", "there"),
    [
        ("fact", seen(599), True),
        ("fact", seen(601), False),
        ("fact", seen(10, this_boot=False), False),
        ("reboot", seen(90 * DAY_S), True),
        ("reboot", seen(10, this_boot=False), False),
        ("person", seen(90 * DAY_S, this_boot=False), True),
    ],
)
def test_what_ends_a_fault(clears: str, occurrence: Occurrence, there: bool) -> None:
    assert bool(stands(row(clears=clears, hold_s=600), occurrence)) is there


@pytest.mark.parametrize(
    ("agos", "there"), [([9, 5, 1], True), ([9, 1], False), ([62, 5, 1], False), ([300, 250, 241, 5], True)]
)
def test_a_burst_is_so_many_within_a_window(agos: list[float], there: bool) -> None:
    """And stands for as long as one does, however few come after it."""
    bursts = row(burst={"count": 3, "within_s": 60}, hold_s=600)
    assert bool(stands(bursts, *map(seen, agos))) is there


def test_bursts_are_of_one_component_each() -> None:
    bursts = row(burst={"count": 2, "within_s": 60})
    assert stands(bursts, seen(3, component="sda"), seen(2, component="sdb"), seen(1, component="sdb")) == {
        "sdb": Severity.WARNING
    }


def test_so_many_are_worse() -> None:
    worse = row(repeat={"count": 2, "within_s": DAY_S, "severity": "critical", "action": "replace_gpu"})
    assert stands(worse, seen(5)) == {"": Severity.WARNING}
    assert stands(worse, seen(3600), seen(5)) == {"": Severity.CRITICAL}
    assert stands(worse, seen(2 * DAY_S), seen(5)) == {"": Severity.WARNING}


def test_one_before_the_reboot_makes_the_next_one_worse() -> None:
    worse = row(clears="reboot", repeat={"count": 2, "within_s": DAY_S, "severity": "critical", "action": "reboot"})
    assert stands(worse, seen(3600, this_boot=False)) == {}
    assert stands(worse, seen(3600, this_boot=False), seen(5)) == {"": Severity.CRITICAL}


def test_what_was_never_told_is_not_spoken_of(own: Table) -> None:
    assert own.judge([]) == {}


def test_what_is_over_is_said_to_be(own: Table) -> None:
    judged = own.judge([seen(9 * DAY_S, code="global")])["KernelOom"]
    assert not isinstance(judged, dict)
    assert judged.status is Status.FALSE


def test_a_condition_names_each_gpu_and_the_worst_of_it(own: Table) -> None:
    told = [seen(9, "xid", "79", GPU), seen(8, "gpu_off_bus", "", OTHER), seen(7, "xid", "79", GPU)]
    judged = own.judge(told)["GpuXidOffBus"]
    assert standing(judged) == {GPU: Severity.CRITICAL, OTHER: Severity.CRITICAL}
    assert isinstance(judged, dict)
    assert judged[GPU].reason == "xid_79"
    assert "told 2 times, the last: xid 79" in judged[GPU].message


def test_a_code_that_nobody_knows_is_a_condition_of_its_own(own: Table) -> None:
    judged = own.judge([seen(9, "xid", "9999", GPU)])
    assert standing(judged["GpuXidUnknown"]) == {GPU: Severity.WARNING}
    assert own.severity(seen(code="9999", kind="xid").sighting) is Severity.WARNING
    assert own.severity(seen(kind="of a newer agent").sighting) is Severity.WARNING


def test_a_person_clears_one_condition_and_no_other(own: Table) -> None:
    off_bus, memory = seen(kind="xid", code="79").sighting, seen(kind="xid", code="48").sighting
    assert own.concerns("GpuXidOffBus", off_bus)
    assert not own.concerns("GpuXidOffBus", memory)
    assert not own.concerns("GpuXidOffBus", seen(kind="of a newer agent").sighting)


def test_each_kind_of_line_has_a_row(own: Table) -> None:
    told = {kind for kind, _ in own.rows}
    assert classify.kinds() | {LOST} <= told
    assert told - classify.kinds() == {LOST}


def test_each_row_can_be_acted_on(own: Table) -> None:
    rows = own.rows.values()
    assert [row.reason for row in rows if not row.meaning or not row.source] == []
    critical = [row for row in rows if row.severity is Severity.CRITICAL]
    assert [row.reason for row in critical if row.action == "none"] == []


def test_no_other_part_of_the_agent_has_such_a_condition(own: Table) -> None:
    assert own.types() & {check.condition for check in checks.discover().values()} == set()
    assert own.types() & set(table.OWN_TYPES) == set()
    assert watch.SOURCE_LOST in table.OWN_TYPES


COUNTS, WINDOWS = st.integers(1, 40), st.floats(1, 1e6)
ROWS = st.builds(
    Row,
    kind=st.just("oom_kill"),
    meaning=st.text(max_size=9),
    severity=st.sampled_from(Severity),
    action=st.sampled_from(sorted(ACTIONS)),
    source=st.just("us"),
    condition=st.just("ItBroke"),
    burst=st.builds(Burst, COUNTS, WINDOWS),
    repeat=st.none()
    | st.builds(Repeat, st.integers(1, 40), st.floats(1, 1e6), st.sampled_from(Severity), st.just("none")),
    clears=st.sampled_from(Clears),
    hold_s=st.floats(600, 1e6),
)
OCCURRENCES = st.lists(
    st.builds(seen, st.floats(0, 1e7), st.just("oom_kill"), st.just(""), st.sampled_from(["", "sda"]), st.booleans()),
    max_size=60,
)


@given(ROWS, OCCURRENCES)
def test_no_history_breaks_it(row: Row, occurrences: list[Occurrence]) -> None:
    assert set(stands(row, *occurrences)) <= {each.sighting.component for each in occurrences}


def written(tmp_path: Path, text: str) -> Settings:
    (tmp_path / "faults.toml").write_text(text)
    return Settings(str(tmp_path / "faults.toml"))


def test_an_operator_changes_a_field_of_a_row(tmp_path: Path, own: Table) -> None:
    loaded = load(written(tmp_path, '[[xid]]\ncode = 79\nseverity = "warning"\naction = "call the vendor on 555"\n'))
    was, now = own.rows["xid", "79"], loaded.rows["xid", "79"]
    assert now == msgspec.structs.replace(was, severity=Severity.WARNING, action="call the vendor on 555")
    assert len(loaded.rows) == len(own.rows)


def test_an_operator_adds_a_row(tmp_path: Path) -> None:
    text = '[[xid]]\ncode = 9999\nmeaning = "New."\nseverity = "critical"\naction = "reboot"\ncondition = "GpuNew"\n'
    loaded = load(written(tmp_path, text))
    assert standing(loaded.judge([seen(9, "xid", "9999", GPU)])["GpuNew"]) == {GPU: Severity.CRITICAL}
    assert "GpuNew" in loaded.types()


def test_an_operator_silences_a_kind(tmp_path: Path) -> None:
    loaded = load(written(tmp_path, '[[fault]]\nkind = "oom_kill"\ncode = "global"\ncondition = ""\n'))
    assert loaded.judge([seen(code="global")]) == {}


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (
            "[[xid]]\ncode = 79\nseverity = 'bad'\n",
            r"xid 79: severity: invalid enum value 'bad'; correct it",
        ),
        ("[[xid]]\ncode = 79\ncolour = 1\n", r"faults.toml: xid 79: colour: no such field; remove it"),
        ("[[xid]]\nseverity = 'info'\n", r"faults.toml: xid 1: code: a whole number is missing; add it"),
        ("[[fault]]\ncode = 'a'\n", r"faults.toml: fault 1: kind: a word is missing; add it"),
        ("[[xid]]\ncode = 9999\n", r"faults.toml: xid 9999: meaning: missing; add it"),
        ("[[xid]]\ncode = 79\n[[xid]]\ncode = 79\n", r"faults.toml: xid 79: is there twice; remove one"),
        ("[[xid]]\ncode = 79\nhold_s = 5\n", r"faults.toml: xid 79: hold_s: expected float >= 600.0; correct it"),
        (
            "[[xid]]\ncode = 79\naction = 'explode'\n",
            r"xid 79: action: 'explode' is none of none, restart",
        ),
        ("[[xid]]\ncode = 79\ncondition = 'gpu-x'\n", r"faults.toml: xid 79: condition: expected a name in CamelCase"),
        ("[[xid]]\ncode = 79\ncondition = 'GpuHot'\n", r"faults.toml: xid 79: condition: GpuHot is a check's"),
        ("[[xyd]]\ncode = 79\n", r"faults.toml: xyd: no such table; write \[\[xid\]\]"),
        ("[xid]\ncode = 79\n", r"faults.toml: xid: not a list of tables; write \[\[xid\]\]"),
        ("[[xid\n", r"faults.toml: cannot be read as TOML"),
    ],
)
def test_what_is_wrong_with_it_is_one_line(tmp_path: Path, text: str, error: str) -> None:
    with pytest.raises(Invalid, match=error) as raised:
        load(written(tmp_path, text))
    assert "\n" not in str(raised.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"gone\.toml: no such file; write it, or take `faults` out of the configuration"):
        load(Settings(str(tmp_path / "gone.toml")))

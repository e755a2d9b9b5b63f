"""A site's Python files: the documented one works, and what is wrong with one harms nothing and is said in one line."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from site_node import EXAMPLE, Node

from agent.checks import Timed
from agent.errors import Invalid
from agent.sensors import Host
from agent.site import describing, examine, look, said, site_checks, site_sensors
from agent.site.files import File, FileSource
from wire.conditions import Status

Put = Callable[..., Path]
BARE = 'TYPE, ACTION = "Bare", "look"\n'


def read(node: Node, name: str) -> Any:
    """What the check called ``name`` says, on the way that prober and agent take."""
    found = look(node)
    sensor, check = site_sensors(node, found)[name], site_checks(found)[name]
    source = sensor.attach(sensor.options(), Host())
    told = msgspec.msgpack.encode(source.read())
    assert sensor.reading is not None
    return check.judge([Timed(0.0, msgspec.msgpack.decode(told, type=sensor.reading))], check.thresholds())


@pytest.mark.parametrize(("seconds", "status"), [(60.0, Status.FALSE), (-1.0, Status.TRUE)])
def test_the_documented_example_judges(node: Node, put: Put, tmp_path: Path, seconds: float, status: Status) -> None:
    put("scratch_slow")
    node.sensors = {"scratch_slow": {"directory": str(tmp_path)}}
    node.thresholds = {"scratch_slow": {"seconds": seconds}}

    [verdict] = read(node, "scratch_slow").values()

    assert verdict.status is status
    assert "writing 4 KiB takes" in verdict.message
    assert not list(Path(node.site_checks).glob("__pycache__"))


def test_it_is_set_like_mainstays_own(node: Node, put: Put) -> None:
    put("scratch_slow")
    node.sensors = {"scratch_slow": {"every_s": 7.0, "directory": "/none"}}
    node.thresholds = {"scratch_slow": {"bad": 2, "seconds": 3.0}}
    found = look(node)
    sensor, check = site_sensors(node, found)["scratch_slow"], site_checks(found)["scratch_slow"]

    assert (sensor.options().every_s, sensor.options().deadline_s) == (7.0, 10.0)
    assert (check.condition, check.reads, check.window) == ("ScratchSlow", ("scratch_slow",), 1)
    assert (check.thresholds().bad, check.thresholds().of, check.thresholds().good) == (2, 5, 2)
    assert sensor.attach(sensor.options(), Host()).read() is None, "no such directory, no such condition"
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(found), type=type(found)) == found


WRONG = {
    "def x(:": ":1: SyntaxError",
    "import time\nwhile True: time.sleep(1)": "is not loaded within",
    "import os; os._exit(0)": "ended the process that loads it",
    "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)": "ended the process that loads it",
    "raise SystemExit(3)": ":1: SystemExit",
    "1 / 0": ":1: ZeroDivisionError",
    "import nothing_of_that_name": "ModuleNotFoundError",
    "x = '\udcff'": "SyntaxError",
    BARE: "has no Reading, read, Thresholds, Reason, judge",
    EXAMPLE.replace('"ScratchSlow"', '"scratch slow"'): "TYPE must be a name in CamelCase",
    EXAMPLE.replace('"ScratchSlow"', "5"): "TYPE must be a name in CamelCase",
    EXAMPLE.replace('"ScratchSlow"', '"DiskFull"'): "the condition DiskFull is one of Mainstay's own",
    EXAMPLE.replace("(Steadiness, frozen=True)", ""): "Thresholds must be derived from agent.checks.Steadiness",
    EXAMPLE.replace("(Cadence, frozen=True)", ""): "Options must be derived from agent.sensors.Cadence",
    EXAMPLE.replace("def judge(window, thresholds)", "def judge(window)"): "judge must be a function of a window",
    EXAMPLE.replace("def read(", "async def read("): "read must be a function of options",
    EXAMPLE + "\nWINDOW = 0": "WINDOW must be a number",
    EXAMPLE + "\nCLEARS = 'never'": "CLEARS must be one of",
    EXAMPLE.replace('    directory: str = "/scratch/.mainstay"', "    directory: str"): "Required field",
}


@pytest.mark.parametrize(("text", "complaint"), WRONG.items(), ids=list(WRONG.values()))
def test_what_is_wrong_is_one_line_and_harms_no_other(
    node: Node, put: Put, text: str, complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(describing, "LOAD_S", 2.0)
    put("good", EXAMPLE.replace("ScratchSlow", "Other"))
    path = put("scratch_slow", text)

    with pytest.raises(Invalid, match=complaint) as caught:
        examine(node)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)

    found = look(node)
    assert list(found.files) == ["good"]
    [(where, verdict)] = read(node, "site_check_broken").items()
    assert (where, verdict.status, verdict.reason) == (str(path), Status.TRUE, "not_loaded")


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        ({"sensors": {"scratch_slow": {"colour": 1}}}, r"sensors\.scratch_slow\.colour: no such field"),
        ({"sensors": {"scratch_slow": {"every_s": 0}}}, r"sensors\.scratch_slow\.every_s: "),
        ({"thresholds": {"scratch_slow": {"bad": 9}}}, r"bad \(9\) is larger than of \(5\)"),
    ],
)
def test_its_tables_are_checked(node: Node, put: Put, table: dict[str, Any], complaint: str) -> None:
    put("scratch_slow")
    for name, value in table.items():
        setattr(node, name, value)
    with pytest.raises(Invalid, match=complaint):
        examine(node)


@pytest.mark.parametrize("who", ["file", "directory"])
def test_what_others_may_write_is_not_run(node: Node, put: Put, directory: Path, who: str) -> None:
    path = put("scratch_slow", "raise AssertionError('it was run')")
    (path if who == "file" else directory).chmod(0o777)
    with pytest.raises(Invalid, match="others may write it; chmod go-w"):
        examine(node)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_what_belongs_to_others_is_not_run(node: Node, put: Put) -> None:
    os.chown(put("scratch_slow", "raise AssertionError('it was run')"), 65534, 65534)
    with pytest.raises(Invalid, match="belongs to user 65534"):
        examine(node)


@pytest.mark.parametrize("name", ["disk_full", "disk", "Slow", "a-b"])
def test_a_name_that_cannot_be_is_refused(node: Node, put: Put, name: str) -> None:
    put(name)
    with pytest.raises(Invalid, match="rename it"):
        examine(node)


def test_two_cannot_speak_for_one_condition(node: Node, put: Put) -> None:
    first, second = put("one"), put("two")
    assert set(look(node).broken) == {str(first), str(second)}
    assert look(node).files == {}


def test_hidden_files_and_what_is_no_python_are_left_alone(node: Node, put: Put, directory: Path) -> None:
    for name in (".hidden", "_shared"):
        put(name, "1 / 0")
    (directory / "notes.txt").write_text("1 / 0")
    assert look(node) == look(Node("/none/at/all"))


def test_a_check_that_needs_more_readings_gets_them_at_the_first_look(put: Put, tmp_path: Path) -> None:
    text = EXAMPLE.replace("seconds = window[-1].reading.seconds", "seconds = float(len(window))") + "\nWINDOW = 3\n"
    path = put("scratch_slow", text)
    source = FileSource(File(str(path), {"directory": str(tmp_path)}, {}))

    for _ in range(2):
        reading = source.read()
        assert reading is not None
        assert "3.000" in reading.verdicts[""].message


@pytest.mark.parametrize("judged", [None, 5, {"gpu0": "hot"}, [1], "hot"])
def test_what_is_no_verdict_is_said_so(judged: object) -> None:
    with pytest.raises(TypeError, match="Verdict"):
        said.reading(judged)

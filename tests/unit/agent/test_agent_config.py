from pathlib import Path

import pytest

from agent.config import load
from agent.errors import Invalid
from wire.names import split_host_port

GOOD = """
node = "n1"
address = "127.0.0.11"
controllers = ["127.0.0.1:7443", "[::1]:7443"]
[sensors.disk]
mounts = ["/", "/tmp"]
[thresholds.cpu_overload]
load_per_core = 4.0
"""


@pytest.fixture
def write(tmp_path: Path) -> Path:
    return tmp_path / "agent.toml"


def test_a_good_file(write: Path) -> None:
    write.write_text(GOOD)
    config = load(write)
    assert config.node == "n1"
    assert [split_host_port(text) for text in config.controllers] == [("127.0.0.1", 7443), ("::1", 7443)]
    assert config.thresholds["cpu_overload"] == {"load_per_core": 4.0}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("node", "cannot be read as TOML"),
        ('address = "a"', "node: missing; add it"),
        ('node = "N1"\naddress = "a"', "node: expected a name of small letters"),
        ('node = "n1"\naddress = "a"\ncolour = 1', "colour: no such field"),
        ('node = "n1"\naddress = "a"\nstate_dir = "here"', "state_dir: expected an absolute path"),
        ('node = "n1"\naddress = "a"\ncontrollers = ["x"]', r"controllers\[0\]: expected HOST:PORT"),
        ('node = "n1"\naddress = "a"\n[workers]\ncolour = 1', r"workers\.colour: no such field"),
        ('node = "n1"\naddress = "a"\n[thresholds.mood]', r"thresholds\.mood: no such table; known are bmc_sensor"),
        ('node = "n1"\naddress = "a"\n[thresholds.disk_full]\nwarning = 2.0', r"thresholds\.disk_full\.warning: "),
        ('node = "n1"\naddress = "a"\n[thresholds.disk_full]\nbad = 3', r"bad \(3\) is larger than of \(1\)"),
        ('node = "n1"\naddress = "a"\n[sensors.disk]\nmounts = "/"', r"sensors\.disk\.mounts: "),
    ],
)
def test_what_is_wrong_is_said_in_one_line(write: Path, text: str, complaint: str) -> None:
    write.write_text(text)
    with pytest.raises(Invalid, match=complaint) as caught:
        load(write)
    assert str(caught.value).startswith(f"{write}: ")
    assert "\n" not in str(caught.value)


def test_no_file_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="no such file"):
        load(tmp_path / "none.toml")

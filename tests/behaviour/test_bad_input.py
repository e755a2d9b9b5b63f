"""What a person or a peer gets wrong: one clear line, the right exit status, and nothing changed."""

import ssl
import subprocess
import sys
from pathlib import Path

import pytest
from harness import given_cluster
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from wire.api import NodeView
from wire.messages import Hello, RefusalReason, Refused, decode_from_controller, encode
from wire.version import MAJOR, Version

JOB = 'name = "lm"\nscript = "train.py"\nnodes = 2\n'


@pytest.fixture(scope="module")
def house():
    """One small cluster for all of them: nothing they do may change it."""
    with given_cluster(["n1"]) as cluster:
        yield cluster


@pytest.fixture(autouse=True)
def nothing_changed(house):
    def standing():
        nodes = [(node.name, node.phase, node.holds) for node in house.get("nodes", list[NodeView])]
        return nodes, house.http.get("jobs").json(), house.runs()

    before = standing()
    yield
    assert standing() == before


def mainstay(house, *words, token=None, ca=None):
    state = house.directory / "controller"
    environment = {
        "PATH": "/usr/bin:/bin",
        "MAINSTAY_API": f"{house.host}:7400",
        "MAINSTAY_TOKEN_FILE": str(token or state / "admin.token"),
        "MAINSTAY_CA": str(ca or state / "ca" / "ca.pem"),
    }
    command = str(Path(sys.executable).parent / "mainstay")
    return subprocess.run([command, *words], env=environment, capture_output=True, text=True, timeout=30)


def then_one_line(result, status, *says):
    lines = result.stderr.strip().splitlines()
    assert result.returncode == status, result.stderr
    assert len(lines) == 1, result.stderr
    for words in says:
        assert words in lines[0]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (JOB.replace("nodes = 2", "nodes = 0"), "nodes"),
        (JOB.replace("nodes", "nodez"), "nodez"),
        (JOB.replace('name = "lm"\n', ""), "name"),
        (JOB + '[checkpoint]\ndir = "relative"\npattern = "no-step"\n', "checkpoint.pattern"),
        ("name = [", "lm.toml"),
    ],
    ids=["a number out of range", "an unknown field", "a missing field", "a pattern without its step", "not TOML"],
)
def test_a_wrong_job_file(house, tmp_path, text, says):
    (tmp_path / "lm.toml").write_text(text)
    (tmp_path / "train.py").write_text("")
    then_one_line(mainstay(house, "job", "submit", str(tmp_path / "lm.toml")), 2, "lm.toml", says)


@pytest.mark.parametrize("words", [("node", "show", "n9"), ("job", "show", "nope"), ("run", "show", "7")])
def test_something_unknown(house, words):
    then_one_line(mainstay(house, *words), 3, words[-1])


def test_a_job_file_that_is_not_there(house, tmp_path):
    then_one_line(mainstay(house, "job", "submit", str(tmp_path / "none.toml")), 2, "none.toml")


def test_a_bad_token(house, tmp_path):
    (tmp_path / "token").write_text("ms_api_guess")
    then_one_line(mainstay(house, "node", "list", token=tmp_path / "token"), 4, "token")


def test_another_clusters_authority(house, tmp_path):
    other = tmp_path / "ca.pem"
    other.write_bytes((house.directory / "n1" / "state" / "identity" / "certificate.pem").read_bytes())
    then_one_line(mainstay(house, "node", "list", ca=other), 1, "certificate")


@pytest.mark.parametrize(
    ("module", "text", "says"),
    [
        ("controller.main", 'state_dir = "/tmp/x"\nstatedir = 1\n', "statedir"),
        ("controller.main", "[timing]\nlost_after_s = -1\n", "lost_after_s"),
        ("agent.main", 'node = "N 1"\naddress = "127.0.0.1"\n', "node"),
        ("agent.main", 'node = "n1"\naddress = "127.0.0.1"\n[workers]\nroot = []\n', "root"),
    ],
)
def test_a_broken_configuration(tmp_path, module, text, says):
    path = tmp_path / "mainstay.toml"
    path.write_text(text)
    argv = [sys.executable, "-m", module, "run", "--config", str(path)]
    then_one_line(subprocess.run(argv, capture_output=True, text=True, timeout=30), 2, "mainstay.toml", says)


def link_of(house, node):
    identity = house.directory / node / "state" / "identity"
    trust = ssl.create_default_context(cafile=str(identity / "ca.pem"))
    trust.load_cert_chain(identity / "certificate.pem", identity / "key.pem")
    return connect(f"wss://{house.host}:7401/v1/link", ssl=trust, open_timeout=10)


@pytest.mark.parametrize(
    ("frame", "reason", "says"),
    [
        (b"\xc1 nonsense", RefusalReason.MALFORMED, "MessagePack"),
        ("text", RefusalReason.MALFORMED, "text frame"),
        (
            encode(Hello(Version(MAJOR + 1, 0), "n1", "9", "i", "b", "127.0.0.1", 0)),
            RefusalReason.OTHER_MAJOR_VERSION,
            f"{MAJOR + 1}.0",
        ),
    ],
    ids=["not a message", "text", "another major version"],
)
def test_a_malformed_or_foreign_frame_is_refused_by_name(house, frame, reason, says):
    with link_of(house, "n1") as link:
        link.send(frame)
        answer = decode_from_controller(link.recv(timeout=10))
    assert isinstance(answer, Refused)
    assert answer.reason is reason
    assert says in answer.message
    assert house.ready("n1"), "the node's own agent is served as before"


def test_a_link_without_a_certificate_is_not_spoken_to(house):
    trust = ssl.create_default_context(cafile=str(house.directory / "controller" / "ca" / "ca.pem"))
    with (
        pytest.raises((WebSocketException, OSError, EOFError)),
        connect(f"wss://{house.host}:7401/v1/link", ssl=trust, open_timeout=10) as link,
    ):
        link.recv(timeout=10)

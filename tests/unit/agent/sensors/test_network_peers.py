"""Echoes between nodes, over real sockets of several addresses of this machine."""

import socket
import time
from collections.abc import Callable, Iterator

import msgspec
import pytest
from fakes.deadline import eventually
from hypothesis import given
from hypothesis import strategies as st

from agent.checks import Timed, Verdict, peer_unreachable
from agent.sensors import Host, echo, lan_peers
from agent.sensors.echo import ANSWER, ASK, PACKET, Bucket, Responder, ask, opened, packet
from wire.peers import Peer

KEY, OTHER = b"k" * 16, b"o" * 16
NONCE = b"n" * echo.NONCE_BYTES
QUIET_S = 0.3

Answering = Callable[..., Responder]


@pytest.fixture
def answering() -> Iterator[Answering]:
    made: list[Responder] = []

    def make(address: str = "127.0.0.2", keys: tuple[bytes, ...] = (KEY,)) -> Responder:
        responder = Responder(address, 0)
        responder.keys = keys
        made.append(responder)
        return responder

    yield make
    for responder in made:
        responder.close()


def closed_port(address: str) -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind((address, 0))
        return int(taken.getsockname()[1])


def answer_to(data: bytes, responder: Responder, within_s: float) -> bytes | None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.settimeout(within_s)
        asker.sendto(data, ("127.0.0.2", responder.port))
        try:
            return asker.recv(1024)
        except TimeoutError:
            return None


def test_an_answer_is_as_long_as_its_question_and_marked_with_the_same_key(answering: Answering) -> None:
    question = packet(ASK, NONCE, OTHER)
    answer = answer_to(question, answering(keys=(KEY, OTHER)), 5.0)
    assert answer is not None
    assert len(answer) == len(question) == PACKET.size
    assert opened(answer, ANSWER, [OTHER]) == (NONCE, OTHER)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        packet(ASK, NONCE, OTHER),  # another fleet's
        packet(ASK, NONCE, KEY) + b"\0",
        packet(ASK, NONCE, KEY)[:-1],
        packet(ANSWER, NONCE, KEY),  # or two nodes would answer each other for ever
        ANSWER + packet(ASK, NONCE, KEY)[4:],
    ],
)
def test_nobody_else_gets_an_answer(answering: Answering, data: bytes) -> None:
    responder = answering()
    assert answer_to(data, responder, QUIET_S) is None
    assert answer_to(packet(ASK, NONCE, KEY), responder, 5.0) is not None


@given(st.binary(max_size=64))
def test_no_bytes_make_it_raise(data: bytes) -> None:
    assert opened(data, ASK, [KEY]) is None


def test_a_bucket_runs_dry_and_fills_again() -> None:
    bucket = Bucket(rate=10.0, burst=3.0, now=0.0)
    assert [bucket.take(0.0) for _ in range(5)] == [True, True, True, False, False]
    assert [bucket.take(0.2) for _ in range(3)] == [True, True, False]
    assert [bucket.take(100.0) for _ in range(4)] == [True, True, True, False]


def test_who_answers_is_told_from_who_does_not(answering: Answering) -> None:
    peers = {
        "here": ("127.0.0.2", answering("127.0.0.2").port),
        "there": ("127.0.0.3", answering("127.0.0.3").port),
        "stranger": ("127.0.0.4", answering("127.0.0.4", (OTHER,)).port),
        "gone": ("127.0.0.5", closed_port("127.0.0.5")),
        "nowhere": ("x" * 70, 1),
    }
    found = ask(peers, KEY, 3, QUIET_S)
    assert {name: (it.asked, len(it.took)) for name, it in found.items()} == {
        "here": (3, 3), "there": (3, 3), "stranger": (3, 0), "gone": (3, 0),
    }  # fmt: skip
    assert 0 < (found["here"].median_s or 0) < QUIET_S
    assert found["gone"].median_s is None


class Agent:
    """The sensor as the prober has it."""

    def __init__(self, name: str, address: str, port: int = 0) -> None:
        self.name, self.address = name, address
        options = lan_peers.Options(port=port, timeout_s=QUIET_S)
        self.sensor = lan_peers.Meeting(options, Host(node=name, address=address))

    @property
    def peer(self) -> Peer:
        return Peer(self.name, self.address, self.read().port)

    def told(self, *peers: Peer, key: bytes = KEY, lives_s: float = 60.0) -> None:
        until = time.clock_gettime(time.CLOCK_BOOTTIME) + lives_s
        self.sensor.tell(msgspec.msgpack.encode(lan_peers.News(7, key, until, list(peers))))

    def read(self) -> lan_peers.Reading:
        reading = self.sensor.read()
        assert reading is not None
        return reading


def test_two_agents_measure_each_other() -> None:
    one, other = Agent("n1", "127.0.0.11"), Agent("n2", "127.0.0.12")
    gone = Peer("n3", "127.0.0.13", closed_port("127.0.0.13"))
    assert one.read() == lan_peers.Reading(one.peer.port)  # nobody was said yet
    other.told(one.peer)
    one.told(other.peer, gone)
    reading = one.read()
    assert (reading.round, reading.ever_answered) == (7, True)
    assert [(it.name, it.asked, it.answered) for it in reading.figures] == [("n2", 5, 5), ("n3", 5, 0)]
    assert other.read().figures[0].answered == 5


def test_a_node_cut_off_from_most_says_so_and_one_silent_peer_is_its_own_fault() -> None:
    one, other = Agent("n1", "127.0.0.11"), Agent("n2", "127.0.0.12")
    gone = [Peer(f"n{number}", f"127.0.0.{number}", closed_port(f"127.0.0.{number}")) for number in (3, 4)]
    other.told()
    for peers, expected in (([other.peer, gone[0]], "peers_answer"), ([other.peer, *gone], "most_silent")):
        one.told(*peers)
        verdict = peer_unreachable.judge([Timed(0.0, one.read())], peer_unreachable.Thresholds())
        assert isinstance(verdict, Verdict)
        assert verdict.reason == expected


def test_the_key_before_is_still_answered_and_the_one_before_that_is_not() -> None:
    one, other = Agent("n1", "127.0.0.11"), Agent("n2", "127.0.0.12")
    for key in (KEY, OTHER):
        other.told(key=key)
    one.told(other.peer, key=KEY)
    assert one.read().figures[0].answered == 5
    other.told(key=b"3" * 16)
    assert one.read().figures[0].answered == 0


def test_old_news_ask_nobody() -> None:
    one, other = Agent("n1", "127.0.0.11"), Agent("n2", "127.0.0.12")
    one.told(other.peer, lives_s=-1.0)
    assert one.read().figures == []


def test_a_port_that_is_taken_is_another_until_it_is_free() -> None:
    port = closed_port("127.0.0.14")
    first = Responder("127.0.0.14", port)
    agent = Agent("n1", "127.0.0.14", port)
    before = agent.read().port
    assert before != port
    first.close()
    eventually(lambda: agent.read().port == port, "its own port")
    agent.told()
    for at in (before, port):
        assert ask({"n1": ("127.0.0.14", at)}, KEY, 1, 5.0)["n1"].took


@pytest.mark.parametrize("address", ["192.0.2.1", "x" * 70])
def test_an_address_that_is_not_this_machines_is_answered_for_on_all_it_has(address: str) -> None:
    agent = Agent("n1", address)
    agent.told()
    assert ask({"n1": ("127.0.0.9", agent.read().port)}, KEY, 1, 5.0)["n1"].took

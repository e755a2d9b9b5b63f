"""Beyond loopback only mutual TLS."""

import pytest

from agent.config import parse
from agent.errors import Invalid

TLS = 'certificate = "/c.pem"\nkey = "/k.pem"\nclient_ca = "/ca.pem"\n'


def config(metrics: str) -> str:
    return f'node = "n1"\naddress = "10.0.0.1"\n[metrics]\n{metrics}'


@pytest.mark.parametrize("listen", ["127.0.0.1:9105", "127.3.2.1:9105", "[::1]:9105", "localhost:9105"])
def test_loopback_is_for_everybody(listen: str) -> None:
    assert parse(config(f'listen = "{listen}"\n'), "f").metrics.listen == listen


def test_without_a_word_there_is_no_page() -> None:
    assert parse(config(""), "f").metrics.listen is None


@pytest.mark.parametrize("listen", ["0.0.0.0:9105", "[::]:9105", "10.0.0.1:9105", "node-1.example:9105"])
def test_elsewhere_takes_mutual_tls(listen: str) -> None:
    assert parse(config(f'listen = "{listen}"\n{TLS}'), "f").metrics.secured
    with pytest.raises(Invalid, match=r"f: metrics.*not on loopback.*client_ca"):
        parse(config(f'listen = "{listen}"\n'), "f")


@pytest.mark.parametrize("missing", ["certificate", "key", "client_ca"])
def test_the_three_files_go_together(missing: str) -> None:
    given = "\n".join(line for line in TLS.splitlines() if not line.startswith(missing))
    with pytest.raises(Invalid, match=r"metrics.*go together"):
        parse(config(f'listen = "127.0.0.1:9105"\n{given}\n'), "f")


@pytest.mark.parametrize("listen", ["9105", "127.0.0.1", "127.0.0.1:", "[::1", "", "127.0.0.1:70000"])
def test_what_is_no_place(listen: str) -> None:
    with pytest.raises(Invalid, match=r"metrics"):
        parse(config(f'listen = "{listen}"\n'), "f")

from pathlib import Path

import pytest

from controller.config import DEFAULT_PATH, Config, load, parse
from controller.errors import Invalid


def test_defaults_listen_on_loopback_only() -> None:
    config = parse(b"", "f.toml")
    assert {config.api.address.host, config.link.address.host} == {"127.0.0.1"}
    assert config.database_url == "sqlite:////var/lib/mainstay/controller/controller.db"


def test_missing_default_file_means_defaults() -> None:
    if not DEFAULT_PATH.exists():
        assert load(DEFAULT_PATH) == Config()


def test_missing_named_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"absent.toml: no such file"):
        load(tmp_path / "absent.toml")


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("x = 1", "x: no such field"),
        ("[api]\nlistn = 'a'", "api.listn: no such field"),
        ("[api]\nlisten = 'a'", "api: listen: 'a' is not HOST:PORT"),
        ("[link]\nlisten = '127.0.0.1:70000'", "link: listen: port 70000"),
        ("[link]\nlisten = '0.0.0.0:7401'", "names: "),
        ("[link]\nheartbeat_s = 3", "link.heartbeat_s must be less"),
        ("[timing]\nlost_after_s = 'x'", "timing.lost_after_s: expected float"),
        ("[timing]\nlost_after_s = 1", "timing: suspect_after_s must be less"),
        ("[limits]\nbreaker_share = 2", "limits.breaker_share: "),
        ("admin_user = 'root'", "admin_user: jobs never run as root"),
        ("state_dir = 'var'", "state_dir: "),
        ("a = ", "not TOML"),
    ],
)
def test_wrong_file_is_named_with_its_field(text: str, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse(text.encode(), "f.toml")
    assert str(caught.value).startswith(f"f.toml: {field}")
    assert "\n" not in str(caught.value)


def test_ipv6_and_names() -> None:
    config = parse(b"names = ['ctl.example', '10.0.0.1']\n[link]\nlisten = '[::1]:0'", "f.toml")
    assert (config.link.address.host, str(config.link.address)) == ("::1", "[::1]:0")
    assert config.server_names == ["10.0.0.1", "127.0.0.1", "::1", "ctl.example", "localhost"]


def test_password_is_not_shown() -> None:
    config = parse(b"database = 'postgresql+psycopg://ann:secret@db/mainstay'", "f.toml")
    assert config.database_shown == "postgresql+psycopg://ann:***@db/mainstay"

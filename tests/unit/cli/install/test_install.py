"""Installing into a directory: what is there afterwards, twice the same, and nothing left when it is removed."""

import os
import shutil
import stat
from pathlib import Path

import pytest

from cli.install import own_code
from cli.install.place import UNIT_TEMPLATES
from cli.main import execute

needs_root = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("systemd-sysusers") is None, reason="makes users in a directory of its own"
)
SIDES = ("agent", "controller")


@pytest.fixture
def image(tmp_path):
    """What a machine has before."""
    for folder in ("etc/systemd/system", "var/lib", "root"):
        (tmp_path / "image" / folder).mkdir(parents=True)
    for file in ("passwd", "group", "shadow", "gshadow"):
        (tmp_path / "image/etc" / file).touch()
    return tmp_path / "image"


@pytest.fixture
def mainstay(image, capsys):
    def run(*arguments):
        status = execute([*arguments, "--into", str(image)])
        captured = capsys.readouterr()
        assert status == 0, captured.err
        return captured.out

    return run


def listing(image):
    """Path to owner and mode; not what systemd's and shadow's own tools leave beside their files."""
    found = {}
    for path in sorted(image.rglob("*")):
        name = str(path.relative_to(image))
        if not name.startswith(("etc/passwd", "etc/group", "etc/shadow", "etc/gshadow", "etc/.pwd.lock")):
            status = path.lstat()
            found[name] = (status.st_uid, stat.filemode(status.st_mode), path.is_file() and path.read_bytes())
    return found


@needs_root
@pytest.mark.parametrize("side", SIDES)
def test_a_second_run_changes_nothing(mainstay, image, side):
    assert "write " in mainstay("install", side)
    first = listing(image)
    assert mainstay("install", side).startswith("nothing to do")
    assert listing(image) == first


@needs_root
@pytest.mark.parametrize("side", SIDES)
def test_purging_leaves_no_trace(mainstay, image, side):
    before = listing(image)
    mainstay("install", side)
    assert listing(image) != before
    mainstay("uninstall", side, "--purge", "--yes")
    assert listing(image) == before
    assert "mainstay" not in (image / "etc/passwd").read_text() + (image / "etc/group").read_text()


@needs_root
def test_without_purge_state_configuration_and_user_stay(mainstay, image):
    mainstay("install", "agent")
    mainstay("uninstall", "agent", "--yes")
    left = set(listing(image))
    assert {"etc/mainstay/agent.toml", "var/lib/mainstay-agent"} <= left
    assert not [name for name in left if "system" in name and "mainstay" in name]
    assert "mainstay-agent" in (image / "etc/passwd").read_text()


@needs_root
def test_who_owns_what(mainstay, image):
    mainstay(
        "install", "agent", "--node", "n7", "--user", "ada", "--root", "/shared", "--interpreter", "/usr/bin/python3"
    )
    config = image / "etc/mainstay/agent.toml"
    text = config.read_text()
    assert stat.filemode(config.stat().st_mode) == "-rw-r-----"
    assert (config.stat().st_uid, config.stat().st_gid != 0) == (0, True)
    assert stat.filemode((image / "var/lib/mainstay-agent").stat().st_mode) == "drwx--x--x"
    assert 'node = "n7"' in text
    assert 'helper = "/run/mainstay-helper.sock"' in text
    assert 'users = ["ada"]' in text
    mainstay("install", "controller")
    assert stat.filemode((image / "var/lib/mainstay/controller").stat().st_mode) == "drwx------"


@needs_root
def test_a_configuration_that_is_there_stays(mainstay, image, capsys):
    mainstay("install", "agent", "--node", "n7")
    config = image / "etc/mainstay/agent.toml"
    config.write_text(config.read_text() + "# mine\n")
    assert execute(["install", "agent", "--node", "n8", "--into", str(image)]) == 0
    assert "stays as it is" in capsys.readouterr().err
    assert config.read_text().endswith("# mine\n")


@needs_root
def test_an_older_unit_is_replaced(mainstay, image):
    mainstay("install", "agent")
    unit = image / "etc/systemd/system/mainstay-agent.service"
    unit.write_text("[Service]\nExecStart=/old\n")
    assert "replace" in mainstay("install", "agent")
    assert "mainstay-agent run" in unit.read_text()


@needs_root
def test_a_dry_run_does_nothing(mainstay, image):
    before = listing(image)
    assert "would write" in mainstay("install", "agent", "--dry-run")
    assert listing(image) == before


@needs_root
def test_what_is_wrong_is_said_before_anything_is_done(image, capsys):
    before = listing(image)
    assert execute(["install", "agent", "--node", "N 7", "--into", str(image)]) == 2
    assert "node: " in capsys.readouterr().err
    assert listing(image) == before


@needs_root
def test_only_this_machine_can_be_started(image, capsys):
    assert execute(["install", "agent", "--start", "--into", str(image)]) == 4
    assert "--start" in capsys.readouterr().err


def test_only_root_installs(monkeypatch, capsys):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert execute(["install", "agent"]) == 4
    assert execute(["uninstall", "controller", "--yes"]) == 4
    assert capsys.readouterr().err.count("only root") == 2


@pytest.mark.parametrize(
    ("kind", "mode", "uid", "gid", "said"),
    [
        (stat.S_IFDIR, 0o755, 0, 0, ""),
        (stat.S_IFREG, 0o644, 0, 0, ""),
        (stat.S_IFDIR, 0o1777, 0, 0, ""),
        (stat.S_IFDIR, 0o775, 0, 0, ""),
        (stat.S_IFDIR, 0o755, 1000, 0, "belongs to another user"),
        (stat.S_IFREG, 0o664, 0, 50, "writable by others"),
        (stat.S_IFREG, 0o666, 0, 0, "writable by others"),
        (stat.S_IFDIR, 0o777, 0, 0, "writable by others"),
        (stat.S_IFDIR, 0o700, 0, 0, "lets only root through"),
        (stat.S_IFREG, 0o600, 0, 0, "for root alone"),
    ],
)
def test_code_that_root_runs_is_roots_alone(kind, mode, uid, gid, said):
    judged = own_code.judge(Path("/x"), kind | mode, uid, gid)
    assert said in judged
    assert bool(said) == bool(judged)


def test_every_template_names_programs_by_their_mark():
    for path in UNIT_TEMPLATES.glob("*.service"):
        commands = [line for line in path.read_text().splitlines() if line.startswith("ExecStart=")]
        assert commands, path
        assert all(line.startswith("ExecStart=@BIN@/") for line in commands), path

"""Commands as checks: real processes that pass, fail, hang, flood, breed; and what their ends mean."""

import os
import signal
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest
from fakes import documented
from fakes.deadline import eventually
from hypothesis import given
from hypothesis import strategies as st
from site_node import CHECKLIST, Node

from agent.checks import Timed
from agent.errors import Invalid
from agent.sensors import Host
from agent.site import command, examine, look, site_checks, site_sensors
from agent.site.command import Command, Reason, Style, verdict
from agent.site.minded import MINDER, Ended, Minded
from wire.conditions import Severity, Status

SH = "/bin/sh"
T, F, U = Status.TRUE, Status.FALSE, Status.UNKNOWN


def make(*argv: str, **fields: Any) -> Command:
    return msgspec.convert({"argv": list(argv) or ["/bin/true"], "condition": "Own", **fields}, Command)


def run(script: str, deadline_s: float = 10.0) -> Ended:
    return Minded([SH, "-c", script], deadline_s).run()


def processes(mark: str) -> list[int]:
    """Alive, with ``mark`` in their command line."""
    return [each.pid for each in psutil.process_iter(["cmdline"]) if mark in " ".join(each.info["cmdline"] or [])]


class TestAProcess:
    def test_that_ends_is_told_as_it_ended(self) -> None:
        ended = run("echo out; echo err >&2; exit 3")
        assert ended == Ended(3, False, "out\n", "err\n", "")

    def test_has_a_fixed_environment_no_input_and_no_shell(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SECRET", "1")
        names = {line.partition("=")[0] for line in Minded(["/usr/bin/env"], 10).run().stdout.splitlines()}
        assert names == {"PATH", "HOME", "LANG"}
        assert run("cat; pwd").stdout == "/\n"
        assert Minded(["/bin/echo", "$HOME; id"], 10).run().stdout == "$HOME; id\n"

    def test_that_floods_is_read_to_its_end_and_kept_in_part(self) -> None:
        ended = run("head -c 10000000 /dev/zero | tr '\\0' x; head -c 10000000 /dev/zero >&2; exit 1")
        assert (ended.status, len(ended.stdout), len(ended.stderr)) == (1, 65536, 65536)

    def test_that_says_what_is_no_text(self) -> None:
        ended = run("printf 'caf\\351 \\377\\n'; exit 1")
        assert verdict(make(), ended).message == "caf\ufffd \ufffd"

    @pytest.mark.parametrize(
        "script",
        [
            "{sleep} & {sleep} & {sleep}",  # children
            "sh -c '{sleep} & {sleep}' & wait",  # grandchildren
            "setsid {sleep} & {sleep}",  # one in a session of its own
            "(setsid sh -c '{sleep}; true' &) ; {sleep}",  # a daemon: it has no parent any more
            "trap '' TERM INT HUP; {sleep}; {sleep}",  # one that does not listen
            "{sleep} >/dev/null 2>&1 & exec >&- 2>&-; {sleep}",  # one without output
        ],
    )
    def test_that_hangs_is_gone_with_all_it_started(self, script: str) -> None:
        mark = f"{1000 + os.getpid()}.125"
        ended = run(script.format(sleep=f"sleep {mark}"), deadline_s=0.4)
        assert ended.hung
        eventually(lambda: not processes(mark), "all are gone")

    def test_what_it_leaves_behind_is_ended_too_and_not_waited_for(self) -> None:
        mark = f"{1000 + os.getpid()}.25"
        ended = run(f"setsid sleep {mark} & echo done", deadline_s=60.0)
        assert (ended.status, ended.stdout) == (0, "done\n")
        eventually(lambda: not processes(mark), "it is gone")

    def test_ends_when_its_owner_is_killed(self) -> None:
        mark = f"{1000 + os.getpid()}.5"
        script = f"setsid sleep {mark} & sleep {mark}"
        code = f"from agent.site.minded import Minded; Minded(['{SH}', '-c', '{script}'], 60).run()"
        with subprocess.Popen([sys.executable, "-c", code]) as owner:
            eventually(lambda: len(processes(f"sleep {mark}")) >= 2, "it runs")
            owner.kill()
        eventually(lambda: not processes(f"sleep {mark}"), "all are gone")

    def test_one_that_the_kernel_does_not_let_go_is_not_started_again(self, tmp_path: Path) -> None:
        """A minder that waits for its command stands for one that waits for what cannot be killed."""
        subject = Minded([SH, "-c", "echo once >> " + str(tmp_path / "runs")], 10.0)
        subject.run()
        stuck = subprocess.Popen(
            [sys.executable, "-I", "-S", str(MINDER), "60", "/bin/sleep", "60"], stdin=subprocess.PIPE
        )
        subject._before = stuck
        try:
            again = subject.run()
            assert (again.status, again.hung) == (None, True)
            assert f"process {stuck.pid}" in again.error
        finally:
            assert stuck.stdin is not None
            stuck.stdin.close()
            stuck.wait(10)
        assert subject.run().status == 0
        assert (tmp_path / "runs").read_text() == "once\nonce\n"

    def test_that_cannot_be_run_is_said_so(self, tmp_path: Path) -> None:
        (tmp_path / "text").write_text("no program")
        (tmp_path / "text").chmod(0o755)
        assert Minded([str(tmp_path / "none")], 5).run().error == "No such file or directory"
        assert Minded([str(tmp_path / "text")], 5).run().error == "Exec format error"


NHC = "ERROR:  nhc:  Health check failed:  check_fs_mount:  /scratch not mounted\n"
ENDS = [
    (Style.EXIT, Ended(0, stdout="fine\nmore\n"), F, "command_passed", "fine"),
    (Style.EXIT, Ended(0), F, "command_passed", "it says nothing, and that all is well"),
    (Style.EXIT, Ended(2, stdout="\n  bad \n", stderr="e"), T, "command_failed", "bad"),
    (Style.EXIT, Ended(1, stderr="only here\n"), T, "command_failed", "only here"),
    (Style.EXIT, Ended(9), T, "command_failed", "/bin/true ended with status 9"),
    (Style.EXIT, Ended(-11, stdout="x"), U, "command_broken", "/bin/true: ended by signal 11"),
    (Style.EXIT, Ended(None, error="Permission denied"), U, "command_broken", "/bin/true: Permission denied"),
    (Style.EXIT, Ended(None, hung=True), U, "command_hung", "/bin/true: no end within 30 s; killed"),
    (Style.NPD, Ended(0, stdout="ntp service is up"), F, "command_passed", "ntp service is up"),
    (Style.NPD, Ended(1, stdout="ntp is down"), T, "command_failed", "ntp is down"),
    (Style.NPD, Ended(2, stdout="no systemd"), U, "command_unsure", "no systemd"),
    (Style.NPD, Ended(127, stderr="sh: x: not found"), U, "command_unsure", "sh: x: not found"),
    (Style.NHC, Ended(0), F, "command_passed", "it says nothing, and that all is well"),
    (Style.NHC, Ended(1, stdout="Running\n" + NHC), T, "command_failed", "check_fs_mount: /scratch not mounted"),
    (Style.NHC, Ended(1, stdout="Health check failed:  a:  b\n" + NHC.replace("check_fs_mount:", "c:")), T,
     "command_failed", "a: b; c: /scratch not mounted"),
    (Style.NHC, Ended(1, stderr=NHC + NHC), T, "command_failed", "check_fs_mount: /scratch not mounted"),
    (Style.NHC, Ended(142, stderr="watchdog"), T, "command_failed", "watchdog"),
]  # fmt: skip


@pytest.mark.parametrize(("style", "ended", "status", "reason", "message"), ENDS)
def test_what_an_end_means(style: Style, ended: Ended, status: Status, reason: str, message: str) -> None:
    found = verdict(make(style=style, severity="critical", suggested_action="look"), ended)
    assert (found.status, found.reason, found.message) == (status, reason, message)
    assert found.severity is {T: Severity.CRITICAL, U: Severity.WARNING, F: Severity.INFO}[status]
    assert found.suggested_action == ("look" if status is T else "")


@given(
    st.sampled_from(Style), st.one_of(st.none(), st.integers(-64, 255)), st.booleans(), st.text(), st.text(), st.text()
)
def test_any_end_means_something(
    style: Style, status: int | None, hung: bool, stdout: str, stderr: str, error: str
) -> None:
    found = verdict(make(style=style), Ended(status, hung, stdout, stderr, error))
    assert found.reason in list(Reason)
    assert len(found.message) <= command.MESSAGE_CHARACTERS
    assert found.message.isprintable()


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"argv": []}, "argv"),
        ({"argv": ["true"]}, "'true' is no absolute path"),
        ({"argv": ["/bin/true", "a\0b"]}, "null byte"),
        ({"condition": "own check"}, "condition"),
        ({"condition": "Own", "bad": 2}, r"bad \(2\) is larger than of"),
        ({"style": "nagios"}, "style"),
        ({"severity": "info"}, "severity"),
        ({"deadline_s": 0}, "deadline_s"),
        ({"user": "root"}, "user"),
    ],
)
def test_what_no_command_can_be(fields: dict[str, Any], complaint: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=complaint):
        msgspec.convert({"argv": ["/bin/true"], "condition": "Own"} | fields, Command)


def test_a_command_is_a_sensor_and_a_check(node: Node) -> None:
    node.commands = {"own": make(SH, "-c", "echo bad; exit 1", every_s=9, deadline_s=3, bad=2, of=3)}
    found = look(node)
    sensor, check = site_sensors(node, found)["command_own"], site_checks(found)["command_own"]
    options, thresholds = sensor.options(), check.thresholds()

    reading = sensor.attach(options, Host()).read()

    assert (options.every_s, options.deadline_s > 3 + 2) == (9, True), "the prober is not replaced for it"
    assert (check.condition, thresholds.bad, thresholds.of) == ("Own", 2, 3)
    assert check.judge([Timed(0.0, reading)], thresholds)[""].message == "bad"


def test_commands_cannot_share_a_condition(node: Node) -> None:
    node.commands = {"a": make(), "b": make(), "c": make(condition="ProbeHung"), "d": make(condition="Mine")}
    found = look(node)
    assert set(found.broken) == {"commands.a", "commands.b", "commands.c"}
    assert list(found.commands) == ["command_d"]


def test_a_program_that_others_may_write_is_not_run(node: Node, directory: Path) -> None:
    program = directory / "program"
    program.write_text(f"#!/bin/sh\ntouch {directory}/ran\n")
    program.chmod(0o777)
    node.commands = {"own": make(str(program))}
    sensor = site_sensors(node, look(node))["command_own"]

    reading = sensor.attach(sensor.options(), Host()).read()

    assert reading.verdicts[""].status is U
    assert "chmod go-w" in reading.verdicts[""].message
    assert not (directory / "ran").exists()
    with pytest.raises(Invalid, match=r"commands\.own: .*others may write it"):
        examine(node)


@pytest.mark.parametrize(
    ("program", "complaint"), [("/none", "mend argv"), ("/etc/passwd", "not a program"), ("/etc", "not a program")]
)
def test_a_program_that_is_none(node: Node, program: str, complaint: str) -> None:
    node.commands = {"own": make(program)}
    with pytest.raises(Invalid, match=f"commands.own: {program}: .*{complaint}"):
        examine(node)


def test_documented_commands_are_commands() -> None:
    tables = tomllib.loads(documented.files(CHECKLIST)["commands.toml"])
    found = {name: msgspec.convert(table, Command) for name, table in tables["commands"].items()}
    assert {name: each.style for name, each in found.items()} == {"nhc": Style.NHC, "ntp": Style.NPD}


def test_a_signal_is_told(tmp_path: Path) -> None:
    assert run("kill -SEGV $$").status == -signal.SIGSEGV

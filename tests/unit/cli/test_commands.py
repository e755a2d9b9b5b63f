"""Filters, order, formats, watching, waiting and completion, through the command itself."""

import json
import os
import time

import pytest
import yaml
from fakes import views
from msgspec.structs import replace

from wire.api import ErrorResponse, JobPhase, NodePhase

AWAY = (503, ErrorResponse("the database is away", "unavailable"))


@pytest.fixture(autouse=True)
def answers(controller):
    job = replace(views.JOB, phase=JobPhase.RUNNING)
    controller.answers.update(
        {
            "/v1/nodes": [(200, views.NODES)],
            "/v1/jobs": [(200, views.JOBS)],
            "/v1/jobs/bytes-lm-1": [(200, job)],
            "/v1/runs": [(200, views.RUNS)],
            "/v1/events": [(200, views.EVENTS)],
            "/v1/status": [(200, views.CONTROLLER)],
        }
    )


@pytest.fixture
def looks(monkeypatch):
    """How often a command that would go on for ever looks before somebody presses Ctrl-C."""

    def set_to(count):
        left = [count]

        def sleep(_seconds):
            left[0] -= 1
            if not left[0]:
                raise KeyboardInterrupt

        monkeypatch.setattr(time, "sleep", sleep)

    return set_to


def column(out, number=0):
    return [line.split()[number] for line in out.splitlines()[1:]]


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ((), ["n1", "n2", "n3", "n4", "n5"]),
        (("--health", "lost"), ["n2"]),
        (("--health", "lost", "--health", "suspect"), ["n2", "n4"]),
        (("--phase", "ready", "--health", "healthy"), ["n1"]),
        (("--held",), ["n2"]),
        (("--free", "--sort", "-name"), ["n5", "n4", "n3", "n1"]),
        (("--sort", "contact"), ["n1", "n5", "n3", "n4", "n2"]),
        (("--sort", "-contact"), ["n4", "n3", "n1", "n5", "n2"]),
    ],
)
def test_nodes_are_filtered_and_ordered(mainstay, options, names):
    status, out, err = mainstay("node", "list", *options)
    assert (status, err) == (0, "")
    assert column(out) == names


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        (("--active",), ["bytes-lm-1", "gpt-1"]),
        (("--phase", "failed"), ["eval-6"]),
        (("--name", "*t*"), ["bytes-lm-1", "gpt-1"]),
        (("--node", "gpu07"), ["gpt-1"]),
        (("--user", "ada", "--sort", "age"), ["bytes-lm-1", "eval-6", "gpt-1"]),
        (("--sort", "-step"), ["gpt-1", "bytes-lm-1", "eval-6"]),
    ],
)
def test_jobs_are_filtered_and_ordered(mainstay, options, ids):
    status, out, _ = mainstay("job", "list", *options, "-o", "json")
    assert (status, [job["id"] for job in json.loads(out)]) == (0, ids)


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        (("--phase", "waiting"), [2]),
        (("--node", "n2"), [1]),
        (("--playbook", "lost-*", "--sort", "-id"), [2, 1]),
        (("--since", "1m"), []),
    ],
)
def test_runs_are_filtered_and_ordered(mainstay, options, ids):
    status, out, _ = mainstay("run", "list", *options, "-o", "json")
    assert (status, [run["id"] for run in json.loads(out)]) == (0, ids)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("node", "list", "--sort", "x"), "--sort x: no such field; known are name, phase, health, reason"),
        (("node", "list", "--phase", "x"), "'--phase': 'x' is not one of 'joining', 'ready'"),
        (("job", "list", "--name", "x"), "--name x: nothing of that name; known are bytes-lm, eval, gpt"),
        (("job", "list", "--node", "x"), "--node x: nothing of that name; known are n1, n2, n3, n4, n5"),
        (("run", "list", "--job", "x"), "--job x: nothing of that name; known are bytes-lm, bytes-lm-1"),
        (("run", "list", "--since", "x"), "'x' is no duration"),
    ],
)
def test_a_wrong_filter_is_2_and_names_what_is_known(mainstay, arguments, told):
    status, out, err = mainstay(*arguments)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert told in err


def test_a_kind_of_event_that_never_happened_is_2(mainstay, controller):
    controller.answers["/v1/events"] = [(200, []), (200, views.EVENTS)]
    status, _, err = mainstay("event", "list", "--kind", "node_lots")
    assert (status, "known are checkpoint_published, decision, first_step" in err) == (2, True)


def test_events_are_asked_for_as_told(mainstay, controller):
    assert mainstay("event", "list", "--after", "7", "--kind", "a", "--kind", "b", "--job", "x")[0] == 0
    asked = controller.looked[0].partition("?")[2]
    assert set(asked.split("&")) == {
        "after=7", "limit=50", "last=false", "kind=a", "kind=b", "job=x", "routine=true",
    }  # fmt: skip


def test_yaml_is_the_same_as_json(mainstay):
    as_json, as_yaml = (mainstay("job", "list", "-o", form)[1] for form in ("json", "yaml"))
    assert yaml.safe_load(as_yaml) == json.loads(as_json)


def test_wide_folds_nothing(mainstay, controller):
    controller.answers["/v1/nodes"] = [(200, views.LONG_NODES)]
    out = mainstay("node", "list", "-o", "wide")[1]
    assert len(out.splitlines()) == 1 + len(views.LONG_NODES)
    assert all(node.name in out for node in views.LONG_NODES)
    assert all(line == line.rstrip() for line in out.splitlines())


def test_watch_prints_again_only_what_changed(mainstay, controller, looks):
    changed = [replace(views.N1, phase=NodePhase.DRAINING)]
    same = [replace(views.N1, last_contact_s=9.0)]
    controller.answers["/v1/nodes"] = [(200, [views.N1]), (200, same), (200, changed)]
    looks(4)
    status, out, _ = mainstay("node", "list", "-w")
    assert status == 130
    assert [line.split()[1] for line in out.splitlines() if line.startswith("n1")] == ["ready", "draining"]
    assert out.count("\n\n") == 2


def test_watch_with_json_is_one_line_a_change(mainstay, controller, looks):
    after = replace(views.JOB, step=121)
    controller.answers["/v1/jobs/bytes-lm-1"] = [(200, views.JOB), (200, views.JOB), (200, after)]
    looks(4)
    out = mainstay("job", "show", "bytes-lm-1", "-w", "-o", "json")[1]
    assert [json.loads(line)["step"] for line in out.splitlines()] == [120, 121]


def test_watch_waits_for_a_controller_that_is_away_and_says_so_once(mainstay, controller, looks):
    after = [replace(views.N1, phase=NodePhase.DRAINING)]
    controller.answers["/v1/nodes"] = [(200, [views.N1]), AWAY, AWAY, (200, after)]
    looks(5)
    status, out, err = mainstay("node", "list", "-w")
    assert (status, err) == (130, "mainstay: the database is away\n")
    assert "draining" in out


def test_watch_of_something_that_is_not_there_ends_with_3(mainstay):
    assert mainstay("node", "show", "n9", "-w")[0] == 3


def test_events_are_followed_each_once(mainstay, controller, looks):
    first, later = views.EVENTS[:2], views.EVENTS[2:3]
    controller.answers["/v1/events"] = [(200, first), (200, []), (200, later), (200, [])]
    looks(4)
    status, out, _ = mainstay("event", "list", "-w", "-o", "json")
    assert (status, [json.loads(line)["id"] for line in out.splitlines()]) == (130, [31, 32, 34])
    assert [path.partition("after=")[2].partition("&")[0] for path in controller.looked] == ["0", "32", "32", "34"]


def test_submit_waits_for_the_end_and_fails_with_the_job(mainstay, controller, looks, tmp_path):
    path = tmp_path / "job.toml"
    path.write_text('name = "bytes-lm"\nscript = "s.py"\n')
    ended = replace(views.FAILED, id="bytes-lm-1")
    controller.answers["POST /v1/jobs"] = [(201, views.JOB)]
    controller.answers["/v1/jobs/bytes-lm-1"] = [(200, views.JOB), (200, views.JOB), AWAY, (200, ended)]
    looks(9)
    status, out, err = mainstay("job", "submit", str(path), "--wait")
    assert status == 1
    assert out.startswith("bytes-lm-1  failed")
    assert err.splitlines() == [
        "mainstay: bytes-lm-1 is submitted",
        "mainstay: bytes-lm-1 is running, attempt 2, step 120, loss 2.310",
        "mainstay: the database is away",
        "mainstay: bytes-lm-1 is running, attempt 2, step 120, loss 2.310",
        "mainstay: bytes-lm-1 failed; `mainstay why job bytes-lm-1` says why",
    ]


def test_a_stop_that_takes_too_long_is_1_and_says_how_it_stands(mainstay, controller):
    controller.answers["POST /v1/jobs/bytes-lm-1/stop"] = [(200, views.JOB)]
    status, _, err = mainstay("job", "stop", "bytes-lm-1", "--yes", "--wait", "--timeout", "1s")
    assert (status, "not done within 1s: bytes-lm-1 is running" in err) == (1, True)
    assert "still being stopped" in err


def test_a_drain_waits_until_nothing_runs(mainstay, controller, looks):
    draining = replace(views.N1, phase=NodePhase.DRAINING)
    drained = replace(views.N1, phase=NodePhase.DRAINED, jobs=[])
    controller.answers["POST /v1/nodes/n1/drain"] = [(200, draining)]
    controller.answers["/v1/nodes/n1"] = [(200, draining), (200, drained)]
    looks(9)
    status, out, err = mainstay("node", "drain", "n1", "--reason", "fan", "--wait")
    assert (status, err) == (0, "mainstay: n1 is draining; still runs bytes-lm-1.2\n")
    assert out.startswith("n1  drained")


def test_top_once_is_one_picture(mainstay):
    status, out, err = mainstay("top", "--once")
    assert (status, err) == (0, "")
    assert all(word in out for word in ("epoch 3", "n2    drained", "bytes-lm-1", "node_lost"))


def test_the_version_is_told(mainstay):
    status, out, _ = mainstay("--version")
    assert (status, out.split()[0]) == (0, "mainstay")


# -- completion


@pytest.fixture
def completed(mainstay, monkeypatch, capsys):
    """What bash is offered after these words."""

    def run(*words):
        monkeypatch.setenv("_MAINSTAY_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", " ".join(["mainstay", *words]))
        monkeypatch.setenv("COMP_CWORD", str(len(words)))
        with pytest.raises(SystemExit):
            mainstay()
        captured = capsys.readouterr()
        assert captured.err == ""
        return captured.out.split()

    return run


def test_names_that_exist_are_completed(completed):
    assert completed("node", "show", "n") == ["n1", "n2", "n3", "n4", "n5"]
    assert completed("job", "show", "e") == ["eval-6", "eval"]
    assert completed("run", "show", "") == ["2", "1"]
    assert completed("why", "n") == ["node", "n1", "n2", "n3", "n4", "n5"]
    assert completed("why", "run", "") == ["2", "1"]
    assert completed("job", "list", "--phase", "r") == ["running", "recovering"]


def test_completion_is_silent_when_nobody_answers(completed, monkeypatch):
    monkeypatch.setenv("MAINSTAY_API", "127.0.0.1:1")
    assert completed("node", "show", "") == []
    monkeypatch.delenv("MAINSTAY_CA")
    assert completed("node", "show", "") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_for_each_shell_is_shown(mainstay, monkeypatch, capsys, shell):
    monkeypatch.setattr("shellingham.detect_shell", lambda *_: (shell, f"/bin/{shell}"))
    with pytest.raises(SystemExit) as ended:
        mainstay("--show-completion")
    assert (ended.value.code, "_MAINSTAY_COMPLETE" in capsys.readouterr().out) == (0, True)


# -- colours


@pytest.mark.parametrize(
    ("environment", "coloured", "moving"),
    [
        ({"TERM": "xterm"}, True, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, False, True),
        ({"TERM": "dumb"}, False, False),
    ],
)
def test_colours_on_a_terminal_that_wants_them(monkeypatch, environment, coloured, moving):
    from cli.terminal import console, moves

    for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    controlling, terminal = os.openpty()
    with os.fdopen(controlling, "rb"), os.fdopen(terminal, "w") as stdout:
        monkeypatch.setattr("sys.stdout", stdout)
        screen = console()
        with screen.capture() as captured:
            screen.print("lost", style="red")
        assert ("\x1b[31m" in captured.get(), moves(screen)) == (coloured, moving)

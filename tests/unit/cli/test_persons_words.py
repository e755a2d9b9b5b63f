"""What a person says with the command line: asked before it hits, told as one line, shown as it is kept."""

from datetime import UTC, datetime, timedelta

import pytest
from fakes import views
from msgspec.structs import replace

from wire.api import Mode, NodePhase, OrderState, PlaybookCheck, PlaybookProblem, RunPhase

SHADOW, AUTO = views.SHADOW, views.AUTOMATION
YAML = "name: mine\n"


@pytest.fixture(autouse=True)
def answers(controller):
    ended = replace(views.RUN, phase=RunPhase.FAILED, reason="checks_failed", message="disk full")
    controller.answers.update(
        {
            "/v1/automation": [(200, SHADOW)],
            "PUT /v1/automation": [(200, AUTO)],
            "/v1/runs": [(200, views.RUNS)],
            "/v1/runs/1": [(200, ended)],
            "/v1/runs/2": [(200, views.WAITING)],
            "POST /v1/runs/2/approve": [(200, views.APPROVED)],
            "POST /v1/runs/2/reject": [(200, views.WAITING)],
            "POST /v1/runs/2/abort": [(200, views.WAITING)],
            "/v1/incidents": [(200, views.INCIDENTS)],
            "/v1/incidents/1": [(200, views.INCIDENT)],
            "POST /v1/incidents/1/ack": [(200, views.ACKED)],
            "/v1/playbooks": [(200, views.PLAYBOOKS)],
            "/v1/playbooks/lost-node": [(200, views.LOST_NODE)],
            "POST /v1/playbooks/check": [(200, views.CHECKS[0])],
            "/v1/tokens": [(200, views.TOKENS)],
            "POST /v1/tokens/7032ac2448b7/revoke": [(200, views.TOKENS[0])],
            "/v1/nodes/n2": [(200, views.N2)],
            "POST /v1/nodes/n2/retire": [(200, replace(views.N2, phase=NodePhase.RETIRED))],
            "POST /v1/nodes/n2/repair": [(200, views.N2)],
            "/v1/nodes/n6": [(200, views.N6)],
            "POST /v1/nodes/n6/clear": [(200, views.CLEARING)],
        }
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("automation", "set", "auto"), "Automation is shadow. Let playbooks"),
        (("automation", "set", "off"), "Stop all automation?"),
        (("run", "abort", "2"), "Abort run 2, lost-node on node:gpu-007"),
        (("token", "revoke", "7032ac2448b7"), "Revoke the api token of admin"),
        (("node", "retire", "n2", "--reason", "sold"), "Retire n2?"),
        (
            ("node", "retire", "n2", "--reason", "sold", "--machine-is-off"),
            "Retire n2 and vouch that its machine is off?",
        ),
    ],
)
def test_what_hits_hard_is_asked_about_and_nothing_done_where_nobody_answers(mainstay, controller, words, says):
    status, _, err = mainstay(*words)
    assert (status, controller.asked) == (2, [])
    assert says in err
    assert "--yes" in err
    assert mainstay(*words, "--yes")[0] == 0
    assert len(controller.asked) == 1


@pytest.mark.parametrize("mode", [Mode.SHADOW, Mode.APPROVE])
def test_a_mode_that_hits_nothing_is_set_without_asking(mainstay, controller, mode):
    assert mainstay("automation", "set", mode)[0] == 0
    assert controller.asked == ["/v1/automation"]


def test_the_mode_is_shown_with_what_it_held_back(mainstay):
    status, out, _ = mainstay("automation", "show")
    assert status == 0
    assert "automation  shadow  jobs are relaunched; all else is only recorded" in out
    assert "rejoin         12" in out


@pytest.mark.parametrize("words", [("approve", "2", "--for", "30m"), ("reject", "2", "--reason", "no")])
def test_a_word_about_a_run_is_said_and_the_run_shown(mainstay, controller, words):
    status, out, _ = mainstay("run", *words)
    assert (status, controller.asked) == (0, [f"/v1/runs/2/{words[0]}"])
    assert out.startswith("run ")


@pytest.mark.parametrize(
    ("filters", "ids"),
    [
        ((), ["1", "2", "3"]),
        (("--open",), ["1", "2"]),
        (("--closed",), ["3"]),
        (("--unacked",), ["1", "3"]),
        (("--finding", "node_*", "--sort", "-id"), ["2", "1"]),
        (("--subject", "job:*"), ["3"]),
    ],
)
def test_incidents_are_filtered_and_sorted(mainstay, filters, ids):
    status, out, _ = mainstay("incident", "list", *filters)
    assert status == 0
    assert [line.split()[0] for line in out.splitlines()[1:] if line[0].isdigit()] == ids


def test_an_incident_is_acknowledged(mainstay, controller):
    status, out, _ = mainstay("incident", "ack", "1", "--note", "seen")
    assert (status, controller.asked) == (0, ["/v1/incidents/1/ack"])
    assert "seen by  person:ada" in out


def test_playbooks_are_shown(mainstay):
    assert "hold -> drain -> relaunch_job" in mainstay("playbook", "list")[1]
    assert mainstay("playbook", "list", "--mode", "shadow")[1].count("returned-node") == 1
    assert "relaunch_job  jobs    900 s" in mainstay("playbook", "show", "lost-node")[1]


def test_a_checked_playbook_is_a_row_and_a_wrong_one_a_line_with_its_place(mainstay, controller, tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(YAML)
    status, out, err = mainstay("playbook", "check", str(file))
    assert (status, err, "lost-node" in out) == (0, "", True)
    problem = PlaybookProblem(3, 7, "when", "when: missing; add it")
    wrong = PlaybookCheck(str(file), [problem])
    controller.answers["POST /v1/playbooks/check"] = [(200, wrong)]
    assert mainstay("playbook", "check", str(file)) == (2, "", f"mainstay: {file}:3:7: when: missing; add it\n")


def test_a_file_that_is_no_text_is_2_and_nothing_is_asked(mainstay, controller, tmp_path):
    (tmp_path / "a.yaml").write_bytes(b"\xff")
    (tmp_path / "b.yaml").write_text("x" * 70_000)
    for name, says in (("a.yaml", "not UTF-8 at byte 0"), ("b.yaml", "no playbook"), ("c.yaml", "No such file")):
        status, out, err = mainstay("playbook", "check", str(tmp_path / name))
        assert (status, out, says in err) == (2, "", True)
    assert controller.asked == []


def test_tokens_are_filtered(mainstay):
    out = mainstay("token", "list", "--kind", "join")[1]
    assert ("n7" in out, "admin  " in out) == (True, False)
    assert "continuous." in mainstay("token", "list", "--name", "continuous*")[1]


CLEAR = ("node", "clear", "n6", "GpuRowRemapFailed", "--component", views.GPUS[3], "--reason", "exchanged")
ORDER = "/v1/nodes/n6/orders/clear_condition%3A12%3An6"


def test_a_fault_is_cleared_on_a_persons_word(mainstay, controller):
    status, out, err = mainstay(*CLEAR)
    assert (status, controller.asked, controller.looked, err) == (0, ["/v1/nodes/n6/clear"], [], "")
    assert "clear_condition on n6  pending" in out


@pytest.mark.parametrize(
    ("answer", "exit_status", "says"),
    [
        (views.CLEARED, 0, ""),
        (views.STILL_SO, 1, "checks_failed: GpuRowRemapFailed is TRUE, still so"),
        (replace(views.CLEARED, state=OrderState.REFUSED, reason="changed", message="m"), 4, "changed: m"),
        (views.NEVER_LEFT, 1, "n6 was out of contact until the order had expired"),
        (replace(views.CLEARING, expires_at=views.ago(3600)), 1, "n6 does not answer"),
    ],
)
def test_the_nodes_answer_is_waited_for(mainstay, controller, monkeypatch, answer, exit_status, says):
    monkeypatch.setattr("cli.waiting.LOOK_S", 0.01)
    fresh = replace(views.CLEARING, expires_at=datetime.now(UTC) + timedelta(minutes=1))
    controller.answers[ORDER] = [(200, fresh), (200, fresh), (200, answer)]
    status, out, err = mainstay(*CLEAR, "--wait", "--timeout", "10s")
    assert (status, len(controller.looked)) == (exit_status, 3)
    assert f"clear_condition on n6  {answer.state}" in out
    assert err.startswith("mainstay: n6 is told: clear_condition\n")
    assert says in err


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        (["n6"], ["DiskFull", "GpuRowRemapFailed", "GpuHot"]),
        (["n6", "GpuRowRemapFailed", "--component"], [views.GPUS[3]]),
    ],
)
def test_faults_and_their_components_are_completed(mainstay, monkeypatch, capsys, words, completed):
    typed = ["mainstay", "node", "clear", *words, ""]
    monkeypatch.setenv("_MAINSTAY_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", " ".join(typed))
    monkeypatch.setenv("COMP_CWORD", str(len(typed) - 1))
    with pytest.raises(SystemExit):
        mainstay()
    assert capsys.readouterr().out.split() == completed


def test_a_repair_that_fails_is_1_and_says_where_to_look(mainstay, controller):
    assert mainstay("node", "repair", "n2")[0] == 0
    status, _, err = mainstay("node", "repair", "n2", "--wait")
    assert status == 1
    assert "checks_failed: disk full" in err
    assert "mainstay why run 1" in err

"""A person's words over the API: the automation mode, runs, incidents, membership and tokens."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fakes.played_api import Api, Play, read, refusal

from controller.state import automation
from controller.state.runs import SqlLedger
from controller.state.tokens import NewToken
from remediations.engine import plan
from remediations.finding import AffectedJob, Finding, FindingKind
from remediations.pipeline import RulingReason
from remediations.playbook import SHIPPED, shipped
from wire.api import (
    AutomationView,
    ControllerView,
    IncidentView,
    JobView,
    JoinResponse,
    Mode,
    NodePhase,
    NodeView,
    PlaybookCheck,
    PlaybookView,
    RunPhase,
    RunView,
    TokenKind,
    TokenView,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FINDING = Finding(
    kind=FindingKind.ATTEMPT_FAILED,
    key="k",
    subject="job:lm-1",
    reason="part_failed",
    message="its part on n1 failed",
    at=NOW,
    jobs=[AffectedJob("lm-1", 0)],
)


async def waiting_run(api: Api) -> int:
    """A run about a job that waits because automation is off."""
    api.store.transact(lambda s: automation.set_mode(s, Mode.OFF, "person:admin", NOW))
    read(await api.post("/v1/jobs", {"name": "lm", "script": "/srv/lm.py", "nodes": 2}), JobView, 201)

    def work(session: Any) -> int:
        ledger = SqlLedger(session, 1, NOW)
        incident = ledger.open_incident(FINDING)
        assert incident is not None
        playbook = next(playbook for playbook in shipped() if playbook.when.finding is FINDING.kind)
        return ledger.create_run(playbook.name, incident, FINDING, plan(playbook, FINDING))

    return api.store.transact(work)


def test_the_mode_is_shown_and_set_by_the_admin(with_api: Play) -> None:
    async def scene(api: Api) -> None:
        assert read(await api.get("/v1/automation"), AutomationView).mode is Mode.SHADOW
        view = read(await api.put("/v1/automation", {"mode": "auto"}), AutomationView)
        assert (view.mode, view.set_by) == (Mode.AUTO, "person:admin")
        status = read(await api.get("/v1/status"), ControllerView)
        assert status.automation is not None
        assert status.automation.mode is Mode.AUTO
        assert [event["reason"] for event in (await api.get("/v1/events", kind=["automation_set"])).json()] == ["auto"]
        bob = api.token(NewToken(TokenKind.API, "bob"))
        assert refusal(await api.put("/v1/automation", {"mode": "off"}, bob), 409).reason == "not_admin"
        assert refusal(await api.put("/v1/automation", {"mode": "on"}), 400).error.startswith("mode: ")
        assert read(await api.get("/v1/automation", bob), AutomationView).mode is Mode.AUTO

    with_api(scene)


def test_a_run_is_aborted_once_and_no_word_is_said_out_of_turn(with_api: Play) -> None:
    async def scene(api: Api) -> None:
        run = await waiting_run(api)
        told = refusal(await api.post(f"/v1/runs/{run}/reject", {}), 409)
        assert told.reason == RulingReason.RUN_NOT_WAITING
        view = read(await api.post(f"/v1/runs/{run}/abort", {"reason": "moved"}), RunView)
        assert (view.phase, view.reason, view.message) == (
            RunPhase.ABANDONED,
            "aborted_by_person",
            "by person:admin: moved",
        )
        assert refusal(await api.post(f"/v1/runs/{run}/abort", {}), 409).reason == RulingReason.RUN_ENDED
        for word in ("approve", "reject", "abort"):
            assert refusal(await api.post(f"/v1/runs/99/{word}", {}), 404).reason == "not_found"
        assert refusal(await api.post(f"/v1/runs/{run}/approve", {"expires_s": 0}), 400).error.startswith("expires_s: ")

    with_api(scene)


def test_an_incident_is_shown_with_its_runs_and_acknowledged(with_api: Play) -> None:
    async def scene(api: Api) -> None:
        run = await waiting_run(api)
        [incident] = read(await api.get("/v1/incidents"), list[IncidentView])
        shown = read(await api.get(f"/v1/incidents/{incident.id}"), IncidentView)
        assert ([each.id for each in shown.runs], shown.acked_by) == ([run], "")
        acked = read(await api.post(f"/v1/incidents/{incident.id}/ack", {"note": "ordered a fan"}), IncidentView)
        assert (acked.acked_by, acked.note) == ("person:admin", "ordered a fan")
        [event] = (await api.get("/v1/events", kind=["incident_acked"])).json()
        assert event["job"] == "lm-1"
        refusal(await api.get("/v1/incidents/99"), 404)
        refusal(await api.post("/v1/incidents/99/ack", {}), 404)
        refusal(await api.post(f"/v1/incidents/{incident.id}/ack", {"note": "x" * 501}), 400)

    with_api(scene)


def test_a_node_is_retired_and_joins_anew(with_api: Play) -> None:
    async def scene(api: Api) -> None:
        read(await api.join("n1"), JoinResponse, 201)
        view = read(await api.post("/v1/nodes/n1/retire", {"reason": "sold"}), NodeView)
        assert (view.phase, view.health_reason) == (NodePhase.RETIRED, "retired")
        assert read(await api.get("/v1/status"), ControllerView).nodes == 0
        assert refusal(await api.post("/v1/nodes/n1/retire", {"reason": "sold"}), 409).reason == "node_retired"
        assert refusal(await api.post("/v1/nodes/n1/repair"), 409).reason == "node_retired"
        read(await api.join("n1"), JoinResponse, 201)
        assert read(await api.get("/v1/nodes/n1"), NodeView).phase is NodePhase.JOINING
        refusal(await api.post("/v1/nodes/n1/retire", {"reason": ""}), 400)
        refusal(await api.post("/v1/nodes/n9/retire", {"reason": "sold"}), 404)
        refusal(await api.post("/v1/nodes/n9/repair"), 404)

    with_api(scene)


def test_a_name_whose_machine_is_in_contact_is_not_given_to_another_and_the_token_stays_good(
    with_api: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(api: Api) -> None:
        read(await api.join("n1"), JoinResponse, 201)
        secret = api.token(NewToken(TokenKind.JOIN, "n1"))
        request = {"node": "n1", "csr": api.make_csr("x")}
        with monkeypatch.context() as patched:
            live = type("There", (), {"connected": True})()
            patched.setattr(api.core.live, "node", lambda name: live)
            told = refusal(await api.post("/v1/join", request, secret), 409)
            assert told.reason == RulingReason.NODE_IN_CONTACT
            assert "mainstay node retire n1" in told.error
        read(await api.post("/v1/join", request, secret), JoinResponse, 201)

    with_api(scene)


def test_playbooks_are_shown_and_checked(with_api: Play) -> None:
    async def scene(api: Api) -> None:
        views = read(await api.get("/v1/playbooks"), list[PlaybookView])
        assert {view.name for view in views} == {playbook.name for playbook in shipped()}
        view = read(await api.get("/v1/playbooks/lost-node"), PlaybookView)
        assert [step.action for step in view.steps] == ["hold", "drain", "relaunch_job"]
        refusal(await api.get("/v1/playbooks/exorcism"), 404)
        text = Path(SHIPPED / "lost-node.yaml").read_text()
        good = read(await api.post("/v1/playbooks/check", {"source": "a", "text": text}), PlaybookCheck)
        assert (good.problems, good.playbook) == ([], view)
        body = {"source": "a", "text": text.replace("action: drain", "action: drian")}
        bad = read(await api.post("/v1/playbooks/check", body), PlaybookCheck)
        assert [problem.field for problem in bad.problems] == ["steps[1].action"]
        refusal(await api.post("/v1/playbooks/check", {"source": "a", "text": "x" * 65_537}), 400)

    with_api(scene)


def test_tokens_are_listed_without_their_secrets_and_revoked(with_api: Play) -> None:
    async def scene(api: Api) -> None:
        bob = api.token(NewToken(TokenKind.API, "bob", "bob"))
        assert refusal(await api.get("/v1/tokens", bob), 409).reason == "not_admin"
        listed = await api.get("/v1/tokens")
        assert bob not in listed.text
        views = read(listed, list[TokenView])
        his = next(view for view in views if view.name == "bob")
        assert (his.kind, his.user, his.used_at is not None) == (TokenKind.API, "bob", True)
        assert refusal(await api.post(f"/v1/tokens/{his.id}/revoke", token=bob), 409).reason == "not_admin"
        assert read(await api.post(f"/v1/tokens/{his.id}/revoke"), TokenView).id == his.id
        refusal(await api.get("/v1/nodes", bob), 401)
        for unknown in (his.id, "x", "%25", his.id[:3]):
            refusal(await api.post(f"/v1/tokens/{unknown}/revoke"), 404)
        [event] = (await api.get("/v1/events", kind=["token_revoked"])).json()
        assert his.id in event["message"]

    with_api(scene)

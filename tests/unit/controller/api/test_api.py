from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from fakes.played_api import LINK, Api, Play, bearer, read, refusal
from litestar import Litestar

from controller.api.app import MAX_BODY_BYTES
from controller.state.tokens import NewToken
from controller.trust import Trust
from wire.api import (
    ControllerView,
    EventView,
    JobView,
    JoinResponse,
    NodePhase,
    NodeView,
    TokenKind,
    TokenResponse,
    WhyView,
)

SPEC = {"name": "lm", "script": "/srv/lm.py", "nodes": 2}
PUBLIC = {"/v1/ca", "/v1/join"}


def routes(app: Litestar) -> list[tuple[str, str]]:
    """(method, path with its parameters filled in) of every route that does something."""
    filled = {
        "{name:str}": "n1",
        "{ref:str}": "lm",
        "{run:int}": "1",
        "{incident:int}": "1",
        "{token:str}": "x",
        "{kind:str}": "node",
        "{path:str}": "x",
    }
    found = []
    for route in app.routes:
        path = route.path
        for parameter, value in filled.items():
            path = path.replace(parameter, value)
        found += [(method, path) for method in sorted(getattr(route, "methods", []))]
    return found


def test_every_call_wants_a_token(with_api: Play) -> None:
    async def scene(api: Api) -> None:
        for method, path in routes(api.app):
            if path in PUBLIC:
                continue
            bare = await api.client.request(method, path)
            assert "no token" in refusal(bare, 401).error, (method, path)
            wrong = await api.client.request(method, path, headers=bearer("ms_api_wrong"))
            assert "not valid" in refusal(wrong, 401).error, (method, path)
            assert wrong.headers["WWW-Authenticate"] == "Bearer"

    with_api(scene)


def test_token_of_another_kind_or_time_is_none(with_api: Play) -> None:
    async def scene(api: Api) -> None:
        join = api.token(NewToken(TokenKind.JOIN, "n1"))
        old = api.token(NewToken(TokenKind.API, "ann", life=timedelta(hours=1)), age=timedelta(hours=2))
        for token in (join, old):
            refusal(await api.get("/v1/nodes", token), 401)
        refusal(await api.client.get("/v1/nodes", headers={"Authorization": f"Basic {api.admin}"}), 401)

    with_api(scene)


def test_openapi_has_every_route(with_api: Play) -> None:
    async def scene(api: Api) -> None:
        document = (await api.get("/v1/openapi.json")).json()
        served = {
            (route.path_format, method.lower())
            for route in api.app.routes
            for method in getattr(route, "methods", [])
            if method != "OPTIONS" and route.path not in {"/v1/openapi.json", "/v1", "/v1/{path:str}"}
        }
        documented = {(path, method) for path, item in document["paths"].items() for method in item}
        assert documented == served
        assert ("/v1/jobs/{ref}/stop", "post") in documented
        assert "JobSpec" in document["components"]["schemas"]

    with_api(scene)


def test_unknown_things_are_not_found(with_api: Play) -> None:
    async def scene(api: Api) -> None:
        for path in ("/v1/nodes/n9", "/v1/jobs/nope", "/v1/runs/99", "/v1/why/node/n9", "/v1/nonsense", "/nonsense"):
            assert refusal(await api.get(path), 404).reason == "not_found", path
        refusal(await api.post("/v1/nodes/n9/cordon", {"reason": "x"}), 404)
        refusal(await api.get("/v1/jobs/nope/logs"), 404)
        refusal(await api.client.delete("/v1/nodes", headers=bearer(api.admin)), 405)

    with_api(scene)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({**SPEC, "nodes": 0}, "nodes: "),
        ({**SPEC, "nodes": "many"}, "nodes: "),
        ({**SPEC, "nodse": 1}, "nodse: no such field"),
        ({"name": "lm"}, "script: missing"),
        ({**SPEC, "checkpoint": {"dir": "/c", "pattern": "x"}}, "checkpoint.pattern: "),
        ({**SPEC, "args": ["a", 5]}, "args[1]: "),
    ],
)
def test_wrong_job_is_told_its_field_and_changes_nothing(with_api: Play, body: Any, field: str) -> None:
    async def scene(api: Api) -> None:
        told = refusal(await api.post("/v1/jobs", body), 400)
        assert told.error.startswith(field)
        assert told.reason == "invalid"
        assert (await api.get("/v1/jobs")).json() == []

    with_api(scene)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[]"])
def test_what_is_no_json_object_is_invalid(with_api: Play, content: bytes) -> None:
    async def scene(api: Api) -> None:
        refusal(await api.client.post("/v1/jobs", headers=bearer(api.admin), content=content), 400)

    with_api(scene)


def test_wrong_parameters_are_named(with_api: Play) -> None:
    async def scene(api: Api) -> None:
        assert refusal(await api.get("/v1/events", limit=0), 400).error.startswith("limit: ")
        assert refusal(await api.get("/v1/events", after="x"), 400).error.startswith("after: ")
        assert refusal(await api.get("/v1/jobs/lm/logs", max_bytes=10**9), 400).error.startswith("max_bytes: ")
        assert refusal(await api.get("/v1/why/cat/tom"), 400).error.startswith("kind: ")

    with_api(scene)


def test_too_large_a_body_is_refused(with_api: Play) -> None:
    async def scene(api: Api) -> None:
        large = {**SPEC, "args": ["x" * MAX_BODY_BYTES]}
        refusal(await api.post("/v1/jobs", large), 413)

    with_api(scene)


def test_job_from_submission_to_its_stop(with_api: Play) -> None:
    async def scene(api: Api) -> None:
        job = read(await api.post("/v1/jobs", SPEC), JobView, 201)
        assert (job.name, job.user, job.submitted_by) == ("lm", "ann", "person:admin")
        assert read(await api.get("/v1/jobs/lm"), JobView).id == job.id
        assert [one.id for one in read(await api.get("/v1/jobs"), list[JobView])] == [job.id]
        assert read(await api.get(f"/v1/why/job/{job.id}"), WhyView).chain
        read(await api.post("/v1/jobs/lm/stop"), JobView)

    with_api(scene)


def test_who_has_no_unix_user_may_not_submit(with_api: Play) -> None:
    async def scene(api: Api) -> None:
        looker = api.token(NewToken(TokenKind.API, "bob"))
        assert refusal(await api.post("/v1/jobs", SPEC, looker), 409).reason == "no_user"
        assert (await api.get("/v1/jobs", looker)).json() == []

    with_api(scene)


def test_node_joins_once_and_is_cordoned(with_api: Play, trust: Trust) -> None:
    async def scene(api: Api) -> None:
        joined = read(await api.join("n1"), JoinResponse, 201)
        assert (joined.ca, joined.link) == (trust.ca_pem, LINK)
        x509.load_pem_x509_certificate(joined.certificate.encode()).verify_directly_issued_by(trust.certificate)
        assert read(await api.get("/v1/nodes/n1"), NodeView).address == "127.0.0.1"
        held = read(await api.post("/v1/nodes/n1/cordon", {"reason": "fan", "expires_s": 60}), NodeView)
        assert [(hold.owner, hold.reason) for hold in held.holds] == [("person:admin", "fan")]
        assert read(await api.post("/v1/nodes/n1/uncordon"), NodeView).holds == []
        drained = read(await api.post("/v1/nodes/n1/drain", {"reason": "fan"}), NodeView)
        assert (drained.phase, len(drained.holds)) == (NodePhase.DRAINING, 1)
        read(await api.post("/v1/nodes/n1/uncordon"), NodeView)
        refusal(await api.post("/v1/nodes/n1/drain", {"reason": ""}), 400)
        refusal(await api.post("/v1/nodes/n9/drain", {"reason": "fan"}), 404)

    with_api(scene)


def test_join_token_is_for_one_node_and_one_use(with_api: Play) -> None:
    async def scene(api: Api) -> None:
        secret = api.token(NewToken(TokenKind.JOIN, "n1"))
        request = {"node": "n1", "csr": api.make_csr("x")}
        refusal(await api.client.post("/v1/join", json=request), 401)
        refusal(await api.post("/v1/join", request, api.admin), 401)
        refusal(await api.post("/v1/join", {**request, "node": "n2"}, secret), 401)
        assert refusal(await api.post("/v1/join", {**request, "csr": "x"}, secret), 400).error.startswith("csr: ")
        read(await api.post("/v1/join", request, secret), JoinResponse, 201)
        refusal(await api.post("/v1/join", request, secret), 401)
        assert refusal(await api.post("/v1/join", {**request, "node": "../x"}, secret), 400).error.startswith("node: ")

    with_api(scene)


def test_authority_is_public(with_api: Play, trust: Trust) -> None:
    async def scene(api: Api) -> None:
        response = await api.client.get("/v1/ca")
        assert response.text == trust.ca_pem

    with_api(scene)


def test_only_the_admin_makes_tokens(with_api: Play, trust: Trust, now: datetime) -> None:
    async def scene(api: Api) -> None:
        made = read(await api.post("/v1/tokens", {"kind": "api", "name": "bob", "user": "bob"}), TokenResponse, 201)
        assert (made.ca_fingerprint, made.expires_at) == (trust.ca_fingerprint, None)
        wish = {"kind": "api", "name": "eve", "user": "ann"}
        assert refusal(await api.post("/v1/tokens", wish, made.token), 409).reason == "not_admin"
        assert refusal(await api.post("/v1/tokens", {**wish, "user": "root"}), 400).error.startswith("user: ")
        join = read(await api.post("/v1/tokens", {"kind": "join", "name": "n1"}), TokenResponse, 201)
        assert join.expires_at is not None

    with_api(scene)


def test_status_events_runs_and_incidents_are_shown(with_api: Play) -> None:
    async def scene(api: Api) -> None:
        await api.join("n1")
        status = read(await api.get("/v1/status"), ControllerView)
        assert (status.nodes, status.epoch) == (1, 1)
        assert (await api.get("/v1/events", node="n1", after=0, limit=5)).json()
        every = read(await api.get("/v1/events"), list[EventView])
        assert read(await api.get("/v1/events", last=True, limit=1), list[EventView]) == every[-1:]
        joined = read(await api.get("/v1/events", kind=["node_joined"], routine=False), list[EventView])
        assert {event.kind for event in joined} == {"node_joined"}
        for path in ("/v1/runs", "/v1/incidents"):
            assert (await api.get(path)).json() == []

    with_api(scene)


def test_metrics_count_by_phase_and_reason(with_api: Play) -> None:
    async def scene(api: Api) -> None:
        await api.join("n1")
        await api.post("/v1/jobs", SPEC)
        text = (await api.get("/metrics")).text
        assert 'mainstay_nodes{phase="joining"} 1.0' in text
        assert "mainstay_nodes_health{" in text
        assert "mainstay_jobs{" in text
        assert "mainstay_attempts_total 0.0" in text
        assert 'mainstay_decisions_total{action="submit_job",' in text

    with_api(scene)


def test_an_error_of_ours_shows_no_traceback(with_api: Play, caplog: pytest.LogCaptureFixture) -> None:
    async def scene(api: Api) -> None:
        api.store.engine.dispose()
        with api.store.engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE events RENAME TO elsewhere")
        told = refusal(await api.get("/v1/events"), 500)
        assert "Traceback" not in told.error
        assert "SELECT" not in told.error

    with_api(scene)
    assert "no such table" in caplog.text

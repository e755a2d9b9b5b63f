"""The controller's HTTP API, as calls that give wire.api types or raise a CliError."""

import ssl
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from cli.errors import CliError, Failed, Invalid, of_response
from cli.settings import Settings
from wire.api import (
    AckRequest,
    ApproveRequest,
    AutomationRequest,
    AutomationView,
    ClearRequest,
    ControllerView,
    CordonRequest,
    DiagnoseRequest,
    DrainRequest,
    ErrorResponse,
    EventView,
    FigureView,
    IncidentView,
    JobView,
    NodeView,
    OrderView,
    PlaybookCheck,
    PlaybookText,
    PlaybookView,
    RetireRequest,
    RunView,
    TokenRequest,
    TokenResponse,
    TokenView,
    WhyView,
    WordRequest,
)
from wire.specs import JobSpec

TIMEOUT_S = 30.0  # a log comes from its node: the controller waits for that
T = TypeVar("T")


class Client:
    """One connection to one controller, verified against ``settings.ca``, always. Raises CliError."""

    def __init__(self, settings: Settings, timeout_s: float = TIMEOUT_S) -> None:
        self._settings, self._timeout_s = settings, timeout_s
        self._http = httpx.Client(
            base_url=f"https://{settings.api}/v1/",
            headers={"Authorization": f"Bearer {settings.token}"},
            verify=_trusting(settings.ca),
            timeout=timeout_s,
            trust_env=False,  # a proxy would get the token
        )

    def close(self) -> None:
        self._http.close()

    def nodes(self) -> list[NodeView]:
        return self._get("nodes", list[NodeView])

    def node(self, name: str) -> NodeView:
        return self._get(f"nodes/{_segment(name)}", NodeView)

    def cordon(self, node: str, request: CordonRequest) -> NodeView:
        return self._post(f"nodes/{_segment(node)}/cordon", request, NodeView)

    def uncordon(self, node: str) -> NodeView:
        return self._post(f"nodes/{_segment(node)}/uncordon", None, NodeView)

    def drain(self, node: str, request: DrainRequest) -> NodeView:
        return self._post(f"nodes/{_segment(node)}/drain", request, NodeView)

    def clear(self, node: str, request: ClearRequest) -> OrderView:
        return self._post(f"nodes/{_segment(node)}/clear", request, OrderView)

    def order(self, node: str, key: str) -> OrderView:
        return self._get(f"nodes/{_segment(node)}/orders/{_segment(key)}", OrderView)

    def retire(self, node: str, request: RetireRequest) -> NodeView:
        return self._post(f"nodes/{_segment(node)}/retire", request, NodeView)

    def diagnose(self, node: str, request: DiagnoseRequest) -> RunView:
        return self._post(f"nodes/{_segment(node)}/diagnose", request, RunView)

    def diagnostics(self, node: str, run: int | None) -> list[FigureView]:
        return self._get(f"nodes/{_segment(node)}/diagnostics", list[FigureView], {"run": run})

    def repair(self, node: str) -> NodeView:
        return self._post(f"nodes/{_segment(node)}/repair", None, NodeView)

    def jobs(self) -> list[JobView]:
        return self._get("jobs", list[JobView])

    def job(self, ref: str) -> JobView:
        return self._get(f"jobs/{_segment(ref)}", JobView)

    def submit(self, spec: JobSpec) -> JobView:
        return self._post("jobs", spec, JobView)

    def stop(self, job: str) -> JobView:
        return self._post(f"jobs/{_segment(job)}/stop", None, JobView)

    def logs(self, job: str, node: str | None, attempt: int | None, max_bytes: int) -> str:
        asked = {"node": node, "attempt": attempt, "max_bytes": max_bytes}
        return self._call("GET", f"jobs/{_segment(job)}/logs", params=asked).decode(errors="replace")

    def runs(self) -> list[RunView]:
        return self._get("runs", list[RunView])

    def run(self, number: int) -> RunView:
        return self._get(f"runs/{number}", RunView)

    def approve(self, run: int, request: ApproveRequest) -> RunView:
        return self._post(f"runs/{run}/approve", request, RunView)

    def reject(self, run: int, request: WordRequest) -> RunView:
        return self._post(f"runs/{run}/reject", request, RunView)

    def abort(self, run: int, request: WordRequest) -> RunView:
        return self._post(f"runs/{run}/abort", request, RunView)

    def incidents(self) -> list[IncidentView]:
        return self._get("incidents", list[IncidentView])

    def incident(self, number: int) -> IncidentView:
        return self._get(f"incidents/{number}", IncidentView)

    def acknowledge(self, incident: int, request: AckRequest) -> IncidentView:
        return self._post(f"incidents/{incident}/ack", request, IncidentView)

    def playbooks(self) -> list[PlaybookView]:
        return self._get("playbooks", list[PlaybookView])

    def playbook(self, name: str) -> PlaybookView:
        return self._get(f"playbooks/{_segment(name)}", PlaybookView)

    def check_playbook(self, text: PlaybookText) -> PlaybookCheck:
        return self._post("playbooks/check", text, PlaybookCheck)

    def automation(self) -> AutomationView:
        return self._get("automation", AutomationView)

    def set_automation(self, request: AutomationRequest) -> AutomationView:
        return self._decode(self._call("PUT", "automation", content=msgspec.json.encode(request)), AutomationView)

    def events(self, after: int, limit: int = 1000, **asked: Any) -> list[EventView]:
        """``asked``: job, node, kind (a list), last (the last ``limit`` of them), routine (false: only news)."""
        return self._get("events", list[EventView], {"after": after, "limit": limit, **asked})

    def why(self, kind: str, ref: str) -> WhyView:
        return self._get(f"why/{kind}/{_segment(ref)}", WhyView)

    def create_token(self, request: TokenRequest) -> TokenResponse:
        return self._post("tokens", request, TokenResponse)

    def tokens(self) -> list[TokenView]:
        return self._get("tokens", list[TokenView])

    def revoke_token(self, token: str) -> TokenView:
        return self._post(f"tokens/{_segment(token)}/revoke", None, TokenView)

    def status(self) -> ControllerView:
        return self._get("status", ControllerView)

    def _get(self, path: str, into: type[T], params: dict[str, Any] | None = None) -> T:
        return self._decode(self._call("GET", path, params=params), into)

    def _post(self, path: str, body: msgspec.Struct | None, into: type[T]) -> T:
        content = None if body is None else msgspec.json.encode(body)
        return self._decode(self._call("POST", path, content=content), into)

    def _call(
        self, method: str, path: str, *, params: dict[str, Any] | None = None, content: bytes | None = None
    ) -> bytes:
        known = {key: value for key, value in (params or {}).items() if value is not None}
        headers = {"Content-Type": "application/json"} if content is not None else {}
        try:
            answer = self._http.request(method, path, params=known, content=content, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _unreachable(self._settings, error, self._timeout_s) from None
        if answer.is_success:
            return answer.content
        raise of_response(answer.status_code, self._error(answer))

    def _error(self, answer: httpx.Response) -> ErrorResponse:
        try:
            return msgspec.json.decode(answer.content, type=ErrorResponse)
        except msgspec.DecodeError:
            told = f"https://{self._settings.api} answered HTTP {answer.status_code}; is that a Mainstay controller?"
            return ErrorResponse(told, "http")

    def _decode(self, content: bytes, into: type[T]) -> T:
        try:
            return msgspec.json.decode(content, type=into)
        except msgspec.DecodeError as error:
            told = f"https://{self._settings.api} gave an answer this version cannot read ({error})"
            raise Failed(f"{told}; use the mainstay of the controller's version") from None


def _trusting(ca: Path) -> ssl.SSLContext:
    """Trust this CA and no other."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        context.load_verify_locations(cafile=ca)
    except FileNotFoundError:
        raise Invalid(f"{ca}: no such file; the controller's CA certificate should be there (--ca)") from None
    except (OSError, ssl.SSLError):
        raise Invalid(f"{ca}: not a readable PEM certificate; copy the controller's CA there (--ca)") from None
    return context


def _unreachable(settings: Settings, error: Exception, timeout_s: float) -> CliError:
    where = f"https://{settings.api}"
    cause = _cause(error, ssl.SSLCertVerificationError)
    if cause is not None:
        return Failed(
            f"{where}: its certificate is not one of the CA in {settings.ca} ({cause.verify_message}); "
            "copy this controller's CA there, or mend --api"
        )
    if isinstance(error, httpx.TimeoutException):
        return Failed(f"{where}: no answer within {timeout_s:.0f} s; is the controller well?")
    refused = _cause(error, ConnectionRefusedError)
    reason = "connection refused" if refused is not None else str(error) or type(error).__name__
    return Failed(f"{where}: {reason}; start the controller, or mend --api or MAINSTAY_API")


E_ = TypeVar("E_", bound=BaseException)


def _cause(error: BaseException | None, kind: type[E_]) -> E_ | None:
    while error is not None:
        if isinstance(error, kind):
            return error
        error = error.__cause__ or error.__context__
    return None


def _segment(text: str) -> str:
    """A name as one segment of a path, whatever it holds."""
    if text in ("", ".", ".."):
        raise Invalid(f"{text!r} is no name")
    return quote(text, safe="")

"""Playbooks: those in force, and a text checked for whether it would be one."""

from http import HTTPStatus

from litestar import Router, get, post
from litestar.params import FromPath, JSONBody

from controller.api.dependencies import Core
from controller.api.errors import RESPONSES
from controller.errors import NotFound
from remediations.check import check
from remediations.playbook import Playbook
from wire.api import PlaybookCheck, PlaybookStepView, PlaybookText, PlaybookView


@get("/", responses=RESPONSES)
async def list_playbooks(core: Core) -> list[PlaybookView]:
    """Those in force, in the order in which a finding asks them."""
    return [view(playbook) for playbook in core.playbooks()]


@get("/{name:str}", responses=RESPONSES)
async def show_playbook(core: Core, name: FromPath[str]) -> PlaybookView:
    """One playbook, with its steps."""
    for playbook in core.playbooks():
        if playbook.name == name:
            return view(playbook)
    raise NotFound(f"no playbook {name!r}; `mainstay playbook list` shows those there are")


@post("/check", status_code=HTTPStatus.OK, responses=RESPONSES)
async def check_playbook(data: JSONBody[PlaybookText]) -> PlaybookCheck:
    """Say whether a text is a playbook of this version, and if not, where it is wrong. Nothing is kept."""
    playbook, problems = check(data.text)
    return PlaybookCheck(data.source, problems, None if playbook is None else view(playbook))


def view(playbook: Playbook) -> PlaybookView:
    steps = [PlaybookStepView(step.action, step.target, step.timeout_s) for step in playbook.steps]
    return PlaybookView(playbook.name, playbook.summary, playbook.when.finding, playbook.mode, steps)


router = Router("/playbooks", route_handlers=[list_playbooks, show_playbook, check_playbook], tags=["playbooks"])

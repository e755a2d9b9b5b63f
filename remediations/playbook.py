"""Playbooks: what is done about a finding, as YAML an operator reads at 03:00."""

from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import msgspec

from remediations.actions import in_playbooks
from remediations.finding import FindingKind
from wire.api import Mode
from wire.names import END, form

SHIPPED = Path(__file__).parent / "playbooks"


class Target(StrEnum):
    NODE = "node"
    JOBS = "jobs"


class StepSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``action`` is the name of one below. ``target`` is the finding's node, or each job that it names: one step a job.
    A step that is not verified within ``timeout_s`` seconds has failed. ``params`` are the action's own.
    """

    action: str
    target: Target
    timeout_s: Annotated[float, msgspec.Meta(gt=0)]
    params: dict[str, Any] = {}


class When(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``finding`` is the kind that starts a run."""

    finding: FindingKind


class Playbook(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``name`` is shown wherever a run is. ``summary`` says in one line what it does. ``when`` is what starts it.
    ``steps`` are taken in this order, each when the one before is verified.

    ``mode``: off does nothing, shadow records what it would have done, approve waits for a person, auto acts.
    """

    name: Annotated[str, form(r"^[a-z][a-z0-9-]{0,62}" + END, "small letters, digits and hyphens, a letter first")]
    summary: str
    when: When
    steps: Annotated[list[StepSpec], msgspec.Meta(min_length=1)]
    mode: Mode = Mode.AUTO


class PlaybookError(ValueError):
    """str() names file, field and mend in one line."""


def load(path: Path) -> Playbook:
    try:
        playbook = msgspec.yaml.decode(path.read_bytes(), type=Playbook)
    except (OSError, msgspec.MsgspecError) as error:
        raise PlaybookError(f"{path}: {error}") from None
    for index, step in enumerate(playbook.steps):
        if step.action not in in_playbooks():
            known = ", ".join(in_playbooks())
            raise PlaybookError(f"{path}: steps[{index}].action: no action {step.action!r}; there are {known}")
    return playbook


@cache
def shipped() -> tuple[Playbook, ...]:
    return tuple(load(path) for path in sorted(SHIPPED.glob("*.yaml")))

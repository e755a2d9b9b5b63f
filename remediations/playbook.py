"""Playbooks: what is done about a finding, as YAML an operator reads at 03:00."""

from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import msgspec

from remediations.actions import catalogue
from remediations.finding import FindingKind
from remediations.pipeline.situation import Mode

SHIPPED = Path(__file__).parent / "playbooks"


class Target(StrEnum):
    NODE = "node"  # the finding's node
    JOBS = "jobs"  # each job the finding names: one step a job


class StepSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    action: str
    target: Target
    timeout_s: Annotated[float, msgspec.Meta(gt=0)]
    params: dict[str, Any] = {}


class When(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    finding: FindingKind


class Playbook(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
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
        if step.action not in catalogue():
            known = ", ".join(sorted(catalogue()))
            raise PlaybookError(f"{path}: steps[{index}].action: no action {step.action!r}; there are {known}")
    return playbook


@cache
def shipped() -> tuple[Playbook, ...]:
    return tuple(load(path) for path in sorted(SHIPPED.glob("*.yaml")))

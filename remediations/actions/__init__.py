"""One module an action, found by its place.

A module gives ``DISTURBS``, ``perform(world, call)`` which must be idempotent, and ``verify(world, call)``. The file's
name is the action's. One that says ``SERVES_RELAUNCH = True`` is needed to get a job going again, and is done below the
automation modes ``shadow`` and ``approve`` too. One that says ``PEOPLE_ONLY = True`` is in no playbook.
"""

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from typing import Protocol, cast

from remediations.actions.call import ActionCall, Verification
from remediations.pipeline.situation import Disturbs
from remediations.world import World


class Action(Protocol):
    DISTURBS: Disturbs

    def perform(self, world: World, call: ActionCall) -> None: ...
    def verify(self, world: World, call: ActionCall) -> Verification: ...


@cache
def catalogue() -> Mapping[str, Action]:
    names = [info.name for info in pkgutil.iter_modules(__path__) if info.name != "call"]
    return {name: cast(Action, importlib.import_module(f"{__name__}.{name}")) for name in names}


class UnknownAction(LookupError):
    """str() names the action, which this version does not have."""


def action(name: str) -> Action:
    """Raises UnknownAction."""
    try:
        return catalogue()[name]
    except KeyError:
        raise UnknownAction(f"no action {name!r} in this version; there are {', '.join(sorted(catalogue()))}") from None


def serves_relaunch(name: str) -> bool:
    """Raises UnknownAction."""
    return bool(getattr(action(name), "SERVES_RELAUNCH", False))


def in_playbooks() -> list[str]:
    """Names of the actions that a playbook may take."""
    return sorted(name for name, module in catalogue().items() if not getattr(module, "PEOPLE_ONLY", False))


__all__ = [
    "Action",
    "ActionCall",
    "UnknownAction",
    "Verification",
    "action",
    "catalogue",
    "in_playbooks",
    "serves_relaunch",
]

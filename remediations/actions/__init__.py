"""One module an action, found by its place.

A module gives ``DISTURBS``, ``perform(world, call)`` which must be idempotent, and ``verify(world, call)``. The file's
name is the action's.
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


__all__ = ["Action", "ActionCall", "Verification", "catalogue"]

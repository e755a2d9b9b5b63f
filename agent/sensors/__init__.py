"""What the machine says: one module per source.

A sensor is a module of this package that defines

- ``Options``: a frozen msgspec Struct, every field with a default; the node's configuration fills it from
  ``[sensors.MODULE]``;
- ``Reading``: a frozen msgspec Struct;
- ``read(options) -> Reading``: one look, without judgement. It may block (it is run in a thread with a deadline) and
  it may raise (then nothing is known).
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from agent.discovery import modules_of


@dataclass(frozen=True)
class Sensor:
    """A sensor as it was found; ``read`` takes an instance of ``options``."""

    name: str
    options: type[msgspec.Struct]
    read: Callable[[Any], msgspec.Struct]


def discover() -> dict[str, Sensor]:
    """Every sensor of this package, by name."""
    modules = modules_of(sys.modules[__name__], having="read")
    return {name: Sensor(name, module.Options, module.read) for name, module in modules.items()}

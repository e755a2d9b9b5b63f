"""Looks at one file in a process of its own (:mod:`agent.site.__main__`): it may do anything when it is loaded."""

import sys

import msgspec

from agent.errors import Invalid
from agent.site.files import Described
from agent.site.minded import Minded

LOAD_S = 10.0


class Tables(msgspec.Struct, frozen=True):
    options: dict[str, object]
    thresholds: dict[str, object]


class Told(msgspec.Struct, frozen=True):
    """Either ``described`` or ``error``."""

    described: Described | None = None
    error: str = ""


def describe(path: str, options: object, thresholds: object) -> Described:
    """In a process of its own, within LOAD_S. Raises Invalid: one line that names file and mend."""
    tables = msgspec.json.encode({"options": options, "thresholds": thresholds}).decode()
    ended = Minded([sys.executable, "-I", "-m", "agent.site", path, tables], LOAD_S).run()
    if ended.hung:
        raise Invalid(f"{path}: is not loaded within {LOAD_S:g} s; a file only defines, move the work into read()")
    try:
        told = msgspec.json.decode(ended.stdout, type=Told)
    except msgspec.MsgspecError:
        raise Invalid(f"{path}: ended the process that loads it; a file only defines, mend it") from None
    if told.described is None:
        raise Invalid(told.error)
    return told.described

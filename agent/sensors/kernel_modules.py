"""Kernel modules that must be there, and those that must not."""

import os
from collections.abc import Iterable

import msgspec

from agent.sensors import Cadence, Family, Seconds
from agent.sensors.pseudofiles import PROC, SYS, text


class Options(Cadence, frozen=True):
    """``required`` must be loaded or built in, ``forbidden`` must not be: names as lsmod shows them, where ``-`` and
    ``_`` are the same. Both empty: nothing is looked at."""

    every_s: Seconds = 300.0
    required: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()


class Reading(msgspec.Struct, frozen=True):
    """Each name that was asked for: is it loaded, or built in?"""

    required: dict[str, bool]
    forbidden: dict[str, bool]


def read(options: Options, proc: str = PROC, sys: str = SYS, lib: str = "/lib/modules") -> Reading | None:
    if not options.required and not options.forbidden:
        return None
    loaded = {line.partition(" ")[0] for line in (text(f"{proc}/modules") or "").splitlines()}
    known = loaded | _built_in(f"{lib}/{os.uname().release}/modules.builtin")
    there = {name: _there(name, known, sys) for name in (*options.required, *options.forbidden)}
    return Reading({name: there[name] for name in options.required}, {name: there[name] for name in options.forbidden})


def _there(name: str, known: set[str], sys: str) -> bool:
    """A module that is built in has a directory only if it has parameters."""
    plain = name.replace("-", "_")
    return plain in known or os.path.isdir(f"{sys}/module/{plain}")


def _built_in(path: str) -> set[str]:
    """Lines such as ``kernel/fs/ext4/ext4.ko``."""
    files = (os.path.basename(line) for line in (text(path) or "").splitlines())
    return {file.partition(".")[0].replace("-", "_") for file in files}


def metrics(reading: Reading) -> Iterable[Family]:
    both = {**reading.required, **reading.forbidden}
    loaded = [({"module": name}, float(there)) for name, there in both.items()]
    yield Family("node_kernel_module_loaded", "Whether a module that was asked for is loaded.", loaded)

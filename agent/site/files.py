"""A site's own check as a Python file: sensor and judgement in one, run in the prober.

It defines what a sensor and a check do (:mod:`agent.sensors`, :mod:`agent.checks`), but for ``READS``, which is itself,
and with ``Options`` and ``WINDOW`` only if it needs them. Its name is the file's: ``[sensors.NAME]`` fills its options,
``[thresholds.NAME]`` its thresholds.
"""

import inspect
import os
import sys
import time
import traceback
from collections import deque
from enum import StrEnum
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec

from agent.checks import Clears, Steadiness, Timed
from agent.errors import Invalid
from agent.sensors import Cadence, Seconds
from agent.site import said, trusted
from agent.site.command import ConditionType
from wire.validation import describe

NEEDED = ("TYPE", "ACTION", "Reading", "read", "Thresholds", "Reason", "judge")
BYTES = 2**20
WINDOW = 64
WINDOW_GAP_S = 0.5  # between the first readings, for a judgement that needs more than one
CHECKLIST = "docs/checklists/add-a-check.md says what a check defines"


class Options(Cadence, frozen=True):
    """Of a file that has none of its own."""

    every_s: Seconds = 60.0
    deadline_s: Seconds = 10.0


class Described(msgspec.Struct, frozen=True):
    """What the agent knows of a file that it does not run, with this node's options and thresholds."""

    path: str
    condition: str
    action: str
    clears: Clears
    window: int
    enabled: bool
    every_s: float
    deadline_s: float
    bad: int
    of: int
    good: int


class File:
    """Loaded. Raises Invalid: one line that names the file and the mend."""

    def __init__(self, path: str, options: object, thresholds: object) -> None:
        name = Path(path).stem
        self.path = path
        self.module = load(path)
        _demand_contract(path, self.module)
        self.options = _filled(options, getattr(self.module, "Options", Options), Cadence, f"sensors.{name}")
        self.thresholds = _filled(thresholds, self.module.Thresholds, Steadiness, f"thresholds.{name}")
        self.window: int = getattr(self.module, "WINDOW", 1)

    def describe(self) -> Described:
        cadence, steadiness = self.options, self.thresholds
        return Described(
            path=self.path,
            condition=self.module.TYPE,
            action=self.module.ACTION,
            clears=getattr(self.module, "CLEARS", Clears.FACT),
            window=self.window,
            enabled=cadence.enabled,
            every_s=cadence.every_s,
            deadline_s=cadence.deadline_s,
            bad=steadiness.bad,
            of=steadiness.of,
            good=steadiness.good,
        )


class FileSource:
    """Reads and judges; see :class:`agent.sensors.Source`."""

    def __init__(self, file: File) -> None:
        self._file = file
        self._window: deque[Timed[Any]] = deque(maxlen=file.window)

    def read(self) -> said.Reading | None:
        """The first look takes as many readings as the judgement needs: a fresh prober must not forget a fault."""
        while True:
            reading = self._file.module.read(self._file.options)
            if reading is None:
                self._window.clear()
                return None
            self._window.append(Timed(time.clock_gettime(time.CLOCK_BOOTTIME), reading))
            if len(self._window) == self._file.window:
                return said.reading(self._file.module.judge(list(self._window), self._file.thresholds))
            time.sleep(WINDOW_GAP_S)

    def tell(self, news: bytes) -> None:
        raise NotImplementedError


def load(path: str) -> ModuleType:
    """Runs the file under a name of its own. Raises Invalid."""
    spec = spec_from_file_location(f"mainstay_site_check_{Path(path).stem}", path)
    assert spec is not None
    module = module_from_spec(spec)
    sys.modules[module.__name__] = module  # annotations are looked up there
    try:
        exec(compile(_source(path), path, "exec"), module.__dict__)  # noqa: S102 - what root put there is meant to run
    except Invalid:
        raise
    except (Exception, SystemExit) as error:
        place = f"{path}:{line}" if (line := _line(error, path)) else path
        what = " ".join(f"{type(error).__name__}: {error}".split())
        raise Invalid(f"{place}: {what}; mend the file, or take it out of the directory") from None
    return module


def _source(path: str) -> bytes:
    """What is checked is what is run: both through one descriptor."""
    try:
        with open(path, "rb") as file:
            trusted.demand(path, os.fstat(file.fileno()))
            source = file.read(BYTES + 1)
    except OSError as error:
        raise Invalid(f"{path}: cannot be read: {error.strerror}; chmod go+r {path}") from None
    if len(source) > BYTES:
        raise Invalid(f"{path}: larger than {BYTES} bytes; that is no check, move it elsewhere")
    return source


def _line(error: BaseException, path: str) -> int | None:
    if isinstance(error, SyntaxError) and error.filename == path:
        return error.lineno
    frames = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
    return frames[-1] if frames else None


def _demand_contract(path: str, module: ModuleType) -> None:
    if missing := [name for name in NEEDED if not hasattr(module, name)]:
        raise Invalid(f"{path}: has no {', '.join(missing)}; {CHECKLIST}")
    if wrong := next((name for name, right in _contract(module).items() if not right), None):
        raise Invalid(f"{path}: {wrong}; {CHECKLIST}")


def _contract(module: ModuleType) -> dict[str, bool]:
    """What is wrong if it is not so."""
    clears, window = getattr(module, "CLEARS", Clears.FACT), getattr(module, "WINDOW", 1)
    return {
        "TYPE must be a name in CamelCase": _is(module.TYPE, ConditionType),
        "ACTION must be one line of text": isinstance(module.ACTION, str) and module.ACTION.isprintable(),
        "CLEARS must be one of agent.checks.Clears": isinstance(clears, Clears),
        f"WINDOW must be a number from 1 to {WINDOW}": type(window) is int and 1 <= window <= WINDOW,
        "Options must be derived from agent.sensors.Cadence": _derived(getattr(module, "Options", Options), Cadence),
        "Reading must be a msgspec.Struct": _derived(module.Reading, msgspec.Struct),
        "Thresholds must be derived from agent.checks.Steadiness": _derived(module.Thresholds, Steadiness),
        "Reason must be an enum.StrEnum": _derived(module.Reason, StrEnum),
        "read must be a function of options": _takes(module.read, 1),
        "judge must be a function of a window and thresholds": _takes(module.judge, 2),
    }


def _is(value: object, kind: Any) -> bool:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return False
    return True


def _derived(found: object, base: type) -> bool:
    return isinstance(found, type) and issubclass(found, base)


def _takes(found: Any, arguments: int) -> bool:
    try:
        inspect.signature(found).bind(*range(arguments))
    except (TypeError, ValueError):
        return False
    return not inspect.iscoroutinefunction(found)


def _filled(table: object, into: Any, base: Any, where: str) -> Any:
    """Within the bounds of ``base``, too: the file's own types may have forgotten them."""
    filled = _convert(table, into, where)
    _convert({name: getattr(filled, name) for name in base.__struct_fields__}, base, where)
    return filled


def _convert(table: object, into: Any, where: str) -> Any:
    try:
        return msgspec.convert(table, into)
    except msgspec.ValidationError as error:
        raise Invalid(describe(error, where)) from None
    except TypeError as error:  # a Struct that can't be filled from a table
        raise Invalid(f"{where}: {' '.join(str(error).split())}; every field needs a default and a type") from None

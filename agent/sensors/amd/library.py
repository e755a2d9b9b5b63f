"""amdsmi, opened when first used and for both sensors at once; one of them uses it at a time.

https://rocm.docs.amd.com/projects/amdsmi/en/latest/reference/amdsmi-py-api.html
"""

import contextlib
import io
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.sensors.nvidia import pci
from agent.sensors.nvidia.device import Device, Trouble
from agent.sensors.nvidia.session import Unavailable

# Numbers of amdsmi_status_t: what a GPU has not, or this user may not see, or that sleeps
HAS_NOT = frozenset({1, 2, 3, 5, 10, 20, 30, 31, 40, 52})
TROUBLES = {10: Trouble.NO_PERMISSION, 34: Trouble.DRIVER_NOT_LOADED}
WAIT_S = 5.0  # for the other sensor
INSTALL = "pip install 'mainstay[amd]', in the version of the ROCm that is installed, and amd-smi-lib"


@dataclass(frozen=True)
class Found:
    """A GPU that amdsmi counts."""

    handle: Any
    device: Device


@dataclass(frozen=True)
class Opened:
    smi: Any
    found: tuple[Found, ...]


class Library:
    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._opened: Opened | None = None

    @contextlib.contextmanager
    def use(self, release_file: str) -> Iterator[Opened]:
        """Raises Unavailable."""
        if not self._turn.acquire(timeout=WAIT_S):
            raise Unavailable(Trouble.NO_ANSWER, "amdsmi does not come back from another question")
        try:
            if Path(release_file).exists():
                self._close()
                raise Unavailable(Trouble.RELEASED, f"{release_file} exists")
            self._opened = self._opened or _open()
            yield self._opened
        finally:
            self._turn.release()

    def close(self) -> None:
        """To open it anew: handles of a GPU that was reset are void."""
        with self._turn:
            self._close()

    def _close(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            with contextlib.suppress(opened.smi.AmdSmiException):
                opened.smi.amdsmi_shut_down()


LIBRARY = Library()


def ask(smi: Any, call: Callable[..., Any], *arguments: Any) -> Any:
    """What it answers; None for what this GPU does not have. Raises AmdSmiException when something is wrong."""
    try:
        return call(*arguments)
    except smi.AmdSmiLibraryException as error:
        if error.get_error_code() in HAS_NOT:
            return None
        raise


def number(answer: Any, *names: str) -> Any:
    """The first of these fields that is a number: amdsmi writes "N/A" where a GPU has none."""
    values = ((answer or {}).get(name) for name in names)
    return next((value for value in values if isinstance(value, int | float)), None)


def trouble_of(error: Exception) -> Trouble:
    return TROUBLES.get(getattr(error, "err_code", None) or 0, Trouble.NO_ANSWER)


def text_of(error: Exception) -> str:
    return " ".join(str(getattr(error, "err_info", "") or error).split())


def _open() -> Opened:
    smi = _imported()
    try:
        smi.amdsmi_init()
        handles = smi.amdsmi_get_processor_handles()
        return Opened(smi, tuple(_found(smi, index, handle) for index, handle in enumerate(handles)))
    except smi.AmdSmiException as error:
        raise Unavailable(trouble_of(error), text_of(error)) from None


def _imported() -> Any:
    """It prints, and raises this and that, where ROCm's library is missing or of another version."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            import amdsmi
    except Exception as error:
        raise Unavailable(Trouble.LIBRARY_MISSING, f"amdsmi: {error}: {INSTALL}") from None
    return amdsmi


def _found(smi: Any, index: int, handle: Any) -> Found:
    try:
        place = pci.address(smi.amdsmi_get_gpu_device_bdf(handle))
        model = (ask(smi, smi.amdsmi_get_gpu_asic_info, handle) or {}).get("market_name", "")
        return Found(handle, Device(pci=place, uuid=smi.amdsmi_get_gpu_device_uuid(handle), model=model, index=index))
    except smi.AmdSmiException as error:
        silent = Device(pci=f"index-{index}", index=index, trouble=trouble_of(error), error=text_of(error))
        return Found(None, silent)

"""Calling NVML so that what a GPU does not have is None, and what is wrong with it is raised."""

from collections.abc import Callable, Sequence
from typing import Any

from agent.sensors.nvidia.device import Trouble

# Numbers of nvmlReturn_t, https://docs.nvidia.com/deploy/nvml-api/group__nvmlDeviceEnumvs.html
NOT_SUPPORTED = 3
HAS_NOT = frozenset({2, NOT_SUPPORTED, 4, 6, 13, 21, 22, 25, 26})  # ... or an older driver knows not
TROUBLES = {
    4: Trouble.NO_PERMISSION,
    9: Trouble.DRIVER_NOT_LOADED,
    12: Trouble.LIBRARY_MISSING,
    15: Trouble.LOST,
    16: Trouble.RESET_REQUIRED,
    18: Trouble.VERSION_MISMATCH,
}
VALUES = ("dVal", "uiVal", "ulVal", "ullVal", "sllVal", "siVal", "usVal")  # by nvmlValueType_t


def trouble_of(error: Exception) -> Trouble:
    return TROUBLES.get(getattr(error, "value", 0), Trouble.NO_ANSWER)


def ask(call: Callable[..., Any], *arguments: Any) -> Any:
    """What it answers; None for what this GPU does not have. Raises NVMLError when something is wrong."""
    try:
        return call(*arguments)
    except Exception as error:
        if getattr(error, "value", None) in HAS_NOT:
            return None
        raise


def attempt(call: Callable[..., Any], *arguments: Any) -> None:
    """For what is done on the way out: it may fail."""
    try:
        call(*arguments)
    except Exception as error:
        if not hasattr(error, "value"):
            raise


def fields(nvml: Any, handle: Any, ids: Sequence[int | tuple[int, int]]) -> list[int | None]:
    """Field values in one call; None for what this GPU does not have."""
    answers = ask(nvml.nvmlDeviceGetFieldValues, handle, ids)
    return [None] * len(ids) if answers is None else [_field(nvml, answer) for answer in answers]


def _field(nvml: Any, answer: Any) -> int | None:
    code = answer.nvmlReturn
    if code in TROUBLES and code not in HAS_NOT:
        raise nvml.NVMLError(code)
    if code != 0 or not 0 <= answer.valueType < len(VALUES):
        return None
    return int(getattr(answer.value, VALUES[answer.valueType]))


def text(value: str | bytes) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def address_of(handle: Any) -> int:
    """A handle is a pointer to something of NVML's own."""
    import ctypes

    return ctypes.cast(handle, ctypes.c_void_p).value or 0

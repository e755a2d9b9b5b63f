"""State and error counters of network interfaces."""

from collections.abc import Mapping

import msgspec
import psutil


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``interfaces`` must be there and up. Empty: the counters of all but loopback are read, none has to be up."""

    interfaces: list[str] = []


class Interface(msgspec.Struct, frozen=True):
    """Counters since boot; both directions together. ``present`` is false for one that is named but is not there."""

    name: str
    present: bool
    up: bool
    required: bool
    packets: int = 0
    errors: int = 0


class Reading(msgspec.Struct, frozen=True):
    interfaces: list[Interface]


def read(options: Options) -> Reading:
    states, counters = psutil.net_if_stats(), psutil.net_io_counters(pernic=True)
    names = options.interfaces or sorted(name for name in states if name != "lo")
    return Reading([_interface(name, name in options.interfaces, states, counters) for name in names])


def _interface(name: str, required: bool, states: Mapping[str, object], counters: Mapping[str, object]) -> Interface:
    state, counter = states.get(name), counters.get(name)
    return Interface(
        name=name,
        present=state is not None,
        up=bool(getattr(state, "isup", False)),
        required=required,
        packets=_sum(counter, "packets_sent", "packets_recv"),
        errors=_sum(counter, "errin", "errout"),
    )


def _sum(counter: object, *fields: str) -> int:
    return sum(getattr(counter, field, 0) for field in fields)

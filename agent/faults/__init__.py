"""Faults that are told and not measured: lines of the kernel log, events of a driver.

A sensor that follows a source gives a :class:`Sighting` for each; the agent keeps them, and rules (so many within a
window) say what condition holds.
"""

import msgspec


class Sighting(msgspec.Struct, frozen=True):
    """One fault, as one source told it.

    ``kind`` is a word of the table of faults ("xid", "oom_kill", "ext4_error"); ``code`` tells apart what is of one
    kind (an Xid's number; empty where there is none); ``component`` is what it befell (a GPU's PCI address, "nvme0n1",
    "eth0"; empty for the machine). ``at`` is seconds of CLOCK_BOOTTIME. ``text`` is the line as it came, at most 512
    characters. ``source`` is the sensor.
    """

    kind: str
    code: str
    component: str
    at: float
    text: str
    source: str

"""Gives up every Linux capability: a change from one ordinary user to another keeps them (capabilities(7))."""

import ctypes
import os
import struct

PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_CLEAR_ALL = 4
_VERSION_3 = 0x20080522


def drop_all() -> None:
    """Ambient, effective, permitted and inheritable, of this process. Raises OSError when the kernel refuses."""
    libc = ctypes.CDLL(None, use_errno=True)
    header = struct.pack("=Ii", _VERSION_3, 0)
    nothing = bytes(6 * 4)  # effective, permitted, inheritable: two words of 32 each
    _checked(libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0), "PR_CAP_AMBIENT_CLEAR_ALL")
    _checked(libc.capset(header, nothing), "capset")


def _checked(result: int, call: str) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), f"{call}: {os.strerror(ctypes.get_errno())}")

"""Reads files that a worker's user may have made into anything: a link, a pipe, a device, a gigabyte."""

import json
import os
import stat
from typing import Any


def read_small(path: str, limit: int, uid: int) -> bytes:
    """The content of a regular file of that owner. Raises OSError otherwise; more than ``limit`` is cut off."""
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != uid:
            raise OSError(f"{path}: not a regular file of user id {uid}")
        return os.read(fd, limit)
    finally:
        os.close(fd)


def read_json(path: str, limit: int, uid: int) -> dict[str, Any]:
    """Raises OSError, or ValueError when it is not a JSON object."""
    try:
        value = json.loads(read_small(path, limit, uid))
    except RecursionError:
        raise ValueError(f"{path}: nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError(f"{path}: not a JSON object")
    return value

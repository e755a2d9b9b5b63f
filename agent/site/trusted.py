"""Who may decide what runs on a node: root, and the user that the agent runs as."""

import os
import stat

from agent.errors import Invalid

WRITABLE = stat.S_IWGRP | stat.S_IWOTH


def demand_program(path: str) -> None:
    """Raises Invalid unless ``path`` can be run, and only those who may could have written it."""
    try:
        found = os.stat(path)
    except OSError as error:
        raise Invalid(f"{path}: {error.strerror}; mend argv") from None
    demand(path, found)
    if not stat.S_ISREG(found.st_mode) or not os.access(path, os.X_OK):
        raise Invalid(f"{path}: not a program that can be run; mend argv, or chmod a+x")


def demand(path: str, found: os.stat_result) -> None:
    """Raises Invalid unless nobody but root and the agent's own user could have put it there."""
    _demand(path, found)
    folder = os.path.dirname(os.path.realpath(path))
    _demand(folder, os.stat(folder))


def _demand(path: str, found: os.stat_result) -> None:
    if found.st_uid not in (0, os.geteuid()):
        raise Invalid(f"{path}: belongs to user {found.st_uid}, who may write what the agent runs; chown root {path}")
    sticky = stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX
    if found.st_mode & WRITABLE and not sticky:
        raise Invalid(f"{path}: others may write it; chmod go-w {path}")

"""What this node lets jobs run: part of the agent's own configuration, closed by default."""

import msgspec

from wire.names import AbsolutePath, UserName


class WorkerPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``interpreters`` are compared as written, links not followed: a virtual environment's python is one.

    A job's script, directory and checkpoints must lie below one of ``roots``, links followed. ``users`` never
    includes root, whatever it says; an agent that is not root can only use its own user.
    """

    interpreters: list[AbsolutePath] = []
    roots: list[AbsolutePath] = []
    users: list[UserName] = []

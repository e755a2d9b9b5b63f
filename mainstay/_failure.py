"""What an exception that ends a rank is, and the record of it: ``$MAINSTAY_WORKER_DIR/failure-RANK.json``."""

import errno
import os
import re
from typing import Any, Dict, Iterator, Optional

MESSAGE_LIMIT = 2000
CHAIN_LIMIT = 10

# torch's own classes, by name: this package must not import torch
PEER_CLASSES = frozenset({"DistBackendError", "DistNetworkError", "DistStoreError"})
PEER_TEXT = (
    "gloo/transport",
    "Connection closed by peer",
    "Connection reset by peer",
    "NCCL error",
    "ncclRemoteError",
    "ncclSystemError",
    "Broken pipe",
)
# raised with the same classes, but the fault is here
OWN_TEXT = ("ncclInvalidUsage", "ncclInvalidArgument", "ncclUnhandledCudaError", "unhandled cuda error")


def kind(error: BaseException, master_port: str) -> str:
    """``port_taken``, ``peer`` (what a rank gets when another is lost) or ``exception`` (all else)."""
    chain = list(_chain(error))
    if any(_is_port_taken(link, master_port) for link in chain):
        return "port_taken"
    return "peer" if any(_is_peer(link) for link in chain) else "exception"


def record(error: BaseException, rank: int, local_rank: int, master_port: str) -> Dict[str, Any]:
    import datetime  # here and below: loaded by a process that is ending, not by each one that starts

    return {
        "rank": rank,
        "local_rank": local_rank,
        "pid": os.getpid(),
        "at": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="microseconds"),
        "error": type(error).__name__,
        "message": _text(error)[:MESSAGE_LIMIT],
        "kind": kind(error, master_port),
    }


def write(directory: str, failure: Dict[str, Any]) -> None:
    import json

    path = os.path.join(directory, "failure-%d.json" % failure["rank"])
    temporary = "%s.%d" % (path, os.getpid())
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(fd, "w") as file:
        json.dump(failure, file)
    os.replace(temporary, path)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The exception and what it was raised from or during."""
    link: Optional[BaseException] = error
    for _ in range(CHAIN_LIMIT):
        if link is None:
            return
        yield link
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)


def _is_peer(error: BaseException) -> bool:
    text = _text(error)
    if any(part in text for part in OWN_TEXT):
        return False
    if isinstance(error, (ConnectionError, TimeoutError)):
        return True
    if any(parent.__name__ in PEER_CLASSES for parent in type(error).__mro__):
        return True
    return any(part in text for part in PEER_TEXT)


def _is_port_taken(error: BaseException, master_port: str) -> bool:
    """Only the rendezvous port counts: another port of the script's is the script's own matter."""
    text = _text(error)
    in_use = getattr(error, "errno", None) == errno.EADDRINUSE or "EADDRINUSE" in text
    return in_use and bool(master_port) and re.search(r"\b%s\b" % re.escape(master_port), text) is not None


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return "<the message could not be made>"

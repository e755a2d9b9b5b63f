"""The faults, the same for both contenders."""

import signal
from enum import StrEnum
from typing import NamedTuple


class Fault(StrEnum):
    WORKER_KILL = "worker-kill"
    NODE_KILL = "node-kill"
    RENDEZVOUS_NODE_KILL = "rendezvous-node-kill"
    WORKER_HANG = "worker-hang"
    SILENT_NODE = "silent-node"


class Blow(NamedTuple):
    """What gets which signal: the worker of rank 1, or all that runs on one of the two nodes."""

    signal: signal.Signals
    whole_node: bool
    rendezvous: bool = False  # the node that hosts the rendezvous, or else the other one
    meaning: str = ""


BLOWS = {
    Fault.WORKER_KILL: Blow(signal.SIGKILL, whole_node=False, meaning="SIGKILL to the worker of rank 1"),
    Fault.NODE_KILL: Blow(signal.SIGKILL, whole_node=True, meaning="SIGKILL to all on the node without the rendezvous"),
    Fault.RENDEZVOUS_NODE_KILL: Blow(signal.SIGKILL, True, True, "SIGKILL to all on the node with the rendezvous"),
    Fault.WORKER_HANG: Blow(signal.SIGSTOP, whole_node=False, meaning="SIGSTOP to the worker of rank 1"),
    Fault.SILENT_NODE: Blow(signal.SIGSTOP, True, meaning="SIGSTOP to all on the node without the rendezvous"),
}

"""A gang member without torch: behaves as a rank of a data-parallel job does, with nothing but sockets.

Rank 0 serves at MASTER_ADDR:MASTER_PORT and every step waits for all; a lost peer is a ConnectionError in the others; a
silent one stops them all. Started by the launcher "direct", or by hand with torchrun's environment variables.
Standard library only, any Python from 3.8 on.
"""

import argparse
import contextlib
import errno
import os
import re
import signal
import socket
import sys
import time

try:
    import mainstay
except ImportError:
    mainstay = None

CONNECT_S = 60.0
SYNC = b"s"
GO = b"g"


class Gang:
    """All ranks in step. ``sync`` returns once every rank has called it."""

    def __init__(self, rank, world, address, port):
        self.rank = rank
        self.peers = []
        if world == 1:
            return
        if rank == 0:
            self.peers = _serve(address, port, world - 1)
        else:
            self.peers = [_connect(address, port)]

    def sync(self):
        if self.rank == 0:
            for peer in self.peers:
                _receive(peer, SYNC)
            for peer in self.peers:
                peer.sendall(GO)
        else:
            for server in self.peers:
                server.sendall(SYNC)
                _receive(server, GO)

    def close(self):
        for peer in self.peers:
            peer.close()


def _serve(address, port, peers):
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        server.bind((address, port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise OSError(errno.EADDRINUSE, f"address already in use: port {port}") from None
        raise
    server.listen(peers)
    with server:
        return [_no_delay(server.accept()[0]) for _ in range(peers)]


def _connect(address, port):
    deadline = time.monotonic() + CONNECT_S
    while True:
        try:
            return _no_delay(socket.create_connection((address, port), timeout=CONNECT_S))
        except OSError as error:
            if time.monotonic() > deadline:
                raise ConnectionError(f"no rank 0 at {address}:{port}: {error}") from None
            time.sleep(0.05)


def _no_delay(connection):
    connection.settimeout(None)  # as a collective: a silent peer is waited for
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _receive(connection, wanted):
    got = connection.recv(1)
    if got != wanted:
        raise ConnectionError("Connection closed by peer")


class Witness:
    """A record outside Mainstay: one line for each start and each stop, on the disk before the next thing happens."""

    def __init__(self, path, rank):
        self.path = path
        self.rank = rank

    def write(self, what):
        if not self.path:
            return
        job, attempt = os.environ.get("MAINSTAY_JOB", "-"), os.environ.get("MAINSTAY_ATTEMPT", "0")
        line = f"{what} {job} {attempt} {self.rank} {os.getpid()} {time.time():.6f}\n"
        fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        try:
            os.write(fd, line.encode())
            os.fsync(fd)
        finally:
            os.close(fd)


def note_step(path, rank, step):
    """Of every rank, in one file: whether two attempts stepped at once."""
    if not path:
        return
    job, attempt = os.environ.get("MAINSTAY_JOB", "-"), os.environ.get("MAINSTAY_ATTEMPT", "0")
    with open(path, "a") as file:
        file.write(f"{job} {attempt} {rank} {step} {time.time():.6f}\n")


def save(directory, step):
    path = os.path.join(directory, f"step-{step}.pt")
    temporary = f"{path}.{os.getpid()}.tmp"
    with open(temporary, "w") as file:
        file.write(f"{step}\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def resumed_step():
    """The step the job goes on after; 0 at the beginning."""
    path = os.environ.get("MAINSTAY_RESUME_FROM")
    if not path:
        return 0
    with open(path) as file:
        step = int(file.read())
    named = re.search(r"step-(\d+)\.pt$", path)
    if named and int(named.group(1)) != step:
        raise ValueError(f"{path} holds step {step}")
    return step


def report(step):
    if mainstay is not None:
        mainstay.report(step=step, loss=1.0 / step)


def train(options, rank, world):
    gang = Gang(rank, world, os.environ.get("MASTER_ADDR", ""), int(os.environ.get("MASTER_PORT", "0")))
    checkpoints = os.environ.get("MAINSTAY_CHECKPOINT_DIR")
    with contextlib.closing(gang):
        for step in range(resumed_step() + 1, options.steps + 1):
            if fails(options, rank, step):
                raise ValueError(f"told to fail at step {step}")
            time.sleep(options.step_s)
            gang.sync()
            note_step(options.step_witness, rank, step)
            report(step)
            print(f"step {step}", flush=True)
            if rank == 0 and checkpoints and options.checkpoint_every and step % options.checkpoint_every == 0:
                save(checkpoints, step)
        gang.sync()


def fails(options, rank, step):
    attempt = int(os.environ.get("MAINSTAY_ATTEMPT", "0"))
    return (
        options.fail_at_step == step
        and options.fail_rank in (rank, -1)
        and (options.fail_attempts == 0 or attempt <= options.fail_attempts)
    )


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--step-s", type=float, default=0.05)
    parser.add_argument("--checkpoint-every", type=int, default=0, help="0: never")
    parser.add_argument("--witness", default="", help="file that each start and stop is appended to")
    parser.add_argument("--step-witness", default="", help="file that each rank appends its steps to")
    parser.add_argument("--fail-at-step", type=int, default=0, help="0: never")
    parser.add_argument("--fail-rank", type=int, default=0, help="-1: every rank")
    parser.add_argument("--fail-attempts", type=int, default=0, help="fail in attempts up to this; 0: in all")
    parser.add_argument("--ignore-sigterm", action="store_true")
    return parser.parse_args()


def main():
    options = parse()
    rank, world = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    handler = signal.SIG_IGN if options.ignore_sigterm else lambda *_: sys.exit(128 + signal.SIGTERM)
    signal.signal(signal.SIGTERM, handler)
    witness = Witness(options.witness, rank)
    witness.write("start")
    try:
        train(options, rank, world)
    finally:
        witness.write("stop")


if __name__ == "__main__":
    main()

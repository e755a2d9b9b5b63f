"""Reads the network's interfaces as a program in another network namespace does: ``ip netns exec NAME python FILE
OPTIONS`` answers each line on its input with one reading."""

import json
import subprocess
import sys
from pathlib import Path

import msgspec

from agent.sensors import Host, network

ROOT = Path(__file__).resolve().parents[2]


class NetworkReader:
    def __init__(self, namespace: str, options: dict[str, object]) -> None:
        self._process = subprocess.Popen(
            ["ip", "netns", "exec", namespace, sys.executable, __file__, json.dumps(options)],
            env={"PYTHONPATH": str(ROOT), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def read(self) -> network.Reading | None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(b"\n")
        self._process.stdin.flush()
        return msgspec.json.decode(self._process.stdout.readline(), type=network.Reading | None)

    def close(self) -> None:
        self._process.communicate(timeout=10)


def main() -> None:
    watch = network.Watch(msgspec.convert(json.loads(sys.argv[1]), network.Options), Host())
    for _ in sys.stdin:
        print(msgspec.json.encode(watch.read()).decode(), flush=True)


if __name__ == "__main__":
    main()

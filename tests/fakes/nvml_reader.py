"""A process that reads NVIDIA's GPUs as the prober does: each sensor in a thread of its own, answers as they come.

    with Reader(environment, options, state_dir) as reader:
        reader.ask("gpu_nvml")
        name, reading = reader.answer()

Run as a program it is that process. Sightings come as answers of "gpu_nvml_events" once that was asked.
"""

import importlib
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from agent.sensors import Host, sensor

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_S = 20.0


class Reader:
    def __init__(self, environment: Mapping[str, str], options: Mapping[str, Any], state_dir: Path) -> None:
        path = f"{ROOT}:{ROOT / 'tests'}"
        self._process = subprocess.Popen(
            [sys.executable, __file__, json.dumps(dict(options)), str(state_dir)],
            env={**os.environ, **environment, "PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._answers: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._collect, daemon=True).start()

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, name: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{name}\n")
        self._process.stdin.flush()

    def answer(self, within_s: float = DEADLINE_S) -> tuple[str, Any]:
        """Which sensor, and its reading (a Sighting for events); fails when none comes."""
        name, _, text = self._answers.get(timeout=within_s).partition(" ")
        return name, decode(name, text)

    def read(self, name: str) -> Any:
        self.ask(name)
        answered, reading = self.answer()
        assert answered == name
        return reading

    def _collect(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._answers.put(line)


def decode(name: str, text: str) -> Any:
    found = _sensor(name)
    if found.reading is None:
        from agent.faults import Sighting

        return msgspec.json.decode(text, type=Sighting | None)
    return msgspec.json.decode(text, type=found.reading | None)


def _sensor(name: str) -> Any:
    return sensor(name, importlib.import_module(f"agent.sensors.{name}"))


def main(options: dict[str, Any], state_dir: str) -> None:
    host, lock = Host(node="n1", state_dir=state_dir), threading.Lock()
    sources: dict[str, Any] = {}

    def say(name: str, what: object) -> None:
        with lock:
            print(name, msgspec.json.encode(what).decode(), flush=True)

    def read(name: str) -> None:
        say(name, sources[name].read())

    def follow(name: str) -> None:
        found = _sensor(name)
        for batch in found.follow(msgspec.convert(options, found.options), host, ""):
            for sighting in batch.sightings:
                say(name, sighting)
        say(name, None)

    for line in sys.stdin:
        name = line.strip()
        found = _sensor(name)
        if found.attach is not None and name not in sources:
            sources[name] = found.attach(msgspec.convert(options, found.options), host)
        threading.Thread(target=follow if found.follow else read, args=[name], daemon=True).start()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), sys.argv[2])

"""A node that has what this machine need not have: eight GPUs, and a kernel's log in which we write."""

import itertools
import os
import time
from pathlib import Path

import pytest
from fakes.nvml_fake import Nvml
from harness import ProcessNode

from agent import sensors


class Kernel:
    """A log in place of the machine's: who opens it reads it from the beginning."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path, self._records, self._seq = path, b"", itertools.count()
        self._end = os.open(path, os.O_RDWR)

    @property
    def table(self) -> str:
        """Of the agent's configuration: follow this one."""
        return f'[sensors.kernel_log]\nsource = "kmsg"\npath = "{self.path}"\n'

    def says(self, text: str) -> None:
        record = f"3,{next(self._seq)},{time.monotonic_ns() // 1000},-;{text}\n".encode()
        self._records += record
        os.write(self._end, record)

    def is_opened_anew(self) -> None:
        os.write(self._end, self._records)


def gpu_tables(nvml: Nvml, **more: str) -> str:
    """Of the agent's configuration: where the sensors of GPUs find these; ``more`` are lines for a sensor's table."""
    text = ""
    for name, found in sensors.discover().items():
        known = set(found.options.__struct_fields__) & set(nvml.options)
        told = "".join(f'{option} = "{nvml.options[option]}"\n' for option in sorted(known))
        text += f"[sensors.{name}]\n{more.get(name, '')}{told}" if told else ""
    return text


def restart(node: ProcessNode, tables: str) -> None:
    """Its agent, with these tables in its configuration too."""
    with node.config.open("a") as config:
        config.write(tables)
    node.kill_agent()
    node.start()


def see_gpus(nvml: Nvml, environment: pytest.MonkeyPatch) -> None:
    """Agents that are started from now on have these GPUs."""
    for name, value in nvml.environment.items():
        environment.setenv(name, value)

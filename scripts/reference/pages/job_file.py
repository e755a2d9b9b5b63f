"""The job file."""

from scripts.reference.markdown import fence, heading, paragraphs
from scripts.reference.structs import toml
from wire.specs import JobSpec

PATH = "reference/job-file.md"
INTRODUCTION = """
What `mainstay job submit FILE` reads, TOML. Relative paths count from the file's own folder. An unknown field is
refused, and so is what the nodes' own configurations do not allow (`workers` in [the agent's](agent-config.md)).
[Workers](../workers-and-shim.md) says what the script finds in its environment.
"""
EXAMPLE = """name = "my-run"
script = "/shared/code/train.py"
interpreter = "/shared/env/bin/python"
nodes = 16
workers_per_node = 8

[checkpoint]
dir = "/shared/checkpoints/my-run"
"""


def render() -> list[str]:
    return [
        *heading(1, "The job file"),
        *paragraphs(INTRODUCTION),
        *fence("toml", EXAMPLE.splitlines()),
        *toml(JobSpec),
    ]

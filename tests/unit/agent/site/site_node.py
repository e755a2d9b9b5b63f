"""A node with checks of its site's own, and the example that the checklist shows."""

from typing import Any

import msgspec
from fakes import documented

from agent.site.command import Command

CHECKLIST = documented.ROOT / "docs" / "checklists" / "add-a-check.md"
EXAMPLE = documented.files(CHECKLIST)["scratch_slow.py"]


class Node(msgspec.Struct):
    """What a site's checks need of the node's configuration."""

    site_checks: str
    commands: dict[str, Command] = {}
    sensors: dict[str, Any] = {}
    thresholds: dict[str, Any] = {}
    faults: str | None = None

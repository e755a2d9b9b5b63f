"""The job file: TOML to a JobSpec. Paths in it may be relative to its own folder."""

import os
import tomllib
from pathlib import Path
from typing import Any

import msgspec

from cli.errors import Invalid
from wire.specs import JobSpec
from wire.validation import describe

PATH_FIELDS = ("script", "directory", "interpreter")


def read(path: Path) -> JobSpec:
    """Raises Invalid with one line: ``job.toml: nodes: expected int >= 1``."""
    try:
        tables = tomllib.loads(path.read_bytes().decode())
    except OSError as error:
        raise Invalid(f"{path}: {(error.strerror or 'cannot be read').lower()}; name a readable job file") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Invalid(f"{path}: not TOML: {error}") from None
    try:
        return msgspec.convert(_resolved(tables, path.parent.absolute()), JobSpec)
    except msgspec.ValidationError as error:
        raise Invalid(f"{path}: {describe(error)}") from None


def _resolved(tables: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The same with absolute paths; what is no string is left for validation to name."""
    resolved = {**tables}
    for field in PATH_FIELDS:
        if isinstance(tables.get(field), str):
            resolved[field] = _absolute(tables[field], folder)
    checkpoint = tables.get("checkpoint")
    if isinstance(checkpoint, dict) and isinstance(checkpoint.get("dir"), str):
        resolved["checkpoint"] = {**checkpoint, "dir": _absolute(checkpoint["dir"], folder)}
    return resolved


def _absolute(text: str, folder: Path) -> str:
    """Without following links: an interpreter's path says which virtual environment is meant."""
    return os.path.normpath(folder / text) if text else text

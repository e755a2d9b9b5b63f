"""The job file: TOML to a JobSpec. Paths in it may be relative to its own folder."""

import os
import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec

from cli.errors import Invalid
from wire.specs import JobSpec

PATH_FIELDS = ("script", "directory", "interpreter")

_PLACE = re.compile(r" - at (?P<key>`key` in )?`\$\.?(?P<place>[^`]*)`$")
_MISSING = re.compile(r"^Object missing required field `(?P<field>[^`]*)`$")
_UNKNOWN = re.compile(r"^Object contains unknown field `(?P<field>[^`]*)`$")
_PATTERNS = {
    "name": "expected small letters, digits and hyphens, beginning with a letter, at most 40",
    "checkpoint.pattern": "expected a relative path with {step} in it once, such as step-{step}.pt",
}


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
        raise Invalid(f"{path}: {in_words(str(error))}") from None


def in_words(error: str) -> str:
    """msgspec's message as ``field: what is wrong or to be done``."""
    place = _PLACE.search(error)
    where = place["place"] if place else ""
    what = _PLACE.sub("", error)
    for pattern, mend in ((_MISSING, "missing; add it"), (_UNKNOWN, "no such field; remove it or mend its name")):
        if match := pattern.match(what):
            return f"{_join(where, match['field'])}: {mend}"
    if "regex" in what:
        what = _expected_form(where, key=bool(place and place["key"]))
    what = what.replace("`", "")
    return f"{where or 'the file'}: {what[:1].lower()}{what[1:]}"


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


def _expected_form(place: str, key: bool) -> str:
    if key:
        return "expected names of letters, digits and underscores that begin with no digit"
    if place in _PATTERNS:
        return _PATTERNS[place]
    return "expected a path without NUL bytes, and not empty"


def _join(place: str, field: str) -> str:
    return f"{place}.{field}" if place else field

"""The table of faults: Mainstay's own rows, with those of the node's operator before them."""

import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec

from agent import checks
from agent.checks import Judged, Verdict
from agent.errors import Invalid
from agent.faults import Sighting
from agent.faults.rows import Occurrence, Row
from wire.conditions import Severity, Status
from wire.validation import describe

OWN_TYPES = ("ProbeHung", "SiteCheckBroken", "SpoolFull", "FaultSourceLost")  # the agent's, that are no check's
FILES = ("xid.toml", "rules.toml")
TABLES = {"xid": "xid", "sxid": "sxid", "fault": ""}  # by the name of a table, the kind of its rows
WELL = "well"
TEXT = 200

Key = tuple[str, str]  # kind, code
Raw = dict[Key, dict[str, Any]]


class Settings(Protocol):
    """See :class:`agent.config.Config`."""

    @property
    def faults(self) -> str | None: ...


class Table:
    """The rules; see :class:`agent.faults.watch.Rules`. ``rows`` by kind and code; an empty code is for all others."""

    def __init__(self, rows: Mapping[Key, Row]) -> None:
        self.rows = dict(rows)

    def types(self) -> frozenset[str]:
        """Of conditions that it can make."""
        return frozenset(row.condition for row in self.rows.values() if row.condition)

    def severity(self, sighting: Sighting) -> Severity:
        row = self._row(sighting)
        return row.severity if row else Severity.WARNING

    def concerns(self, type_: str, sighting: Sighting) -> bool:
        row = self._row(sighting)
        return row is not None and row.condition == type_

    def judge(self, occurrences: Sequence[Occurrence]) -> dict[str, Judged]:
        """Of types of which something was told once; the others are not spoken of."""
        found: dict[str, dict[str, list[Verdict]]] = defaultdict(lambda: defaultdict(list))
        for (row, component), alike in self._grouped(occurrences):
            found[row.condition][component] += _verdicts(row, alike)
        return {type_: _together(components) for type_, components in found.items()}

    def _row(self, sighting: Sighting) -> Row | None:
        return self.rows.get((sighting.kind, sighting.code)) or self.rows.get((sighting.kind, ""))

    def _grouped(self, occurrences: Iterable[Occurrence]) -> Iterator[tuple[tuple[Row, str], list[Occurrence]]]:
        """By row and component, what can make a condition."""
        groups: dict[tuple[str, str, str], list[Occurrence]] = defaultdict(list)
        for each in occurrences:
            row = self._row(each.sighting)
            if row is not None and row.condition:
                groups[row.kind, row.code, each.sighting.component].append(each)
        for (kind, code, component), alike in groups.items():
            yield (self.rows[kind, code], component), alike


def load(settings: Settings) -> Table:
    """Raises Invalid with one line: the file, the row, the field and the mend."""
    raw = _own()
    if settings.faults:
        raw |= _overridden(raw, settings.faults)
    return Table({key: _convert(row, "the table of faults") for key, row in raw.items()})


def own() -> Table:
    """Without an operator's rows."""
    return Table({key: _convert(row, "the table of faults") for key, row in _own().items()})


def _own() -> Raw:
    raw: Raw = {}
    for name in FILES:
        raw |= _keyed(tomllib.loads(Path(__file__).with_name(name).read_text("utf-8")), name)
    return raw


def _overridden(own: Raw, path: str) -> Raw:
    given = _keyed(_read(path), path)
    merged = {key: {"source": path} | own.get(key, {}) | row for key, row in given.items()}
    taken = {check.condition for check in checks.discover().values()} | set(OWN_TYPES)
    for key, row in merged.items():
        made = _convert(row, f"{path}: {_place(key)}")
        if made.condition in taken:
            raise Invalid(f"{path}: {_place(key)}: condition: {made.condition} is a check's; give it another name")
    return merged


def _read(path: str) -> dict[str, Any]:
    try:
        return tomllib.loads(Path(path).read_text("utf-8"))
    except FileNotFoundError:
        raise Invalid(f"{path}: no such file; write it, or take `faults` out of the configuration") from None
    except (OSError, ValueError) as error:
        raise Invalid(f"{path}: cannot be read as TOML: {error}") from None


def _keyed(tables: dict[str, Any], path: str) -> Raw:
    raw: Raw = {}
    for name, rows in tables.items():
        if name not in TABLES:
            raise Invalid(f"{path}: {name}: no such table; write [[{']], [['.join(TABLES)}]]")
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise Invalid(f"{path}: {name}: not a list of tables; write [[{name}]]")
        for number, row in enumerate(rows, start=1):
            key = _key(name, row, f"{path}: {name} {number}")
            if key in raw:
                raise Invalid(f"{path}: {_place(key)}: is there twice; remove one")
            raw[key] = row | {"kind": key[0], "code": key[1]}
    return raw


def _key(name: str, row: dict[str, Any], where: str) -> Key:
    if kind := TABLES[name]:
        if type(row.get("code")) is not int:  # true is one, too
            raise Invalid(f"{where}: code: a whole number is missing; add it")
        return kind, str(row["code"])
    if not isinstance(row.get("kind"), str) or not row["kind"]:
        raise Invalid(f"{where}: kind: a word is missing; add it")
    return row["kind"], str(row.get("code", ""))


def _convert(row: dict[str, Any], where: str) -> Row:
    try:
        return msgspec.convert(row, Row)
    except msgspec.ValidationError as error:
        raise Invalid(f"{where}: {describe(error)}") from None


def _place(key: Key) -> str:
    return " ".join(filter(None, key))


def _verdicts(row: Row, occurrences: Sequence[Occurrence]) -> list[Verdict]:
    """One, if the fault stands."""
    standing = row.standing(occurrences)
    if standing is None:
        return []
    severity, action = standing
    return [Verdict(Status.TRUE, severity, row.reason, _message(row, occurrences), action)]


def _message(row: Row, occurrences: Sequence[Occurrence]) -> str:
    times = sum(map(row.counts, occurrences))
    told = f"told {times} times, the last:" if times > 1 else "told:"
    return f"{row.meaning.strip().rstrip('.')}; {told} {occurrences[-1].sighting.text[:TEXT]}"


def _together(components: Mapping[str, Sequence[Verdict]]) -> Judged:
    """The worst of each; of equals the first in the table's order of the log."""
    worst = {name: max(verdicts, key=_badness) for name, verdicts in components.items() if verdicts}
    return worst or Verdict(Status.FALSE, Severity.INFO, WELL, "nothing of the kind stands")


def _badness(verdict: Verdict) -> int:
    return list(Severity).index(verdict.severity)

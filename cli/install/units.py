"""Unit files from the templates in systemd/, and what the service manager must be told about them."""

from collections.abc import Sequence
from pathlib import Path

from cli.install import systemctl
from cli.install.place import UNIT_TEMPLATES, Place
from cli.install.steps import ROOT, Do, File, Gone, GoneIfEmpty, Owner, Step

BIN = "@BIN@"


def written(names: Sequence[str], place: Place, programs: Path) -> list[Step]:
    owner = Owner(place, ROOT, ROOT, 0o644)
    return [File(place.unit(name), _content(name, programs), owner) for name in names]


def sysusers(name: str, place: Place) -> File:
    content = (UNIT_TEMPLATES / f"{name}.sysusers").read_text()
    return File(place.at(f"/etc/sysusers.d/{name}.conf"), content, Owner(place, ROOT, ROOT, 0o644))


def no_sysusers(name: str, place: Place) -> list[Step]:
    path = sysusers(name, place).path
    return [Gone(path), GoneIfEmpty(path.parent)]


def known(names: Sequence[str], place: Place) -> Step:
    """The manager reads unit files again, if it has read them before they changed."""
    return Do("tell systemd about the units", lambda: place.here and _stale(names), systemctl.reload)


def enabled(names: Sequence[str], place: Place) -> Step:
    return Do(
        f"enable {' and '.join(names)}",
        lambda: not all(systemctl.is_enabled(name, place) for name in names),
        lambda: systemctl.enable(list(names), place),
    )


def disabled(names: Sequence[str], place: Place) -> list[Step]:
    return [
        Do(
            f"disable {name}",
            lambda name=name: systemctl.is_enabled(name, place),  # type: ignore[misc]
            lambda name=name: systemctl.disable([name], place),  # type: ignore[misc]
        )
        for name in names
    ]


def stopped(names: Sequence[str], place: Place) -> list[Step]:
    return [
        Do(
            f"stop {name}",
            lambda name=name: place.here and bool(systemctl.active_units(name)),  # type: ignore[misc]
            lambda name=name: systemctl.stop([name]),  # type: ignore[misc]
        )
        for name in names
    ]


def removed(names: Sequence[str], place: Place) -> list[Step]:
    """Unit files, and what `systemctl edit` has put beside them."""
    return [Gone(path) for name in names for path in (place.unit(name), place.unit(f"{name}.d"))]


def _stale(names: Sequence[str]) -> bool:
    if not systemctl.runs():
        return False
    found = [systemctl.show(name, "LoadState", "NeedDaemonReload") for name in names if "@" not in name]
    return any(each.get("LoadState") == "not-found" or each.get("NeedDaemonReload") == "yes" for each in found)


def _content(name: str, programs: Path) -> str:
    return (UNIT_TEMPLATES / name).read_text().replace(BIN, str(programs))

"""The service manager of this machine, asked and told through systemctl(1)."""

import os
import subprocess

from cli.errors import Failed
from cli.install.place import Place
from cli.install.steps import call

START_S = 150.0


def runs() -> bool:
    """This machine was started with systemd (sd_booted(3))."""
    return os.path.isdir("/run/systemd/system")


def show(unit: str, *properties: str) -> dict[str, str]:
    """Empty where there is no service manager to ask."""
    argv = ["systemctl", "show", unit, f"--property={','.join(properties)}"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    return dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)


def is_active(unit: str) -> bool:
    return runs() and show(unit, "ActiveState").get("ActiveState") in ("active", "activating", "reloading")


def is_enabled(unit: str, place: Place) -> bool:
    argv = ["systemctl", *place.option("--root"), "is-enabled", "--quiet", unit]
    return subprocess.run(argv, capture_output=True, timeout=30, check=False).returncode == 0


def enable(units: list[str], place: Place) -> None:
    call(["systemctl", *place.option("--root"), "enable", "--quiet", *units])


def disable(units: list[str], place: Place) -> None:
    call(["systemctl", *place.option("--root"), "disable", "--quiet", *units])


def reload() -> None:
    call(["systemctl", "daemon-reload"])


def stop(units: list[str]) -> None:
    call(["systemctl", "stop", *units])


def start(unit: str, verb: str = "start") -> None:
    """Waits until it is ready. Raises Failed with what the unit itself said last."""
    try:
        call(["systemctl", verb, unit], timeout_s=START_S)
    except Failed as error:
        raise Failed(f"{unit} did not start: {_last_word(unit) or error}; `journalctl -u {unit}` tells more") from None


def active_units(pattern: str) -> list[str]:
    if not runs():
        return []
    argv = ["systemctl", "list-units", "--plain", "--no-legend", "--state=active", pattern]
    return [line.split()[0] for line in call(argv).splitlines() if line.strip()]


def remembers(pattern: str) -> bool:
    """Units that failed, or whose files are gone, are still loaded."""
    argv = ["systemctl", "list-units", "--all", "--plain", "--no-legend", pattern]
    return runs() and bool(call(argv).strip())


def forget() -> None:
    subprocess.run(["systemctl", "reset-failed", "mainstay-*"], capture_output=True, timeout=30, check=False)
    reload()


def _last_word(unit: str) -> str:
    argv = ["journalctl", "--unit", unit, "--lines=20", "--output=cat", "--no-pager", "_TRANSPORT=stdout"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    return done.stdout.strip().rpartition("\n")[2]

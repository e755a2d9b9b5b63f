"""The machines' network: one bridge with an address of the host's, and no route to anywhere."""

import subprocess


class NoNetwork(Exception):
    """In one line why not."""


def make_bridge(name: str, address: str) -> None:
    _ip("link", "add", name, "type", "bridge", "forward_delay", "0", "stp_state", "0")
    _ip("addr", "add", f"{address}/24", "dev", name)
    _ip("link", "set", name, "up")


def remove_bridge(name: str) -> None:
    """Also where there is none."""
    subprocess.run(["ip", "link", "delete", name, "type", "bridge"], capture_output=True)


def set_link(machine: str, state: str) -> None:
    """``state``: up or down, of the host's end of a machine's cable."""
    _ip("link", "set", f"vb-{machine}", state)


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NoNetwork(f"ip {' '.join(arguments)}: {done.stderr.strip()}")

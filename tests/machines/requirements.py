"""Whether this host can have machines at all; and if not, why, in one line."""

import os
import shutil

from machines import cgroups

PROGRAMS = {
    "systemd-nspawn": "systemd-container",
    "debootstrap": "debootstrap",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "mount": "mount",
}


def lacking() -> str:
    """Empty when nothing is."""
    if os.geteuid() != 0:
        return "only root can boot them"
    packages = [package for program, package in PROGRAMS.items() if shutil.which(program) is None]
    if packages:
        return f"`make setup-test`, or apt-get install {' '.join(packages)}"
    if not cgroups.hierarchies():
        return "no control groups of version 2 are mounted here"
    return ""

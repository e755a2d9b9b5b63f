"""What the machines' disks hold below their own changes: Debian, Mainstay's dependencies, Mainstay.

The first two cost minutes and stay in CACHE under a hash of what they were made from; the last is made anew every
session. Nothing in here needs to be the host's own: Debian comes from where the host gets its packages, the
dependencies from where the host's pip finds them.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

from machines.layers import building

REPOSITORY = Path(__file__).resolve().parent.parent.parent
CACHE = Path("/var/cache/mainstay-test")
PREFIX = "/opt/mainstay"  # where Mainstay lives on a machine
USER, UID = "researcher", 6181  # jobs' user; also owns what is shared
PACKAGES = ["systemd", "systemd-sysv", "dbus", "iproute2", "python3", "python3-venv", "procps"]
WITHOUT = {".git", ".venv", "tests", "build", "dist", "__pycache__"}


class CannotBuild(Exception):
    """In one line why there are no machines here."""


def base() -> Path:
    suite, mirror = _source()
    argv = ["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", suite]

    def build(directory: Path) -> None:
        _run([*argv, str(directory), mirror])
        for cached in (directory / "var/cache/apt/archives").glob("*.deb"):
            cached.unlink()

    return _cached("base", [*argv, os.uname().machine], build)


def dependencies(base: Path) -> Path:
    """A layer over ``base`` with a virtual environment at PREFIX that lacks only Mainstay, and the jobs' user."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    wanted: list[str] = project["project"]["dependencies"]
    pins = (REPOSITORY / "constraints.txt").read_text()

    def build(directory: Path) -> None:
        with building(directory, [base]) as root:
            _fetch(wanted, root)
            _run(["useradd", "--root", str(root), "--uid", str(UID), "--create-home", USER])
            _inside(root, "python3", "-m", "venv", PREFIX)
            _inside(root, f"{PREFIX}/bin/pip", "install", "--no-index", "--find-links", "/wheels", *wanted)
            shutil.rmtree(root / "wheels")

    return _cached("dependencies", [base.name, PREFIX, USER, str(UID), *wanted, pins], build) / "upper"


def installed(directory: Path, wheel: Path, below: list[Path]) -> Path:
    """A layer with ``wheel`` installed as a user does it; its dependencies are there."""
    with building(directory, below) as root:
        shutil.copy(wheel, root / "root")
        _inside(root, f"{PREFIX}/bin/pip", "install", "--no-index", "--no-deps", f"/root/{wheel.name}")
    return directory / "upper"


def wheel(directory: Path, version: str | None = None) -> Path:
    """As `make package` makes it of the tree as it stands; under another version where one is given."""
    tree = REPOSITORY if version is None else _renamed(directory / "tree", version)
    _run([str(tree / "scripts" / "package.sh"), str(directory)])
    [made] = directory.glob("*.whl")
    return made


def _renamed(tree: Path, version: str) -> Path:
    shutil.copytree(REPOSITORY, tree, ignore=lambda _, names: WITHOUT & {*names}, symlinks=True)
    (tree / ".venv").symlink_to(REPOSITORY / ".venv")
    project = tree / "pyproject.toml"
    text = project.read_text()
    old = tomllib.loads(text)["project"]["version"]
    project.write_text(text.replace(f'version = "{old}"', f'version = "{version}"', 1))
    return tree


def _source() -> tuple[str, str]:
    """The suite of Debian or its like that the host runs, and where the host gets it."""
    release = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    suite = release.get("VERSION_CODENAME", "").strip('"')
    targets = ["apt-get", "indextargets", "--format", "$(RELEASE) $(REPO_URI)", "Created-By: Packages"]
    known = dict(line.split() for line in reversed(_run(targets).splitlines()))
    if suite not in known:
        raise CannotBuild(f"no source of {suite or 'this distribution'} in apt's configuration")
    return suite, known[suite]


def _fetch(wanted: list[str], root: Path) -> None:
    """By the host's pip, which knows where to look; for the machine's Python."""
    version = _inside(root, "python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2])").strip()
    pip = [sys.executable, "-m", "pip", "download", "--dest", str(root / "wheels"), "--only-binary", ":all:"]
    _run([*pip, "--python-version", version, "--constraint", str(REPOSITORY / "constraints.txt"), *wanted])


def _cached(kind: str, recipe: list[str], build: Callable[[Path], None]) -> Path:
    digest = hashlib.sha256("\0".join(recipe).encode()).hexdigest()[:16]
    done = CACHE / f"{kind}-{digest}"
    with _locked():
        if not done.exists():
            unfinished = CACHE / f"{done.name}.unfinished"
            shutil.rmtree(unfinished, ignore_errors=True)
            build(unfinished)
            unfinished.rename(done)
    return done


@contextlib.contextmanager
def _locked() -> Iterator[None]:
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _inside(root: Path, *argv: str) -> str:
    return _run(["chroot", str(root), *argv], {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"})


def _run(argv: list[str], environment: dict[str, str] | None = None) -> str:
    """What it said; raises CannotBuild with the end of its complaint."""
    done = subprocess.run(argv, capture_output=True, text=True, env=environment, check=False)
    if done.returncode != 0:
        raise CannotBuild(f"{' '.join(argv[:6])}: {(done.stderr or done.stdout)[-600:].strip()}")
    return done.stdout

"""The wheel, in a virtual environment of its own: everything that is no Python comes along."""

import os
import shutil
import site
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
LOOK = """
import sys, tempfile
from pathlib import Path
from agent.workers.pythonpath import ensure_pythonpath
from agent.workers import shim
from controller.state.store import Store
from remediations.playbook import shipped
from cli.install.place import UNIT_TEMPLATES

folder = Path(tempfile.mkdtemp(dir=sys.argv[1]))
hook = ensure_pythonpath(folder)
assert (hook / "sitecustomize.py").is_file() and (hook / "mainstay" / "__init__.py").is_file()
store = Store(f"sqlite:///{folder}/x.db")
store.migrate()
store.close()
assert shipped()
assert Path(shim.__file__).with_name("__main__.py").is_file()
assert len(list(UNIT_TEMPLATES.glob("mainstay-*"))) == 7
print(UNIT_TEMPLATES.parent)
"""


def call(*argv, cwd="/", **more):
    done = subprocess.run([str(each) for each in argv], capture_output=True, text=True, timeout=100, cwd=cwd, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def folder():
    made = Path(tempfile.mkdtemp(prefix="mainstay-package-", dir="/var/tmp"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def installed(folder):
    """A virtual environment with the wheel; what the wheel needs is found in this one."""
    call(ROOT / "scripts" / "package.sh", folder / "dist")
    venv = folder / "venv"
    call(sys.executable, "-m", "venv", "--without-pip", venv)
    packages = next(venv.glob("lib/python*/site-packages"))
    (packages / "needed.pth").write_text("\n".join(site.getsitepackages()))
    wheel = next((folder / "dist").glob("*.whl"))
    pip = [sys.executable, "-m", "pip", "--python", venv / "bin" / "python", "--no-cache-dir", "--quiet"]
    call(*pip, "install", "--no-deps", "--no-index", wheel)
    return venv


def test_everything_is_found_in_the_wheel(installed, folder):
    found = call(installed / "bin" / "python", "-I", "-c", LOOK, folder).strip()
    assert Path(found).is_relative_to(installed)


def test_its_commands_run(installed):
    assert call(installed / "bin" / "mainstay", "--version").strip()
    assert "node = " in call(installed / "bin" / "mainstay-agent", "config", "sample")
    assert "[timing]" in call(installed / "bin" / "mainstay", "controller", "config", "sample")


@pytest.mark.skipif(os.geteuid() != 0, reason="services run what belongs to root")
def test_an_installation_starts_what_is_in_the_wheel(installed, folder):
    image = folder / "image"
    image.mkdir()
    assert "would write" in call(installed / "bin" / "mainstay", "install", "agent", "--dry-run", "--into", image)
    call(installed / "bin" / "mainstay", "install", "agent", "--into", image)
    unit = (image / "etc/systemd/system/mainstay-agent.service").read_text()
    assert f"ExecStart={installed}/bin/mainstay-agent run" in unit


def test_the_source_archive_holds_what_contributors_need(installed, folder):
    names = call("tar", "-tzf", next((folder / "dist").glob("*.tar.gz"))).splitlines()
    inside = {name.partition("/")[2] for name in names}
    wanted = {"Makefile", "constraints.txt", "examples/bytes_lm.py", "docs/architecture.md", "scripts/setup.sh"}
    assert wanted <= inside
    assert not [name for name in inside if "__pycache__" in name]

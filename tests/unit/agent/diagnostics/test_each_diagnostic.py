"""The diagnostics themselves, as real processes and on real hardware: this machine's CPU, memory and disk."""

import ast
import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from agent import diagnostics
from agent.diagnostics import Asked, disk, gemm
from agent.workers import examination

PROGRAM = examination.program()
DEADLINE_S = 90
HAS_TORCH = subprocess.run([sys.executable, "-c", "import torch"], capture_output=True, check=False).returncode == 0
needs_torch = pytest.mark.skipif(not HAS_TORCH, reason="torch is not installed")

# A multiplication that goes wrong: given in place of torch.matmul, in a process of its own.
CORRUPTED = """
import json, sys, torch
sys.path.insert(0, {root!r})
from agent.diagnostics import Asked, gemm
gemm.FOR_S = 0.2
turns = iter(range(10**9))
def multiply(a, b):
    product = torch.matmul(a, b)
    if {when}(next(turns)):
        bits = product.view(torch.int32)
        bits[7, 11] ^= 1 << 23  # one bit of one element
    return product
print(json.dumps([figure._asdict() for figure in gemm.examine(Asked("."), multiply)]))
"""


def lines(*arguments, python=sys.executable):
    command = [python, "-I", str(PROGRAM), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def figures(said):
    return {figure["name"]: figure for line in said for figure in line.get("figures", [])}


def test_each_is_found_by_its_place_and_the_pair_comes_first():
    assert diagnostics.names() == ["all_reduce", "disk", "gemm", "host_device_copy", "memory_bandwidth"]
    assert examination.known() == sorted(diagnostics.names())


def test_the_disk_is_measured_and_nothing_is_left(tmp_path):
    status, said = lines("disk", "--quick", f"--directory={tmp_path}")
    assert status == 0
    assert {name: figure["ok"] for name, figure in figures(said).items()} == dict.fromkeys(
        ["disk_write", "disk_read", "disk_sync"], True
    )
    assert all(figure["value"] > 0 for figure in figures(said).values())
    assert list(tmp_path.iterdir()) == []


def test_a_disk_with_too_little_room_is_not_filled(tmp_path, monkeypatch):
    monkeypatch.setattr(disk, "_free", lambda _directory: disk.ROOM * disk.QUICK_BYTES - 1)
    (figure,) = disk.examine(Asked(str(tmp_path), quick=True))
    assert figure.ok is None
    assert figure.message.startswith("skipped: only 63 MiB are free")


def test_a_disk_that_gives_back_something_else_is_found_out(tmp_path, monkeypatch):
    real = disk.os.pread
    monkeypatch.setattr(disk.os, "pread", lambda fd, size, at: real(fd, size, at)[:-1] + b"\0")
    written = [figure for figure in disk.examine(Asked(str(tmp_path), quick=True)) if figure.name == "disk_write"]
    assert [(figure.ok, figure.wrong) for figure in written] == [(False, True)]


def test_what_cannot_be_done_is_the_finding(tmp_path):
    status, said = lines("disk", f"--directory={tmp_path}/none")
    assert status == 1
    assert figures(said)["disk"]["ok"] is False
    assert "FileNotFoundError" in figures(said)["disk"]["message"]


def test_without_torch_what_needs_it_is_skipped():
    status, said = lines("gemm", "host_device_copy", "all_reduce", python=sys._base_executable)
    if any(figure["ok"] for figure in figures(said).values()):
        pytest.skip("this machine's own Python has torch")
    assert status == 0
    assert {figure["message"] for figure in figures(said).values()} == {"skipped: torch is not installed"}


def test_an_unknown_name_is_told():
    done = subprocess.run([sys.executable, str(PROGRAM), "tarot"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "no diagnostic 'tarot'; there are all_reduce, disk" in done.stderr


@needs_torch
def test_a_product_that_is_right_is_right():
    status, said = lines("gemm")
    products = [figure for name, figure in figures(said).items() if name.startswith("gemm")]
    assert status == 0
    assert [figure["ok"] for figure in products] == [True] * len(products)
    assert all(figure["value"] > 0 for figure in products)


@needs_torch
@pytest.mark.parametrize(
    ("when", "says"),
    [
        ("(lambda turn: True)", "Freivalds"),  # always the same wrong bit: repetitions agree with one another
        ("(lambda turn: turn == 2)", "1 of"),  # once: only the repetition tells
    ],
)
def test_one_flipped_bit_is_found(when, says):
    program = CORRUPTED.format(root=str(Path(gemm.__file__).parents[2]), when=when)
    said = subprocess.check_output([sys.executable, "-c", program], text=True, timeout=DEADLINE_S)
    first = json.loads(said.splitlines()[-1])[0]
    assert (first["ok"], first["wrong"]) == (False, True)
    assert says in first["message"]


@needs_torch
def test_two_nodes_sum_and_both_are_right():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-I", str(PROGRAM), "all_reduce", "--address=127.0.0.1", f"--port={port}"]
    both = [
        subprocess.Popen([*command, f"--peer={peer}", f"--rank={rank}"], stdout=subprocess.PIPE, text=True)
        for rank, peer in enumerate(("n2", "n1"))
    ]
    said = [each.communicate(timeout=DEADLINE_S)[0].splitlines()[-1] for each in both]
    (first,), (second,) = (json.loads(line)["figures"] for line in said)
    assert (first["component"], first["ok"], second["component"], second["ok"]) == ("n2", True, "n1", True)
    assert first["value"] > 0


def test_they_run_in_the_sites_python_as_old_as_3_9_and_import_nothing_of_the_house():
    for path in PROGRAM.parent.glob("*.py"):
        tree = ast.parse(path.read_text(), feature_version=(3, 9))
        names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
        names += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        foreign = [name for name in names if name.partition(".")[0] not in sys.stdlib_module_names]
        assert [name for name in foreign if name != "agent" and not name.startswith("agent.diagnostics")] == []

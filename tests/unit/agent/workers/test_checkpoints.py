"""Which checkpoints are complete."""

from pathlib import Path

import pytest

from agent.workers.checkpoints import complete, scan_interval_s


def steps(directory: Path, pattern: str) -> list[tuple[int, str]]:
    return [(checkpoint.step, checkpoint.name) for checkpoint in complete(str(directory), pattern)]


def test_files_by_step_and_not_by_name(tmp_path: Path) -> None:
    for name in ("step-10.pt", "step-9.pt", "step-11.pt.77.tmp", "step-.pt", "other", "step-x.pt", "astep-1.pt"):
        (tmp_path / name).touch()
    assert steps(tmp_path, "step-{step}.pt") == [(9, "step-9.pt"), (10, "step-10.pt")]


def test_a_directory_counts_once_its_last_file_is_there(tmp_path: Path) -> None:
    for name in ("run/step-5", "run/step-6"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "run/step-5/.metadata").touch()
    assert steps(tmp_path, "run/step-{step}/.metadata") == [(5, "run/step-5/.metadata")]


def test_only_the_newest_32(tmp_path: Path) -> None:
    for step in range(40):
        (tmp_path / f"{step}").touch()
    assert [step for step, _ in steps(tmp_path, "{step}")] == list(range(8, 40))


@pytest.mark.parametrize("pattern", ["step-{step}.pt", "a/b/{step}", "[{step}]+%d"])
def test_nothing_there_is_nothing(tmp_path: Path, pattern: str) -> None:
    assert steps(tmp_path / "gone", pattern) == []


def test_a_number_no_step_can_be_is_none(tmp_path: Path) -> None:
    (tmp_path / ("9" * 30)).touch()
    assert steps(tmp_path, "{step}") == []


def test_many_nodes_look_less_often() -> None:
    assert scan_interval_s(0, 1000) == 0.25
    assert scan_interval_s(1, 4) == 0.5
    assert scan_interval_s(1, 1000) == 10.0

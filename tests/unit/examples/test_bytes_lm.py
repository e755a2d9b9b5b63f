import importlib.util
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

SCRIPT = Path(__file__).parents[3] / "examples" / "bytes_lm.py"
TINY = ["--dim", "16", "--layers", "1", "--heads", "2", "--context", "16", "--batch-size", "2"]


@pytest.fixture(scope="module")
def bytes_lm():
    spec = importlib.util.spec_from_file_location("bytes_lm", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["bytes_lm"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["bytes_lm"]


@pytest.fixture
def trainer(bytes_lm, monkeypatch):
    """A tiny one; `rank` and `size` say where in the world it thinks it is."""
    monkeypatch.delenv("MAINSTAY_CHECKPOINT_DIR", raising=False)
    monkeypatch.delenv("MAINSTAY_RESUME_FROM", raising=False)

    def make(*arguments):
        options = bytes_lm.parse_arguments([*TINY, *arguments])
        return bytes_lm.Trainer(options, bytes_lm.World(0, 1, torch.device("cpu")))

    return make


def losses(bytes_lm, trainer, directory=None):
    return [loss for _, loss in bytes_lm.train(trainer, directory)]


def test_a_resumed_run_is_the_same_run(bytes_lm, trainer, tmp_path):
    straight = losses(bytes_lm, trainer("--steps", "6"))
    first = losses(bytes_lm, trainer("--steps", "3"), tmp_path)
    second = trainer("--steps", "6", "--seed", "7")  # the checkpoint's seed counts
    second.load(bytes_lm.saved(tmp_path)[-1])
    assert first + losses(bytes_lm, second) == straight


def test_it_learns(bytes_lm, trainer):
    every = losses(bytes_lm, trainer("--steps", "60", "--learning-rate", "0.01"))
    assert sum(every[-10:]) < 0.8 * sum(every[:10])


def test_a_checkpoint_is_written_at_its_step_and_at_the_end(bytes_lm, trainer, tmp_path):
    losses(bytes_lm, trainer("--steps", "5", "--checkpoint-every", "2"), tmp_path)
    assert [path.name for path in bytes_lm.saved(tmp_path)] == ["step-2.pt", "step-4.pt", "step-5.pt"]


def test_the_newest_three_are_kept_by_number_and_not_by_name(bytes_lm, tmp_path):
    for step in (8, 9, 10, 11):
        bytes_lm.save(tmp_path, step, {"step": step})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-10.pt", "step-11.pt", "step-9.pt"]


def test_a_write_that_fails_leaves_the_last_checkpoint_and_nothing_that_looks_like_one(bytes_lm, tmp_path, monkeypatch):
    bytes_lm.save(tmp_path, 1, {"step": 1})

    def half(state, file):
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", half)
    with pytest.raises(OSError, match="disk full"):
        bytes_lm.save(tmp_path, 2, {"step": 2})
    assert [path.name for path in bytes_lm.saved(tmp_path)] == ["step-1.pt"]


def test_ranks_share_out_the_samples_and_an_epoch_has_each_once(bytes_lm):
    windows = bytes_lm.Windows(torch.arange(40, dtype=torch.uint8), context=3, seed=1)
    epochs = [
        [windows.batch(position, 1)[0][0, 0].item() for position in range(start, start + 10)] for start in (0, 10)
    ]
    assert [sorted(epoch) for epoch in epochs] == [list(range(0, 40, 4))] * 2
    assert epochs[0] != epochs[1]
    assert windows.batch(3, 2)[0][:, 0].tolist() == epochs[0][3:5]


def test_targets_are_the_next_bytes(bytes_lm):
    tokens, targets = bytes_lm.Windows(torch.arange(8, dtype=torch.uint8), context=3, seed=1).batch(0, 2)
    assert torch.equal(tokens + 1, targets)


def test_mainstay_says_where_checkpoints_go_and_what_to_resume_from(bytes_lm, monkeypatch, tmp_path):
    bytes_lm.save(tmp_path, 4, {})
    options = bytes_lm.parse_arguments(["--checkpoint-dir", str(tmp_path)])
    assert bytes_lm.find_places(options) == (tmp_path, tmp_path / "step-4.pt")
    monkeypatch.setenv("MAINSTAY_CHECKPOINT_DIR", "/attempt-2")
    assert bytes_lm.find_places(options) == (Path("/attempt-2"), None)
    monkeypatch.setenv("MAINSTAY_RESUME_FROM", "/attempt-1/step-9.pt")
    assert bytes_lm.find_places(options) == (Path("/attempt-2"), Path("/attempt-1/step-9.pt"))

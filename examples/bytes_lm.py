"""Train a small byte-level transformer on the source files of Python's own standard library.

    torchrun --nproc-per-node 2 examples/bytes_lm.py --checkpoint-dir /tmp/bytes-lm

The input is there wherever Python is, so nothing is downloaded. Data-parallel over gloo on CPUs, over NCCL where there
are GPUs. It stops and resumes exactly: the batch and the random numbers of a step follow from the seed, the step and
the rank alone, and a checkpoint holds the rest. Nothing in here needs Mainstay; under Mainstay checkpoints go where
MAINSTAY_CHECKPOINT_DIR says, training resumes from MAINSTAY_RESUME_FROM, and steps are reported.
"""

import argparse
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional as F

try:
    from mainstay import report
except (ImportError, OSError):  # plain torchrun: not installed, or not readable for this user

    def report(step: int, loss: Any = None) -> None:
        pass


BYTES = 256
KEPT_CHECKPOINTS = 3
CHECKPOINT_NAME = re.compile(r"step-(\d+)\.pt")


# -- data


def read_corpus() -> Tensor:
    """The standard library's top-level modules, one after another, as a vector of bytes."""
    sources = sorted(Path(os.__file__).parent.glob("*.py"))
    return torch.frombuffer(bytearray(b"".join(path.read_bytes() for path in sources)), dtype=torch.uint8)


class Windows:
    """The corpus cut into windows of ``context + 1`` bytes, in an order shuffled anew in every epoch.

    A sample is known by its position: how many came before it, over all ranks and epochs.
    """

    def __init__(self, corpus: Tensor, context: int, seed: int) -> None:
        count = len(corpus) // (context + 1)
        self.windows = corpus[: count * (context + 1)].view(count, context + 1)
        self.seed = seed
        self.epoch = -1
        self.order = torch.empty(0, dtype=torch.int64)

    def batch(self, position: int, size: int) -> tuple[Tensor, Tensor]:
        """Inputs and targets [size, context] of the samples from ``position`` on."""
        rows = torch.stack([self._window(sample) for sample in range(position, position + size)]).long()
        return rows[:, :-1], rows[:, 1:]

    def _window(self, sample: int) -> Tensor:
        epoch, index = divmod(sample, len(self.windows))
        if epoch != self.epoch:
            generator = torch.Generator().manual_seed(self.seed + epoch)
            self.epoch, self.order = epoch, torch.randperm(len(self.windows), generator=generator)
        return self.windows[self.order[index]]


# -- model


class Block(nn.Module):
    """Pre-norm attention and MLP."""

    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.LayerNorm(dim)
        self.qkv = nn.Linear(dim, 3 * dim, bias=False)
        self.out = nn.Linear(dim, dim, bias=False)
        self.mlp = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.dropout(self._attend(self.attention_norm(x)))
        return x + self.dropout(self.mlp(x))

    def _attend(self, x: Tensor) -> Tensor:
        batch, context, dim = x.shape
        qkv = self.qkv(x).view(batch, context, 3, self.heads, dim // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # each [batch, heads, context, dim / heads]
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out(mixed.transpose(1, 2).reshape(batch, context, dim))


class ByteTransformer(nn.Module):
    """Logits of the next byte: [batch, context] to [batch, context, BYTES]."""

    def __init__(self, context: int, dim: int, layers: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.token = nn.Embedding(BYTES, dim)
        self.place = nn.Embedding(context, dim)
        self.blocks = nn.Sequential(*[Block(dim, heads, dropout) for _ in range(layers)])
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, BYTES, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        places = torch.arange(tokens.shape[1], device=tokens.device)
        return self.head(self.norm(self.blocks(self.token(tokens) + self.place(places))))


# -- checkpoints


def save(directory: Path, step: int, state: dict[str, Any]) -> None:
    """Write ``step-N.pt`` so that it is whole or not there, whatever dies meanwhile; keep the newest few."""
    directory.mkdir(parents=True, exist_ok=True)
    final = directory / f"step-{step}.pt"
    temporary = directory / f".{final.name}.tmp"
    with temporary.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, final)
    _sync_directory(directory)  # the new name too is on disk before an older checkpoint goes
    for old in saved(directory)[:-KEPT_CHECKPOINTS]:
        old.unlink(missing_ok=True)


def saved(directory: Path) -> list[Path]:
    """Complete checkpoints, oldest first."""
    found = [(int(match[1]), path) for path in directory.glob("*") if (match := CHECKPOINT_NAME.fullmatch(path.name))]
    return [path for _, path in sorted(found)]


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# -- training


class World(NamedTuple):
    """This process among all; plain ``python bytes_lm.py`` is a world of one."""

    rank: int
    size: int
    device: torch.device


class Trainer:
    """``step`` counts optimizer updates, ``position`` the samples used by all ranks together."""

    def __init__(self, options: argparse.Namespace, world: World) -> None:
        self.options, self.world, self.seed = options, world, options.seed
        self.step = self.position = 0
        self.corpus = read_corpus()
        self.windows = Windows(self.corpus, options.context, self.seed)
        torch.manual_seed(options.seed)
        self.bare = ByteTransformer(options.context, options.dim, options.layers, options.heads, options.dropout)
        self.bare.to(world.device)
        self.model = nn.parallel.DistributedDataParallel(self.bare) if world.size > 1 else self.bare
        self.optimizer = torch.optim.AdamW(self.bare.parameters(), lr=options.learning_rate)

    def train_step(self) -> float:
        """One optimizer update; the loss of this rank's part of the batch."""
        size = self.options.batch_size
        torch.manual_seed(seed_of(self.seed, self.step, self.world.rank))  # dropout's, the same after a resume
        tokens, targets = self.windows.batch(self.position + self.world.rank * size, size)
        logits = self.model(tokens.to(self.world.device))
        loss = F.cross_entropy(logits.flatten(0, 1), targets.to(self.world.device).flatten())
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.step += 1
        self.position += self.world.size * size
        return loss.item()

    def state(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "position": self.position,
            "seed": self.seed,  # with step and rank, the state of every random number generator
            "model": self.bare.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }

    def load(self, path: Path) -> None:
        state = torch.load(path, map_location=self.world.device, weights_only=True)
        self.step, self.position, self.seed = state["step"], state["position"], state["seed"]
        self.windows = Windows(self.corpus, self.options.context, self.seed)
        self.bare.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])

    def check_agreement(self) -> None:
        """Ranks that resumed from different steps would train on, wrongly and in silence."""
        if self.world.size > 1:
            extremes = torch.tensor([self.step, -self.step], device=self.world.device)
            dist.all_reduce(extremes, dist.ReduceOp.MAX)
            if extremes[0] != -extremes[1]:
                raise RuntimeError("ranks found different checkpoints; --checkpoint-dir must be shared by all nodes")


def seed_of(seed: int, step: int, rank: int) -> int:
    """A seed for each step of each rank, the same in every run."""
    return (seed * 1_000_003 + step) * 1_000_003 + rank


def train(trainer: Trainer, directory: Path | None) -> Iterator[tuple[int, float]]:
    """Train up to ``--steps``; gives (step, loss) after each. Rank 0 writes the checkpoints."""
    options = trainer.options
    while trainer.step < options.steps:
        began = time.monotonic()
        loss = trainer.train_step()
        due = trainer.step % options.checkpoint_every == 0 or trainer.step == options.steps
        if directory is not None and due and trainer.world.rank == 0:
            save(directory, trainer.step, trainer.state())
        yield trainer.step, loss
        time.sleep(max(0.0, began + options.min_step_s - time.monotonic()))


def find_places(options: argparse.Namespace) -> tuple[Path | None, Path | None]:
    """Where checkpoints go, and the one to resume from: Mainstay's word, or else --checkpoint-dir and its newest."""
    if "MAINSTAY_CHECKPOINT_DIR" in os.environ:
        resume_from = os.environ.get("MAINSTAY_RESUME_FROM")
        return Path(os.environ["MAINSTAY_CHECKPOINT_DIR"]), Path(resume_from) if resume_from else None
    directory = options.checkpoint_dir
    return directory, next(reversed(saved(directory)), None) if directory is not None else None


def join_world() -> World:
    """The process group torchrun's environment variables describe, where there is more than one process."""
    rank, size = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    device = torch.device("cpu")
    if torch.cuda.is_available():
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(device)
    else:
        torch.set_num_threads(1)  # so small a model only waits for more
    if size > 1:
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return World(rank, size, device)


def positive(text: str) -> int:
    if int(text) < 1:
        raise argparse.ArgumentTypeError("expected 1 or more")
    return int(text)


def parse_arguments(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train a small byte-level transformer on Python's standard library.")
    parser.add_argument("--steps", type=int, default=1000, help="optimizer updates in all")
    parser.add_argument("--batch-size", type=positive, default=8, help="windows a rank and step")
    parser.add_argument("--context", type=int, default=128, help="bytes a window")
    parser.add_argument("--dim", type=int, default=96)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--checkpoint-dir", type=Path, help="shared by all nodes; under Mainstay it says where")
    parser.add_argument("--checkpoint-every", type=positive, default=50, metavar="STEPS")
    parser.add_argument("--log-every", type=positive, default=10, metavar="STEPS")
    parser.add_argument("--min-step-s", type=float, default=0.0, help="make a step take at least so long, to watch it")
    return parser.parse_args(argv)


def say(began: float, text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} +{time.monotonic() - began:.1f}s {text}", flush=True)


def main() -> None:
    began = time.monotonic()
    options = parse_arguments()
    directory, checkpoint = find_places(options)
    world = join_world()
    trainer = Trainer(options, world)
    if checkpoint is not None:
        trainer.load(checkpoint)
    trainer.check_agreement()
    speaks = world.rank == 0
    if speaks:
        parameters = sum(parameter.numel() for parameter in trainer.bare.parameters())
        say(began, f"world {world.size} on {world.device.type}, {parameters:,} parameters")
        say(began, f"resumed from {checkpoint} at step {trainer.step}" if checkpoint else "fresh start")
    first = trainer.step + 1
    for step, loss in train(trainer, directory):
        report(step=step, loss=loss)
        if speaks and (step == first or step % options.log_every == 0 or step == options.steps):
            say(began, f"step {step} loss {loss:.3f}")
    if world.size > 1:
        dist.destroy_process_group()


if __name__ == "__main__":
    main()

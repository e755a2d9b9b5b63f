"""Makes the runs: each in a directory of its own, with nothing left of it when the next one begins."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.resume import course, job, machine, run, table
from bench.resume.contender import Contender
from bench.resume.course import Results
from bench.resume.faults import Fault
from bench.resume.figures import OURS, Outcome
from bench.resume.sweep import MARK, swept
from bench.resume.under_mainstay import Mainstay
from bench.resume.under_torchrun import Torchrun
from cli.demo import account as accounts
from cli.demo import layout as places
from cli.demo.account import Account
from cli.demo.layout import Layout
from cli.errors import Invalid

LABEL = 20


def perform(
    root: Path, keep: bool, faults: Sequence[Fault], names: Sequence[str], repeats: int, limit_s: float
) -> Results:
    """``keep`` the files of all runs, and not only of those that Mainstay never recovered from.

    Raises DemoFailed or CliError when a job could not even be started.
    """
    account = accounts.choose(os.environ)
    _check(root / "check", account)

    def one(fault: Fault, name: str, number: int) -> Outcome:
        directory = root / f"{fault}.{number + 1}.{name}"
        before = machine.busy()
        outcome = _one(directory, account, fault, name, limit_s)
        print(*told(fault, name, outcome, before), sep="\n", flush=True)
        if not keep and (name != OURS or outcome.seconds is not None):
            shutil.rmtree(directory)
        return outcome

    return course.all_runs(faults, names, repeats, one)


def told(fault: Fault, name: str, outcome: Outcome, busy: float) -> list[str]:
    """A run, when it is over."""
    figures = table.seconds(outcome.seconds)
    if outcome.seconds is not None:
        figures += f", world {outcome.world}, {outcome.lost_steps} steps done again"
    if busy > machine.QUIET_SHARE:
        figures += f" (machine {busy:.0%} busy before)"
    first = f"{fault:{LABEL}} {name:8} {figures}"
    return [first, f"{'':{LABEL}} {'':8} {outcome.note}"] if outcome.note else [first]


@contextmanager
def directory_for_runs(kept: Path | None) -> Iterator[Path]:
    """``kept``, which must be new or empty; or one that goes, unless something went wrong. Raises Invalid."""
    root = Path(tempfile.mkdtemp(prefix="mainstay-bench-", dir="/var/tmp")) if kept is None else _empty(kept)
    root.chmod(0o755)
    try:
        yield root
    except Exception:
        print(f"logs are in {root}", flush=True)
        raise
    except BaseException:  # interrupted
        if kept is None:
            shutil.rmtree(root)
        raise
    if kept is None and list(root.iterdir()) == []:
        root.rmdir()
    else:
        print(f"logs are in {root}", flush=True)


def _one(directory: Path, account: Account, fault: Fault, name: str, limit_s: float) -> Outcome:
    layout = places.make(directory, {**job.NODES, **job.SPARE} if name == OURS else job.NODES)
    with swept(directory) as mark:
        contender = _contender(name, layout, account, {MARK: mark})
        try:
            return run.run(contender, fault, limit_s)
        finally:
            contender.stop()


def _contender(name: str, layout: Layout, account: Account, mark: dict[str, str]) -> Contender:
    return Mainstay(layout, account, mark) if name == OURS else Torchrun(layout, account, mark)


def _check(directory: Path, account: Account) -> None:
    """It also warms the page cache for both."""
    layout = places.make(directory)
    job.install(layout, account)
    accounts.check(account, layout.script)
    shutil.rmtree(directory)


def _empty(directory: Path) -> Path:
    root = directory.absolute()
    try:
        root.mkdir(parents=True, exist_ok=True)
        occupied = any(root.iterdir())
    except OSError as error:
        raise Invalid(f"--dir {root}: {error.strerror}; name a directory you may write to") from None
    if occupied:
        raise Invalid(f"--dir {root}: not empty; name a new directory")
    return root

"""The figures for people, in 80 columns. Pure."""

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence

from bench.resume.faults import Fault
from bench.resume.figures import OURS, THEIRS, Outcome, Outcomes, line

NEVER = "never"
HEAD = f"{'fault':20} {'under':8} {'median':>7} {'world':>5} {'lost':>5}  single runs, seconds"
BLANK = " " * HEAD.index("single")
WIDTH = 79 - len(BLANK)


def rows(results: Mapping[Fault, Outcomes]) -> list[str]:
    """For each fault and contender: the median, the workers afterwards, the steps done again, every single run."""
    return [HEAD, *(row for fault, outcomes in results.items() for row in _of_fault(fault, outcomes))]


def seconds(value: float | None) -> str:
    return NEVER if value is None else f"{value:.1f} s"


def _of_fault(fault: Fault, outcomes: Outcomes) -> Iterator[str]:
    figures, label = line(outcomes), str(fault)
    for name, median in ((OURS, figures.mainstay_s), (THEIRS, figures.torchrun_s)):
        runs = outcomes.get(name)
        if not runs:
            continue
        world, lost = _range(run.world for run in runs), _range(run.lost_steps for run in runs)
        first, *more = textwrap.wrap(_singles(runs), WIDTH)
        yield f"{label:20} {name:8} {seconds(median):>7} {world:>5} {lost:>5}  {first}"
        yield from (BLANK + each for each in more)
        label = ""


def _range(values: Iterable[int | None]) -> str:
    known = sorted({value for value in values if value is not None})
    if not known:
        return "-"
    return f"{known[0]}" if len(known) == 1 else f"{known[0]}-{known[-1]}"


def _singles(runs: Sequence[Outcome]) -> str:
    return " ".join(NEVER if run.seconds is None else f"{run.seconds:.1f}" for run in runs)

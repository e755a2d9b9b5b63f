"""All runs, one after another, each from nothing: which contender goes first alternates. A never is not repeated."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from bench.resume.faults import Fault
from bench.resume.figures import OURS, THEIRS, Outcome

CONTENDERS = (OURS, THEIRS)
Results = dict[Fault, dict[str, list[Outcome]]]
Run = Callable[[Fault, str, int], Outcome]  # fault, contender, which repeat


def all_runs(faults: Sequence[Fault], contenders: Sequence[str], repeats: int, run: Run) -> Results:
    results: Results = {fault: {name: [] for name in contenders} for fault in faults}
    for number, fault, name in order(faults, contenders, repeats):
        outcomes = results[fault][name]
        if not is_never(outcomes):
            outcomes.append(run(fault, name, number))
    return results


def order(faults: Sequence[Fault], contenders: Sequence[str], repeats: int) -> Iterator[tuple[int, Fault, str]]:
    for place, fault in enumerate(faults):
        for number in range(repeats):
            turn = contenders if (place + number) % 2 == 0 else contenders[::-1]
            yield from ((number, fault, name) for name in turn)


def is_never(outcomes: Sequence[Outcome]) -> bool:
    """Waiting for the whole limit once more would tell nothing new."""
    return any(outcome.seconds is None for outcome in outcomes)


def unfinished(results: Mapping[Fault, Mapping[str, Sequence[Outcome]]]) -> list[str]:
    """What Mainstay never recovered from, in words."""
    return [f"{fault}" for fault, outcomes in results.items() if is_never(outcomes.get(OURS, ()))]

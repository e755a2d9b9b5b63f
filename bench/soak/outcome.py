"""What a soak did and saw, and what speaks against the house."""

from collections import Counter

import msgspec

from bench.soak import growth, history, logs, recovery, witness
from bench.soak.recovery import Effect, Strike
from bench.soak.stage import Stage
from bench.soak.violation import Violation
from bench.soak.watch import Seen
from bench.soak.witness import Line


class Outcome(msgspec.Struct):
    """What was done and seen. ``fds``: what each daemon holds more than at first; ``left``: processes too many."""

    strikes: list[Strike] = []
    seen: Seen = msgspec.field(default_factory=Seen)
    lines: list[Line] = []
    violations: list[Violation] = []
    fds: dict[str, Counter[str]] = {}
    left: list[str] = []

    @property
    def lives(self) -> dict[str, list[witness.Life]]:
        return witness.lives(self.lines)

    @property
    def effects(self) -> list[Effect]:
        return recovery.effects(self.strikes, self.lives)

    @property
    def back(self) -> dict[int, bool]:
        """Whether what a fault hit was seen in service after it was taken back."""
        return {
            strike.number: any(at > strike.mended_at for at in self.seen.in_service.get(strike.target, ()))
            for strike in self.strikes
        }

    def growth_mib(self, role: str) -> float | None:
        return growth.per_ten_minutes(list(self.seen.memory[role].values()), growth.WARM_UP_S[role])


def judge(place: Stage, outcome: Outcome) -> None:
    """Adds what the witness, the watch, the database and the logs say against it."""
    outcome.lines = witness.read(place.witness)
    outcome.violations += witness.violations(outcome.lines, place.jobs)
    outcome.violations += outcome.seen.violations
    outcome.violations += history.violations(place.cluster.layout.database)
    outcome.violations += _logs(place)
    found, back = outcome.effects, outcome.back
    outcome.violations += [
        Violation("a fault without recovery", f"fault {each.number}, {each.kind} {each.target}", each.at)
        for each in outcome.strikes
        if not recovery.recovered(each, found, back)
    ]


def _logs(place: Stage) -> list[Violation]:
    texts = {name: place.cluster.layout.log(name).read_text(errors="replace") for name in place.cluster.daemons}
    return [violation for name, text in texts.items() for violation in logs.violations(name, text)]

"""`make soak ARGS="--minutes 60 --seed 7"`. Exit status 0 when nothing is wrong and nothing leaks, else 1."""

import argparse
import random
import shutil
import signal
import sys
import time
from pathlib import Path
from types import FrameType

import msgspec

from bench.soak import history, plan, report
from bench.soak.course import soak
from bench.soak.outcome import Outcome
from bench.soak.plan import Kind
from bench.soak.recovery import Strike
from bench.soak.report import ROUND_ABOUT_S, Moment, clock
from bench.soak.stage import Stage
from bench.soak.violation import Violation
from cli.errors import CliError
from cli.terminal import console, say

TERMINATED = 143
_KINDS = f"only this fault; repeatable: {', '.join(Kind)}"


def main() -> int:
    options = _options()
    signal.signal(signal.SIGTERM, _terminate)
    try:
        place = Stage(options.dir, options.torch)
    except CliError as error:
        say(str(error))
        return error.exit_status
    faults = plan.faults(
        options.seed, options.every, options.minutes * 60, [Kind(kind) for kind in options.kind or Kind]
    )
    _tell("soak", f"{len(faults)} faults in {options.minutes:g} minutes, --seed {options.seed}; logs in {place.root}")
    clean = False
    try:
        outcome = soak(place, faults, _tell)
        clean = _report(place, outcome, options)
    except CliError as error:
        say(str(error))
    except KeyboardInterrupt:
        say("interrupted")
    finally:
        place.cluster.stop()
        if clean and options.dir is None:
            shutil.rmtree(place.root)
        else:
            say(f"logs and database are in {place.root}")
    return 0 if clean else 1


def _report(place: Stage, outcome: Outcome, options: argparse.Namespace) -> bool:
    result = report.result(outcome, options.seed, options.minutes)
    found = outcome.violations
    screen = console()
    screen.print(report.render(outcome), soft_wrap=True)
    screen.print(report.render_violations(found, [_around(place, outcome.strikes, each) for each in found]))
    if not result.clean:
        kinds = "".join(f" --kind {kind}" for kind in options.kind or ())
        print(f"\nagain with --seed {options.seed} --minutes {options.minutes:g} --every {options.every:g}{kinds}")
    print(msgspec.json.encode(result).decode(), flush=True)
    return result.clean


def _around(place: Stage, strikes: list[Strike], violation: Violation) -> list[Moment]:
    """Journal and faults around a violation, in the order of time."""
    if violation.at is None:
        return []
    begin, end = violation.at - ROUND_ABOUT_S, violation.at + ROUND_ABOUT_S
    faults = [(each.at, f"FAULT {each.number} {each.kind} {each.target}") for each in strikes]
    mended = [(each.mended_at, f"FAULT {each.number} taken back") for each in strikes]
    told = [moment for moment in (*faults, *mended) if begin <= moment[0] <= end]
    journal = history.time_line(place.cluster.layout.database, begin, end)
    return sorted([*told, *journal], key=lambda moment: moment[0])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make soak", description="Two jobs, six nodes, a fault again and again.")
    parser.add_argument("--minutes", type=_positive, default=10.0, help="how long faults come (10)")
    parser.add_argument("--every", type=_positive, default=20.0, help="seconds from fault to fault (20)")
    parser.add_argument("--seed", type=int, default=random.randrange(10_000), help="the same faults again")
    parser.add_argument("--kind", choices=[kind.value for kind in Kind], metavar="FAULT", action="append", help=_KINDS)
    parser.add_argument("--torch", action="store_true", help="train examples/bytes_lm.py, not a gang without torch")
    parser.add_argument("--dir", type=Path, help="keep everything here; a new directory")
    return parser.parse_args()


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if 0 < value < float("inf"):
        return value
    raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")


def _tell(what: str, told: str) -> None:
    print(f"{clock(time.time())}  {what:<12} {told}", flush=True)


def _terminate(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(TERMINATED)


if __name__ == "__main__":
    sys.exit(main())

"""How long one job stands still after a fault, under Mainstay and under plain torchrun; ends with a line of JSON."""

import argparse
import importlib.metadata
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from bench.resume import course, figures, machine, table
from bench.resume.course import CONTENDERS
from bench.resume.faults import Fault
from bench.resume.perform import directory_for_runs, perform
from cli.demo.errors import DemoFailed
from cli.errors import CliError

TERMINATED, INTERRUPTED = 143, 130
LIMIT_S = 180.0


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m bench.resume", description=__doc__)
    faults = [str(fault) for fault in Fault]
    told = f"repeatable; of {', '.join(faults)}"
    parser.add_argument("--fault", action="append", choices=faults, metavar="FAULT", help=told)
    parser.add_argument("--under", action="append", choices=CONTENDERS, help="only this one")
    parser.add_argument("--repeats", type=_positive, default=3, metavar="N", help="of each case; the median counts (3)")
    parser.add_argument("--limit", type=float, default=LIMIT_S, metavar="S", help=f"then it is never ({LIMIT_S:g})")
    parser.add_argument("--dir", type=Path, help="keep every run's files here; a new directory")
    return parser.parse_args(argv)


def main() -> int:
    options = parse_arguments()
    faults = [Fault(name) for name in dict.fromkeys(options.fault or Fault)]
    contenders = list(dict.fromkeys(options.under or CONTENDERS))
    signal.signal(signal.SIGTERM, _terminate)
    try:
        with directory_for_runs(options.dir) as root:
            print(*machine.describe(importlib.metadata.version("torch")).lines(), "", sep="\n", flush=True)
            results = perform(root, options.dir is not None, faults, contenders, options.repeats, options.limit)
    except (DemoFailed, CliError) as error:
        print(f"bench-resume: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    print("", *table.rows(results), "", sep="\n")
    print(figures.to_json(results), flush=True)
    return 1 if course.unfinished(results) else 0


def _positive(text: str) -> int:
    if int(text) < 1:
        raise argparse.ArgumentTypeError("expected 1 or more")
    return int(text)


def _terminate(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(TERMINATED)


if __name__ == "__main__":
    sys.exit(main())

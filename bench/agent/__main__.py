"""What one agent costs beside node_exporter, how soon a fault is told, what a hang does; ends with a line of JSON."""

import argparse
import shutil
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

import msgspec

from bench.agent import cost, hang, table, xid
from bench.agent.place import GPUS, Place
from bench.resume import machine
from cli.errors import CliError

TERMINATED, INTERRUPTED = 143, 130


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m bench.agent", description=__doc__)
    parser.add_argument("--seconds", type=_whole, default=300, metavar="S", help="of CPU and memory (300)")
    parser.add_argument("--xids", type=_whole, default=120, metavar="N", help="events (120)")
    parser.add_argument("--hangs", type=_whole, default=30, metavar="N", help="times that a sensor hangs (30)")
    busy = "of a call of the simulated NVML is computing, the rest waiting (100)"
    parser.add_argument("--busy", type=_percent, default=100, metavar="PERCENT", help=busy)
    parser.add_argument("--dir", type=Path, help="keep logs and database here; a new directory")
    return parser.parse_args(argv)


def main() -> int:
    options = parse_arguments()
    signal.signal(signal.SIGTERM, _terminate)
    try:
        return _run(options)
    except CliError as error:
        print(f"bench-agent: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED


def _run(options: argparse.Namespace) -> int:
    place = Place(options.dir, options.busy)
    well = False
    try:
        _print(_conditions(place, options))
        place.start_controller()
        costs = cost.measure(place, options.seconds) if options.seconds else None
        _print([*table.costs(costs), "", *table.looks(costs.looks)] if costs else [])
        told = xid.measure(place, options.xids)
        _print(table.xids(told))
        hangs = hang.measure(place, options.hangs) if options.hangs else None
        _print(table.hangs(hangs) if hangs else [])
        found = table.line(costs, told, hangs)
        _print(table.summary(found))
        print(msgspec.json.encode(found).decode(), flush=True)
        well = True
    finally:
        place.close()
        if well and options.dir is None:
            shutil.rmtree(place.root)
        else:
            print(f"logs are in {place.root}", file=sys.stderr)
    return 0


def _conditions(place: Place, options: argparse.Namespace) -> list[str]:
    here = machine.describe("none")
    quiet = [] if here.quiet else ["WARNING   not a quiet machine: the times come out too long"]
    return [
        f"machine   {here.cores} cores, {here.processor}, {here.memory_mib:,} MiB",
        f"software  Linux {here.kernel}, Python {here.python}; {place.exporter}",
        f"load      {here.load:.2f} over the last minute; {here.busy:.0%} busy now",
        f"rights    {place.privileges}",
        f"GPUs      {GPUS}, simulated; {options.busy}% of a call's time is computing",
        *quiet,
    ]


def _print(lines: Sequence[str]) -> None:
    if lines:
        print(*lines, "", sep="\n", flush=True)


def _whole(text: str) -> int:
    if int(text) < 0:
        raise argparse.ArgumentTypeError("expected 0 or more")
    return int(text)


def _percent(text: str) -> int:
    if not 0 <= int(text) <= 100:
        raise argparse.ArgumentTypeError("expected 0 to 100")
    return int(text)


def _terminate(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(TERMINATED)


if __name__ == "__main__":
    sys.exit(main())

"""`mainstay demo`."""

import os
import shutil
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from cli.demo import account, keep, layout, play, story, summary
from cli.demo.cluster import Cluster, stop_kept
from cli.demo.faults import FaultKind
from cli.demo.layout import Layout
from cli.demo.story import Story
from cli.demo.summary import Chapter
from cli.terminal import say

TERMINATED = 143


def demo(
    json: Annotated[bool, typer.Option("--json", help="End with one line of JSON.")] = False,
    kept: Annotated[bool, typer.Option("--keep", help="Leave the cluster up, to play with.")] = False,
    fault: Annotated[list[FaultKind] | None, typer.Option("--fault", help="Which; repeatable; else all.")] = None,
    directory: Annotated[Path | None, typer.Option("--dir", help="Keep everything here; a new directory.")] = None,
    stop: Annotated[bool, typer.Option("--stop", help="End the cluster that --keep left, and remove it.")] = False,
) -> None:
    """A cluster on this machine, a real job, a real fault."""
    if stop:
        _stop(directory)
        return
    signal.signal(signal.SIGTERM, _terminate)
    cluster = Cluster(layout.make(directory), account.choose(os.environ))
    told = story.Story(story.console())
    chapters: dict[FaultKind, Chapter] = {}
    try:
        chapters = _perform(cluster, told, list(dict.fromkeys(fault or FaultKind)))
        told.show(summary.render(chapters))
    finally:
        if kept and chapters:
            _explain(cluster, told)
        else:
            cluster.stop()
            _clear(cluster.layout, remove=directory is None and (play.all_hold(chapters) or _interrupted()))
    if json:
        print(summary.to_json(chapters), flush=True)
    raise typer.Exit(0 if play.all_hold(chapters) else 1)


def _perform(cluster: Cluster, told: Story, faults: list[FaultKind]) -> dict[FaultKind, Chapter]:
    told.heading("Mainstay: lose a node, keep the training")
    cold_s = play.measure_cold_start(cluster, told)
    with play.raised_curtain(cluster, told) as scene:
        return {kind: play.play(scene, kind, cold_s) for kind in faults}


def _explain(cluster: Cluster, told: Story) -> None:
    keep.remember(cluster.layout.root, Path.home())
    told.heading("The cluster stays up. To talk to it:")
    told.plain(keep.exports(cluster.environment))
    told.plain("To stop it and remove its files:\n  mainstay demo --stop")


def _clear(place: Layout, remove: bool) -> None:
    if remove:
        shutil.rmtree(place.root)
    else:
        say(f"logs and database are in {place.root}")


def _stop(directory: Path | None) -> None:
    root = directory.absolute() if directory is not None else keep.remembered(Path.home())
    count = stop_kept(root)
    keep.forget(root, Path.home())
    print(f"ended {count} daemons and their workers, removed {root}")


def _interrupted() -> bool:
    return isinstance(sys.exception(), KeyboardInterrupt | SystemExit)


def _terminate(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(TERMINATED)

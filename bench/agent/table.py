"""The figures for people, in 80 columns. Pure."""

import textwrap
from collections.abc import Iterator, Sequence

from bench.agent import cost, hang
from bench.agent.figures import AIM_DELAY_MS, AIM_PSS_MIB, AIM_XID_MS, Line, Spread, spread
from bench.agent.looks import Look
from bench.agent.meter import Cost
from bench.agent.scrape import Scraped
from bench.agent.xid import ARRIVE_S, KERNEL_LOG, NVML, Told

SHOWN = 0.02  # millicores: less is not worth a line
RANKED = 14
WIDTH = 80


def line(costs: cost.Outcome | None, told: Sequence[Told], hangs: hang.Outcome | None) -> Line:
    conditions = spread([each.condition_s for each in told if each.condition_s is not None])
    latest = hangs.latest if hangs else None
    agent, other = (costs.agent, costs.exporter) if costs else (None, None)
    return Line(
        cpu_millicores=round(agent.cost.total, 2) if agent else None,
        pss_mib=round(agent.median_pss_mib, 2) if agent else None,
        node_exporter_cpu_millicores=round(other.cost.total, 2) if other else None,
        node_exporter_pss_mib=round(other.median_pss_mib, 2) if other else None,
        xid_to_condition_ms_p99=round(conditions.p99, 2) if conditions else None,
        hung_probe_delay_ms_p99=round(latest.p99, 2) if latest else None,
    )


def summary(found: Line) -> list[str]:
    """With the aims, and which of them is missed."""
    theirs = found.node_exporter_cpu_millicores
    return [
        f"{'':34} {'mainstay':>10} {'node_exporter':>14} {'aim':>10}",
        _row("CPU, millicores", found.cpu_millicores, theirs, theirs),
        _row("memory, MiB of PSS", found.pss_mib, found.node_exporter_pss_mib, AIM_PSS_MIB),
        _row("Xid to condition, ms, p99", found.xid_to_condition_ms_p99, None, AIM_XID_MS),
        _row("delay while a sensor hangs, ms, p99", found.hung_probe_delay_ms_p99, None, AIM_DELAY_MS),
    ]


def costs(found: cost.Outcome) -> list[str]:
    agent, other = found.agent, found.exporter
    return [
        f"CPU by process, millicores, over {found.seconds:g} s",
        *_costs(agent.cost),
        f"  {'node_exporter':42} {other.cost.total:8.2f}",
        "",
        f"memory, MiB{'':31} {'mainstay':>10} {'node_exporter':>14}",
        _memory("PSS, median", agent.median_pss_mib, other.median_pss_mib),
        _memory("PSS, at most", agent.most_pss_mib, other.most_pss_mib),
        *(_memory(f"  {name}", mib, None) for name, mib in sorted(agent.pss_mib[-1].items())),
        _memory("each page once, whoever else has it", agent.alone_mib, other.alone_mib),
        "",
        *_scraped("mainstay", agent.scraped),
        *_scraped("node_exporter", other.scraped),
    ]


def looks(found: Sequence[Look]) -> list[str]:
    """Dear ones first; what a sensor costs in the agent is decoding and judging."""
    ranked = sorted(found, key=lambda look: look.millicores + look.judging_millicores, reverse=True)
    head = (
        f"{'one look, CPU, looked at apart':32} {'ms':>8} {'every s':>8} {'millicores':>11} {'judging':>8} {'bytes':>7}"
    )
    rest = ranked[RANKED:]
    others = f"  {f'{len(rest)} others':30} {'':8} {'':8} {sum(each.millicores for each in rest):11.3f}"
    total = sum(each.millicores for each in found), sum(each.judging_millicores for each in found)
    together = f"  {'together':30} {'':17} {total[0]:11.3f} {total[1]:8.3f}"
    failed = [f"  {each.sensor}: {each.error}"[:WIDTH] for each in found if each.error]
    return [head, *map(_look, ranked[:RANKED]), others, together, *failed]


def xids(told: Sequence[Told]) -> list[str]:
    return [
        f"{'from Xid to the controller, ms':34} {'count':>6} {'p50':>9} {'p99':>9} {'max':>9}",
        *(_arrival(told, path, what) for path in (NVML, KERNEL_LOG) for what in ("event", "condition")),
        *_missing(told),
    ]


def hangs(found: hang.Outcome) -> list[str]:
    return [
        f"{'lateness of a look, ms':34} {'count':>6} {'p50':>9} {'p99':>9} {'max':>9}",
        _spread("while nothing hangs", found.quiet),
        _spread("while gpu_nvml hangs", found.during),
        _spread("the latest look of each hang", found.latest),
    ]


def _row(name: str, ours: float | None, theirs: float | None, aim: float | None) -> str:
    missed = "  missed" if ours is not None and aim is not None and ours > aim else ""
    return f"{name:34} {_number(ours):>10} {_number(theirs):>14} {_number(aim):>10}{missed}"


def _costs(found: Cost) -> Iterator[str]:
    for process, millicores in sorted(found.processes.items(), key=lambda each: -each[1]):
        yield f"  {process if process != 'ended' else 'processes that ended':42} {millicores:8.2f}"
        threads = {role: used for (name, role), used in found.threads.items() if name == process and used >= SHOWN}
        for role, used in sorted(threads.items(), key=lambda each: -each[1]):
            yield f"    {role:40} {used:8.2f}"
    yield f"  {'mainstay, together':42} {found.total:8.2f}"


def _memory(name: str, ours: float | None, theirs: float | None) -> str:
    return f"  {name:40} {_number(ours):>10} {_number(theirs):>14}"


def _scraped(name: str, found: Scraped | None) -> list[str]:
    if found is None:
        return [f"page of {name:14} none"]
    times = spread(found.seconds)
    took = f", {times.p50:.1f} ms, at most {times.max:.1f}" if times else ""
    return [f"page of {name:14} {len(found.seconds)} times, {found.failures} failed, {found.size:,} bytes{took}"]


def _look(look: Look) -> str:
    figures = f"{look.look_ms:8.2f} {look.every_s:8g} {look.millicores:11.3f} {look.judging_millicores:8.3f}"
    return f"  {look.sensor:30} {figures} {look.size:7,}"


def _missing(told: Sequence[Told]) -> list[str]:
    lost = [f"{each.code} on GPU {each.gpu} by {each.path}" for each in told if each.condition_s is None]
    return textwrap.wrap(f"no condition within {ARRIVE_S:g} s of: {', '.join(lost)}", WIDTH) if lost else []


def _arrival(told: Sequence[Told], path: str, what: str) -> str:
    times = [each.event_s if what == "event" else each.condition_s for each in told if each.path == path]
    return _spread(f"{what}, by {path}", spread([seconds for seconds in times if seconds is not None]))


def _spread(name: str, found: Spread | None) -> str:
    if found is None:
        return f"  {name:32} {0:6}"
    return f"  {name:32} {found.count:6} {found.p50:9.1f} {found.p99:9.1f} {found.max:9.1f}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"

"""Run diagnostics: never beside a job, unless a person asked for that."""

from pathlib import Path

import msgspec

from agent.examiner import End, Examined, Run
from agent.helper import examination as through_helper
from agent.helper.client import HelperError
from agent.services import NodeServices
from agent.workers import examination
from agent.workers.aside import aside
from wire.attempts import PartState
from wire.diagnostics import Figure
from wire.names import attempt_id
from wire.orders import Diagnose, Order, Outcome, OutcomeReason, OutcomeStatus

HANDLES = Diagnose


async def execute(order: Order, kind: Diagnose, node: NodeServices) -> Outcome:
    """Done: all ran, and nothing is wrong. Failed with figures: some result is wrong or missing.

    After a crash it is run again, unless the order has expired meanwhile: nothing of the first try is left.
    """
    try:
        work = await _work(kind, node)
    except examination.Unfit as unfit:
        return _refused(order, OutcomeReason.NOT_PERMITTED, str(unfit))
    refusal = _why_not(order, kind, node)  # nothing is awaited between this and the beginning
    if refusal is not None:
        return refusal
    try:
        examined = await node.examiner.examine(work, kind.deadline_s)
    except (OSError, HelperError) as error:
        message = f"on {node.config.node}: {error}; see workers.interpreters in agent.toml"
        return Outcome(order.key, OutcomeStatus.FAILED, OutcomeReason.SPAWN_FAILED, message)
    return outcome(order.key, examined, kind.deadline_s)


async def _work(kind: Diagnose, node: NodeServices) -> Run:
    """Below systemd the agent's own unit forbids what torch needs: there the helper makes another. Raises Unfit."""
    helper, state_dir = node.config.helper, Path(node.config.state_dir)
    if helper is not None:
        return lambda stop: through_helper.run(Path(helper), kind, stop)
    prepared = await aside(lambda: examination.prepare(kind, node.config))
    return lambda stop: examination.run(prepared, state_dir, stop)


def outcome(key: str, examined: Examined, deadline_s: float) -> Outcome:
    figures = [*examined.figures, *_missing(examined, deadline_s)]
    detail = {"figures": msgspec.to_builtins(figures)}
    if examined.end is End.GAVE_WAY:
        message = "ended to make room for a job"
        return Outcome(key, OutcomeStatus.FAILED, OutcomeReason.BUSY, message, detail=detail)
    wrong = [figure for figure in figures if figure.ok is False]
    if wrong or not figures:
        told = "; ".join(f"{_place(figure)}: {figure.message}" for figure in wrong)
        message = told or "the diagnostics ended without a word; try python -m agent.diagnostics there"
        return Outcome(key, OutcomeStatus.FAILED, OutcomeReason.CHECKS_FAILED, message, detail=detail)
    ran = sum(figure.ok is True for figure in figures)
    message = f"{ran} figures, {len(figures) - ran} skipped"
    return Outcome(key, OutcomeStatus.DONE, OutcomeReason.OK, message, detail=detail)


def _place(figure: Figure) -> str:
    return f"{figure.name} of {figure.component}" if figure.component else figure.name


def _missing(examined: Examined, deadline_s: float) -> list[Figure]:
    """A diagnostic that hangs, or dies, has found something."""
    if not examined.unfinished or examined.end is End.GAVE_WAY:
        return []
    what = f"no result within {deadline_s:g} s" if examined.end is End.DEADLINE else "its process died"
    return [Figure(examined.unfinished, ok=False, message=what)]


def _why_not(order: Order, kind: Diagnose, node: NodeServices) -> Outcome | None:
    unknown = sorted(set(kind.names) - set(examination.known()))
    if unknown:
        there = ", ".join(examination.known())
        return _refused(order, OutcomeReason.NOT_FOUND, f"no diagnostic {unknown[0]!r} on this node; there are {there}")
    parts = [part for part in node.parts.statuses() if part.state is not PartState.ENDED]
    if parts and not kind.during_job:
        running = ", ".join(attempt_id(part.job, part.attempt) for part in parts)
        return _refused(order, OutcomeReason.BUSY, f"{running} runs on {node.config.node}")
    if node.examiner.taken:
        message = f"other diagnostics run on {node.config.node}, or a job is being launched there"
        return _refused(order, OutcomeReason.BUSY, message)
    return None


def _refused(order: Order, reason: OutcomeReason, message: str) -> Outcome:
    return Outcome(order.key, OutcomeStatus.REFUSED, reason, message)

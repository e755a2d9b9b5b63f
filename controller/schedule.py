"""What the controller does by the clock: diagnostics of idle nodes. Proposed here; the pipeline decides."""

import logging
from datetime import timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from controller.config import DiagnosticsConfig
from controller.core import Core
from controller.state.operations import Actor

log = logging.getLogger(__name__)

LOOK = timedelta(minutes=10)
ACTOR = Actor("mainstay:schedule")


class Schedule:
    """Started on the event loop of the core. One look at a time; one that fails is logged, and the next one is made."""

    def __init__(self, core: Core, diagnostics: DiagnosticsConfig) -> None:
        self._core, self._diagnostics = core, diagnostics
        self._scheduler = AsyncIOScheduler(timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1})

    def start(self) -> None:
        if self._diagnostics.every_h > 0:
            look = min(LOOK, timedelta(hours=self._diagnostics.every_h) / 4)
            self._scheduler.add_job(self._propose, "interval", seconds=look.total_seconds(), id="diagnostics")
        self._scheduler.start()

    def stop(self) -> None:
        self._scheduler.shutdown(wait=False)

    async def _propose(self) -> None:
        try:
            turns = await self._core.operate(
                ACTOR, lambda operator: operator.propose_diagnostics(self._core.engine, self._diagnostics)
            )
        except Exception:
            log.exception("no diagnostics proposed; trying again")
            return
        for turn in turns:
            log.info("diagnostics proposed for %s%s", turn.node, f" with {turn.peer}" if turn.peer else "")

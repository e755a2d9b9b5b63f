"""Every word a person may meet is explained, and the run book says what to do about what went wrong."""

import inspect
import re
from pathlib import Path

import pytest

from agent import checks, spool_full
from agent.workers.shim import environment
from controller.detect.contact import LossReason
from controller.jobs.cause import EndReason
from controller.jobs.placement import PlacementReason
from controller.jobs.proof import Proof
from remediations.finding import FindingKind
from remediations.ledger import RunReason
from remediations.pipeline import RulingReason
from wire.orders import OutcomeReason

DOCS = Path(__file__).resolve().parents[2] / "docs"
ENUMS = (LossReason, EndReason, PlacementReason, Proof, RulingReason, RunReason)
CONDITIONS = [check.condition for check in checks.discover().values()] + [spool_full.TYPE]
WENT_WRONG = [
    *FindingKind,
    *CONDITIONS,
    *(reason for reason in OutcomeReason if reason is not OutcomeReason.OK),
    *(reason for reason in EndReason if reason not in (EndReason.SUCCEEDED, EndReason.STOPPED_BY_PERSON)),
    *PlacementReason,
]
OWN_NAMES = re.findall(r'"(MAINSTAY_\w+)":', inspect.getsource(environment))


def says(page: str, word: str) -> bool:
    return f"`{word}`" in (DOCS / page).read_text()


@pytest.mark.parametrize("reason", [reason for enum in ENUMS for reason in enum if reason], ids=str)
def test_a_reason_is_explained(reason):
    assert says("reasons.md", reason)


@pytest.mark.parametrize("word", [word for word in WENT_WRONG if word], ids=str)
def test_the_run_book_says_what_to_do(word):
    assert says("runbook.md", word)


@pytest.mark.parametrize("name", [*environment.RANK_NAMES, *OWN_NAMES])
def test_what_a_worker_finds_is_told(name):
    assert says("workers-and-shim.md", name)

"""Every reason a person may meet is explained."""

from pathlib import Path

import pytest

from controller.detect.contact import LossReason
from controller.jobs.cause import EndReason
from controller.jobs.placement import PlacementReason
from controller.jobs.proof import Proof
from remediations.pipeline import RulingReason

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "reasons.md").read_text()
ENUMS = (LossReason, EndReason, PlacementReason, Proof, RulingReason)


@pytest.mark.parametrize("reason", [reason for enum in ENUMS for reason in enum if reason], ids=str)
def test_a_reason_is_explained(reason):
    assert f"`{reason}`" in PAGE

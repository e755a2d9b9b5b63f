"""The main job, end to end, as a newcomer starts it: a real DDP job under torchrun, real node losses, real resumes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

FIELDS = {
    "resumed",
    "rejoined",
    "world_after",
    "time_to_notice_s",
    "time_to_resume_s",
    "lost_steps",
    "cold_torchrun_start_s",
}


@pytest.mark.timeout(600)
def test_the_demo_keeps_its_claims():
    command = [str(Path(sys.executable).parent / "mainstay"), "demo", "--json"]
    demo = subprocess.run(command, capture_output=True, text=True, timeout=580)

    assert demo.returncode == 0, demo.stdout[-4000:] + demo.stderr[-2000:]
    faults = json.loads(demo.stdout.splitlines()[-1])["faults"]
    assert set(faults) == {"node-kill", "rendezvous-node-kill"}
    for fault in faults.values():
        assert set(fault) == FIELDS
        assert (fault["resumed"], fault["rejoined"], fault["world_after"]) == (True, True, 3)

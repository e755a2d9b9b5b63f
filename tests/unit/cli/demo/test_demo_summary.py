import io
import json

from rich.console import Console

from cli.demo.checks import Claim
from cli.demo.faults import FaultKind
from cli.demo.play import all_hold
from cli.demo.summary import Chapter, Result, render, to_json

RESULT = Result(True, True, 3, 0.06, 11.24, 7, 9.09)
HELD, BROKEN = Claim("a new attempt", True, "attempt 2"), Claim("the same world size", False, "2 nodes")


def test_json_has_the_agreed_shape():
    chapters = {kind: Chapter(RESULT, [HELD]) for kind in FaultKind}
    assert json.loads(to_json(chapters)) == {
        "faults": {
            kind: {
                "resumed": True,
                "rejoined": True,
                "world_after": 3,
                "time_to_notice_s": 0.06,
                "time_to_resume_s": 11.24,
                "lost_steps": 7,
                "cold_torchrun_start_s": 9.09,
            }
            for kind in ("node-kill", "rendezvous-node-kill")
        }
    }
    assert "\n" not in to_json(chapters)


def test_one_claim_that_does_not_hold_fails_the_demo():
    assert all_hold({FaultKind.NODE_KILL: Chapter(RESULT, [HELD])})
    assert not all_hold({FaultKind.NODE_KILL: Chapter(RESULT, [HELD, BROKEN])})
    assert not all_hold({})


def test_the_table_shows_claims_and_figures_in_80_columns():
    file = io.StringIO()
    console = Console(file=file, width=80, highlight=False)
    console.print(render({FaultKind.NODE_KILL: Chapter(RESULT, [HELD, BROKEN])}))
    lines = [line.rstrip() for line in file.getvalue().splitlines()]
    assert "  ✓ a new attempt       attempt 2" in lines
    assert "  ✗ the same world size 2 nodes" in lines
    assert "training again after               11.2 s" in lines
    assert max(map(len, lines)) <= 80

"""What shows that a part runs no more."""

import pytest

from controller.facts import AttemptFacts, NodeFacts, PartFacts
from controller.jobs.proof import Proof, gang_rule_holds, unprovable
from wire.api import AttemptPhase, Health, JobPhase, NodePhase

N1, N2 = PartFacts("n1", 0, None, ""), PartFacts("n2", 1, None, "")
STOPPED_N1 = PartFacts("n1", 0, None, Proof.REPORTED_ENDED)


def attempt(*parts, gang=True, isolated=True):
    return AttemptFacts("lm-1", 1, AttemptPhase.STOPPING, JobPhase.RECOVERING, gang, isolated, parts, 0.0)


def nodes(**connected):
    return {
        name: NodeFacts(name, NodePhase.READY, Health.HEALTHY, here, 0.0, "b", 1, None)
        for name, here in connected.items()
    }


@pytest.mark.parametrize(
    ("facts", "holds"),
    [
        (attempt(STOPPED_N1, N2), True),
        (attempt(N1, N2), False),
        (attempt(PartFacts("n1", 0, None, Proof.GANG_RULE), N2), False),
        (attempt(N2), False),
        (attempt(STOPPED_N1, N2, gang=False), False),
        (attempt(STOPPED_N1, N2, isolated=False), False),
    ],
    ids=["another is confirmed stopped", "nobody is", "the rule proves nothing by itself", "a single node", "no gang",
         "writes where it likes"],
)  # fmt: skip
def test_gang_rule(facts, holds):
    assert gang_rule_holds(N2, facts) is holds


@pytest.mark.parametrize(
    ("facts", "here", "missing"),
    [
        (attempt(N1, N2), {"n1": True, "n2": False}, []),
        (attempt(N1, N2), {"n1": False, "n2": False}, ["n1", "n2"]),
        (attempt(N1, N2, gang=False), {"n1": True, "n2": False}, ["n2"]),
        (attempt(N2), {"n2": False}, ["n2"]),
        (attempt(STOPPED_N1, N2, isolated=False), {"n1": False, "n2": True}, []),
    ],
)
def test_unprovable_names_the_nodes_a_relaunch_would_wait_for(facts, here, missing):
    assert unprovable(facts, nodes(**here)) == missing

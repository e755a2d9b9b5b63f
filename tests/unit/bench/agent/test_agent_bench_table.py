"""The screens: what is missed is said so, and it fits."""

import msgspec

from bench.agent import cost, hang, table
from bench.agent.figures import Line, Spread
from bench.agent.looks import Look
from bench.agent.meter import Cost
from bench.agent.scrape import Scraped
from bench.agent.xid import KERNEL_LOG, NVML, Told

AGENT = Cost(
    9.25,
    {"agent.main": 2.0, "agent.prober": 7.0, "ended": 0.25},
    {("agent.prober", "thread read-gpu_nvml"): 6.5, ("agent.prober", "main thread"): 0.001},
)
COSTS = cost.Outcome(
    300,
    cost.Side(AGENT, [{"agent.main": 30.0, "agent.prober": mib} for mib in (20.0, 22.0, 21.0)], 60.0, None),
    cost.Side(Cost(8.0, {}, {}), [{"node_exporter": 20.0}], None, Scraped([0.01, 0.02], failures=1, size=12_345)),
    [Look(f"sensor_with_a_long_name_{n}", 15.0, 3.0, 1.5, 0.1, 1200) for n in range(40)],
)
TOLD = [
    Told(NVML, 79, 3, 0.010, 0.011),
    Told(KERNEL_LOG, 48, 2, 0.020, 0.30),
    Told(KERNEL_LOG, 62, 1, 0.015, None),
]
HANGS = hang.Outcome([hang.Episode(1.0, 8.0, 0.05)], Spread(100, 1.0, 2.0, 3.0), Spread(70, 1.0, 40.0, 50.0))


def test_the_last_line_has_the_keys_that_were_asked_for():
    assert msgspec.to_builtins(table.line(COSTS, TOLD, HANGS)) == {
        "cpu_millicores": 9.25,
        "pss_mib": 51.0,
        "node_exporter_cpu_millicores": 8.0,
        "node_exporter_pss_mib": 20.0,
        "xid_to_condition_ms_p99": 300.0,
        "hung_probe_delay_ms_p99": 50.0,
    }


def test_what_was_not_measured_is_null():
    assert set(msgspec.to_builtins(table.line(None, [], None)).values()) == {None}


def test_an_aim_that_is_missed_is_called_so():
    _, *rows = table.summary(Line(8.0, 51.0, 8.0, 20.0, 249.0, 101.0))
    assert [row.endswith("missed") for row in rows] == [False, True, False, True]


def test_a_condition_that_never_came_is_named():
    assert "no condition within 5 s of: 62 on GPU 1 by kernel log" in table.xids(TOLD)


def test_threads_that_cost_nothing_have_no_line():
    told = "\n".join(table.costs(COSTS))
    assert "thread read-gpu_nvml" in told
    assert "main thread" not in told


def test_it_fits_80_columns():
    found = table.line(COSTS, TOLD, HANGS)
    screens = [table.summary(found), table.costs(COSTS), table.looks(COSTS.looks), table.xids(TOLD), table.hangs(HANGS)]
    assert [line for screen in screens for line in screen if len(line) > 80] == []

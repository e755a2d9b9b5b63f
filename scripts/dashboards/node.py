"""One node."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from scripts.dashboards.gpus import HERE
from scripts.dashboards.page import Rows, page
from scripts.dashboards.panels import BAD, GOOD, SINCE, Line, course, listing, number

IDLE = f'sum(rate(node_cpu_seconds_total{{{HERE},mode=~"idle|iowait"}}[5m]))'
BUSY = f"1 - {IDLE} / sum(rate(node_cpu_seconds_total{{{HERE}}}[5m]))"
USED = f"1 - node_memory_available_bytes{{{HERE}}} / node_memory_total_bytes{{{HERE}}}"
FULL = f"1 - node_filesystem_avail_bytes{{{HERE}}} / node_filesystem_size_bytes{{{HERE}}}"
WRONG = (
    f'mainstay_condition{{{HERE},status!="false"}}'
    " * on (job, instance, type) group_left () mainstay_condition_since_timestamp_seconds * 1000"
)


def dashboard() -> Dashboard:
    rows: Rows = {
        "": [
            number(
                "Conditions",
                f'count(mainstay_condition{{{HERE},status="true"}}) or vector(0)',
                "That are true; the list below has each.",
                BAD,
            ),
            number("Link", f"mainstay_link_up{{{HERE}}}", "1: a controller is linked.", {0: "red", 1: "green"}),
            number("Agent since", f"process_start_time_seconds{{{HERE}}} * 1000", "When it was started.", GOOD, SINCE),
            number("CPU busy", BUSY, "Of all processors.", GOOD, "percentunit"),
            number("Memory used", USED, "Without caches.", GOOD, "percentunit"),
            number(
                "Fullest disk",
                f"max({FULL})",
                "DiskFull has the limits.",
                GOOD,
                "percentunit",
            ),
            listing(
                "What is not well",
                WRONG,
                "Conditions that are true or can't be told. mainstay node show has reason, components and mend.",
                {"type": "Condition", "severity": "Severity", "status": "Status"},
                ("Since", SINCE),
            ),
        ],
        "Host": [
            course(
                "CPU by mode",
                [Line(f'sum by (mode) (rate(node_cpu_seconds_total{{{HERE},mode!="idle"}}[5m]))', "{{mode}}")],
                "Processors' worth; steal: another machine on the same host.",
                "none",
                stacked=True,
            ),
            course(
                "Stalled",
                [
                    Line(f"rate(node_pressure_cpu_waiting_seconds_total{{{HERE}}}[5m])", "some wait for CPU"),
                    Line(f"rate(node_pressure_memory_stalled_seconds_total{{{HERE}}}[5m])", "all wait for memory"),
                    Line(f"rate(node_pressure_io_stalled_seconds_total{{{HERE}}}[5m])", "all wait for I/O"),
                ],
                "Share of the time (the kernel's pressure stall information).",
                "percentunit",
            ),
            course("Space used", [Line(FULL, "{{mountpoint}}")], "Of each file system.", "percentunit", most=1),
        ],
        "Disks and network": [
            course(
                "Disks busy",
                [Line(f"rate(node_disk_io_time_seconds_total{{{HERE}}}[5m])", "{{device}}")],
                "Share of the time with a request under way.",
                "percentunit",
                most=1,
            ),
            course(
                "Network",
                [
                    Line(f"rate(node_network_receive_bytes_total{{{HERE}}}[5m])", "{{device}} in"),
                    Line(f"-rate(node_network_transmit_bytes_total{{{HERE}}}[5m])", "{{device}} out"),
                ],
                "Out is below the line.",
                "Bps",
            ),
            course(
                "Network errors",
                [
                    Line(f"rate(node_network_receive_errs_total{{{HERE}}}[5m])", "{{device}} receive"),
                    Line(f"rate(node_network_transmit_errs_total{{{HERE}}}[5m])", "{{device}} transmit"),
                    Line(f"rate(node_network_receive_drop_total{{{HERE}}}[5m])", "{{device}} dropped"),
                ],
                "A second.",
                "none",
            ),
        ],
        "Agent": [
            course(
                "Looks that gave nothing",
                [
                    Line(
                        f'increase(mainstay_sensor_looks_total{{{HERE},outcome=~"failed|hung"}}[5m]) > 0',
                        "{{sensor}} {{outcome}}",
                    )
                ],
                "A sensor that hangs is mostly a dead mount or a hung driver.",
                "none",
            ),
            course(
                "Slowest sensors",
                [Line(f"topk(8, mainstay_sensor_read_seconds{{{HERE}}})", "{{sensor}}")],
                "How long a look takes.",
                "s",
            ),
            course(
                "Waiting for a controller",
                [Line(f"mainstay_spool_bytes{{{HERE}}}", "spool")],
                "Messages on the node's disk that no controller has acknowledged.",
                "bytes",
            ),
        ],
    }
    return page("node", "node", "What is not well on one node, and how its parts do.", rows, of_one_node=True)

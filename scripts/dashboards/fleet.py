"""The whole cluster at a glance."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from scripts.dashboards.gpus import HEAT
from scripts.dashboards.page import Rows, page
from scripts.dashboards.panels import AGENT, BAD, CONTROLLER, GOOD, SINCE, Line, course, listing, number

GONE = 'type=~"GpuLost|GpuXidOffBus|TpuLost"'
WRONG = (
    f'mainstay_condition{{{AGENT},status!="false"}}'
    " * on (job, instance, type) group_left () mainstay_condition_since_timestamp_seconds * 1000"
)
FAULTS = f"sum by (kind, code) (increase(mainstay_fault_events_total{{{AGENT}}}[1h]))"


def dashboard() -> Dashboard:
    rows: Rows = {
        "": [
            number("Nodes ready", f'sum(mainstay_nodes{{{CONTROLLER},phase="ready"}})', "Take work.", GOOD),
            number(
                "Not in service",
                f'sum(mainstay_nodes{{{CONTROLLER},phase!~"ready|retired"}}) or vector(0)',
                "Joining, draining, drained, repairing or validating: mainstay node list.",
                {0: "green", 1: "orange"},
            ),
            number(
                "Lost or suspect",
                f'sum(mainstay_nodes_health{{{CONTROLLER},health=~"lost|suspect"}}) or vector(0)',
                "No word from their agents: the run book, a node is lost.",
                BAD,
            ),
            number(
                "Critical conditions",
                f'count(mainstay_condition{{{AGENT},status="true",severity="critical"}}) or vector(0)',
                "The list below has each.",
                BAD,
            ),
            number(
                "GPUs lost",
                f"sum(mainstay_condition_components{{{AGENT},{GONE}}}) or vector(0)",
                "They no longer answer, or are not there after a reboot.",
                BAD,
            ),
            number(
                "Agents silent",
                f"count(up{{{AGENT}}} == 0) or vector(0)",
                "Prometheus can't read their page; the controller has its own view of the nodes.",
                {0: "green", 1: "orange"},
            ),
            listing(
                "What is not well",
                WRONG,
                "Conditions that are true or can't be told. docs/conditions.md has each one's meaning and mend.",
                {"instance": "Node", "type": "Condition", "severity": "Severity", "status": "Status"},
                ("Since", SINCE),
            ),
        ],
        "Nodes and jobs": [
            course(
                "Nodes by health",
                [Line(f"sum by (health) (mainstay_nodes_health{{{CONTROLLER}}})", "{{health}}")],
                "As the controller sees them.",
                "none",
                stacked=True,
            ),
            course(
                "Jobs by phase",
                [Line(f"sum by (phase) (mainstay_jobs{{{CONTROLLER}}})", "{{phase}}")],
                "Recovering for long: mainstay job list says what it waits for.",
                "none",
                stacked=True,
            ),
            course(
                "Steps per minute",
                [Line(f"deriv(mainstay_job_step{{{CONTROLLER}}}[5m]) * 60", "{{job_id}}")],
                "Optimizer steps of each job that runs; 0 is a job that stands still.",
                "none",
            ),
        ],
        "Faults and what was done": [
            course(
                "Faults told",
                [
                    Line(
                        f"sum by (kind, code) (increase(mainstay_fault_events_total{{{AGENT}}}[1h]))",
                        "{{kind}} {{code}}",
                    )
                ],
                "By kernel and drivers, within the hour before; Xid by number.",
                "none",
            ),
            course(
                "Decisions",
                [
                    Line(
                        f"sum by (action, verdict, reason) (increase(mainstay_decisions_total{{{CONTROLLER}}}[1h]))",
                        "{{action}}: {{verdict}}, {{reason}}",
                    )
                ],
                "Of automation and of people, within the hour before.",
                "none",
            ),
            course(
                "Hottest nodes",
                [Line(f"topk(10, max by (instance) ({HEAT.format(where=AGENT)}))", "{{instance}}")],
                "Each by its hottest GPU.",
                "celsius",
            ),
        ],
    }
    return page("fleet", "fleet", "Nodes, jobs, what is not well, what was done about it.", rows)

"""Why: one line a link, oldest first, to be read at 03:00."""

from datetime import datetime

from rich.console import Group, RenderableType
from rich.text import Text

from cli.render.words import BAD, BUSY, DIM, GOOD, WARN, age, table
from wire.api import WhyView

STAGES = {
    "sense": BAD,
    "judge": BAD,
    "report": DIM,
    "record": DIM,
    "detect": WARN,
    "decide": BUSY,
    "act": "bold",
    "verify": GOOD,
    "account": GOOD,
}


def why(view: WhyView, now: datetime) -> RenderableType:
    head = Text(view.summary, style="bold")
    if not view.chain:
        return Group(head, Text("nothing has happened to it", style=DIM))
    made = table("AGO", "STAGE", "WHAT")
    for link in view.chain:
        made.add_row(age(link.at, now), Text(link.stage, style=STAGES.get(link.stage, "")), link.text)
    return Group(head, Text(), made)

"""python -m scripts.dashboards [--check]: write grafana/dashboards; or name what is stale, with exit status 1."""

import json
import sys
from functools import cache
from pathlib import Path

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from scripts.dashboards import fleet, gpus, node

FOLDER = Path(__file__).parents[2] / "grafana" / "dashboards"


@cache
def rendered() -> dict[str, str]:
    """File name to text."""
    made = {"fleet": fleet.dashboard(), "node": node.dashboard(), "gpus": gpus.dashboard()}
    return {f"mainstay-{name}.json": text(dashboard) for name, dashboard in made.items()}


def text(dashboard: Dashboard) -> str:
    return json.dumps(dashboard.build(), cls=JSONEncoder, indent=2, sort_keys=True) + "\n"


def stale(folder: Path) -> list[Path]:
    """What `make dashboards` would change; files that no dashboard is in any more, too."""
    known = {folder / name: content for name, content in rendered().items()}
    others = [path for path in folder.glob("*.json") if path not in known]
    return [path for path, content in known.items() if not path.is_file() or path.read_text() != content] + others


def write(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for path in stale(folder):
        content = rendered().get(path.name)
        if content is None:
            path.unlink()
        else:
            path.write_text(content)


def main() -> None:
    checking = sys.argv[1:] == ["--check"]
    if sys.argv[1:] and not checking:
        sys.exit(f"usage: {sys.argv[0]} [--check]")
    found = stale(FOLDER)
    for path in found:
        print(f"{'stale' if checking else 'wrote'} {path}")
    if not checking:
        write(FOLDER)
    sys.exit(1 if checking and found else 0)


if __name__ == "__main__":
    main()

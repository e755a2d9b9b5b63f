"""python -m scripts.reference [--check]: write every page; or name those that are stale, with exit status 1."""

import sys
from pathlib import Path

from scripts.reference import pages

DOCS = Path(__file__).parents[2] / "docs"


def stale(docs: Path) -> list[Path]:
    """Pages that `make docs` would change."""
    return [docs / path for path, text in pages.rendered().items() if _on_disk(docs / path) != text]


def write(docs: Path) -> list[Path]:
    """Those that changed."""
    changed = stale(docs)
    texts = {docs / path: text for path, text in pages.rendered().items()}
    for path in changed:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(texts[path])
    return changed


def _on_disk(path: Path) -> str:
    return path.read_text() if path.is_file() else ""


def main() -> None:
    checking = sys.argv[1:] == ["--check"]
    if sys.argv[1:] and not checking:
        sys.exit(f"usage: {sys.argv[0]} [--check]")
    found = stale(DOCS) if checking else write(DOCS)
    for path in found:
        print(f"{'stale' if checking else 'wrote'} {path}")
    sys.exit(1 if checking and found else 0)


if __name__ == "__main__":
    main()

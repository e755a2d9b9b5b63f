"""``python -I -S .../shim/__main__.py PART_DIR [SPEC]``: goes into the background and runs the part."""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.append(str(Path(__file__).resolve().parents[3]))  # where the package `agent` lies, however installed
    from agent.workers.shim.main import main

    main(*sys.argv[1:])

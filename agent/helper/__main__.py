"""``python -m agent.helper [CONFIG]``: started by mainstay-helper.socket. Not a command for people."""

import sys
from pathlib import Path

from agent.config import DEFAULT_PATH
from agent.helper.serve import serve

if __name__ == "__main__":
    serve(Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_PATH)

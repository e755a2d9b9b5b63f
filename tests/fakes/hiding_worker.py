"""A worker whose helper process hides well: forked twice, a session of its own, not a single variable left.

Only the control group it was born in still tells whose it is; --mark stands on its command line. Standard library only.
"""

import argparse
import os
import sys
import time

import mainstay


def hide(mark):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            argv = [sys.executable, "-I", "-c", "import time; time.sleep(3600)", mark]
            os.execve(sys.executable, argv, {})
        os._exit(0)
    os.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mark", required=True)
    options = parser.parse_args()
    hide(f"{options.mark}.{os.environ['MAINSTAY_ATTEMPT']}")
    for step in range(1, 1_000_000):
        mainstay.report(step=step, loss=1.0 / step)
        time.sleep(0.02)


if __name__ == "__main__":
    main()

"""Runs a training script and keeps a record outside Mainstay: every start of a rank and every step it reports.

    witnessed.py WITNESS MODULE ARGUMENTS...

MODULE lies beside this file and calls a function ``report(step, ...)`` of its own after each step. A line is one write
to a file opened for appending, so ranks share it and a kill loses nothing. Standard library only.
"""

import importlib
import os
import sys
import time
from typing import Any


class Witness:
    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        names = ("MAINSTAY_JOB", "MAINSTAY_ATTEMPT", "RANK")
        self._who = " ".join(os.environ[name] for name in names)

    def write(self, verb: str, step: int) -> None:
        os.write(self._file, f"{verb} {self._who} {step} {os.getpid()} {time.time():.6f}\n".encode())


def main() -> None:
    path, name, *arguments = sys.argv[1:]
    sys.argv = [name, *arguments]
    witness, module = Witness(path), importlib.import_module(name)
    report = module.report

    def witnessed_report(step: int, *args: Any, **kwargs: Any) -> None:
        witness.write("step", step)
        report(step, *args, **kwargs)

    vars(module)["report"] = witnessed_report
    witness.write("start", 0)
    module.main()


if __name__ == "__main__":
    main()

"""Copied as ``sitecustomize.py`` into the directory the launcher puts on PYTHONPATH. Chains to the site's own."""

import importlib.machinery
import importlib.util
import os
import sys


def _start() -> None:
    if "RANK" not in os.environ or "MAINSTAY_WORKER_DIR" not in os.environ:
        return
    try:
        from mainstay import _startup

        _startup.run()
    except Exception:  # noqa: S110 - a training run never fails because of us
        pass


def _chain() -> None:
    here = os.path.dirname(os.path.abspath(__file__))
    others = [entry for entry in sys.path if os.path.abspath(entry) != here]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", others)
    if spec is None or spec.loader is None:
        return
    module = importlib.util.module_from_spec(spec)
    sys.modules["sitecustomize"] = module
    spec.loader.exec_module(module)


_start()
_chain()

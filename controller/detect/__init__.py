"""One file per detector, each a pure function of the cluster's facts."""

import importlib
import pkgutil
from collections.abc import Iterable
from functools import cache
from typing import Protocol, cast

from controller.config import Timing
from controller.facts import Cluster
from remediations.finding import Finding


class Detector(Protocol):
    def detect(self, cluster: Cluster, timing: Timing) -> Iterable[Finding]: ...


@cache
def detectors() -> tuple[Detector, ...]:
    names = sorted(info.name for info in pkgutil.iter_modules(__path__) if not info.name.startswith("_"))
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names]
    return tuple(cast(Detector, module) for module in modules if hasattr(module, "detect"))


def detect(cluster: Cluster, timing: Timing) -> list[Finding]:
    return [finding for detector in detectors() for finding in detector.detect(cluster, timing)]

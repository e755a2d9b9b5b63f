"""The tests' NVML: the same library, built here."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "tests"))

from fakes.nvml_fake import Nvml, component

__all__ = ["Nvml", "component"]

"""Finds the units of a package by their place: one module each, nothing to register."""

import importlib
import pkgutil
from types import ModuleType


def modules_of(package: ModuleType, having: str) -> dict[str, ModuleType]:
    """The modules directly inside ``package`` that define the name ``having``, by module name, sorted."""
    names = sorted(info.name for info in pkgutil.iter_modules(package.__path__))
    modules = {name: importlib.import_module(f"{package.__name__}.{name}") for name in names}
    return {name: module for name, module in modules.items() if hasattr(module, having)}

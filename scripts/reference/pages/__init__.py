"""One module a page, found by its place."""

import importlib
import pkgutil
from functools import cache
from typing import Protocol, cast

from scripts.reference.markdown import NOTICE


class Page(Protocol):
    PATH: str

    def render(self) -> list[str]: ...


@cache
def rendered() -> dict[str, str]:
    """Path below docs/ to what belongs there."""
    found = [cast(Page, importlib.import_module(f"{__name__}.{info.name}")) for info in pkgutil.iter_modules(__path__)]
    return {page.PATH: "\n".join([NOTICE, "", *page.render()]).strip() + "\n" for page in found}

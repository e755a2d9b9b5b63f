"""What a field means, said once in the code: in the docstring's sentences that name it, or in the comment beside it.

The docstring is for what people and programs set; service/sample.py takes a sample configuration's comments from the
same sentences. The comment is for what they only read.
"""

import inspect
import re
from enum import Enum
from functools import cache

from service import sample

_BESIDE = re.compile(r"^ {4}(?P<name>\w+)(?:: | = ).*  # (?P<text>[^#]+)$", re.MULTILINE)


def meaning(kind: type, name: str) -> str:
    return sample.meaning(kind, name) or _comments(kind).get(name, "")


def of_words(kind: type[Enum]) -> str:
    """What an enum's words mean, where its source says so."""
    said = _comments(kind)
    return ". ".join(f"`{each.value}`: {said[each.name]}" for each in kind if each.name in said)


@cache
def _comments(kind: type) -> dict[str, str]:
    return {found["name"]: found["text"].strip() for found in _BESIDE.finditer(inspect.getsource(kind))}

"""Which families an expression of PromQL asks for."""

import re

TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')
SELECTION = re.compile(r"\{[^{}]*\}")
RANGE = re.compile(r"\[[^\]]*\]")
LABELS = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^()]*\)")
NAME = re.compile(r"(?<![\w.$])[A-Za-z_:][\w:]*(?!\w)(?!\s*\()")
WORDS = frozenset({"or", "and", "unless", "bool", "offset", "by", "without", "on", "ignoring", "inf", "nan"})


def families(expr: str) -> set[str]:
    for part in (TEXT, SELECTION, RANGE, LABELS):
        expr = part.sub(" ", expr)
    return {name for name in NAME.findall(re.sub(r"\boffset\s+\w+", " ", expr)) if name.lower() not in WORDS}

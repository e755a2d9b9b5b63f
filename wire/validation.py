"""What a person is told about a malformed value: the field first, what is wrong with it, and the mend."""

import re

import msgspec

from wire.names import FORMS

_PLACE = re.compile(r"^(?P<what>.*) - at (?P<key>`key` in )?`\$\.?(?P<field>.*)`$", re.DOTALL)
_MISSING = re.compile(r"^Object missing required field `(?P<field>[^`]*)`$")
_UNKNOWN = re.compile(r"^Object contains unknown field `(?P<field>[^`]*)`$")
_PATTERN = re.compile(r"^Expected `str` matching regex (?P<pattern>.*)$", re.DOTALL)


def describe(error: msgspec.ValidationError, within: str = "") -> str:
    """One line: ``nodes: expected int >= 1; correct it``. ``within`` is the field the value was found in."""
    text = " ".join(str(error).split())
    match = _PLACE.match(text)
    if match is None:
        return describe_at(within, text)
    return describe_at(_join(within, match["field"]), match["what"], of_key=match["key"] is not None)


def describe_at(field: str, what: str, *, of_key: bool = False) -> str:
    """The same, with msgspec's words and the field apart; ``field`` is empty for the value as a whole."""
    if missing := _MISSING.match(what):
        return f"{_join(field, missing['field'])}: missing; add it"
    if unknown := _UNKNOWN.match(what):
        return f"{_join(field, unknown['field'])}: no such field; remove it or correct its name"
    if pattern := _PATTERN.match(what):
        what = f"Expected {FORMS.get(pattern['pattern'], pattern['pattern'])}"
    what = what.replace("`object`", "a table").replace("`", "")
    where = f"a name in {field}: " if of_key else field and f"{field}: "
    return f"{where}{what[:1].lower()}{what[1:]}; correct it"


def _join(*names: str) -> str:
    return ".".join(name for name in names if name)

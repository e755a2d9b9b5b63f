"""What a person is told about a malformed value: the field first, then what is wrong with it."""

import re

import msgspec

_WHERE = re.compile(r"^(?P<what>.*) - at (?P<path>.*)$", re.DOTALL)
_MISSING = re.compile(r"^Object missing required field `(?P<field>[^`]*)`$")
_UNKNOWN = re.compile(r"^Object contains unknown field `(?P<field>[^`]*)`$")


def describe(error: msgspec.ValidationError) -> str:
    """One line that begins with the field: ``nodes: expected `int`, got `str```."""
    text = " ".join(str(error).split())
    match = _WHERE.match(text)
    return describe_at(_field(match["path"]), match["what"]) if match else describe_at("", text)


def describe_at(path: str, what: str) -> str:
    """The same, with msgspec's words and the field apart; ``path`` is empty for the value as a whole."""
    if missing := _MISSING.match(what):
        return f"{_join(path, missing['field'])}: missing; give it a value"
    if unknown := _UNKNOWN.match(what):
        return f"{_join(path, unknown['field'])}: no such field; remove it or correct its name"
    what = what[:1].lower() + what[1:]
    return f"{path}: {what}" if path else what


def _field(path: str) -> str:
    """``$.link.listen`` in backquotes becomes ``link.listen``; "`key` in `$.environment`" keeps its words."""
    return path.replace("`$.", "`").replace("`$[", "`[").replace("`$`", "").replace("`", "")


def _join(path: str, field: str) -> str:
    return f"{path}.{field}" if path else field

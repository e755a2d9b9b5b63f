"""Writes configuration files: strings, numbers and lists, one level of tables."""

import json
from collections.abc import Mapping
from typing import Any


def encode(values: Mapping[str, Any]) -> str:
    """A JSON string, number or list of them is also one of TOML."""
    plain = [f"{key} = {_value(value)}\n" for key, value in values.items() if not isinstance(value, Mapping)]
    tables = [_table(key, value) for key, value in values.items() if isinstance(value, Mapping)]
    return "".join(plain + tables)


def _table(name: str, values: Mapping[str, Any]) -> str:
    return f"\n[{name}]\n" + "".join(f"{key} = {_value(value)}\n" for key, value in values.items())


def _value(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)

"""A commented configuration made from its Structs: what each field means, its type, its default.

The meaning is in the Struct's own docstring: the sentences that name the field in double backquotes.
"""

import inspect
import json
import re
import textwrap
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec.inspect import (
    BoolType,
    DictType,
    EnumType,
    Field,
    FloatType,
    IntType,
    ListType,
    LiteralType,
    Metadata,
    NoneType,
    StrType,
    StructType,
    UnionType,
    VarTupleType,
    type_info,
)
from msgspec.inspect import Type as Kind

WIDTH = 100
Given = Mapping[str, Any]  # dotted name of a field to its value
Tables = Mapping[str, Mapping[str, type[msgspec.Struct]]]  # field that is a table of tables: each one's name and Struct

_SENTENCES = re.compile(r"(?<=[.!?])\s+(?=[A-Z`])")


class Wrong(ValueError):
    """str() is one line that names the field and the mend."""


def sample(config: type[msgspec.Struct], title: str, given: Given, tables: Tables | None = None) -> str:
    """TOML in which only ``given`` and what has no default is set; every other line is a comment.

    A setting's comment begins with "#" alone: without it the line sets the default.
    """
    known = {name: _struct(each) for group, found in (tables or {}).items() for name, each in _named(group, found)}
    lines = [*_prose(title), *_body(_struct(config), "", given, None)]
    for name, table, default in [*_subtables(_struct(config)), *((name, table, None) for name, table in known.items())]:
        lines += ["", f"[{name}]", *_body(table, f"{name}.", given, default)]
    return "\n".join(lines) + "\n"


def read_given(texts: Iterable[str], config: type[msgspec.Struct]) -> dict[str, Any]:
    """From FIELD=VALUE, FIELD dotted; VALUE is text where the field is, else TOML. Raises Wrong."""
    given: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise Wrong(f"--set {text}: not FIELD=VALUE")
        given[name.strip()] = _value(name.strip(), value.strip(), _field(name.strip(), _struct(config)))
    return given


def meaning(kind: type, name: str) -> str:
    """Of a Struct's field or an enum's value: empty when neither its docstring nor that of what it extends names it."""
    for each in kind.__mro__:
        text = " ".join((inspect.cleandoc(each.__dict__.get("__doc__") or "")).split())
        if said := [sentence for sentence in sentences(text) if f"``{name}``" in sentence]:
            return " ".join(said).replace("``", "`")
    return ""


def sentences(text: str) -> list[str]:
    return _SENTENCES.split(text)


def fields(struct: type[msgspec.Struct]) -> list[str]:
    return [field.encode_name for field in _struct(struct).fields]


def _body(table: StructType, prefix: str, given: Given, default: msgspec.Struct | None) -> Iterator[str]:
    """What is meant for several fields is said once."""
    said = None
    for field in table.fields:
        if isinstance(field.type, StructType | DictType):
            continue
        text = meaning(table.cls, field.encode_name)
        if text != said:
            yield from ("", *_prose(text))
        said = text
        if (each := _struct_of_list(field.type)) is not None:
            yield from _array(f"{prefix}{field.encode_name}", each)
        else:
            yield _setting(field, given, prefix, default)


def _array(name: str, table: StructType) -> Iterator[str]:
    """There is no default to set: what one looks like."""
    yield f"# [[{name}]], one for each, of"
    for field in table.fields:
        needed = "" if field.required else f", {toml(value)} if not set" if (value := _default(field)) else ", if any"
        yield f"#   {field.encode_name}: {words(field.type)}{needed}"


def _struct_of_list(kind: Kind) -> StructType | None:
    item = kind.item_type if isinstance(kind, ListType | VarTupleType) else None
    return item if isinstance(item, StructType) else None


def _setting(field: Field, given: Given, prefix: str, default: msgspec.Struct | None) -> str:
    kind = f"  # {words(field.type)}"
    name = f"{prefix}{field.encode_name}"
    if name in given:
        return f"{field.encode_name} = {toml(given[name])}{kind}"
    if field.required and default is None:
        raise Wrong(f"{name}: has no default; set it")
    value = getattr(default, field.name) if default is not None else _default(field)
    return f"#{field.encode_name} ={kind}; not set" if value is None else f"#{field.encode_name} = {toml(value)}{kind}"


def _subtables(table: StructType) -> Iterator[tuple[str, StructType, msgspec.Struct | None]]:
    for field in table.fields:
        if isinstance(field.type, StructType):
            yield field.encode_name, field.type, _default(field)


def words(kind: Kind) -> str:
    """A type as a person says it: "number above 0, at most 86400"."""
    match kind:
        case BoolType():
            return "true or false"
        case IntType() | FloatType():
            noun = "number" if isinstance(kind, FloatType) else "whole number"
            bounds = (("above", kind.gt), ("at least", kind.ge), ("below", kind.lt), ("at most", kind.le))
            said = [f"{word} {bound:.12g}" for word, bound in bounds if bound is not None]
            return " ".join([noun, ", ".join(said)]).strip()
        case StrType():
            return "text"
        case EnumType():
            return " or ".join(json.dumps(each.value) for each in kind.cls)
        case LiteralType():
            return " or ".join(json.dumps(each) for each in kind.values)
        case ListType() | VarTupleType():
            return f"list, each {words(kind.item_type)}"
        case Metadata():
            return str((kind.extra_json_schema or {}).get("description") or words(kind.type))
        case UnionType():
            return " or ".join(words(each) for each in kind.types if not isinstance(each, NoneType))
    raise TypeError(f"no words for {kind!r}; add them to service/sample.py")


def toml(value: Any) -> str:
    """A JSON string, number, truth value or list of them is also one of TOML."""
    return json.dumps(value, ensure_ascii=False)


def _value(name: str, text: str, field: Field) -> Any:
    if _is_text(field.type):
        return text
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        raise Wrong(f"{name}: {text} is no value of TOML; {words(field.type)} is expected") from None


def _is_text(kind: Kind) -> bool:
    if isinstance(kind, Metadata):
        return _is_text(kind.type)
    if isinstance(kind, UnionType):
        return all(_is_text(each) for each in kind.types if not isinstance(each, NoneType))
    return isinstance(kind, StrType | EnumType)


def _field(name: str, table: StructType) -> Field:
    head, _, rest = name.partition(".")
    found = next((field for field in table.fields if field.encode_name == head), None)
    if found is None or isinstance(found.type, StructType) is not bool(rest):
        raise Wrong(f"{name}: no such field to set")
    return _field(rest, found.type) if isinstance(found.type, StructType) else found


def _default(field: Field) -> Any:
    return field.default_factory() if field.default is msgspec.NODEFAULT else field.default


def _named(group: str, found: Mapping[str, type[msgspec.Struct]]) -> Iterator[tuple[str, type[msgspec.Struct]]]:
    """Those that have anything to set."""
    for name, struct in found.items():
        if fields(struct):
            yield f"{group}.{name}", struct


def _struct(struct: type[msgspec.Struct]) -> StructType:
    found = type_info(struct)
    assert isinstance(found, StructType)
    return found


def _prose(text: str) -> list[str]:
    return [f"# {line}" for paragraph in text.splitlines() for line in textwrap.wrap(paragraph, WIDTH - 2)]

"""Structs and types as msgspec.inspect gives them: what is in them, and how a person says it."""

from collections.abc import Iterator

import msgspec
from msgspec.inspect import (
    AnyType,
    BytesType,
    DateTimeType,
    DictType,
    Field,
    ListType,
    NoneType,
    StructType,
    Type,
    UnionType,
    VarTupleType,
    type_info,
)

from scripts.reference.markdown import anchor
from service import sample

Struct = type[msgspec.Struct]


def fields_of(struct: Struct) -> tuple[Field, ...]:
    found = type_info(struct)
    assert isinstance(found, StructType)
    return found.fields


def within(struct: Struct) -> Iterator[Struct]:
    """Structs that its fields lead to, in order, each once, itself first."""
    seen: list[Struct] = []
    _walk(type_info(struct), seen)
    yield from seen


def words(kind: Type) -> str:
    """A type as a person says it."""
    match kind:
        case StructType():
            return f"[{kind.cls.__name__}]({anchor(kind.cls.__name__)})"
        case DictType():
            return f"table, {words(kind.key_type)} to {words(kind.value_type)}"
        case ListType() | VarTupleType():
            return f"list, each {words(kind.item_type)}"
        case DateTimeType():
            return "point in time"
        case BytesType():
            return "bytes"
        case AnyType():
            return "any value"
        case UnionType():
            return ", or ".join("none" if isinstance(each, NoneType) else words(each) for each in kind.types)
    return sample.words(kind)


def table_of(kind: Type) -> Struct | None:
    """The Struct that fills a table of a TOML file."""
    kinds = kind.types if isinstance(kind, UnionType) else (kind,)
    return next((each.cls for each in kinds if isinstance(each, StructType)), None)


def _walk(kind: Type, seen: list[Struct]) -> None:
    match kind:
        case StructType():
            if kind.cls not in seen:
                seen.append(kind.cls)
                for field in kind.fields:
                    _walk(field.type, seen)
        case ListType() | VarTupleType():
            _walk(kind.item_type, seen)
        case DictType():
            _walk(kind.value_type, seen)
        case UnionType():
            for each in kind.types:
                _walk(each, seen)

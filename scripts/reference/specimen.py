"""A reading that has everything: what a sensor's metrics are, seen on a machine that has all there is."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import inspect
from msgspec.inspect import Type as Kind

Words = Mapping[str, Sequence[str]]  # by field: the words that it can have, or the keys


def specimen(struct: type[msgspec.Struct], words: Words) -> Any:
    """One of it, every field known; a list has an item for each of ``words`` of a field in it."""
    [made] = _structs(inspect.type_info(struct), words)  # type: ignore[arg-type]
    return made


def _structs(kind: inspect.StructType, words: Words) -> list[Any]:
    """As many as it takes for all words."""
    count = max((len(words[field.name]) for field in kind.fields if _is_text(field, words)), default=1)
    return [kind.cls(**{field.name: _field(field, words, number) for field in kind.fields}) for number in range(count)]


def _is_text(field: inspect.Field, words: Words) -> bool:
    return field.name in words and not isinstance(_bare(field.type), inspect.DictType)


def _field(field: inspect.Field, words: Words, number: int) -> Any:
    if _is_text(field, words):
        return words[field.name][number % len(words[field.name])]
    return _value(field.type, field.name, words)


def _value(kind: Kind, name: str, words: Words) -> Any:
    bare = _bare(kind)
    match bare:
        case inspect.StructType():
            return _structs(bare, words)[0]
        case inspect.ListType() | inspect.VarTupleType():
            item = _bare(bare.item_type)
            return _structs(item, words) if isinstance(item, inspect.StructType) else [_value(item, name, words)]
        case inspect.DictType():
            keys = words.get(name) or [_value(bare.key_type, name, words)]
            return {key: _value(bare.value_type, name, words) for key in keys}
        case inspect.EnumType():
            return next(iter(bare.cls))
        case inspect.BoolType():
            return True
        case inspect.IntType() | inspect.FloatType():
            return 1
        case inspect.StrType():
            return name
    raise TypeError(f"{name}: no specimen of {bare!r}; add it to scripts/reference/specimen.py")


def _bare(kind: Kind) -> Kind:
    """Without its bounds, and without None."""
    if isinstance(kind, inspect.Metadata):
        return _bare(kind.type)
    if isinstance(kind, inspect.UnionType):
        return _bare(next(each for each in kind.types if not isinstance(each, inspect.NoneType)))
    return kind

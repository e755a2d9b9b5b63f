"""A Struct as a table: each field, what it takes, its default, its meaning."""

import inspect
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Any

import msgspec
from msgspec.inspect import EnumType, Field, Type, UnionType

from scripts.reference import meanings
from scripts.reference.kinds import Struct, fields_of, table_of, words
from scripts.reference.markdown import code, heading, paragraphs, prose, table
from service import sample

HEADER = ("field", "type", "default", "meaning")


def fields(struct: Struct, without: Struct | None = None) -> list[str]:
    """A table; tables within it are links to sections of their Struct's name. Fields of ``without``, which it extends,
    are left out."""
    known = {field.name for field in fields_of(without)} if without else set()
    return _rows(struct, [field for field in fields_of(struct) if field.name not in known])


def answered(struct: Struct) -> list[str]:
    """The same of what is only read: every field is always there."""
    found = fields_of(struct)
    cells = ((code(each.encode_name), words(each.type)) for each in found)
    rows = [(*row, meaning) for row, meaning in zip(cells, _meanings(struct, found), strict=True)]
    return table((HEADER[0], HEADER[1], HEADER[3]), rows)


def toml(struct: Struct) -> list[str]:
    """A file's own fields, then a section for each table in it."""
    own = [field for field in fields_of(struct) if table_of(field.type) is None]
    lines = [*about(struct), *_rows(struct, own)]
    for field in fields_of(struct):
        if inner := table_of(field.type):
            lines += [*heading(2, f"[{field.encode_name}]"), *about(inner), *fields(inner)]
    return lines


def about(struct: Struct) -> list[str]:
    """Of the docstring, what is about no single field."""
    text = inspect.cleandoc(struct.__dict__.get("__doc__") or "")
    if text.startswith(f"{struct.__name__}("):  # what dataclasses and the like make up
        return []
    return paragraphs("\n\n".join(_general(each, sample.fields(struct)) for each in text.split("\n\n")))


def said(struct: Struct, field: Field) -> str:
    """Empty where the code says nothing of it."""
    return meanings.meaning(struct, field.encode_name) or _words_of(field.type)


def _rows(struct: Struct, found: Sequence[Field]) -> list[str]:
    cells = ((code(each.encode_name), words(each.type), _default(each)) for each in found)
    return table(HEADER, [(*row, meaning) for row, meaning in zip(cells, _meanings(struct, found), strict=True)])


def _words_of(kind: Type) -> str:
    kinds = kind.types if isinstance(kind, UnionType) else (kind,)
    return " ".join(meanings.of_words(each.cls) for each in kinds if isinstance(each, EnumType))


def _meanings(struct: Struct, found: Sequence[Field]) -> Iterator[str]:
    """What is meant for several fields is said once."""
    before: dict[str, str] = {}
    for field in found:
        meaning = prose(said(struct, field))
        first = before.setdefault(meaning, field.encode_name)
        yield meaning if first == field.encode_name or not meaning else f"see `{first}`"


def _default(field: Field) -> str:
    if field.required:
        return "required"
    value = field.default_factory() if field.default is msgspec.NODEFAULT else field.default
    if isinstance(value, msgspec.Struct):
        return ""
    return "none" if value is None else code(_literal(value))


def _general(paragraph: str, names: list[str]) -> str:
    return " ".join(
        sentence
        for sentence in sample.sentences(" ".join(paragraph.split()))
        if not any(f"``{name}``" in sentence for name in names)
    )


def _literal(value: Any) -> str:
    if isinstance(value, Enum):
        value = value.value
    return sample.toml(list(value) if isinstance(value, tuple | frozenset) else value)

"""The sample configurations: what a daemon prints is what it takes, and every field says what it means."""

import re
import tomllib
from enum import StrEnum
from typing import Annotated, Any, Literal

import msgspec
import pytest

import agent.config
import controller.config
from service.sample import Wrong, fields, meaning, read_given, sample

SETTING = re.compile(r"^#(?=[a-z_]+ = )", re.MULTILINE)
UNSET = re.compile(r"^#[a-z_]+ =  # .*; not set$", re.MULTILINE)
NODE = {"node": "n1", "address": "10.0.0.1"}


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Inner(msgspec.Struct, frozen=True):
    """``share`` is a part of the whole. It is 0.5 unless told. ``word`` is one of three."""

    share: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.5
    word: Literal["a", "b"] = "a"


class Outer(msgspec.Struct, frozen=True):
    """``name`` names it. ``count`` and ``colour`` belong together."""

    name: str
    count: Annotated[int, msgspec.Meta(ge=1)] = 3
    colour: Colour = Colour.RED
    on: bool = True
    other: str | None = None
    inner: Inner = Inner(share=0.25)


def uncommented(text: str) -> dict[str, Any]:
    return tomllib.loads(SETTING.sub("", UNSET.sub("", text)))


def test_only_what_was_given_is_set() -> None:
    text = sample(Outer, "A title.", {"name": 'x"y', "inner.word": "b"})
    assert tomllib.loads(text) == {"name": 'x"y', "inner": {"word": "b"}}


def test_without_the_marks_it_is_the_defaults() -> None:
    found = msgspec.convert(uncommented(sample(Outer, "A title.", {"name": "x"})), Outer)
    assert found == Outer("x")


def test_how_it_reads() -> None:
    text = sample(Outer, "A title.", {"name": "x"})
    assert text == (
        "# A title.\n"
        "\n# `name` names it.\n"
        'name = "x"  # text\n'
        "\n# `count` and `colour` belong together.\n"
        "#count = 3  # whole number at least 1\n"
        '#colour = "red"  # "red" or "blue"\n'
        "\n"
        "#on = true  # true or false\n"
        "#other =  # text; not set\n"
        "\n[inner]\n"
        "\n# `share` is a part of the whole.\n"
        "#share = 0.25  # number above 0, at most 1\n"
        "\n# `word` is one of three.\n"
        '#word = "a"  # "a" or "b"\n'
    )


def test_what_has_no_default_must_be_given() -> None:
    with pytest.raises(Wrong, match="name: has no default"):
        sample(Outer, "", {})


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("name=7", "name", "7"),
        ("count=7", "count", 7),
        ("inner.share=0.1", "inner.share", 0.1),
        ("other=", "other", ""),
    ],
)
def test_settings_are_read_as_their_fields_are(text: str, name: str, value: object) -> None:
    assert read_given([text], Outer) == {name: value}


@pytest.mark.parametrize("text", ["name", "colours=1", "inner=1", "inner.x=1", "name.x=1", "count=many"])
def test_a_setting_that_is_none_is_said_so(text: str) -> None:
    with pytest.raises(Wrong):
        read_given([text], Outer)


def test_the_agents_sample_is_its_defaults() -> None:
    text = sample(agent.config.Config, "", NODE, agent.config.units())
    assert agent.config.parse(text, "sample") == agent.config.Config(
        **NODE, sensors=_empty(text, "sensors"), thresholds=_empty(text, "thresholds")
    )
    found = uncommented(text)
    for group, units in agent.config.units().items():
        tables = found.pop(group)
        assert {name: msgspec.convert(tables.get(name, {}), unit) for name, unit in units.items()} == {
            name: unit() for name, unit in units.items()
        }
    assert msgspec.convert(found, agent.config.Config) == agent.config.Config(**NODE)


def test_the_controllers_sample_is_its_defaults() -> None:
    text = sample(controller.config.Config, "", {})
    assert controller.config.parse(text.encode(), "sample") == controller.config.Config()
    assert msgspec.convert(uncommented(text), controller.config.Config) == controller.config.Config()


def structs(config: type[msgspec.Struct]) -> list[type[msgspec.Struct]]:
    nested = [each.type.cls for each in msgspec.inspect.type_info(config).fields if hasattr(each.type, "cls")]  # type: ignore[attr-defined]
    return [config, *nested]


DOCUMENTED = [
    *structs(agent.config.Config),
    *structs(controller.config.Config),
    *(unit for units in agent.config.units().values() for unit in units.values()),
]


@pytest.mark.parametrize("struct", DOCUMENTED, ids=lambda struct: f"{struct.__module__}.{struct.__name__}")
def test_every_field_says_what_it_means(struct: type[msgspec.Struct]) -> None:
    tables = {each.encode_name for each in msgspec.inspect.type_info(struct).fields if _is_table(each.type)}  # type: ignore[attr-defined]
    assert [name for name in fields(struct) if name not in tables and not meaning(struct, name)] == []


def _is_table(kind: msgspec.inspect.Type) -> bool:
    return isinstance(kind, msgspec.inspect.StructType | msgspec.inspect.DictType)


def _empty(text: str, group: str) -> dict[str, dict[str, Any]]:
    return tomllib.loads(text).get(group, {})

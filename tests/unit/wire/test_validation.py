"""One wording for what is wrong with a value, whoever reads it."""

from typing import Annotated

import msgspec
import pytest

from wire.names import AbsolutePath, NodeName
from wire.validation import describe


class Inner(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    paths: list[AbsolutePath] = []


class Outer(msgspec.Struct, forbid_unknown_fields=True):
    node: NodeName
    count: Annotated[int, msgspec.Meta(ge=1)] = 1
    inner: Inner = Inner()
    labels: dict[NodeName, str] = {}


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({}, "node: missing; add it"),
        ({"node": "n1", "nodez": 1}, "nodez: no such field; remove it or correct its name"),
        ({"node": "n1", "inner": {"x": 1}}, "inner.x: no such field; remove it or correct its name"),
        ({"node": "n1", "count": 0}, "count: expected int >= 1; correct it"),
        ({"node": "n1", "inner": 3}, "inner: expected a table, got int; correct it"),
        ({"node": "n1", "inner": {"paths": ["/a", "b"]}}, "inner.paths[1]: expected an absolute path; correct it"),
        ({"node": "N 1"}, "node: expected a name of small letters, digits, dots and hyphens; correct it"),
        (
            {"node": "n1", "labels": {"A B": ""}},
            "a name in labels: expected a name of small letters, digits, dots and hyphens; correct it",
        ),
        ([], "expected a table, got array; correct it"),
    ],
)
def test_the_field_what_is_wrong_and_the_mend(value, told):
    with pytest.raises(msgspec.ValidationError) as raised:
        msgspec.convert(value, Outer)
    assert describe(raised.value) == told


def test_a_value_found_within_another_says_where():
    with pytest.raises(msgspec.ValidationError) as raised:
        msgspec.convert({"paths": 1}, Inner)
    assert describe(raised.value, "sensors.disk") == "sensors.disk.paths: expected array, got int; correct it"

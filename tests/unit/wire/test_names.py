import pytest

from wire.names import is_wildcard, join_host_port, split_host_port


@pytest.mark.parametrize(
    ("text", "parts"),
    [("c1:7400", ("c1", 7400)), ("10.0.0.1:0", ("10.0.0.1", 0)), ("[::1]:7401", ("::1", 7401))],
)
def test_host_and_port_come_apart_and_together(text: str, parts: tuple[str, int]) -> None:
    assert split_host_port(text) == parts
    assert join_host_port(*parts) == text


@pytest.mark.parametrize("text", ["", "c1", ":7400", "c1:", "c1:x", "c1:²", "::1:7400", "[]:7400"])
def test_what_is_not_host_and_port_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not HOST:PORT"):
        split_host_port(text)


@pytest.mark.parametrize(("host", "everywhere"), [("0.0.0.0", True), ("::", True), ("::1", False), ("c1", False)])
def test_a_wildcard_is_told_from_a_name(host: str, everywhere: bool) -> None:
    assert is_wildcard(host) is everywhere

"""What Prometheus reads, and what it asks for."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from agent.metrics.formats import END, Format, negotiate, render, takes_gzip
from agent.sensors import Family, Kind

PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
HEAT = Family("mainstay_heat_celsius", "How hot.", [({"gpu": "0"}, 41.0), ({"gpu": "1"}, 42.5)])
READS = Family("mainstay_reads", 'With \\ and "quotes"\nand a line.', [({}, 7.0)], Kind.COUNTER)
NAMES = st.from_regex(r"[a-z][a-z_]{0,7}", fullmatch=True)


def test_openmetrics_names_a_counter_without_its_suffix() -> None:
    assert render([HEAT, READS], Format.OPENMETRICS).decode() == (
        "# HELP mainstay_heat_celsius How hot.\n"
        "# TYPE mainstay_heat_celsius gauge\n"
        'mainstay_heat_celsius{gpu="0"} 41.0\n'
        'mainstay_heat_celsius{gpu="1"} 42.5\n'
        '# HELP mainstay_reads With \\\\ and \\"quotes\\"\\nand a line.\n'
        "# TYPE mainstay_reads counter\n"
        "mainstay_reads_total 7.0\n"
    )


def test_the_plain_text_names_it_with_the_suffix() -> None:
    text = render([READS], Format.TEXT).decode()
    assert "# TYPE mainstay_reads_total counter\nmainstay_reads_total 7.0\n" in text


@given(
    st.dictionaries(st.from_regex(r"[a-z][a-z_]{0,7}", fullmatch=True), st.text(max_size=20), max_size=3), st.floats()
)
def test_labels_and_values_come_back_as_they_were(labels: dict[str, str], value: float) -> None:
    family = Family("mainstay_some", "Something.", [(labels, value)])
    for format_, parse in ((Format.OPENMETRICS, parse_openmetrics), (Format.TEXT, parse_text)):
        whole = render([family], format_) + END[format_]
        [found] = parse(whole.decode())
        [sample] = found.samples
        assert sample.labels == labels
        assert sample.value == value or math.isnan(value)


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        (PROMETHEUS, Format.OPENMETRICS),
        ("application/openmetrics-text", Format.OPENMETRICS),
        ("text/plain, application/openmetrics-text;q=0.9", Format.TEXT),
        ("application/openmetrics-text;q=0, */*", Format.TEXT),
        ("text/html,*/*;q=0.8", Format.TEXT),
        ("application/json", Format.TEXT),
        ("", Format.TEXT),
        ("application/openmetrics-text;q=much", Format.TEXT),
    ],
)
def test_who_asks_gets_what_it_likes_best(accept: str, wanted: Format) -> None:
    assert negotiate(accept) is wanted


@pytest.mark.parametrize(
    ("accept", "takes"),
    [("gzip", True), ("deflate, gzip;q=0.5", True), ("*", True), ("gzip;q=0", False), ("br", False), ("", False)],
)
def test_who_takes_gzip(accept: str, takes: bool) -> None:
    assert takes_gzip(accept) is takes


@given(st.text())
def test_no_header_breaks_it(text: str) -> None:
    assert isinstance(negotiate(text), Format)
    assert takes_gzip(text) in (True, False)

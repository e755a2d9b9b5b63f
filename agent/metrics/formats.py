"""Families in the two text formats that Prometheus reads, and which of them a client asks for."""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from operator import itemgetter

from prometheus_client import exposition
from prometheus_client.core import Metric
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

from agent.sensors import Family, Kind


class Format(StrEnum):
    """Its content type."""

    OPENMETRICS = openmetrics.CONTENT_TYPE_LATEST
    TEXT = exposition.CONTENT_TYPE_PLAIN_0_0_4


END = {Format.OPENMETRICS: b"# EOF\n", Format.TEXT: b""}
MEDIA = {"application/openmetrics-text": Format.OPENMETRICS, "text/plain": Format.TEXT, "*/*": Format.TEXT}


class _Families(Collector):
    def __init__(self, families: Iterable[Family]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return map(_metric, self._families)


def render(families: Sequence[Family], format_: Format) -> bytes:
    """A part of a page; :data:`END` ends the whole. Raises ValueError for a name that is none."""
    if format_ is Format.TEXT:
        return exposition.generate_latest(_Families(families))
    whole: bytes = openmetrics.generate_latest(_Families(families))  # type: ignore[no-untyped-call]
    return whole.removesuffix(END[format_])


def negotiate(accept: str) -> Format:
    """What a header Accept likes best (RFC 9110, 12.5.1); the plain text for who asks for nothing that there is."""
    wishes = [_wish(part) for part in accept.split(",")]
    known = [(quality, MEDIA[kind]) for kind, quality in wishes if kind in MEDIA and quality > 0]
    return max(known, key=itemgetter(0))[1] if known else Format.TEXT  # of equals the first


def takes_gzip(accept_encoding: str) -> bool:
    return any(kind in ("gzip", "*") and quality > 0 for kind, quality in map(_wish, accept_encoding.split(",")))


def _wish(text: str) -> tuple[str, float]:
    """What, and how much it is liked, from 0 to 1."""
    kind, *parameters = (word.strip().lower() for word in text.split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return kind, float(value)
            except ValueError:
                return kind, 0.0
    return kind, 1.0


def _metric(family: Family) -> Metric:
    metric = Metric(family.name, family.help, family.kind)
    name = f"{family.name}_total" if family.kind is Kind.COUNTER else family.name
    for labels, value in family.samples:
        metric.add_sample(name, labels, value)
    return metric

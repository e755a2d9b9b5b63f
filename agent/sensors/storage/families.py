"""Storage services as samples of metrics. Each service has names of its own, as its exporters have."""

from collections.abc import Iterator, Mapping

from agent.sensors import Family
from agent.sensors.storage.reading import Reading, Server

FACTS: Mapping[str, tuple[str, str]] = {
    "read_only": ("read_only", "Whether it takes no writes."),
    "lag_s": ("replication_lag_seconds", "How far a replica is behind."),
    "replicating": ("replicating", "Whether a replica hears from its primary."),
    "connections": ("connections", "Connections in use."),
    "connections_most": ("connections_limit", "Connections that it takes at most."),
    "bytes_used": ("used_bytes", "Memory or capacity in use."),
    "bytes_most": ("limit_bytes", "Memory or capacity that it has."),
    "nodes_live": ("nodes_live", "DataNodes that report."),
    "nodes_dead": ("nodes_dead", "DataNodes that do not report."),
    "blocks_missing": ("blocks_missing", "Blocks without any copy."),
    "blocks_under_replicated": ("blocks_under_replicated", "Blocks with too few copies."),
    "safe_mode": ("safe_mode", "Whether the NameNode is in safe mode."),
}


def families(reading: Reading) -> Iterator[Family]:
    """At most fourteen a server."""
    if not reading.servers:
        return
    prefix = f"mainstay_{reading.servers[0].service}"
    asked = [server for server in reading.servers if not server.cause.ours]
    answering = [server for server in asked if not server.cause]
    if asked:
        up = [(_labels(server), float(not server.cause)) for server in asked]
        yield Family(f"{prefix}_up", "Whether it answered the probe.", up)
    if answering:
        seconds = [(_labels(server), server.seconds) for server in answering]
        yield Family(f"{prefix}_probe_seconds", "From the first packet to the last answer.", seconds)
    for fact, (name, help_) in FACTS.items():
        values = ((server, getattr(server.facts, fact)) for server in answering)
        if samples := [(_labels(server), float(value)) for server, value in values if value is not None]:
            yield Family(f"{prefix}_{name}", help_, samples)


def _labels(server: Server) -> dict[str, str]:
    return {"name": server.name}

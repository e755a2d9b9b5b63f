"""GPUs as samples of metrics: dcgm-exporter's labels, except that its modelName is model_name here, as Prometheus's
linter wants it."""

from collections.abc import Iterator, Mapping, Sequence

from agent.sensors import Family
from agent.sensors.nvidia import pci
from agent.sensors.nvidia.device import Device, Trouble

Table = Mapping[str, tuple[str, str, float]]


def families(gpus: Sequence[Device], table: Table) -> Iterator[Family]:
    """``table``: by fact, the metric's name, its help and the factor to its unit. What no GPU has is left out."""
    answering = [gpu for gpu in gpus if gpu.trouble is Trouble.NONE]
    for fact, (name, help_, factor) in table.items():
        values = ((gpu, getattr(gpu, fact)) for gpu in answering)
        samples = [(labels(gpu), float(value) * factor) for gpu, value in values if value is not None]
        if samples:
            yield Family(name, help_, samples)


def labels(gpu: Device) -> dict[str, str]:
    return {"gpu": str(gpu.index), "UUID": gpu.uuid, "pci_bus_id": pci.bus_id(gpu.pci), "model_name": gpu.model}

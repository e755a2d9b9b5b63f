"""Does the memory of a daemon grow? Pure.

Least squares over resident set sizes, every incarnation of a daemon with a level of its own and all of a role with one
slope; the warm-up of an incarnation, when caches fill and the allocator finds its size, doesn't count.
"""

from collections.abc import Sequence
from typing import NamedTuple

# Under constant faults a controller grows by some 2 MiB in its first ten minutes, while its view of ended parts, its
# database's cache and its statements fill, and stays there: docs/benchmarks.md has a run of forty minutes.
WARM_UP_S = {"controller": 600.0, "agent": 90.0}
PER_S = 600.0  # growth is told for ten minutes
FLAT_MIB = 1.0  # in PER_S
ENOUGH_S = 300.0  # after the warm-up, of one incarnation at least: memory comes in steps of some 0.3 MiB


class Sample(NamedTuple):
    age_s: float  # of the process
    rss_mib: float


def per_ten_minutes(incarnations: Sequence[Sequence[Sample]], warm_up_s: float) -> float | None:
    """MiB. None when none lived long enough."""
    warm = [[sample for sample in samples if sample.age_s >= warm_up_s] for samples in incarnations]
    lasting = [samples for samples in warm if samples and samples[-1].age_s - samples[0].age_s >= ENOUGH_S]
    if not lasting:
        return None
    together, spread = 0.0, 0.0
    for samples in lasting:
        age = sum(sample.age_s for sample in samples) / len(samples)
        rss = sum(sample.rss_mib for sample in samples) / len(samples)
        together += sum((sample.age_s - age) * (sample.rss_mib - rss) for sample in samples)
        spread += sum((sample.age_s - age) ** 2 for sample in samples)
    return together / spread * PER_S

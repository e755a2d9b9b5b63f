"""How long to wait before trying again."""

BASE_S = 0.1
CAP_S = 2.0


def delay(tries: int, chance: float, base_s: float = BASE_S, cap_s: float = CAP_S) -> float:
    """Exponential backoff with full jitter: seconds before the next try after ``tries`` in a row that failed.

    ``chance`` is uniform in [0, 1). After M. Brooker, "Exponential Backoff And Jitter",
    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/.
    """
    return float(chance * min(cap_s, base_s * 2.0 ** min(tries, 64)))

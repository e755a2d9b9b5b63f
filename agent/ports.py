"""Ports that were handed out lately."""

REST_S = 60.0


class PortBook:
    """Keeps a port from being handed out twice before whoever asked first has had the time to bind it."""

    def __init__(self) -> None:
        self._given: dict[int, float] = {}

    def claim(self, port: int, now: float) -> bool:
        """False when ``port`` was given less than REST_S ago. ``now``: seconds of CLOCK_BOOTTIME."""
        self._given = {old: at for old, at in self._given.items() if now - at < REST_S}
        if port in self._given:
            return False
        self._given[port] = now
        return True

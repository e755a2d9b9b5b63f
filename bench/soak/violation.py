"""A claim of the house that did not hold."""

import msgspec


class Violation(msgspec.Struct, frozen=True):
    claim: str
    told: str
    at: float | None = None  # seconds since 1970; None: seen at the end

    def __str__(self) -> str:
        return f"{self.claim}: {self.told}"

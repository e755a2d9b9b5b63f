"""The protocol's version. A peer of another minor version is served, of another major version refused.

Raise MINOR for a field with a default or a new message; raise MAJOR for anything an older peer would misread.
"""

import msgspec

MAJOR = 1
MINOR = 1


class Version(msgspec.Struct, frozen=True, array_like=True):
    major: int = MAJOR
    minor: int = MINOR

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


def compatible(peer: Version, own: Version | None = None) -> bool:
    return peer.major == (own or Version()).major

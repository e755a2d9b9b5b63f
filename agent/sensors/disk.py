"""Space and inodes of the file systems that are named; others are not touched, since a dead mount hangs who looks."""

import os

import msgspec

from wire.names import AbsolutePath


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``mounts`` are directories whose file systems are looked at."""

    mounts: tuple[AbsolutePath, ...] = ("/",)


class Mount(msgspec.Struct, frozen=True):
    """``free`` is what an ordinary user can have. A file system without a table of inodes has ``inodes`` 0."""

    path: str
    bytes: int
    bytes_free: int
    inodes: int
    inodes_free: int


class Reading(msgspec.Struct, frozen=True):
    mounts: list[Mount]


def read(options: Options) -> Reading:
    return Reading([_mount(path) for path in options.mounts])


def _mount(path: str) -> Mount:
    stat = os.statvfs(path)
    return Mount(path, stat.f_blocks * stat.f_frsize, stat.f_bavail * stat.f_frsize, stat.f_files, stat.f_favail)

"""The Unix user that workers run as."""

import os
import pwd

import msgspec


class Account(msgspec.Struct, frozen=True):
    name: str
    uid: int
    gid: int
    groups: list[int]
    home: str


def find(name: str) -> Account | None:
    """None when this node has no such user. May ask a directory service: call it where waiting does no harm."""
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    groups = os.getgrouplist(name, entry.pw_gid)
    return Account(name, entry.pw_uid, entry.pw_gid, groups, entry.pw_dir)

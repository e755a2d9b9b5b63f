"""The table of mounts (/proc/self/mountinfo), and which of them keep data or are reached over a network.

https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html
"""

import re

import msgspec

LOCAL = frozenset(
    [
        "bcachefs",
        "btrfs",
        "ext2",
        "ext3",
        "ext4",
        "f2fs",
        "jfs",
        "nilfs2",
        "ntfs3",
        "reiserfs",
        "ubifs",
        "vfat",
        "exfat",
        "xfs",
        "zfs",
    ]
)
REMOTE = frozenset(
    [
        "9p",
        "afs",
        "beegfs",
        "beegfs_nodev",
        "ceph",
        "cifs",
        "coda",
        "daos",
        "gfs2",
        "glusterfs",
        "gpfs",
        "lustre",
        "nfs",
        "nfs4",
        "ocfs2",
        "orangefs",
        "panfs",
        "pvfs2",
        "smb3",
        "smbfs",
        "virtiofs",
        "wekafs",
    ]
)
SCRATCH = frozenset({"/dev/shm", "/run", "/tmp", "/var/tmp"})  # noqa: S108 - a full one stops workers
EMERGENCY = frozenset({"emergency_ro", "shutdown"})
OCTAL = re.compile(r"\\([0-7]{3})")


class Entry(msgspec.Struct, frozen=True):
    """``options`` are the mount's, ``super_options`` its file system's: an error makes only the latter read-only."""

    path: str
    kind: str
    device: str
    number: str
    options: frozenset[str]
    super_options: frozenset[str]

    @property
    def remote(self) -> bool:
        """A server, or a daemon of this machine, answers for it: it may never do so."""
        return self.kind in REMOTE or self.kind in ("fuse", "fuseblk") or self.kind.startswith("fuse.")

    @property
    def keeps_data(self) -> bool:
        if self.kind == "overlay":
            return self.path == "/"
        return self.kind in LOCAL or self.remote or (self.kind == "tmpfs" and self.path in SCRATCH)

    @property
    def read_only(self) -> bool:
        """Nobody can write there: asked for, or after an error."""
        return "ro" in self.super_options or bool(EMERGENCY & self.super_options)


def parse(content: str) -> dict[str, Entry]:
    """By mount point; of several one over another the topmost."""
    entries = (_entry(line) for line in content.splitlines())
    return {entry.path: entry for entry in entries if entry is not None}


def fstab_writable(content: str) -> frozenset[str]:
    """Mount points that /etc/fstab has writable."""
    rows = (line.split() for line in content.splitlines() if not line.lstrip().startswith("#"))
    return frozenset(_plain(row[1]) for row in rows if len(row) > 3 and "ro" not in row[3].split(","))


def _entry(line: str) -> Entry | None:
    before, dash, after = line.partition(" - ")
    fields, rest = before.split(" "), after.split(" ")
    if not dash or len(fields) < 6 or len(rest) < 3:
        return None
    options, super_options = frozenset(fields[5].split(",")), frozenset(rest[2].split(","))
    return Entry(_plain(fields[4]), rest[0], _plain(rest[1]), fields[2], options, super_options)


def _plain(name: str) -> str:
    return OCTAL.sub(lambda match: chr(int(match[1], 8)), name)

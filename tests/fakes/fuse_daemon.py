"""A file system that answers, until it is stopped: ``python fuse_daemon.py MOUNTPOINT``, as root, with /dev/fuse.

It speaks as much of the kernel's FUSE protocol as a mount and statvfs(2) need (linux/fuse.h), and nothing else: a real
mount by a real daemon that a test can SIGSTOP. It says ``mounted`` when it is. After SIGUSR1 it says ``deaf``,
reads questions and answers none: who waits for it then is in state D, and can't be killed.
"""

import ctypes
import errno
import os
import signal
import struct
import sys

HEADER = struct.Struct("<IIQQIIII")  # length, opcode, unique, node, uid, gid, pid, padding
REPLY = struct.Struct("<IiQ")  # length, error, unique
GETATTR, STATFS, INIT, FORGET, INTERRUPT, DESTROY = 3, 17, 26, 2, 36, 38
BLOCKS, FREE, FILES, BLOCK_SIZE = 1000, 500, 100, 4096
DIRECTORY = 0o40755


deaf = False


def turn_deaf(_signal: int, _frame: object) -> None:
    global deaf
    deaf = True
    os.write(1, b"deaf\n")


def main(place: str) -> None:
    signal.signal(signal.SIGUSR1, turn_deaf)
    device = os.open("/dev/fuse", os.O_RDWR)
    mount(device, place)
    while True:
        try:
            request = os.read(device, 1 << 17)
        except OSError as error:
            if error.errno in (errno.EINTR, errno.ENOENT, errno.EAGAIN):
                continue
            return  # unmounted
        _, opcode, unique, *_ = HEADER.unpack_from(request)
        if opcode not in (FORGET, INTERRUPT) and not deaf:
            error_number, body = answer(opcode)
            os.write(device, REPLY.pack(REPLY.size + len(body), -error_number, unique) + body)
        if opcode == INIT:  # the kernel lets nobody ask before
            print("mounted", flush=True)


def mount(device: int, place: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other"
    if libc.mount(b"test", place.encode(), b"fuse.test", 0, options.encode()):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), place)


def answer(opcode: int) -> tuple[int, bytes]:
    if opcode == INIT:  # version 7.31, no feature, then limits
        return 0, struct.pack("<IIIIHHIIHHI28x", 7, 31, 0, 0, 0, 0, 1 << 16, 1, 0, 0, 0)
    if opcode == STATFS:
        return 0, struct.pack("<QQQQQIIII24x", BLOCKS, FREE, FREE, FILES, FILES // 2, BLOCK_SIZE, 255, BLOCK_SIZE, 0)
    if opcode == GETATTR:
        return 0, struct.pack("<QII", 0, 0, 0) + struct.pack("<QQQQQQIIIIIIIIII", 1, *(0,) * 8, DIRECTORY, 2, *(0,) * 5)
    return (0, b"") if opcode == DESTROY else (errno.ENOSYS, b"")


if __name__ == "__main__":
    main(sys.argv[1])

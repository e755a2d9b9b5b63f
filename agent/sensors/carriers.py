"""Which interfaces have an address."""

import ipaddress
import socket
from functools import cache


def carrying(address: str) -> set[str]:
    """The interfaces that have the IP address, or those of the host name; never loopback's, which need no link."""
    wanted = {text for text in _addresses(address) if not ipaddress.ip_address(text).is_loopback}
    if not wanted:
        return set()
    import psutil

    found = psutil.net_if_addrs()
    return {name for name, given in found.items() if any(each.address.partition("%")[0] in wanted for each in given)}


@cache
def _addresses(address: str) -> tuple[str, ...]:
    """Asked once: a name server that is gone must not take the links' reading with it."""
    if not address:
        return ()
    try:
        return (str(ipaddress.ip_address(address)),)
    except ValueError:
        pass
    try:
        found = socket.getaddrinfo(address, None, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError):
        return ()
    return tuple({str(each[4][0]).partition("%")[0] for each in found})

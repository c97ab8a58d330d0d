"""Which addresses the server may fetch from: the public ones, judged by our own table.

`ipaddress.is_global` is no guard: on Python 3.11 it lets multicast, IPv4-compatible, NAT64 and 6to4 forms of private
addresses through. Tables: IANA special-purpose registries for IPv4 and IPv6, read 2026-11-22.
"""

from __future__ import annotations

import re
import socket
import unicodedata
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

_NOT_PUBLIC_4 = tuple(
    ip_network(net)
    for net in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/4", "240.0.0.0/4",
    )
)  # fmt: skip
_UNICAST_6 = ip_network("2000::/3")
_NOT_PUBLIC_6 = tuple(ip_network(net) for net in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))
_NAT64 = ip_network("64:ff9b::/96")
_NUMBERS = re.compile(r"[0-9a-fx]+(\.[0-9a-fx]+){0,3}", re.ASCII)
_ENTRY = re.compile(r"(?:\[([0-9a-f:.]+)\]|([^\s:/@\[\]]+)):([0-9]{1,5})")

Allowed = frozenset[tuple[str, int]]


def is_public(address: str) -> bool:
    """Whether an IP address is globally routable unicast. IPv4 inside IPv6 (mapped, NAT64) counts as that IPv4."""
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is None and found not in _NAT64:
            return found in _UNICAST_6 and not any(found in net for net in _NOT_PUBLIC_6)
        found = IPv4Address(int(found) & 0xFFFFFFFF)
    return not any(found in net for net in _NOT_PUBLIC_4)


def literal(host: str) -> str | None:
    """The IP address that a host name spells out, in any notation that resolvers take (decimal, hex, octal, short,
    full-width); None for a real name."""
    host = unicodedata.normalize("NFKC", host).replace("。", ".").strip("[]").rstrip(".").lower()
    try:
        return str(ip_address(host.partition("%")[0]))
    except ValueError:
        pass
    if not _NUMBERS.fullmatch(host) or not host[:1].isdigit():
        return None
    try:
        return str(IPv4Address(socket.inet_aton(host)))
    except (OSError, ValueError):
        return None


def allowed(setting: str) -> Allowed:
    """`AMPOST_MEDIA_ALLOW`, a comma-separated `host:port` list. Raises ValueError for an entry that is none."""
    return frozenset(_host_and_port(entry.strip()) for entry in setting.split(",") if entry.strip())


def _host_and_port(entry: str) -> tuple[str, int]:
    found = _ENTRY.fullmatch(entry.lower())
    if found is None or not 0 < int(found[3]) < 65536:
        raise ValueError(f"{entry!r} is not host:port, such as media.example.com:8080 or [fd00::1]:8080")
    return found[1] or found[2], int(found[3])


def names_private_address(url: str, allow: Allowed) -> bool:
    """Whether a URL's host is a literal address that is not public, and not allowed all the same."""
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return False
    host = (parts.hostname or "").lower()
    address = literal(host)
    return address is not None and (host, port) not in allow and not is_public(address)

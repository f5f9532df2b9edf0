"""IP addresses, networks and URLs, as texts, with the functions of an API server.

Every function raises ValueError for a text that it does not accept.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Final
from urllib.parse import parse_qs, quote, urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def parsed(text: str) -> Address:
    """The address in a text. Zones and IPv4 addresses written as IPv6 are not accepted."""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        raise ValueError(f"`{text}` is not an IP address") from None
    if isinstance(found, ipaddress.IPv6Address) and (found.scope_id or found.ipv4_mapped):
        raise ValueError(f"`{text}` has a zone, or is an IPv4 address written as IPv6, which is not allowed")
    return found


def address(text: str) -> str:
    """The canonical text of an address."""
    return str(parsed(text))


def network(text: str) -> str:
    """The canonical text of a network; the bits after its prefix may be set."""
    start, slash, bits = text.partition("/")
    wrong = f"`{text}` is not a network, such as 10.0.0.0/8"
    try:
        found = parsed(start)
    except ValueError:
        raise ValueError(wrong) from None
    if not slash or not re.fullmatch(r"0|[1-9]\d{0,2}", bits) or int(bits) > found.max_prefixlen:
        raise ValueError(wrong)
    return f"{found}/{bits}"


def _masked(text: str) -> Network:
    return ipaddress.ip_network(network(text), strict=False)


def masked(text: str) -> str:
    """The network without the bits after its prefix."""
    return str(_masked(text))


def contains_ip(outer: str, text: str) -> bool:
    """True if a network contains an address."""
    return parsed(text) in _masked(outer)


def contains_network(outer: str, text: str) -> bool:
    """True if a network contains another one."""
    one, other = _masked(outer), _masked(text)
    return one.version == other.version and other.subnet_of(one)  # type: ignore[arg-type]


def is_unicast(text: str) -> bool:
    """True if an address may identify one machine anywhere. Addresses of private networks count too, as in Go."""
    found = parsed(text)
    special = found.is_unspecified or found.is_loopback or found.is_multicast or found.is_link_local
    return not special and str(found) != "255.255.255.255"


_LOCAL_MULTICAST: Final = ipaddress.ip_network("224.0.0.0/24")


def is_local_multicast(text: str) -> bool:
    """True if an address identifies a group of machines on one link."""
    found = parsed(text)
    if isinstance(found, ipaddress.IPv4Address):
        return found in _LOCAL_MULTICAST
    return found.packed[0] == 0xFF and found.packed[1] & 0x0F == 0x02  # the flags before the scope may be set


def url(text: str) -> str:
    """A URL as written; it must have a scheme, or be an absolute path."""
    parts = urlsplit(text)
    if re.search(r"[\x00-\x1f\x7f]", text) or not (parts.scheme or text.startswith("/")):
        raise ValueError(f"`{text}` is not a URL: it needs a scheme, or starts with /")
    if not re.fullmatch(r"(\[[^\]]*\]|[^:\s]*)(:\d*)?", host_of(text)):
        raise ValueError(f"the host of `{text}` is not valid")
    if re.search("%(?![0-9A-Fa-f]{2})", parts.path):
        raise ValueError(f"the path of `{text}` has a `%` that escapes nothing")
    return text


def host_of(text: str) -> str:
    """The host of a URL with its port: `[::1]:80`."""
    return urlsplit(text).netloc.rpartition("@")[2]


def hostname_of(text: str) -> str:
    """The host of a URL without port and brackets: `::1`."""
    return re.sub(r":\d*\Z", "", host_of(text)).strip("[]")


def port_of(text: str) -> str:
    """The port of a URL, empty where it names none."""
    found = re.search(r":(\d*)\Z", host_of(text))
    return found[1] if found else ""


def path_of(text: str) -> str:
    """The path of a URL, escaped."""
    return quote(urlsplit(text).path, safe="/%:@!$&'()*+,;=-._~")


def query_of(text: str) -> dict[str, list[str]]:
    """The query of a URL: each key with all its values."""
    return parse_qs(urlsplit(text).query, keep_blank_values=True)

"""What the conditions of a rule may say.

Whatever could never match, or could match more than meets the eye, is refused when the rule is
made.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeVar

from cryptography import x509

from leaddicom.access.toml_file import key_text
from leaddicom.errors import ParameterError
from leaddicom.values import is_ae_title

__all__ = [
    "SettingError",
    "checked_addresses",
    "checked_dns_name",
    "checked_fingerprint",
    "checked_flag",
    "checked_label",
    "checked_name",
    "checked_titles",
    "checked_uri",
    "distinguished_name",
    "is_in",
    "significant",
]

_Network = IPv4Network | IPv6Network
_Item = TypeVar("_Item")

# Letters, digits and hyphens (RFC 1034 section 3.5), and the underscore that many host names
# have.  The last label is not a number (RFC 3696 section 2), so that no address is taken.
_DNS_NAME = re.compile(
    r"(?=.{1,253}$)(\*\.)?([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*"
    r"(?![0-9]+$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?",
    re.IGNORECASE | re.ASCII,
)

# RFC 3986 appendix A: a scheme, and the characters that may follow.
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+")

_FINGERPRINT = re.compile(r"[0-9a-f]{64}")

_MAPPED = IPv6Network("::ffff:0:0/96")


class SettingError(ParameterError):
    """Part of a policy cannot be.

    Parameters
    ----------
    where : str
        The object it is part of.
    keys : tuple of str
        The way to it in a policy's file.
    flaw : str
        What is wrong and what to do, as the rest of a sentence that begins with the key.
    """

    def __init__(self, where: str, keys: tuple[str, ...], flaw: str) -> None:
        super().__init__(f"{where}: {key_text(keys[-1])} {flaw}")
        self.where, self.keys, self.flaw = where, keys, flaw

    def __reduce__(self) -> tuple[type[SettingError], tuple[str, tuple[str, ...], str]]:  # type: ignore[override]
        return type(self), (self.where, self.keys, self.flaw)


def _checked_text(value: object) -> str:
    if not isinstance(value, str):
        raise ParameterError(f"is {value!r}, which is no text. Write one text, in quotes.")
    return value


def _checked_list(value: object, check: Callable[[str], _Item], example: str) -> tuple[_Item, ...]:
    """Give the items; a text is no list of characters, and an empty list would allow nothing."""
    if isinstance(value, str) or not isinstance(value, (list, tuple)):
        raise ParameterError(f"is {value!r}, which is no list. Write it as [{example}].")
    if not value:
        raise ParameterError(
            f"is empty, so that nothing could fit. Write it as [{example}], or leave it out."
        )
    items: list[_Item] = []
    for each in value:
        if not isinstance(each, str):
            raise ParameterError(f"has {each!r}, which is no text. Write it as [{example}].")
        item = check(each)
        if item in items:
            raise ParameterError(f"has {each!r} twice. Remove one of them.")
        items.append(item)
    return tuple(items)


def checked_label(value: object) -> str:
    """Check the name of a rule: it stands in log lines."""
    if not isinstance(value, str) or not value.isprintable() or not 1 <= len(value) <= 64:
        raise ParameterError("cannot be the name of a rule. Take 1 to 64 printable characters.")
    return value


def checked_flag(value: object) -> bool:
    """Check a condition that is stated or not."""
    if not isinstance(value, bool):
        raise ParameterError(f"is {value!r}. Write true or false.")
    return value


# -- AE titles ---------------------------------------------------------------------------------


def significant(title: str) -> str:
    """Return an AE title without the spaces that do not count (PS3.5 section 6.2)."""
    return title.strip(" ")


def checked_titles(value: object) -> tuple[str, ...]:
    """Check a list of AE titles; gives them without insignificant spaces."""
    return _checked_list(value, _checked_title, '"TITLE"')


def _checked_title(text: str) -> str:
    title = significant(text)
    if not is_ae_title(title):
        raise ParameterError(
            f"has {text!r}, which is no AE title. Use 1 to 16 printable ASCII characters without "
            "backslash, not only spaces."
        )
    return title


# -- addresses ---------------------------------------------------------------------------------


def checked_addresses(value: object) -> tuple[str, ...]:
    """Check a list of addresses and networks; gives all of them as networks in CIDR form."""
    return tuple(map(str, _checked_list(value, _checked_network, '"10.1.0.0/16", "10.2.0.7"')))


def _checked_network(text: str) -> _Network:
    address, slash, length = text.partition("/")
    try:
        # A net mask is ambiguous (0.0.0.255), and an interface (%eth0) is nobody else's.
        if "%" in text or (slash and re.fullmatch("[0-9]{1,3}", length) is None):
            raise ValueError(text)
        network = ip_network(text, strict=False)
    except ValueError:
        raise ParameterError(
            f"has {text!r}, which is neither an IP address nor a network. Write a network as "
            "10.1.0.0/16 or 2001:db8::/32, and a host as 10.1.2.3 or 2001:db8::1."
        ) from None
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        plain = ip_address(int(network.network_address) & 0xFFFFFFFF)
        raise ParameterError(
            f"has {text!r}, but a peer with an IPv4 address is known by that. Write "
            f"{plain}/{network.prefixlen - 96}."
        )
    if ip_address(address) != network.network_address:
        raise ParameterError(
            f"has {text!r}, which has bits beyond the network's {network.prefixlen}. Write "
            f"{network} for the network, or {address} for one host."
        )
    return network


@lru_cache(maxsize=1024)
def _network(text: str) -> _Network:
    return ip_network(text)


def is_in(address: str, networks: Iterable[str]) -> bool:
    """Tell whether a peer's address lies in one of some networks that were checked.

    An IPv4 address in the guise of an IPv6 one (RFC 4291 section 2.5.5.2) counts as IPv4.
    """
    try:
        found = ip_address(address)
    except ValueError:
        return False
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = IPv4Address(found.ipv4_mapped)
    return any(found in _network(each) for each in networks)


# -- certificates ------------------------------------------------------------------------------


def checked_dns_name(value: object) -> str:
    """Check a DNS name; gives it in lower case."""
    text = _checked_text(value)
    if _DNS_NAME.fullmatch(text) is None:
        raise ParameterError(
            f"is {text!r}, which is no DNS name. Write it as the certificate does, for example "
            "ct1.hospital.example, in ASCII (xn--...) and without a dot at the end; an IP address "
            "belongs to addresses."
        )
    return text.lower()


def checked_uri(value: object) -> str:
    """Check a URI."""
    text = _checked_text(value)
    if _URI.fullmatch(text) is None:
        raise ParameterError(
            f"is {text!r}, which is no URI. Write it as the certificate does, for example "
            "urn:oid:1.2.3 or https://ct1.hospital.example/."
        )
    return text


@lru_cache(maxsize=1024)
def distinguished_name(text: str) -> x509.Name:
    """Parse a distinguished name; raises ValueError."""
    return x509.Name.from_rfc4514_string(text)


def checked_name(value: object) -> str:
    """Check a distinguished name.

    There is one way to write it, that of log lines and of `PeerIdentity`, because parsers are
    lenient about others.
    """
    text = _checked_text(value)
    try:
        written = distinguished_name(text).rfc4514_string() if text.isprintable() else ""
    except ValueError:
        written = ""
    if not written or written != text:
        remedy = f"Write {written!r}." if written else "Copy it from the log line of a refusal."
        raise ParameterError(
            f"is {text!r}, which is no distinguished name as RFC 4514 writes it, for example "
            f"'CN=ct1,O=Hospital'. {remedy}"
        )
    return text


def checked_fingerprint(value: object) -> str:
    """Check a SHA-256 fingerprint, with or without colons; gives it in lower case without."""
    text = _checked_text(value)
    pairs = text.split(":")
    digits = "".join(pairs).lower()
    if _FINGERPRINT.fullmatch(digits) is None or (
        len(pairs) > 1 and any(len(pair) != 2 for pair in pairs)
    ):
        raise ParameterError(
            f"is {text!r}, which is no SHA-256 fingerprint: that has 64 hexadecimal digits, or 32 "
            "pairs of them with colons between. Write the output of "
            "openssl x509 -noout -fingerprint -sha256."
        )
    return digits

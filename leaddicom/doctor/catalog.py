"""The numbers that a peer is asked for: versions, cipher suites and groups, with their names."""

from __future__ import annotations

from enum import Enum
from types import MappingProxyType

from leaddicom.tls.profiles import PROFILES, Profile
from leaddicom.tls.suites import SUITES, Ciphersuite, suite

__all__ = [
    "B12",
    "B13",
    "GROUPS",
    "LIVE_TLS12",
    "LIVE_TLS13",
    "SUITE_NAMES",
    "TLS10",
    "TLS11",
    "TLS12",
    "TLS13",
    "VERSION_NAMES",
    "SuiteKind",
    "codes",
    "group_name",
    "suite_name",
    "version_name",
]

TLS10, TLS11, TLS12, TLS13 = 0x0301, 0x0302, 0x0303, 0x0304

VERSION_NAMES: MappingProxyType[int, str] = MappingProxyType(
    {TLS10: "TLS 1.0", TLS11: "TLS 1.1", TLS12: "TLS 1.2", TLS13: "TLS 1.3"}
)


def _live(section: str) -> Profile:
    return next(each for each in PROFILES.values() if each.section == f"PS3.15 {section}")


#: The two live profiles of PS3.15 Annex B.
B12, B13 = _live("B.12"), _live("B.13")


def codes(suites: tuple[Ciphersuite, ...]) -> tuple[int, ...]:
    """Give the numbers that suites have on the wire."""
    return tuple(suite(each).iana_code for each in suites)


#: The suites of B.13, which has all of B.12's.
LIVE_TLS12, LIVE_TLS13 = codes(B13.suites_tls12), codes(B13.suites_tls13)


class SuiteKind(Enum):
    """Suites of TLS 1.2 and older that no live profile recommends, by what is wrong with them.

    The numbers are IANA's.
    """

    DHE = (
        "finite field Diffie-Hellman (DHE)",
        (
            (0x009E, "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256"),
            (0x009F, "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384"),
            (0xCCAA, "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256"),
        ),
    )
    CBC = (
        "CBC mode",
        (
            (0xC024, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384"),
            (0xC028, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384"),
            (0xC023, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256"),
            (0xC027, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256"),
            (0xC00A, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA"),
            (0xC014, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA"),
            (0xC009, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"),
            (0xC013, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"),
            (0x006B, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256"),
            (0x0067, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA256"),
            (0x0039, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA"),
            (0x0033, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA"),
        ),
    )
    STATIC_RSA = (
        "key exchange without forward secrecy",
        (
            (0x009D, "TLS_RSA_WITH_AES_256_GCM_SHA384"),
            (0x009C, "TLS_RSA_WITH_AES_128_GCM_SHA256"),
            (0x003D, "TLS_RSA_WITH_AES_256_CBC_SHA256"),
            (0x003C, "TLS_RSA_WITH_AES_128_CBC_SHA256"),
            (0x0035, "TLS_RSA_WITH_AES_256_CBC_SHA"),
            (0x002F, "TLS_RSA_WITH_AES_128_CBC_SHA"),
        ),
    )
    BROKEN = (
        "broken or no encryption (3DES, DES, RC4, NULL)",
        (
            (0xC012, "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA"),
            (0x0016, "TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA"),
            (0x000A, "TLS_RSA_WITH_3DES_EDE_CBC_SHA"),
            (0x0015, "TLS_DHE_RSA_WITH_DES_CBC_SHA"),
            (0x0009, "TLS_RSA_WITH_DES_CBC_SHA"),
            (0xC011, "TLS_ECDHE_RSA_WITH_RC4_128_SHA"),
            (0x0005, "TLS_RSA_WITH_RC4_128_SHA"),
            (0x0004, "TLS_RSA_WITH_RC4_128_MD5"),
            (0xC006, "TLS_ECDHE_ECDSA_WITH_NULL_SHA"),
            (0xC010, "TLS_ECDHE_RSA_WITH_NULL_SHA"),
            (0x003B, "TLS_RSA_WITH_NULL_SHA256"),
            (0x0002, "TLS_RSA_WITH_NULL_SHA"),
            (0x0001, "TLS_RSA_WITH_NULL_MD5"),
        ),
    )

    @property
    def what(self) -> str:
        """What is wrong with them."""
        what: str = self.value[0]
        return what

    @property
    def codes(self) -> tuple[int, ...]:
        """Their numbers."""
        return tuple(code for code, _ in self.value[1])


#: Names of suites in the IANA registry.
SUITE_NAMES: MappingProxyType[int, str] = MappingProxyType(
    {each.iana_code: each.iana_name for each in SUITES.values()}
    | {code: name for kind in SuiteKind for code, name in kind.value[1]}
)

#: Names of groups in the IANA registry, those of old peers last.
GROUPS: MappingProxyType[int, str] = MappingProxyType(
    {
        0x11EC: "X25519MLKEM768",
        0x001D: "X25519",
        0x0017: "P-256",
        0x0018: "P-384",
        0x0019: "P-521",
        0x001E: "X448",
        0x0100: "ffdhe2048",
        0x0101: "ffdhe3072",
    }
)


def suite_name(code: int) -> str:
    """Give the name of a suite; its number if it has none here."""
    return SUITE_NAMES.get(code, f"suite {code:04X}")


def group_name(code: int) -> str:
    """Give the name of a group; its number if it has none here."""
    return GROUPS.get(code, f"group {code:04X}")


def version_name(code: int) -> str:
    """Give the name of a version; its number if it has none here."""
    return VERSION_NAMES.get(code, f"version {code:04X}")

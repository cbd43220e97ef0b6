"""The TLS profiles of PS3.15 Annex B in one table: the two live ones, and old ones by choice."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from OpenSSL import SSL

from leaddicom.errors import ParameterError
from leaddicom.tls.suites import CipherSuite, Ciphersuite, suite, unsupported_reason

__all__ = [
    "DEFAULT_PROFILE",
    "PROFILES",
    "Profile",
    "profile",
    "weak_key",
    "weak_signature",
    "weakness",
]


@dataclass(frozen=True, slots=True)
class Profile:
    """A TLS Secure Transport Connection Profile (PS3.15 Annex B).

    Attributes
    ----------
    name : str
        The profile's name as in the title of its section.
    short_name : str
        The name by which DCMTK's options call it.
    section : str
        Where it is, or was, defined.
    minimum_version : int
        Lowest TLS version, as pyOpenSSL's ``TLS..._VERSION``.
    suites_tls12, suites_tls13 : tuple of Ciphersuite
        Allowed suites of TLS 1.2 and older, and of TLS 1.3, in order of preference, whether the
        linked OpenSSL has them or not.
    weakness : str or None
        Why it is retired; `None` for a live one.
    security_level : int
        OpenSSL's security level.  Below 2 it bounds neither certificates nor signatures, and our
        own checks do.
    minimum_rsa_bits, minimum_ec_bits : int
        Smallest keys of the certificates of both sides.
    forbidden_hashes : frozenset of str
        Hashes with which certificates must not be signed.
    needs_both_kinds : bool
        Whether a server must have an RSA and an EC certificate to serve all of its suites.
    needs_extended_master_secret : bool
        Whether TLS 1.2 is refused without extended_master_secret (RFC 7627).
    """

    name: str
    short_name: str
    section: str
    minimum_version: int
    suites_tls12: tuple[Ciphersuite, ...]
    suites_tls13: tuple[Ciphersuite, ...]
    weakness: str | None = None
    security_level: int = 2
    minimum_rsa_bits: int = 2048
    minimum_ec_bits: int = 256
    forbidden_hashes: frozenset[str] = frozenset({"md5", "sha1"})
    needs_both_kinds: bool = False
    needs_extended_master_secret: bool = False

    @property
    def is_retired(self) -> bool:
        """Whether it is for old peers only."""
        return self.weakness is not None

    @property
    def suites(self) -> tuple[CipherSuite, ...]:
        """What the linked OpenSSL has of its suites, those of TLS 1.3 first."""
        wanted = (suite(each) for each in (*self.suites_tls13, *self.suites_tls12))
        return tuple(each for each in wanted if unsupported_reason(each) is None)


#: Name of the profile that is used when none is named.
DEFAULT_PROFILE = "BCP 195 RFC 8996, 9325"

_C = Ciphersuite

# The four suites that RFC 9325 section 4.2 recommends, the one that section 4.2.1 wants proposed
# first in front.  CHACHA20 stands last, for peers without AES in hardware.
_RFC_9325 = (
    _C.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    _C.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    _C.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    _C.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    _C.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    _C.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
)
_TLS13 = (
    _C.TLS_AES_128_GCM_SHA256,
    _C.TLS_AES_256_GCM_SHA384,
    _C.TLS_CHACHA20_POLY1305_SHA256,
)
# CCM_8 has the shortest authentication tag, so nothing is behind it.
_CCM = (
    _C.TLS_ECDHE_ECDSA_WITH_AES_256_CCM,
    _C.TLS_ECDHE_ECDSA_WITH_AES_128_CCM,
    _C.TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8,
    _C.TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8,
)
_TLS13_CCM = (_C.TLS_AES_128_CCM_SHA256, _C.TLS_AES_128_CCM_8_SHA256)
# What RFC 7525 section 4.2 recommended, and B.10 and B.11 required.
_RFC_7525 = (
    _C.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    _C.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    _C.TLS_DHE_RSA_WITH_AES_128_GCM_SHA256,
    _C.TLS_DHE_RSA_WITH_AES_256_GCM_SHA384,
)
# All that TLS 1.0 and 1.1 can do, which have no AEAD.
_CBC = (
    _C.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA,
    _C.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA,
    _C.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,
    _C.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA,
    _C.TLS_RSA_WITH_AES_128_CBC_SHA,
)

_LIVE = (
    # B.12 leaves the suites to RFC 9325.
    Profile(
        name=DEFAULT_PROFILE,
        short_name="8996",
        section="PS3.15 B.12",
        minimum_version=SSL.TLS1_2_VERSION,
        suites_tls12=_RFC_9325,
        suites_tls13=_TLS13,
        needs_extended_master_secret=True,
    ),
    # Its CCM_8 suites exist at OpenSSL's level 0 only.
    Profile(
        name="Modified BCP 195 RFC 8996, 9325",
        short_name="8996-mod",
        section="PS3.15 B.13",
        minimum_version=SSL.TLS1_2_VERSION,
        suites_tls12=_RFC_9325 + _CCM,
        suites_tls13=_TLS13 + _TLS13_CCM,
        security_level=0,
        needs_both_kinds=True,
        needs_extended_master_secret=True,
    ),
)
_RETIRED = (
    # TLS 1.0 and 1.1 exist at OpenSSL's level 0 only.  At that level nothing bounds the group
    # that a server chooses for DHE, so that DHE is left out; RFC 7525 does not require it.
    Profile(
        name="BCP 195",
        short_name="bcp195",
        section="PS3.15 B.9",
        minimum_version=SSL.TLS1_VERSION,
        suites_tls12=_RFC_9325 + _CBC,
        suites_tls13=_TLS13,
        weakness="it goes down to TLS 1.0 and 1.1, to CBC suites and to key exchange without "
        "forward secrecy (RFC 8996, RFC 9325 section 4.1)",
        security_level=0,
    ),
    Profile(
        name="Non-downgrading BCP 195",
        short_name="bcp195-nd",
        section="PS3.15 B.10",
        minimum_version=SSL.TLS1_2_VERSION,
        suites_tls12=_RFC_9325 + _RFC_7525[2:],
        suites_tls13=_TLS13,
        weakness="it allows DHE, whose groups are not negotiated in TLS 1.2 (RFC 9325 section "
        "4.1), and TLS 1.2 without extended_master_secret (section 3.5)",
    ),
    # No other suites than these, so no TLS 1.3.
    Profile(
        name="Extended BCP 195",
        short_name="bcp195-ex",
        section="PS3.15 B.11",
        minimum_version=SSL.TLS1_2_VERSION,
        suites_tls12=(
            *_RFC_7525[:2],
            _C.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
            _C.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
            *_RFC_7525[2:],
            _C.TLS_ECDHE_ECDSA_WITH_CAMELLIA_128_GCM_SHA256,
            _C.TLS_ECDHE_ECDSA_WITH_CAMELLIA_256_GCM_SHA384,
            _C.TLS_ECDHE_RSA_WITH_CAMELLIA_128_GCM_SHA256,
            _C.TLS_ECDHE_RSA_WITH_CAMELLIA_256_GCM_SHA384,
            _C.TLS_DHE_RSA_WITH_CAMELLIA_128_GCM_SHA256,
            _C.TLS_DHE_RSA_WITH_CAMELLIA_256_GCM_SHA384,
        ),
        suites_tls13=(),
        weakness="it has no TLS 1.3, and allows DHE, whose groups are not negotiated in TLS 1.2 "
        "(RFC 9325 sections 3.1 and 4.1)",
    ),
    # Its certificates are as old as its peers.
    Profile(
        name="AES",
        short_name="aes",
        section="PS3.15 B.3",
        minimum_version=SSL.TLS1_VERSION,
        suites_tls12=(_C.TLS_RSA_WITH_AES_128_CBC_SHA, _C.TLS_RSA_WITH_3DES_EDE_CBC_SHA),
        suites_tls13=(),
        weakness="it has TLS 1.0 and 1.1, a CBC suite with SHA-1, no forward secrecy, and "
        "certificates with RSA from 1024 bits or SHA-1 (RFC 8996, RFC 9325 section 4.1)",
        security_level=0,
        minimum_rsa_bits=1024,
        forbidden_hashes=frozenset({"md5"}),
    ),
)

#: The profiles that are served, by name.
PROFILES: MappingProxyType[str, Profile] = MappingProxyType(
    {each.name: each for each in (*_LIVE, *_RETIRED)}
)

_REFUSED = {
    "basic": "PS3.15 B.1 is retired, and 3DES, its only cipher, is broken (RFC 9325 section 4.1)",
    "iscl": "PS3.15 B.2 is retired; ISCL knows only DES and MD5, which protect nothing any more",
    "null": "it authenticates without encrypting, which RFC 9325 section 4.1 forbids",
}

_TITLE = " tls secure transport connection profile"


def _key(name: str) -> str:
    """Reduce a name, a title or one of DCMTK's options to what is compared."""
    return name.casefold().strip().removesuffix(_TITLE).removeprefix("--profile-")


_BY_KEY = {_key(name): each for each in PROFILES.values() for name in (each.name, each.short_name)}


def profile(name: str) -> Profile:
    """Return the profile called `name`.

    Parameters
    ----------
    name : str
        Its name, the title of its section, or the name of DCMTK's option for it ("bcp195-nd"),
        in whatever case.

    Raises
    ------
    ParameterError
        If it is not served; the message names those that are, and why a known one is not.
    """
    found = _BY_KEY.get(_key(name))
    if found is not None:
        return found
    known = "; ".join(f"{each!r}" for each in PROFILES)
    reason = _REFUSED.get(_key(name))
    if reason is not None:
        raise ParameterError(f"The TLS profile {name!r} is not served: {reason}. Served: {known}.")
    raise ParameterError(f"{name!r} is no TLS profile; known are: {known}.")


def weakness(certificate: x509.Certificate, profile: Profile) -> str | None:
    """Return why `certificate` is too weak for `profile`, or `None`."""
    return weak_key(certificate, profile) or weak_signature(certificate, profile)


def weak_key(certificate: x509.Certificate, profile: Profile) -> str | None:
    """Return why the key of `certificate` is too weak for `profile`, or `None`."""
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        return f"its key is of a kind that is not supported ({error})"
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < profile.minimum_rsa_bits:
            return f"its RSA key has {key.key_size} bits, fewer than {profile.minimum_rsa_bits}"
    elif isinstance(key, ec.EllipticCurvePublicKey):
        if key.key_size < profile.minimum_ec_bits:
            return f"its EC key has {key.key_size} bits, fewer than {profile.minimum_ec_bits}"
    elif not isinstance(key, (ed25519.Ed25519PublicKey, ed448.Ed448PublicKey)):
        return "its key is neither RSA nor EC nor EdDSA"
    return None


def weak_signature(certificate: x509.Certificate, profile: Profile) -> str | None:
    """Return why the signature of `certificate` is too weak for `profile`, or `None`.

    That of a self-signed one is not judged: nobody relies on it.
    """
    try:
        algorithm = certificate.signature_hash_algorithm
    except (ValueError, UnsupportedAlgorithm) as error:
        return f"its signature is of a kind that is not supported ({error})"
    if algorithm is None or algorithm.name not in profile.forbidden_hashes:
        return None
    if _is_self_signed(certificate):
        return None
    return f"it is signed with {algorithm.name.upper()}"


def _is_self_signed(certificate: x509.Certificate) -> bool:
    """Tell it by the signature: equal names are what a CA's new key has under its old one, too."""
    try:
        certificate.verify_directly_issued_by(certificate)
    except Exception:  # noqa: BLE001 - of many kinds, each of which is a no
        return False
    return True

"""The TLS profiles of PS3.15 Annex B that are served."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from OpenSSL import SSL

from leaddicom.errors import ParameterError
from leaddicom.tls.suites import Ciphersuite

__all__ = ["DEFAULT_PROFILE", "PROFILES", "Profile", "profile", "weakness"]


@dataclass(frozen=True, slots=True)
class Profile:
    """A TLS Secure Transport Connection Profile (PS3.15 Annex B).

    Attributes
    ----------
    name : str
        The profile's name as in the title of its section.
    section : str
        Where it is defined.
    minimum_version : int
        Lowest TLS version, as pyOpenSSL's ``TLS..._VERSION``.
    suites_tls12, suites_tls13 : tuple of Ciphersuite
        Allowed suites in order of preference.
    security_level : int
        OpenSSL's security level, which also bounds what the peer's certificates may be.
    minimum_rsa_bits, minimum_ec_bits : int
        Smallest keys of own certificates.
    forbidden_hashes : frozenset of str
        Signature hashes that own certificates must not have.
    """

    name: str
    section: str
    minimum_version: int
    suites_tls12: tuple[Ciphersuite, ...]
    suites_tls13: tuple[Ciphersuite, ...]
    security_level: int = 2
    minimum_rsa_bits: int = 2048
    minimum_ec_bits: int = 256
    forbidden_hashes: frozenset[str] = frozenset({"md5", "sha1"})


#: Name of the profile that is used when none is named.
DEFAULT_PROFILE = "BCP 195 RFC 8996, 9325"

# B.12 leaves the suites to RFC 9325: the four that section 4.2 recommends, the one that section
# 4.2.1 wants proposed first in front.  CHACHA20 stands last, for peers without AES in hardware.
_BCP_195 = Profile(
    name=DEFAULT_PROFILE,
    section="PS3.15 B.12",
    minimum_version=SSL.TLS1_2_VERSION,
    suites_tls12=(
        Ciphersuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        Ciphersuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        Ciphersuite.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        Ciphersuite.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        Ciphersuite.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        Ciphersuite.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
    suites_tls13=(
        Ciphersuite.TLS_AES_128_GCM_SHA256,
        Ciphersuite.TLS_AES_256_GCM_SHA384,
        Ciphersuite.TLS_CHACHA20_POLY1305_SHA256,
    ),
)

#: The profiles that are served, by name.
PROFILES: MappingProxyType[str, Profile] = MappingProxyType(
    {each.name: each for each in (_BCP_195,)}
)


def profile(name: str) -> Profile:
    """Return the profile called `name`.

    Raises
    ------
    ParameterError
        If it is not served; the message names those that are.
    """
    found = PROFILES.get(name)
    if found is None:
        known = ", ".join(repr(each) for each in PROFILES)
        raise ParameterError(f"{name!r} is no TLS profile; known are: {known}.")
    return found


def weakness(certificate: x509.Certificate, profile: Profile) -> str | None:
    """Return why `certificate` is too weak to be one's own under `profile`, or `None`.

    The hash of a self-issued certificate is not judged: nobody relies on its signature.
    """
    try:
        key = certificate.public_key()
        algorithm = certificate.signature_hash_algorithm
    except (ValueError, UnsupportedAlgorithm) as error:
        return f"its key or signature is of a kind that is not supported ({error})"
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < profile.minimum_rsa_bits:
            return f"its RSA key has {key.key_size} bits, fewer than {profile.minimum_rsa_bits}"
    elif isinstance(key, ec.EllipticCurvePublicKey):
        if key.key_size < profile.minimum_ec_bits:
            return f"its EC key has {key.key_size} bits, fewer than {profile.minimum_ec_bits}"
    elif not isinstance(key, (ed25519.Ed25519PublicKey, ed448.Ed448PublicKey)):
        return "its key is neither RSA nor EC nor EdDSA"
    self_issued = certificate.subject == certificate.issuer
    if algorithm is not None and algorithm.name in profile.forbidden_hashes and not self_issued:
        return f"it is signed with {algorithm.name.upper()}"
    return None

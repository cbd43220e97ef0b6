"""A small certificate authority, and the development PKI made with it."""

from leaddicom.pki.authority import CLIENT_AND_SERVER, CertificateAuthority, IssuedPair
from leaddicom.pki.certificates import PrivateKey, load_certificate, load_private_key
from leaddicom.pki.development import CertificateState, PkiEntry, init_development_pki

__all__ = [
    "CLIENT_AND_SERVER",
    "CertificateAuthority",
    "CertificateState",
    "IssuedPair",
    "PkiEntry",
    "PrivateKey",
    "init_development_pki",
    "load_certificate",
    "load_private_key",
]

"""A small certificate authority, and the development PKI made with it."""

from leaddicom.pki.authority import CLIENT_AND_SERVER, CertificateAuthority, IssuedPair
from leaddicom.pki.certificates import (
    PrivateKey,
    alternative_names,
    is_encrypted,
    key_text,
    load_certificate,
    load_private_key,
    purpose_names,
    serial_text,
)
from leaddicom.pki.development import (
    CertificateState,
    PkiEntry,
    init_development_pki,
    local_names,
)
from leaddicom.pki.export import export_pkcs12
from leaddicom.pki.folder import PkiFolder
from leaddicom.pki.issuing import CertificateRequest, IssuedFiles, issue, renew
from leaddicom.pki.records import Record
from leaddicom.pki.revocation import REASONS, Revocation, crl_number
from leaddicom.pki.revoking import RevokedCertificate, revoke, update_crl
from leaddicom.pki.status import (
    CertificateStatus,
    Condition,
    CrlStatus,
    PkiStatus,
    pki_status,
)

__all__ = [
    "CLIENT_AND_SERVER",
    "REASONS",
    "CertificateAuthority",
    "CertificateRequest",
    "CertificateState",
    "CertificateStatus",
    "Condition",
    "CrlStatus",
    "IssuedFiles",
    "IssuedPair",
    "PkiEntry",
    "PkiFolder",
    "PkiStatus",
    "PrivateKey",
    "Record",
    "Revocation",
    "RevokedCertificate",
    "alternative_names",
    "crl_number",
    "export_pkcs12",
    "init_development_pki",
    "is_encrypted",
    "issue",
    "key_text",
    "load_certificate",
    "load_private_key",
    "local_names",
    "pki_status",
    "purpose_names",
    "renew",
    "revoke",
    "serial_text",
    "update_crl",
]

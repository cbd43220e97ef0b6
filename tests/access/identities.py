"""Certificates of any content, with which a policy can be asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

from leaddicom import PeerIdentity
from leaddicom.pki.authority import CLIENT_AND_SERVER
from leaddicom.pki.certificates import (
    PrivateKey,
    certificate_pem,
    new_private_key,
    now,
    private_key_pem,
)
from leaddicom.testing.certificates import ThrowAwayPki
from leaddicom.tls.identity import identify

_KEY = new_private_key("ec")
_DAY = timedelta(days=1)


def name(**attributes: str) -> x509.Name:
    """A name as in ``name(O="Hospital", CN="ct1")``."""
    oids = {
        "C": NameOID.COUNTRY_NAME,
        "O": NameOID.ORGANIZATION_NAME,
        "OU": NameOID.ORGANIZATIONAL_UNIT_NAME,
        "CN": NameOID.COMMON_NAME,
    }
    # Certificates of others keep to no maximum length.
    return x509.Name(
        [x509.NameAttribute(oids[key], text, _validate=False) for key, text in attributes.items()]
    )


def builder(
    subject: x509.Name, issuer: x509.Name, key: PrivateKey, names: Sequence[x509.GeneralName]
) -> x509.CertificateBuilder:
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now() - _DAY)
        .not_valid_after(now() + 30 * _DAY)
    )
    if names:
        made = made.add_extension(x509.SubjectAlternativeName(names), critical=not list(subject))
    return made


def identity(
    subject: x509.Name | None = None,
    *,
    issuer: x509.Name | None = None,
    dns: Sequence[str] = (),
    uris: Sequence[str] = (),
    verified: bool = True,
) -> PeerIdentity:
    """The identity that a certificate with these names gives."""
    names: list[x509.GeneralName] = [x509.DNSName(each) for each in dns]
    names += [x509.UniformResourceIdentifier(each) for each in uris]
    made = builder(
        name(CN="somebody") if subject is None else subject,
        name(CN="Device CA") if issuer is None else issuer,
        _KEY,
        names,
    )
    return replace(identify(made.sign(_KEY, hashes.SHA256())), verified=verified)


def issue(
    pki: ThrowAwayPki, folder: Path, subject: x509.Name, names: Sequence[x509.GeneralName]
) -> tuple[Path, Path, x509.Certificate]:
    """Have a CA issue a certificate of any content; gives the files and the certificate."""
    key, ca = new_private_key("ec"), pki.root
    authority = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(
        ca.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    )
    certificate = (
        builder(subject, ca.certificate.subject, key, names)
        .add_extension(x509.BasicConstraints(False, None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(authority, critical=False)
        .add_extension(x509.ExtendedKeyUsage(CLIENT_AND_SERVER), critical=False)
        .sign(ca.private_key, hashes.SHA256())
    )
    files = folder / "special.pem", folder / "special.key"
    files[0].write_bytes(certificate_pem(certificate))
    files[1].write_bytes(private_key_pem(key))
    return *files, certificate

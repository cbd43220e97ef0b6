"""Certificates for the tests of this folder, good and bad."""

from __future__ import annotations

import functools
import shutil
import subprocess
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from leaddicom.pki.certificates import sign_certificate, subject_name

CLIENT_AUTH = ExtendedKeyUsageOID.CLIENT_AUTH
SERVER_AUTH = ExtendedKeyUsageOID.SERVER_AUTH
ANY = ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE
BOTH = (CLIENT_AUTH, SERVER_AUTH)
NOW = datetime.now(timezone.utc).replace(microsecond=0)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Issued:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
    chain: tuple[x509.Certificate, ...] = ()

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    def key_pem(self, password: bytes | None = None) -> bytes:
        return self.key_bytes(serialization.Encoding.PEM, password)

    def key_bytes(self, encoding, password: bytes | None = None) -> bytes:
        protection = (
            serialization.NoEncryption()
            if password is None
            else serialization.BestAvailableEncryption(password)
        )
        return self.key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, protection)


@functools.cache
def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    """A key of that length, always the same one: RSA keys take long to make."""
    return rsa.generate_private_key(65537, bits)


def issue(
    common_name: str,
    issuer: Issued | None = None,
    *,
    ca: bool = False,
    usages=BOTH,
    sans: tuple[str, ...] = ("localhost",),
    key=None,
    begin: datetime = NOW - DAY,
    end: datetime = NOW + 30 * DAY,
) -> Issued:
    """Issue a certificate with everything that X509_STRICT wants; no issuer = self-signed."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    certificate = sign_certificate(
        subject_name(common_name, None),
        key.public_key(),
        issuer.key if issuer else key,
        issuer=issuer.certificate if issuer else None,
        not_before=begin,
        not_after=end,
        ca=ca,
        san=() if ca else sans,
        eku=() if ca else usages,
    )
    chain = ()
    if issuer is not None and issuer.certificate.subject != issuer.certificate.issuer:
        chain = (issuer.certificate, *issuer.chain)
    return Issued(certificate, key, chain)


def sign_with_sha1(folder: Path, root: Issued) -> Issued:
    """Sign with SHA-1, which cryptography does not do any more."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("the openssl command is needed to sign with SHA-1")
    model = issue("sha1", root)
    (folder / "ca.pem").write_bytes(root.pem)
    (folder / "ca.key").write_bytes(root.key_pem())
    (folder / "sha1.key").write_bytes(model.key_pem())
    (folder / "sha1.ext").write_text(
        "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n"
        "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"
        "extendedKeyUsage=clientAuth,serverAuth\nsubjectAltName=DNS:localhost\n"
    )
    request = [program, "req", "-new", "-key", "sha1.key", "-subj", "/CN=sha1", "-out", "sha1.csr"]
    sign = [program, "x509", "-req", "-sha1", "-in", "sha1.csr", "-CA", "ca.pem"]
    sign += ["-CAkey", "ca.key", "-set_serial", "77", "-days", "30", "-extfile", "sha1.ext"]
    for command in (request, [*sign, "-out", "sha1.pem"]):
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    certificate = x509.load_pem_x509_certificate((folder / "sha1.pem").read_bytes())
    return Issued(certificate, model.key)

"""What a server shows of itself, wrong in one way each: one chain for each check of X.509."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from tls.certificates import ANY, DAY, NOW, Issued, issue
from tls.revocation import revoke

from leaddicom.error_codes import VerifyCode

V = VerifyCode


@dataclass(frozen=True)
class Shown:
    """A server's certificate and chain, and how the client judges it.

    `overruled` are the checks that the client's `OnVerify` lets pass on the way to the one that
    is meant; with none it refuses whatever it is shown.  `None` is a client without an `OnVerify`
    of its own.
    """

    leaf: Issued
    trusted: Issued
    depth: int = 9
    overruled: frozenset[int] | None = None
    #: In place of the leaf's own encoding.
    leaf_der: bytes = b""
    #: Revocation lists that the client has.
    lists: tuple[x509.CertificateRevocationList, ...] = ()

    def allows(self, ok: int, code: int) -> bool:
        """Answer in place of the client's `OnVerify`."""
        return bool(self.overruled) and (bool(ok) or code in (self.overruled or ()))

    def write(self, folder: Path) -> tuple[Path, Path, Path]:
        """Write the files of the chain, of its key and of the trusted CA."""
        files = folder / "shown.pem", folder / "shown.key", folder / "trusted.pem"
        chain = [each.public_bytes(Encoding.DER) for each in self.leaf.chain]
        shown = "".join(map(ssl.DER_cert_to_PEM_cert, (self.leaf_der or self.leaf.der, *chain)))
        contents = shown.encode(), self.leaf.key_pem(), self.trusted.pem
        for file, content in zip(files, contents, strict=True):
            file.write_bytes(content)
        return files


def root() -> Issued:
    return issue("Trusted root", ca=True)


def leaf(issuer: Issued | None = None, **changes) -> Issued:
    return issue("server", issuer, sans=("localhost", "127.0.0.1"), **changes)


# -- certificates that no builder makes ------------------------------------------------------------


def der(tag: int, *contents: bytes) -> bytes:
    """Encode an ASN.1 value (X.690 section 8.1)."""
    content = b"".join(contents)
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + content


def signed(tbs: bytes, key: ec.EllipticCurvePrivateKey) -> bytes:
    """Sign the contents of a certificate (RFC 5280 section 4.1)."""
    ecdsa_with_sha256 = bytes.fromhex("300a06082a8648ce3d040302")
    signature = key.sign(tbs, ec.ECDSA(hashes.SHA256()))
    return der(0x30, tbs, ecdsa_with_sha256, der(0x03, b"\0", signature))


def replaced(issued: Issued, signer: Issued, old: bytes, new: bytes) -> bytes:
    """Replace some of a certificate's contents and sign it anew."""
    tbs = issued.certificate.tbs_certificate_bytes
    assert tbs.count(old) == 1
    assert len(old) == len(new)
    return signed(tbs.replace(old, new), signer.key)


def ca_with(common_name: str, issuer: Issued, *, path_length=None, key_cert_sign=True) -> Issued:
    """An intermediate CA with other constraints than `issue` gives it."""
    model = issue(common_name, issuer, ca=True)
    builder = x509.CertificateBuilder(
        issuer_name=model.certificate.issuer,
        subject_name=model.certificate.subject,
        public_key=model.key.public_key(),
        serial_number=model.certificate.serial_number,
        not_valid_before=model.certificate.not_valid_before_utc,
        not_valid_after=model.certificate.not_valid_after_utc,
    )
    for extension in model.certificate.extensions:
        value = extension.value
        if isinstance(value, x509.BasicConstraints):
            value = x509.BasicConstraints(ca=True, path_length=path_length)
        elif isinstance(value, x509.KeyUsage) and not key_cert_sign:
            value = x509.KeyUsage(True, *[False] * 8)
        builder = builder.add_extension(value, extension.critical)
    return Issued(builder.sign(issuer.key, hashes.SHA256()), model.key, model.chain)


# -- one for each check ----------------------------------------------------------------------------


def trusted_intermediate_alone() -> Shown:
    intermediate = issue("Intermediate", root(), ca=True)
    return Shown(leaf(intermediate), trusted=intermediate)


def tampered() -> Shown:
    ca = root()
    good = leaf(ca)
    other = ec.generate_private_key(ec.SECP256R1())
    return Shown(good, ca, leaf_der=signed(good.certificate.tbs_certificate_bytes, other))


def not_yet_valid() -> Shown:
    ca = root()
    return Shown(leaf(ca, begin=NOW + DAY), ca)


def expired() -> Shown:
    ca = root()
    return Shown(leaf(ca, begin=NOW - 9 * DAY, end=NOW - DAY), ca)


def with_month_99(moment: datetime) -> Shown:
    """Spoil one of the two dates."""
    ca = root()
    good = leaf(ca)
    text = moment.strftime("%y%m%d%H%M%SZ").encode()
    return Shown(good, ca, leaf_der=replaced(good, ca, text, text[:2] + b"99" + text[4:]))


def self_signed() -> Shown:
    return Shown(leaf(), root())


def unknown_root() -> Shown:
    other = root()
    signed_by_other = leaf(other)
    with_root = Issued(signed_by_other.certificate, signed_by_other.key, (other.certificate,))
    return Shown(with_root, root())


def unknown_ca() -> Shown:
    return Shown(leaf(root()), root())


def unknown_ca_overruled() -> Shown:
    """Whoever lets a certificate without an issuer pass is asked about its signature next."""
    return Shown(leaf(root()), root(), overruled=frozenset({V.UNABLE_TO_GET_ISSUER_CERT_LOCALLY}))


def chain_too_long() -> Shown:
    ca = root()
    return Shown(leaf(issue("Intermediate", ca, ca=True)), ca, depth=0)


def invalid_ca() -> Shown:
    ca = root()
    return Shown(leaf(issue("No CA", ca)), ca)


def path_length_exceeded() -> Shown:
    ca = root()
    upper = ca_with("Upper", ca, path_length=0)
    return Shown(leaf(issue("Lower", upper, ca=True)), ca)


def wrong_purpose() -> Shown:
    ca = root()
    return Shown(leaf(ca, usages=(ANY,)), ca)


def too_weak() -> Shown:
    ca = root()
    return Shown(leaf(ca, key=rsa.generate_private_key(65537, 1024)), ca)


def no_cert_sign() -> Shown:
    """A CA without keyCertSign fails as a CA first."""
    ca = root()
    intermediate = ca_with("Mute", ca, key_cert_sign=False)
    return Shown(leaf(intermediate), ca, overruled=frozenset({V.INVALID_CA, V.INVALID_PURPOSE}))


def with_list(
    *, revoked: bool = False, by_another: bool = False, begin: int = -9, end: int = 9
) -> Shown:
    """The CA's revocation list; dates are days from now."""
    ca = root()
    good = leaf(ca)
    signer = Issued(ca.certificate, leaf().key) if by_another else ca
    dates = {"begin": NOW + begin * DAY, "end": NOW + end * DAY}
    found = revoke(ca, *[good] * revoked, signer=signer, **dates)
    return Shown(good, ca, lists=(found,))


def without_the_list() -> Shown:
    ca = root()
    return Shown(leaf(ca), ca, lists=(revoke(issue("Another root", ca=True)),))


def fine() -> Shown:
    ca = root()
    return Shown(leaf(ca), ca, overruled=frozenset())


CHAINS: dict[VerifyCode, Callable[[], Shown]] = {
    V.UNABLE_TO_GET_ISSUER_CERT: trusted_intermediate_alone,
    V.UNABLE_TO_GET_CRL: without_the_list,
    V.CERT_SIGNATURE_FAILURE: tampered,
    V.CRL_SIGNATURE_FAILURE: partial(with_list, by_another=True),
    V.CRL_NOT_YET_VALID: partial(with_list, begin=1),
    V.CRL_HAS_EXPIRED: partial(with_list, end=-1),
    V.CERT_REVOKED: partial(with_list, revoked=True),
    V.CERT_NOT_YET_VALID: not_yet_valid,
    V.CERT_HAS_EXPIRED: expired,
    V.ERROR_IN_CERT_NOT_BEFORE_FIELD: partial(with_month_99, NOW - DAY),
    V.ERROR_IN_CERT_NOT_AFTER_FIELD: partial(with_month_99, NOW + 30 * DAY),
    V.DEPTH_ZERO_SELF_SIGNED_CERT: self_signed,
    V.SELF_SIGNED_CERT_IN_CHAIN: unknown_root,
    V.UNABLE_TO_GET_ISSUER_CERT_LOCALLY: unknown_ca,
    V.UNABLE_TO_VERIFY_LEAF_SIGNATURE: unknown_ca_overruled,
    V.CERT_CHAIN_TOO_LONG: chain_too_long,
    V.INVALID_CA: invalid_ca,
    V.PATH_LENGTH_EXCEEDED: path_length_exceeded,
    V.INVALID_PURPOSE: wrong_purpose,
    V.CERT_REJECTED: too_weak,
    V.KEYUSAGE_NO_CERTSIGN: no_cert_sign,
    V.APPLICATION_VERIFICATION: fine,
}

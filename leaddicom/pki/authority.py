"""The certificate authority."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from leaddicom.errors import DicomErrorCode, TlsError
from leaddicom.pki.certificates import (
    PrivateKey,
    PublicKey,
    certificate_pem,
    issued_by,
    load_certificate,
    load_private_key,
    new_private_key,
    now,
    private_key_pem,
    sign_certificate,
    subject_name,
    validity_flaw,
)
from leaddicom.pki.files import write_file

__all__ = ["BACKDATE", "CLIENT_AND_SERVER", "CertificateAuthority", "IssuedPair"]

#: DICOM peers are often both: an archive accepts associations and opens them.
CLIENT_AND_SERVER = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)

#: The root key has to last ten times as long as a leaf's.
CA_KEY_SIZE = 3072
LEAF_KEY_SIZE = 2048

CA_LIFETIME = timedelta(days=3652)
LEAF_LIFETIME = timedelta(days=365)

#: Certificates begin this long before they are made, so that a peer whose clock is late
#: takes them at once.  With it a leaf still lives less than the 366 days scanners allow.
BACKDATE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class IssuedPair:
    """A certificate and its private key.

    Attributes
    ----------
    certificate : x509.Certificate
        The certificate alone: the root issued it directly, so no chain goes with it.
    private_key : PrivateKey
        Its key.
    """

    certificate: x509.Certificate
    private_key: PrivateKey

    def save(self, certificate_file: Path, key_file: Path, password: str | None = None) -> None:
        """Write both as PEM, the key readable by its owner only.

        The key comes first: whoever sees the certificate finds the key that fits it.
        """
        write_file(key_file, private_key_pem(self.private_key, password), private=True)
        write_file(certificate_file, certificate_pem(self.certificate))


class CertificateAuthority:
    """Issues certificates.

    Parameters
    ----------
    pair : IssuedPair
        The authority's own certificate and key.  :meth:`create` makes them, :meth:`load`
        reads and checks them.
    """

    def __init__(self, pair: IssuedPair) -> None:
        self.pair = pair

    @property
    def certificate(self) -> x509.Certificate:
        """The authority's certificate, which every peer has to trust."""
        return self.pair.certificate

    @classmethod
    def create(
        cls,
        common_name: str,
        organization: str,
        *,
        private_key: PrivateKey | None = None,
        lifetime: timedelta = CA_LIFETIME,
        at: datetime | None = None,
    ) -> CertificateAuthority:
        """Make a self-signed root that may issue leaf certificates only.

        Parameters
        ----------
        common_name : str
            Its name, 1 to 64 characters.
        organization : str
            Whose it is, 1 to 64 characters; its leaf certificates inherit this.
        private_key : PrivateKey, optional
            Its key; a new RSA key of 3072 bits unless given.
        lifetime : timedelta
            How long it is valid from then on.
        at : datetime, optional
            When it is made; now unless given.
        """
        key = private_key or new_private_key("rsa", CA_KEY_SIZE)
        today = at or now()
        certificate = sign_certificate(
            subject_name(common_name, organization),
            key.public_key(),
            key,
            issuer=None,
            not_before=today - BACKDATE,
            not_after=today + lifetime,
            ca=True,
            path_length=0,
        )
        return cls(IssuedPair(certificate, key))

    @classmethod
    def load(
        cls,
        certificate_file: Path,
        key_file: Path,
        password: str | None = None,
        *,
        at: datetime | None = None,
    ) -> CertificateAuthority:
        """Read an authority from its two PEM files.

        Parameters
        ----------
        certificate_file, key_file : Path
            Where they are.
        password : str, optional
            Of the key, if it is encrypted.
        at : datetime, optional
            When it has to be valid; now unless given.

        Raises
        ------
        TlsError
            If either cannot be read, the key is not the certificate's, the certificate is
            not a CA's, or it is out of its validity.
        """
        certificate = load_certificate(certificate_file)
        key = load_private_key(key_file, password)
        if certificate.public_key() != key.public_key():
            raise TlsError(
                DicomErrorCode.KEYS_MISMATCH,
                f"{key_file} is not the key of the CA certificate {certificate_file}.",
                stage="private key",
            )
        flaw = validity_flaw(certificate, at)
        if not _may_issue(certificate):
            flaw = "is not a CA's (BasicConstraints) or has no SubjectKeyIdentifier"
        if flaw is not None:
            raise TlsError(
                DicomErrorCode.CERTIFICATE_LOAD_FAILED,
                f"The certificate {certificate_file} {flaw}; nothing can be issued with it.",
                stage="certificate",
            )
        return cls(IssuedPair(certificate, key))

    def issue(
        self,
        name: str,
        *,
        san: Iterable[str] = (),
        eku: Sequence[x509.ObjectIdentifier] = CLIENT_AND_SERVER,
        private_key: PrivateKey | None = None,
        lifetime: timedelta = LEAF_LIFETIME,
        at: datetime | None = None,
    ) -> IssuedPair:
        """Issue a leaf certificate.

        Parameters
        ----------
        name : str
            Common name, 1 to 64 characters.  Peers do not compare it with the host name:
            that is what `san` is for.
        san : iterable of str
            Host names and IP addresses.
        eku : sequence of ObjectIdentifier
            Purposes; TLS server and client unless given.
        private_key : PrivateKey, optional
            Its key; a new RSA key of 2048 bits unless given.
        lifetime : timedelta
            How long it is valid from then on, at most until the authority expires.
        at : datetime, optional
            When it is issued; now unless given.
        """
        key = private_key or new_private_key("rsa", LEAF_KEY_SIZE)
        certificate = self.certify(
            name, key.public_key(), san=san, eku=eku, lifetime=lifetime, at=at
        )
        return IssuedPair(certificate, key)

    def certify(
        self,
        name: str,
        public_key: PublicKey,
        *,
        san: Iterable[str] = (),
        eku: Sequence[x509.ObjectIdentifier] = CLIENT_AND_SERVER,
        lifetime: timedelta = LEAF_LIFETIME,
        at: datetime | None = None,
    ) -> x509.Certificate:
        """Issue a leaf certificate for a key whose private half is somewhere else.

        Parameters are those of :meth:`issue`.
        """
        today = at or now()
        return sign_certificate(
            subject_name(name, self._organization()),
            public_key,
            self.pair.private_key,
            issuer=self.certificate,
            not_before=today - BACKDATE,
            not_after=min(today + lifetime, self.certificate.not_valid_after_utc),
            san=san,
            eku=eku,
        )

    def issued(self, certificate: x509.Certificate) -> bool:
        """Whether this authority's name and key signed `certificate`."""
        return issued_by(certificate, self.certificate)

    def _organization(self) -> str | None:
        names = self.certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
        return str(names[0].value) if names else None


def _may_issue(certificate: x509.Certificate) -> bool:
    extensions = certificate.extensions
    try:
        extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
        return extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False

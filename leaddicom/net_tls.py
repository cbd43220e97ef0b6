"""The TLS part of `LDicomNet`: certificates, cipher suites, and what was negotiated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from leaddicom.enums import CertificateType, SecureMode
from leaddicom.errors import DicomError, DicomErrorCode, ParameterError, TlsError
from leaddicom.tls.credentials import Credentials, load_credentials
from leaddicom.tls.identity import LinkFacts, PeerIdentity
from leaddicom.tls.settings import TlsSettings, build_context
from leaddicom.tls.suites import (
    AuthenticationAlgorithm,
    Ciphersuite,
    EncryptionAlgorithm,
    IntegrityAlgorithm,
    KeyExchangeAlgorithm,
    suite,
)
from leaddicom.tls.verification import Role
from leaddicom.transport.connection import Connection, SecureEnd

__all__ = ["MAX_CIPHERSUITE_COUNT", "SecureLink", "Security", "checked_mode"]

#: Entries of the cipher suite table (LEADTOOLS' constant of that name).
MAX_CIPHERSUITE_COUNT = 16


@dataclass(slots=True)
class Security:
    """How an `LDicomNet` is protected.

    Attributes
    ----------
    mode : SecureMode
        TLS or none.
    settings : TlsSettings
        Profile, trusted CAs, verification.
    credentials : Credentials or None
        Own certificate and key.
    suites : list of Ciphersuite
        The table of `SetCipherToIndexTLS`, filled with NONE.
    """

    mode: SecureMode = SecureMode.TLS
    settings: TlsSettings = field(default_factory=TlsSettings)
    credentials: Credentials | None = None
    suites: list[Ciphersuite] = field(
        default_factory=lambda: [Ciphersuite.NONE] * MAX_CIPHERSUITE_COUNT
    )
    _ends: dict[Role, SecureEnd] = field(default_factory=dict)

    def copy(self) -> Security:
        """Give a copy whose changes do not come back; built contexts are shared."""
        return replace(self, suites=list(self.suites), _ends=dict(self._ends))

    def changed(self) -> None:
        """Forget the contexts that were built, since what they were built from has changed."""
        self._ends = {}

    def end(self, role: Role) -> SecureEnd | None:
        """Give the TLS end for a role, built at the first call; `None` without TLS.

        Raises
        ------
        TlsError
            Something is missing, unreadable or too weak.
        """
        if self.mode is not SecureMode.TLS:
            return None
        ends = self._ends  # `changed` may replace it meanwhile
        end = ends.get(role)
        if end is None:
            chosen = tuple(each for each in self.suites if each is not Ciphersuite.NONE)
            settings = replace(self.settings, cipher_suites=chosen or self.settings.cipher_suites)
            end = ends[role] = SecureEnd(build_context(settings, self.credentials, role), settings)
        return end


class SecureLink:
    """Members of `LDicomNet` that concern TLS."""

    security: Security
    connection: Connection | None
    error: DicomError | None

    # -- events --------------------------------------------------------------------------------

    def OnSecureLinkReady(self, error: int) -> None:
        """The TLS handshake has ended; override it.

        Parameters
        ----------
        error : int
            A `DicomErrorCode`; 0 = the link is usable, and only now may the association start.
            The reason in words is in the attribute `error`.

        Notes
        -----
        With TLS 1.3 a client gets 0 before the server has judged its certificate; a refusal
        comes later, with `OnClose` (RFC 8446 section 4.4.2.4).  After an error `OnClose`
        follows.
        """

    def OnPrivateKeyPassword(self, encryption: bool) -> str | bytes | None:
        """Give the password of an encrypted private key; override it.

        Called inside `SetClientCertificateTLS` and `SetServerCertificateTLS`, once and only if
        the key is encrypted.

        Parameters
        ----------
        encryption : bool
            Always `False`: a key is being decrypted.  LEADTOOLS has it.

        Returns
        -------
        str, bytes or None
            The password; `None`, the default, refuses.
        """
        return None

    # -- certificate and key -------------------------------------------------------------------

    def SetClientCertificateTLS(
        self,
        cert_path: str,
        cert_type: int = CertificateType.PEM,
        key_path: str | None = None,
    ) -> None:
        """Set the own certificate and private key; the same as `SetServerCertificateTLS`.

        Parameters
        ----------
        cert_path : str
            File with the certificate and, in PEM, the chain behind it.
        cert_type : int
            A `CertificateType`: PEM 1 or ASN1 (DER) 2, of the certificate's file.  That of the
            key's file is seen from its content.
        key_path : str, optional
            File with the private key; without it the key is in the certificate's PEM file.

        Raises
        ------
        TlsError
            Code 218 (key), 219 (certificate) or 221 (they do not belong together).
        """
        self._set_certificate(cert_path, cert_type, key_path)

    def SetServerCertificateTLS(
        self,
        cert_path: str,
        cert_type: int = CertificateType.PEM,
        key_path: str | None = None,
    ) -> None:
        """Set the own certificate and private key; see `SetClientCertificateTLS`.

        Set on a listener it holds for the connections that it accepts by default.
        """
        self._set_certificate(cert_path, cert_type, key_path)

    def _set_certificate(self, cert_path: str, cert_type: int, key_path: str | None) -> None:
        self._require_tls("A certificate")
        password: Callable[[], str | bytes | None] = lambda: self.OnPrivateKeyPassword(False)  # noqa: E731
        if cert_type not in list(CertificateType):
            raise ParameterError(f"{cert_type} is no CertificateType; take PEM (1) or ASN1 (2).")
        self.security.credentials = load_credentials(
            cert_path, CertificateType(cert_type), key_path, password
        )
        self.security.changed()

    # -- cipher suites -------------------------------------------------------------------------

    def SetCipherToIndexTLS(self, index: int, cipher: int) -> None:
        """Put a cipher suite into the table of those to negotiate.

        Parameters
        ----------
        index : int
            0 to 15, best first.
        cipher : int
            A `Ciphersuite`; NONE (0) at index 0 clears the table.  An empty table stands for
            all suites of the profile.

        Raises
        ------
        ParameterError
            The index or the suite does not exist (codes 14 and 9); the suite is not in the
            profile or OpenSSL lacks it, said together with the ones that can be used.
        """
        self._require_tls("A cipher suite")
        self._check_index(index)
        chosen = Ciphersuite.NONE if cipher == Ciphersuite.NONE else suite(cipher).constant
        if chosen is not Ciphersuite.NONE:
            replace(self.security.settings, cipher_suites=(chosen,))  # refuses what is not allowed
        if index == 0 and chosen is Ciphersuite.NONE:
            self.security.suites = [Ciphersuite.NONE] * MAX_CIPHERSUITE_COUNT
        else:
            self.security.suites[index] = chosen
        self.security.changed()

    def GetCipherFromIndexTLS(self, index: int) -> Ciphersuite:
        """Give the cipher suite at an index of the table; NONE if there is none."""
        self._check_index(index)
        return self.security.suites[index]

    def GetCiphersuiteTLS(self) -> Ciphersuite:
        """Give the cipher suite that was negotiated; NONE before `OnSecureLinkReady(0)`."""
        facts = self.link_facts
        if facts is None or facts.suite is None:
            return Ciphersuite.NONE
        return facts.suite.constant

    @staticmethod
    def GetEncryptionAlgorithmTLS(cipher: int) -> EncryptionAlgorithm:
        """Give the encryption algorithm of a cipher suite (``L_CRYPT_...``)."""
        return suite(cipher).encryption

    @staticmethod
    def GetIntegrityAlgorithmTLS(cipher: int) -> IntegrityAlgorithm:
        """Give the integrity algorithm of a cipher suite (``L_MAC_...``)."""
        return suite(cipher).integrity

    @staticmethod
    def GetAuthenticationAlgorithmTLS(cipher: int) -> AuthenticationAlgorithm:
        """Give the authentication algorithm of a cipher suite (``L_MUTUALAUTH_...``)."""
        return suite(cipher).authentication

    @staticmethod
    def GetKeyExchangeAlgorithmTLS(cipher: int) -> KeyExchangeAlgorithm:
        """Give the key exchange of a cipher suite (``L_KEYEXCHANGE_...``)."""
        return suite(cipher).key_exchange

    @staticmethod
    def GetEncryptKeyLengthTLS(cipher: int) -> int:
        """Give the length in bits of a cipher suite's encryption key."""
        return suite(cipher).key_bits

    def GetMutualAuthKeyLengthTLS(self, cipher: int) -> int:
        """Give the length in bits of the key with which this end authenticates itself.

        The suite does not determine it; it is that of the own certificate, and 0 without one.

        Parameters
        ----------
        cipher : int
            A `Ciphersuite`; it only has to exist.
        """
        suite(cipher)
        credentials = self.security.credentials
        return 0 if credentials is None else credentials.key_bits

    # -- what is --------------------------------------------------------------------------------

    def GetSecureMode(self) -> SecureMode:
        """Give the mode, TLS or none."""
        return self.security.mode

    def GetErrorSecure(self) -> int:
        """Give the last TLS error as `DicomErrorCode`; 0 if there was none."""
        return self.error.code if isinstance(self.error, TlsError) else DicomErrorCode.SUCCESS

    @property
    def link_facts(self) -> LinkFacts | None:
        """TLS version, suite, group and more; `None` before `OnSecureLinkReady(0)`."""
        return None if self.connection is None else self.connection.link

    @property
    def peer_identity(self) -> PeerIdentity | None:
        """Who the peer is by its certificate; `None` if it has shown none."""
        return None if self.connection is None else self.connection.identity

    def _require_tls(self, what: str) -> None:
        if self.security.mode is not SecureMode.TLS:
            raise DicomError(
                DicomErrorCode.BAD_SECURE_MODE,
                f"{what} can only be set for DICOM_SECURE_TLS; this object was made for "
                f"DICOM_SECURE_{self.security.mode.name}.",
            )

    @staticmethod
    def _check_index(index: int) -> None:
        if not 0 <= index < MAX_CIPHERSUITE_COUNT:
            raise ParameterError(
                f"The table of cipher suites has the indices 0 to {MAX_CIPHERSUITE_COUNT - 1}, "
                f"not {index}.",
                DicomErrorCode.RANGE,
            )


def checked_mode(mode: int) -> SecureMode:
    """Give the `SecureMode` that a number stands for.

    Raises
    ------
    DicomError
        Code 69: it stands for none, or for ISCL.
    """
    if mode not in (SecureMode.NONE, SecureMode.TLS):
        reason = (
            "ISCL knows only DES and MD5, which protect nothing any more"
            if mode == SecureMode.ISCL
            else f"{mode:#x} is no mode"
        )
        raise DicomError(
            DicomErrorCode.BAD_SECURE_MODE,
            f"{reason}; use DICOM_SECURE_TLS, or DICOM_SECURE_NONE for plain DICOM.",
        )
    return SecureMode(mode)

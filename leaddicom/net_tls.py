"""The TLS part of `LDicomNet`: certificates, cipher suites, and what was negotiated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from OpenSSL import SSL

from leaddicom.enums import CertificateType, SecureMode, TlsStatus
from leaddicom.errors import DicomError, DicomErrorCode, ParameterError, TlsError
from leaddicom.mirror import differs
from leaddicom.ssl_context import checked_method, with_options
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

__all__ = ["MAX_CIPHERSUITE_COUNT", "OpenSslVersion", "SecureLink", "Security", "checked_mode"]

_OPENSSL_3 = 0x30000000
_OURS = "Suites that LEADTOOLS does not know can have algorithms of ours, from 10000H on."

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

    @property
    def context(self) -> SSL.Context | None:
        """The context that was built last, if there is one."""
        return next((each.context for each in reversed(self._ends.values())), None)

    def copy(self) -> Security:
        """Give a copy whose changes do not come back; built contexts are shared."""
        return replace(self, suites=list(self.suites), _ends=dict(self._ends))

    def changed(self) -> None:
        """Forget the contexts that were built, since what they were built from has changed."""
        self._ends = {}

    def end(
        self, role: Role, on_create: Callable[[SSL.Context], None] | None = None
    ) -> SecureEnd | None:
        """Give the TLS end for a role, built at the first call; `None` without TLS.

        Parameters
        ----------
        role : Role
            Client or server.
        on_create : Callable[[SSL.Context], None], optional
            Sees a context that was built, before it is used.

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
            context = build_context(settings, self.credentials, role)
            if on_create is not None:
                on_create(context)
            end = ends[role] = SecureEnd(context, settings)
        return end


@dataclass(frozen=True, slots=True)
class OpenSslVersion:
    """What `SecureLink.GetOpenSslVersion` tells (LEADTOOLS' ``DICOMOPENSSLVERSION``).

    Attributes
    ----------
    required_version, installed_version : str
        The lowest OpenSSL that does, and the one that is there.
    is_available : bool
        Whether the one that is there does.
    download_message : str
        For the user: where to get another one, if that is needed.
    """

    required_version: str
    installed_version: str
    is_available: bool
    download_message: str


class SecureLink:
    """Members of `LDicomNet` that concern TLS."""

    security: Security
    connection: Connection | None
    error: DicomError | None
    overrides: Callable[[str], bool]

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

    @differs(
        "A certificate in which several checks fail is shown for each of them, so that none is "
        "overruled unseen.  OpenSSL's codes are translated to LEADTOOLS' numbers."
    )
    def OnVerify(self, ok: int, certificate_text: str, error: int, error_text: str) -> int:
        """A certificate of the peer's chain was checked; override it to have the last word.

        Called inside the handshake, once for every certificate from the root down, on the
        network thread.  The default agrees with the check.

        Parameters
        ----------
        ok : int
            1 = the certificate is in order, 0 = a check has failed.
        certificate_text : str
            Subject, issuer, validity, serial number, basic constraints and purposes, printable.
        error : int
            LEADTOOLS' ``L_X509_V_...`` number of the check that has failed; 0 if none has.
        error_text : str
            What is wrong, as the second half of a sentence about the certificate.

        Returns
        -------
        int
            1 to go on, 0 to stop.  An exception stops, too.

        Notes
        -----
        To allow a failure is to trust the peer for a reason that only the application knows:
        compare the certificate's fingerprint or serial number, never only its name.
        """
        return ok

    @differs("The context is a ``pyOpenSSL`` one; a listener's is shared by its clients.")
    def OnCreateCTX(self, context: SSL.Context) -> None:
        """A TLS context was made; override it to change it before its first connection."""

    @differs("Returns the password, or `None` to refuse, as LEADTOOLS for .NET does.")
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

    @differs(
        "Serves both ends.  In the files, what is needed is looked for and named if it is missing."
    )
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

    @differs("The same as `SetClientCertificateTLS`; set on a listener it serves for its clients.")
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

    @differs(
        "Also takes TLS 1.3 and ECDSA suites; refuses those that OpenSSL or the profile lacks."
    )
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
    @differs(_OURS)
    def GetEncryptionAlgorithmTLS(cipher: int) -> EncryptionAlgorithm:
        """Give the encryption algorithm of a cipher suite (``L_CRYPT_...``)."""
        return suite(cipher).encryption

    @staticmethod
    @differs(_OURS)
    def GetIntegrityAlgorithmTLS(cipher: int) -> IntegrityAlgorithm:
        """Give the integrity algorithm of a cipher suite (``L_MAC_...``)."""
        return suite(cipher).integrity

    @staticmethod
    @differs(_OURS)
    def GetAuthenticationAlgorithmTLS(cipher: int) -> AuthenticationAlgorithm:
        """Give the authentication algorithm of a cipher suite (``L_MUTUALAUTH_...``)."""
        return suite(cipher).authentication

    @staticmethod
    @differs(_OURS)
    def GetKeyExchangeAlgorithmTLS(cipher: int) -> KeyExchangeAlgorithm:
        """Give the key exchange of a cipher suite (``L_KEYEXCHANGE_...``)."""
        return suite(cipher).key_exchange

    @staticmethod
    @differs("In bits.")
    def GetEncryptKeyLengthTLS(cipher: int) -> int:
        """Give the length in bits of a cipher suite's encryption key."""
        return suite(cipher).key_bits

    @differs(
        "In bits, and of the own certificate, which the suite does not determine; 0 without one."
    )
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

    @differs("The words are in the attribute `error`.")
    def GetErrorSecure(self) -> int:
        """Give the last TLS error as `DicomErrorCode`; 0 if there was none."""
        return self.error.code if isinstance(self.error, TlsError) else DicomErrorCode.SUCCESS

    def GetIsSecureConnected(self) -> bool:
        """Tell whether the TLS handshake has succeeded and the connection is up."""
        return self.GetTLSStatus() is TlsStatus.CONNECTED

    def GetTLSStatus(self) -> TlsStatus:
        """Give the state of the TLS link."""
        connection = self.connection
        if connection is None or not connection.is_connected or not connection.is_secure:
            return TlsStatus.NOT_CONNECTED
        if connection.link is not None:
            return TlsStatus.CONNECTED
        is_client = connection.is_requestor
        return TlsStatus.CLIENT_HANDSHAKE if is_client else TlsStatus.SERVER_HANDSHAKE

    @staticmethod
    @differs("Returns the structure.  OpenSSL comes with pyOpenSSL, so it is always there.")
    def GetOpenSslVersion() -> OpenSslVersion:
        """Give the version of OpenSSL that is linked, and the one that is needed."""
        number, text = SSL.OPENSSL_VERSION_NUMBER, SSL.SSLeay_version(SSL.SSLEAY_VERSION)
        is_available = number >= _OPENSSL_3
        advice = "" if is_available else "pip install --upgrade cryptography pyOpenSSL"
        return OpenSslVersion("OpenSSL 3.0", text.decode("ascii"), is_available, advice)

    # -- what LEADTOOLS counts as the internal part of the class -------------------------------

    @differs("A ``pyOpenSSL`` context; `None` before `Connect`, `Listen` or `Accept`.")
    def GetCTX(self) -> SSL.Context | None:
        """Give the TLS context, to look at."""
        return self.security.context

    @differs("Takes `SslOption` bits and translates them; they hold for the connections to come.")
    def CTXSetOptions(self, options: int) -> int:
        """Set options of the TLS context, and give those in force; see `L_SSL_CTX_CREATE`."""
        self._require_tls("Options")
        self.security.settings = with_options(self.security.settings, options)
        self.security.changed()
        return options

    @differs("TLS and SSLV23 mean the profile's versions; the others are refused (code 192).")
    def SetSLLMethodType(self, method_type: int) -> int:
        """Choose the TLS versions by an `SslMethod`, and give it back."""
        self._require_tls("The method")
        return checked_method(method_type)

    @differs("Raises code 51: the handshake decides whether the link is secure.")
    def SetIsSecureConnected(self, connected: bool) -> None:
        """Claim that the link is secure, which cannot be claimed here."""
        raise _decided_by_handshake("SetIsSecureConnected")

    @differs("Raises code 51: the handshake decides the state.")
    def SetTLSStatus(self, status: int) -> None:
        """Claim a state of the TLS link, which cannot be claimed here."""
        raise _decided_by_handshake("SetTLSStatus")

    @differs(
        "LEADTOOLS does not tell its parameters.  Ours logs the steps of later handshakes at DEBUG, "
        "in the logger ``leaddicom.tls``."
    )
    def SetHandshakeDebug(self, enable: bool) -> None:
        """Have the steps of the handshake logged."""
        self._require_tls("The handshake's log")
        self.security.settings = replace(self.security.settings, log_handshake=bool(enable))
        self.security.changed()

    # -- ours ----------------------------------------------------------------------------------

    @property
    def link_facts(self) -> LinkFacts | None:
        """TLS version, suite, group and more; `None` before `OnSecureLinkReady(0)`."""
        return None if self.connection is None else self.connection.link

    @property
    def peer_identity(self) -> PeerIdentity | None:
        """Who the peer is by its certificate; `None` if it has shown none."""
        return None if self.connection is None else self.connection.identity

    def _secure_end(self, role: Role) -> SecureEnd | None:
        return self.security.end(role, self.OnCreateCTX if self.overrides("OnCreateCTX") else None)

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


def _decided_by_handshake(member: str) -> DicomError:
    return DicomError(
        DicomErrorCode.NET_OPERATION_NOT_SUPPORTED,
        f"{member} is not supported: only the handshake decides whether the link is secure. Set "
        "DICOM_SECURE_TLS or DICOM_SECURE_NONE before connecting.",
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

"""The TLS part of `LDicomNet`: certificates, cipher suites, and what was negotiated."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from OpenSSL import SSL

from leaddicom.enums import CertificateType, SecureMode, TlsStatus
from leaddicom.errors import DicomError, DicomErrorCode, ParameterError, TlsError
from leaddicom.mirror import differs
from leaddicom.security import MAX_CIPHERSUITE_COUNT, Security
from leaddicom.ssl_context import checked_method, with_options
from leaddicom.tls.credentials import Credentials, load_credentials
from leaddicom.tls.identity import LinkFacts, PeerIdentity
from leaddicom.tls.own_certificates import key_kind
from leaddicom.tls.settings import TlsSettings
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

_log = logging.getLogger(__name__)

_OPENSSL_3 = 0x30000000
_KINDS = {AuthenticationAlgorithm.RSA: "RSA", AuthenticationAlgorithm.ECDSA: "EC"}
_OURS = "Suites that LEADTOOLS does not know can have algorithms of ours, from 10000H on."


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
            Subject, issuer, validity, serial number, SHA-256 fingerprint, basic constraints and
            purposes, printable, a line for each.
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
        compare the certificate's fingerprint, never its name or serial number, which everybody
        can choose.  OpenSSL does not look at the dates of a certificate whose issuer it does not
        know (codes 2, 20, 21); look at them yourself when you allow that.

        What it returns counts in every verification mode: with NONE, too, a client that overrides
        it stops at 0.  A server with NONE asks for no certificate, and never calls it.
        """
        return ok

    @differs("The context is a ``pyOpenSSL`` one; a listener's is shared by its clients.")
    def OnCreateCTX(self, context: SSL.Context) -> None:
        """A TLS context was made; override it to change it before its first connection.

        The checks of the peer's certificate hold for every connection whatever is changed.
        """

    @differs("Returns the password, or `None` to refuse, as LEADTOOLS for .NET does.")
    def OnPrivateKeyPassword(self, encryption: bool) -> str | bytes | None:
        """Give the password of an encrypted private key; override it.

        Called inside `SetClientCertificateTLS`, `SetServerCertificateTLS` and `Reload`, once for
        each file that is encrypted.

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
            File with the certificate and, in PEM, its chain in any order; or a PKCS#12 file.
        cert_type : int
            A `CertificateType`: PEM 1 or ASN1 (DER) 2, of the certificate's file.  PKCS#12 is
            recognised with either, and the encoding of the key's file is seen from its content.
        key_path : str, optional
            File with the private key; without it the key is in the certificate's file, PEM or
            PKCS#12.

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
        loaded = self._load_certificate(cert_path, cert_type, key_path)
        with self.security.changing():
            self.security.credentials = (loaded,)

    def _load_certificate(
        self, cert_path: str, cert_type: int, key_path: str | None
    ) -> Credentials:
        self._require_tls("A certificate")
        if cert_type not in list(CertificateType):
            raise ParameterError(f"{cert_type} is no CertificateType; take PEM (1) or ASN1 (2).")
        return load_credentials(cert_path, CertificateType(cert_type), key_path, self._ask_password)

    # -- cipher suites -------------------------------------------------------------------------

    @differs(
        "Also takes TLS 1.3 and ECDSA suites; refuses those that OpenSSL or the profile lacks."
    )
    def SetCipherToIndexTLS(self, index: int, cipher: int | None) -> None:
        """Put a cipher suite into the table of those to negotiate.

        Parameters
        ----------
        index : int
            0 to 15, best first.
        cipher : int
            A `Ciphersuite`; NONE (0) or `None` at index 0 clears the table.  An empty table stands
            for ``TlsSettings.cipher_suites``, which are all suites of the profile unless set.

        Raises
        ------
        ParameterError
            The index or the suite does not exist (codes 14 and 9); the suite is not in the
            profile or OpenSSL lacks it, said together with the ones that can be used.
        """
        self._require_tls("A cipher suite")
        self._check_index(index)
        cipher = Ciphersuite.NONE if cipher is None else cipher
        chosen = Ciphersuite.NONE if cipher == Ciphersuite.NONE else suite(cipher).constant
        if chosen is not Ciphersuite.NONE:
            replace(self.security.settings, cipher_suites=(chosen,))  # refuses what is not allowed
        with self.security.changing():
            if index == 0 and chosen is Ciphersuite.NONE:
                self.security.suites = [Ciphersuite.NONE] * MAX_CIPHERSUITE_COUNT
            else:
                self.security.suites[index] = chosen

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

    @differs("In bits, and of the own certificate, of several the one that fits; 0 without one.")
    def GetMutualAuthKeyLengthTLS(self, cipher: int) -> int:
        """Give the length in bits of the key with which this end authenticates itself.

        It is that of the own certificate, and 0 without one.

        Parameters
        ----------
        cipher : int
            A `Ciphersuite`; of several certificates it tells which one is meant, unless it is
            one of TLS 1.3.
        """
        kind = _KINDS.get(suite(cipher).authentication)
        ours = self.security.credentials
        fitting = [each for each in ours if key_kind(each) == kind]
        return next((each.key_bits for each in (*fitting, *ours)), 0)

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
        """Give the TLS context, to look at: the connection's, or the one that was built last."""
        connection = self.connection
        own = None if connection is None or connection.is_closed else connection.context
        return own or self.security.context

    @differs("Takes `SslOption` bits and translates them; they hold for the connections to come.")
    def CTXSetOptions(self, options: int) -> int:
        """Set options of the TLS context, and give those in force; see `L_SSL_CTX_CREATE`."""
        self._require_tls("Options")
        with self.security.changing():
            self.security.settings = with_options(self.security.settings, options)
            self.security.options |= options
        return self.security.options

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
        "LEADTOOLS does not tell its parameters.  Ours logs the steps of later handshakes at "
        "DEBUG, in the logger ``leaddicom.tls``."
    )
    def SetHandshakeDebug(self, enable: bool) -> None:
        """Have the steps of the handshake logged."""
        self._require_tls("The handshake's log")
        with self.security.changing():
            settings = self.security.settings
            self.security.settings = replace(settings, log_handshake=bool(enable))

    # -- ours ----------------------------------------------------------------------------------

    def add_certificate(
        self,
        cert_path: str,
        cert_type: int = CertificateType.PEM,
        key_path: str | None = None,
    ) -> None:
        """Add an own certificate whose key is of another kind (RSA, EC) than those that are set.

        In each handshake the one is shown that fits the cipher suite and the peer; only a client
        in TLS 1.2 always shows the first one.  A server under the profile of PS3.15 B.13 needs
        one of both kinds.  `SetServerCertificateTLS` replaces them all.

        Parameters
        ----------
        cert_path, cert_type, key_path
            As for `SetServerCertificateTLS`.

        Raises
        ------
        ParameterError
            There is one with a key of the same kind.
        TlsError
            Code 218 (key), 219 (certificate) or 221 (they do not belong together).
        """
        added = self._load_certificate(cert_path, cert_type, key_path)
        with self.security.changing():
            ours = self.security.credentials
            if key_kind(added) in map(key_kind, ours):
                raise ParameterError(
                    f"There is a certificate with an {key_kind(added)} key already, and only one "
                    "of them could be shown. Add one with a key of another kind, or replace all "
                    "with SetServerCertificateTLS."
                )
            self.security.credentials = (*ours, added)

    def Reload(self, settings: TlsSettings | None = None) -> None:
        """Read the files of certificates, keys, CAs and revocation lists anew.

        What they hold now is used for the connections that follow, also by a listener while it
        listens; connections that are up go on as they are.  Everything is checked first: if
        anything does not fit, nothing changes, and what was in use stays in use.  Any thread may
        call it.

        Parameters
        ----------
        settings : TlsSettings, optional
            Used from now on in place of those of `Initialize`, for example with other files.

        Raises
        ------
        TlsError
            Something is missing, unreadable or too weak, or key and certificate do not belong
            together; also logged at WARNING.
        """
        self._require_tls("What TLS needs")
        try:
            self.security.reload(
                self._ask_password, self._on_create(), settings, not self.overrides("OnVerify")
            )
        except Exception as error:
            _log.warning("Nothing was reloaded; the TLS files read before stay in use: %s", error)
            raise
        _log.info("The TLS files were reloaded, for the connections that follow")

    @property
    def link_facts(self) -> LinkFacts | None:
        """TLS version, suite, group and more; `None` before `OnSecureLinkReady(0)`."""
        return None if self.connection is None else self.connection.link

    @property
    def peer_identity(self) -> PeerIdentity | None:
        """Who the peer is by its certificate; `None` if it has shown none."""
        return None if self.connection is None else self.connection.identity

    def _secure_end(self, role: Role) -> SecureEnd | None:
        return self.security.end(role, self._on_create(), not self.overrides("OnVerify"))

    def _on_create(self) -> Callable[[SSL.Context], None] | None:
        return self.OnCreateCTX if self.overrides("OnCreateCTX") else None

    def _ask_password(self) -> str | bytes | None:
        return self.OnPrivateKeyPassword(False)

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

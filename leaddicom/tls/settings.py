"""TLS settings, and the pyOpenSSL context that is made of them."""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass
from typing import Literal

from OpenSSL import SSL, crypto

from leaddicom.enums import VerifyMode
from leaddicom.errors import DicomErrorCode, ParameterError, TlsError
from leaddicom.tls.credentials import Credentials, check_strength, load_trusted
from leaddicom.tls.profiles import DEFAULT_PROFILE, Profile, profile
from leaddicom.tls.suites import CipherSuite, Ciphersuite, suite, unsupported_reason
from leaddicom.tls.text import describe
from leaddicom.tls.verification import (
    DICOM_PROTOCOL,
    Role,
    observe,
    require_protocol,
    verify_peer,
)

__all__ = ["TlsSettings", "build_context"]

_log = logging.getLogger(__name__)

_MUTUAL = VerifyMode.PEER | VerifyMode.FAIL_IF_NO_PEER_CERT

_SSL_MODES = (
    (VerifyMode.PEER, SSL.VERIFY_PEER),
    (VerifyMode.FAIL_IF_NO_PEER_CERT, SSL.VERIFY_FAIL_IF_NO_PEER_CERT),
    (VerifyMode.CLIENT_ONCE, SSL.VERIFY_CLIENT_ONCE),
)


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """How a connection is protected.

    Attributes
    ----------
    profile : str
        Name of the TLS profile (PS3.15 Annex B).
    ca_file : str or None
        PEM file of the trusted CAs; needed by every end that verifies its peer.
    verify : VerifyMode
        What is asked of the peer's certificate.  The default is mutual authentication.
    verify_depth : int
        Longest chain: number of intermediate CAs between the peer's certificate and a trusted
        one.
    cipher_suites : tuple of Ciphersuite
        Suites to use, in order of preference, out of the profile's; empty for all of them.  A
        list without suites of a TLS version switches that version off.
    minimum_version : str
        ``"TLSv1.3"`` for TLS 1.3 only; the profile's otherwise.
    log_handshake : bool
        Whether every step of the handshake is logged at DEBUG.
    check_host_name : bool
        Whether a client compares the server's certificate with the host it connected to; with
        `verify` NONE it does not.
    server_name : str or None
        Name or IP address to compare instead of the host.

    Raises
    ------
    ParameterError
        If a setting is impossible, a suite is not in the profile, or OpenSSL lacks it.
    """

    profile: str = DEFAULT_PROFILE
    ca_file: str | None = None
    verify: VerifyMode = _MUTUAL
    verify_depth: int = 9
    cipher_suites: tuple[Ciphersuite, ...] = ()
    minimum_version: Literal["TLSv1.2", "TLSv1.3"] = "TLSv1.2"
    log_handshake: bool = False
    check_host_name: bool = True
    server_name: str | None = None

    def __post_init__(self) -> None:
        chosen = profile(self.profile)
        if self.verify and not self.verify & VerifyMode.PEER:
            raise ParameterError(
                f"The verification flags {int(self.verify)} have no effect without PEER (1); "
                "add it, or use NONE."
            )
        if not 0 <= self.verify_depth <= 100:
            raise ParameterError(
                f"verify_depth is {self.verify_depth}, but must lie between 0 and 100."
            )
        if self.minimum_version not in ("TLSv1.2", "TLSv1.3"):
            raise ParameterError(
                f"minimum_version is {self.minimum_version!r}, but must be 'TLSv1.2' or 'TLSv1.3'."
            )
        for constant in self.cipher_suites:
            _check_suite(suite(constant), chosen)
        if not _usable_suites(self, chosen):
            raise ParameterError(
                "No cipher suite is left: all of them are suites of TLS 1.2, and TLS 1.3 is the "
                "lowest version. Add a suite of TLS 1.3, or allow TLS 1.2."
            )


def _check_suite(wanted: CipherSuite, chosen: Profile) -> None:
    name = wanted.constant.name
    reason = unsupported_reason(wanted)
    if reason is not None:
        raise ParameterError(
            f"The cipher suite {name} cannot be used: {reason}. Choose a suite of the profile "
            f"{chosen.name!r}: {_suite_names(chosen)}."
        )
    if wanted.constant not in (*chosen.suites_tls12, *chosen.suites_tls13):
        raise ParameterError(
            f"The cipher suite {name} is not in the profile {chosen.name!r}, which allows: "
            f"{_suite_names(chosen)}."
        )


def _suite_names(chosen: Profile) -> str:
    return ", ".join(each.name for each in (*chosen.suites_tls13, *chosen.suites_tls12))


def _usable_suites(settings: TlsSettings, chosen: Profile) -> list[CipherSuite]:
    """Give the suites to use, in order of preference."""
    constants = settings.cipher_suites or (*chosen.suites_tls13, *chosen.suites_tls12)
    suites = [suite(each) for each in constants]
    return [each for each in suites if each.tls13 or settings.minimum_version == "TLSv1.2"]


def build_context(
    settings: TlsSettings, credentials: Credentials | None, role: Role
) -> SSL.Context:
    """Build the pyOpenSSL context for connections of one role.

    It can be shared by connections in any number of threads, and cannot be changed once the
    first connection was made from it: to renew certificates, build another one.

    Parameters
    ----------
    settings : TlsSettings
        What to allow and to ask.
    credentials : Credentials or None
        What to show; a server needs them.
    role : Role
        Which end its connections are.

    Raises
    ------
    TlsError
        If something is missing, unreadable or too weak; the message says what.
    """
    chosen = profile(settings.profile)
    server = role is Role.SERVER
    if server and credentials is None:
        raise TlsError(
            DicomErrorCode.CERTIFICATE_LOAD_FAILED,
            "A TLS server needs a certificate, and none is set. "
            "Set a certificate and its private key before listening.",
            stage="certificate",
        )
    context = SSL.Context(SSL.TLS_SERVER_METHOD if server else SSL.TLS_CLIENT_METHOD)
    _set_suites(context, settings, chosen)
    _set_options(context)
    if credentials is not None:
        _set_credentials(context, settings, credentials)
    _set_trust(context, settings, role)
    observe(context, log_steps=settings.log_handshake)
    if server:
        require_protocol(context)
    else:
        context.set_alpn_protos([DICOM_PROTOCOL])
    return context


def _set_suites(context: SSL.Context, settings: TlsSettings, chosen: Profile) -> None:
    """Set versions and suites; the library's default list also holds CBC and static RSA."""
    suites = _usable_suites(settings, chosen)
    tls13 = [each for each in suites if each.tls13]
    tls12 = [each for each in suites if not each.tls13]
    context.set_min_proto_version(chosen.minimum_version if tls12 else SSL.TLS1_3_VERSION)
    if not tls13:
        context.set_max_proto_version(SSL.TLS1_2_VERSION)
    # Without a suite of TLS 1.2 the string only sets the level, which counts for 1.3 as well.
    level = f"@SECLEVEL={chosen.security_level}"
    names = [each.openssl_name or "" for each in tls12] or ["ECDHE+AESGCM"]
    context.set_cipher_list(":".join([*names, level]).encode("ascii"))
    context.set_tls13_ciphersuites(
        ":".join(each.openssl_name or "" for each in tls13).encode("ascii")
    )


def _set_options(context: SSL.Context) -> None:
    # Resumption is off on both sides: a resumed session would bring the peer's certificate
    # along without checking it again.
    context.set_options(
        SSL.OP_CIPHER_SERVER_PREFERENCE
        | SSL.OP_NO_RENEGOTIATION
        | SSL.OP_NO_COMPRESSION
        | SSL.OP_NO_TICKET
    )
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    # An empty session id context makes OpenSSL fail, rather than fall back to a full handshake,
    # when a client presents a session.
    context.set_session_id(secrets.token_bytes(16))


def _set_credentials(context: SSL.Context, settings: TlsSettings, credentials: Credentials) -> None:
    check_strength(credentials, settings.profile)
    try:
        context.use_certificate(credentials.certificate)
        for intermediate in credentials.chain:
            context.add_extra_chain_cert(intermediate)
        context.use_privatekey(credentials.private_key)
        context.check_privatekey()
    except (SSL.Error, crypto.Error) as error:
        raise TlsError(
            DicomErrorCode.CERTIFICATE_LOAD_FAILED,
            f"OpenSSL refuses the certificate of {credentials.certificate_path}: {error}. "
            "Have one issued that the TLS profile allows.",
            stage="certificate",
            certificate=describe(credentials.certificate),
        ) from error


def _set_trust(context: SSL.Context, settings: TlsSettings, role: Role) -> None:
    mode = 0
    for flag, value in _SSL_MODES:
        if settings.verify & flag:
            mode |= value
    verify_peer(context, mode, role)
    context.set_verify_depth(settings.verify_depth)
    if settings.verify is VerifyMode.NONE:
        _log.warning(
            "The certificate of the %s is not verified (verification mode NONE): anybody can "
            "pose as it.",
            role.peer.value,
        )
    if settings.ca_file is None:
        if settings.verify is VerifyMode.NONE:
            return
        raise TlsError(
            DicomErrorCode.CERTIFICATE_LOAD_FAILED,
            f"The certificate of the {role.peer.value} is to be verified, but no file of "
            "trusted CA certificates is set. Set the CA file.",
            stage="certificate",
        )
    store = context.get_cert_store()
    if store is None:  # pragma: no cover - a context always has one
        return
    for trusted in load_trusted(settings.ca_file):
        store.add_cert(crypto.X509.from_cryptography(trusted))
    store.set_flags(crypto.X509StoreFlags.X509_STRICT)

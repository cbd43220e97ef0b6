"""TLS settings, and the pyOpenSSL context that is made of them."""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass
from typing import Literal

from OpenSSL import SSL, crypto

from leaddicom.enums import VerifyMode
from leaddicom.errors import DicomErrorCode, ParameterError, TlsError
from leaddicom.tls.credentials import Credentials
from leaddicom.tls.dhe import set_dhe_group
from leaddicom.tls.key_log import log_keys
from leaddicom.tls.openssl import set_signature_algorithms
from leaddicom.tls.own_certificates import set_credentials
from leaddicom.tls.profiles import DEFAULT_PROFILE, Profile, profile
from leaddicom.tls.sessions import allow_resumption
from leaddicom.tls.suites import (
    CipherSuite,
    Ciphersuite,
    KeyExchangeAlgorithm,
    suite,
    unsupported_reason,
)
from leaddicom.tls.trust import Paths, fill_store
from leaddicom.tls.verification import (
    DICOM_PROTOCOL,
    Role,
    host_name,
    observe,
    require_protocol,
    require_server_names,
    verify_peer,
)

__all__ = ["TlsSettings", "build_context"]

_log = logging.getLogger(__name__)

_DHE = KeyExchangeAlgorithm.RSA_SIGNED_DHE

# What OpenSSL allows at level 2 by itself, less what no certificate here can have.
_SIGNATURE_ALGORITHMS = ":".join(
    (
        "ecdsa_secp256r1_sha256:ecdsa_secp384r1_sha384:ecdsa_secp521r1_sha512:ed25519:ed448",
        "rsa_pss_pss_sha256:rsa_pss_pss_sha384:rsa_pss_pss_sha512",
        "rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512",
        "rsa_pkcs1_sha256:rsa_pkcs1_sha384:rsa_pkcs1_sha512",
    )
)

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
        Name of the TLS profile (PS3.15 Annex B); see `leaddicom.tls.profiles.profile`.
    ca_file : str, path-like, tuple of them or None
        The trusted CAs: a PEM or DER file, a folder of such files under any names, or several of
        either.  Needed by every end that verifies its peer.
    crl_file : str, path-like, tuple of them or None
        Certificate revocation lists, given as the CAs are.  With them a certificate is refused
        if it was revoked, or if there is no current list of its issuer.
    crl_check : str
        Whether lists are needed for the whole ``"chain"`` below the root, or for the ``"leaf"``,
        the peer's own certificate, only.
    verify : VerifyMode
        What is asked of the peer's certificate.  The default is mutual authentication.
    verify_depth : int
        Longest chain: number of intermediate CAs between the peer's certificate and a trusted
        one.
    cipher_suites : tuple of Ciphersuite
        Suites to use, in order of preference, out of the profile's; empty for all of them.  A
        list without suites of a TLS version switches that version off.
    minimum_version : str or None
        Lowest TLS version, ``"TLSv1.2"`` or ``"TLSv1.3"``; `None` for the profile's.
    log_handshake : bool
        Whether every step of the handshake is logged at DEBUG.
    check_host_name : bool
        Whether a client compares the server's certificate with the host it connected to; with
        `verify` NONE it does not.
    server_name : str or None
        Name or IP address to compare instead of the host.
    server_names : tuple of str
        For a server: the DNS names under which it is known; a client that asks for another one
        (SNI, RFC 6066 section 3) gets the alert unrecognized_name.  One that asks for none, as
        most DICOM clients do, is served.  Empty for any name.
    key_log : bool
        Whether the keys of each connection are written to the file that the environment variable
        SSLKEYLOGFILE names, if it does.  Whoever has them can read what was sent: only for
        finding faults.
    session_resumption : bool
        Whether a client that comes back within five minutes need not show its certificate again.
        It saves both ends the signatures of a full handshake, and costs a server memory, some 12
        KiB for each in that time.  Certificates and revocation lists are checked as in a full
        one.  Who overrides `LDicomNet.OnVerify` resumes nothing.

    Raises
    ------
    ParameterError
        If a setting is impossible, a suite is not in the profile, or OpenSSL lacks it.
    """

    profile: str = DEFAULT_PROFILE
    ca_file: Paths | None = None
    crl_file: Paths | None = None
    crl_check: Literal["leaf", "chain"] = "chain"
    verify: VerifyMode = _MUTUAL
    verify_depth: int = 9
    cipher_suites: tuple[Ciphersuite, ...] = ()
    minimum_version: Literal["TLSv1.2", "TLSv1.3"] | None = None
    log_handshake: bool = False
    check_host_name: bool = True
    server_name: str | None = None
    server_names: tuple[str, ...] = ()
    key_log: bool = False
    session_resumption: bool = False

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
        if self.minimum_version not in (None, "TLSv1.2", "TLSv1.3"):
            raise ParameterError(
                f"minimum_version is {self.minimum_version!r}, but must be 'TLSv1.2', 'TLSv1.3' "
                "or None."
            )
        if self.crl_check not in ("leaf", "chain"):
            raise ParameterError(f"crl_check is {self.crl_check!r}, but must be 'leaf' or 'chain'.")
        for name in self.server_names:
            if host_name(name) is None:
                raise ParameterError(
                    f"{name!r} in server_names is no DNS name; clients ask for no others, and "
                    "those that connect to an address ask for none."
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
    if wanted not in chosen.suites:
        raise ParameterError(
            f"The cipher suite {name} is not in the profile {chosen.name!r}, which allows: "
            f"{_suite_names(chosen)}."
        )


def _suite_names(chosen: Profile) -> str:
    return ", ".join(each.constant.name for each in chosen.suites)


def _usable_suites(settings: TlsSettings, chosen: Profile) -> list[CipherSuite]:
    """Give the suites to use, in order of preference."""
    suites = [suite(each) for each in settings.cipher_suites] or chosen.suites
    return [each for each in suites if each.tls13 or settings.minimum_version != "TLSv1.3"]


def build_context(
    settings: TlsSettings, credentials: tuple[Credentials, ...], role: Role
) -> SSL.Context:
    """Build the pyOpenSSL context for connections of one role.

    It can be shared by connections in any number of threads, and cannot be changed once the
    first connection was made from it: to renew certificates, build another one.

    Parameters
    ----------
    settings : TlsSettings
        What to allow and to ask.
    credentials : tuple of Credentials
        What to show, at most one for each kind of key; a server needs at least one.
    role : Role
        Which end its connections are.

    Raises
    ------
    TlsError
        If something is missing, unreadable or too weak; the message says what.
    """
    chosen = profile(settings.profile)
    if chosen.weakness is not None:
        _log.warning(
            "The TLS profile %r (%s) is retired, since %s. Use it for peers that know nothing "
            "better, and only until they can speak %r.",
            chosen.name,
            chosen.section,
            chosen.weakness,
            DEFAULT_PROFILE,
        )
    server = role is Role.SERVER
    context = SSL.Context(SSL.TLS_SERVER_METHOD if server else SSL.TLS_CLIENT_METHOD)
    _set_suites(context, settings, chosen)
    _set_options(context)
    if settings.session_resumption:
        allow_resumption(context, role)
    set_credentials(context, chosen, credentials, role)
    _set_trust(context, settings, chosen, role)
    observe(context, log_steps=settings.log_handshake)
    log_keys(context, allowed=settings.key_log)
    if server:
        require_protocol(context)
        if any(each.key_exchange is _DHE for each in _usable_suites(settings, chosen)):
            set_dhe_group(context)
        if settings.server_names:
            require_server_names(context, settings.server_names)
    else:
        context.set_alpn_protos([DICOM_PROTOCOL])
    return context


def _set_suites(context: SSL.Context, settings: TlsSettings, chosen: Profile) -> None:
    """Set versions and suites; the library's default list also holds CBC and static RSA."""
    suites = _usable_suites(settings, chosen)
    tls13 = [each for each in suites if each.tls13]
    tls12 = [each for each in suites if not each.tls13]
    lowest = SSL.TLS1_2_VERSION if settings.minimum_version else chosen.minimum_version
    context.set_min_proto_version(lowest if tls12 else SSL.TLS1_3_VERSION)
    if not tls13:
        context.set_max_proto_version(SSL.TLS1_2_VERSION)
    # Without a suite of TLS 1.2 the string only sets the level, which counts for 1.3 as well.
    level = f"@SECLEVEL={chosen.security_level}"
    names = [each.openssl_name or "" for each in tls12] or ["ECDHE+AESGCM"]
    context.set_cipher_list(":".join([*names, level]).encode("ascii"))
    context.set_tls13_ciphersuites(
        ":".join(each.openssl_name or "" for each in tls13).encode("ascii")
    )
    if chosen.security_level < 2 and "sha1" in chosen.forbidden_hashes:
        set_signature_algorithms(context, _SIGNATURE_ALGORITHMS)


def _set_options(context: SSL.Context) -> None:
    # No tickets, and no resumption unless `allow_resumption` says so.
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


def _set_trust(context: SSL.Context, settings: TlsSettings, chosen: Profile, role: Role) -> None:
    mode = 0
    for flag, value in _SSL_MODES:
        if settings.verify & flag:
            mode |= value
    context.set_verify_depth(settings.verify_depth)
    if settings.verify is VerifyMode.NONE:
        _log.warning(
            "The certificate of the %s is not verified (verification mode NONE): anybody can "
            "pose as it.",
            role.peer.value,
        )
    if settings.ca_file is None:
        if settings.verify is VerifyMode.NONE:
            verify_peer(context, mode, role, chosen)
            return
        raise TlsError(
            DicomErrorCode.CERTIFICATE_LOAD_FAILED,
            f"The certificate of the {role.peer.value} is to be verified, but no file of "
            "trusted CA certificates is set. Set the CA file.",
            stage="certificate",
        )
    revocations = fill_store(
        context.get_cert_store() or crypto.X509Store(),  # a context always has one
        settings.ca_file,
        settings.crl_file,
        leaf_only=settings.crl_check == "leaf",
    )
    verify_peer(context, mode, role, chosen, revocations.explain)

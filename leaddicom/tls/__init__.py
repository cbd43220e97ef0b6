"""TLS profiles, suites and settings, who the peer is, and why a handshake failed.

Everything here works on OpenSSL objects that it is handed; sockets, threads and clocks belong
to the transport.  One connection goes through it as follows::

    context = build_context(settings, credentials, role)             # once, for many connections
    connection = SSL.Connection(context, socket)
    check = partial(check_host_name, host=host)                      # for a client
    record = prepare(connection, role, host=host, check_identity=check)
    ... do_handshake(), verify_again(connection) ...                 # handshake_failure(...)
    link_facts(connection); peer_identity(connection)
    ... send(), recv_into() ...                                      # transfer_failure(...)
"""

from __future__ import annotations

from leaddicom.tls.credentials import Credentials, load_credentials
from leaddicom.tls.failures import (
    foreign_protocol,
    handshake_failure,
    tls_on_plain_port,
    transfer_failure,
)
from leaddicom.tls.identity import (
    LinkFacts,
    PeerIdentity,
    check_host_name,
    link_facts,
    peer_identity,
)
from leaddicom.tls.profiles import DEFAULT_PROFILE, PROFILES, Profile, profile
from leaddicom.tls.settings import TlsSettings, build_context
from leaddicom.tls.suites import (
    SUITES,
    AuthenticationAlgorithm,
    CipherSuite,
    Ciphersuite,
    EncryptionAlgorithm,
    IntegrityAlgorithm,
    KeyExchangeAlgorithm,
    suite,
    suite_by_openssl_name,
    unsupported_reason,
)
from leaddicom.tls.text import describe, printable
from leaddicom.tls.verification import (
    OnVerify,
    Role,
    Verification,
    VerifyFailure,
    prepare,
    verify_again,
)

__all__ = [
    "DEFAULT_PROFILE",
    "PROFILES",
    "SUITES",
    "AuthenticationAlgorithm",
    "CipherSuite",
    "Ciphersuite",
    "Credentials",
    "EncryptionAlgorithm",
    "IntegrityAlgorithm",
    "KeyExchangeAlgorithm",
    "LinkFacts",
    "OnVerify",
    "PeerIdentity",
    "Profile",
    "Role",
    "TlsSettings",
    "Verification",
    "VerifyFailure",
    "build_context",
    "check_host_name",
    "describe",
    "foreign_protocol",
    "handshake_failure",
    "link_facts",
    "load_credentials",
    "peer_identity",
    "prepare",
    "printable",
    "profile",
    "suite",
    "suite_by_openssl_name",
    "tls_on_plain_port",
    "transfer_failure",
    "unsupported_reason",
    "verify_again",
]

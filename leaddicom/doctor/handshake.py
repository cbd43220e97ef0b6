"""One TLS handshake that refuses nothing, and notes all that the server shows."""

from __future__ import annotations

import contextlib
import errno
import itertools
import select
import socket
import time

from cryptography import x509
from OpenSSL import SSL, crypto

from leaddicom.doctor.catalog import B13
from leaddicom.doctor.certificates import is_readable
from leaddicom.doctor.facts import Flaw, Handshake, Target
from leaddicom.doctor.sounding import Line
from leaddicom.errors import TlsError
from leaddicom.tls.credentials import Credentials
from leaddicom.tls.failures import handshake_failure
from leaddicom.tls.identity import link_facts, trusted_by_peer
from leaddicom.tls.suites import suite
from leaddicom.tls.text import name_text
from leaddicom.tls.trust import fill_store
from leaddicom.tls.verification import DICOM_PROTOCOL, Role, Verification, host_name

__all__ = ["inspect"]

# What OpenSSL calls the step in which a client is asked for its certificate.
_REQUEST = b"certificate request"
_MOST_FLAWS = 32


class _Notes:
    """What OpenSSL's callbacks tell."""

    def __init__(self) -> None:
        self.flaws: dict[tuple[int, int], Flaw] = {}
        self.asks_certificate = False
        self.record = Verification()

    def verify(
        self, _: SSL.Connection, certificate: crypto.X509, code: int, depth: int, ok: int
    ) -> bool:
        if not ok and len(self.flaws) < _MOST_FLAWS:
            try:
                subject = name_text(certificate.to_cryptography().subject)
            except Exception:  # noqa: BLE001 - nothing may escape into OpenSSL
                subject = "a certificate that cannot be decoded"
            self.flaws[code, depth] = Flaw(code, depth, subject)
        return True

    def step(self, connection: SSL.Connection, where: int, value: int) -> None:
        if where & SSL.SSL_CB_ALERT:
            if where & SSL.SSL_CB_READ and self.record.alert_received is None:
                self.record.alert_received = value & 0xFF or None
        elif where & SSL.SSL_CB_LOOP and _REQUEST in connection.get_state_string():
            self.asks_certificate = True


def inspect(line: Line, target: Target, credentials: Credentials | None) -> Handshake:
    """Do a handshake in whatever version and with whatever suite there is.

    Parameters
    ----------
    line : Line
        The way to the peer.
    target : Target
        Whom to ask for, and which CAs to trust.
    credentials : Credentials or None
        What to show of ourselves.

    Raises
    ------
    NetworkError
        There is no connection.
    TlsError
        The files of the trusted CAs cannot be used.
    """
    notes = _Notes()
    context = _context(target, credentials, notes)
    with line.connect() as sock:
        sock.settimeout(None)
        sock.setblocking(False)
        connection = SSL.Connection(context, sock)
        notes.record.own_certificate = None if credentials is None else credentials.certificate
        connection.set_connect_state()
        if (name := host_name(target.name)) is not None:
            connection.set_tlsext_host_name(name.encode("ascii"))
        failure = _shake_hands(connection, sock, line, notes)
        found = _observe(connection, notes, credentials, failure)
        with contextlib.suppress(SSL.Error, OSError):
            connection.shutdown()
        line.leave(sock)
        return found


def _context(target: Target, credentials: Credentials | None, notes: _Notes) -> SSL.Context:
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(SSL.TLS1_VERSION)
    context.set_cipher_list(b"ALL:@SECLEVEL=0")
    names = [suite(each).openssl_name or "" for each in B13.suites_tls13]
    context.set_tls13_ciphersuites(":".join(names).encode("ascii"))
    context.set_options(SSL.OP_NO_TICKET | SSL.OP_NO_RENEGOTIATION)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_alpn_protos([DICOM_PROTOCOL])
    if target.ca_file is not None:
        store = context.get_cert_store() or crypto.X509Store()  # a context always has one
        fill_store(store, target.ca_file, None, leaf_only=False)
    if credentials is not None:
        context.use_certificate(credentials.certificate)
        for each in credentials.chain:
            context.add_extra_chain_cert(each)
        context.use_privatekey(credentials.private_key)
    context.set_verify(SSL.VERIFY_PEER, notes.verify)
    context.set_info_callback(notes.step)
    return context


def _shake_hands(
    connection: SSL.Connection, sock: socket.socket, line: Line, notes: _Notes
) -> TlsError | None:
    deadline = time.monotonic() + line.timeout
    first_bytes = b""
    while True:
        with contextlib.suppress(OSError):  # before OpenSSL eats them
            first_bytes = first_bytes or sock.recv(16, socket.MSG_PEEK)
        try:
            connection.do_handshake()
            return None
        except (SSL.WantReadError, SSL.WantWriteError) as wanted:
            failed: Exception | None = _wait(sock, wanted, deadline)
        except (SSL.Error, OSError) as error:
            failed = error
        if failed is None:
            continue
        return handshake_failure(
            failed,
            role=Role.CLIENT,
            peer=f"{line.host}:{line.port}",
            verification=notes.record,
            first_bytes=first_bytes,
        )


def _wait(sock: socket.socket, wanted: SSL.Error, deadline: float) -> Exception | None:
    """Wait until OpenSSL can go on; give the error if it cannot in time."""
    is_writing = isinstance(wanted, SSL.WantWriteError)
    seconds = max(deadline - time.monotonic(), 0.0)
    if any(select.select([sock] * (not is_writing), [sock] * is_writing, [], seconds)):
        return None
    return TimeoutError(errno.ETIMEDOUT, "no answer in time")


def _observe(
    connection: SSL.Connection,
    notes: _Notes,
    credentials: Credentials | None,
    failure: TlsError | None,
) -> Handshake:
    facts = link_facts(connection) if failure is None else None
    own = () if credentials is None else (credentials.certificate, *credentials.chain)
    return Handshake(
        tls_version=facts.tls_version if facts else None,
        cipher_name=facts.cipher_name if facts else None,
        group=facts.group if facts else None,
        alpn=facts.alpn if facts else None,
        chain=_chain(connection),
        flaws=tuple(notes.flaws.values()),
        asks_certificate=notes.asks_certificate,
        # pyOpenSSL 26.2 cannot give them as cryptography's names.
        trusted_cas=trusted_by_peer(connection),
        own_issuers=tuple(name_text(each.issuer) for each in own),
        failure=None if failure is None else str(failure),
    )


def _chain(connection: SSL.Connection) -> tuple[x509.Certificate, ...]:
    try:
        shown = connection.get_peer_cert_chain(as_cryptography=True) or ()
    except ValueError:  # one of them cannot be decoded
        return ()
    return tuple(itertools.takewhile(is_readable, shown))

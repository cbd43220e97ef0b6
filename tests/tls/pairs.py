"""Two TLS ends in one thread, joined by memory: no socket, no waiting."""

from __future__ import annotations

from dataclasses import dataclass, field

from OpenSSL import SSL

from leaddicom.errors import DicomError
from leaddicom.tls import Role, Verification, handshake_failure, prepare, transfer_failure
from leaddicom.tls.credentials import Credentials
from leaddicom.tls.verification import observe

from .certificates import Issued

PEER = "pacs.example:2762"


@dataclass
class End:
    connection: SSL.Connection
    role: Role
    record: Verification
    error: Exception | None = None
    ready: bool = False
    first_bytes: bytes = b""
    received: list[bytes] = field(default_factory=list)

    def step(self) -> None:
        """Go on as far as the bytes at hand allow."""
        if self.error is not None:
            return
        try:
            if not self.ready:
                self.connection.do_handshake()
                self.ready = True
            self.received.append(self.connection.recv(65536))
        except SSL.WantReadError:
            pass
        except SSL.Error as error:
            self.error = error

    def take(self) -> bytes:
        try:
            return self.connection.bio_read(65536)
        except SSL.WantReadError:
            return b""

    def give(self, data: bytes) -> None:
        self.first_bytes = self.first_bytes or data[:8]
        self.connection.bio_write(data)

    @property
    def failure(self) -> DicomError:
        assert self.error is not None, f"the {self.role.value} has not failed"
        if self.ready:
            return transfer_failure(
                self.error,
                role=self.role,
                peer=PEER,
                verification=self.record,
                data_received=bool(self.received),
            )
        return handshake_failure(
            self.error,
            role=self.role,
            peer=PEER,
            verification=self.record,
            first_bytes=self.first_bytes,
        )


def end_of(context: SSL.Context, role: Role, **options) -> End:
    connection = SSL.Connection(context, None)
    return End(connection, role, prepare(connection, role, **options))


def run(client: End, server: End) -> None:
    """Exchange bytes until nothing moves any more."""
    client.step()
    while True:
        moved = False
        for source, target in ((client, server), (server, client)):
            data = source.take()
            if data:
                target.give(data)
                target.step()
                moved = True
        if not moved:
            return


def connect(client_context: SSL.Context, server_context: SSL.Context, **client) -> tuple[End, End]:
    ends = end_of(client_context, Role.CLIENT, **client), end_of(server_context, Role.SERVER)
    run(*ends)
    return ends


def credentials(*issued: Issued) -> tuple[Credentials, ...]:
    return tuple(
        Credentials(each.certificate, each.chain, each.key, "own.pem", "own.key") for each in issued
    )


def careless_context(role: Role, issued: Issued | None, version: int | None = None) -> SSL.Context:
    """Return a context that shows anything and checks nothing."""
    context = SSL.Context(SSL.TLS_SERVER_METHOD if role is Role.SERVER else SSL.TLS_CLIENT_METHOD)
    context.set_cipher_list(b"ALL:@SECLEVEL=0")
    if version is not None:
        context.set_min_proto_version(version)
        context.set_max_proto_version(version)
    if issued is not None:
        context.use_certificate(issued.certificate)
        for each in issued.chain:
            context.add_extra_chain_cert(each)
        context.use_privatekey(issued.key)
    observe(context)
    return context

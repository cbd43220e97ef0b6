"""Servers and clients for the tests of the facade, all of them recorded and all of them closed."""

from __future__ import annotations

import functools
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from leaddicom import (
    DICOM_SECURE_NONE,
    DICOM_SECURE_TLS,
    Ciphersuite,
    LDicomAssociate,
    LDicomNet,
    Limits,
    TlsSettings,
    supported,
)
from leaddicom.dimse.messages import MESSAGE_TYPES
from leaddicom.testing.certificates import VARIANTS, IssuedCertificate, ThrowAwayPki
from leaddicom.testing.recorder import Recorder

ECHO_CLASS = "1.2.840.10008.1.1"
IMPLICIT = "1.2.840.10008.1.2"

#: Short, so that a test that runs into a deadline by mistake fails soon.
LIMITS = Limits(
    connect_timeout=5.0,
    handshake_timeout=5.0,
    artim_timeout=5.0,
    associate_timeout=5.0,
    response_timeout=5.0,
    release_timeout=5.0,
    abort_timeout=0.5,
)

TLS12 = (
    Ciphersuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    Ciphersuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
)
TLS13 = (Ciphersuite.TLS_AES_128_GCM_SHA256,)

#: Ways to connect: mode, and the suites that allow one TLS version only.
LINKS = {
    "plain": (DICOM_SECURE_NONE, ()),
    "TLS 1.2": (DICOM_SECURE_TLS, TLS12),
    "TLS 1.3": (DICOM_SECURE_TLS, TLS13),
}
TLS_LINKS = ["TLS 1.2", "TLS 1.3"]

Net = TypeVar("Net", bound=LDicomNet)


def new_net(
    kind: type[Net],
    mode: int,
    pki: ThrowAwayPki,
    issued: IssuedCertificate | None,
    *,
    limits: Limits | None = None,
    folder: Path | None = None,
    **settings: Any,
) -> Net:
    """Make an object that trusts the PKI and shows a certificate, if it speaks TLS."""
    net = kind(folder, mode, False)
    net.Initialize(folder, mode, TlsSettings(**{"ca_file": str(pki.ca_file), **settings}))
    if mode == DICOM_SECURE_TLS and issued is not None:
        net.SetServerCertificateTLS(str(issued.certificate_file), 1, str(issued.key_file))
    if limits is not None:
        net.limits = limits
    return net


class Nets:
    """Makes recorded servers and clients, and closes them.

    A certificate is the name of one of `ThrowAwayPki`'s variants, or any other name for a good
    one.
    """

    def __init__(self, pki: ThrowAwayPki) -> None:
        self.recorder = Recorder()
        self.wait_for = self.recorder.wait_for
        self.made: list[LDicomNet] = []
        self.pki = pki
        self._issued = _issued(pki)

    def certificate(self, name: str) -> IssuedCertificate:
        return self._issued(name)

    def make(
        self,
        kind: type[Net] = LDicomNet,
        *,
        link: str = "plain",
        certificate: str | None = "good",
        limits: Limits = LIMITS,
        **settings: Any,
    ) -> Net:
        """Make an object of a class; `settings` are fields of `TlsSettings`."""
        mode, suites = LINKS[link]
        issued = None if certificate is None else self.certificate(certificate)
        settings = {"cipher_suites": suites, **settings}
        net = new_net(kind, mode, self.pki, issued, limits=limits, **settings)
        self.made.append(net)
        return self.recorder.watch(net)

    def server(
        self,
        kind: type[Net] = LDicomNet,
        *,
        address: str = "127.0.0.1",
        **options: Any,
    ) -> Net:
        """Make an object that listens."""
        server = self.make(kind, **options)
        server.Listen(address, 0)
        return server

    def connect(self, client: Net, server: LDicomNet, host: str = "127.0.0.1") -> Net:
        client.Connect(None, 0, host, server.GetHostInfo()[1])
        return client

    def client(
        self,
        server: LDicomNet,
        kind: type[Net] = LDicomNet,
        **options: Any,
    ) -> Net:
        """Make an object that connects to a server of this computer."""
        return self.connect(self.make(kind, **options), server)

    def associated(self, client: Net, request: LDicomAssociate | None = None) -> Net:
        """Have a client associated; its server accepts by itself."""
        client.SendAssociateRequest(request or associate_request())
        self.wait_for("OnReceiveAssociateAccept", net=client)
        return client

    def pair(
        self,
        server_kind: type[LDicomNet] = LDicomNet,
        client_kind: type[LDicomNet] = LDicomNet,
        request: LDicomAssociate | None = None,
        *,
        link: str = "plain",
        limits: Limits = LIMITS,
    ) -> tuple[LDicomNet, LDicomNet]:
        """Make a server and a client with an association; give the accepted object and it."""
        server = self.server(server_kind, link=link, limits=limits)
        client = self.client(server, client_kind, link=link, limits=limits)
        self.associated(client, request)
        return server.GetClient(0), client

    def close(self) -> None:
        for net in self.made:
            net.CloseForced(True)


def associate_request(
    *abstract_syntaxes: str,
    called: str = "SERVER",
    window: int | None = None,
    transfer_syntax: str = IMPLICIT,
) -> LDicomAssociate:
    """An A-ASSOCIATE-RQ with the contexts 1, 3, 5 ... in one transfer syntax."""
    request = LDicomAssociate(True)
    request.SetVersion(1)
    request.SetCalled(called)
    request.SetCalling("CLIENT")
    for index, uid in enumerate(abstract_syntaxes or (ECHO_CLASS,)):
        request.AddPresentation(2 * index + 1, 0, uid)
        request.AddTransfer(2 * index + 1, transfer_syntax)
    if window is not None:
        request.SetAsyncOperations(True, window, window)
    return request


def some_dataset(**elements: Any) -> Dataset:
    dataset = Dataset()
    for keyword, value in ({"PatientID": "4711", "Modality": "CT"} | elements).items():
        setattr(dataset, keyword, value)
    return dataset


class Mute(LDicomNet):
    """Answers nothing by itself."""

    supported_contexts = supported([ECHO_CLASS], [IMPLICIT, str(ExplicitVRLittleEndian)])


for _type in MESSAGE_TYPES.values():
    if _type.is_request:
        setattr(Mute, _type.event, lambda *_: None)


@functools.cache
def _issued(pki: ThrowAwayPki) -> Any:
    return functools.cache(lambda name: pki.variant(name) if name in VARIANTS else pki.issue(name))


def warnings_of(caplog: pytest.LogCaptureFixture, end: str) -> list[str]:
    """What one end has logged at WARNING and above: the end that is "from" or "to" somebody."""
    return [
        record.getMessage()
        for record in caplog.records
        if record.levelno >= logging.WARNING and record.threadName.startswith(f"DICOM {end} ")
    ]


def short(**changes: float) -> Limits:
    """The limits of these tests with some of them changed."""
    return replace(LIMITS, **changes)


@contextmanager
def raw_listener() -> Iterator[tuple[socket.socket, int]]:
    """A listening socket that does nothing by itself, and its port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(5)
        yield listening, listening.getsockname()[1]


def free_port() -> int:
    """A port of the loopback on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def ipv6_works() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


needs_ipv6 = pytest.mark.skipif(not ipv6_works(), reason="this computer has no IPv6 loopback")

"""The programs under test: a server and a client that remember what happened to them."""

from __future__ import annotations

import queue
import ssl
import struct
from dataclasses import dataclass, fields
from pathlib import Path
from typing import NamedTuple

from nets import associate_request, new_net
from pydicom.dataset import Dataset, FileMetaDataset

from leaddicom import DICOM_SECURE_TLS, LDicomNet, Limits, Status, supported
from leaddicom.testing.bugs import SOP_CLASS, SOP_INSTANCE, VERIFICATION
from leaddicom.testing.certificates import IssuedCertificate, ThrowAwayPki
from leaddicom.testing.peers import tls_context

EXPLICIT = "1.2.840.10008.1.2.1"

#: What any wait in a test may take; only a failure takes so long.
LONG = 20.0


def patient(**changes: float | None) -> Limits:
    """Limits whose deadlines do not come up in a test, except for those that it changes."""
    patience = {f.name: LONG for f in fields(Limits) if f.name.endswith("_timeout")}
    many = {"associations_per_address": 4_000, "associations": 4_000, "half_open": 4_000}
    return Limits(**{**patience, **many, "abort_timeout": 0.2, **changes})


class End(NamedTuple):
    """How a connection ended, by its `OnClose`, or by `OnConnect` if it never began."""

    code: int
    text: str
    net: LDicomNet


class Net(LDicomNet):
    """Remembers its ends; a server those of all its connections."""

    supported_contexts = supported([SOP_CLASS, VERIFICATION])
    limits = patient()

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)
        self.connected: queue.Queue[int] = queue.Queue()
        self.secured: queue.Queue[tuple[int, LDicomNet]] = queue.Queue()
        self.associated: queue.Queue[LDicomNet] = queue.Queue()
        self.answers: queue.Queue[tuple[int, int]] = queue.Queue()
        self.ends: queue.Queue[End] = queue.Queue()

    def OnConnect(self, error):
        self.connected.put(error)
        if error:  # no OnClose follows
            self.ends.put(End(error, str(self.error), self))

    def OnSecureLinkReady(self, error):
        self.secured.put((error, self))

    def OnClose(self, error, net):
        if net is self:
            self.ends.put(End(error, str(self.error or ""), self))

    def end(self) -> End:
        """Wait for the next end."""
        return self.ends.get(timeout=LONG)


class Server(Net):
    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)
        self.accepted: queue.Queue[int] = queue.Queue()
        self.requests: queue.Queue[int] = queue.Queue()

    def OnAccept(self, error):
        super().OnAccept(error)
        self.accepted.put(error)

    def OnReceiveAssociateRequest(self, associate):
        super().OnReceiveAssociateRequest(associate)
        self.associated.put(self)

    def OnReceiveCEchoRequest(self, presentation_id, message_id, sop_class):
        self.requests.put(message_id)
        self.SendCEchoResponse(presentation_id, message_id, sop_class, Status.SUCCESS)

    def OnReceiveCStoreRequest(self, presentation_id, message_id, sop_class, instance, *rest):
        self.SendCStoreResponse(presentation_id, message_id, sop_class, instance, Status.SUCCESS)


class Client(Net):
    """Associates; stores or echoes; releases after the answer."""

    def OnReceiveAssociateAccept(self, associate):
        self.associated.put(self)

    def OnReceiveCEchoResponse(self, presentation_id, message_id, sop_class, status):
        self.answers.put((message_id, status))

    def OnReceiveCStoreResponse(self, presentation_id, message_id, sop_class, instance, status):
        self.answers.put((message_id, status))

    def associate(self) -> None:
        """Request an association for storage (context 1) and verification (3)."""
        request = associate_request(SOP_CLASS, VERIFICATION, transfer_syntax=EXPLICIT)
        self.SendAssociateRequest(request)

    def associated_with(self, address: tuple[str, int]) -> Client:
        """Connect and wait for the association."""
        self.Connect(None, 0, *address)
        self.associate()
        self.associated.get(timeout=LONG)
        return self

    def echo(self) -> int:
        """Send a C-ECHO request and wait for the status."""
        self.SendCEchoRequest(3, 7, VERIFICATION)
        return self.answers.get(timeout=LONG)[1]

    def store(self, dataset, message_id: int = 1) -> None:
        """Send a C-STORE request."""
        self.SendCStoreRequest(1, message_id, SOP_CLASS, SOP_INSTANCE, 0, "", 0, dataset)


def write_instance(path: Path, pixel_bytes: int) -> Path:
    """Write a CT image whose pixel data are a hole in the file: it costs no disk."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = SOP_CLASS
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = SOP_INSTANCE
    dataset.file_meta.TransferSyntaxUID = EXPLICIT
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = f"{SOP_INSTANCE}.1", f"{SOP_INSTANCE}.2"
    dataset.save_as(path, enforce_file_format=True)
    with path.open("ab") as file:
        file.write(struct.pack("<HH2sxxL", 0x7FE0, 0x0010, b"OB", pixel_bytes))
        file.truncate(file.tell() + pixel_bytes)
    return path


@dataclass(frozen=True)
class Links:
    """How both ends of a test are linked: plain, or with mutual TLS."""

    mode: int
    pki: ThrowAwayPki
    of_server: IssuedCertificate
    of_client: IssuedCertificate

    @property
    def is_secure(self) -> bool:
        return self.mode == DICOM_SECURE_TLS

    def net(self, kind: type[Net], limits: Limits | None = None, folder: Path | None = None) -> Net:
        """Make a server or a client."""
        issued = self.of_server if issubclass(kind, Server) else self.of_client
        return new_net(kind, self.mode, self.pki, issued, limits=limits, folder=folder)

    def server(
        self,
        limits: Limits | None = None,
        kind: type[Server] = Server,
        folder: Path | None = None,
    ) -> Server:
        """Make a server that listens on a free port of 127.0.0.1."""
        server = self.net(kind, limits, folder)
        server.Listen("127.0.0.1", 0)
        return server

    def client(self, limits: Limits | None = None, kind: type[Client] = Client) -> Client:
        return self.net(kind, limits)

    def peer_tls(self, *, server: bool) -> ssl.SSLContext | None:
        """What a scripted peer needs to be the other end."""
        if not self.is_secure:
            return None
        issued = self.of_server if server else self.of_client
        return tls_context(
            server=server,
            ca_file=str(self.pki.ca_file),
            certificate_file=str(issued.certificate_file),
            key_file=str(issued.key_file),
        )

    def good_association(self, server: Net) -> None:
        """Somebody else is served: associate, C-ECHO, release."""
        client = self.client().associated_with(server.GetHostInfo())
        assert client.echo() == Status.SUCCESS
        client.SendReleaseRequest()
        assert client.end()[:2] == (0, "")

"""What connections cost: descriptors, threads, wake-ups, system calls."""

from __future__ import annotations

import ast
import os
import socket
import threading
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

import leaddicom
from leaddicom import LDicomDS, Limits
from leaddicom.testing.bugs import BuggyScu
from leaddicom.testing.peers import ScriptedPeer
from leaddicom.transport.stream import RECORD_LENGTH, PlainStream, TlsStream

from .conftest import dicom_threads, need_proc
from .nets import LONG, Client, Links, Server


def small_dataset() -> LDicomDS:
    dataset = Dataset()
    dataset.PatientID = "1"
    return LDicomDS(dataset)


# -- N8: many open descriptors -----------------------------------------------------------------


def test_everything_works_with_1100_other_files_open(links: Links, many_descriptors) -> None:
    """select.select gives up at 1,024, and pynetdicom takes that for a closed connection."""
    others = [os.open(os.devnull, os.O_RDONLY) for _ in range(1_100)]
    try:
        server = links.server()
        assert server._listener._waker.fileno() > 1_024
        links.good_association(server)
        client = links.client().associated_with(server.GetHostInfo())
        client.store(small_dataset())
        assert client.answers.get(timeout=LONG) == (1, 0)
        client.Close()
        server.Close()
    finally:
        for other in others:
            os.close(other)


# -- N9: idle associations ---------------------------------------------------------------------


def switches(threads: list[threading.Thread]) -> dict[str, int]:
    """Give how often each thread has been put on a processor."""
    need_proc()
    found = {}
    for thread in threads:
        status = Path(f"/proc/self/task/{thread.native_id}/status").read_text()
        counts = [line.split()[1] for line in status.splitlines() if "ctxt_switches" in line]
        found[f"{thread.name} {thread.native_id}"] = sum(map(int, counts))
    return found


def test_200_idle_associations_have_one_thread_per_end_that_never_wakes(
    links: Links, many_descriptors
) -> None:
    server = links.server()
    clients = [links.client().associated_with(server.GetHostInfo()) for _ in range(200)]
    assert [client.echo() for client in clients] == [0] * 200
    threads = dicom_threads()
    assert len(threads) == 1 + 2 * 200
    # The one second here is what is observed; nothing waits for it to pass.
    nothing = threading.Event()
    nothing.wait(0.2)
    before = switches(threads)
    nothing.wait(1.0)
    assert switches(threads) == before
    assert [client.echo() for client in clients] == [0] * 200  # they are alive
    for client in clients:
        client.Close()


def test_the_package_never_sleeps() -> None:
    """Nothing named `sleep`, but where other processes have a file locked: in `pki`, and in the
    store of worklists before it is open.
    """
    found = []
    package = Path(leaddicom.__file__).parent
    waiting = {*package.glob("pki/*.py"), package / "ups" / "store" / "sqlite.py"}
    for path in sorted(set(package.rglob("*.py")) - waiting):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.ImportFrom)
                else [getattr(node, "attr", getattr(node, "id", ""))]
            )
            if "sleep" in names:
                found.append(f"{path.name}:{node.lineno}")
    assert found == []


# -- N10, N11: how bytes leave -----------------------------------------------------------------


def test_both_ends_have_tcp_nodelay(links: Links) -> None:
    server = links.server()
    client = links.client().associated_with(server.GetHostInfo())
    for net in (client, server.GetClient(0)):
        sock = net.connection._socket
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
    client.Close()


@pytest.fixture
def sends(monkeypatch) -> list[int]:
    """The length of every `send` of a stream, with the name of its thread's end."""
    lengths: list[tuple[str, int]] = []
    for kind in (PlainStream, TlsStream):

        def send(self, data, original=kind.send):
            lengths.append((threading.current_thread().name.split()[1], len(data)))
            return original(self, data)

        monkeypatch.setattr(kind, "send", send)
    return lengths


def test_a_small_request_and_its_answer_leave_in_one_send_each(links: Links, sends) -> None:
    server = links.server()
    client = links.client().associated_with(server.GetHostInfo())
    sends.clear()
    client.store(small_dataset())
    assert client.answers.get(timeout=LONG) == (1, 0)
    # Command set and data set, two PDUs of about 120 and 30 bytes, are one send: "to" the server.
    assert [end for end, _ in sends] == ["to", "from"]
    assert sends[0][1] < RECORD_LENGTH
    client.Close()


def test_what_an_event_queues_leaves_in_one_send(links: Links, sends) -> None:
    class Eager(Client):
        def OnReceiveAssociateAccept(self, associate):
            self.SendCEchoRequest(3, 1, "1.2.840.10008.1.1")

    class Chatty(Server):
        def OnReceiveCEchoRequest(self, presentation_id, message_id, sop_class):
            for _ in range(9):
                self.SendCEchoResponse(presentation_id, message_id, sop_class, 0xFF00)
            super().OnReceiveCEchoRequest(presentation_id, message_id, sop_class)

    server = links.server(kind=Chatty)
    client = links.client(kind=Eager)
    client.Connect(None, 0, *server.GetHostInfo())
    client.associate()
    for _ in range(10):
        client.answers.get(timeout=LONG)
    from_server = [length for end, length in sends if end == "from"]
    assert len(from_server) == 2  # the A-ASSOCIATE-AC, and all of the ten responses
    client.Close()


def test_a_pdu_of_the_maximum_length_fills_its_tls_records() -> None:
    """N11: with pynetdicom's 16382 every PDU drags a record of 4 bytes behind it."""
    assert (Limits().maximum_pdu_length + 6) % 16_384 == 0


# -- N17: who the peer is ----------------------------------------------------------------------


class Asking(Server):
    """Lets in who has a certificate with the subject that it expects."""

    def OnReceiveAssociateRequest(self, associate):
        identity = self.peer_identity
        self.requests.put((identity, self.link_facts, associate.GetCalling()))
        super().OnReceiveAssociateRequest(associate)


def test_the_peers_certificate_is_there_when_it_asks_for_an_association(tls: Links, pki) -> None:
    server = tls.server(kind=Asking)
    with ScriptedPeer(BuggyScu(), tls.peer_tls(server=False)) as peer:
        peer.connect(server.GetHostInfo())
        peer.wait()
    identity, facts, calling = server.requests.get_nowait()
    assert identity.subject.startswith("CN=client,")
    assert identity.issuer == pki.root.subject
    assert [each.subject for each in identity.chain][-1] == pki.root.certificate.subject
    assert facts.tls_version == "TLSv1.3"
    assert calling == "BUGGY-SCU"


def test_there_is_no_certificate_without_tls(plain: Links) -> None:
    server = plain.server(kind=Asking)
    plain.good_association(server)
    assert server.requests.get_nowait()[:2] == (None, None)

"""Each code that can come, brought about through a real connection.

A case makes its code come to `OnConnect`, `OnSecureLinkReady` or `OnClose` of an `LDicomNet`, or
has a method of one raise it, and returns it.
"""

from __future__ import annotations

import errno
import queue
import socket
import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from nets import IMPLICIT, LIMITS, Mute, Nets, associate_request, free_port, short, some_dataset
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, JPEGLSLossless
from tls.revocation import write_lists

from leaddicom import (
    DICOM_SECURE_NONE,
    DICOM_SECURE_TLS,
    CertificateType,
    DicomError,
    DicomErrorCode,
    LDicomAssociate,
    LDicomDS,
    LDicomNet,
    Scu,
    VerifyMode,
    supported,
)
from leaddicom.enums import PduType, SslMethod
from leaddicom.error_codes import ALERT_CODES, ERRNO_CODES, VerifyCode, errno_code, verify_error
from leaddicom.error_table import NOT_PRODUCED
from leaddicom.ssl_context import L_SSL_CTX_CREATE
from leaddicom.testing.peers import Script, ScriptedPeer, Wire, client_hello, tls_context

from . import name_server
from .chains import CHAINS, Shown, leaf, replaced, root
from .faults import while_failing

Code = DicomErrorCode
TLS = {"link": "TLS 1.3"}


class Bench:
    """What a case works with."""

    def __init__(self, nets: Nets, folder: Path) -> None:
        self.nets = nets
        self.folder = folder

    def connect(self, address: tuple[str, int], client: LDicomNet | None = None) -> LDicomNet:
        client = client or self.nets.make()
        client.Connect(None, 0, *address)
        return client

    def on_connect(self, client: LDicomNet) -> int:
        (code,) = self.nets.wait_for("OnConnect", net=client)
        return code

    def on_close(self, net: LDicomNet) -> int:
        return self.nets.wait_for("OnClose", net=net)[0]

    def on_secure_link_ready(self, net: LDicomNet | None = None) -> int:
        (code,) = self.nets.wait_for("OnSecureLinkReady", net=net)
        return code

    def peer(self, script: Script, client: LDicomNet, event: Callable[..., int], **tls) -> int:
        """Have a client connect to a scripted server, and give what an event of it says."""
        with ScriptedPeer(script, tls_context(server=True, **tls) if tls else None) as peer:
            return event(self.connect(peer.listen(), client))

    def send_to_server(self, server: LDicomNet, data: bytes) -> int:
        """Send bytes to a server, and give how it closes the connection."""
        wire = Wire.connect(("127.0.0.1", server.GetHostInfo()[1]))
        wire.send(data)
        assert wire.hears_within(5.0)
        wire.close()
        return self.on_close(server)


Case = Callable[[Bench], int]
CASES: dict[DicomErrorCode, Case] = {}


def produces(code: DicomErrorCode) -> Callable[[Case], Case]:
    def note(case: Case) -> Case:
        assert code not in CASES
        CASES[code] = case
        return case

    return note


def raised(action: Callable[..., object], *arguments: object) -> int:
    with pytest.raises(DicomError) as caught:
        action(*arguments)
    return caught.value.code


# -- general ---------------------------------------------------------------------------------------


@produces(Code.SUCCESS)
def connects(bench: Bench) -> int:
    return bench.on_connect(bench.nets.client(bench.nets.server()))


def instance(transfer_syntax: str) -> Dataset:
    dataset = some_dataset(SOPClassUID=CTImageStorage, SOPInstanceUID="1.2.3")
    dataset.ensure_file_meta()
    dataset.file_meta.TransferSyntaxUID = transfer_syntax
    return dataset


class Storing(LDicomNet):
    """Queues a file, and spoils it before its turn comes."""

    file: Path
    spoil: Callable[[Path], None]

    def OnReceiveAssociateAccept(self, associate) -> None:
        dataset = LDicomDS.from_file(str(self.file))
        uids = dataset.sop_class_uid, dataset.sop_instance_uid
        self.SendCStoreRequest(1, 1, *uids, 0, "", 0, dataset)
        self.spoil(self.file)


def store_spoilt(bench: Bench, spoil: Callable[[Path], object]) -> int:
    class Archiving(Mute):
        supported_contexts = supported([CTImageStorage], [IMPLICIT])

    client = bench.nets.make(Storing)
    client.file, client.spoil = bench.folder / "instance.dcm", spoil
    instance(IMPLICIT).save_as(client.file, enforce_file_format=True)
    bench.nets.connect(client, bench.nets.server(Archiving))
    client.SendAssociateRequest(associate_request(CTImageStorage))
    return bench.on_close(client)


@produces(Code.OPEN)
def sends_a_file_that_is_gone(bench: Bench) -> int:
    return store_spoilt(bench, Path.unlink)


@produces(Code.READ)
def sends_a_file_that_has_shrunk(bench: Bench) -> int:
    return store_spoilt(bench, lambda path: path.write_bytes(path.read_bytes()[:-32]))


@produces(Code.WRITE)
def has_no_room_for_what_it_receives(bench: Bench) -> int:
    class Finding(Mute):
        def OnReceiveCFindRequest(self, presentation_id, message_id, sop_class_uid, *_) -> None:
            identifier = some_dataset(PatientComments="A" * 1000)
            self.SendCFindResponse(presentation_id, message_id, sop_class_uid, 0xFF00, identifier)

    client = LDicomNet(str(bench.folder / "nowhere"), DICOM_SECURE_NONE)
    client.limits = short(spool_threshold=10)
    bench.nets.made.append(bench.nets.recorder.watch(client))
    bench.nets.associated(bench.nets.connect(client, bench.nets.server(Finding)))
    client.SendCFindRequest(1, 1, "1.2.840.10008.1.1", 0, some_dataset())
    return bench.on_close(client)


@produces(Code.PARAMETER)
def sends_on_a_context_that_was_not_accepted(bench: Bench) -> int:
    _, client = bench.nets.pair()
    return raised(client.SendCEchoRequest, 99, 1, "1.2.840.10008.1.1")


@produces(Code.RANGE)
def asks_for_a_client_that_is_not_there(bench: Bench) -> int:
    return raised(bench.nets.server().GetClient, 0)


@produces(Code.PDU_TYPE)
def receives_what_is_no_pdu(bench: Bench) -> int:
    return bench.send_to_server(bench.nets.server(), b"\x2a\0\0\0\0\4abcd")


@produces(Code.PDU_LENGTH)
def receives_a_pdu_that_is_too_long(bench: Bench) -> int:
    return bench.send_to_server(bench.nets.server(), b"\1\0\xff\xff\xff\xff")


@produces(Code.PDU_ID)
def accepts_what_was_not_offered(bench: Bench) -> int:
    codes: queue.Queue[int] = queue.Queue()

    class Generous(LDicomNet):
        def OnReceiveAssociateRequest(self, associate) -> None:
            reply = LDicomAssociate(False)
            reply.AddPresentation(77, 0, "1.2.840.10008.1.1")
            reply.AddTransfer(77, IMPLICIT)
            codes.put(raised(self.SendAssociateAccept, reply))
            self.SendAssociateReject(1, 1, 1)

    client = bench.nets.client(bench.nets.server(Generous))
    client.SendAssociateRequest(associate_request())
    return codes.get(timeout=5)


# -- network ---------------------------------------------------------------------------------------


@produces(Code.NET_FAILURE)
def raises_in_an_event(bench: Bench) -> int:
    class Faulty(LDicomNet):
        def OnReceiveAssociateAccept(self, associate) -> None:
            raise LookupError("on purpose")

    client = bench.nets.client(bench.nets.server(), Faulty)
    client.SendAssociateRequest(associate_request())
    return bench.on_close(client)


def cannot_connect(call: str, error: int, bench: Bench) -> int:
    """Connect while the system answers one of the calls that it takes with an error."""
    server, client = bench.nets.server(), bench.nets.make()
    address = "127.0.0.1", server.GetHostInfo()[1]
    return while_failing(call, error, lambda: bench.on_connect(bench.connect(address, client)))


for _error in (errno.EACCES, errno.ENETDOWN, errno.ENOBUFS, errno.EHOSTUNREACH):
    CASES[errno_code(_error)] = partial(cannot_connect, "connect", _error)
for _error in (errno.EMFILE, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT):
    CASES[errno_code(_error)] = partial(cannot_connect, "socket", _error)


@produces(Code.NET_ADDRESS_IN_USE)
def listens_where_another_does(bench: Bench) -> int:
    port = bench.nets.server().GetHostInfo()[1]
    return raised(bench.nets.make().Listen, "127.0.0.1", port)


@produces(Code.NET_ADDRESS_NOT_AVAILABLE)
def listens_at_an_address_of_another_computer(bench: Bench) -> int:
    return raised(bench.nets.make().Listen, "192.0.2.1", 0)  # RFC 5737: of nobody


@produces(Code.NET_CONNECTION_ABORTED)
def is_aborted(bench: Bench) -> int:
    accepted, client = bench.nets.pair()
    accepted.SendAbort()
    return bench.on_close(client)


@produces(Code.NET_CONNECTION_REFUSED)
def is_rejected(bench: Bench) -> int:
    class Particular(LDicomNet):
        ae_title = "OTHER"

    client = bench.nets.client(bench.nets.server(Particular))
    client.SendAssociateRequest(associate_request(called="SERVER"))
    return bench.on_close(client)


@produces(Code.NET_CONNECTION_RESET)
def is_reset(bench: Bench) -> int:
    client = bench.nets.make()
    client_requests = Script().expect(PduType.ASSOCIATE_REQUEST).reset()
    with ScriptedPeer(client_requests) as peer:
        bench.connect(peer.listen(), client)
        client.SendAssociateRequest(associate_request())
        return bench.on_close(client)


@produces(Code.NET_INVALID)
def accepts_without_a_caller(bench: Bench) -> int:
    return raised(bench.nets.server().Accept, bench.nets.make())


@produces(Code.NET_IS_CONNECTED)
def listens_twice(bench: Bench) -> int:
    return raised(bench.nets.server().Listen, "127.0.0.1", 0)


@produces(Code.NET_UN_REACH)
def connects_to_a_multicast_address(bench: Bench) -> int:
    return bench.on_connect(bench.connect(("224.0.0.1", 104)))  # RFC 9293 section 3.9.2.3


@produces(Code.NET_NOT_CONNECTED)
def sends_without_an_association(bench: Bench) -> int:
    client = bench.nets.client(bench.nets.server())
    bench.on_connect(client)
    return raised(client.SendCEchoRequest, 1, 1, "1.2.840.10008.1.1")


@produces(Code.NET_OPERATION_NOT_SUPPORTED)
def calls_a_member_of_iscl(bench: Bench) -> int:
    return raised(bench.nets.make().SetAuthDataISCL, b"data", 4)


@produces(Code.NET_TIME_OUT)
def hears_nothing(bench: Bench) -> int:
    server = bench.nets.server(limits=short(artim_timeout=0.05))
    return bench.send_to_server(server, b"")


@produces(Code.NET_HOST_NOT_FOUND)
def connects_to_what_is_no_name(bench: Bench) -> int:
    return bench.on_connect(bench.connect(("label" * 20, 104)))


@produces(Code.NET_NO_DATA)
def connects_to_a_name_without_an_address(bench: Bench) -> int:
    return name_server.ask(0)


@produces(Code.NET_TRY_AGAIN)
def connects_while_the_name_server_fails(bench: Bench) -> int:
    return name_server.ask(2)


@produces(Code.NET_NOT_INITIALISED)
def listens_before_initialize(bench: Bench) -> int:
    return raised(LDicomNet(None, DICOM_SECURE_NONE, False).Listen, "127.0.0.1", 0)


@produces(Code.IPV4_IPV6_CONFLICT)
def connects_from_ipv6_to_ipv4(bench: Bench) -> int:
    client = bench.nets.make()
    client.Connect("::1", 0, "127.0.0.1", free_port())
    return bench.on_connect(client)


@produces(Code.CANCELED)
def closes_while_it_connects(bench: Bench) -> int:
    with socket.socket() as full, socket.socket() as first:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        first.connect(full.getsockname())  # the only place in the queue; others are not answered
        client = bench.connect(full.getsockname())
        client.Close()
        return bench.on_connect(client)


@produces(Code.TRANSFER_SYNTAX_NOT_SUPPORTED)
def sends_in_a_transfer_syntax_that_cannot_be(bench: Bench) -> int:
    class Narrow(Mute):
        supported_contexts = supported([CTImageStorage], [JPEGLSLossless])

    request = associate_request(CTImageStorage)
    request.SetTransfer(1, 0, JPEGLSLossless)
    _, client = bench.nets.pair(Narrow, request=request)
    dataset = LDicomDS(instance(ExplicitVRLittleEndian))
    return raised(client.SendCStoreRequest, 1, 1, CTImageStorage, "1.2.3", 0, "", 0, dataset)


@produces(Code.CLASS_NOT_SUPPORTED)
def echoes_where_only_instances_are_accepted(bench: Bench) -> int:
    class Archiving(Mute):
        supported_contexts = supported([CTImageStorage], [IMPLICIT])

    server = bench.nets.server(Archiving)
    with Scu(*server.GetHostInfo(), mode=DICOM_SECURE_NONE, limits=LIMITS) as scu:
        return raised(scu.echo)


# -- TLS alerts ------------------------------------------------------------------------------------


def record(level: int, number: int) -> bytes:
    """A TLS alert as it is before encryption begins (RFC 8446 section 6)."""
    return b"\x15\x03\x03\0\2" + bytes((level, number))


def is_told(number: int, bench: Bench, level: int = 2) -> int:
    """Get an alert in answer to a ClientHello."""

    def answer(wire: Wire) -> None:
        (length,) = struct.unpack(">3xH", wire.receive(5))
        wire.receive(length)
        wire.send(record(level, number))
        wire.raw_to_end()

    script = Script(secure=False).do(answer)
    return bench.peer(script, bench.nets.make(**TLS), bench.on_secure_link_ready)


def tells_a_server(number: int, bench: Bench) -> int:
    """Answer a server's first flight with an alert."""
    # With TLS 1.3 a user_canceled alone means nothing (RFC 8446 section 6.1).
    server = bench.nets.server(link="TLS 1.2")
    wire = Wire.connect(("127.0.0.1", server.GetHostInfo()[1]))
    wire.send(client_hello())
    wire.receive(5)
    wire.send(record(2, number))
    code = bench.on_secure_link_ready()
    wire.close()
    return code


for _number, _code in ALERT_CODES.items():
    CASES.setdefault(_code, partial(is_told, _number))
CASES[Code.TLS_CLOSE_NOTIFY] = partial(is_told, 0, level=1)
CASES[Code.TLS] = partial(is_told, 200)


# -- certificates ----------------------------------------------------------------------------------


def refuses(make: Callable[[], Shown], bench: Bench) -> int:
    """Give why a client refuses the certificate of a server."""
    shown = make()

    class Judge(LDicomNet):
        def OnVerify(self, ok: int, text: str, error: int, reason: str) -> int:
            return int(shown.allows(ok, error))

    certificate, key, trusted = shown.write(bench.folder)
    kind = LDicomNet if shown.overruled is None else Judge
    settings = {"ca_file": str(trusted), "verify_depth": shown.depth}
    if shown.lists:
        settings["crl_file"] = write_lists(bench.folder / "lists.crl", *shown.lists)
    client = bench.nets.make(kind, **TLS, **settings)
    context = tls_context(server=True)
    context.set_ciphers("DEFAULT@SECLEVEL=0")  # or it refuses to show its own weak certificate
    context.load_cert_chain(certificate, key)
    with ScriptedPeer(Script(), context) as peer:
        return bench.on_secure_link_ready(bench.connect(peer.listen(), client))


for _check, _make in CHAINS.items():
    CASES[verify_error(_check)] = partial(refuses, _make)


@produces(Code.TLS_CERTIFICATE_VERIFY_FAILED)
def is_shown_no_certificate(bench: Bench) -> int:
    server = bench.nets.server(**TLS)
    client = bench.nets.client(server, certificate=None, **TLS)
    bench.on_secure_link_ready(client)
    return bench.on_secure_link_ready()  # of the object that was accepted


@produces(Code.BAD_SECURE_MODE)
def receives_plain_dicom_where_tls_is_due(bench: Bench) -> int:
    server = bench.nets.server(**TLS)
    client = bench.nets.client(server)
    client.SendAssociateRequest(associate_request())
    return bench.on_secure_link_ready()


@produces(Code.CERTIFICATE_READ_FAILED)
def does_not_verify_a_garbled_certificate(bench: Bench) -> int:
    ca = root()
    good = leaf(ca)
    der = replaced(good, ca, b"\x82\x09localhost", b"\x82\x09localhos\xff")  # no IA5String
    certificate, key, _ = Shown(good, ca, leaf_der=der).write(bench.folder)
    client = bench.nets.make(**TLS, verify=VerifyMode.NONE)
    tls = {"certificate_file": certificate, "key_file": key}
    return bench.peer(Script(), client, bench.on_secure_link_ready, **tls)


# -- settings --------------------------------------------------------------------------------------


def set_certificate(net: LDicomNet, certificate: Path, key: Path) -> int:
    return raised(net.SetServerCertificateTLS, str(certificate), CertificateType.PEM, str(key))


@produces(Code.PRIVATE_KEY_LOAD_FAILED)
def has_no_password_for_its_key(bench: Bench) -> int:
    issued = bench.nets.certificate("encrypted_key")
    net = bench.nets.make(certificate=None, **TLS)
    return set_certificate(net, issued.certificate_file, issued.key_file)


@produces(Code.CERTIFICATE_LOAD_FAILED)
def listens_without_a_certificate(bench: Bench) -> int:
    return raised(bench.nets.make(certificate=None, **TLS).Listen, "127.0.0.1", 0)


@produces(Code.KEYS_MISMATCH)
def has_the_key_of_another(bench: Bench) -> int:
    one, other = bench.nets.certificate("good"), bench.nets.certificate("other")
    net = bench.nets.make(certificate=None, **TLS)
    return set_certificate(net, one.certificate_file, other.key_file)


_CONTEXTS = {
    Code.TLS_INVALID_CTX: {"method_type": SslMethod.SSLV2},
    Code.TLS_INVALID_CTX_VERIFY_DEPTH: {"verify_depth": -1},
    Code.TLS_INVALID_CTX_VERIFY_MODE: {"verify_mode": VerifyMode.CLIENT_ONCE},
    Code.TLS_INVALID_CTX_CAFILE: {"ca_file": "nowhere.pem"},
    Code.TLS_INVALID_CTX_OPTIONS: {"options": 1 << 40},
}


def initializes_with(fields: dict[str, object], bench: Bench) -> int:
    settings = {"ca_file": str(bench.nets.pki.ca_file)} | fields
    context = L_SSL_CTX_CREATE(**settings)
    net = LDicomNet(None, DICOM_SECURE_TLS, False)
    code = raised(net.Initialize, None, DICOM_SECURE_TLS, context)
    assert context.success == code
    return code


for _code, _fields in _CONTEXTS.items():
    CASES[_code] = partial(initializes_with, _fields)


# -- the tests -------------------------------------------------------------------------------------


@pytest.fixture
def bench(nets: Nets, tmp_path: Path) -> Bench:
    return Bench(nets, tmp_path)


@pytest.mark.parametrize("code", sorted(CASES), ids=lambda code: f"{code:d}-{code.name}")
def test_the_code_is_produced(bench: Bench, code: DicomErrorCode) -> None:
    produced = CASES[code](bench)
    assert isinstance(produced, int)
    assert produced == code


def test_every_code_is_produced_or_has_a_reason_why_not() -> None:
    assert set(CASES) | set(NOT_PRODUCED) == set(DicomErrorCode)
    assert not set(CASES) & set(NOT_PRODUCED)


@pytest.mark.parametrize("error", ERRNO_CODES, ids=errno.errorcode.get)
def test_every_error_of_the_system_has_its_code(bench: Bench, error: int) -> None:
    assert cannot_connect("connect", error, bench) == ERRNO_CODES[error]


def test_an_error_without_a_code_is_a_failure(bench: Bench) -> None:
    assert cannot_connect("connect", errno.EIO, bench) == Code.NET_FAILURE


@pytest.mark.parametrize("number", sorted({*ALERT_CODES} - {0}))
def test_every_alert_of_a_server_has_its_code(bench: Bench, number: int) -> None:
    assert is_told(number, bench) == ALERT_CODES[number]


@pytest.mark.parametrize("number", sorted({*ALERT_CODES} - {0}))
def test_every_alert_of_a_client_has_its_code(bench: Bench, number: int) -> None:
    assert tells_a_server(number, bench) == ALERT_CODES[number]


@pytest.mark.parametrize("check", CHAINS, ids=lambda check: check.name)
def test_a_refused_certificate_has_its_verify_code(bench: Bench, check: VerifyCode) -> None:
    code = refuses(CHAINS[check], bench)
    assert code == (191 if check == 50 else check + 158)
    (client,) = [net for net in bench.nets.made if net.connection is not None]
    assert client.error.verify_code == check


def test_a_name_that_does_not_exist() -> None:
    assert name_server.ask(3) == Code.NET_HOST_NOT_FOUND


def test_a_name_server_that_cannot_be_reached(bench: Bench) -> None:
    client = bench.nets.make()
    action = lambda: bench.on_connect(bench.connect(("pacs.example.", 104), client))  # noqa: E731
    assert while_failing("connect", errno.ENETUNREACH, action) == Code.NET_TRY_AGAIN

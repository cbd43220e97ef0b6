"""The normalized services with pynetdicom on the other end, as SCU and as SCP, over mutual TLS."""

from __future__ import annotations

import queue
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from nets import IMPLICIT, TLS_LINKS, Nets
from pydicom.dataset import Dataset
from pynetdicom import AE, build_role, evt

from interop.conftest import check_version
from leaddicom import (
    LDicomAssociate,
    LDicomDS,
    LDicomNet,
    Scu,
    SupportedContext,
    supported,
)

ROOT = "1.2.826.0.1.3680043.8.498"
MPPS = "1.2.840.10008.3.1.2.3.3"
COMMITMENT, COMMITMENT_INSTANCE = "1.2.840.10008.1.20.1", "1.2.840.10008.1.20.1.1"
PRINT = "1.2.840.10008.5.1.1.9"
FILM_SESSION, FILM_BOX = "1.2.840.10008.5.1.1.1", "1.2.840.10008.5.1.1.2"
PRINTER, PRINTER_INSTANCE = "1.2.840.10008.5.1.1.16", "1.2.840.10008.5.1.1.17"
CT = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"

PRINTER_STATUS, PRINTER_STATUS_INFO, PRINTER_NAME = 0x21100010, 0x21100020, 0x21100030

CONTEXTS = supported([MPPS, COMMITMENT, PRINT], [IMPLICIT])

MESSAGE_ID = 0xFFFE


def data_set(**elements: Any) -> Dataset:
    dataset = Dataset()
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


def referenced(sop_class: str, *instances: str, **more: Any) -> list[Dataset]:
    """Items of a sequence that refers to instances."""
    return [
        data_set(ReferencedSOPClassUID=sop_class, ReferencedSOPInstanceUID=each, **more)
        for each in instances
    ]


@dataclass(frozen=True)
class Exchange:
    """A request and its response.

    `between` is what a request has between the SOP instance and the data set; `reply` is the data
    set of the response.
    """

    service: str
    sop_class: str
    instance: str
    between: tuple[Any, ...] = ()
    sent: Dataset | None = None
    status: int = 0x0000
    reply: Dataset | None = None
    context: str = ""

    @property
    def abstract_syntax(self) -> str:
        return self.context or self.sop_class

    @property
    def has_data_set(self) -> bool:
        """Whether the parameters of the service's request include a data set."""
        return self.service not in ("NGet", "NDelete")


STEP = data_set(PerformedProcedureStepStatus="IN PROGRESS", Modality="CT")
COMMITMENT_REQUEST = data_set(
    TransactionUID=f"{ROOT}.1", ReferencedSOPSequence=referenced(CT, f"{ROOT}.2", f"{ROOT}.3")
)
FILM = data_set(
    ImageDisplayFormat="STANDARD\\1,1",
    ReferencedFilmSessionSequence=referenced(FILM_SESSION, f"{ROOT}.8"),
)

EXCHANGES = {
    # Modality Performed Procedure Step (PS3.4 Annex F.7)
    "MPPS is created": Exchange("NCreate", MPPS, f"{ROOT}.7", sent=STEP),
    "MPPS is there already": Exchange("NCreate", MPPS, f"{ROOT}.7", sent=STEP, status=0x0111),
    "MPPS is changed": Exchange(
        "NSet", MPPS, f"{ROOT}.7", sent=data_set(PerformedProcedureStepStatus="COMPLETED")
    ),
    "MPPS is changed, and the whole of it comes back": Exchange(
        "NSet", MPPS, f"{ROOT}.7", sent=STEP, reply=STEP
    ),
    "MPPS cannot be changed any more": Exchange(
        "NSet", MPPS, f"{ROOT}.7", sent=STEP, status=0x0110
    ),
    # Storage Commitment Push Model (PS3.4 Annex J.3)
    "commitment is requested": Exchange(
        "NAction", COMMITMENT, COMMITMENT_INSTANCE, (1,), sent=COMMITMENT_REQUEST
    ),
    "commitment has no such action": Exchange(
        "NAction", COMMITMENT, COMMITMENT_INSTANCE, (0xFFFF,), status=0x0123
    ),
    # Print Management (PS3.4 Annex H): instances of many classes on the context of one
    "film session is created": Exchange(
        "NCreate",
        FILM_SESSION,
        f"{ROOT}.8",
        sent=data_set(NumberOfCopies="1", MemoryAllocation="9"),
        status=0xB600,
        reply=data_set(NumberOfCopies="1"),
        context=PRINT,
    ),
    "film session is created without attributes": Exchange(
        "NCreate", FILM_SESSION, f"{ROOT}.8", context=PRINT
    ),
    "film box is created": Exchange(
        "NCreate",
        FILM_BOX,
        f"{ROOT}.9",
        sent=FILM,
        reply=data_set(
            ReferencedImageBoxSequence=referenced("1.2.840.10008.5.1.1.4", f"{ROOT}.10")
        ),
        context=PRINT,
    ),
    "film box is printed": Exchange(
        "NAction", FILM_BOX, f"{ROOT}.9", (1,), status=0xB604, context=PRINT
    ),
    "printer's attributes are got": Exchange(
        "NGet",
        PRINTER,
        PRINTER_INSTANCE,
        ((PRINTER_STATUS, PRINTER_STATUS_INFO, PRINTER_NAME),),
        reply=data_set(PrinterStatus="NORMAL", PrinterStatusInfo="NORMAL", PrinterName="LASER"),
        context=PRINT,
    ),
    "printer's attributes are got, all of them": Exchange(
        "NGet",
        PRINTER,
        PRINTER_INSTANCE,
        ((),),
        reply=data_set(PrinterStatus="NORMAL"),
        context=PRINT,
    ),
    "printer lacks an attribute": Exchange(
        "NGet",
        PRINTER,
        PRINTER_INSTANCE,
        ((PRINTER_STATUS,),),
        status=0x0107,
        reply=data_set(PrinterStatus="WARNING"),
        context=PRINT,
    ),
    "printer has no such instance": Exchange(
        "NGet", PRINTER, f"{ROOT}.1", ((PRINTER_NAME,),), status=0x0112, context=PRINT
    ),
    "film session is deleted": Exchange("NDelete", FILM_SESSION, f"{ROOT}.8", context=PRINT),
    "film session is not there": Exchange(
        "NDelete", FILM_SESSION, f"{ROOT}.8", status=0x0112, context=PRINT
    ),
}


# -- their end ---------------------------------------------------------------------------------

#: pynetdicom's event, the prefix of SOP class and instance in the request, and its data set:
#: encoded in the request, and decoded in the event.
THEIRS = {
    "NCreate": (evt.EVT_N_CREATE, "Affected", "AttributeList", "attribute_list"),
    "NSet": (evt.EVT_N_SET, "Requested", "ModificationList", "modification_list"),
    "NGet": (evt.EVT_N_GET, "Requested", "", ""),
    "NAction": (evt.EVT_N_ACTION, "Requested", "ActionInformation", "action_information"),
    "NDelete": (evt.EVT_N_DELETE, "Requested", "", ""),
    "NReport": (evt.EVT_N_EVENT_REPORT, "Affected", "EventInformation", "event_information"),
}
BETWEEN = {"NAction": "ActionTypeID", "NReport": "EventTypeID", "NGet": "AttributeIdentifierList"}


@dataclass(frozen=True)
class Got:
    """A request as pynetdicom got it."""

    context: str
    message_id: int
    sop_class: str
    instance: str
    between: tuple[Any, ...]
    sent: Dataset | None


class Peer:
    """A pynetdicom entity that notes requests, and answers with a status and a data set."""

    def __init__(self, security: ssl.SSLContext) -> None:
        self.security = security
        self.forget()
        self.entity = AE("PYNETDICOM")
        self.handlers: list[Any] = [
            *((event, self._note, [service]) for service, (event, *_) in THEIRS.items()),
            (evt.EVT_DIMSE_RECV, lambda event: self.commands.put(event.message.command_set)),
        ]

    def forget(self) -> None:
        self.got: queue.Queue[Got] = queue.Queue()
        self.commands: queue.Queue[Dataset] = queue.Queue()
        self.status: int | Dataset = 0x0000
        self.reply: Dataset | None = None

    def _note(self, event: Any, service: str) -> Any:
        _, prefix, data, decoded = THEIRS[service]
        request = event.request
        between = getattr(request, BETWEEN[service]) if service in BETWEEN else None
        if service == "NGet":
            between = tuple(map(int, event.attribute_identifiers))
        encoded = getattr(request, data) if data else None
        self.got.put(
            Got(
                event.context.abstract_syntax,
                request.MessageID,
                getattr(request, f"{prefix}SOPClassUID"),
                getattr(request, f"{prefix}SOPInstanceUID"),
                () if between is None else (between,),
                getattr(event, decoded) if encoded and encoded.getvalue() else None,
            )
        )
        return self.status if service == "NDelete" else (self.status, self.reply)

    @contextmanager
    def associated(self, port: int, abstract_syntax: str, roles: Any = None) -> Iterator[Any]:
        """Have an association with us; for one request only, because of the races in it."""
        self.entity.add_requested_context(abstract_syntax, IMPLICIT)
        association = self.entity.associate(
            "127.0.0.1",
            port,
            ext_neg=roles,
            tls_args=(self.security, "localhost"),
            evt_handlers=self.handlers,
        )
        assert association.is_established
        try:
            yield association
        finally:
            association.release()


class TheirScp(Peer):
    """Listens until `close`, which takes half a second in pynetdicom."""

    def __init__(self, security: ssl.SSLContext) -> None:
        super().__init__(security)
        for supported_context in CONTEXTS:
            # With roles, because whoever reports on commitment comes as an SCP.
            self.entity.add_supported_context(
                supported_context.abstract_syntax, IMPLICIT, scu_role=True, scp_role=True
            )
        self.server = self.entity.start_server(
            ("127.0.0.1", 0), block=False, ssl_context=security, evt_handlers=self.handlers
        )
        self.port: int = self.server.server_address[1]
        self.close = self.server.shutdown

    def association_with(self, client: LDicomNet) -> Any:
        port = client.GetHostInfo()[1]
        [found] = [each for each in self.server.active_associations if each.requestor.port == port]
        return found


@pytest.fixture(scope="module")
def running(context: Callable[[str, ssl.Purpose], Any]) -> Iterator[Callable[[str], TheirScp]]:
    """Servers by TLS version, started when they are first wanted."""
    with ExitStack() as stack:

        @cache
        def start(link: str) -> TheirScp:
            return stack.enter_context(closing(TheirScp(context(link, ssl.Purpose.CLIENT_AUTH))))

        yield start


@pytest.fixture
def their_scp(running: Callable[[str], TheirScp]) -> Callable[[str], TheirScp]:
    """Gives the server for a TLS version as if it were new."""

    def renewed(link: str) -> TheirScp:
        server = running(link)
        server.forget()
        return server

    return renewed


@pytest.fixture
def their_scu(context: Callable[[str, ssl.Purpose], Any]) -> Callable[[str], Peer]:
    return lambda link: Peer(context(link, ssl.Purpose.SERVER_AUTH))


# -- our end -----------------------------------------------------------------------------------


class OurScp(LDicomNet):
    """Answers every request with one status and one data set."""

    supported_contexts = CONTEXTS
    status: int = 0x0000
    reply: Dataset | None = None

    def OnReceiveNCreateRequest(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        sop_instance_uid: str,
        dataset: LDicomDS | None,
    ) -> None:
        instance = sop_instance_uid or f"{ROOT}.99"
        self.SendNCreateResponse(
            presentation_id, message_id, sop_class_uid, instance, self.status, self.reply
        )

    def OnReceiveNSetRequest(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        sop_instance_uid: str,
        dataset: LDicomDS,
    ) -> None:
        self.SendNSetResponse(
            presentation_id, message_id, sop_class_uid, sop_instance_uid, self.status, self.reply
        )

    def OnReceiveNGetRequest(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        sop_instance_uid: str,
        attributes: Any,
        count: int,
    ) -> None:
        self.SendNGetResponse(
            presentation_id, message_id, sop_class_uid, sop_instance_uid, self.status, self.reply
        )

    def OnReceiveNActionRequest(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        sop_instance_uid: str,
        action: int,
        dataset: LDicomDS | None,
    ) -> None:
        self.SendNActionResponse(
            presentation_id,
            message_id,
            sop_class_uid,
            sop_instance_uid,
            self.status,
            action,
            self.reply,
        )

    def OnReceiveNDeleteRequest(
        self, presentation_id: int, message_id: int, sop_class_uid: str, sop_instance_uid: str
    ) -> None:
        self.SendNDeleteResponse(
            presentation_id, message_id, sop_class_uid, sop_instance_uid, self.status
        )

    def OnReceiveNReportRequest(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        sop_instance_uid: str,
        event: int,
        dataset: LDicomDS | None,
    ) -> None:
        self.SendNReportResponse(
            presentation_id,
            message_id,
            sop_class_uid,
            sop_instance_uid,
            self.status,
            event,
            self.reply,
        )


class OurScu(OurScp):
    """Keeps the command sets of responses to N-SET; takes reports too."""

    command: Dataset | None = None

    def OnReceiveNSetResponse(self, *arguments: Any) -> None:
        shown = self.GetCommandSet()
        self.command = shown.to_pydicom() if shown else None


def request_for(*abstract_syntaxes: str) -> LDicomAssociate:
    request = LDicomAssociate(True)
    request.SetCalled("PYNETDICOM")
    request.SetCalling("LEADDICOM")
    for number, uid in enumerate(abstract_syntaxes):
        request.AddPresentation(2 * number + 1, 0, uid)
        request.AddTransfer(2 * number + 1, IMPLICIT)
    return request


@pytest.fixture
def associated(nets: Nets) -> Callable[..., OurScu]:
    """Makes a client of ours with an association."""

    def associated(link: str, port: int, request: LDicomAssociate) -> OurScu:
        client = nets.make(OurScu, link=link)
        client.Connect(None, 0, "127.0.0.1", port)
        return nets.associated(client, request)

    return associated


def released(nets: Nets, client: LDicomNet) -> None:
    client.SendReleaseRequest()
    nets.wait_for("OnReceiveReleaseResponse", net=client)


def plain(dataset: LDicomDS | None) -> Dataset | None:
    return None if dataset is None else dataset.to_pydicom()


each_exchange = pytest.mark.parametrize("exchange", EXCHANGES.values(), ids=EXCHANGES)


# -- one request, one response -----------------------------------------------------------------


@pytest.mark.parametrize("link", TLS_LINKS)
@each_exchange
def test_as_scu(
    nets: Nets,
    their_scp: Callable[[str], TheirScp],
    associated: Callable[..., OurScu],
    exchange: Exchange,
    link: str,
) -> None:
    scp = their_scp(link)
    scp.status, scp.reply = exchange.status, exchange.reply
    client = associated(link, scp.port, request_for(exchange.abstract_syntax))
    check_version(client, link)
    data = (exchange.sent,) if exchange.has_data_set else ()
    send = getattr(client, f"Send{exchange.service}Request")
    send(1, MESSAGE_ID, exchange.sop_class, exchange.instance, *exchange.between, *data)
    response = nets.wait_for(f"OnReceive{exchange.service}Response", net=client)
    released(nets, client)
    assert scp.got.get_nowait() == Got(
        exchange.abstract_syntax,
        MESSAGE_ID,
        exchange.sop_class,
        exchange.instance,
        exchange.between,
        exchange.sent,
    )
    head, rest = response[:5], response[5:]
    assert head == (1, MESSAGE_ID, exchange.sop_class, exchange.instance, exchange.status)
    if exchange.service == "NDelete":
        assert rest == ()
    else:
        assert plain(rest[-1]) == exchange.reply


@pytest.mark.parametrize("link", TLS_LINKS)
@each_exchange
def test_as_scp(
    nets: Nets, their_scu: Callable[[str], Peer], exchange: Exchange, link: str
) -> None:
    server = nets.server(OurScp, link=link)
    server.status, server.reply = exchange.status, exchange.reply
    scu = their_scu(link)
    with scu.associated(server.GetHostInfo()[1], exchange.abstract_syntax) as association:
        check_version(server.GetClient(0), link)
        status, reply = their_request(association, exchange)
    assert status.Status == exchange.status
    assert reply == exchange.reply
    arguments = nets.wait_for(f"OnReceive{exchange.service}Request")
    assert arguments[:4] == (1, MESSAGE_ID, exchange.sop_class, exchange.instance)
    if exchange.has_data_set:
        assert (arguments[4:-1], plain(arguments[-1])) == (exchange.between, exchange.sent)
    elif exchange.service == "NGet":
        [attributes] = exchange.between
        assert arguments[4:] == (attributes, len(attributes))
    else:
        assert arguments[4:] == ()
    command = scu.commands.get_nowait()
    assert (command.AffectedSOPClassUID, command.AffectedSOPInstanceUID) == (
        exchange.sop_class,
        exchange.instance,
    )
    assert command.MessageIDBeingRespondedTo == MESSAGE_ID
    assert (command.CommandDataSetType == 0x0101) is (exchange.reply is None)
    assert exchange.service != "NAction" or command.ActionTypeID == exchange.between[0]


def their_request(association: Any, exchange: Exchange) -> tuple[Dataset, Dataset | None]:
    """Have pynetdicom send it; an empty data set, by which it means none, becomes `None`."""
    instance = (exchange.sop_class, exchange.instance, MESSAGE_ID, exchange.abstract_syntax)
    send = getattr(association, "send_n_" + exchange.service[1:].lower())
    data = (exchange.sent,) if exchange.has_data_set else ()
    answer = send(*data, *exchange.between, *instance)
    if exchange.service == "NDelete":
        return answer, None
    status, reply = answer
    return status, reply or None


def test_the_scp_may_name_the_instance_that_it_creates(
    nets: Nets,
    their_scp: Callable[[str], TheirScp],
    associated: Callable[..., OurScu],
    their_scu: Callable[[str], Peer],
) -> None:
    scp = their_scp("TLS 1.3")
    scp.reply = data_set(AffectedSOPInstanceUID=f"{ROOT}.98", NumberOfCopies="1")
    client = associated("TLS 1.3", scp.port, request_for(PRINT))
    client.SendNCreateRequest(1, MESSAGE_ID, FILM_SESSION, "", data_set(NumberOfCopies="1"))
    response = nets.wait_for("OnReceiveNCreateResponse", net=client)
    released(nets, client)
    assert scp.got.get_nowait().instance is None
    assert response[2:5] == (FILM_SESSION, f"{ROOT}.98", 0x0000)
    assert plain(response[5]) == data_set(NumberOfCopies="1")

    server = nets.server(OurScp, link="TLS 1.3")
    scu = their_scu("TLS 1.3")
    with scu.associated(server.GetHostInfo()[1], PRINT) as association:
        association.send_n_create(None, FILM_SESSION, None, MESSAGE_ID, PRINT)
    assert nets.wait_for("OnReceiveNCreateRequest")[2:] == (FILM_SESSION, "", None)
    assert scu.commands.get_nowait().AffectedSOPInstanceUID == f"{ROOT}.99"


def test_the_reason_of_a_failure_arrives_with_its_status(
    nets: Nets, their_scp: Callable[[str], TheirScp], associated: Callable[..., OurScu]
) -> None:
    scp = their_scp("TLS 1.3")
    scp.status = data_set(Status=0x0110, ErrorComment="not any more", ErrorID=0xA710)
    client = associated("TLS 1.3", scp.port, request_for(MPPS))
    client.SendNSetRequest(1, MESSAGE_ID, MPPS, f"{ROOT}.7", STEP)
    assert nets.wait_for("OnReceiveNSetResponse", net=client)[4] == 0x0110
    released(nets, client)
    assert client.command is not None
    assert (client.command.ErrorComment, client.command.ErrorID) == ("not any more", 0xA710)


def test_an_empty_data_set_is_one(
    nets: Nets, their_scp: Callable[[str], TheirScp], associated: Callable[..., OurScu]
) -> None:
    scp = their_scp("TLS 1.3")
    client = associated("TLS 1.3", scp.port, request_for(PRINT))
    client.SendNCreateRequest(1, MESSAGE_ID, FILM_SESSION, f"{ROOT}.8", Dataset())
    assert nets.wait_for("OnReceiveNCreateResponse", net=client)[4] == 0x0000
    released(nets, client)
    assert scp.commands.get_nowait().CommandDataSetType != 0x0101


# -- storage commitment (PS3.4 Annex J) --------------------------------------------------------

COMMITTED = 1
WITH_FAILURES = 2
RESULT = data_set(
    TransactionUID=f"{ROOT}.1",
    ReferencedSOPSequence=referenced(CT, f"{ROOT}.2"),
    FailedSOPSequence=referenced(CT, f"{ROOT}.3", FailureReason=0x0112),
)
#: Statuses of the one that gets the report: it takes it, or knows no such transaction.
STATUSES = [0x0000, 0x0115]

#: Who opens an association to report is its SCP (PS3.7 Annex D.3.3.4).
AS_SCP = (SupportedContext(COMMITMENT, (IMPLICIT,), scu=False, scp=True),)


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("link", TLS_LINKS)
def test_their_report_comes_on_the_association_of_our_request(
    nets: Nets,
    their_scp: Callable[[str], TheirScp],
    associated: Callable[..., OurScu],
    link: str,
    status: int,
) -> None:
    scp = their_scp(link)
    client = associated(link, scp.port, request_for(COMMITMENT))
    client.status = status
    client.SendNActionRequest(1, 1, COMMITMENT, COMMITMENT_INSTANCE, 1, COMMITMENT_REQUEST)
    assert nets.wait_for("OnReceiveNActionResponse", net=client)[4:6] == (0x0000, 1)
    association = scp.association_with(client)
    answer, reply = association.send_n_event_report(
        RESULT, WITH_FAILURES, COMMITMENT, COMMITMENT_INSTANCE, MESSAGE_ID
    )
    assert (answer.Status, reply or None) == (status, None)
    *head, dataset = nets.wait_for("OnReceiveNReportRequest", net=client)
    assert head == [1, MESSAGE_ID, COMMITMENT, COMMITMENT_INSTANCE, WITH_FAILURES]
    assert plain(dataset) == RESULT
    released(nets, client)
    assert scp.got.get_nowait().sent == COMMITMENT_REQUEST


class ReportingScp(OurScp):
    """Reports as soon as it has answered a request for commitment."""

    def OnReceiveNActionRequest(self, presentation_id: int, *arguments: Any) -> None:
        super().OnReceiveNActionRequest(presentation_id, *arguments)
        instance = (COMMITMENT, COMMITMENT_INSTANCE)
        self.SendNReportRequest(presentation_id, MESSAGE_ID, *instance, WITH_FAILURES, RESULT)


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("link", TLS_LINKS)
def test_our_report_goes_on_the_association_of_their_request(
    nets: Nets, their_scu: Callable[[str], Peer], link: str, status: int
) -> None:
    server = nets.server(ReportingScp, link=link)
    scu = their_scu(link)
    scu.status = status
    with scu.associated(server.GetHostInfo()[1], COMMITMENT) as association:
        answer, _ = association.send_n_action(
            COMMITMENT_REQUEST, 1, COMMITMENT, COMMITMENT_INSTANCE, 1
        )
        response = nets.wait_for("OnReceiveNReportResponse")
    assert answer.Status == 0x0000
    head = (1, MESSAGE_ID, COMMITMENT, COMMITMENT_INSTANCE)
    assert response == (*head, status, WITH_FAILURES, None)
    assert scu.got.get_nowait() == Got(
        COMMITMENT, MESSAGE_ID, COMMITMENT, COMMITMENT_INSTANCE, (WITH_FAILURES,), RESULT
    )


class ListeningScu(OurScu):
    """Accepts that who calls it is an SCP."""

    supported_contexts = AS_SCP


@pytest.mark.parametrize("link", TLS_LINKS)
def test_their_report_comes_on_an_association_of_its_own(
    nets: Nets, their_scu: Callable[[str], Peer], link: str
) -> None:
    server = nets.server(ListeningScu, link=link)
    scp = their_scu(link)
    roles = [build_role(COMMITMENT, scu_role=False, scp_role=True)]
    with scp.associated(server.GetHostInfo()[1], COMMITMENT, roles) as association:
        accepted = server.GetClient(0).GetAssociate()
        assert accepted is not None
        assert (accepted.GetUserRole(1), accepted.GetProviderRole(1)) == (0, 1)
        answer, _ = association.send_n_event_report(
            RESULT, WITH_FAILURES, COMMITMENT, COMMITMENT_INSTANCE, MESSAGE_ID
        )
    assert answer.Status == 0x0000
    *head, dataset = nets.wait_for("OnReceiveNReportRequest")
    assert head == [1, MESSAGE_ID, COMMITMENT, COMMITMENT_INSTANCE, WITH_FAILURES]
    assert plain(dataset) == RESULT
    assert scp.commands.get_nowait().EventTypeID == WITH_FAILURES


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("link", TLS_LINKS)
def test_our_report_goes_on_an_association_of_its_own(
    nets: Nets,
    their_scu: Callable[[str], Peer],
    their_scp: Callable[[str], TheirScp],
    link: str,
    status: int,
) -> None:
    server = nets.server(OurScp, link=link)
    with their_scu(link).associated(server.GetHostInfo()[1], COMMITMENT) as association:
        association.send_n_action(COMMITMENT_REQUEST, 1, COMMITMENT, COMMITMENT_INSTANCE, 1)
    requested = plain(nets.wait_for("OnReceiveNActionRequest")[-1])
    assert requested == COMMITMENT_REQUEST

    listening = their_scp(link)
    listening.status = status
    titles = {"called_ae_title": "PYNETDICOM", "calling_ae_title": "LEADDICOM"}
    with Scu.like(server, "127.0.0.1", listening.port, **titles) as scu:
        result = scu.n_event_report(COMMITMENT, COMMITMENT_INSTANCE, WITH_FAILURES, RESULT)
        check_version(scu, link)
        [accepted] = listening.association_with(scu).accepted_contexts
        assert (accepted.as_scu, accepted.as_scp) == (True, False)
    assert (result.status, result.type_id) == (status, WITH_FAILURES)
    got = listening.got.get_nowait()
    assert (got.context, got.sop_class, got.instance) == (
        COMMITMENT,
        COMMITMENT,
        COMMITMENT_INSTANCE,
    )
    assert (got.between, got.sent) == ((WITH_FAILURES,), RESULT)

"""From what a connection tells to the events of LDicomNet, without a connection."""

from __future__ import annotations

from typing import Any

import pytest
from nets import ECHO_CLASS

from leaddicom import (
    AssociationError,
    DicomErrorCode,
    LDicomAssociate,
    LDicomDS,
    LDicomNet,
    Limits,
    TlsError,
)
from leaddicom.dimse.message import Message
from leaddicom.dimse.messages import (
    C_ECHO_RQ,
    C_STORE_RQ,
    MESSAGE_TYPES,
    N_GET_RQ,
    MessageType,
)
from leaddicom.dimse.sink import DataSetSink
from leaddicom.dispatch import EventSource
from leaddicom.enums import PduType
from leaddicom.testing.recorder import Recorder
from leaddicom.upper_layer.association import Associate, PresentationContext
from leaddicom.upper_layer.pdu import PduEnd
from leaddicom.upper_layer.protocol import (
    Abort,
    AssociateAccepted,
    AssociateRejected,
    AssociateRequested,
    ProviderAbort,
    ReleaseConfirmed,
    ReleaseRequested,
    Role,
)


class Quiet(LDicomNet):
    """Answers nothing: there is nobody to answer."""


for _type in MESSAGE_TYPES.values():
    setattr(Quiet, _type.event, lambda *_: None)
for _name in ("OnReceiveAssociateRequest", "OnReceiveReleaseRequest", "OnReceiveUnknown"):
    setattr(Quiet, _name, lambda *_: None)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def net(recorder: Recorder) -> Quiet:
    return recorder.watch(Quiet())


@pytest.fixture
def source(net: Quiet) -> EventSource:
    return EventSource(net, None)


def only(recorder: Recorder) -> tuple[str, tuple[Any, ...]]:
    (event,) = recorder.events
    return event.name, event.arguments


class TestConnection:
    ERROR = TlsError(DicomErrorCode.TLS_UNKNOWN_CA, "It is not trusted.")

    @pytest.mark.parametrize(
        ("method", "event"),
        [("on_connect", "OnConnect"), ("on_secure_link_ready", "OnSecureLinkReady")],
    )
    @pytest.mark.parametrize("error", [None, ERROR])
    def test_what_happened(
        self,
        net: Quiet,
        recorder: Recorder,
        source: EventSource,
        method: str,
        event: str,
        error: TlsError | None,
    ) -> None:
        getattr(source, method)(error)
        assert only(recorder) == (event, (0 if error is None else 141,))
        assert net.error is error
        assert net.GetErrorSecure() == (0 if error is None else 141)

    @pytest.mark.parametrize("error", [None, ERROR])
    def test_the_end(
        self, net: Quiet, recorder: Recorder, source: EventSource, error: TlsError | None
    ) -> None:
        source.connection = net._make_connection(Role.REQUESTOR, None)
        source.on_close(error)
        assert only(recorder) == ("OnClose", (0 if error is None else 141, net))
        assert net.error is error

    def test_an_error_is_forgotten_with_the_next_good_news(
        self, net: Quiet, source: EventSource
    ) -> None:
        source.on_connect(AssociationError(DicomErrorCode.NET_FAILURE, "x"))
        source.on_connect(None)
        assert net.error is None

    def test_pdus(self, recorder: Recorder, source: EventSource) -> None:
        source.on_received(PduEnd(PduType.RELEASE_REQUEST, 10, b"\x05\0\0\0\0\x04\0\0\0\0"))
        source.on_sent(memoryview(b"\x06\0\0\0\0\x04\0\0\0\0"))
        received, sent = recorder.events
        assert (received.name, received.arguments) == (
            "OnReceive",
            (0, 5, b"\x05\0\0\0\0\x04\0\0\0\0", 10),
        )
        assert (sent.name, sent.arguments) == ("OnSend", (0, 6, 10))


def associate(is_request: bool) -> Associate:
    context = PresentationContext(1, ECHO_CLASS if is_request else "", ["1.2.840.10008.1.2"])
    return Associate(is_request, presentation_contexts=[context])


class TestIndications:
    def test_associate_request(self, recorder: Recorder, source: EventSource) -> None:
        request = associate(True)
        source.on_indication(AssociateRequested(request))
        name, (given,) = only(recorder)
        assert name == "OnReceiveAssociateRequest"
        assert isinstance(given, LDicomAssociate)
        assert given.parameters == request
        given.SetCalled("OTHER")  # what was asked for stays as it was asked
        assert request.called_ae_title == ""

    def test_associate_accept_has_the_abstract_syntaxes_of_the_request(
        self, recorder: Recorder, source: EventSource
    ) -> None:
        source.on_indication(AssociateAccepted(associate(False), associate(True)))
        name, (given,) = only(recorder)
        assert name == "OnReceiveAssociateAccept"
        assert not given.IsRequest()
        assert given.GetAbstract(1) == ECHO_CLASS

    @pytest.mark.parametrize(
        ("indication", "event", "arguments"),
        [
            (AssociateRejected(1, 2, 3), "OnReceiveAssociateReject", (1, 2, 3)),
            (ReleaseRequested(), "OnReceiveReleaseRequest", ()),
            (ReleaseConfirmed(), "OnReceiveReleaseResponse", ()),
            (Abort(2, 6), "OnReceiveAbort", (2, 6)),
        ],
    )
    def test_others(
        self,
        recorder: Recorder,
        source: EventSource,
        indication: Any,
        event: str,
        arguments: tuple[int, ...],
    ) -> None:
        source.on_indication(indication)
        assert only(recorder) == (event, arguments)

    def test_an_own_abort_has_no_event_but_the_end(
        self, recorder: Recorder, source: EventSource
    ) -> None:
        source.on_indication(ProviderAbort(AssociationError(DicomErrorCode.NET_FAILURE, "x")))
        assert recorder.events == []


VALUES = {"US": 3, "UL": 4, "UI": "1.2.3", "AE": "AE", "LO": "text", "AT": (0x00100010,)}
ABSENT = {"US": 0, "UL": 0, "UI": "", "AE": "", "LO": "", "AT": ()}


def message(message_type: MessageType | None, command: dict[int, Any], data: Any = None) -> Message:
    return Message(5, command, message_type, data)


class TestMessages:
    @pytest.mark.parametrize("absent", [False, True], ids=["all", "mandatory"])
    @pytest.mark.parametrize("message_type", MESSAGE_TYPES.values(), ids=lambda each: each.name)
    def test_absent_parameters_are_empty(
        self,
        recorder: Recorder,
        source: EventSource,
        message_type: MessageType,
        absent: bool,
    ) -> None:
        command, expected = {}, []
        for parameter in message_type.parameters:
            vr = parameter.element.vr
            if parameter.required or not absent:
                command[parameter.element.element] = VALUES[vr]
                expected.append(VALUES[vr])
            else:
                expected.append(ABSENT[vr])
        source.on_message(message(message_type, command))
        name, arguments = only(recorder)
        if message_type is N_GET_RQ:
            assert arguments[-1] == len(arguments[-2])
            arguments = arguments[:-1]
        assert name == message_type.event
        assert list(arguments[: len(expected) + 1]) == [5, *expected]
        assert arguments[len(expected) + 1 :] in ((), (None,))

    def test_a_data_set_is_wrapped_with_the_limits_of_the_object(
        self, net: Quiet, recorder: Recorder
    ) -> None:
        net.limits = Limits(sequence_depth=3)
        sink = DataSetSink("1.2.840.10008.1.2", "", "", 1000, None)
        EventSource(net, None).on_message(message(C_STORE_RQ, {}, sink.finish()))
        _, arguments = only(recorder)
        assert isinstance(arguments[-1], LDicomDS)
        assert arguments[-1]._limits is net.limits

    def test_an_unknown_one(self, recorder: Recorder, source: EventSource) -> None:
        source.on_message(message(None, {0x0100: 0x0999, 0x0110: 7}))
        name, (context, command, dataset) = only(recorder)
        assert (name, context, dataset) == ("OnReceiveUnknown", 5, None)
        assert command.to_pydicom().MessageID == 7

    def test_the_message_is_known_inside_the_event_only(self, net: Quiet) -> None:
        seen = []
        net.OnReceiveCEchoRequest = lambda *_: seen.append(net.GetCommandSet())
        EventSource(net, None).on_message(message(C_ECHO_RQ, {0x0110: 3}))
        assert seen[0].to_pydicom().MessageID == 3
        assert net.GetCommandSet() is None

    def test_the_message_is_forgotten_after_an_exception_too(self, net: Quiet) -> None:
        net.OnReceiveCEchoRequest = lambda *_: 1 / 0
        with pytest.raises(ZeroDivisionError):
            EventSource(net, None).on_message(message(C_ECHO_RQ, {0x0110: 3}))
        assert net.message is None

    def test_on_receive_data_comes_first_if_somebody_wants_it(self) -> None:
        recorder = Recorder(pdus=True)
        EventSource(recorder.watch(Quiet()), None).on_message(message(C_ECHO_RQ, {0x0110: 3}))
        assert recorder.names() == ["OnReceiveData", "OnReceiveCEchoRequest"]
        assert recorder.wait_for("OnReceiveData")[1].to_pydicom().MessageID == 3


class TestOverrides:
    """Events that cost time for every PDU are only called if somebody wants them."""

    @pytest.mark.parametrize("event", ["OnSend", "OnReceive", "OnReceiveData"])
    def test_of_class_and_object(self, event: str) -> None:
        plain = LDicomNet()
        assert not plain.overrides(event)
        assert type("Own", (LDicomNet,), {event: lambda *_: None})().overrides(event)
        setattr(plain, event, lambda *_: None)
        assert plain.overrides(event)

"""The normalized services: what is sent, and what their results tell."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from nets import Nets, some_dataset
from pydicom.dataset import Dataset

from leaddicom import (
    AssociationError,
    DataSetError,
    LDicomDS,
    LDicomNet,
    NormalizedResult,
    ProtocolError,
    Scu,
    StatusError,
    SupportedContext,
    supported,
)
from leaddicom.dimse.messages import N_ACTION_RSP, N_CREATE_RSP, N_SET_RSP
from scu.conftest import MakeScu, offered, requests
from scu.servers import respond

UPS_PUSH, UPS_PULL = "1.2.840.10008.5.1.4.34.6.1", "1.2.840.10008.5.1.4.34.6.3"
COMMITMENT, COMMITMENT_INSTANCE = "1.2.840.10008.1.20.1", "1.2.840.10008.1.20.1.1"
INSTANCE = "1.2.3.4"
DATA = some_dataset()


def plain(value: Any) -> Any:
    return value.to_pydicom() if isinstance(value, LDicomDS) else value


class NormalizedScp(LDicomNet):
    """Answers each service with its request, as far as that can be."""

    supported_contexts = (
        *supported([UPS_PUSH, UPS_PULL]),
        SupportedContext(COMMITMENT, ("1.2.840.10008.1.2",), True, True),
    )

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.requests: list[tuple[Any, ...]] = []

    def note(self, *arguments: Any) -> tuple[Any, ...]:
        self.requests.append(tuple(map(plain, arguments[1:])))
        return arguments

    def OnReceiveNCreateRequest(self, *arguments: Any) -> None:
        context_id, message_id, uid, instance, dataset = self.note(*arguments)
        made = instance or "1.2.3.9"
        self.SendNCreateResponse(context_id, message_id, uid, made, 0, dataset)

    def OnReceiveNSetRequest(self, *arguments: Any) -> None:
        *names, dataset = self.note(*arguments)
        self.SendNSetResponse(*names, 0x0107, dataset)

    def OnReceiveNGetRequest(self, *arguments: Any) -> None:
        names = self.note(*arguments)[:4]
        self.SendNGetResponse(*names, 0, DATA)

    def OnReceiveNActionRequest(self, *arguments: Any) -> None:
        *names, action, dataset = self.note(*arguments)
        self.SendNActionResponse(*names, 0, action, dataset)

    def OnReceiveNDeleteRequest(self, *arguments: Any) -> None:
        self.SendNDeleteResponse(*self.note(*arguments), 0x0112)

    def OnReceiveNReportRequest(self, *arguments: Any) -> None:
        *names, event, dataset = self.note(*arguments)
        self.SendNReportResponse(*names, 0, event, dataset)


@pytest.fixture
def server(nets: Nets) -> NormalizedScp:
    return nets.server(NormalizedScp)


@pytest.fixture
def client(server: NormalizedScp, scu: MakeScu) -> Scu:
    return scu(server)


class TestNCreate:
    def test_of_a_named_instance(self, server: NormalizedScp, client: Scu) -> None:
        result = client.n_create(UPS_PUSH, INSTANCE, DATA)
        assert server.requests == [(1, UPS_PUSH, INSTANCE, DATA)]
        assert result == NormalizedResult(
            operation="N-CREATE",
            peer=f"{client.host}:{client.port}",
            status=0,
            meaning="Success",
            comment="",
            sop_class_uid=UPS_PUSH,
            sop_instance_uid=INSTANCE,
            type_id=None,
            dataset=DATA,
        )
        assert result.is_success
        result.check()

    def test_of_an_instance_that_the_peer_names(self, server: NormalizedScp, client: Scu) -> None:
        result = client.n_create(UPS_PUSH)
        assert server.requests == [(1, UPS_PUSH, "", None)]
        assert (result.sop_instance_uid, result.dataset) == ("1.2.3.9", None)


class TestNSet:
    def test_may_be_done_with_a_warning(self, server: NormalizedScp, client: Scu) -> None:
        result = client.n_set(UPS_PUSH, INSTANCE, DATA)
        assert server.requests == [(1, UPS_PUSH, INSTANCE, DATA)]
        assert (result.operation, result.status) == ("N-SET", 0x0107)
        assert not result.is_success
        assert not result.is_failure
        result.check()


class TestNGet:
    def test_names_attributes_by_tag_or_keyword(self, server: NormalizedScp, client: Scu) -> None:
        result = client.n_get(UPS_PUSH, INSTANCE, ["PatientID", 0x00080060])
        assert server.requests == [(1, UPS_PUSH, INSTANCE, (0x00100020, 0x00080060), 2)]
        assert (result.operation, result.dataset) == ("N-GET", DATA)

    def test_without_attributes_is_for_all(self, server: NormalizedScp, client: Scu) -> None:
        client.n_get(UPS_PUSH, INSTANCE)
        assert server.requests == [(1, UPS_PUSH, INSTANCE, (), 0)]

    def test_of_an_unknown_keyword_is_refused(self, client: Scu) -> None:
        with pytest.raises(ValueError, match="PatientIDD"):
            client.n_get(UPS_PUSH, INSTANCE, ["PatientIDD"])


class TestNAction:
    @pytest.mark.parametrize("dataset", [DATA, None])
    def test_has_a_type(self, server: NormalizedScp, client: Scu, dataset: Any) -> None:
        result = client.n_action(UPS_PUSH, INSTANCE, 3, dataset)
        assert server.requests == [(1, UPS_PUSH, INSTANCE, 3, dataset)]
        assert (result.operation, result.type_id, result.dataset) == ("N-ACTION", 3, dataset)


class TestNDelete:
    def test_that_fails(self, server: NormalizedScp, client: Scu) -> None:
        result = client.n_delete(UPS_PUSH, INSTANCE)
        assert server.requests == [(1, UPS_PUSH, INSTANCE)]
        assert (result.operation, result.meaning) == ("N-DELETE", "No Such SOP Instance")
        with pytest.raises(
            StatusError, match="answered the N-DELETE with 0112H, No Such"
        ) as caught:
            result.check()
        copied = pickle.loads(pickle.dumps(caught.value))
        assert (copied.status, str(copied)) == (0x0112, str(caught.value))


class TestNEventReport:
    def test_asks_for_the_role_of_the_scp(
        self, nets: Nets, server: NormalizedScp, client: Scu
    ) -> None:
        result = client.n_event_report(COMMITMENT, COMMITMENT_INSTANCE, 1, DATA)
        assert server.requests == [(1, COMMITMENT, COMMITMENT_INSTANCE, 1, DATA)]
        assert (result.operation, result.status, result.type_id) == ("N-EVENT-REPORT", 0, 1)
        (request,) = requests(nets)
        assert request.parameters.roles == {COMMITMENT: (False, True)}


class TestNegotiation:
    def test_is_of_the_sop_class_alone(self, nets: Nets, client: Scu) -> None:
        client.n_get(UPS_PUSH, INSTANCE)
        (request,) = requests(nets)
        assert [uid for uid, _ in offered(request)] == [UPS_PUSH]
        assert request.parameters.roles == {}

    def test_may_be_of_another_sop_class(
        self, nets: Nets, server: NormalizedScp, client: Scu
    ) -> None:
        # PS3.4 section CC.3.1: actions on instances of UPS Push over contexts of UPS Pull
        result = client.n_action(UPS_PUSH, INSTANCE, 1, DATA, abstract_syntax=UPS_PULL)
        assert server.requests == [(1, UPS_PUSH, INSTANCE, 1, DATA)]
        assert result.sop_class_uid == UPS_PUSH
        assert [uid for uid, _ in offered(requests(nets)[0])] == [UPS_PULL]

    def test_of_several_is_done_by_associating(self, nets: Nets, client: Scu) -> None:
        client.associate(supported([UPS_PUSH, UPS_PULL]))
        client.n_create(UPS_PUSH, INSTANCE, DATA).check()
        client.n_action(UPS_PUSH, INSTANCE, 1, DATA, abstract_syntax=UPS_PULL).check()
        assert len(requests(nets)) == 1

    def test_that_fails(self, client: Scu) -> None:
        with pytest.raises(AssociationError, match="does not accept Modality Performed"):
            client.n_get("1.2.840.10008.3.1.2.3.3", INSTANCE)


class TestAnswers:
    def test_without_uids_are_about_the_request(self, nets: Nets, scu: MakeScu) -> None:
        class Terse(NormalizedScp):
            def OnReceiveNCreateRequest(self, *arguments: Any) -> None:
                respond(self, arguments[0], N_CREATE_RSP, arguments[1], "", "", 0)

        result = scu(nets.server(Terse)).n_create(UPS_PUSH, INSTANCE)
        assert (result.sop_class_uid, result.sop_instance_uid) == (UPS_PUSH, INSTANCE)

    def test_come_with_a_comment_and_a_meaning_of_the_service(
        self, nets: Nets, scu: MakeScu
    ) -> None:
        class Refusing(NormalizedScp):
            def OnReceiveNActionRequest(self, *arguments: Any) -> None:
                names = (arguments[1], "", "", 0xC310, None)
                respond(self, arguments[0], N_ACTION_RSP, *names, comment="not scheduled")

        result = scu(nets.server(Refusing)).n_action(UPS_PUSH, INSTANCE, 1)
        assert (result.status, result.comment) == (0xC310, "not scheduled")
        assert result.meaning == "The UPS is not yet in the IN PROGRESS state"
        assert result.type_id is None
        with pytest.raises(StatusError, match="and said 'not scheduled'"):
            result.check()

    def test_with_an_unknown_status_are_failures(self, nets: Nets, scu: MakeScu) -> None:
        class Strange(NormalizedScp):
            def OnReceiveNDeleteRequest(self, *arguments: Any) -> None:
                self.SendNDeleteResponse(*arguments, 0x7777)

        result = scu(nets.server(Strange)).n_delete(UPS_PUSH, INSTANCE)
        assert result.meaning == "a status that the standard does not define"
        assert result.is_failure

    @pytest.mark.parametrize("status", [0xFF00, 0xFF01])
    def test_that_are_pending_are_none(self, nets: Nets, scu: MakeScu, status: int) -> None:
        class Pending(NormalizedScp):
            def OnReceiveNSetRequest(self, *arguments: Any) -> None:
                respond(self, arguments[0], N_SET_RSP, arguments[1], "", "", status)

        client = scu(nets.server(Pending))
        with pytest.raises(ProtocolError, match=rf"{status:04X}H \(pending\)"):
            client.n_set(UPS_PUSH, INSTANCE, DATA)
        assert not client.IsAssociated()

    def test_that_are_damaged(self, nets: Nets, scu: MakeScu) -> None:
        class Damaged(NormalizedScp):
            def OnReceiveNSetRequest(self, *arguments: Any) -> None:
                data = b"\x10\0\x20\0LO\xff\x7f"
                respond(self, arguments[0], N_SET_RSP, arguments[1], "", "", 0, data=data)

        client = scu(nets.server(Damaged))
        with pytest.raises(DataSetError):
            client.n_set(UPS_PUSH, INSTANCE, Dataset())
        assert client.IsAssociated()

"""The association services of an `LDicomNet`, member by member."""

from __future__ import annotations

from typing import Any

import pytest
from nets import ECHO_CLASS, IMPLICIT, Nets, associate_request, warnings_of

from leaddicom import DicomErrorCode, LDicomAssociate, LDicomNet, NetworkError, ParameterError


class Undecided(LDicomNet):
    """Leaves the answers to the test."""

    def OnReceiveAssociateRequest(self, associate: LDicomAssociate) -> None:
        """Do not answer."""

    def OnReceiveReleaseRequest(self) -> None:
        """Do not answer."""


@pytest.fixture
def ends(nets: Nets) -> tuple[LDicomNet, LDicomNet]:
    """A server that was asked for an association, and its client."""
    server = nets.server(Undecided)
    client = nets.client(server)
    client.SendAssociateRequest(associate_request())
    nets.wait_for("OnReceiveAssociateRequest")
    return server.GetClient(0), client


def acceptance() -> LDicomAssociate:
    reply = LDicomAssociate(False)
    reply.SetCalled("SERVER")
    reply.SetCalling("CLIENT")
    reply.AddPresentation(1, 0, ECHO_CLASS)
    reply.AddTransfer(1, IMPLICIT)
    return reply


# -- methods -----------------------------------------------------------------------------------


def test_SendAssociateRequest(nets: Nets) -> None:
    server = nets.server(Undecided)
    client = nets.client(server)
    client.SendAssociateRequest(associate_request(called="THEM"))  # before TCP is up, it waits
    (associate,) = nets.wait_for("OnReceiveAssociateRequest")
    assert (associate.GetCalled(), associate.GetCalling()) == ("THEM", "CLIENT")
    with pytest.raises(ParameterError) as caught:
        client.SendAssociateRequest(acceptance())
    assert caught.value.code == DicomErrorCode.PDU_TYPE


def test_SendAssociateAccept(nets: Nets, ends: tuple[LDicomNet, LDicomNet]) -> None:
    accepted, client = ends
    reply = acceptance()
    reply.SetTransfer(1, 0, "1.2.840.10008.1.2.2")
    with pytest.raises(ParameterError, match="not offered") as caught:
        accepted.SendAssociateAccept(reply)
    assert caught.value.code == DicomErrorCode.PDU_ID
    accepted.SendAssociateAccept(acceptance())
    nets.wait_for("OnReceiveAssociateAccept", net=client)


def test_SendAssociateReject(nets: Nets, ends: tuple[LDicomNet, LDicomNet]) -> None:
    accepted, client = ends
    accepted.SendAssociateReject(2, 3, 1)
    assert nets.wait_for("OnReceiveAssociateReject", net=client) == (2, 3, 1)
    with pytest.raises(ParameterError):
        accepted.SendAssociateReject(2, 3, 256)


def test_SendReleaseRequest(nets: Nets) -> None:
    _, client = nets.pair()
    client.SendReleaseRequest()
    nets.wait_for("OnReceiveReleaseResponse", net=client)
    nets.wait_for("OnClose", net=client)
    assert not client.IsAssociated()


def test_SendReleaseResponse(nets: Nets, ends: tuple[LDicomNet, LDicomNet]) -> None:
    accepted, client = ends
    accepted.SendAssociateAccept(acceptance())
    nets.wait_for("OnReceiveAssociateAccept", net=client)
    client.SendReleaseRequest()
    nets.wait_for("OnReceiveReleaseRequest", net=accepted)
    assert client.IsConnected()  # until it is answered
    accepted.SendReleaseResponse()
    nets.wait_for("OnReceiveReleaseResponse", net=client)


@pytest.mark.parametrize("arguments", [(), (2, 6)], ids=["default", "given"])
def test_SendAbort(nets: Nets, arguments: tuple[int, ...]) -> None:
    accepted, client = nets.pair()
    client.SendAbort(*arguments)
    assert nets.wait_for("OnReceiveAbort", net=accepted) == (arguments or (0, 0))


def test_GetAssociate(nets: Nets, ends: tuple[LDicomNet, LDicomNet]) -> None:
    accepted, client = ends
    assert nets.make().GetAssociate() is None
    assert client.GetAssociate().IsRequest()  # what was asked for
    accepted.SendAssociateAccept(acceptance())
    nets.wait_for("OnReceiveAssociateAccept", net=client)
    agreed = client.GetAssociate()
    assert not agreed.IsRequest()
    assert (agreed.GetAbstract(1), agreed.GetTransfer(1, 0)) == (ECHO_CLASS, IMPLICIT)


# -- events ------------------------------------------------------------------------------------


class TestOnReceiveAssociateRequest:
    def test_OnReceiveAssociateRequest(self, nets: Nets) -> None:
        """The default accepts what the class supports, for the AE title that it has."""
        server = nets.make()
        server.ae_title = "SERVER"
        server.Listen("127.0.0.1", 0)
        client = nets.associated(nets.client(server), associate_request(ECHO_CLASS, "1.2.3"))
        assert [client.GetAssociate().GetResult(each) for each in (1, 3)] == [0, 3]
        other = nets.client(server)
        other.SendAssociateRequest(associate_request(called="SOMEBODY"))
        assert nets.wait_for("OnReceiveAssociateReject", net=other) == (1, 1, 7)

    def test_it_tells_what_was_offered_if_it_accepts_none_of_it(
        self, nets: Nets, caplog: pytest.LogCaptureFixture
    ) -> None:
        server = nets.server()
        nets.associated(nets.client(server), associate_request("1.2.4", "1.2.3"))
        (text,) = warnings_of(caplog, "from")
        assert text.endswith("no presentation context is accepted; offered were '1.2.3', '1.2.4'")


def test_OnReceiveAssociateAccept(nets: Nets, ends: tuple[LDicomNet, LDicomNet]) -> None:
    accepted, client = ends
    accepted.SendAssociateAccept(acceptance())
    (associate,) = nets.wait_for("OnReceiveAssociateAccept", net=client)
    assert (associate.IsRequest(), associate.GetAbstract(1)) == (False, ECHO_CLASS)


def test_OnReceiveAssociateReject(nets: Nets, ends: tuple[LDicomNet, LDicomNet]) -> None:
    accepted, client = ends
    accepted.SendAssociateReject(1, 1, 3)
    assert nets.wait_for("OnReceiveAssociateReject", net=client) == (1, 1, 3)
    assert nets.wait_for("OnClose", net=client)[0] == DicomErrorCode.NET_CONNECTION_REFUSED


def test_OnReceiveReleaseRequest(nets: Nets) -> None:
    """The default answers."""
    accepted, client = nets.pair()
    client.SendReleaseRequest()
    assert nets.wait_for("OnReceiveReleaseRequest", net=accepted) == ()
    nets.wait_for("OnReceiveReleaseResponse", net=client)


def test_OnReceiveReleaseResponse(nets: Nets) -> None:
    _, client = nets.pair()
    client.SendReleaseRequest()
    assert nets.wait_for("OnReceiveReleaseResponse", net=client) == ()
    assert nets.wait_for("OnClose", net=client) == (DicomErrorCode.SUCCESS, client)


def test_OnReceiveAbort(nets: Nets) -> None:
    accepted, client = nets.pair()
    accepted.SendAbort(2, 1)
    assert nets.wait_for("OnReceiveAbort", net=client) == (2, 1)
    assert nets.wait_for("OnClose", net=client)[0] == DicomErrorCode.NET_CONNECTION_ABORTED


@pytest.mark.parametrize(
    ("member", "arguments"),
    [
        ("SendAssociateRequest", (associate_request(),)),
        ("SendAssociateAccept", (acceptance(),)),
        ("SendAssociateReject", (1, 1, 1)),
        ("SendReleaseRequest", ()),
        ("SendReleaseResponse", ()),
        ("SendAbort", ()),
    ],
)
def test_all_of_them_need_a_connection(nets: Nets, member: str, arguments: Any) -> None:
    with pytest.raises(NetworkError) as caught:
        getattr(nets.make(), member)(*arguments)
    assert caught.value.code == DicomErrorCode.NET_NOT_CONNECTED

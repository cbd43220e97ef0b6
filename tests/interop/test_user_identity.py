"""User identity and common extended negotiation with pynetdicom on the other end."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from nets import ECHO_CLASS, IMPLICIT, Nets, associate_request
from pynetdicom import AE, evt
from pynetdicom.pdu_primitives import SOPClassCommonExtendedNegotiation, UserIdentityNegotiation

from leaddicom import (
    CommonExtendedNegotiation,
    LDicomAssociate,
    LDicomNet,
    RejectReason,
    RejectResult,
    RejectSource,
    UserIdentity,
    UserIdentityType,
)

LINK = "TLS 1.3"
SECRET = "correct horse"
COMMON = CommonExtendedNegotiation(ECHO_CLASS, "1.2.840.10008.4.2", ("1.2.3", "1.2.4"))

IDENTITIES = {
    "user name": UserIdentity.of_user("Jörg", response_requested=True),
    "passcode": UserIdentity.of_user("user", SECRET, response_requested=True),
    "Kerberos": UserIdentity(UserIdentityType.KERBEROS, b"\0\1\2", response_requested=True),
    "SAML": UserIdentity(UserIdentityType.SAML, b"<Assertion/>", response_requested=True),
    "JWT": UserIdentity(UserIdentityType.JWT, b"e30.e30.", response_requested=True),
}

each_identity = pytest.mark.parametrize("identity", IDENTITIES.values(), ids=IDENTITIES)


def answer_to(identity: UserIdentity) -> bytes | None:
    """What an acceptor answers: pynetdicom confirms no name, and for one the answer is empty."""
    kind = identity.identity_type
    return b"ticket" if kind > UserIdentityType.USERNAME_AND_PASSCODE else None


# -- as requestor ------------------------------------------------------------------------------


class Acceptor:
    """A pynetdicom server that notes who asks, and for what."""

    def __init__(self, security: ssl.SSLContext) -> None:
        self.identity: tuple[int, bytes, bytes] | None = None
        self.common: dict[str, tuple[str, tuple[str, ...]]] = {}
        entity = AE("PYNETDICOM")
        entity.add_supported_context(ECHO_CLASS, IMPLICIT)
        self.server = entity.start_server(
            ("127.0.0.1", 0),
            block=False,
            ssl_context=security,
            evt_handlers=[(evt.EVT_USER_ID, self._check), (evt.EVT_SOP_COMMON, self._note)],
        )

    def _check(self, event: Any) -> tuple[bool, bytes]:
        self.identity = (event.user_id_type, event.primary_field, event.secondary_field or b"")
        return True, b"ticket"

    def _note(self, event: Any) -> dict[str, Any]:
        self.common = {
            uid: (item.service_class_uid, tuple(item.related_general_sop_class_identification))
            for uid, item in event.items.items()
        }
        return dict(event.items)


@pytest.fixture(scope="module")
def acceptor(context: Callable[[str, ssl.Purpose], Any]) -> Iterator[Acceptor]:
    made = Acceptor(context(LINK, ssl.Purpose.CLIENT_AUTH))
    yield made
    made.server.shutdown()


@each_identity
def test_as_requestor(
    nets: Nets, acceptor: Acceptor, caplog: pytest.LogCaptureFixture, identity: UserIdentity
) -> None:
    caplog.set_level(logging.DEBUG, "leaddicom")
    request = associate_request()
    request.user_identity = identity
    request.common_extended_negotiation = (COMMON,)
    client = nets.make(link=LINK)
    client.Connect(None, 0, "127.0.0.1", acceptor.server.server_address[1])
    client.SendAssociateRequest(request)
    [accept] = nets.wait_for("OnReceiveAssociateAccept", net=client)
    client.SendReleaseRequest()
    nets.wait_for("OnReceiveReleaseResponse", net=client)
    assert acceptor.identity == (identity.identity_type, identity.primary, identity.secondary)
    assert acceptor.common == {
        ECHO_CLASS: (COMMON.service_class_uid, COMMON.related_general_sop_classes)
    }
    assert accept.user_identity_response == answer_to(identity)
    assert SECRET not in caplog.text


# -- as acceptor -------------------------------------------------------------------------------


class Checking(LDicomNet):
    """Lets everybody in but those who say they are nobody, and confirms who they are."""

    def OnReceiveAssociateRequest(self, associate: LDicomAssociate) -> None:
        self.identity = associate.user_identity
        if self.identity is not None and self.identity.username == "nobody":
            self.SendAssociateReject(
                RejectResult.PERMANENT, RejectSource.SERVICE_USER, RejectReason.NO_REASON_GIVEN
            )
        else:
            super().OnReceiveAssociateRequest(associate)

    def SendAssociateAccept(self, associate: LDicomAssociate) -> None:
        if self.identity is not None and self.identity.response_requested:
            associate.user_identity_response = answer_to(self.identity) or b""
        super().SendAssociateAccept(associate)


def asked_by_pynetdicom(
    server: LDicomNet, security: ssl.SSLContext, identity: UserIdentity, *handlers: Any
) -> Any:
    """Have pynetdicom ask for an association, and give that, released if it was accepted."""
    item = UserIdentityNegotiation()
    item.user_identity_type = int(identity.identity_type)
    item.positive_response_requested = identity.response_requested
    item.primary_field, item.secondary_field = identity.primary, identity.secondary
    common = SOPClassCommonExtendedNegotiation()
    common.sop_class_uid, common.service_class_uid = COMMON.sop_class_uid, COMMON.service_class_uid
    common.related_general_sop_class_identification = list(COMMON.related_general_sop_classes)
    entity = AE("PYNETDICOM")
    entity.add_requested_context(ECHO_CLASS, IMPLICIT)
    association = entity.associate(
        "127.0.0.1",
        server.GetHostInfo()[1],
        ext_neg=[item, common],
        tls_args=(security, "localhost"),
        evt_handlers=list(handlers),
    )
    if association.is_established:
        association.release()
    return association


@each_identity
def test_as_acceptor(
    nets: Nets,
    context: Callable[[str, ssl.Purpose], Any],
    caplog: pytest.LogCaptureFixture,
    identity: UserIdentity,
) -> None:
    caplog.set_level(logging.DEBUG, "leaddicom")
    server = nets.server(Checking, link=LINK)
    association = asked_by_pynetdicom(server, context(LINK, ssl.Purpose.SERVER_AUTH), identity)
    assert association.is_released
    [request] = nets.wait_for("OnReceiveAssociateRequest")
    assert request.user_identity == identity
    assert request.common_extended_negotiation == (COMMON,)
    assert association.acceptor.user_identity.server_response == (answer_to(identity) or b"")
    assert SECRET not in caplog.text


def test_an_acceptor_may_reject_a_user(
    nets: Nets, context: Callable[[str, ssl.Purpose], Any]
) -> None:
    server = nets.server(Checking, link=LINK)
    security = context(LINK, ssl.Purpose.SERVER_AUTH)
    identity = UserIdentity.of_user("nobody", response_requested=True)
    received: list[Any] = []
    # Not by `is_rejected`, which stays false if the rejection is faster than pynetdicom's thread.
    note = (evt.EVT_PDU_RECV, lambda event: received.append(event.pdu))
    assert not asked_by_pynetdicom(server, security, identity, note).is_established
    [rejection] = received
    assert (rejection.result, rejection.source, rejection.reason_diagnostic) == (1, 1, 1)

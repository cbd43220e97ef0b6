"""The association services of `LDicomNet` (PS3.8 section 7): associate, release, abort."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from leaddicom.access import AccessPolicy, AccessRequest
from leaddicom.associate import LDicomAssociate
from leaddicom.contexts import VERIFICATION
from leaddicom.enums import AbortReason, AbortSource, RejectReason, RejectResult, RejectSource
from leaddicom.errors import DicomErrorCode, ParameterError
from leaddicom.implementation import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from leaddicom.limits import Limits
from leaddicom.mirror import differs
from leaddicom.net_dimse import MessageSender
from leaddicom.transport.outbox import QueuedPrimitive
from leaddicom.upper_layer.association import Associate, encode_associate
from leaddicom.upper_layer.negotiation import SupportedContext, accept_contexts
from leaddicom.upper_layer.pdu import encode_reject
from leaddicom.upper_layer.protocol import UpperLayer

__all__ = ["AssociationServices"]

logger = logging.getLogger(__name__)

# So many SOP classes of a request are named in a log line.
_NAMED = 8


class AssociationServices(MessageSender):
    """Methods and events of the association services.

    Attributes
    ----------
    supported_contexts : sequence of SupportedContext
        What the default `OnReceiveAssociateRequest` accepts; the Verification SOP class.
    ae_title : str
        If not empty, the default `OnReceiveAssociateRequest` rejects other called AE titles.
    access : AccessPolicy or None
        Who may associate; `None` is whoever gets through the TLS handshake.  It holds for the
        connections that a listener accepts from then on, also where the application makes their
        objects itself and gives them none of their own.
    """

    supported_contexts: Sequence[SupportedContext] = VERIFICATION
    ae_title: str = ""
    access: AccessPolicy | None = None
    GetServer: Callable[[], AssociationServices | None]

    # -- methods -------------------------------------------------------------------------------

    @differs("Fills in maximum length and implementation if they are absent.")
    def SendAssociateRequest(self, associate: LDicomAssociate) -> None:
        """Request an association (PS3.8 section 7.1); before the link is ready it waits.

        Parameters
        ----------
        associate : LDicomAssociate
            Of request kind.  Implementation and maximum length are filled in if absent; a
            maximum length above that of `limits`, or 0, becomes that of `limits`.
        """
        parameters = _checked(associate, self.limits, request=True)
        self._primitive(lambda upper_layer: upper_layer.associate(parameters))

    @differs(
        "Fills in maximum length and implementation; refuses what was not offered.  Rejects the "
        "association instead if `access` refuses it."
    )
    def SendAssociateAccept(self, associate: LDicomAssociate) -> None:
        """Accept the association; inside `OnReceiveAssociateRequest` or later.

        What `access` refuses is rejected instead, so that no override can forget to ask.

        Parameters
        ----------
        associate : LDicomAssociate
            Of accept kind.  Implementation and maximum length are filled in if absent; a
            maximum length above that of `limits`, or 0, becomes that of `limits`.

        Raises
        ------
        ParameterError
            It accepts what was not offered, or cannot be encoded.
        """
        parameters = _checked(associate, self.limits, request=False)
        self._connected().session.check_accept(parameters)
        if self.admits():
            self._primitive(lambda upper_layer: upper_layer.accept(parameters))

    def admits(self) -> bool:
        """Tell whether `access` allows the association that is requested.

        If it does not, the association is rejected and the reason logged, once for each call.
        An override of `OnReceiveAssociateRequest` that is not to do its work in vain begins with
        ``if not self.admits(): return``.
        """
        connection, server = self._connected(), self.GetServer()
        policy, request = self.access, connection.session.upper_layer.request
        if policy is None and server is not None:
            policy = server.access
        if policy is None:
            return True
        if request is None:
            return False
        decision = policy.decide(
            AccessRequest(
                address=connection.peer_address[0],
                identity=connection.identity,
                calling=request.calling_ae_title,
                called=request.called_ae_title,
            )
        )
        if decision.refusal is not None:
            logger.warning("%s: %s", connection.peer, decision.message)
            connection.session.rejection_is_told = True
            self.SendAssociateReject(*decision.refusal)
        return bool(decision)

    def SendAssociateReject(self, result: int, source: int, reason: int) -> None:
        """Reject the association (PS3.8 Table 9-21)."""
        encode_reject(result, source, reason)  # refuses here what could not be sent later
        self._primitive(lambda upper_layer: upper_layer.reject(result, source, reason))

    def SendReleaseRequest(self) -> None:
        """Request the release, after all requests that wait (PS3.8 section 7.2)."""
        self._primitive(lambda upper_layer: upper_layer.release(), waits=True)

    def SendReleaseResponse(self) -> None:
        """Answer a release request."""
        self._primitive(lambda upper_layer: upper_layer.release_response(), answers_release=True)

    @differs("Source and reason may be left out: user, not specified.")
    def SendAbort(
        self,
        source: int = AbortSource.SERVICE_USER,
        reason: int = AbortReason.NOT_SPECIFIED,
    ) -> None:
        """Abort the association ahead of all that waits (PS3.8 Table 9-26)."""
        self._connected().abort(source, reason)

    @differs("Before the association is accepted: what was requested; `None` before that.")
    def GetAssociate(self) -> LDicomAssociate | None:
        """Give the negotiated association; before that, what was requested."""
        if self.connection is None:
            return None
        upper_layer = self.connection.session.upper_layer
        request, reply = upper_layer.request, upper_layer.accept_reply
        if reply is not None:
            return LDicomAssociate.from_parameters(reply, request)
        return None if request is None else LDicomAssociate.from_parameters(request)

    # -- events --------------------------------------------------------------------------------

    @differs(
        "The default accepts `supported_contexts`, if `access` allows it and the called AE title "
        "fits."
    )
    def OnReceiveAssociateRequest(self, associate: LDicomAssociate) -> None:
        """An association is requested; answer with `SendAssociateAccept` or `...Reject`.

        The default rejects what `access` refuses, then called AE titles other than `ae_title` if
        that is set, and accepts `supported_contexts`.
        """
        if not self.admits():
            return
        if self.ae_title and associate.GetCalled() != self.ae_title:
            self.SendAssociateReject(
                RejectResult.PERMANENT,
                RejectSource.SERVICE_USER,
                RejectReason.CALLED_AE_TITLE_NOT_RECOGNIZED,
            )
            return
        request = associate.parameters
        reply = accept_contexts(request, self.supported_contexts)
        if all(context.result for context in reply.presentation_contexts):
            offered = {context.abstract_syntax for context in request.presentation_contexts}
            logger.warning(
                "%s: no presentation context is accepted; offered were %s",
                self._connected().peer,
                ", ".join(sorted(map(ascii, offered))[:_NAMED]) or "none",
            )
        if request.asynchronous_operations is not None:
            granted = (
                min(asked or self.limits.operations, self.limits.operations)
                for asked in request.asynchronous_operations
            )
            reply.asynchronous_operations = (next(granted), next(granted))
        self.SendAssociateAccept(LDicomAssociate.from_parameters(reply))

    def OnReceiveAssociateAccept(self, associate: LDicomAssociate) -> None:
        """The association is accepted; DIMSE may begin."""

    def OnReceiveAssociateReject(self, result: int, source: int, reason: int) -> None:
        """The association is rejected (PS3.8 Table 9-21); `OnClose` follows."""

    @differs("The default answers.")
    def OnReceiveReleaseRequest(self) -> None:
        """The peer wants to release; the default answers."""
        self.SendReleaseResponse()

    def OnReceiveReleaseResponse(self) -> None:
        """The association is released; `OnClose` follows."""

    def OnReceiveAbort(self, source: int, reason: int) -> None:
        """The peer has aborted the association (PS3.8 Table 9-26); `OnClose` follows."""

    # -- what the methods share ----------------------------------------------------------------

    def _primitive(
        self,
        perform: Callable[[UpperLayer], None],
        *,
        waits: bool = False,
        answers_release: bool = False,
    ) -> None:
        self._connected().put(QueuedPrimitive(perform, waits, answers_release))


def _checked(associate: LDicomAssociate, limits: Limits, request: bool) -> Associate:
    """Give a copy of the parameters that can be sent, with what must be there filled in."""
    if associate.IsRequest() is not request:
        raise ParameterError(
            "An LDicomAssociate of "
            + ("request kind is needed here." if request else "accept kind is needed here."),
            DicomErrorCode.PDU_TYPE,
        )
    parameters = associate.Clone().parameters
    # What is announced is what is accepted, and no more than the limit is.
    limit = limits.maximum_pdu_length
    parameters.maximum_length = min(parameters.maximum_length or limit, limit)
    if parameters.implementation_class_uid is None:
        parameters.implementation_class_uid = IMPLEMENTATION_CLASS_UID
        parameters.implementation_version_name = IMPLEMENTATION_VERSION_NAME
    encode_associate(parameters)  # refuses here what could not be sent later
    return parameters

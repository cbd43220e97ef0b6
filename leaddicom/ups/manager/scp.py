"""The network side of a worklist manager: from events to the service, and back."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from leaddicom.associate import LDicomAssociate
from leaddicom.command_set import command_data_set
from leaddicom.contexts import VERIFICATION, supported
from leaddicom.dataset import LDicomDS
from leaddicom.dimse.composition import answer
from leaddicom.enums import SecureMode, Status
from leaddicom.errors import DataSetError
from leaddicom.limits import Limits
from leaddicom.scp.query import OperationRefused, Query
from leaddicom.scp.server import QueryRetrieveScp
from leaddicom.ups.core.matching import Identifier, check_identifier, response
from leaddicom.ups.core.modification import MOST_ELEMENTS
from leaddicom.ups.core.terms import SopClass, UpsStatus
from leaddicom.ups.core.workitem import Outcome
from leaddicom.ups.manager.finding import search
from leaddicom.ups.manager.gate import Operation, admission
from leaddicom.ups.manager.request import Caller, Request
from leaddicom.ups.manager.service import WorklistService, log_fault
from leaddicom.ups.store import StoreBusy

if TYPE_CHECKING:
    from leaddicom.dimse.message import Message

__all__ = ["WorklistScp"]

logger = logging.getLogger(__name__)

#: Bytes of a data set.  A workitem refers to images and plans, it does not hold them.
_DATA_SET_LENGTH = 4 << 20

#: Failed: Unable to process, which is all of C000H to CFFFH (PS3.4 section CC.2.8).
_UNABLE_TO_PROCESS = 0xC001


class WorklistScp(QueryRetrieveScp):
    """An SCP of UPS Push, Pull, Watch, Event and Query (PS3.4 Annex CC).

    Every request gets one response, with an Error Comment (0000,0902) where there is something to
    say, and the association can be used after each of them.  A request is carried out in the
    network thread of its connection, a C-FIND in a thread of its own.

    Parameters
    ----------
    service : WorklistService
        What carries out the requests.
    path, mode
        As for `LDicomNet`.
    """

    supported_contexts = (*VERIFICATION, *supported(each.value for each in SopClass))
    limits = Limits(data_set_length=_DATA_SET_LENGTH, data_set_elements=MOST_ELEMENTS)

    def __init__(
        self,
        service: WorklistService,
        *,
        path: str | os.PathLike[str] | None = None,
        mode: int = SecureMode.TLS,
    ) -> None:
        super().__init__(path, mode)
        self.service = service

    def OnReceiveAssociateRequest(self, associate: LDicomAssociate) -> None:
        """Note who calls, before it is decided upon."""
        facts, peer = self.link_facts, self.peer_identity
        link = "without TLS" if facts is None else f"{facts.tls_version}, {facts.cipher_name}"
        titles = (associate.GetCalling(), associate.GetCalled())
        subject = "no certificate" if peer is None else peer.subject
        logger.debug("%s:%d: %a calls %a; %s, %s", *self.GetPeerInfo(), *titles, link, subject)
        super().OnReceiveAssociateRequest(associate)

    # -- C-FIND --------------------------------------------------------------------------------

    def OnReceiveCFindRequest(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        priority: int,
        dataset: LDicomDS,
    ) -> None:
        """Begin to find, if that belongs on the presentation context."""
        context = self._caller(presentation_id).sop_class
        refusal = admission(Operation.FIND, context)
        if refusal is None and sop_class_uid not in frozenset(SopClass):
            refusal = Outcome(UpsStatus.SOP_CLASS_NOT_SUPPORTED, "This SOP class is none of UPS")
        if refusal is not None:
            self._respond(presentation_id, refusal)
            return
        if sop_class_uid != context:  # unlike a normalized service it has to name the context's
            logger.info("A C-FIND on %s names the SOP class %a", context, sop_class_uid)
        super().OnReceiveCFindRequest(presentation_id, message_id, sop_class_uid, priority, dataset)

    def find(self, query: Query) -> Iterator[Dataset]:
        """Give the workitems that match, up to `Rules.find_limit`."""
        try:
            yield from self._matches(query)
        except StoreBusy as error:
            logger.warning("A C-FIND finds the store busy: %s", error)
            comment = "The worklist is busy; try again"
            raise OperationRefused(Status.REFUSED_OUT_OF_RESOURCES, comment) from None
        except OperationRefused:
            raise
        except Exception as error:  # noqa: BLE001 - no fault may be told the peer, or logged whole
            log_fault("A C-FIND", error)
            comment = "The request has failed; the manager's log tells more"
            raise OperationRefused(_UNABLE_TO_PROCESS, comment) from None

    def _matches(self, query: Query) -> Iterator[Dataset]:
        service, rules = self.service, self.service.rules
        titles = (query.calling_ae_title, query.called_ae_title)
        host = self.GetPeerInfo()[0]
        caller = Caller(*titles, query.peer_identity, host, query.sop_class_uid)
        if not service.authorizes(caller, Operation.FIND, ""):
            raise OperationRefused(UpsStatus.NOT_AUTHORIZED, "The requestor may not do this")
        identifier = check_identifier(query.identifier)
        if not isinstance(identifier, Identifier):
            raise OperationRefused(identifier.status, identifier.text)
        query.has_unsupported_keys = identifier.has_unsupported_keys
        found = search(service.store.reading, identifier, rules.zone, query.cancelled.is_set)
        for number, workitem in enumerate(found):
            if number == rules.find_limit:  # success would say that these are all (CC.2.8.3)
                logger.warning("A C-FIND of %a ends at %d matches", caller.ae_title, number)
                comment = f"More than {number} workitems match; ask for fewer"
                raise OperationRefused(UpsStatus.OUT_OF_RESOURCES, comment)
            yield response(identifier, workitem.dataset, rules.zone)

    # -- normalized services -------------------------------------------------------------------

    def OnReceiveNCreateRequest(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        sop_instance_uid: str,
        dataset: LDicomDS | None,
    ) -> None:
        """Create a workitem."""
        names = (sop_instance_uid, sop_class_uid)
        self._perform(presentation_id, Operation.CREATE, *names, dataset)

    def OnReceiveNSetRequest(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        sop_instance_uid: str,
        dataset: LDicomDS,
    ) -> None:
        """Modify a workitem."""
        names = (sop_instance_uid, sop_class_uid)
        self._perform(presentation_id, Operation.MODIFY, *names, dataset)

    def OnReceiveNGetRequest(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        sop_instance_uid: str,
        attributes: Sequence[int],
        count: int,
    ) -> None:
        """Read a workitem."""
        names = (sop_instance_uid, sop_class_uid)
        self._perform(presentation_id, Operation.GET, *names, tags=attributes)

    def OnReceiveNActionRequest(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        sop_instance_uid: str,
        action: int,
        dataset: LDicomDS | None,
    ) -> None:
        """Change a state, request a cancellation, or manage subscriptions."""
        names = (sop_instance_uid, sop_class_uid)
        self._perform(presentation_id, Operation.of_action(action), *names, dataset)

    # -- what belongs on no context of UPS ------------------------------------------------------

    def OnReceiveCStoreRequest(self, presentation_id: int, *rest: Any, **more: Any) -> None:
        """Refuse an operation that no worklist has."""
        context = self._caller(presentation_id).sop_class
        refusal = cast("Outcome", admission(Operation.NONE, context))
        self._respond(presentation_id, refusal)

    OnReceiveCGetRequest = OnReceiveCMoveRequest = OnReceiveCStoreRequest

    # -- how -----------------------------------------------------------------------------------

    def _caller(self, presentation_id: int) -> Caller:
        associate = self.GetAssociate() or LDicomAssociate(False)
        titles = (associate.GetCalling(), associate.GetCalled())
        context = associate.GetAbstract(presentation_id)
        return Caller(*titles, self.peer_identity, self.GetPeerInfo()[0], context)

    def _perform(
        self,
        presentation_id: int,
        operation: Operation,
        uid: str,
        sop_class: str,
        dataset: LDicomDS | None = None,
        tags: Sequence[int] = (),
    ) -> None:
        caller = self._caller(presentation_id)
        request = Request(caller, operation, uid, sop_class, dataset, tags)
        try:
            outcome = self.service.perform(request)
        finally:
            if dataset is not None:
                dataset.close()
        self._respond(presentation_id, outcome)

    def _respond(self, presentation_id: int, outcome: Outcome) -> None:
        """Answer the message whose event runs."""
        message = cast("Message", self.message)
        command = command_data_set(answer(message, outcome.status, outcome.comment))
        if isinstance(command.get("AffectedSOPInstanceUID"), MultiValue):
            del command.AffectedSOPInstanceUID  # it has a backslash, and cannot be repeated
        try:
            self.SendData(presentation_id, command, outcome.dataset)
        except DataSetError as error:
            log_fault("An answer", error)
            command.Status = UpsStatus.PROCESSING_FAILURE
            command.ErrorComment = "The answer cannot be encoded"
            self.SendData(presentation_id, command)

"""The worklist service: a request goes in, and all that it changes is one transaction.

Whatever happens, a request has one outcome.  What it changes, whom it subscribes, which events go
to whom, and the record of it for the auditor are stored together or not at all.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import cast

from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from leaddicom.errors import DataSetError
from leaddicom.ups.core.creation import create
from leaddicom.ups.core.modification import modify
from leaddicom.ups.core.reading import get
from leaddicom.ups.core.received import clean_copy
from leaddicom.ups.core.rules import Rules
from leaddicom.ups.core.states import change_state, force_state, request_cancel
from leaddicom.ups.core.subscriptions import parse_subscription
from leaddicom.ups.core.terms import ActionType, SopClass, State, UpsStatus
from leaddicom.ups.core.workitem import Outcome
from leaddicom.ups.manager.gate import Operation, admission
from leaddicom.ups.manager.request import Caller, Request
from leaddicom.ups.manager.subscribing import (
    judge_filter,
    perform_subscription,
    subscribe_to_created,
)
from leaddicom.ups.store import AuditEntry, StaleWorkitem, Store, StoreBusy, StoreError, Writer
from leaddicom.values import is_uid

__all__ = ["Authorization", "WorklistService", "log_fault"]

logger = logging.getLogger(__name__)

#: Says whether who asks may have an operation on the instance of a UID.
Authorization = Callable[[Caller, Operation, str], bool]

#: What a request does in its transaction, in which no other request can do anything.
_Deed = Callable[[Writer], Outcome]
_Handler = Callable[["WorklistService", Request, Dataset | None], _Deed]


class WorklistService:
    """What a worklist manager does, apart from the network.

    Parameters
    ----------
    store : Store
        Where the workitems are; it is open.
    rules : Rules
        What is decided where the standard leaves it open.
    authorizes : Callable[[Caller, Operation, str], bool]
        Asked for every request behind the checks of its SOP class; `False` is answered with
        0124H.  By default everybody may do everything.

    Notes
    -----
    It may be used from any thread, and from several at a time.
    """

    def __init__(
        self,
        store: Store,
        rules: Rules | None = None,
        *,
        authorizes: Authorization = lambda caller, operation, uid: True,
    ) -> None:
        self.store = store
        self.rules = rules or Rules()
        self.authorizes = authorizes

    def perform(self, request: Request) -> Outcome:
        """Do what a request asks for.

        Parameters
        ----------
        request : Request
            Of any operation except `Operation.FIND`.

        Returns
        -------
        Outcome
            Always; 0213H if the store is busy, and 0110H for everything else that goes wrong,
            of which nothing is left behind.
        """
        try:
            outcome = self.refusal(request) or self._performed(request)
        except StoreBusy as error:
            logger.warning("%s finds the store busy: %s", request, error)
            outcome = Outcome(UpsStatus.RESOURCE_LIMITATION, "The worklist is busy; try again")
        except Exception as error:  # noqa: BLE001 - no fault may leave a request unanswered
            log_fault(str(request), error)
            comment = "The request has failed; the manager's log tells more"
            outcome = Outcome(UpsStatus.PROCESSING_FAILURE, comment)
        answer = f"{outcome.status:04X}H {_remark(request, outcome)}".rstrip()
        logger.info("%s: %s", request, answer)
        return outcome

    def force_state(
        self, uid: str, target: State, *, by: str, reason: Dataset | None = None
    ) -> Outcome:
        """Change a state as the worklist manager itself, for an admin; subscribers are told.

        Parameters
        ----------
        uid : str
            SOP Instance UID of the workitem.
        target : State
            Into which it shall go.
        by : str
            Who wants it, for the audit trail.
        reason : pydicom.dataset.Dataset, optional
            Of a cancellation, with the attributes of the Action Information of Request Cancel.

        Returns
        -------
        Outcome
            As of Change UPS State.

        Raises
        ------
        StoreError
            The store is busy or has failed; nothing has changed.
        """
        with self.store.writing() as writer:
            outcome = force_state(
                writer.workitem(uid),
                target,
                new_transaction_uid=_new_transaction_uid(),
                rules=self.rules,
                now=writer.now(),
                reason=reason,
            )
            entry = AuditEntry(
                operation=f"forced to {target}",
                uid=uid,
                status=outcome.status,
                identity=by,
                detail=outcome.comment,
            )
            writer.record(entry)
            return _stored(writer, outcome)

    # -- before the transaction ----------------------------------------------------------------

    def refusal(self, request: Request) -> Outcome | None:
        """Say what stands against a request before its content is looked at.

        What is judged is, in this order, the operation on this presentation context, the SOP
        class that is named, who asks, and the SOP Instance UID.
        """
        caller = request.caller
        refusal = admission(request.operation, caller.sop_class)
        if refusal is None and request.sop_class != SopClass.PUSH:
            refusal = self._class_refusal(request)
        if refusal is None and not self.authorizes(caller, request.operation, request.uid):
            refusal = Outcome(UpsStatus.NOT_AUTHORIZED, "The requestor may not do this")
        if refusal is None and not is_uid(request.uid):
            comment = "The SOP Instance UID is missing or malformed"
            refusal = Outcome(UpsStatus.INVALID_INSTANCE, comment)
        return refusal

    def _class_refusal(self, request: Request) -> Outcome | None:
        # UPS Push is the class of every workitem (PS3.4 section CC.3.1.1), but many clients name
        # the negotiated one where they do not create.
        must_be = self.rules.strict_sop_class or request.operation is Operation.CREATE
        if must_be or request.sop_class not in ("", *SopClass):
            comment = "The SOP class of every workitem is UPS Push"
            return Outcome(UpsStatus.NO_SUCH_SOP_CLASS, comment)
        logger.info("%s names the SOP class %a rather than UPS Push", request, request.sop_class)
        return None

    def _performed(self, request: Request) -> Outcome:
        if request.operation is Operation.GET:
            with self.store.reading() as reader:
                return get(reader.workitem(request.uid), request.tags)
        try:
            dataset = _decoded(request)
        except _Undecodable as fault:
            return fault.outcome
        deed = _HANDLERS[request.operation](self, request, dataset)
        try:
            return self._transaction(request, deed)
        except StaleWorkitem:  # somebody was faster, which the rules now have to judge
            return self._transaction(request, deed)

    def _transaction(self, request: Request, deed: _Deed) -> Outcome:
        with self.store.writing() as writer:
            outcome = deed(writer)
            writer.record(_audit_entry(request, outcome))
        return outcome

    # -- what a request does: first what needs no transaction, then what it does in one ---------

    def _create(self, request: Request, dataset: Dataset | None) -> _Deed:
        with self.store.reading() as reader:
            now = reader.now()
        attributes = Dataset() if dataset is None else dataset
        calling_ae = request.caller.ae_title
        outcome = create(request.uid, attributes, calling_ae=calling_ae, rules=self.rules, now=now)

        def deed(writer: Writer) -> Outcome:
            if writer.workitem(request.uid) is not None:
                return Outcome(UpsStatus.DUPLICATE_INSTANCE, "There is an instance with this UID")
            if outcome.workitem is not None:
                writer.insert(outcome.workitem)
                # Before the events: the state report of the creation is their initial event.
                subscribe_to_created(writer, outcome.workitem, self.rules)
                _publish(writer, outcome)
            return outcome

        return deed

    def _modify(self, request: Request, dataset: Dataset | None) -> _Deed:
        modifications = Dataset() if dataset is None else dataset

        def deed(writer: Writer) -> Outcome:
            workitem, now = writer.workitem(request.uid), writer.now()
            return _stored(writer, modify(workitem, modifications, rules=self.rules, now=now))

        return deed

    def _change_state(self, request: Request, dataset: Dataset | None) -> _Deed:
        def deed(writer: Writer) -> Outcome:
            outcome = change_state(
                writer.workitem(request.uid),
                dataset,
                calling_ae=request.caller.ae_title,
                rules=self.rules,
                now=writer.now(),
            )
            return _stored(writer, outcome)

        return deed

    def _request_cancel(self, request: Request, dataset: Dataset | None) -> _Deed:
        def deed(writer: Writer) -> Outcome:
            outcome = request_cancel(
                writer.workitem(request.uid),
                dataset,
                requesting_ae=request.caller.ae_title,
                new_transaction_uid=_new_transaction_uid(),
                now=writer.now(),
            )
            return _stored(writer, outcome)

        return deed

    def _subscription(self, request: Request, dataset: Dataset | None) -> _Deed:
        action = cast("ActionType", request.operation.action_type)
        asked = parse_subscription(action, request.uid, dataset)
        if not isinstance(asked, Outcome) and self._is_of_another(asked.receiving_ae, request):
            comment = "The Receiving AE is not the one that asks"
            asked = Outcome(UpsStatus.NOT_AUTHORIZED, comment)
        if isinstance(asked, Outcome):
            refusal = asked
            return lambda _: refusal
        wanted, verdicts = asked, judge_filter(self.store.reading, asked, self.rules)
        return lambda writer: perform_subscription(
            writer, request.uid, wanted, self.rules, verdicts
        )

    def _is_of_another(self, receiving_ae: str, request: Request) -> bool:
        return self.rules.own_subscriptions_only and receiving_ae != request.caller.ae_title


_HANDLERS: Mapping[Operation, _Handler] = MappingProxyType(
    {
        Operation.CREATE: WorklistService._create,
        Operation.MODIFY: WorklistService._modify,
        Operation.CHANGE_STATE: WorklistService._change_state,
        Operation.REQUEST_CANCEL: WorklistService._request_cancel,
        Operation.SUBSCRIBE: WorklistService._subscription,
        Operation.UNSUBSCRIBE: WorklistService._subscription,
        Operation.SUSPEND_GLOBAL: WorklistService._subscription,
    }
)


def _new_transaction_uid() -> str:
    return str(generate_uid(prefix=None))  # 2.25 and a random number, which nobody guesses


def _stored(writer: Writer, outcome: Outcome) -> Outcome:
    if outcome.workitem is not None:
        writer.update(outcome.workitem)
    return _publish(writer, outcome)


def _publish(writer: Writer, outcome: Outcome) -> Outcome:
    for event in outcome.events:
        writer.publish(event, None)
    return outcome


def _audit_entry(request: Request, outcome: Outcome) -> AuditEntry:
    caller, identity = request.caller, request.caller.identity
    return AuditEntry(
        operation=str(request.operation),
        uid=request.uid,
        status=outcome.status,
        calling_ae=caller.ae_title,
        peer=caller.address,
        identity="" if identity is None else f"{identity.subject}, {identity.fingerprint}",
        detail=_remark(request, outcome),
    )


def _remark(request: Request, outcome: Outcome) -> str:
    """Say what a status does not: why something was refused, or which state a workitem has now."""
    changes_states = request.operation in (Operation.CHANGE_STATE, Operation.REQUEST_CANCEL)
    if outcome.comment or outcome.workitem is None or not changes_states:
        return outcome.comment
    return outcome.workitem.state.value


class _Undecodable(Exception):
    """What a peer has sent with a request is no data set."""

    def __init__(self, status: UpsStatus, comment: str) -> None:
        super().__init__(comment)
        self.outcome = Outcome(status, comment)


def _decoded(request: Request) -> Dataset | None:
    if request.dataset is None:
        return None
    try:
        dataset = request.dataset.to_pydicom()
    except DataSetError as error:
        logger.warning("The data set of %s cannot be decoded: %s", request, error)
        comment = "The data set cannot be decoded"
        raise _Undecodable(UpsStatus.PROCESSING_FAILURE, comment) from None
    if not request.operation.is_action:
        return dataset  # what is wrong with its values is said by the rules of the operation
    information, findings = clean_copy(dataset)
    if findings:
        raise _Undecodable(UpsStatus.INVALID_ARGUMENT_VALUE, findings[0].text)
    return information


def log_fault(what: str, error: BaseException) -> None:
    """Log a fault: what the store says of itself, and of any other where it comes from.

    What others say may quote a patient's data.

    Parameters
    ----------
    what : str
        What has failed.
    error : BaseException
        Why.
    """
    if isinstance(error, StoreError):
        logger.error("%s failed: %s", what, error)
        return
    kind, where = type(error).__name__, "".join(traceback.format_tb(error.__traceback__))
    logger.error("%s failed with %s\n%s", what, kind, where)

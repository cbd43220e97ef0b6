"""`UpsScu`, the client of a worklist manager."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator
from dataclasses import replace
from typing import Any, cast

from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from leaddicom.contexts import QueryModel
from leaddicom.errors import ParameterError
from leaddicom.ups.client.association import DataSet, as_dataset, refuse
from leaddicom.ups.client.attribute_lists import checked, creation_list
from leaddicom.ups.client.builders import CodeLike, code_item
from leaddicom.ups.client.performing import PerformingScu
from leaddicom.ups.client.queries import query
from leaddicom.ups.client.results import UpsResult
from leaddicom.ups.client.views import WorkitemView, text_in
from leaddicom.ups.client.watching import WatchingScu
from leaddicom.ups.core.attributes import ATTRIBUTES
from leaddicom.ups.core.terms import ActionType, SopClass, UpsStatus

__all__ = ["UpsScu"]

#: What identifies the subject of a workitem, and never changes (PS3.4 Table CC.2.5-3).
_FIXED = tuple(
    each.keyword
    for each in ATTRIBUTES
    if each.n_set == "NA"
    and each.n_get != "NA"
    and each.vr != "SQ"
    and each.keyword != "ProcedureStepState"
)


class UpsScu(PerformingScu, WatchingScu):
    """A client of a worklist manager, with a method for everything that can be asked of it.

    It associates when a method needs it, and keeps the association for the next one.  Each
    method takes the UPS SOP class on which the standard has it.

    Parameters
    ----------
    host, port, called_ae_title, calling_ae_title
        As for `Scu`.
    ca_file, certificate, key, mode, limits, password
        As for `Scu`.
    transaction_uids : TransactionUids or path-like, optional
        Where the Transaction UIDs of claimed workitems are kept; by default in a file of this
        user, see `TransactionUids`.
    retry : Retry, optional
        How long to go on when the connection is lost before the answer has come.
    profiles : iterable of str or Profile
        Rules beyond the standard's that are checked before anything is sent, such as ``"tdw-ii"``.
    find_on : SopClass
        On which SOP class `find` asks: UPS Pull, Watch or Query.
    manager : str
        By which name the Transaction UIDs are kept; by default AE title, host and port of the
        manager.  To be given if it is reached at several addresses.

    Attributes
    ----------
    net : Scu
        What carries it out: TLS settings before the first method, `link_facts` afterwards.
    transaction_uids : TransactionUids
        As the parameter.
    profiles : tuple of Profile
        As the parameter.
    find_on : SopClass
        As the parameter.
    manager : str
        As the parameter.

    Notes
    -----
    Methods give an `UpsResult`, whatever the status is: `UpsResult.check` raises what a failure
    is, with what to do.  They raise `ParameterError` for what would be refused, and `DicomError`,
    as a rule a `TlsError`, `NetworkError` or `AssociationError`, if no answer came.

    A request whose answer was lost is sent again, and an answer to a repetition that tells that
    the first request had done it counts as a success: all of them may be sent twice without
    harm.  What was answered is never sent again.  A manager that was never reached is not waited
    for.

    One thread at a time may call the methods; any thread may call `close` and `abort`.

    Examples
    --------
    >>> from datetime import datetime
    >>> from leaddicom.ups.client import UpsScu, workitem
    >>> tls = {"ca_file": "ca.pem", "certificate": "me.pem", "key": "me.key"}
    >>> review = workitem(
    ...     "Plan review",
    ...     datetime.now(),
    ...     patient_id="SYNTHETIC1",
    ...     stations=[("WS1", "99SITE", "Workstation 1")],
    ...     codes=[("REVIEW", "99SITE", "Plan review")],
    ... )
    >>> with UpsScu("manager", 2762, **tls) as ups:
    ...     uid = ups.create(review).check().uid
    ...     for found in ups.find(state="SCHEDULED"):
    ...         print(found.uid, found.label, found.start)

    A performer:

    >>> with UpsScu("manager", 2762, **tls) as ups:
    ...     work = ups.get(uid).check().workitem
    ...     ups.claim(uid).check()
    ...     ups.start_procedure(uid, stations=work.stations, codes=work.workitem_codes).check()
    ...     ups.progress(uid, 50, "Half of it").check()
    ...     ups.end_procedure(uid).check()
    ...     ups.complete(uid).check()
    """

    def create(self, dataset: DataSet, uid: str = "") -> UpsResult:
        """Create a workitem (N-CREATE).

        Parameters
        ----------
        dataset : pydicom.dataset.Dataset, LDicomDS, str or path-like
            Its attributes, see `workitem`; or a DICOM file of them.
        uid : str
            SOP Instance UID to give it; "" takes that of `dataset`, or makes a new one.  Who names
            it may make the same call again after an error: it creates one workitem, not two.

        Returns
        -------
        UpsResult
            With its UID.

        Raises
        ------
        ParameterError
            An attribute is missing, or is there too early; or a profile objects.
        """
        source = as_dataset(dataset)
        attributes = creation_list(source)
        for profile in self.profiles:
            refuse(profile, profile.check_creation(attributes))
        named = uid or text_in(source, "SOPInstanceUID")
        chosen = named or str(generate_uid(prefix=None))
        net, push = self.net, SopClass.PUSH.value
        proofs = (UpsStatus.DUPLICATE_INSTANCE,)
        result = self._send(
            "create", chosen, lambda: net.n_create(push, chosen, attributes), proofs
        )
        if result.is_confirmation and named and not self._is_there(chosen, attributes):
            return replace(result, is_confirmation=False)
        return result

    def find(
        self,
        identifier: Dataset | None = None,
        *,
        find_on: SopClass | None = None,
        limit: int | None = None,
        **keys: Any,
    ) -> Iterator[WorkitemView]:
        """Find workitems (C-FIND), and give them as they arrive.

        Who stops early, by ``break`` or by closing the iterator, cancels the query.

        Parameters
        ----------
        identifier : pydicom.dataset.Dataset, optional
            What to match and what to return.
        find_on : SopClass, optional
            Another SOP class than that of the constructor.
        limit : int, optional
            Cancel the query after so many workitems.
        **keys
            As for `query`, in place of `identifier`; without any, all workitems are found.

        Returns
        -------
        iterator of WorkitemView
            The workitems.  Until it has ended no other method may be called: to do something
            about each of them, read them all first, ``list(ups.find(...))``.

        Raises
        ------
        ParameterError
            Both an identifier and keys are given.
        DicomError
            From the iterator: a `StatusError` if the manager has refused, or there is no
            association, or it has ended before the last workitem.

        Examples
        --------
        >>> from leaddicom.ups.client import UpsScu
        >>> tls = {"ca_file": "ca.pem", "certificate": "me.pem", "key": "me.key"}
        >>> with UpsScu("manager", 2762, **tls) as ups:
        ...     for found in ups.find(station="LINAC1", start=(None, "20301231")):
        ...         print(found.uid, found.label)
        """
        if identifier is not None and keys:
            raise ParameterError("Give find() an identifier or keys, not both.")
        sent = checked(query(**keys) if identifier is None else identifier)
        return self._found(QueryModel((find_on or self.find_on).value), sent, limit)

    def request_cancel(
        self,
        uid: str,
        text: str = "",
        *,
        reason: CodeLike | None = None,
        contact_uri: str = "",
        contact_name: str = "",
        sop_class: SopClass = SopClass.PUSH,
    ) -> UpsResult:
        """Ask for the cancellation of a workitem that somebody else performs, or nobody yet.

        Success tells that the manager cancels it or has told the performer, who is free to go
        on: the state tells.

        Parameters
        ----------
        uid : str
            Of the workitem.
        text : str
            Why, in words.
        reason : Code or tuple of str, optional
            Why, as a code.
        contact_uri, contact_name : str
            Whom the performer may ask, and how, such as ``tel:`` and a number.
        sop_class : SopClass
            On which to ask: UPS Push or Watch.
        """
        information = Dataset()
        if text:
            information.ReasonForCancellation = text
        if reason is not None:
            information.ProcedureStepDiscontinuationReasonCodeSequence = [code_item(reason)]
        if contact_uri:
            information.ContactURI = contact_uri
        if contact_name:
            information.ContactDisplayName = contact_name
        action, proofs = ActionType.REQUEST_CANCEL, (UpsStatus.ALREADY_CANCELED,)
        return self._act("request_cancel", uid, action, information, sop_class, proofs)

    # -- how -----------------------------------------------------------------------------------

    def _found(
        self, model: QueryModel, identifier: Dataset, limit: int | None
    ) -> Iterator[WorkitemView]:
        # Repeated until the first match has come: later a repetition would give matches twice.
        def begin() -> tuple[Generator[Dataset], Dataset | None]:
            found = self.net.find(model, identifier, limit=limit)
            matches = cast("Generator[Dataset]", found)  # closing it cancels the query
            return matches, next(matches, None)

        (matches, match), _ = self._repeater.call(begin)
        with contextlib.closing(matches):
            while match is not None:
                yield WorkitemView(match)
                match = next(matches, None)

    def _is_there(self, uid: str, attributes: Dataset) -> bool:
        """Tell whether a workitem is of the same subject as the attributes that were sent."""
        expected = {each: text_in(attributes, each) for each in _FIXED if text_in(attributes, each)}
        if not expected:
            return True
        read = self.get(uid, expected, sop_class=SopClass.PUSH)
        there = read.workitem.dataset
        return read.is_failure or all(
            text_in(there, keyword) == text for keyword, text in expected.items()
        )

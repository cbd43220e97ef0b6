"""The verbs of who performs workitems, from the claim to the end (PS3.4 section CC.2.1)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime, timezone

from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from leaddicom.errors import DicomError, ParameterError
from leaddicom.ups.client.association import ManagerAssociation, refuse
from leaddicom.ups.client.builders import (
    DISCONTINUED,
    CodeLike,
    Moment,
    canceled_item,
    moment_text,
    performed_procedure,
    progress_item,
)
from leaddicom.ups.client.results import UpsResult
from leaddicom.ups.client.views import items_in
from leaddicom.ups.core.terms import ActionType, SopClass, State, UpsStatus

__all__ = ["PerformingScu"]

_PROGRESS = "ProcedureStepProgressInformationSequence"
_PERFORMED = "UnifiedProcedureStepPerformedProcedureSequence"
_START = "PerformedProcedureStepStartDateTime"

#: The workitem is not, or no longer, ours to finish, for good.
_LOST = (UpsStatus.TRANSACTION_UID_WRONG, UpsStatus.NO_LONGER_UPDATABLE)


class PerformingScu(ManagerAssociation):
    """Claims workitems, tells how they are performed, and ends them.

    Notes
    -----
    All methods but `claim` and `resume` have in common:

    uid : str
        Of the workitem.
    transaction_uid : str, optional
        What it is locked with, if it was not claimed here.

    The methods that write a sequence read it before, since an N-SET replaces all of it: what is
    not named stays as it is.
    """

    def claim(self, uid: str, *, transaction_uid: str = "") -> UpsResult:
        """Claim a workitem: it becomes IN PROGRESS, and nobody else may change it.

        Its Transaction UID is written to disk before the claim leaves, so that it can be
        finished whatever happens to this program.

        Parameters
        ----------
        uid : str
            Of the workitem.
        transaction_uid : str
            What to lock it with; "" makes a new one.

        Returns
        -------
        UpsResult
            With the Transaction UID, for a colleague who is to finish it elsewhere.  If somebody
            else was faster the status is C301H.  After 0110H it may be claimed all the same, and
            `resume` finds out.

        Raises
        ------
        DicomError
            No answer came: whether it is claimed is not known, and `resume` finds out.
        """
        lock = transaction_uid or str(generate_uid(prefix=None))
        held = self.transaction_uids.held(self.manager, uid)
        before = {each.transaction_uid for each in held}
        self.transaction_uids.write(self.manager, uid, lock)
        try:
            result = self._claim("claim", uid, lock)
        except DicomError:
            if not self._repeater.was_sent and lock not in before:
                self.transaction_uids.forget(self.manager, uid, lock)
            raise
        is_refused = result.is_failure and result.status != UpsStatus.PROCESSING_FAILURE
        if is_refused and result.attempts == 1 and lock not in before:
            self.transaction_uids.forget(self.manager, uid, lock)
        is_locked = result.status == UpsStatus.TRANSACTION_UID_WRONG
        return replace(result, is_held_here=is_locked and any(each.is_confirmed for each in held))

    def resume(self, uid: str) -> UpsResult:
        """Go on with a workitem that was claimed here before, perhaps without an answer.

        The claim is repeated with the Transaction UID that is on disk.  No other program may be
        performing the workitem with that any more.

        Raises
        ------
        ParameterError
            It was not claimed here, or it has ended.
        """
        claims = self.transaction_uids.held(self.manager, uid)
        if not claims:
            raise self._not_claimed(uid)
        for each in claims:
            result = self._claim("resume", uid, each.transaction_uid)
            if result.status == UpsStatus.ALREADY_IN_PROGRESS:
                result = replace(result, is_confirmation=True)
                self.transaction_uids.confirm(self.manager, uid, each.transaction_uid)
            if not result.is_failure:
                break
        return result

    def progress(
        self,
        uid: str,
        percent: float | None = None,
        description: str | None = None,
        *,
        parameters: Iterable[Dataset] | None = None,
        contact_uri: str | None = None,
        contact_name: str = "",
        transaction_uid: str | None = None,
    ) -> UpsResult:
        """Tell how far it has come; see `progress_item` for the parameters."""
        return self._rewrite(
            "progress",
            uid,
            _PROGRESS,
            lambda items: [
                progress_item(
                    _first(items),
                    percent=percent,
                    description=description,
                    parameters=parameters,
                    contact_uri=contact_uri,
                    contact_name=contact_name,
                )
            ],
            transaction_uid,
        )

    def start_procedure(
        self,
        uid: str,
        *,
        stations: Iterable[CodeLike],
        codes: Iterable[CodeLike],
        start: Moment | None = None,
        performers: Iterable[Dataset] = (),
        description: str = "",
        transaction_uid: str | None = None,
    ) -> UpsResult:
        """Tell that a procedure has started, by default now; see `performed_procedure`.

        To tell it once more, for want of an answer, changes nothing.

        Raises
        ------
        ParameterError
            Another one has not ended.
        """
        item = performed_procedure(
            stations=stations,
            codes=codes,
            start=start or _now(),
            performers=performers,
            description=description,
        )

        def make(items: list[Dataset]) -> list[Dataset]:
            if not (items and _is_open(items[-1])):
                return [*items, item]
            if not _is_repeated(items[-1], item, _START if start is None else ""):
                raise ParameterError(
                    f"A procedure of {uid} has started already: end_procedure() comes before the "
                    "next one."
                )
            return items

        return self._rewrite("start_procedure", uid, _PERFORMED, make, transaction_uid)

    def end_procedure(
        self,
        uid: str,
        *,
        outputs: Iterable[Dataset] = (),
        end: Moment | None = None,
        transaction_uid: str | None = None,
    ) -> UpsResult:
        """Tell that the procedure has ended, by default now, and what it has made.

        To tell it once more, for want of an answer, changes nothing.

        Parameters
        ----------
        uid, transaction_uid
            As for all.
        outputs : iterable of pydicom.dataset.Dataset
            See `instances`; they are added to those of `add_output`.
        end : datetime or str, optional
            When.

        Raises
        ------
        ParameterError
            None has started.
        """
        ended, made = moment_text(end or _now()), list(outputs)

        def make(items: list[Dataset]) -> list[Dataset]:
            if items and _is_open(items[-1]):
                items[-1].PerformedProcedureStepEndDateTime = ended
                return _with_output(items, made)
            told = items and (end is None or items[-1].PerformedProcedureStepEndDateTime == ended)
            if not (told and all(each in _output(items[-1]) for each in made)):
                raise _none_started(uid)
            return items

        return self._rewrite("end_procedure", uid, _PERFORMED, make, transaction_uid)

    def add_output(
        self, uid: str, *outputs: Dataset, transaction_uid: str | None = None
    ) -> UpsResult:
        """Tell what the last procedure has made; what was told before is not told twice.

        Parameters
        ----------
        uid, transaction_uid
            As for all.
        *outputs : pydicom.dataset.Dataset
            See `instances`.

        Raises
        ------
        ParameterError
            None has started.
        """

        def make(items: list[Dataset]) -> list[Dataset]:
            if not items:
                raise _none_started(uid)
            return _with_output(items, outputs)

        return self._rewrite("add_output", uid, _PERFORMED, make, transaction_uid)

    def complete(self, uid: str, *, transaction_uid: str | None = None) -> UpsResult:
        """End a workitem as COMPLETED; its procedures have to be told before.

        Raises
        ------
        ParameterError
            It was not claimed here and no Transaction UID is given, or a profile objects.
        """
        return self._end("complete", uid, State.COMPLETED, transaction_uid)

    def cancel(
        self,
        uid: str,
        reason: CodeLike = DISCONTINUED,
        text: str = "",
        *,
        at: Moment | None = None,
        transaction_uid: str | None = None,
    ) -> UpsResult:
        """End a workitem that was claimed as CANCELED; of others, see `UpsScu.request_cancel`.

        Parameters
        ----------
        uid, transaction_uid
            As for all.
        reason : Code or tuple of str
            Why, as a code.
        text : str
            Why, in words.
        at : datetime or str, optional
            When it was discontinued, by default now.

        Raises
        ------
        ParameterError
            As for `complete`.
        """
        lock = self._required_lock(uid, transaction_uid)
        told = self._rewrite(
            "cancel",
            uid,
            _PROGRESS,
            lambda items: [canceled_item(_first(items), at or _now(), reason, text)],
            lock,
        )
        # What is final already may be canceled: only the change of state tells, with B304H.
        if told.is_failure and told.status != UpsStatus.NO_LONGER_UPDATABLE:
            return told
        return self._end("cancel", uid, State.CANCELED, lock)

    # -- how -----------------------------------------------------------------------------------

    def _claim(self, verb: str, uid: str, lock: str) -> UpsResult:
        proofs = (UpsStatus.ALREADY_IN_PROGRESS,)
        result = self._change_state(verb, uid, State.IN_PROGRESS, lock, proofs)
        if not result.is_failure:
            self.transaction_uids.confirm(self.manager, uid, lock)
        elif result.status in _LOST:
            self.transaction_uids.forget(self.manager, uid, lock)
        return replace(result, transaction_uid=lock)

    def _end(self, verb: str, uid: str, target: State, transaction_uid: str | None) -> UpsResult:
        lock = self._required_lock(uid, transaction_uid)
        if self.profiles:
            self._check_final(uid, target)
        proof = (
            UpsStatus.ALREADY_COMPLETED if target is State.COMPLETED else UpsStatus.ALREADY_CANCELED
        )
        result = self._change_state(verb, uid, target, lock, (proof,))
        if not result.is_failure or result.status == UpsStatus.NO_LONGER_UPDATABLE:
            self.transaction_uids.forget(self.manager, uid)
        return result

    def _change_state(
        self, verb: str, uid: str, target: State, lock: str, proofs: Collection[int]
    ) -> UpsResult:
        information = Dataset()
        information.ProcedureStepState, information.TransactionUID = target.value, lock
        action = ActionType.CHANGE_STATE
        return self._act(verb, uid, action, information, SopClass.PULL, proofs)

    def _check_final(self, uid: str, target: State) -> None:
        read = self.get(uid)
        for profile in () if read.is_failure else self.profiles:
            refuse(profile, profile.check_final(read.workitem.dataset, target))

    def _required_lock(self, uid: str, transaction_uid: str | None) -> str:
        lock = transaction_uid or self._lock(uid)
        if not lock:
            raise self._not_claimed(uid)
        return lock

    def _not_claimed(self, uid: str) -> ParameterError:
        return ParameterError(
            f"{uid} of {self.manager} was not claimed here, or has ended: claim() it, or give the "
            "Transaction UID that it was claimed with elsewhere."
        )


def _first(items: list[Dataset]) -> Dataset | None:
    return items[0] if items else None


def _is_open(item: Dataset) -> bool:
    return not item.get("PerformedProcedureStepEndDateTime")


def _is_repeated(there: Dataset, told: Dataset, but_for: str = "") -> bool:
    """Tell whether what was told of a procedure is there, except for one attribute."""
    return all(
        there.get(element.tag) == element
        for element in told
        if element.keyword not in (but_for, "OutputInformationSequence")
    )


def _output(item: Dataset) -> list[Dataset]:
    return items_in(item, "OutputInformationSequence")


def _with_output(items: list[Dataset], outputs: Iterable[Dataset]) -> list[Dataset]:
    there = _output(items[-1])
    new = [each for each in outputs if each not in there]
    items[-1].OutputInformationSequence = [*there, *new]
    return items


def _none_started(uid: str) -> ParameterError:
    return ParameterError(f"No procedure of {uid} is under way: start_procedure() comes first.")


def _now() -> datetime:
    return datetime.now(timezone.utc)

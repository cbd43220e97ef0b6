"""What all verbs of `UpsScu` stand on: one association, repetition, profiles, N-GET and N-SET."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from types import TracebackType
from typing import TypeVar

from pydicom.dataset import Dataset

from leaddicom.contexts import VERIFICATION, supported
from leaddicom.dataset import LDicomDS
from leaddicom.enums import SecureMode
from leaddicom.errors import ParameterError
from leaddicom.limits import Limits
from leaddicom.scu.client import Scu
from leaddicom.scu.results import NormalizedResult
from leaddicom.tls.credentials import Password
from leaddicom.tls.trust import Paths
from leaddicom.ups.client.attribute_lists import checked, modification_list
from leaddicom.ups.client.repeating import Repeater, Retry
from leaddicom.ups.client.results import UpsResult
from leaddicom.ups.client.transaction_uids import HeldWorkitem, TransactionUids
from leaddicom.ups.client.views import items_in
from leaddicom.ups.core.findings import Finding
from leaddicom.ups.core.profile import Profile
from leaddicom.ups.core.terms import ActionType, SopClass
from leaddicom.ups.profiles import PROFILES
from leaddicom.values import is_uid

__all__ = ["DataSet", "ManagerAssociation", "as_dataset", "refuse"]

#: What is taken as attributes: pydicom's data set, ours, or a DICOM file.
DataSet = Dataset | LDicomDS | str | os.PathLike[str]

# All of them are offered at once, so that one association serves all verbs.
_CONTEXTS = (
    *VERIFICATION,
    *supported(map(str, (SopClass.PUSH, SopClass.PULL, SopClass.WATCH, SopClass.QUERY))),
)

_PUSH = SopClass.PUSH.value

_Self = TypeVar("_Self", bound="ManagerAssociation")


class ManagerAssociation:
    """An association with a worklist manager; its parameters are explained at `UpsScu`."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        called_ae_title: str = "UPSSCP",
        calling_ae_title: str = "LEADDICOM",
        ca_file: Paths | None = None,
        certificate: str | None = None,
        key: str | None = None,
        mode: int = SecureMode.TLS,
        limits: Limits | None = None,
        password: str | bytes | Password | None = None,
        transaction_uids: TransactionUids | str | os.PathLike[str] | None = None,
        retry: Retry | None = None,
        profiles: Iterable[Profile | str] = (),
        find_on: SopClass = SopClass.PULL,
        manager: str = "",
    ) -> None:
        self.net = Scu(
            host,
            port,
            called_ae_title=called_ae_title,
            calling_ae_title=calling_ae_title,
            ca_file=ca_file,
            certificate=certificate,
            key=key,
            mode=mode,
            limits=limits,
            password=password,
        )
        if not isinstance(transaction_uids, TransactionUids):
            transaction_uids = TransactionUids(transaction_uids)
        self.transaction_uids = transaction_uids
        self.profiles = tuple(map(_profile, profiles))
        self.find_on = find_on
        self.manager = manager or f"{called_ae_title}@{host.lower()}:{port}"
        self._repeater = Repeater(retry or Retry(), lambda: self.net.associate(_CONTEXTS))

    # -- the association -----------------------------------------------------------------------

    def echo(self) -> float:
        """Verify that the manager answers; give the seconds that it took.

        Raises
        ------
        DicomError
            It does not.
        """
        seconds, _ = self._repeater.call(self.net.echo)
        return seconds

    def close(self) -> None:
        """Release the association; nothing is repeated any more.  From any thread."""
        self._repeater.give_up()
        self.net.close()

    def abort(self) -> None:
        """Abort the association; nothing is repeated any more.  From any thread, and any event."""
        self._repeater.give_up()
        self.net.abort()

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if exc is None:
            self.close()
        else:
            self.abort()

    # -- reading and changing ------------------------------------------------------------------

    def get(
        self,
        uid: str,
        attributes: Iterable[int | str] = (),
        *,
        sop_class: SopClass = SopClass.PULL,
    ) -> UpsResult:
        """Read a workitem (N-GET).

        Parameters
        ----------
        uid : str
            Of the workitem.
        attributes : iterable of int or str
            Tags or keywords; none stands for all attributes.
        sop_class : SopClass
            On which to ask: UPS Pull, Push or Watch.

        Returns
        -------
        UpsResult
            Its `UpsResult.workitem` has what was read.
        """
        tags = tuple(attributes)
        net, syntax = self.net, sop_class.value
        return self._send("get", uid, lambda: net.n_get(_PUSH, uid, tags, abstract_syntax=syntax))

    def modify(
        self, uid: str, modifications: DataSet, *, transaction_uid: str | None = None
    ) -> UpsResult:
        """Change attributes of a workitem (N-SET).

        A sequence replaces the one that is there, with all of its items.

        Parameters
        ----------
        uid : str
            Of the workitem.
        modifications : pydicom.dataset.Dataset, LDicomDS, str or path-like
            The attributes to change.
        transaction_uid : str, optional
            What the workitem is locked with; "" for one that is SCHEDULED.  By default it is
            what it was claimed with here, if it was.

        Raises
        ------
        ParameterError
            An N-SET cannot change one of the attributes, or a profile objects.
        """
        lock = self._lock(uid) if transaction_uid is None else transaction_uid
        changes = modification_list(as_dataset(modifications), lock)
        for profile in self.profiles:
            refuse(profile, profile.check_modification(changes))
        net, syntax = self.net, SopClass.PULL.value
        return self._send(
            "modify", uid, lambda: net.n_set(_PUSH, uid, changes, abstract_syntax=syntax)
        )

    def held(self) -> list[HeldWorkitem]:
        """Give the workitems of this manager that were claimed here and have not ended yet."""
        return self.transaction_uids.held(self.manager)

    # -- for the verbs -------------------------------------------------------------------------

    def _send(
        self,
        verb: str,
        uid: str,
        send: Callable[[], NormalizedResult],
        proofs: Collection[int] = (),
    ) -> UpsResult:
        """Send a request until it is answered.

        `proofs` are the statuses that tell, when they answer a repetition, that the first
        request has done it.
        """
        if not is_uid(uid):
            raise ParameterError(f"{uid!a} is no UID (PS3.5 section 9.1).")
        answer, is_repetition = self._repeater.call(send)
        return UpsResult.of(
            verb,
            answer.operation,
            answer.peer,
            uid,
            answer.status,
            comment=answer.comment,
            dataset=answer.dataset,
            attempts=self._repeater.attempts,
            is_confirmation=is_repetition and answer.status in proofs,
        )

    def _act(
        self,
        verb: str,
        uid: str,
        action: ActionType,
        information: Dataset,
        sop_class: SopClass,
        proofs: Collection[int] = (),
    ) -> UpsResult:
        """Have something done (N-ACTION)."""
        sent = checked(information) if information else None
        net, syntax = self.net, sop_class.value
        return self._send(
            verb,
            uid,
            lambda: net.n_action(_PUSH, uid, int(action), sent, abstract_syntax=syntax),
            proofs,
        )

    def _rewrite(
        self,
        verb: str,
        uid: str,
        sequence: str,
        make: Callable[[list[Dataset]], Sequence[Dataset]],
        transaction_uid: str | None,
    ) -> UpsResult:
        """Read a sequence, and replace it: an N-SET cannot change a part (PS3.4 CC.2.6)."""
        read = self.get(uid, [sequence])
        if read.is_failure:
            return replace(read, verb=verb)
        changes = Dataset()
        setattr(changes, sequence, list(make(items_in(read.workitem.dataset, sequence))))
        return replace(self.modify(uid, changes, transaction_uid=transaction_uid), verb=verb)

    def _lock(self, uid: str) -> str:
        return self.transaction_uids.get(self.manager, uid)


def as_dataset(source: DataSet) -> Dataset:
    """Give pydicom's data set of what a caller has given."""
    if isinstance(source, Dataset):
        return source
    if isinstance(source, LDicomDS):
        return source.to_pydicom()
    with LDicomDS.from_file(source) as file:
        return file.to_pydicom()


def _profile(profile: Profile | str) -> Profile:
    if not isinstance(profile, str):
        return profile
    if profile not in PROFILES:
        known = ", ".join(PROFILES)
        raise ParameterError(f"There is no profile {profile!a}, but: {known}.")
    return PROFILES[profile]


def refuse(profile: Profile, findings: Sequence[Finding]) -> None:
    """Raise what a profile objects to, if it does."""
    if findings:
        found = "; ".join(each.text for each in findings)
        raise ParameterError(f"The profile {profile.name} objects: {found}.")

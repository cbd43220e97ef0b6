"""The normalized services, as who invokes them (PS3.7 section 10)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pydicom.tag import Tag

from leaddicom.contexts import UNCOMPRESSED
from leaddicom.errors import ProtocolError
from leaddicom.net_dimse import DataSet
from leaddicom.scu.exchange import Request, Response, as_scp
from leaddicom.scu.requestor import Requestor
from leaddicom.scu.results import NormalizedResult
from leaddicom.upper_layer.negotiation import SupportedContext

__all__ = ["NormalizedScu"]


class NormalizedScu(Requestor):
    """Invokes normalized services.

    Notes
    -----
    All methods have in common:

    sop_class_uid, sop_instance_uid : str
        What to act on.
    dataset : LDicomDS, pydicom.dataset.Dataset, str or path-like, optional
        What the service sends with it.
    abstract_syntax : str, optional
        The SOP class to negotiate, if it is another: UPS Pull for actions on instances of UPS
        Push (PS3.4 section CC.3.1), a meta SOP class for printing.

    They give a `NormalizedResult`, whatever the status is; ``result.check()`` raises if it is
    a failure.  They raise `DicomError`, as a rule a `TlsError`, `NetworkError` or
    `AssociationError`, if there is no answer, and `DataSetError` if a data set cannot be encoded
    or is damaged.
    """

    def n_create(
        self,
        sop_class_uid: str,
        sop_instance_uid: str = "",
        dataset: DataSet | None = None,
        *,
        abstract_syntax: str | None = None,
    ) -> NormalizedResult:
        """Create an instance; without its UID the peer chooses one (PS3.7 section 10.1.5)."""

        def send(context_id: int, message_id: int) -> None:
            names = (message_id, sop_class_uid, sop_instance_uid)
            self.SendNCreateRequest(context_id, *names, dataset)

        names = (sop_class_uid, sop_instance_uid)
        return self._normalized("N-CREATE", *names, abstract_syntax, send)

    def n_set(
        self,
        sop_class_uid: str,
        sop_instance_uid: str,
        dataset: DataSet,
        *,
        abstract_syntax: str | None = None,
    ) -> NormalizedResult:
        """Change attributes of an instance (PS3.7 section 10.1.3)."""

        def send(context_id: int, message_id: int) -> None:
            names = (message_id, sop_class_uid, sop_instance_uid)
            self.SendNSetRequest(context_id, *names, dataset)

        names = (sop_class_uid, sop_instance_uid)
        return self._normalized("N-SET", *names, abstract_syntax, send)

    def n_get(
        self,
        sop_class_uid: str,
        sop_instance_uid: str,
        attributes: Iterable[int | str] = (),
        *,
        abstract_syntax: str | None = None,
    ) -> NormalizedResult:
        """Read attributes of an instance (PS3.7 section 10.1.2).

        Parameters
        ----------
        sop_class_uid, sop_instance_uid, abstract_syntax
            As for all.
        attributes : iterable of int or str
            Tags or keywords; none stands for all attributes.
        """
        tags = tuple(int(Tag(each)) for each in attributes)

        def send(context_id: int, message_id: int) -> None:
            names = (message_id, sop_class_uid, sop_instance_uid)
            self.SendNGetRequest(context_id, *names, tags, len(tags))

        names = (sop_class_uid, sop_instance_uid)
        return self._normalized("N-GET", *names, abstract_syntax, send)

    def n_action(
        self,
        sop_class_uid: str,
        sop_instance_uid: str,
        action_type: int,
        dataset: DataSet | None = None,
        *,
        abstract_syntax: str | None = None,
    ) -> NormalizedResult:
        """Have something done to an instance (PS3.7 section 10.1.4)."""

        def send(context_id: int, message_id: int) -> None:
            names = (message_id, sop_class_uid, sop_instance_uid)
            self.SendNActionRequest(context_id, *names, action_type, dataset)

        names = (sop_class_uid, sop_instance_uid)
        return self._normalized("N-ACTION", *names, abstract_syntax, send)

    def n_delete(
        self,
        sop_class_uid: str,
        sop_instance_uid: str,
        *,
        abstract_syntax: str | None = None,
    ) -> NormalizedResult:
        """Delete an instance (PS3.7 section 10.1.6)."""

        def send(context_id: int, message_id: int) -> None:
            self.SendNDeleteRequest(context_id, message_id, sop_class_uid, sop_instance_uid)

        names = (sop_class_uid, sop_instance_uid)
        return self._normalized("N-DELETE", *names, abstract_syntax, send)

    def n_event_report(
        self,
        sop_class_uid: str,
        sop_instance_uid: str,
        event_type: int,
        dataset: DataSet | None = None,
        *,
        abstract_syntax: str | None = None,
    ) -> NormalizedResult:
        """Report an event, as the SCP of the SOP class (PS3.7 section 10.1.1).

        The association offers the SOP class with the role of the SCP (PS3.7 section D.3.3.4).
        """

        def send(context_id: int, message_id: int) -> None:
            names = (message_id, sop_class_uid, sop_instance_uid)
            self.SendNReportRequest(context_id, *names, event_type, dataset)

        names = (sop_class_uid, sop_instance_uid)
        return self._normalized("N-EVENT-REPORT", *names, abstract_syntax, send)

    def _normalized(
        self,
        operation: str,
        sop_class_uid: str,
        sop_instance_uid: str,
        abstract_syntax: str | None,
        send: Callable[[int, int], None],
    ) -> NormalizedResult:
        abstract = abstract_syntax or sop_class_uid
        context = SupportedContext(abstract, UNCOMPRESSED)
        if operation == "N-EVENT-REPORT":
            context = as_scp(context)
        final = self._call(_NormalizedRequest(self, abstract, (context,), send))
        values = final.values()
        type_id = values.get("event", values.get("action"))
        return self._outcome(
            NormalizedResult,
            operation,
            final,
            sop_class_uid=values.get("sop_class_uid", sop_class_uid),
            sop_instance_uid=values.get("sop_instance_uid", sop_instance_uid),
            type_id=type_id,
            dataset=None if final.dataset is None else final.dataset.to_pydicom(),
        )


class _NormalizedRequest(Request):
    """A request that is answered once: no normalized service has pending responses."""

    def pending(self, response: Response) -> None:
        """Take it neither for a success nor for a promise of an answer."""
        raise ProtocolError(
            f"{self._net.peer_text} answered a request of a normalized service with "
            f"{response.status:04X}H (pending), which PS3.7 has for composite services only; "
            "whether it was carried out is not known."
        )

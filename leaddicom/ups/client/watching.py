"""The verbs of who wants to be told about workitems (PS3.4 section CC.2.3)."""

from __future__ import annotations

from pydicom.dataset import Dataset

from leaddicom.errors import ParameterError
from leaddicom.ups.client.association import ManagerAssociation
from leaddicom.ups.client.results import UpsResult
from leaddicom.ups.core.terms import (
    FILTERED_GLOBAL_SUBSCRIPTION,
    GLOBAL_SUBSCRIPTION,
    ActionType,
    SopClass,
)
from leaddicom.values import check_ae_title

__all__ = ["WatchingScu"]


class WatchingScu(ManagerAssociation):
    """Subscribes to the events of workitems, which a `UpsEventReceiver` gets.

    Notes
    -----
    All methods have in common:

    receiving_ae : str
        AE title of who is to get the events, which the manager has to know with host and port;
        "" is the calling AE title.
    deletion_lock : bool
        Whether the manager is to keep workitems after their end until the subscription ends.
        It may decline, with the warning B301H.
    """

    def subscribe(
        self, uid: str, *, deletion_lock: bool = False, receiving_ae: str = ""
    ) -> UpsResult:
        """Subscribe to a workitem; its state is reported at once."""
        return self._subscribe("subscribe", uid, Dataset(), deletion_lock, receiving_ae)

    def subscribe_globally(
        self,
        matching: Dataset | None = None,
        *,
        deletion_lock: bool = False,
        receiving_ae: str = "",
    ) -> UpsResult:
        """Subscribe to all workitems, those to come among them, or to those that match.

        Parameters
        ----------
        matching : pydicom.dataset.Dataset, optional
            As `query` makes it: only workitems that it finds.  It takes the place of an earlier
            one.
        deletion_lock, receiving_ae
            As for all.

        Raises
        ------
        ParameterError
            It matches everything.
        """
        if matching is None:
            uid, keys = GLOBAL_SUBSCRIPTION, Dataset()
        else:
            uid, keys = FILTERED_GLOBAL_SUBSCRIPTION, _keys(matching)
        return self._subscribe("subscribe_globally", uid, keys, deletion_lock, receiving_ae)

    def unsubscribe(self, uid: str, *, receiving_ae: str = "") -> UpsResult:
        """Unsubscribe from a workitem, and release its deletion lock."""
        return self._watch("unsubscribe", uid, ActionType.UNSUBSCRIBE, Dataset(), receiving_ae)

    def unsubscribe_globally(self, *, receiving_ae: str = "") -> UpsResult:
        """Unsubscribe from all workitems, however they were subscribed to."""
        uid, action = GLOBAL_SUBSCRIPTION, ActionType.UNSUBSCRIBE
        return self._watch("unsubscribe_globally", uid, action, Dataset(), receiving_ae)

    def suspend_globally(self, *, receiving_ae: str = "") -> UpsResult:
        """Subscribe to no workitems to come, but keep the subscriptions that there are."""
        uid, action = GLOBAL_SUBSCRIPTION, ActionType.SUSPEND_GLOBAL
        return self._watch("suspend_globally", uid, action, Dataset(), receiving_ae)

    def _subscribe(
        self, verb: str, uid: str, information: Dataset, deletion_lock: bool, receiving_ae: str
    ) -> UpsResult:
        information.DeletionLock = "TRUE" if deletion_lock else "FALSE"
        return self._watch(verb, uid, ActionType.SUBSCRIBE, information, receiving_ae)

    def _watch(
        self, verb: str, uid: str, action: ActionType, information: Dataset, receiving_ae: str
    ) -> UpsResult:
        title = receiving_ae or self.net.calling_ae_title
        check_ae_title(title)
        information.ReceivingAE = title
        return self._act(verb, uid, action, information, SopClass.WATCH)


def _keys(identifier: Dataset) -> Dataset:
    """Give the keys of an identifier that match less than everything."""
    keys = Dataset()
    for element in identifier:
        if not element.is_empty:
            keys.add(element)
    if not keys:
        raise ParameterError(
            "The query matches all workitems: subscribe to all without a query, or give it a key."
        )
    return keys

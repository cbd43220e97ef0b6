"""C-FIND (PS3.4 section C.4.1, PS3.7 section 9.1.2)."""

from __future__ import annotations

from collections.abc import Iterator

from pydicom.dataset import Dataset

from leaddicom.dimse.messages import C_FIND_RQ, C_FIND_RSP
from leaddicom.enums import Status
from leaddicom.scp.operation import Operation, close_iterator

__all__ = ["Find"]


class Find(Operation):
    """A C-FIND under way: every match leaves as it is found."""

    request_type, response_type = C_FIND_RQ, C_FIND_RSP
    out_of_resources = Status.REFUSED_OUT_OF_RESOURCES

    _matches: Iterator[Dataset] | None = None
    _count: int = 0

    def perform(self) -> None:
        """Send what `find` yields."""
        self._matches = matches = self.ask(lambda: iter(self.scp.find(self.query)))
        while (match := self.ask(lambda: next(matches, None))) is not None:
            self._send_match(match)
        self.finish(Status.SUCCESS)

    def summary(self) -> str:
        """Tell how many matches there were."""
        return f", {self._count} {'match' if self._count == 1 else 'matches'}"

    def clean_up(self) -> None:
        """Close the iterator of the matches."""
        close_iterator(self._matches)

    def _send_match(self, match: Dataset) -> None:
        query, request = self.query, self.request
        if query.levels and "QueryRetrieveLevel" not in match:
            match = _with_level(match, query.level)
        status = Status.PENDING_WARNING if query.has_unsupported_keys else Status.PENDING
        self._count += 1
        self.send(
            lambda: self.scp.SendCFindResponse(
                request.presentation_id, request.message_id, request.sop_class_uid, status, match
            )
        )


def _with_level(match: Dataset, level: str) -> Dataset:
    """Give a match with the level that PS3.4 section C.4.1.1.3.2 wants; the match is not ours."""
    response = Dataset()
    response.QueryRetrieveLevel = level
    for element in match:
        response.add(element)
    return response

"""What a TLS server accepts, found out by asking for one thing after the other.

Asking is left to a function, so that this is tested without a network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from leaddicom.doctor.catalog import (
    GROUPS,
    LIVE_TLS12,
    LIVE_TLS13,
    TLS10,
    TLS11,
    TLS12,
    TLS13,
    SuiteKind,
    suite_name,
)
from leaddicom.doctor.hello import Answer, AnswerKind, Hello
from leaddicom.errors import NetworkError

__all__ = ["EVERYTHING", "MAXIMUM_QUESTIONS", "Ask", "Scan", "scan"]

#: Sends a ClientHello on a connection of its own, and gives what came back.
Ask = Callable[[Hello], Answer]

_WEAK = tuple(code for kind in SuiteKind for code in kind.codes)

#: Offers all there is, to find out who is there.
EVERYTHING = Hello((TLS13, TLS12, TLS11, TLS10), (*LIVE_TLS13, *LIVE_TLS12, *_WEAK))

# The suites of each live version with the question of the order, kinds of old suites, old
# versions, groups.
MAXIMUM_QUESTIONS = len(LIVE_TLS13) + len(LIVE_TLS12) + 2 + len(SuiteKind) + 2 + len(GROUPS)


@dataclass(frozen=True, slots=True)
class Scan:
    """What a server accepts.

    Attributes
    ----------
    versions : mapping of int to bool or None
        Whether it accepts a TLS version; `None` if it did not say.
    suites : mapping of int to tuple of int
        Which suites of the live profiles it accepts, by version, in the order in which it chose
        them when all of what was left was offered.
    own_order : mapping of int to bool
        Whether it keeps to an order of its own rather than to the client's, by version, as far
        as that can be told.
    others : mapping of SuiteKind to int or None
        One suite of each kind that no live profile recommends that it accepts in TLS 1.2;
        `None` if it accepts none.
    groups : tuple of int
        Groups that it accepts in its highest version, in the order in which it chose them.
    dh_bits : int or None
        Length of its prime for DHE.
    compression : bool
        Whether it compresses.
    extensions : frozenset of int or None
        Extensions of its ServerHello of TLS 1.2; `None` if there was none.
    stopped : str or None
        Why not all was asked; `None` if all was.
    """

    versions: MappingProxyType[int, bool | None]
    suites: MappingProxyType[int, tuple[int, ...]]
    own_order: MappingProxyType[int, bool]
    others: MappingProxyType[SuiteKind, int | None]
    groups: tuple[int, ...] = ()
    dh_bits: int | None = None
    compression: bool = False
    extensions: frozenset[int] | None = None
    stopped: str | None = None


def scan(ask: Ask, server_name: str | None = None) -> Scan:
    """Ask a server for versions, suites and groups, with at most `MAXIMUM_QUESTIONS` questions.

    A server that does not answer one question is asked no further.

    Parameters
    ----------
    ask : callable
        Sends a ClientHello; a `NetworkError` ends the scan, too.
    server_name : str, optional
        The name to ask for (SNI).
    """
    return _Scanner(ask, server_name).run()


@dataclass(slots=True)
class _Scanner:
    ask: Ask
    server_name: str | None
    dh_bits: int | None = None
    compression: bool = False
    extensions: frozenset[int] | None = None
    stopped: str | None = None
    suites: dict[int, tuple[int, ...]] = field(default_factory=dict)
    own_order: dict[int, bool] = field(default_factory=dict)

    def run(self) -> Scan:
        versions: dict[int, bool | None] = {}
        versions[TLS13] = self._take_suites(TLS13, LIVE_TLS13)
        versions[TLS12] = self._take_suites(TLS12, LIVE_TLS12)
        others = {kind: self._other(kind) for kind in SuiteKind}
        if any(others.values()):
            versions[TLS12] = True
        groups = self._take_groups()
        for version in (TLS11, TLS10):
            versions[version] = self._accepts(version, _WEAK)
        return Scan(
            versions=MappingProxyType(versions),
            suites=MappingProxyType(self.suites),
            own_order=MappingProxyType(self.own_order),
            others=MappingProxyType(others),
            groups=groups,
            dh_bits=self.dh_bits,
            compression=self.compression,
            extensions=self.extensions,
            stopped=self.stopped,
        )

    def _answer(
        self, version: int, suites: Iterable[int], groups: Sequence[int] = tuple(GROUPS)
    ) -> Answer:
        """Ask; whatever is not an answer in this version counts as a refusal."""
        nothing = Answer(AnswerKind.SILENT)
        if self.stopped is not None:
            return nothing
        hello = Hello((version,), tuple(suites), tuple(groups), self.server_name)
        try:
            answer = self.ask(hello)
        except NetworkError as error:  # it shall be left alone
            self.stopped = str(error)
            return nothing
        if answer.kind is AnswerKind.SILENT:
            self.stopped = "It left a question unanswered, and was asked no further."
        if answer.kind is not AnswerKind.HELLO or answer.version == version:
            self._note(answer)
            return answer
        return replace(answer, kind=AnswerKind.ALERT)

    def _note(self, answer: Answer) -> None:
        self.compression = self.compression or answer.compression
        self.dh_bits = self.dh_bits or answer.dh_bits
        if answer.version == TLS12 and self.extensions is None:
            self.extensions = answer.extensions

    def _accepts(self, version: int, suites: tuple[int, ...]) -> bool | None:
        return _accepted(self._answer(version, suites))

    def _take_suites(self, version: int, suites: tuple[int, ...]) -> bool | None:
        """Find the suites that are accepted, by offering those that are left."""
        left, found = list(suites), []
        first: bool | None = None
        while left:
            answer = self._answer(version, left)
            first = _accepted(answer) if first is None else first
            if answer.kind is not AnswerKind.HELLO or answer.suite not in left:
                break
            left.remove(answer.suite)
            found.append(answer.suite)
        self.suites[version] = tuple(found)
        # CHACHA20 is left out: a server may move it to the front for who asks for it first.
        common = [each for each in found if "CHACHA20" not in suite_name(each)]
        if len(common) > 1:
            answer = self._answer(version, reversed(common))
            if answer.suite in (common[0], common[-1]):
                self.own_order[version] = answer.suite == common[0]
        return first

    def _other(self, kind: SuiteKind) -> int | None:
        answer = self._answer(TLS12, kind.codes)
        return answer.suite if answer.kind is AnswerKind.HELLO else None

    def _take_groups(self) -> tuple[int, ...]:
        version = TLS13 if self.suites[TLS13] else TLS12
        left, found = list(GROUPS), []
        while left and self.suites[version]:
            answer = self._answer(version, self.suites[version], left)
            if answer.kind is not AnswerKind.HELLO or answer.group not in left:
                break
            left.remove(answer.group)
            found.append(answer.group)
        return tuple(found)


def _accepted(answer: Answer) -> bool | None:
    return None if answer.kind is AnswerKind.SILENT else answer.kind is AnswerKind.HELLO

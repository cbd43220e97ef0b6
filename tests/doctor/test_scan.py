"""The questions of a scan, put to servers made up for it."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from leaddicom.doctor.catalog import (
    GROUPS,
    LIVE_TLS12,
    LIVE_TLS13,
    TLS10,
    TLS11,
    TLS12,
    TLS13,
    SuiteKind,
)
from leaddicom.doctor.hello import Answer, AnswerKind, Hello
from leaddicom.doctor.scan import MAXIMUM_QUESTIONS, Scan, scan
from leaddicom.errors import DicomErrorCode, NetworkError

CBC, DHE = SuiteKind.CBC.codes[0], SuiteKind.DHE.codes[0]


@dataclass
class Server:
    """Chooses as a server does: the first that it knows, by its own order or the client's."""

    suites: dict[int, tuple[int, ...]]
    groups: tuple[int, ...] = (0x17, 0x1D)
    own_order: bool = True
    dh_bits: int = 2048
    patience: int = 1000
    hellos: list[Hello] = field(default_factory=list)

    def __call__(self, hello: Hello) -> Answer:
        self.hellos.append(hello)
        if len(self.hellos) > self.patience:
            return Answer(AnswerKind.SILENT)
        for version in (TLS13, TLS12, TLS11, TLS10):
            if max(hello.versions) < version:
                continue
            suite = self.choose(self.suites.get(version, ()), hello.suites)
            group = self.choose(self.groups, hello.groups)
            if suite is not None and group is not None and version in hello.versions:
                return self.answer(version, suite, group)
        return Answer(AnswerKind.ALERT, alert=40)

    def choose(self, own: tuple[int, ...], offered: tuple[int, ...]) -> int | None:
        first, second = (own, offered) if self.own_order else (offered, own)
        return next((each for each in first if each in second), None)

    def answer(self, version: int, suite: int, group: int) -> Answer:
        return Answer(
            AnswerKind.HELLO,
            version=version,
            suite=suite,
            group=group,
            dh_bits=self.dh_bits if suite in SuiteKind.DHE.codes else None,
            extensions=frozenset({23}),
        )


def test_suites_come_in_the_servers_order() -> None:
    found = scan(Server({TLS13: LIVE_TLS13[1::-1], TLS12: LIVE_TLS12[2::-1]}))
    assert found.suites == {TLS13: LIVE_TLS13[1::-1], TLS12: LIVE_TLS12[2::-1]}
    assert found.versions == {TLS13: True, TLS12: True, TLS11: False, TLS10: False}
    assert found.own_order == {TLS13: True, TLS12: True}
    assert found.groups == (0x17, 0x1D)
    assert found.stopped is None


def test_the_clients_order_is_seen_as_such() -> None:
    found = scan(Server({TLS13: LIVE_TLS13[:2], TLS12: LIVE_TLS12[:3]}, own_order=False))
    assert found.own_order == {TLS13: False, TLS12: False}


def test_one_suite_tells_no_order() -> None:
    assert scan(Server({TLS13: LIVE_TLS13[:1]})).own_order == {}


def test_chacha20_does_not_tell_the_order() -> None:
    """A server may give it precedence for those that ask for it first."""
    server = Server({TLS13: (LIVE_TLS13[0], LIVE_TLS13[2])})
    assert scan(server).own_order == {}


@pytest.mark.parametrize("kind", SuiteKind)
def test_every_kind_of_old_suite_is_asked_for(kind: SuiteKind) -> None:
    found = scan(Server({TLS12: (kind.codes[-1],)}))
    assert found.versions[TLS12]
    assert found.suites[TLS12] == ()
    assert found.others == {**dict.fromkeys(SuiteKind), kind: kind.codes[-1]}


def test_the_prime_of_dhe_is_noted() -> None:
    assert scan(Server({TLS12: (DHE,)}, dh_bits=1024)).dh_bits == 1024


@pytest.mark.parametrize("version", [TLS10, TLS11])
def test_old_versions_are_told_apart(version: int) -> None:
    found = scan(Server({version: (CBC,)}))
    assert [each for each, takes in found.versions.items() if takes] == [version]


def test_an_answer_in_an_older_version_is_a_refusal() -> None:
    def ask(hello: Hello) -> Answer:
        return Answer(AnswerKind.HELLO, version=TLS10, suite=hello.suites[0])

    assert scan(ask).versions == {TLS13: False, TLS12: False, TLS11: False, TLS10: True}


def test_a_suite_that_was_not_offered_ends_the_search() -> None:
    def ask(hello: Hello) -> Answer:
        return Answer(AnswerKind.HELLO, version=hello.versions[0], suite=0x9999, group=0x9999)

    found = scan(ask)
    assert found.suites == {TLS13: (), TLS12: ()}
    assert found.groups == ()


def test_the_name_is_asked_for_each_time() -> None:
    server = Server({TLS13: LIVE_TLS13})
    scan(server, "pacs.example")
    assert {each.server_name for each in server.hellos} == {"pacs.example"}


def test_there_are_never_more_questions_than_promised() -> None:
    everything = Server(
        dict.fromkeys((TLS13, TLS12, TLS11), (*LIVE_TLS13, *LIVE_TLS12, CBC, DHE)),
        groups=tuple(GROUPS),
    )
    scan(everything)
    assert len(everything.hellos) == MAXIMUM_QUESTIONS


class TestAServerThatFallsSilent:
    @pytest.mark.parametrize("patience", range(0, 12, 3))
    def test_is_asked_no_further(self, patience: int) -> None:
        server = Server({TLS13: LIVE_TLS13, TLS12: LIVE_TLS12}, patience=patience)
        found = scan(server)
        assert len(server.hellos) == patience + 1
        assert found.stopped is not None
        assert found.versions[TLS10] is None

    def test_what_it_has_said_before_counts(self) -> None:
        found = scan(Server({TLS13: LIVE_TLS13}, patience=3))
        assert found.versions[TLS13] is True
        assert found.suites[TLS13] == LIVE_TLS13[:3]
        assert found.versions[TLS12] is None

    def test_one_that_takes_no_more_connections_is_left_alone(self) -> None:
        calls = []

        def ask(hello: Hello) -> Answer:
            calls.append(hello)
            raise NetworkError(DicomErrorCode.NET_CONNECTION_REFUSED, "It refuses. Wait.")

        found: Scan = scan(ask)
        assert len(calls) == 1
        assert found.stopped == "It refuses. Wait."
        assert set(found.versions.values()) == {None}

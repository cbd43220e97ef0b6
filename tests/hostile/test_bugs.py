"""Every bug of the misbehaving SCU and SCP, against a server and a client of ours.

The table says what the bug is called at our end: code and sentence.  Only the deadline that is
expected to come up is short.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from leaddicom import DicomErrorCode, Limits, NetworkError
from leaddicom.enums import PduType
from leaddicom.testing.bugs import BuggyScp, BuggyScu, Bugs, Step
from leaddicom.testing.peers import PeerError, ScriptedPeer

from .nets import LONG, Client, End, Links, patient, write_instance

C = DicomErrorCode
SHORT = 0.3
SMALL = 16_384  # receive buffer of the peer, which is then soon full


class Case(NamedTuple):
    """What one value of one field leads to.

    Attributes
    ----------
    value
        Of the field.
    code, text
        Of our error; the text is a regular expression.  0: our end noticed nothing wrong.
    deadline
        The deadline that has to come up, if any.
    limits
        Other limits.
    answered
        Whether the peer got an A-ABORT, if that is sure.
    """

    value: Any
    code: int | tuple[int, ...]
    text: str = ""
    deadline: str = ""
    limits: Mapping[str, int] = {}
    answered: bool = False


def refused(code: int, text: str, value: Any = True, **limits: int) -> Case:
    return Case(value, code, text, limits=limits, answered=True)


def cut(value: Any, deadline: str, text: str, answered: bool = False) -> Case:
    return Case(
        value, C.NET_TIME_OUT, f"did not {text}.* within 0.3 s", deadline, answered=answered
    )


# The same to both roles.
COMMON: dict[str, list[Case]] = {
    "split_at": [Case(1, 0), Case(7, 0), Case(4096, 0)],
    "trickle": [cut(True, "pdu_timeout", "send the rest of a PDU", answered=True)],
    "huge_length": [Case(True, C.PDU_LENGTH, "announces 4294967295 bytes; 68 to 1048576")],
    "over_maximum": [refused(C.PDU_LENGTH, r"announces 131067 bytes; 6 to 131066 are allowed")],
    "short_length": [refused(C.PDU_LENGTH, r"announces \d+ bytes where \d+ are left in its PDU")],
    "long_length": [cut(True, "pdu_timeout", "send the rest of a PDU", answered=True)],
    "no_pdv": [refused(C.PDU_LENGTH, r"\(DATA_TRANSFER\) that announces 0 bytes")],
    "unknown_type": [refused(C.PDU_TYPE, "unknown type AAH")],
    "second_request": [refused(C.PDU_TYPE, r"\(ASSOCIATE_REQUEST\) in state STA6")],
    "junk_after_abort": [Case(True, C.NET_CONNECTION_ABORTED, "aborted the association")],
    "junk_after_release": [Case(True, 0)],
    "http": [Case(True, C.PDU_TYPE, "unknown type 47H. It looks like HTTP")],
    "wrong_context_id": [refused(C.PDU_TYPE, "context 5, which was not accepted")],
    "context_changes": [refused(C.PDU_TYPE, "context 3 came amid a message on .* context 1")],
    "never_last_command": [Case(True, C.PDU_TYPE, "command set is longer than 65536 bytes")],
    "never_last": [
        Case(
            True,
            C.PDU_TYPE,
            "data set is longer than 3000000 bytes",
            limits={"data_set_length": 3_000_000},
        )
    ],
    "data_set_first": [refused(C.PDU_TYPE, "data set fragment came where a command set was due")],
    "command_in_data_set": [refused(C.PDU_TYPE, "command fragment came where the data set")],
    "damaged_command": [refused(C.PDU_TYPE, r"\(0000,\d{4}\)")],
    "no_command_field": [refused(C.PDU_TYPE, r"lacks CommandField \(0000,0100\)")],
}

# Whether an end of TCP arrives as such or as a reset depends on what was on its way then.
RESET, ABORTED = C.NET_CONNECTION_RESET, C.NET_CONNECTION_ABORTED
BROKEN = (ABORTED, RESET)
WITHOUT_RELEASE = (
    "closed the connection without releasing|dropped the connection|the connection broke"
)

AS_SERVER: dict[str, list[Case]] = {
    **COMMON,
    "stall_after": [
        cut(Step.SECURED, "artim_timeout", "send an A-ASSOCIATE-RQ"),
        cut(Step.ASSOCIATED, "idle_timeout", "use the association", answered=True),
        cut(Step.COMMAND, "idle_timeout", "use the association", answered=True),
        cut(Step.DATA_SET, "idle_timeout", "use the association", answered=True),
        cut(Step.MESSAGE, "idle_timeout", "use the association", answered=True),
        Case(Step.RELEASE, 0, deadline="artim_timeout"),
        Case(Step.RELEASED, 0, deadline="artim_timeout"),
    ],
    "reset_after": [
        Case(Step.SECURED, 0),
        Case(Step.ASSOCIATED, BROKEN, WITHOUT_RELEASE),
        Case(Step.COMMAND, BROKEN, WITHOUT_RELEASE),
        Case(Step.DATA_SET, BROKEN, WITHOUT_RELEASE),
    ],
    "close_after": [
        Case(Step.SECURED, 0),
        Case(Step.ASSOCIATED, BROKEN, WITHOUT_RELEASE),
        Case(Step.COMMAND, BROKEN, WITHOUT_RELEASE),
        Case(Step.DATA_SET, BROKEN, WITHOUT_RELEASE),
        Case(Step.RELEASED, 0),
    ],
    "half_close_after": [
        Case(Step.SECURED, 0),
        Case(Step.ASSOCIATED, BROKEN, WITHOUT_RELEASE),
        Case(Step.DATA_SET, BROKEN, WITHOUT_RELEASE),
        Case(Step.RELEASED, 0),
    ],
    "stops_reading": [cut(True, "write_timeout", "take any of what was sent")],
    "maximum_length": [Case(0, 0), Case(1018, 0), Case(1019, 0), Case(1017, 0), Case(1, 0)],
}

AS_CLIENT: dict[str, list[Case]] = {
    **COMMON,
    "stall_after": [
        cut(Step.SECURED, "associate_timeout", "answer the A-ASSOCIATE-RQ", answered=True),
        cut(Step.ASSOCIATED, "response_timeout", "answer a DIMSE request", answered=True),
        cut(Step.MESSAGE, "response_timeout", "answer a DIMSE request", answered=True),
        cut(Step.RELEASE, "release_timeout", "answer the A-RELEASE-RQ", answered=True),
        Case(Step.RELEASED, 0),
    ],
    "reset_after": [
        Case(Step.SECURED, RESET, "dropped the connection|the connection broke"),
        Case(Step.ASSOCIATED, BROKEN, WITHOUT_RELEASE),
        Case(Step.MESSAGE, BROKEN, WITHOUT_RELEASE),
        Case(Step.RELEASED, 0),
    ],
    "close_after": [
        Case(Step.ASSOCIATED, BROKEN, WITHOUT_RELEASE),
        Case(Step.MESSAGE, BROKEN, WITHOUT_RELEASE),
        Case(Step.RELEASED, 0),
    ],
    "half_close_after": [
        Case(Step.SECURED, BROKEN, "closed the connection|the connection broke"),
        Case(Step.MESSAGE, BROKEN, WITHOUT_RELEASE),
        Case(Step.RELEASED, 0),
    ],
    "stops_reading": [cut(True, "write_timeout", "take any of what was sent")],
    "maximum_length": [
        Case(0, 0),
        Case(1018, 0),
        refused(C.PDU_TYPE, "maximum length of 1017 bytes is below the 1018", 1017),
        refused(C.PDU_TYPE, "maximum length of 1 bytes is below the 1018", 1),
    ],
    "wrong_message_id": [refused(C.PDU_TYPE, "C-STORE-RSP to message 16385, which is no request")],
    "unoffered_context": [refused(C.PDU_TYPE, "context 201, which was not offered")],
    "wrong_transfer_syntax": [refused(C.PDU_TYPE, r"syntax 1\.2\.840\.10008\.1\.2\.2, which")],
}

SCP_ONLY = {"wrong_message_id", "unoffered_context", "wrong_transfer_syntax"}
FIELDS = {field.name for field in dataclasses.fields(Bugs)}


def test_the_tables_have_every_bug() -> None:
    assert set(AS_SERVER) == FIELDS - SCP_ONLY
    assert set(AS_CLIENT) == FIELDS


def rows(table: Mapping[str, list[Case]]) -> list[Any]:
    return [
        pytest.param(field, case, id=f"{field}-{getattr(case.value, 'name', case.value)}")
        for field, cases in table.items()
        for case in cases
    ]


def limits_of(case: Case) -> Limits:
    return patient(**({case.deadline: SHORT} if case.deadline else {}), **case.limits)


def check(end: End, case: Case, peer: ScriptedPeer) -> None:
    codes = case.code if isinstance(case.code, tuple) else (case.code,)
    assert end.code in codes, end.text
    assert re.search(case.text, end.text)
    try:
        received = peer.wait()
    except PeerError:
        assert not case.answered
    else:
        if case.answered:
            assert received[-1].type == PduType.ABORT


@pytest.mark.parametrize(("field", "case"), rows(AS_SERVER))
def test_a_server_and_a_buggy_scu(links: Links, field: str, case: Case) -> None:
    server = links.server(limits_of(case))
    scu = BuggyScu(dataclasses.replace(Bugs(), **{field: case.value}))
    with ScriptedPeer(scu, links.peer_tls(server=False), LONG, SMALL) as peer:
        peer.connect(server.GetHostInfo())
        end = server.end()
        peer.let_go()
        check(end, case, peer)
    links.good_association(server)


class StoringClient(Client):
    """Stores one instance and releases."""

    instance: Path

    def OnReceiveAssociateAccept(self, associate):
        self.store(self.instance)

    def OnReceiveCStoreResponse(self, presentation_id, message_id, sop_class, instance, status):
        if message_id == 1:
            self.SendReleaseRequest()


@pytest.fixture(scope="session")
def instances(tmp_path_factory) -> tuple[Path, Path]:
    """One of three PDUs, and one that fits into no socket's buffer."""
    folder = tmp_path_factory.mktemp("instances")
    return (
        write_instance(folder / "small.dcm", 40_000),
        write_instance(folder / "large.dcm", 32 << 20),
    )


@pytest.mark.parametrize(("field", "case"), rows(AS_CLIENT))
def test_a_client_and_a_buggy_scp(
    links: Links, field: str, case: Case, instances: tuple[Path, Path]
) -> None:
    client = links.client(limits_of(case), StoringClient)
    client.instance = instances[field == "stops_reading"]
    scp = BuggyScp(dataclasses.replace(Bugs(), **{field: case.value}))
    with ScriptedPeer(scp, links.peer_tls(server=True), LONG, SMALL) as peer:
        client.Connect(None, 0, *peer.listen())
        with suppress(NetworkError):  # an SCP that speaks first may be faster
            client.associate()
        end = client.end()
        peer.let_go()
        check(end, case, peer)

"""Framing: PDUs from bytes however they arrive, and every length that may not be."""

from __future__ import annotations

from collections.abc import Iterable
from struct import pack

import pytest
from pynetdicom import pdu as oracle

from leaddicom.enums import AbortReason, PduType
from leaddicom.errors import DicomErrorCode, ParameterError, ProtocolError
from leaddicom.limits import MAXIMUM_PDU_LENGTH, Limits
from leaddicom.upper_layer.pdu import (
    PduBegin,
    PduEnd,
    PduReader,
    PdvPiece,
    encode_abort,
    encode_reject,
    encode_release_request,
    encode_release_response,
)

from . import associate_pdus
from .cores import p_data

PduEvent = PduBegin | PdvPiece | PduEnd

SAMPLES = {
    "A-ASSOCIATE-RQ": associate_pdus.request(),
    "A-ASSOCIATE-AC": associate_pdus.accept(),
    "A-ASSOCIATE-RJ": encode_reject(1, 2, 2),
    "P-DATA-TF": p_data(b"value"),
    "P-DATA-TF of several values": p_data(b"first", b"", b"3", bytes(1000), control=2),
    "P-DATA-TF of no bytes": p_data(b""),
    "A-RELEASE-RQ": encode_release_request(),
    "A-RELEASE-RP": encode_release_response(),
    "A-ABORT": encode_abort(2, 6),
}
each_sample = pytest.mark.parametrize("data", SAMPLES.values(), ids=SAMPLES)
both_ways = pytest.mark.parametrize("keep_data", [False, True], ids=["passing", "keeping"])


def take(reader: PduReader, data: bytes) -> list[PduEvent]:
    return list(reader.feed(memoryview(data)))


def joined(events: Iterable[PduEvent]) -> list[tuple[object, ...]]:
    """The events with the pieces of each value put together."""
    seen: list[tuple[object, ...]] = []
    value = b""
    for event in events:
        if isinstance(event, PdvPiece):
            value += event.data
            if event.end:
                seen.append((event.context_id, event.control, value))
                value = b""
        elif isinstance(event, PduBegin):
            seen.append(("begin", event.pdu_type, event.length))
        else:
            seen.append(("end", event.pdu_type, event.length, event.data))
    assert not value
    return seen


def whole(data: bytes, keep_data: bool) -> list[tuple[object, ...]]:
    return joined(take(PduReader(Limits(), keep_data), data))


def refusal(data: bytes, limits: Limits | None = None) -> ProtocolError:
    reader = PduReader(limits or Limits())
    with pytest.raises(ProtocolError) as caught:
        take(reader, data)
    return caught.value


class TestArrival:
    @each_sample
    def test_a_pdu_has_a_begin_and_an_end(self, data: bytes) -> None:
        first, *_, last = whole(data, False)
        kept = b"" if data[0] == PduType.DATA_TRANSFER else data
        assert first == ("begin", PduType(data[0]), len(data) - 6)
        assert last == ("end", PduType(data[0]), len(data), kept)

    @both_ways
    @each_sample
    def test_byte_by_byte(self, data: bytes, keep_data: bool) -> None:
        reader = PduReader(Limits(), keep_data)
        events: list[PduEvent] = []
        for index in range(len(data)):
            assert reader.in_pdu is (index > 0)
            events += take(reader, data[index : index + 1])
        assert not reader.in_pdu
        assert reader.begun == 1
        assert joined(events) == whole(data, keep_data)

    @both_ways
    @each_sample
    def test_cut_anywhere(self, data: bytes, keep_data: bool) -> None:
        expected = whole(data, keep_data)
        for index in range(0, len(data), 1 if len(data) < 300 else 37):
            reader = PduReader(Limits(), keep_data)
            events = take(reader, data[:index]) + take(reader, data[index:])
            assert joined(events) == expected

    @both_ways
    @pytest.mark.parametrize("following", SAMPLES.values(), ids=SAMPLES)
    @each_sample
    def test_with_a_tail_of_the_next(self, data: bytes, following: bytes, keep_data: bool) -> None:
        reader = PduReader(Limits(), keep_data)
        events = take(reader, data + following[:5])
        assert joined(events) == whole(data, keep_data)
        assert (reader.in_pdu, reader.begun) == (True, 2)
        assert joined(take(reader, following[5:])) == whole(following, keep_data)
        assert (reader.in_pdu, reader.begun) == (False, 2)

    def test_all_of_them_in_one_go(self) -> None:
        expected = [event for data in SAMPLES.values() for event in whole(data, False)]
        assert whole(b"".join(SAMPLES.values()), False) == expected

    def test_nothing_is_nothing(self) -> None:
        reader = PduReader(Limits())
        assert take(reader, b"") == []
        assert not reader.in_pdu

    def test_values_keep_their_context_and_control_header(self) -> None:
        data = p_data(b"a", b"", b"ccc", context_id=255, control=0xFE)
        values = [event for event in whole(data, False) if event[0] not in ("begin", "end")]
        assert values == [(255, 0xFE, b"a"), (255, 0xFE, b""), (255, 0xFE, b"ccc")]

    def test_values_are_views_of_what_was_fed(self) -> None:
        received = bytearray(p_data(b"first", b"second"))
        pieces = [e for e in PduReader(Limits()).feed(memoryview(received)) if type(e) is PdvPiece]
        assert [piece.data.obj for piece in pieces] == [received, received]
        assert all(piece.data.obj is received for piece in pieces)
        received[-6:] = b"SECOND"
        assert pieces[1].data == b"SECOND"

    @each_sample
    def test_keeping_data_changes_nothing_else(self, data: bytes) -> None:
        *events, last = whole(data, True)
        *expected, passing = whole(data, False)
        assert events == expected
        assert last[:3] == passing[:3]
        assert last[3] == data

    def test_reserved_bytes_are_not_looked_at(self) -> None:
        # PS3.8 section 9.3.1: they are not tested by the receiver.
        data = b"\7\xff\0\0\0\4\xff\xff\2\6"
        assert whole(data, False)[-1] == ("end", PduType.ABORT, 10, b"\7\0" + data[2:])


ASSOCIATE_TYPES = (PduType.ASSOCIATE_REQUEST, PduType.ASSOCIATE_ACCEPT)
FIXED_TYPES = (
    PduType.ASSOCIATE_REJECT,
    PduType.RELEASE_REQUEST,
    PduType.RELEASE_RESPONSE,
    PduType.ABORT,
)
BOUNDS = {
    **dict.fromkeys(ASSOCIATE_TYPES, (68, 2000)),
    **dict.fromkeys(FIXED_TYPES, (4, 4)),
    PduType.DATA_TRANSFER: (6, 3000),
}
LIMITS = Limits(associate_pdu_length=2000, maximum_pdu_length=3000)
each_type = pytest.mark.parametrize("pdu_type", BOUNDS, ids=lambda pdu_type: pdu_type.name)


class TestLengths:
    """A header is judged by itself: nothing that follows is waited for."""

    @each_type
    def test_within_bounds(self, pdu_type: PduType) -> None:
        shortest, longest = BOUNDS[pdu_type]
        for length in {shortest, min(shortest + 1, longest), longest}:
            events = take(PduReader(LIMITS), pack(">BxL", pdu_type, length))
            assert events == [PduBegin(pdu_type, length)]

    @each_type
    def test_beyond_bounds(self, pdu_type: PduType) -> None:
        shortest, longest = BOUNDS[pdu_type]
        for length in (0, shortest - 1, longest + 1, 0x7FFFFFFF, 0xFFFFFFFF):
            error = refusal(pack(">BxL", pdu_type, length), LIMITS)
            assert error.code is DicomErrorCode.PDU_LENGTH
            assert error.reason == AbortReason.INVALID_PDU_PARAMETER_VALUE
            assert f"{pdu_type.value:02X}H ({pdu_type.name})" in error.message
            assert f"announces {length} bytes; {shortest} to {longest} are allowed" in error.message

    def test_defaults(self) -> None:
        assert PduReader(Limits()).maximum_length == MAXIMUM_PDU_LENGTH
        assert refusal(pack(">BxL", 4, MAXIMUM_PDU_LENGTH + 1))
        assert refusal(pack(">BxL", 1, (1 << 20) + 1))

    def test_the_longest_value_is_that_of_the_pdu_less_its_header(self) -> None:
        reader = PduReader(LIMITS)
        assert joined(take(reader, p_data(bytes(2994))))[1] == (1, 3, bytes(2994))

    def test_what_is_announced_is_what_is_accepted(self) -> None:
        reader = PduReader(LIMITS)
        reader.maximum_length = 5000
        assert take(reader, pack(">BxL", 4, 5000)) == [PduBegin(PduType.DATA_TRANSFER, 5000)]


class TestTypes:
    @pytest.mark.parametrize("type_code", [0, *range(8, 256)])
    def test_unknown_ones(self, type_code: int) -> None:
        error = refusal(pack(">BxL", type_code, 4))
        assert error.code is DicomErrorCode.PDU_TYPE
        assert error.reason == AbortReason.UNRECOGNIZED_PDU
        assert f"unknown type {type_code:02X}H" in error.message

    @pytest.mark.parametrize("line", [b"GET / HTTP/1.1", b"POST /", b"HEAD /", b"OPTIONS *",
                                      b"DELETE /", b"CONNECT x", b"TRACE /"])  # fmt: skip
    def test_http_is_called_by_its_name(self, line: bytes) -> None:
        assert "It looks like HTTP" in refusal(line).message

    def test_other_noise_is_not(self) -> None:
        assert "HTTP" not in refusal(b"\x16\x03\x01\x02\x00\x01").message


def transfer(*items: bytes) -> bytes:
    body = b"".join(items)
    return pack(">BxL", 4, len(body)) + body


def pdv(length: int, value: bytes = b"") -> bytes:
    return pack(">LBB", length, 1, 3) + value


class TestValues:
    def refused(self, data: bytes) -> str:
        error = refusal(data)
        assert error.code is DicomErrorCode.PDU_LENGTH
        assert error.reason == AbortReason.INVALID_PDU_PARAMETER_VALUE
        return error.message

    @pytest.mark.parametrize("length", [0, 1, 6, 7, 0x7FFFFFFF, 0xFFFFFFFC, 0xFFFFFFFD,
                                        0xFFFFFFFE, 0xFFFFFFFF])  # fmt: skip
    def test_a_length_that_does_not_fit_the_pdu(self, length: int) -> None:
        text = self.refused(transfer(pdv(length, b"abc")))
        assert f"announces {length} bytes where 5 are left" in text

    def test_a_length_that_does_not_fit_is_seen_by_the_header(self) -> None:
        reader = PduReader(Limits())
        take(reader, pack(">BxL", 4, 100))
        for byte in pdv(97)[:-1]:
            assert take(reader, bytes([byte])) == []
        with pytest.raises(ProtocolError, match="announces 97 bytes where 96 are left"):
            take(reader, pdv(97)[-1:])

    @pytest.mark.parametrize("length", [2, 3])
    def test_the_shortest_values(self, length: int) -> None:
        value = bytes(length - 2)
        assert whole(transfer(pdv(length, value)), False)[1] == (1, 3, value)

    @pytest.mark.parametrize("count", [1, 2, 5])
    def test_bytes_behind_the_last_value(self, count: int) -> None:
        text = self.refused(transfer(pdv(5, b"abc"), bytes(count)))
        assert f"with {count} bytes behind its last value" in text

    def test_six_bytes_behind_a_value_are_another_one(self) -> None:
        data = transfer(pdv(5, b"abc"), pdv(2))
        assert [event[2] for event in whole(data, False)[1:-1]] == [b"abc", b""]

    def test_no_value_at_all(self) -> None:
        assert "announces 0 bytes; 6 to" in self.refused(transfer())

    def test_what_came_before_a_fault_has_been_handed_out(self) -> None:
        reader, events = PduReader(Limits()), []
        with pytest.raises(ProtocolError, match="announces 1 bytes"):
            events.extend(
                bytes(event.data)
                for event in reader.feed(memoryview(transfer(pdv(5, b"abc"), pdv(1))))
                if isinstance(event, PdvPiece)
            )
        assert events == [b"abc"]


class TestEncoding:
    """The bytes are those of pynetdicom's own PDUs."""

    @pytest.mark.parametrize("triple", [(1, 1, 1), (1, 1, 7), (2, 3, 2), (1, 2, 2)])
    def test_a_reject(self, triple: tuple[int, int, int]) -> None:
        theirs = oracle.A_ASSOCIATE_RJ()
        theirs.result, theirs.source, theirs.reason_diagnostic = triple
        assert encode_reject(*triple) == theirs.encode()

    @pytest.mark.parametrize("pair", [(0, 0), (2, 0), (2, 1), (2, 2), (2, 4), (2, 5), (2, 6)])
    def test_an_abort(self, pair: tuple[int, int]) -> None:
        theirs = oracle.A_ABORT_RQ()
        theirs.source, theirs.reason_diagnostic = pair
        assert encode_abort(*pair) == theirs.encode()

    def test_a_release(self) -> None:
        assert encode_release_request() == oracle.A_RELEASE_RQ().encode()
        assert encode_release_response() == oracle.A_RELEASE_RP().encode()

    def test_p_data_as_pynetdicom_writes_it_is_understood(self) -> None:
        theirs = oracle.P_DATA_TF()
        for context_id, value in ((1, b"\3command"), (5, b"\2data set")):
            item = oracle.PresentationDataValueItem()
            item.presentation_context_id = context_id
            item.presentation_data_value = value
            theirs.presentation_data_value_items.append(item)
        assert whole(theirs.encode(), False)[1:3] == [(1, 3, b"command"), (5, 2, b"data set")]

    @pytest.mark.parametrize("number", [-1, 256])
    def test_numbers_that_do_not_fit(self, number: int) -> None:
        with pytest.raises(ParameterError, match=r"\(ASSOCIATE_REJECT\) have to be 0 to 255"):
            encode_reject(number, 1, 1)
        with pytest.raises(ParameterError, match=r"\(ABORT\) have to be 0 to 255"):
            encode_abort(2, number)

"""PDUs of outgoing messages, and the way from fragmentation to reassembly."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from struct import unpack_from

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leaddicom.dimse.command import Value, encode_command
from leaddicom.dimse.fragmentation import (
    BytesSource,
    DataSetSource,
    FileSource,
    OutgoingMessage,
    PaddedSource,
)
from leaddicom.dimse.message import Message
from leaddicom.dimse.messages import DATA_SET_PRESENT
from leaddicom.dimse.reassembly import COMMAND, LAST, MessageAssembler
from leaddicom.errors import DataSetError, DicomErrorCode, ParameterError
from leaddicom.limits import Limits

COMMAND_SET = bytes(range(100))
STORE: dict[int, Value] = {
    0x0002: "1.2.840.10008.5.1.4.1.1.2", 0x0100: 0x0001, 0x0110: 6, 0x0700: 0,
    0x0800: DATA_SET_PRESENT, 0x1000: "1.2.3.4",
}  # fmt: skip


@dataclass
class Pdv:
    context_id: int
    control: int
    value: bytes


def pdvs(stream: bytes, maximum_length: int | None = None) -> list[Pdv]:
    """What PS3.8 section 9.3.5 makes of a stream of P-DATA-TF PDUs with one PDV each."""
    found = []
    position = 0
    while position < len(stream):
        pdu_type, _, pdu_length, pdv_length, context_id, control = unpack_from(
            ">BBIIBB", stream, position
        )
        assert pdu_type == 4
        assert pdu_length == pdv_length + 4
        assert maximum_length is None or pdu_length <= maximum_length
        value = stream[position + 12 : position + 6 + pdu_length]
        assert len(value) == pdv_length - 2
        found.append(Pdv(context_id, control, value))
        position += 6 + pdu_length
    return found


def sent(message: OutgoingMessage, maximum_length: int, room: int | None = None) -> bytes:
    buffer = memoryview(bytearray(room or maximum_length + 6))
    stream = b""
    while not message.done:
        used = message.fill(buffer, maximum_length)
        assert used > 0
        stream += buffer[:used]
    assert message.fill(buffer, maximum_length) == 0
    return stream


class Source:
    """A source that keeps account."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.read = 0
        self.closed = False

    def readinto(self, view: memoryview) -> None:
        view[:] = b"\xaa" * len(view)
        self.read += len(view)

    def close(self) -> None:
        self.closed = True


class TestPdus:
    def test_a_command_set_alone_is_one_last_command_fragment(self) -> None:
        (pdv,) = pdvs(sent(OutgoingMessage(3, COMMAND_SET, None), 1018))
        assert pdv == Pdv(3, COMMAND | LAST, COMMAND_SET)

    def test_the_bytes_of_a_pdu(self) -> None:
        stream = sent(OutgoingMessage(3, b"\x01\x02", None), 1018)
        assert stream == bytes.fromhex("0400 00000008 00000004 03 03 0102")

    def test_command_set_and_data_set_have_pdus_of_their_own(self) -> None:
        message = OutgoingMessage(3, COMMAND_SET, BytesSource(b"data"))
        first, second = pdvs(sent(message, 1018))
        assert first == Pdv(3, COMMAND | LAST, COMMAND_SET)
        assert second == Pdv(3, LAST, b"data")

    def test_an_empty_data_set_is_an_empty_last_fragment(self) -> None:
        message = OutgoingMessage(3, COMMAND_SET, BytesSource(b""))
        _, second = pdvs(sent(message, 1018))
        assert second == Pdv(3, LAST, b"")

    @pytest.mark.parametrize("fragments", [1, 2, 3])
    @pytest.mark.parametrize("difference", [-1, 0, 1])
    @pytest.mark.parametrize("maximum_length", [1018, 1019, 131066])
    def test_data_sets_around_whole_fragments(
        self, fragments: int, difference: int, maximum_length: int
    ) -> None:
        size = (maximum_length - 6) // 2 * 2
        data = bytes(fragments * size + difference)
        message = OutgoingMessage(1, COMMAND_SET, BytesSource(data))
        _, *found = pdvs(sent(message, maximum_length), maximum_length)
        assert b"".join(pdv.value for pdv in found) == data
        assert len(found) == fragments + (difference > 0)
        assert [pdv.control for pdv in found] == [0] * (len(found) - 1) + [LAST]
        assert all(len(pdv.value) == size for pdv in found[:-1])

    def test_a_long_command_set_is_fragmented_too(self) -> None:
        command = bytes(2500)
        found = pdvs(sent(OutgoingMessage(1, command, None), 1018), 1018)
        assert [len(pdv.value) for pdv in found] == [1012, 1012, 476]
        assert [pdv.control for pdv in found] == [COMMAND, COMMAND, COMMAND | LAST]

    @pytest.mark.parametrize("maximum_length", [8, 9])
    def test_the_smallest_maximum_length_that_has_room(self, maximum_length: int) -> None:
        message = OutgoingMessage(1, b"1234", BytesSource(b"5678"))
        found = pdvs(sent(message, maximum_length), maximum_length)
        assert [pdv.value for pdv in found] == [b"12", b"34", b"56", b"78"]

    @pytest.mark.parametrize("maximum_length", [0, 1, 6, 7])
    def test_a_maximum_length_without_room_is_refused(self, maximum_length: int) -> None:
        message = OutgoingMessage(1, COMMAND_SET, None)
        with pytest.raises(ParameterError, match=f"PDUs of {maximum_length} bytes"):
            message.fill(memoryview(bytearray(100)), maximum_length)


class TestBuffer:
    def test_as_many_pdus_as_fit_leave_together(self) -> None:
        message = OutgoingMessage(1, COMMAND_SET, BytesSource(bytes(3000)))
        buffer = memoryview(bytearray(10_000))
        used = message.fill(buffer, 1018)
        assert message.done
        assert [len(pdv.value) for pdv in pdvs(bytes(buffer[:used]))] == [100, 1012, 1012, 976]

    def test_a_pdu_that_does_not_fit_waits(self) -> None:
        message = OutgoingMessage(1, COMMAND_SET, BytesSource(bytes(50)))
        buffer = memoryview(bytearray(112 + 62))
        assert message.fill(buffer[:111], 1018) == 0
        assert message.fill(buffer[: 112 + 61], 1018) == 112
        assert message.fill(buffer[112:173], 1018) == 0
        assert message.fill(buffer[112:], 1018) == 62
        assert message.done

    def test_several_messages_share_a_buffer(self) -> None:
        buffer = memoryview(bytearray(1024))
        used = 0
        for context_id in (1, 3, 5):
            message = OutgoingMessage(context_id, COMMAND_SET, BytesSource(b"data"))
            used += message.fill(buffer[used:], 1018)
            assert message.done
        assert [pdv.context_id for pdv in pdvs(bytes(buffer[:used]))] == [1, 1, 3, 3, 5, 5]

    def test_no_byte_is_read_before_its_pdu_has_room(self) -> None:
        source = Source(5000)
        message = OutgoingMessage(1, COMMAND_SET, source)
        message.fill(memoryview(bytearray(1024)), 1018)
        assert source.read == 0
        message.fill(memoryview(bytearray(1024)), 1018)
        assert source.read == 1012


class TestMessage:
    def test_it_says_what_it_holds_in_memory(self, tmp_path: Path) -> None:
        file = tmp_path / "data"
        file.write_bytes(bytes(500))
        assert OutgoingMessage(1, COMMAND_SET, BytesSource(bytes(500))).queued_bytes == 500
        assert OutgoingMessage(1, COMMAND_SET, FileSource(file)).queued_bytes == 0
        assert OutgoingMessage(1, COMMAND_SET, None).queued_bytes == 0

    def test_the_source_is_closed_at_the_end(self) -> None:
        source = Source(10)
        message = OutgoingMessage(1, COMMAND_SET, source)
        sent(message, 1018)
        assert source.closed

    def test_close_drops_the_rest(self) -> None:
        source = Source(5000)
        message = OutgoingMessage(1, COMMAND_SET, source)
        message.fill(memoryview(bytearray(1024)), 1018)
        message.close()
        assert source.closed
        assert message.done
        assert message.fill(memoryview(bytearray(1024)), 1018) == 0

    def test_close_without_a_data_set(self) -> None:
        message = OutgoingMessage(1, COMMAND_SET, None)
        message.close()
        assert message.done

    def test_a_file_that_is_gone_fails_before_anything_was_handed_out(self, tmp_path: Path) -> None:
        file = tmp_path / "data"
        file.write_bytes(bytes(500))
        message = OutgoingMessage(1, COMMAND_SET, FileSource(file))
        file.unlink()
        with pytest.raises(DataSetError):
            message.fill(memoryview(bytearray(1024)), 1018)

    def test_a_file_that_is_cut_short_fails_amid_the_message(self, tmp_path: Path) -> None:
        file = tmp_path / "data"
        file.write_bytes(bytes(5000))
        message = OutgoingMessage(1, COMMAND_SET, FileSource(file))
        buffer = memoryview(bytearray(1024))
        message.fill(buffer, 1018)
        message.fill(buffer, 1018)
        file.write_bytes(bytes(1500))
        with pytest.raises(DataSetError, match="ends before its data set does"):
            message.fill(buffer, 1018)
        message.close()


class TestBytesSource:
    @pytest.mark.parametrize("data", [b"12345", bytearray(b"12345"), memoryview(b"12345")])
    def test_it_is_read_once_from_beginning_to_end(
        self, data: bytes | bytearray | memoryview
    ) -> None:
        source = BytesSource(data)
        buffer = memoryview(bytearray(3))
        source.readinto(buffer)
        assert (source.size, bytes(buffer)) == (5, b"123")
        source.readinto(buffer[:2])
        assert bytes(buffer[:2]) == b"45"
        with pytest.raises(DataSetError, match="beyond its end"):
            source.readinto(buffer[:1])

    def test_close_lets_go_of_the_data(self) -> None:
        data = bytearray(b"12345")
        source = BytesSource(data)
        source.close()
        source.close()
        data.clear()  # BufferError, if a view were left


class TestPaddedSource:
    @pytest.mark.parametrize("piece", range(1, 9))
    def test_ends_with_a_nul_byte(self, piece: int) -> None:
        source = PaddedSource(BytesSource(b"1234567"))
        assert source.size == 8
        data = b""
        while len(data) < source.size:
            view = memoryview(bytearray(min(piece, source.size - len(data))))
            source.readinto(view)
            data += view
        assert data == b"1234567\0"

    def test_closes_what_it_pads(self) -> None:
        source = PaddedSource(BytesSource(b"123"))
        source.close()
        with pytest.raises(DataSetError):
            source.readinto(memoryview(bytearray(1)))


class TestFileSource:
    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        path = tmp_path / "data"
        path.write_bytes(b"meta|12345")
        return path

    @pytest.mark.parametrize(
        ("offset", "size", "expected"),
        [(0, None, b"meta|12345"), (5, None, b"12345"), (5, 3, b"123"), (10, None, b"")],
    )
    def test_it_reads_a_part_of_the_file(
        self, file: Path, offset: int, size: int | None, expected: bytes
    ) -> None:
        source = FileSource(file, offset, size)
        assert source.size == len(expected)
        buffer = memoryview(bytearray(source.size))
        source.readinto(buffer)
        assert bytes(buffer) == expected
        source.close()

    def test_it_goes_on_where_it_stopped(self, file: Path) -> None:
        source = FileSource(file, 5)
        buffer = memoryview(bytearray(2))
        source.readinto(buffer)
        source.readinto(buffer)
        assert bytes(buffer) == b"34"
        source.close()
        source.close()

    def test_a_file_that_is_never_read_is_never_opened(self, tmp_path: Path) -> None:
        FileSource(tmp_path / "missing", 0, 5).close()

    def test_the_size_of_a_missing_file(self, tmp_path: Path) -> None:
        with pytest.raises(DataSetError, match="cannot be read: No such file") as caught:
            FileSource(tmp_path / "missing")
        assert caught.value.code == DicomErrorCode.OPEN

    def test_a_file_shorter_than_the_offset(self, file: Path) -> None:
        with pytest.raises(DataSetError, match="ends before its data set does"):
            FileSource(file, 11)

    def test_a_missing_file(self, tmp_path: Path) -> None:
        with pytest.raises(DataSetError, match="No such file") as caught:
            FileSource(tmp_path / "missing", 0, 5).readinto(memoryview(bytearray(5)))
        assert caught.value.code == DicomErrorCode.OPEN

    def test_a_folder(self, tmp_path: Path) -> None:
        with pytest.raises(DataSetError, match="Is a directory"):
            FileSource(tmp_path, 0, 5).readinto(memoryview(bytearray(5)))

    def test_a_file_that_cannot_be_read_any_more(self) -> None:
        # Reading another process's memory at address 0 is an input/output error.
        source = FileSource("/proc/self/mem", 0, 5)
        with pytest.raises(DataSetError, match="Input/output error") as caught:
            source.readinto(memoryview(bytearray(5)))
        assert caught.value.code == DicomErrorCode.READ
        source.close()

    def test_a_short_file(self, file: Path) -> None:
        source = FileSource(file, 5, 6)
        with pytest.raises(DataSetError, match="ends before its data set does") as caught:
            source.readinto(memoryview(bytearray(6)))
        assert caught.value.code == DicomErrorCode.READ
        source.close()

    def test_reads_that_end_early_are_continued(self, file: Path) -> None:
        class EndsEarly:
            def __init__(self, content: bytes) -> None:
                self.content = content

            def readinto(self, view: memoryview) -> int:
                view[:1], self.content = self.content[:1], self.content[1:]
                return 1

        source = FileSource(file, 5)
        source._file = EndsEarly(b"12345")  # type: ignore[assignment]
        buffer = memoryview(bytearray(5))
        source.readinto(buffer)
        assert bytes(buffer) == b"12345"


def pieces(value: bytes, steps: Iterator[int]) -> Iterator[memoryview]:
    """The value in pieces as a network might deliver it, the last one always empty."""
    position = 0
    while position < len(value):
        step = next(steps)
        yield memoryview(value)[position : position + step]
        position += step
    yield memoryview(b"")


@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    data=st.binary(max_size=300),
    from_file=st.booleans(),
    maximum_length=st.one_of(st.integers(8, 40), st.integers(300, 320), st.just(1018)),
    spare_room=st.integers(0, 500),
    sizes=st.lists(st.integers(0, 60), max_size=8),
    threshold=st.integers(1, 320),
)
def test_what_goes_in_comes_out(
    tmp_path: Path,
    data: bytes,
    from_file: bool,
    maximum_length: int,
    spare_room: int,
    sizes: list[int],
    threshold: int,
) -> None:
    (tmp_path / "data").write_bytes(b"meta" + data)
    source: DataSetSource = FileSource(tmp_path / "data", 4) if from_file else BytesSource(data)
    message = OutgoingMessage(1, encode_command(STORE), source)
    stream = sent(message, maximum_length, maximum_length + 6 + spare_room)

    steps = itertools.cycle([*sizes, 7])
    assembler = MessageAssembler(
        {1: "1.2.840.10008.1.2"}, Limits(spool_threshold=threshold), str(tmp_path)
    )
    results: list[Message | None] = []
    for pdv in pdvs(stream, maximum_length):
        *parts, last = pieces(pdv.value, steps)
        results += [assembler.feed(1, pdv.control, part, False) for part in parts]
        results.append(assembler.feed(1, pdv.control, last, True))

    *nothing, arrived = results
    assert nothing == [None] * len(nothing)
    assert arrived is not None
    assert arrived.command == STORE
    dataset = arrived.dataset
    assert dataset is not None
    assert dataset.size == len(data)
    if dataset.path is None:
        assert dataset.data == data
    else:
        assert Path(dataset.path).read_bytes() == dataset.meta() + data
    dataset.close()


def test_a_gigantic_maximum_length_takes_a_message_in_two_pdus() -> None:
    data = bytes(300_000)
    message = OutgoingMessage(1, COMMAND_SET, BytesSource(data))
    found = pdvs(sent(message, 0xFFFFFFFF, room=400_000))
    assert [len(pdv.value) for pdv in found] == [100, 300_000]


def test_one_pdu_at_a_time_if_asked_for() -> None:
    message = OutgoingMessage(1, COMMAND_SET, BytesSource(bytes(300)))
    buffer = memoryview(bytearray(4096))
    lengths = []
    while not message.done:
        lengths.append(message.fill(buffer, 256, only_one=True))
    assert lengths == [112, 262, 62]  # 12 bytes of headers each: 100, then 250 and 50

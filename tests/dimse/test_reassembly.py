"""Messages from fragments: order, limits, boundaries."""

from __future__ import annotations

import gc
import tracemalloc
from pathlib import Path
from struct import pack

import pydicom
import pytest

from leaddicom.dimse.command import Value, encode_command
from leaddicom.dimse.message import Message
from leaddicom.dimse.messages import (
    C_ECHO_RQ,
    C_STORE_RQ,
    DATA_SET_ABSENT,
    DATA_SET_PRESENT,
    MESSAGE_TYPES,
)
from leaddicom.dimse.reassembly import COMMAND, LAST, MessageAssembler
from leaddicom.errors import ProtocolError
from leaddicom.limits import Limits

IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
CONTEXTS = {1: IMPLICIT, 3: EXPLICIT}
ECHO: dict[int, Value] = {
    0x0002: "1.2.840.10008.1.1", 0x0100: 0x0030, 0x0110: 5, 0x0800: DATA_SET_ABSENT,
}  # fmt: skip
STORE: dict[int, Value] = {
    0x0002: "1.2.840.10008.5.1.4.1.1.2", 0x0100: 0x0001, 0x0110: 6, 0x0700: 0,
    0x0800: DATA_SET_PRESENT, 0x1000: "1.2.3.4",
}  # fmt: skip


def assembler(folder: Path | None = None, limits: Limits | None = None) -> MessageAssembler:
    return MessageAssembler(CONTEXTS, limits or Limits(), str(folder) if folder else None)


def pdv(
    target: MessageAssembler, control: int, value: bytes, context_id: int = 1
) -> Message | None:
    """A PDV that arrives in one piece."""
    return target.feed(context_id, control, memoryview(value), True)


def begin_store(target: MessageAssembler, context_id: int = 1) -> None:
    assert pdv(target, COMMAND | LAST, encode_command(STORE), context_id) is None


def expect(message: Message | None) -> Message:
    assert message is not None
    return message


class TestMessages:
    def test_a_command_set_alone(self) -> None:
        message = expect(pdv(assembler(), COMMAND | LAST, encode_command(ECHO), 3))
        assert message == Message(3, ECHO, C_ECHO_RQ, None)

    def test_a_command_set_and_a_data_set(self) -> None:
        target = assembler()
        begin_store(target, context_id=3)
        message = expect(pdv(target, LAST, b"data", 3))
        assert (message.context_id, message.command, message.type) == (3, STORE, C_STORE_RQ)
        assert message.dataset is not None
        assert message.dataset.data == b"data"
        assert message.dataset.transfer_syntax_uid == EXPLICIT
        assert message.dataset.sop_class_uid == STORE[0x0002]
        assert message.dataset.sop_instance_uid == STORE[0x1000]

    def test_messages_follow_each_other_on_any_context(self) -> None:
        target = assembler()
        for context_id in (1, 3, 1):
            begin_store(target, context_id)
            assert expect(pdv(target, LAST, b"data", context_id)).context_id == context_id
            message = expect(pdv(target, COMMAND | LAST, encode_command(ECHO), 4 - context_id))
            assert message.command == ECHO

    def test_a_message_is_in_progress_from_its_first_to_its_last_fragment(self) -> None:
        target = assembler()
        states = [target.in_progress]
        command = encode_command(STORE)
        for control, value in [(COMMAND, command[:9]), (COMMAND | LAST, command[9:]), (0, b"da")]:
            assert pdv(target, control, value) is None
            states.append(target.in_progress)
        expect(pdv(target, LAST, b"ta"))
        assert [*states, target.in_progress] == [False, True, True, True, False]

    @pytest.mark.parametrize("size", [1, 2, 7, 1000])
    def test_command_sets_may_come_in_fragments_of_any_size(self, size: int) -> None:
        target = assembler()
        command = encode_command(ECHO)
        pieces = [command[start : start + size] for start in range(0, len(command), size)]
        for piece in pieces[:-1]:
            assert pdv(target, COMMAND, piece) is None
        assert expect(pdv(target, COMMAND | LAST, pieces[-1])).command == ECHO

    def test_the_last_fragment_may_come_in_pieces(self) -> None:
        target = assembler()
        begin_store(target)
        assert target.feed(1, LAST, memoryview(b"da"), False) is None
        assert target.feed(1, LAST, memoryview(b"ta"), False) is None
        message = expect(target.feed(1, LAST, memoryview(b""), True))
        assert message.dataset is not None
        assert message.dataset.data == b"data"

    def test_the_last_command_fragment_may_come_in_pieces(self) -> None:
        target = assembler()
        for byte in encode_command(ECHO):
            assert target.feed(1, COMMAND | LAST, memoryview(bytes([byte])), False) is None
        assert expect(target.feed(1, COMMAND | LAST, memoryview(b""), True)).command == ECHO

    def test_empty_fragments_in_the_middle_do_no_harm(self) -> None:
        target = assembler()
        command = encode_command(STORE)
        for control, value in [
            (COMMAND, b""), (COMMAND, command), (COMMAND | LAST, b""), (0, b""), (0, b"data"),
            (0, b""),
        ]:  # fmt: skip
            assert pdv(target, control, value) is None
        message = expect(pdv(target, LAST, b""))
        assert message.dataset is not None
        assert message.dataset.data == b"data"

    def test_an_empty_last_fragment_is_an_empty_data_set(self) -> None:
        target = assembler()
        begin_store(target)
        message = expect(pdv(target, LAST, b""))
        assert message.dataset is not None
        assert (message.dataset.data, message.dataset.size) == (b"", 0)
        assert message.problem() is None

    @pytest.mark.parametrize("value", [0x0000, 0x0001, 0x0100, 0x0102, 0xFFFF])
    def test_every_data_set_type_but_one_announces_a_data_set(self, value: int) -> None:
        target = assembler()
        assert pdv(target, COMMAND | LAST, encode_command({**STORE, 0x0800: value})) is None
        assert expect(pdv(target, LAST, b"data")).dataset is not None

    @pytest.mark.parametrize("message_type", MESSAGE_TYPES.values(), ids=lambda item: item.name)
    def test_every_type_is_recognised(self, message_type: object) -> None:
        assert hasattr(message_type, "command_field")
        command: dict[int, Value] = {
            0x0100: message_type.command_field, 0x0110: 1, 0x0120: 2, 0x0800: DATA_SET_ABSENT,
        }  # fmt: skip
        message = expect(pdv(assembler(), COMMAND | LAST, encode_command(command)))
        assert message.type is message_type

    def test_an_unknown_command_field_is_for_the_application(self) -> None:
        command: dict[int, Value] = {0x0100: 0x7777, 0x0110: 5, 0x0800: DATA_SET_PRESENT}
        target = assembler()
        assert pdv(target, COMMAND | LAST, encode_command(command)) is None
        message = expect(pdv(target, LAST, b"data"))
        assert (message.type, message.message_id) == (None, 5)

    def test_the_view_may_change_after_the_call(self) -> None:
        target = assembler()
        buffer = bytearray(encode_command(STORE))
        assert target.feed(1, COMMAND, memoryview(buffer), True) is None
        buffer[:] = bytes(len(buffer))
        assert pdv(target, COMMAND | LAST, b"") is None
        assert expect(pdv(target, LAST, b"")).command == STORE


class TestRefusals:
    """Each leaves the assembler without a message and without a file."""

    @pytest.fixture
    def target(self, tmp_path: Path) -> MessageAssembler:
        limits = Limits(command_set_length=200, data_set_length=100, spool_threshold=10)
        return assembler(tmp_path, limits)

    def refused(
        self, target: MessageAssembler, match: str, control: int, value: bytes, context_id: int = 1
    ) -> ProtocolError:
        with pytest.raises(ProtocolError, match=match) as caught:
            pdv(target, control, value, context_id)
        assert not target.in_progress
        return caught.value

    @pytest.mark.parametrize("context_id", [0, 2, 5, 255])
    def test_an_unknown_context(self, target: MessageAssembler, context_id: int) -> None:
        match = f"presentation context {context_id}, which was not accepted"
        error = self.refused(target, match, COMMAND | LAST, encode_command(ECHO), context_id)
        assert error.reason == 6

    def test_a_data_set_without_a_command_set(self, target: MessageAssembler) -> None:
        assert self.refused(target, "where a command set was due", LAST, b"data").reason == 5

    def test_a_data_set_amid_a_command_set(self, target: MessageAssembler) -> None:
        pdv(target, COMMAND, encode_command(STORE))
        self.refused(target, "where a command set was due", LAST, b"data")

    def test_a_data_set_that_was_not_announced(self, target: MessageAssembler) -> None:
        expect(pdv(target, COMMAND | LAST, encode_command(ECHO)))
        self.refused(target, "where a command set was due", LAST, b"data")

    def test_a_command_set_where_a_data_set_is_due(self, target: MessageAssembler) -> None:
        begin_store(target)
        error = self.refused(target, "data set of the message was due", COMMAND, b"")
        assert error.reason == 5

    def test_a_command_set_amid_a_data_set(self, target: MessageAssembler, tmp_path: Path) -> None:
        begin_store(target)
        pdv(target, 0, bytes(50))
        assert list(tmp_path.iterdir())
        self.refused(target, "data set of the message was due", COMMAND, encode_command(ECHO))
        assert list(tmp_path.iterdir()) == []

    def test_another_context_amid_a_command_set(self, target: MessageAssembler) -> None:
        pdv(target, COMMAND, b"")
        error = self.refused(target, "context 3 came amid a message on .* 1", COMMAND, b"", 3)
        assert error.reason == 5

    def test_another_context_amid_a_data_set(
        self, target: MessageAssembler, tmp_path: Path
    ) -> None:
        begin_store(target)
        pdv(target, 0, bytes(50))
        self.refused(target, "amid a message", LAST, b"", 3)
        assert list(tmp_path.iterdir()) == []

    def test_a_command_set_that_cannot_be_decoded(self, target: MessageAssembler) -> None:
        self.refused(target, "announces", COMMAND | LAST, pack("<HHI", 0, 0x0110, 0x80000000))

    def test_a_command_set_without_command_field(self, target: MessageAssembler) -> None:
        command = encode_command({0x0110: 5, 0x0800: DATA_SET_ABSENT})
        self.refused(target, r"lacks CommandField \(0000,0100\)", COMMAND | LAST, command)

    def test_a_command_set_with_an_empty_command_field(self, target: MessageAssembler) -> None:
        command = pack("<HHI", 0, 0x0100, 0) + encode_command({0x0110: 5, 0x0800: 1})[12:]
        self.refused(target, "lacks CommandField", COMMAND | LAST, command)

    def test_a_command_set_without_data_set_type(self, target: MessageAssembler) -> None:
        command = encode_command({0x0100: 0x0030, 0x0110: 5})
        self.refused(target, "lacks CommandDataSetType", COMMAND | LAST, command)

    @pytest.mark.parametrize("command_field", [0x0001, 0x7777])
    def test_a_request_without_message_id(
        self, target: MessageAssembler, command_field: int
    ) -> None:
        command = encode_command({0x0100: command_field, 0x0120: 1, 0x0800: DATA_SET_ABSENT})
        self.refused(target, r"lacks MessageID \(0000,0110\)", COMMAND | LAST, command)

    @pytest.mark.parametrize("command_field", [0x8001, 0x0FFF, 0xF777])
    def test_a_response_without_the_id_it_responds_to(
        self, target: MessageAssembler, command_field: int
    ) -> None:
        command = encode_command({0x0100: command_field, 0x0110: 1, 0x0800: DATA_SET_ABSENT})
        match = f"{command_field:04X}H lacks MessageIDBeingRespondedTo"
        self.refused(target, match, COMMAND | LAST, command)

    def test_an_empty_command_set(self, target: MessageAssembler) -> None:
        self.refused(target, "lacks CommandField", COMMAND | LAST, b"")

    def test_afterwards_a_message_can_be_received(self, target: MessageAssembler) -> None:
        pdv(target, COMMAND, b"half")
        self.refused(target, "amid a message", COMMAND, b"", 3)
        assert expect(pdv(target, COMMAND | LAST, encode_command(ECHO))).command == ECHO


class TestLimits:
    def test_a_command_set_of_exactly_the_limit(self) -> None:
        command = encode_command(ECHO)
        target = assembler(limits=Limits(command_set_length=len(command)))
        assert expect(pdv(target, COMMAND | LAST, command)).command == ECHO

    def test_a_command_set_of_one_byte_more(self) -> None:
        command = encode_command(ECHO)
        target = assembler(limits=Limits(command_set_length=len(command) - 1))
        with pytest.raises(ProtocolError, match=r"Limits\.command_set_length"):
            pdv(target, COMMAND | LAST, command)

    def test_command_fragments_that_never_end(self) -> None:
        target = assembler(limits=Limits(command_set_length=1000))
        for _ in range(10):
            assert pdv(target, COMMAND, bytes(100)) is None
        with pytest.raises(ProtocolError, match="longer than 1000 bytes"):
            pdv(target, COMMAND, bytes(1))

    def test_a_data_set_of_exactly_the_limit(self) -> None:
        target = assembler(limits=Limits(data_set_length=10))
        begin_store(target)
        pdv(target, 0, bytes(5))
        message = expect(pdv(target, LAST, bytes(5)))
        assert message.dataset is not None
        assert message.dataset.size == 10

    def test_a_data_set_of_one_byte_more(self, tmp_path: Path) -> None:
        target = assembler(tmp_path, Limits(data_set_length=10, spool_threshold=1))
        begin_store(target)
        pdv(target, 0, bytes(10))
        with pytest.raises(ProtocolError, match=r"Limits\.data_set_length"):
            pdv(target, LAST, bytes(1))
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(("size", "spooled"), [(9, False), (10, False), (11, True)])
    def test_the_spool_threshold(self, tmp_path: Path, size: int, spooled: bool) -> None:
        target = assembler(tmp_path, Limits(spool_threshold=10))
        begin_store(target)
        message = expect(pdv(target, LAST, bytes(size)))
        assert message.dataset is not None
        assert (message.dataset.path is not None) is spooled

    def test_memory_does_not_grow_with_the_data_set(self, tmp_path: Path) -> None:
        piece = memoryview(bytes(64 << 10))
        target = assembler(tmp_path)
        begin_store(target)
        tracemalloc.start()
        try:
            for _ in range(1024):
                assert target.feed(1, 0, piece, False) is None
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        message = expect(target.feed(1, LAST, piece[:0], True))
        assert message.dataset is not None
        assert message.dataset.size == 64 << 20
        assert peak < 4 << 20


class TestDiskError:
    def test_the_rest_is_taken_and_the_next_message_too(self, tmp_path: Path) -> None:
        target = assembler(tmp_path / "vanished", Limits(spool_threshold=10))
        begin_store(target)
        for _ in range(5):
            assert pdv(target, 0, bytes(100)) is None
        message = expect(pdv(target, LAST, bytes(100)))
        assert message.dataset is not None
        assert isinstance(message.dataset.error, FileNotFoundError)
        assert message.dataset.size == 600
        assert expect(pdv(target, COMMAND | LAST, encode_command(ECHO))).command == ECHO

    def test_the_size_limit_holds_nevertheless(self, tmp_path: Path) -> None:
        limits = Limits(spool_threshold=10, data_set_length=150)
        target = assembler(tmp_path / "vanished", limits)
        begin_store(target)
        pdv(target, 0, bytes(100))
        with pytest.raises(ProtocolError, match="longer than 150"):
            pdv(target, 0, bytes(100))


class TestDiscard:
    def test_it_removes_the_file_and_readies_for_a_new_message(self, tmp_path: Path) -> None:
        target = assembler(tmp_path, Limits(spool_threshold=10))
        begin_store(target)
        pdv(target, 0, bytes(100))
        assert len(list(tmp_path.iterdir())) == 1
        target.discard()
        assert list(tmp_path.iterdir()) == []
        assert not target.in_progress
        assert expect(pdv(target, COMMAND | LAST, encode_command(ECHO))).command == ECHO

    def test_it_drops_half_a_command_set(self) -> None:
        target = assembler()
        pdv(target, COMMAND, b"half")
        target.discard()
        assert expect(pdv(target, COMMAND | LAST, encode_command(ECHO))).command == ECHO

    def test_garbage_collection_discards(self, tmp_path: Path) -> None:
        target = assembler(tmp_path, Limits(spool_threshold=10))
        begin_store(target)
        pdv(target, 0, bytes(100))
        del target
        gc.collect()
        assert list(tmp_path.iterdir()) == []

    def test_a_message_that_was_handed_out_keeps_its_file(self, tmp_path: Path) -> None:
        target = assembler(tmp_path, Limits(spool_threshold=10))
        begin_store(target)
        message = expect(pdv(target, LAST, bytes(100)))
        target.discard()
        assert message.dataset is not None
        assert message.dataset.path is not None
        assert Path(message.dataset.path).exists()


def test_a_spooled_data_set_is_identical_and_readable(tmp_path: Path) -> None:
    original = pydicom.Dataset()
    original.PatientName = "Doe^Jane"
    original.PixelData = bytes(range(256)) * 32
    original["PixelData"].VR = "OW"
    buffer = pydicom.filebase.DicomBytesIO()
    buffer.is_implicit_VR = buffer.is_little_endian = True
    pydicom.filewriter.write_dataset(buffer, original)
    encoded = buffer.getvalue()
    target = assembler(tmp_path, Limits(spool_threshold=1000))
    begin_store(target)
    for start in range(0, len(encoded), 1018):
        target.feed(1, LAST, memoryview(encoded)[start : start + 1018], False)
    message = expect(target.feed(1, LAST, memoryview(b""), True))
    assert message.dataset is not None
    assert message.dataset.path is not None
    assert Path(message.dataset.path).read_bytes()[message.dataset.data_offset :] == encoded
    assert pydicom.dcmread(message.dataset.path) == original


@pytest.mark.parametrize("reserved", [0x04, 0x80, 0xFC])
def test_reserved_control_bits_are_not_checked(reserved: int) -> None:
    """PS3.8 section E.2: bits 2 to 7 are never checked by the receiver."""
    assembler = MessageAssembler({1: "1.2.840.10008.1.2"}, Limits(), None)
    message = expect(pdv(assembler, COMMAND | LAST | reserved, encode_command(ECHO)))
    assert message.type is C_ECHO_RQ

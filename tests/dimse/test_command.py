"""Encoding and decoding of command sets, with pydicom as the independent oracle."""

from __future__ import annotations

from struct import pack
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from leaddicom.dimse import messages
from leaddicom.dimse.command import Value, decode_command, encode_command
from leaddicom.dimse.messages import COMMAND_ELEMENTS, MESSAGE_TYPES, MessageType
from leaddicom.errors import ParameterError, ProtocolError

STORE_REQUEST: dict[int, Value] = {
    0x0002: "1.2.840.10008.5.1.4.1.1.2",
    0x0100: 0x0001,
    0x0110: 7,
    0x0700: 0,
    0x0800: 0x0001,
    0x1000: "1.2.3.4",
    0x1030: "MOVER",
    0x1031: 9,
}

EXAMPLES: dict[str, list[Any]] = {
    "UI": ["1.2.840.10008.1.1", "1.2.840.10008.5.1.4.1.1.2", ""],
    "AE": ["ODD", "EVEN", ""],
    "LO": ["odd", "even", ""],
    "US": [0, 1, 0xFFFF],
    "AT": [(0x00100010,), (0x00100010, 0x7FE00010), ()],
}


def element(tag: int, value: bytes, *, group: int = 0, length: int | None = None) -> bytes:
    return pack("<HHI", group, tag, len(value) if length is None else length) + value


def pydicom_encoding(values: dict[int, Value]) -> bytes:
    """What pydicom makes of a command set in Implicit VR Little Endian."""
    dataset = Dataset()
    for tag, value in values.items():
        plain = list(value) if isinstance(value, tuple) else value
        dataset.add_new(tag, COMMAND_ELEMENTS[tag].vr, plain)

    def encoded() -> bytes:
        file = DicomBytesIO()
        file.is_implicit_VR = file.is_little_endian = True
        write_dataset(file, dataset)
        return file.getvalue()

    body = encoded()
    dataset.add_new(0x00000000, "UL", len(body))
    return encoded()


def complete(message_type: MessageType, example: int) -> dict[int, Value]:
    elements = [parameter.element for parameter in message_type.parameters]
    if message_type.is_response:
        elements += [messages.OFFENDING_ELEMENT, messages.ERROR_COMMENT, messages.ERROR_ID]
    values: dict[int, Value] = {item.element: EXAMPLES[item.vr][example] for item in elements}
    values[0x0100] = message_type.command_field
    values[0x0800] = messages.DATA_SET_ABSENT
    return values


def without_empty(values: dict[int, Value]) -> dict[int, Value]:
    return {tag: value for tag, value in values.items() if value not in ("", ())}


class TestAgainstPydicom:
    @pytest.mark.parametrize("example", [0, 1, 2])
    @pytest.mark.parametrize("message_type", MESSAGE_TYPES.values(), ids=lambda item: item.name)
    def test_every_message_is_encoded_alike(self, message_type: MessageType, example: int) -> None:
        values = complete(message_type, example)
        encoded = encode_command(values)
        assert encoded == pydicom_encoding(values)
        assert decode_command(encoded) == without_empty(values)

    def test_the_order_of_the_values_does_not_matter(self) -> None:
        backwards = dict(sorted(STORE_REQUEST.items(), reverse=True))
        assert encode_command(backwards) == encode_command(STORE_REQUEST)

    def test_the_group_length_is_computed_whatever_is_given(self) -> None:
        assert encode_command({0: 99, **STORE_REQUEST}) == encode_command(STORE_REQUEST)

    def test_an_empty_command_set_is_its_group_length(self) -> None:
        assert encode_command({}) == element(0, pack("<I", 0))


class TestEncode:
    @pytest.mark.parametrize(
        ("tag", "value"),
        [
            (0x0002, "1" * 65),
            (0x0002, "1.2\n3"),
            (0x0002, "1.2é"),
            (0x0600, "A" * 17),
            (0x0600, "A\x00B"),
            (0x0002, 5),
            (0x0002, b"1.2"),
            (0x0110, -1),
            (0x0110, 0x10000),
            (0x0110, "1"),
            (0x0110, None),
            (0x0902, b"comment"),
            (0x1005, 5),
            (0x1005, (-1,)),
            (0x1005, (0x1_0000_0000,)),
            (0x1005, ("x",)),
            (0x0001, 5),
            (0x10000, 5),
            (-1, 5),
        ],
    )
    def test_what_cannot_be_encoded_is_the_callers_error(self, tag: int, value: Any) -> None:
        with pytest.raises(ParameterError):
            encode_command({tag: value})

    @pytest.mark.parametrize(("tag", "length"), [(0x0002, 64), (0x0600, 16)])
    def test_the_longest_values_are_encoded(self, tag: int, length: int) -> None:
        assert decode_command(encode_command({tag: "1" * length})) == {tag: "1" * length}

    def test_the_error_names_element_and_value(self) -> None:
        with pytest.raises(ParameterError, match=r"'x' is no value for MessageID \(0000,0110\)"):
            encode_command({0x0110: "x"})

    @pytest.mark.parametrize(
        ("comment", "sent"),
        [("x" * 65, "x" * 64), ("Zähler\n1\x7f", "Z?hler?1?"), ("日本", "??"), ("odd", "odd")],
    )
    def test_an_error_comment_is_made_to_fit(self, comment: str, sent: str) -> None:
        assert decode_command(encode_command({0x0902: comment})) == {0x0902: sent}


class TestDecode:
    def test_views_are_decoded_like_bytes(self) -> None:
        encoded = encode_command(STORE_REQUEST)
        assert decode_command(memoryview(encoded)) == STORE_REQUEST
        assert decode_command(bytearray(encoded)) == STORE_REQUEST

    def test_nothing_is_an_empty_command_set(self) -> None:
        assert decode_command(b"") == {}

    @pytest.mark.parametrize("group", [0x0002, 0x0008, 0xFFFE, 0xFFFF])
    def test_elements_of_other_groups_are_not_looked_at(self, group: int) -> None:
        # Orthanc puts (0008,0058) behind the command set of a response to C-GET.
        data = element(0x0110, b"\x01\x00") + element(0x0120, b"\x01\x00", group=group)
        assert decode_command(data) == {0x0110: 1}

    def test_the_group_length_may_be_absent_or_wrong(self) -> None:
        message_id = element(0x0110, b"\x07\x00")
        assert decode_command(message_id) == {0x0110: 7}
        assert decode_command(element(0, pack("<I", 5000)) + message_id) == {0x0110: 7}

    def test_retired_and_unknown_elements_are_skipped(self) -> None:
        retired = element(0x0001, pack("<I", 40)) + element(0x0010, b"ACR-NEMA 2.0")
        unknown = element(0x5555, b"\x00\x01\x02")
        known = element(0x0110, b"\x07\x00")
        assert decode_command(retired + known + unknown) == {0x0110: 7}

    @pytest.mark.parametrize("tag", sorted(COMMAND_ELEMENTS))
    def test_an_empty_element_is_as_good_as_absent(self, tag: int) -> None:
        assert decode_command(element(tag, b"")) == {}

    @pytest.mark.parametrize("value", [b"\x00", b"\x00\x00", b"  ", b" \x00"])
    @pytest.mark.parametrize("tag", [0x0002, 0x0600, 0x0902])
    def test_text_of_padding_only_is_as_good_as_absent(self, tag: int, value: bytes) -> None:
        assert decode_command(element(tag, value)) == {}

    @pytest.mark.parametrize(
        ("tag", "value", "text"),
        [
            (0x0002, b"1.2.3\x00", "1.2.3"),
            (0x0002, b"1.2.3 ", "1.2.3"),
            (0x0002, b"1.2.3", "1.2.3"),
            (0x0600, b"MOVER ", "MOVER"),
            (0x0600, b"  MOVER  ", "MOVER"),
            (0x0600, b"MOVER\x00\x00\x00", "MOVER"),
            (0x0600, b"A B ", "A B"),
            (0x0902, b"sorry ", "sorry"),
            (0x0902, b" sorry ", " sorry"),
        ],
    )
    def test_padding_is_stripped(self, tag: int, value: bytes, text: str) -> None:
        assert decode_command(element(tag, value)) == {tag: text}

    def test_what_does_not_print_in_a_comment_is_replaced(self) -> None:
        value = b"Z\xe4hler\r\n\x1b[2J\x00\x7f\x9b!"
        assert decode_command(element(0x0902, value)) == {0x0902: "Zähler???[2J???!"}

    def test_a_comment_may_be_longer_than_the_standard_allows(self) -> None:
        assert decode_command(element(0x0902, b"x" * 200)) == {0x0902: "x" * 200}


class TestDecodeRefuses:
    """Bad inputs that other toolkits fell over."""

    @pytest.mark.parametrize("length", [0x80000000, 2164260863, 0xFFFFFFFE, 0xFFFFFFFF])
    @pytest.mark.parametrize("tag", [0x0002, 0x0110, 0x0901, 0x0902, 0x5555])
    def test_lengths_that_are_negative_as_signed_numbers(self, tag: int, length: int) -> None:
        with pytest.raises(ProtocolError, match=f"announces {length} bytes"):
            decode_command(element(tag, b"\x01\x00", length=length))

    def test_a_length_one_beyond_the_end(self) -> None:
        with pytest.raises(ProtocolError, match=r"announces 3 bytes, .* only 2 left"):
            decode_command(element(0x0110, b"\x01\x00", length=3))

    @pytest.mark.parametrize("size", range(1, 8))
    def test_an_element_that_is_cut_short(self, size: int) -> None:
        with pytest.raises(ProtocolError, match=f"ends with {size} bytes"):
            decode_command(element(0x0110, b"\x01\x00") + bytes(size))

    @pytest.mark.parametrize("size", [1, 3, 4, 8])
    @pytest.mark.parametrize(
        "tag", [item.element for item in COMMAND_ELEMENTS.values() if item.vr == "US"]
    )
    def test_numbers_of_another_vr(self, tag: int, size: int) -> None:
        with pytest.raises(ProtocolError, match=f"has {size} bytes instead of 2"):
            decode_command(element(tag, bytes(size)))

    @pytest.mark.parametrize("size", [1, 2, 3, 5, 8])
    def test_a_group_length_of_another_vr(self, size: int) -> None:
        with pytest.raises(ProtocolError, match=f"has {size} bytes instead of 4"):
            decode_command(element(0x0000, bytes(size)))

    @pytest.mark.parametrize("size", [1, 2, 3, 5, 6])
    @pytest.mark.parametrize("tag", [0x0901, 0x1005])
    def test_tags_of_another_vr(self, tag: int, size: int) -> None:
        with pytest.raises(ProtocolError, match=f"has {size} bytes instead of a multiple of 4"):
            decode_command(element(tag, bytes(size)))

    @pytest.mark.parametrize(("tag", "maximum"), [(0x0002, 64), (0x1000, 64), (0x0600, 16)])
    def test_identifiers_longer_than_their_vr(self, tag: int, maximum: int) -> None:
        assert decode_command(element(tag, b"1" * maximum)) == {tag: "1" * maximum}
        with pytest.raises(ProtocolError, match=f"instead of at most {maximum}"):
            decode_command(element(tag, b"1" * (maximum + 1)))

    @pytest.mark.parametrize("character", [0, 1, 9, 10, 13, 27, 127, 128, 155, 255])
    @pytest.mark.parametrize("tag", [0x0002, 0x0003, 0x0600, 0x1000, 0x1001, 0x1030])
    def test_control_and_8_bit_characters_in_identifiers(self, tag: int, character: int) -> None:
        with pytest.raises(ProtocolError, match="characters that its VR forbids"):
            decode_command(element(tag, b"1." + bytes([character]) + b"2"))

    def test_a_repeated_element(self) -> None:
        with pytest.raises(ProtocolError, match=r"MessageID \(0000,0110\) occurs twice"):
            decode_command(element(0x0110, b"\x01\x00") * 2)

    def test_a_repeated_unknown_element(self) -> None:
        with pytest.raises(ProtocolError, match=r"Element \(0000,5555\) occurs twice"):
            decode_command(element(0x5555, b"") * 2)

    def test_elements_out_of_order(self) -> None:
        data = element(0x0110, b"\x01\x00") + element(0x0100, b"\x01\x00")
        with pytest.raises(ProtocolError, match="wrong order"):
            decode_command(data)

    def test_a_command_set_in_explicit_vr(self) -> None:
        group_length = b"\x00\x00\x00\x00UL\x04\x00\x0a\x00\x00\x00"
        command_field = b"\x00\x00\x00\x01US\x02\x00\x01\x00"
        with pytest.raises(ProtocolError, match="announces"):
            decode_command(group_length + command_field)

    @settings(max_examples=400, deadline=None)
    @given(st.binary(max_size=200))
    def test_any_bytes_are_a_command_set_or_a_protocol_error(self, data: bytes) -> None:
        self.decode_or_refuse(data)

    @settings(max_examples=800, deadline=None)
    @given(
        st.lists(
            st.tuples(
                st.sampled_from([*COMMAND_ELEMENTS, 0x0001, 0x5555]),
                st.one_of(st.binary(max_size=20), st.sampled_from([b"1.2", b"\x01\x00"])),
                st.sampled_from([0, 0, 0, 0, 1, -1, 0x80000000]),
            ),
            max_size=8,
        )
    )
    def test_any_elements_are_a_command_set_or_a_protocol_error(
        self, elements: list[tuple[int, bytes, int]]
    ) -> None:
        elements.sort(key=lambda item: item[0])
        self.decode_or_refuse(
            b"".join(
                element(tag, value, length=max(0, len(value) + lie)) for tag, value, lie in elements
            )
        )

    @settings(max_examples=400, deadline=None)
    @given(st.data())
    def test_any_damage_gives_a_command_set_or_a_protocol_error(self, data: st.DataObject) -> None:
        damaged = bytearray(encode_command(STORE_REQUEST))
        for _ in range(data.draw(st.integers(1, 4))):
            damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
        self.decode_or_refuse(bytes(damaged[: data.draw(st.integers(0, len(damaged)))]))

    def decode_or_refuse(self, data: bytes) -> None:
        try:
            values = decode_command(data)
        except ProtocolError:
            return
        # What was accepted can be sent on: a comment is made to fit, the rest is as it was.
        values.pop(0x0902, None)
        assert decode_command(encode_command(values)) == values


IDENTIFIER = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=16)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "US": st.integers(0, 0xFFFF),
    "UI": IDENTIFIER,
    "AE": IDENTIFIER,
    "LO": IDENTIFIER,
    "AT": st.lists(st.integers(0, 0xFFFFFFFF), min_size=1, max_size=6).map(tuple),
}
COMMANDS = st.fixed_dictionaries(
    {}, optional={tag: VALUES[item.vr] for tag, item in COMMAND_ELEMENTS.items() if tag}
)


@settings(max_examples=200, deadline=None)
@given(COMMANDS)
def test_what_is_encoded_comes_back(values: dict[int, Value]) -> None:
    assert decode_command(encode_command(values)) == values

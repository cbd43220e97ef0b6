"""The flat pass over an encoded data set: depth, counts, lengths, and everything that lies."""

from __future__ import annotations

import struct

import pytest
from pydicom.dataset import Dataset

from leaddicom.decoding import decode_data_set, encode_data_set
from leaddicom.errors import DataSetError, DicomErrorCode
from leaddicom.limits import Limits

from .elements import (
    BIG_ENDIAN,
    EXPLICIT,
    IMPLICIT,
    ITEM,
    ITEM_END,
    JPEG,
    LIMITS,
    PATIENT,
    SEQUENCE,
    SEQUENCE_END,
    UNDEFINED,
    element,
    explicit,
    nested,
)


class TestHostileDataSets:
    """Section by section what is known to hurt pydicom."""

    @pytest.mark.timeout(10)
    @pytest.mark.parametrize("defined", [True, False], ids=["defined", "undefined"])
    @pytest.mark.parametrize("depth", [65, 100, 300, 20_000])
    def test_sequences_nested_too_deep(self, depth: int, defined: bool) -> None:
        with pytest.raises(DataSetError, match="more than 64 deep") as caught:
            decode_data_set(nested(depth, defined), IMPLICIT, LIMITS)
        assert caught.value.code is DicomErrorCode.RANGE

    @pytest.mark.parametrize("defined", [True, False], ids=["defined", "undefined"])
    def test_sequences_nested_as_deep_as_allowed(self, defined: bool) -> None:
        dataset = decode_data_set(nested(64, defined), IMPLICIT, LIMITS)
        for _ in range(63):
            dataset = dataset.ReferencedImageSequence[0]
        assert len(dataset.ReferencedImageSequence) == 1

    @pytest.mark.timeout(20)
    def test_more_elements_than_allowed(self) -> None:
        data = PATIENT[:4] + bytes(4)
        with pytest.raises(DataSetError, match="more than 200000 elements") as caught:
            decode_data_set(data * 200_001, IMPLICIT, LIMITS)
        assert caught.value.code is DicomErrorCode.RANGE

    @pytest.mark.timeout(20)
    def test_more_items_than_allowed(self) -> None:
        data = element(SEQUENCE, (ITEM + bytes(4)) * 200_000)
        with pytest.raises(DataSetError, match="more than 200000 elements"):
            decode_data_set(data, IMPLICIT, LIMITS)

    def test_more_fragments_than_allowed(self) -> None:
        data = struct.pack("<HH2sHL", 0x7FE0, 0x10, b"OB", 0, UNDEFINED)
        data += (ITEM + bytes(4)) * 9 + SEQUENCE_END
        assert decode_data_set(data, JPEG, Limits(data_set_elements=10)).PixelData
        with pytest.raises(DataSetError, match="more than 9 elements"):
            decode_data_set(data, JPEG, Limits(data_set_elements=9))

    @pytest.mark.parametrize("count", [9, 10, 11])
    def test_elements_are_counted_exactly(self, count: int) -> None:
        data = b"".join(element(0x00100000 + n, b"") for n in range(1, count + 1))
        if count <= 10:
            assert len(decode_data_set(data, IMPLICIT, Limits(data_set_elements=10))) == count
            return
        with pytest.raises(DataSetError, match="more than 10 elements"):
            decode_data_set(data, IMPLICIT, Limits(data_set_elements=10))

    @pytest.mark.parametrize("length", [0xFFFFFFFE, 0xFFFFFFF0, 0x80000000, 9])
    def test_an_element_that_announces_more_than_there_is(self, length: int) -> None:
        data = PATIENT + element(0x00100020, b"12345678", length)
        message = rf"\(0010,0020\) announces {length} bytes, but 8 are left \(byte 16 of 32\)"
        with pytest.raises(DataSetError, match=message):
            decode_data_set(data, IMPLICIT, LIMITS)

    def test_an_element_that_announces_4_gib_in_explicit_vr(self) -> None:
        data = struct.pack("<HH2sHL", 0x7FE0, 0x10, b"OW", 0, 0xFFFFFFFE)
        with pytest.raises(DataSetError, match="announces 4294967294 bytes, but 0 are left"):
            decode_data_set(data, EXPLICIT, LIMITS)

    @pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG_ENDIAN])
    def test_cut_anywhere(self, syntax: str) -> None:
        dataset = Dataset()
        dataset.PatientName = "Doe^Jane"
        dataset.add_new(0x7FE00010, "OW", bytes(6))
        data = encode_data_set(dataset, syntax)
        boundaries = []
        for end in range(1, len(data)):
            try:
                decode_data_set(data[:end], syntax, LIMITS)
            except DataSetError as error:
                assert "cut short" in error.message  # noqa: PT017
            else:
                boundaries.append(end)
        assert boundaries == [16]

    @pytest.mark.parametrize(
        ("data", "message"),
        [
            (element(SEQUENCE, PATIENT), r"\(0010,0010\) stands where an item is due"),
            (element(SEQUENCE, ITEM + b"\x09\0\0\0"), r"\(FFFE,E000\) announces 9 bytes"),
            (element(SEQUENCE, ITEM), "middle of an item's tag"),
            (element(SEQUENCE, SEQUENCE_END), r"\(FFFE,E0DD\) stands where an item is due"),
            (element(SEQUENCE, b"", UNDEFINED), "where a delimitation item is due"),
            (element(SEQUENCE, ITEM + b"\xff" * 4, UNDEFINED), "where a delimitation item is due"),
            (element(SEQUENCE, ITEM + b"\xff" * 4 + ITEM_END), None),
            (element(SEQUENCE, ITEM + b"\xff" * 4 + SEQUENCE_END), "E0DD.* an element is due"),
            (ITEM_END, r"\(FFFE,E00D\) stands where an element is due"),
            (SEQUENCE_END, r"\(FFFE,E0DD\) stands where an element is due"),
            (element(0x7FE00010, PATIENT, UNDEFINED), "stands where a fragment is due"),
            (element(0x7FE00010, ITEM + b"\xff" * 4, UNDEFINED), "announces 4294967295"),
            (element(0x7FE00010, ITEM + bytes(3), UNDEFINED), "middle of an item's tag"),
        ],
    )
    def test_sequences_that_are_none(self, data: bytes, message: str | None) -> None:
        if message is None:
            assert len(decode_data_set(data, IMPLICIT, LIMITS).ReferencedImageSequence) == 1
            return
        with pytest.raises(DataSetError, match=message):
            decode_data_set(data, IMPLICIT, LIMITS)

    def test_the_place_in_a_sequence_is_named(self) -> None:
        data = element(SEQUENCE, (ITEM + b"\0\0\0\0") * 2 + ITEM + b"\x0c\0\0\0" + PATIENT[:12])
        with pytest.raises(DataSetError, match=r"byte 32 in \(0008,1140\) item 3 of 44"):
            decode_data_set(data, IMPLICIT, LIMITS)

    def test_text_that_is_sent_as_a_sequence(self) -> None:
        data = explicit(0x00100010, b"SQ", ITEM + struct.pack("<L", 8) + PATIENT[:4] + b"PN\0\0")
        assert len(decode_data_set(data, EXPLICIT, LIMITS)[0x00100010].value) == 1
        with pytest.raises(DataSetError, match="an item is due"):
            decode_data_set(explicit(0x00100010, b"SQ", b"Doe^Jane"), EXPLICIT, LIMITS)

    def test_a_sequence_that_is_sent_as_text(self) -> None:
        data = explicit(SEQUENCE, b"LO", b"text")
        assert decode_data_set(data, EXPLICIT, LIMITS)[SEQUENCE].value == "text"

    @pytest.mark.parametrize("vr", [b"ZZ", b"A\xff"])
    def test_an_unknown_vr_has_a_length_of_16_bits(self, vr: bytes) -> None:
        data = explicit(0x00080060, b"CS", b"CT") + explicit(0x00100010, vr, b"Doe^Jane")
        data += explicit(0x00100020, b"LO", b"12")
        assert decode_data_set(data, EXPLICIT, LIMITS).PatientID == "12"

    def test_no_vr_at_all_is_a_switch_to_implicit_vr(self) -> None:
        data = explicit(0x00080060, b"CS", b"CT") + PATIENT
        assert decode_data_set(data, EXPLICIT, LIMITS).PatientName == "Doe^Jane"

    def test_a_length_that_is_cut_behind_its_vr(self) -> None:
        data = explicit(0x7FE00010, b"OW", b"")[:10]
        with pytest.raises(DataSetError, match=r"the length of \(7FE0,0010\)"):
            decode_data_set(data, EXPLICIT, LIMITS)


class TestSequencesInUnknownVr:
    """UN hides sequences: pydicom opens those that it knows (PS3.5 section 6.2.2)."""

    CREATOR = element(0x00091010, b"")

    def bomb(self, tag: int, before: bytes = b"") -> bytes:
        data = b""
        for _ in range(100):
            inner = before + element(tag, data)
            data = ITEM + struct.pack("<L", len(inner)) + inner
        return before + element(tag, data)

    def test_known_ones_count_for_the_depth(self) -> None:
        inner = b""
        for _ in range(70):
            content = explicit(SEQUENCE, b"UN", inner)
            inner = ITEM + struct.pack("<L", len(content)) + content
        with pytest.raises(DataSetError, match="more than 64 deep"):
            decode_data_set(explicit(SEQUENCE, b"UN", inner), EXPLICIT, LIMITS)

    def test_private_ones_that_pydicom_knows_count_too(self) -> None:
        creator = element(0x00710010, b"AGFA-AG_HPState ")
        with pytest.raises(DataSetError, match="more than 64 deep"):
            decode_data_set(self.bomb(0x00711018, creator), IMPLICIT, LIMITS)

    def test_unknown_ones_are_bytes(self) -> None:
        dataset = decode_data_set(self.bomb(0x00211001), IMPLICIT, LIMITS)
        assert isinstance(dataset[0x00211001].value, bytes)

    def test_unknown_ones_of_undefined_length_are_sequences(self) -> None:
        data = element(0x00211001, ITEM + b"\x10\0\0\0" + PATIENT + SEQUENCE_END, UNDEFINED)
        dataset = decode_data_set(data, IMPLICIT, LIMITS)
        assert dataset[0x00211001].value[0].PatientName == "Doe^Jane"

    def test_an_empty_unknown_one_of_undefined_length_is_empty(self) -> None:
        data = element(0x00211001, SEQUENCE_END, UNDEFINED)
        assert not decode_data_set(data, IMPLICIT, LIMITS)[0x00211001].value

    def test_of_undefined_length_they_hold_implicit_vr(self) -> None:
        head = struct.pack("<HH2sHL", 0x0008, 0x1140, b"UN", 0, UNDEFINED)
        data = head + ITEM + b"\x10\0\0\0" + PATIENT + SEQUENCE_END
        dataset = decode_data_set(data, EXPLICIT, LIMITS)
        assert dataset.ReferencedImageSequence[0].PatientName == "Doe^Jane"

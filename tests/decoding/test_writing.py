"""Encoding between transfer syntaxes."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence

from leaddicom.decoding import decode_data_set, encode_data_set, read_header
from leaddicom.errors import DataSetError, DicomErrorCode

from .elements import (
    BIG_ENDIAN,
    DEFLATED,
    EXPLICIT,
    FILES,
    IMPLICIT,
    ITEM,
    JPEG,
    JPEG_2000,
    LIMITS,
    PATIENT,
    SEQUENCE,
    SEQUENCE_END,
    UNCOMPRESSED,
    WHOLE,
    data_of,
    decoded,
    element,
    explicit,
    name,
)


def public(dataset: Dataset) -> Iterator[tuple[int, object]]:
    """Tags and values; private ones lose their VR, and group lengths are not written."""
    for item in dataset:
        if item.VR == "SQ" and not item.tag.is_private:
            yield item.tag, [list(public(inner)) for inner in item.value]
        elif item.tag.element and not item.tag.is_private:
            yield item.tag, item.value


CONVERTIBLE = [
    path
    for path in WHOLE
    if read_header(path).transfer_syntax_uid in UNCOMPRESSED
    and "rtdose" not in path.name
    and path.name != "badVR.dcm"
]


class TestEncoding:
    @pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
    @pytest.mark.parametrize("target", UNCOMPRESSED)
    @pytest.mark.parametrize("path", CONVERTIBLE, ids=name)
    def test_between_uncompressed_transfer_syntaxes(self, path: Path, target: str) -> None:
        data, source = data_of(path)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            there = encode_data_set(decode_data_set(data, source, LIMITS), target)
            back = encode_data_set(decode_data_set(there, target, LIMITS), source)
        original = decode_data_set(data, source, LIMITS)
        pixels = original.get_item("PixelData")
        if source == BIG_ENDIAN and target == IMPLICIT and pixels and pixels.VR == "OB":
            # It becomes OW, whose words big endian turns around.
            del original.PixelData
            back = encode_data_set(original, source)
        before = list(public(original))
        assert list(public(decode_data_set(back, source, LIMITS))) == before
        if (source == BIG_ENDIAN) == (target == BIG_ENDIAN):
            assert list(public(decode_data_set(there, target, LIMITS))) == before

    @pytest.mark.parametrize(
        ("little", "big"),
        [
            ("MR_small.dcm", "MR_small_expb.dcm"),
            ("liver_1frame.dcm", "liver_expb_1frame.dcm"),
            ("SC_rgb_small_odd.dcm", "SC_rgb_small_odd_big_endian.dcm"),
        ],
    )
    def test_of_pixels_is_that_of_other_toolkits(self, little: str, big: str) -> None:
        one, other = decoded(FILES / little), decoded(FILES / big)
        to_little = decode_data_set(encode_data_set(other, EXPLICIT), EXPLICIT, LIMITS)
        to_big = decode_data_set(encode_data_set(one, BIG_ENDIAN), BIG_ENDIAN, LIMITS)
        assert to_big.PixelData == other.PixelData
        assert to_little.PixelData == one.PixelData

    @pytest.mark.parametrize("target", [EXPLICIT, IMPLICIT])
    @pytest.mark.parametrize(
        ("vr", "tag", "big", "little"),
        [
            (b"OW", 0x7FE00010, b"\1\2\3\4\5\6\7\x08", b"\2\1\4\3\6\5\x08\7"),
            (b"OL", 0x00660040, b"\1\2\3\4\5\6\7\x08", b"\4\3\2\1\x08\7\6\5"),
            (b"OF", 0x7FE00008, b"\1\2\3\4\5\6\7\x08", b"\4\3\2\1\x08\7\6\5"),
            (b"OD", 0x7FE00009, b"\1\2\3\4\5\6\7\x08", b"\x08\7\6\5\4\3\2\1"),
            (b"OV", 0x7FE00001, b"\1\2\3\4\5\6\7\x08", b"\x08\7\6\5\4\3\2\1"),
            (b"US", 0x00280010, b"\1\2", b"\2\1"),
            (b"AT", 0x00280009, b"\1\2\3\4", b"\2\1\4\3"),
            (b"FD", 0x00189074, b"\1\2\3\4\5\6\7\x08", b"\x08\7\6\5\4\3\2\1"),
            (b"OB", 0x7FE00010, b"\1\2\3\4", b"\1\2\3\4"),
            (b"UN", 0x00280010, b"\1\2", b"\1\2"),
            (b"LO", 0x00100020, b"1234", b"1234"),
        ],
    )
    def test_changes_the_order_of_bytes_in_words(
        self, vr: bytes, tag: int, big: bytes, little: bytes, target: str
    ) -> None:
        dataset = decode_data_set(explicit(tag, vr, big, ">"), BIG_ENDIAN, LIMITS)
        wanted = explicit(tag, vr, little) if target == EXPLICIT else element(tag, little)
        assert encode_data_set(dataset, target) == wanted

    def test_changes_the_order_also_of_converted_values_in_items(self) -> None:
        item = explicit(0x00281201, b"OW", b"\1\2", ">") + explicit(0x00280010, b"US", b"\0\1", ">")
        items = b"\xff\xfe\xe0\x00" + struct.pack(">L", len(item)) + item
        dataset = decode_data_set(explicit(SEQUENCE, b"SQ", items, ">"), BIG_ENDIAN, LIMITS)
        inner = dataset.ReferencedImageSequence[0]
        assert inner.RedPaletteColorLookupTableData == b"\1\2"
        assert inner.Rows == 1
        again = decode_data_set(encode_data_set(dataset, IMPLICIT), IMPLICIT, LIMITS)
        inner = again.ReferencedImageSequence[0]
        assert inner.RedPaletteColorLookupTableData == b"\2\1"
        assert inner.Rows == 1
        # The data set that was given is as it was.
        assert dataset.ReferencedImageSequence[0].RedPaletteColorLookupTableData == b"\1\2"

    @pytest.mark.parametrize("file", ["rtdose.dcm", "rtdose_expb_1frame.dcm"])
    def test_of_pixels_of_two_words_into_another_byte_order_is_refused(self, file: str) -> None:
        dataset = decoded(FILES / file)
        target = BIG_ENDIAN if dataset.original_encoding[1] else EXPLICIT
        with pytest.raises(DataSetError, match="pixels have 32 bits, and toolkits disagree"):
            encode_data_set(dataset, target)

    def test_of_half_a_word_is_refused(self) -> None:
        dataset = decode_data_set(explicit(0x7FE00010, b"OW", b"123", ">"), BIG_ENDIAN, LIMITS)
        with pytest.raises(DataSetError, match=r"\(7FE0,0010\) has VR OW, but 3 bytes"):
            encode_data_set(dataset, IMPLICIT)

    def test_leaves_values_alone_that_break_the_rules(self) -> None:
        data = element(0x00100030, b"yesterday ") + element(0x00200013, b"1A")
        dataset = decode_data_set(data, IMPLICIT, LIMITS)
        wanted = explicit(0x00100030, b"DA", b"yesterday ") + explicit(0x00200013, b"IS", b"1A")
        assert encode_data_set(dataset, EXPLICIT) == wanted

    def test_of_a_value_too_long_for_its_vr_is_un(self) -> None:
        text = b"1\\" * 40_000
        dataset = decode_data_set(element(0x30060050, text), IMPLICIT, LIMITS)
        assert encode_data_set(dataset, EXPLICIT) == explicit(0x30060050, b"UN", text)

    def test_of_private_and_unknown_elements(self) -> None:
        data = (
            element(0x00280001, b"??")
            + element(0x00710010, b"AGFA-AG_HPState ")
            + element(0x00711001, b"??")
            + element(0x00711018, b"")
        )
        dataset = decode_data_set(data, IMPLICIT, LIMITS)
        assert encode_data_set(dataset, EXPLICIT) == (
            explicit(0x00280001, b"UN", b"??")
            + explicit(0x00710010, b"LO", b"AGFA-AG_HPState ")
            + explicit(0x00711001, b"UN", b"??")
            + explicit(0x00711018, b"SQ", b"")
        )

    def test_without_groups_that_are_no_data(self) -> None:
        dataset = Dataset()
        dataset.add_new(0x00000002, "UI", "1.2.3")
        dataset.add_new(0x00020010, "UI", EXPLICIT)
        dataset.add_new(0x00080000, "UL", 8)
        dataset.add_new(0x00100020, "LO", "12")
        assert encode_data_set(dataset, EXPLICIT) == explicit(0x00100020, b"LO", b"12")
        assert len(dataset) == 4

    def test_of_text_follows_a_character_set_that_was_changed(self) -> None:
        item = element(0x00100010, b"\xc4rger ")
        data = (
            element(0x00080005, b"ISO_IR 100")
            + element(SEQUENCE, ITEM + struct.pack("<L", len(item)) + item)
            + element(0x00100010, b"\xc4rger ")
        )
        dataset = decode_data_set(data, IMPLICIT, LIMITS)
        dataset.SpecificCharacterSet = "ISO_IR 192"
        encoded = encode_data_set(dataset, IMPLICIT)
        assert encoded.count("Ärger".encode()) == 2
        assert b"\xc4" not in encoded

    def test_of_a_data_set_made_by_hand(self) -> None:
        dataset = Dataset()
        dataset.Rows, dataset.Columns, dataset.BitsAllocated = 1, 1, 16
        dataset.PixelRepresentation = 1
        dataset.SmallestImagePixelValue = -1
        dataset.PixelData = b"\1\2"
        dataset["PixelData"].VR = "OW"
        dataset.ReferencedImageSequence = [Dataset()]
        for syntax in UNCOMPRESSED:
            again = decode_data_set(encode_data_set(dataset, syntax), syntax, LIMITS)
            assert again.SmallestImagePixelValue == -1
            assert again.PixelData == (b"\2\1" if syntax == BIG_ENDIAN else b"\1\2")
            assert len(again.ReferencedImageSequence) == 1

    def test_of_bytes_that_were_looked_at(self) -> None:
        data = explicit(0x7FE00010, b"OB", b"\1\2", ">")
        dataset = decode_data_set(data, BIG_ENDIAN, LIMITS)
        assert dataset.PixelData == b"\1\2"
        assert encode_data_set(dataset, EXPLICIT) == explicit(0x7FE00010, b"OB", b"\1\2")

    def test_of_an_ambiguous_vr_does_not_matter_where_none_is_written(self) -> None:
        data = element(0x00283006, b"\1\2")
        assert encode_data_set(decode_data_set(data, IMPLICIT, LIMITS), IMPLICIT) == data
        dataset = Dataset()
        dataset.LUTData = b"\1\2"
        assert encode_data_set(dataset, IMPLICIT) == data
        with pytest.raises(DataSetError, match=r"AttributeError at \(0028,3006\)"):
            encode_data_set(dataset, EXPLICIT)

    def test_of_an_empty_value_of_unknown_vr(self) -> None:
        data = explicit(0x00080060, b"CS", b"CT") + explicit(0x00100010, b"ZZ", b"")
        dataset = decode_data_set(data, EXPLICIT, LIMITS)
        assert encode_data_set(dataset, EXPLICIT) == data

    def test_of_a_data_set_that_says_what_it_is(self) -> None:
        dataset = Dataset()
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = BIG_ENDIAN
        dataset.add_new(0x7FE00010, "OW", b"\1\2")
        assert encode_data_set(dataset, EXPLICIT) == explicit(0x7FE00010, b"OW", b"\2\1")

    def test_deflated_has_an_even_length(self) -> None:
        lengths = set()
        for n in range(1, 30):
            dataset = Dataset()
            dataset.add_new(0x00104000, "LT", "".join(chr(65 + i * i % 57) for i in range(n)))
            data = encode_data_set(dataset, DEFLATED)
            lengths.add(len(data) % 2)
            assert decode_data_set(data, DEFLATED, LIMITS).PatientComments
        assert lengths == {0}


class TestCompressedPixelData:
    def dataset(self, value: bytes, syntax: str | None = None) -> Dataset:
        dataset = Dataset()
        if syntax:
            dataset.file_meta = FileMetaDataset()
            dataset.file_meta.TransferSyntaxUID = syntax
        dataset.add_new(0x7FE00010, "OB", value)
        return dataset

    @pytest.mark.parametrize("syntax", [JPEG, None])
    def test_are_encoded_as_they_are(self, syntax: str | None) -> None:
        frames = encapsulate([b"\xff\xd8\xff\xd9"])
        data = encode_data_set(self.dataset(frames, syntax), JPEG)
        assert data.endswith(SEQUENCE_END)
        assert decode_data_set(data, JPEG, LIMITS).PixelData == frames

    def test_stay_as_they_are_if_their_length_is_undefined_already(self) -> None:
        dataset = self.dataset(encapsulate([b"\xff\xd8\xff\xd9"]), JPEG)
        dataset["PixelData"].is_undefined_length = True
        assert encode_data_set(dataset, JPEG).endswith(SEQUENCE_END)

    @pytest.mark.parametrize(
        ("source", "target"),
        [(JPEG, EXPLICIT), (JPEG, JPEG_2000), (EXPLICIT, JPEG), ("1.2.3.4", EXPLICIT)],
    )
    def test_are_not_recoded(self, source: str, target: str) -> None:
        with pytest.raises(DataSetError) as caught:
            encode_data_set(self.dataset(b"", source), target)
        assert caught.value.code is DicomErrorCode.TRANSFER_SYNTAX_NOT_SUPPORTED
        assert source in caught.value.message
        assert target in caught.value.message
        assert "presentation context" in caught.value.message

    def test_must_be_encapsulated(self) -> None:
        with pytest.raises(DataSetError, match="not encapsulated"):
            encode_data_set(self.dataset(b"\1\2\3\4"), JPEG)

    def test_do_not_go_into_an_uncompressed_transfer_syntax(self) -> None:
        dataset = self.dataset(encapsulate([b"\xff\xd8\xff\xd9"]))
        dataset["PixelData"].is_undefined_length = True
        with pytest.raises(DataSetError, match="pixel data are compressed"):
            encode_data_set(dataset, EXPLICIT)

    def test_in_a_private_transfer_syntax_are_nobody_s_business(self) -> None:
        assert encode_data_set(self.dataset(b"\1\2"), "1.2.3.4").endswith(b"\1\2")

    def test_that_are_empty_go_anywhere(self) -> None:
        assert encode_data_set(self.dataset(b""), JPEG) == explicit(0x7FE00010, b"OB", b"")


class TestWhatCannotBeEncoded:
    def test_is_told_without_its_value(self) -> None:
        dataset = Dataset()
        dataset.add(DataElement(0x00280010, "US", 1))
        dataset[0x00280010]._value = "Doe^Jane"
        with pytest.raises(DataSetError, match=r"pydicom raised \w+ at \(0028,0010\)") as caught:
            encode_data_set(dataset, EXPLICIT)
        assert "Doe" not in caught.value.message
        assert caught.value.__cause__ is None

    def test_sequences_that_hold_themselves(self) -> None:
        dataset = Dataset()
        dataset.ReferencedImageSequence = Sequence([Dataset()])
        dataset.ReferencedImageSequence[0].add_new(SEQUENCE, "SQ", Sequence())
        dataset.ReferencedImageSequence[0].ReferencedImageSequence._list.append(dataset)
        with pytest.raises(DataSetError, match="RecursionError"):
            encode_data_set(dataset, IMPLICIT)

    def test_an_ambiguous_vr(self) -> None:
        data = element(0x00283006, b"\1\2")
        with pytest.raises(DataSetError, match=r"at \(0028,3006\)"):
            encode_data_set(decode_data_set(data, IMPLICIT, LIMITS), EXPLICIT)


class TestGroupLengths:
    """Retired, and still wanted by peers that are older than that (PS3.5 section 7.2)."""

    @pytest.mark.parametrize("syntax", UNCOMPRESSED)
    def test_stand_before_every_group_of_standard_elements(self, syntax: str) -> None:
        dataset = Dataset()
        dataset.Modality, dataset.PatientID, dataset.PatientName = "CT", "4711", "Doe^Jane"
        dataset.add_new(0x00710010, "LO", "AGFA-AG_HPState")
        encoded = encode_data_set(dataset, syntax, group_lengths=True)
        again = decode_data_set(encoded, syntax, LIMITS)
        found = {each.tag: each.value for each in again if each.tag.element == 0}
        assert list(found) == [0x00080000, 0x00100000]
        for tag, length in found.items():
            del again[tag]
            plain = encode_data_set(dataset.group_dataset(tag.group), EXPLICIT)
            assert length == len(plain)  # as long in implicit VR: a VR, but a shorter length
        assert again == dataset

    @pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT])
    @pytest.mark.parametrize("character_set", ["ISO_IR 192", "GB18030", ["", "ISO 2022 IR 87"]])
    def test_leave_text_in_its_character_set(self, syntax: str, character_set: Any) -> None:
        """Every group is written by itself, and only one of them names the character set."""
        dataset = Dataset()
        dataset.SpecificCharacterSet = character_set
        dataset.PatientName = "Yamada^Tarou=山田^太郎"
        item = Dataset()
        item.CodeMeaning = "山田"
        dataset.RequestedProcedureCodeSequence = [item]
        with_lengths = encode_data_set(dataset, syntax, group_lengths=True)
        again = decode_data_set(with_lengths, syntax, LIMITS)
        assert again.PatientName == dataset.PatientName
        assert again.RequestedProcedureCodeSequence[0].CodeMeaning == "山田"

    def test_that_were_received_are_made_anew(self) -> None:
        data = element(0x00100000, struct.pack("<L", 99)) + PATIENT
        dataset = decode_data_set(data, IMPLICIT, LIMITS)
        length = struct.pack("<L", len(PATIENT))
        expected = element(0x00100000, length) + PATIENT
        assert encode_data_set(dataset, IMPLICIT, group_lengths=True) == expected

"""Bounded decoding, encoding between transfer syntaxes, and headers of files."""

from __future__ import annotations

import contextlib
import copy
import io
import logging
import struct
import tracemalloc
import warnings
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pydicom
import pydicom.data
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import PrivateTransferSyntaxes, register_transfer_syntax

import leaddicom.decoding as decoding_package
from leaddicom.decoding import (
    check_conversion,
    decode_data_set,
    encode_data_set,
    read_header,
    read_values,
    reading,
    uid_name,
    writing,
)
from leaddicom.decoding.charsets import mended
from leaddicom.errors import DataSetError, DicomErrorCode
from leaddicom.limits import Limits

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
JPEG = "1.2.840.10008.1.2.4.50"
JPEG_2000 = "1.2.840.10008.1.2.4.90"
UNCOMPRESSED = (IMPLICIT, EXPLICIT, BIG_ENDIAN, DEFLATED)

LIMITS = Limits()
FILES = Path(pydicom.data.__file__).parent / "test_files"

#: What pydicom itself does not read to the end, and where it is broken.
BROKEN = {
    "MR_truncated.dcm": r"\(7FE0,0010\) announces 8192 bytes, but 8130 are left \(byte 1154 of",
    "rtplan_truncated.dcm": r"\(300A,00B0\) announces 976 bytes, but 711 are left \(byte 1110 of",
    "no_meta.dcm": "neither has a DICOM header nor begins with a DICOM element",
}


def shipped() -> list[Path]:
    """Every DICOM file in pydicom's package."""
    folders = (FILES, FILES.parent / "charset_files", FILES / "dicomdirtests")
    return sorted(path for folder in folders for path in folder.rglob("*.dcm"))


WHOLE = [path for path in shipped() if path.name not in BROKEN]


def name(path: Path) -> str:
    return path.name


def data_of(path: Path) -> tuple[bytes, str]:
    """Encoded data set and transfer syntax of a file."""
    header = read_header(path)
    return path.read_bytes()[header.data_offset :], header.transfer_syntax_uid


def decoded(path: Path) -> Dataset:
    data, syntax = data_of(path)
    return decode_data_set(data, syntax, LIMITS)


def element(tag: int, value: bytes, length: int | None = None) -> bytes:
    """Encode in Implicit VR Little Endian."""
    size = len(value) if length is None else length
    return struct.pack("<HHL", tag >> 16, tag & 0xFFFF, size) + value


def explicit(tag: int, vr: bytes, value: bytes, order: str = "<") -> bytes:
    """Encode in explicit VR."""
    long = vr in (b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"SQ", b"UN", b"UT")
    layout = "HH2sHL" if long else "HH2sH"
    fields = (0, len(value)) if long else (len(value),)
    return struct.pack(order + layout, tag >> 16, tag & 0xFFFF, vr, *fields) + value


UNDEFINED = 0xFFFFFFFF
ITEM = b"\xfe\xff\x00\xe0"
ITEM_END = b"\xfe\xff\x0d\xe0\0\0\0\0"
SEQUENCE_END = b"\xfe\xff\xdd\xe0\0\0\0\0"
SEQUENCE = 0x00081140
PATIENT = element(0x00100010, b"Doe^Jane")


def nested(depth: int, defined: bool) -> bytes:
    """Encode sequences inside one another."""
    if not defined:
        begin = element(SEQUENCE, ITEM + b"\xff" * 4, UNDEFINED)
        return begin * depth + (ITEM_END + SEQUENCE_END) * depth
    sizes = range(16 * depth - 8, 0, -16)
    heads = (element(SEQUENCE, ITEM + struct.pack("<L", size - 8), size) for size in sizes)
    return b"".join(heads)


class TestRealFiles:
    @pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
    @pytest.mark.parametrize("path", WHOLE, ids=name)
    def test_are_decoded_as_pydicom_does(self, path: Path) -> None:
        header = read_header(path)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            from_file = decode_data_set(
                path, header.transfer_syntax_uid, LIMITS, offset=header.data_offset
            )
            from_memory = decoded(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = pydicom.dcmread(path, force=True)
            assert list(expected) == list(from_file)
            assert list(expected) == list(from_memory)

    @pytest.mark.parametrize(("file", "message"), BROKEN.items())
    def test_that_are_damaged_are_refused_with_the_place(self, file: str, message: str) -> None:
        with pytest.raises(DataSetError, match=message):
            decoded(FILES / file)

    @pytest.mark.parametrize("file", ["DICOMDIR", "DICOMDIR-bigEnd", "DICOMDIR-implicit"])
    def test_that_are_directories_are_decoded(self, file: str) -> None:
        dataset = decoded(FILES / "dicomdirtests" / file)
        assert len(dataset.DirectoryRecordSequence) == 52

    def test_in_memory_may_be_any_bytes_from_any_offset(self) -> None:
        data, syntax = data_of(FILES / "CT_small.dcm")
        whole = decode_data_set(data, syntax, LIMITS)
        for given_data in (bytearray(b"junk" + data), memoryview(b"junk" + data)):
            assert decode_data_set(given_data, syntax, LIMITS, offset=4) == whole

    def test_have_the_transfer_syntax_and_can_be_saved(self) -> None:
        dataset = decoded(FILES / "MR_small_bigendian.dcm")
        out = io.BytesIO()
        dataset.save_as(out, enforce_file_format=True)
        out.seek(0)
        again = pydicom.dcmread(out)
        assert again.file_meta.TransferSyntaxUID == BIG_ENDIAN
        assert list(again) == list(dataset)

    def test_announced_in_another_vr_are_read_in_the_one_they_have(self) -> None:
        # JPEG Baseline says explicit VR, but the data set is in implicit VR.
        assert decoded(FILES / "SC_rgb_jpeg.dcm").original_encoding == (True, True)


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

    @pytest.mark.timeout(10)
    def test_a_deflate_bomb(self) -> None:
        text = element(0x00204000, b" " * (4 << 20))
        deflater = zlib.compressobj(9, wbits=-15)
        bomb = deflater.compress(text * 8) + deflater.flush()
        assert len(bomb) * 900 < len(text) * 8
        limits = Limits(inflated_length=1 << 20)
        tracemalloc.start()
        with pytest.raises(DataSetError, match="more than 1048576 bytes"):
            decode_data_set(bomb, DEFLATED, limits)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 4 << 20

    @pytest.mark.parametrize("more", [0, 1])
    def test_inflated_to_the_limit_and_beyond(self, more: int) -> None:
        data = explicit(0x00104000, b"LT", b"x" * 500)
        deflater = zlib.compressobj(wbits=-15)
        deflated = deflater.compress(data) + deflater.flush()
        limits = Limits(inflated_length=len(data) - more)
        if not more:
            assert decode_data_set(deflated, DEFLATED, limits).PatientComments == "x" * 500
            return
        with pytest.raises(DataSetError, match="inflates to more"):
            decode_data_set(deflated, DEFLATED, limits)

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

    def test_the_error_says_nothing_of_the_patient(self) -> None:
        with pytest.raises(DataSetError) as caught:
            decode_data_set(PATIENT + b"Doe^", IMPLICIT, LIMITS)
        assert "Doe" not in str(caught.value)

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

    def test_nothing_at_all_is_an_empty_data_set(self) -> None:
        assert len(decode_data_set(b"", EXPLICIT, LIMITS)) == 0
        with pytest.raises(DataSetError, match="cut short"):
            decode_data_set(b"\x10\0", EXPLICIT, LIMITS)

    @pytest.mark.parametrize("syntax", ["", "1.2.", "1.02", "../x", "1" * 65, "JPEG\n"])
    def test_a_transfer_syntax_that_is_none(self, syntax: str) -> None:
        with pytest.raises(DataSetError, match="is no transfer syntax UID") as caught:
            decode_data_set(PATIENT, syntax, LIMITS)
        assert "\n" not in caught.value.message

    def test_a_transfer_syntax_that_nobody_knows_is_explicit_little_endian(self) -> None:
        data = explicit(0x00100010, b"PN", b"Doe^Jane")
        assert decode_data_set(data, "1.2.3.4", LIMITS).PatientName == "Doe^Jane"

    def test_a_private_transfer_syntax_is_as_pydicom_was_told(self) -> None:
        register_transfer_syntax("1.2.3.5", implicit_vr=False, little_endian=False)
        try:
            data = explicit(0x00280010, b"US", b"\x01\x00", ">")
            assert decode_data_set(data, "1.2.3.5", LIMITS).Rows == 256
        finally:
            del PrivateTransferSyntaxes[-1]

    def test_whatever_pydicom_raises_is_a_data_set_error(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object, **__: object) -> None:
            raise RecursionError("Doe^Jane")

        monkeypatch.setattr(reading, "read_dataset", fail)
        with pytest.raises(DataSetError, match=r"cannot read .*RecursionError") as caught:
            decode_data_set(PATIENT, IMPLICIT, LIMITS)
        assert caught.value.__cause__ is None
        assert "Doe" not in str(caught.value)


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


class TestCharacterSets:
    def decode(self, text: bytes, vr: bytes = b"CS") -> Dataset:
        data = explicit(0x00080005, vr, text) + explicit(0x00100010, b"PN", b"Doe^Jane")
        return decode_data_set(data, EXPLICIT, LIMITS)

    @pytest.mark.parametrize(
        ("found", "meant"),
        [
            (b"ISO_IR 100", b"ISO_IR 100"),
            (b"ISO-IR 100", b"ISO_IR 100"),
            (b"ISO 2022-IR 87", b"ISO 2022 IR 87"),
            (b"utf-8 ", b"utf-8 "),
            (b"KLINGON ", b"        "),
            (b"\\ISO 2022 IR 87 ", b"\\ISO 2022 IR 87 "),
            (b"ISO_IR 192\\ISO 2022 IR 87 ", b"ISO_IR 192                "),
            (b"ISO 2022 IR 6\\GB18030", b"ISO 2022 IR 6        "),
            (b"a\0b ", b"    "),
            (b"", b""),
        ],
    )
    def test_are_mended_in_place(self, found: bytes, meant: bytes) -> None:
        assert mended(found) == meant

    @pytest.mark.parametrize("text", [b"ISO-IR 100", b"KLINGON\n", b"ISO_IR 192\\GBK "])
    def test_that_are_odd_neither_warn_nor_log(
        self, text: bytes, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        dataset = self.decode(text)
        assert str(dataset.PatientName)
        assert not caplog.records

    def test_that_are_odd_are_mended_in_files_and_items_too(self, tmp_path: Path) -> None:
        item = element(0x00080005, b"ISO-IR 100") + element(0x00100010, b"\xc4rger ")
        data = element(SEQUENCE, ITEM + struct.pack("<L", len(item)) + item)
        path = tmp_path / "odd"
        path.write_bytes(b"head" + data)
        dataset = decode_data_set(path, IMPLICIT, LIMITS, offset=4)
        assert dataset.ReferencedImageSequence[0].PatientName == "Ärger"
        assert path.read_bytes() == b"head" + data

    def test_that_are_odd_are_mended_when_deflated(self) -> None:
        deflater = zlib.compressobj(wbits=-15)
        data = explicit(0x00080005, b"CS", b"ISO-IR 100")
        dataset = decode_data_set(deflater.compress(data) + deflater.flush(), DEFLATED, LIMITS)
        assert dataset.SpecificCharacterSet == "ISO_IR 100"

    @pytest.mark.parametrize("text", [b"punycode", b"idna", b"unicode_escape"])
    def test_that_are_codecs_for_something_else_are_refused(self, text: bytes) -> None:
        with pytest.raises(DataSetError, match="names something that is none"):
            self.decode(text)

    @pytest.mark.parametrize("vr", [b"SQ", b"US", b"ZZ"])
    def test_of_another_vr_are_refused(self, vr: bytes) -> None:
        with pytest.raises(DataSetError, match="has another VR than CS"):
            self.decode(b"", vr)

    def test_that_are_too_long_are_refused(self) -> None:
        assert self.decode(b"\\" * 1_024).PatientName
        with pytest.raises(DataSetError, match="Specific Character Set is 1026 bytes long"):
            self.decode(b"\\" * 1_026)


class TestDeflated:
    def deflated(self) -> bytes:
        return data_of(FILES / "image_dfl.dcm")[0]

    @pytest.mark.parametrize("kept", [0, 1, 100, 4_000])
    def test_cut_short(self, kept: int) -> None:
        with pytest.raises(DataSetError, match="not one whole deflate stream"):
            decode_data_set(self.deflated()[:kept], DEFLATED, LIMITS)

    def test_not_deflated_at_all(self) -> None:
        with pytest.raises(DataSetError, match="not one whole deflate stream"):
            decode_data_set(PATIENT, DEFLATED, LIMITS)

    def test_much_behind_the_end(self) -> None:
        with pytest.raises(DataSetError, match="not one whole deflate stream"):
            decode_data_set(self.deflated() + bytes(2), DEFLATED, LIMITS)

    def test_cut_short_inside(self) -> None:
        deflater = zlib.compressobj(wbits=-15)
        data = deflater.compress(explicit(0x00100010, b"PN", b"Doe^Jane")[:-1])
        with pytest.raises(DataSetError, match="announces 8 bytes, but 7 are left"):
            decode_data_set(data + deflater.flush(), DEFLATED, LIMITS)

    def test_output_that_is_due_after_the_last_input_is_not_lost(self) -> None:
        # A run of one byte inflates by far more than one piece from its last bytes.
        data = explicit(0x7FE00010, b"OB", bytes(1_000_000))
        deflater = zlib.compressobj(9, wbits=-15)
        deflated = deflater.compress(data) + deflater.flush()
        assert len(decode_data_set(deflated, DEFLATED, LIMITS).PixelData) == 1_000_000


class TestFilesInPlace:
    """Large values stay in the file until they are asked for."""

    LIMITS = Limits(spool_threshold=1_000)

    @pytest.fixture(params=["MR_small.dcm", "JPEG-lossy.dcm"])
    def path(self, request: pytest.FixtureRequest, tmp_path: Path) -> Path:
        path = tmp_path / "copy.dcm"
        path.write_bytes((FILES / str(request.param)).read_bytes())
        return path

    @pytest.fixture
    def dataset(self, path: Path) -> Dataset:
        header = read_header(path)
        syntax = header.transfer_syntax_uid
        return decode_data_set(path, syntax, self.LIMITS, offset=header.data_offset)

    def test_even_when_the_file_is_renamed_or_removed(self, path: Path, dataset: Dataset) -> None:
        assert dataset.get_item(0x7FE00010, keep_deferred=True).value is None
        expected = pydicom.dcmread(path).PixelData
        path.unlink()
        assert dataset.PixelData == expected

    def test_also_in_a_deep_copy(self, path: Path, dataset: Dataset) -> None:
        assert copy.deepcopy(dataset).PixelData == pydicom.dcmread(path).PixelData

    def test_and_are_encoded(self, path: Path, dataset: Dataset) -> None:
        data, syntax = data_of(path)
        assert encode_data_set(dataset, syntax) == data

    def test_pixel_data_are_not_loaded(self, tmp_path: Path) -> None:
        path = tmp_path / "large"
        size = 32 << 20
        with path.open("wb") as file:
            file.write(PATIENT + element(0x7FE00010, b"", size))
            file.truncate(len(PATIENT) + 8 + size)
        tracemalloc.start()
        dataset = decode_data_set(path, IMPLICIT, LIMITS)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert dataset.PatientName == "Doe^Jane"
        assert peak < 1 << 20
        assert len(dataset.PixelData) == size

    def test_that_are_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(DataSetError, match="nothing' cannot be read: No such file"):
            decode_data_set(tmp_path / "nothing", IMPLICIT, LIMITS)

    def test_that_end_before_the_data_set(self, path: Path) -> None:
        with pytest.raises(DataSetError, match="ends before its data set begins"):
            decode_data_set(str(path), IMPLICIT, LIMITS, offset=1_000_000)

    def test_that_shrink_while_they_are_read(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        header = read_header(path)
        path.write_bytes(path.read_bytes()[: header.data_offset + 4])
        size = reading.os.stat_result((0,) * 6 + (header.data_offset + header.size,) + (0,) * 3)
        monkeypatch.setattr(reading.os, "fstat", lambda _: size)
        with pytest.raises(DataSetError, match="cut short"):
            decode_data_set(path, EXPLICIT, LIMITS, offset=header.data_offset)


class TestValuesWithoutDecoding:
    UIDS = frozenset((0x00080016, 0x00080018, 0x0020000D, 0x0020000E))

    @pytest.mark.parametrize("path", [p for p in WHOLE if "dfl" in p.name] + WHOLE[::7], ids=name)
    def test_are_those_of_the_data_set(self, path: Path) -> None:
        data, syntax = data_of(path)
        found = read_values(data, syntax, LIMITS, self.UIDS)
        expected = decode_data_set(data, syntax, LIMITS)
        assert {tag: value.rstrip(b"\0").decode() for tag, value in found.items()} == {
            tag: expected[tag].value for tag in self.UIDS if tag in expected
        }

    def test_stop_behind_the_last(self) -> None:
        data = element(0x0020000E, b"1.2.") + PATIENT[:-1]
        with pytest.raises(DataSetError):
            read_values(PATIENT[:-1], IMPLICIT, LIMITS, self.UIDS)
        data = element(0x0020000E, b"1.2.") + element(0x00280010, b"", 999)
        assert read_values(data, IMPLICIT, LIMITS, self.UIDS) == {0x0020000E: b"1.2."}

    def test_are_only_those_of_the_top_level(self) -> None:
        inner = element(0x0020000D, b"1.2.")
        items = ITEM + struct.pack("<L", len(inner)) + inner
        for data in (
            element(SEQUENCE, items),
            element(SEQUENCE, items + SEQUENCE_END, UNDEFINED),
        ):
            assert read_values(data, IMPLICIT, LIMITS, self.UIDS) == {}

    def test_that_occur_twice_are_refused(self) -> None:
        data = element(0x00080018, b"1.2.") + element(0x00080018, b"1.3.")
        with pytest.raises(DataSetError, match=r"\(0008,0018\) occurs twice"):
            read_values(data, IMPLICIT, LIMITS, self.UIDS)

    @pytest.mark.parametrize("length", [256, 257])
    def test_that_are_long_are_refused(self, length: int) -> None:
        data = element(0x00080018, b"1" * length)
        if length == 256:
            assert len(read_values(data, IMPLICIT, LIMITS, self.UIDS)[0x00080018]) == 256
            return
        with pytest.raises(DataSetError, match=r"\(0008,0018\) is 257 bytes long"):
            read_values(data, IMPLICIT, LIMITS, self.UIDS)

    def deflate(self, data: bytes) -> bytes:
        deflater = zlib.compressobj(wbits=-15)
        return deflater.compress(data) + deflater.flush()

    def test_are_read_without_inflating_everything(self) -> None:
        data = explicit(0x00080018, b"UI", b"1.2.") + explicit(0x7FE00010, b"OB", bytes(9 << 20))
        deflated = self.deflate(data)
        tracemalloc.start()
        found = read_values(deflated, DEFLATED, LIMITS, self.UIDS)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        # The first MiB is inflated, and it ends within the pixel data.
        assert found == {0x00080018: b"1.2."}
        assert peak < 4 << 20

    def test_far_inside_a_deflated_data_set(self) -> None:
        padding = explicit(0x00091001, b"UN", bytes(2 << 20))
        data = explicit(0x00080018, b"UI", b"1.2.") + padding + explicit(0x0020000D, b"UI", b"1.")
        found = read_values(self.deflate(data), DEFLATED, LIMITS, self.UIDS)
        assert found == {0x00080018: b"1.2.", 0x0020000D: b"1."}
        with pytest.raises(DataSetError, match="inflates to more"):
            read_values(self.deflate(data), DEFLATED, Limits(inflated_length=2 << 20), self.UIDS)

    def test_of_a_damaged_deflated_data_set(self) -> None:
        with pytest.raises(DataSetError, match="announces"):
            read_values(self.deflate(PATIENT[:-1]), DEFLATED, LIMITS, self.UIDS)


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

    def test_name_of_the_transfer_syntax(self) -> None:
        with pytest.raises(DataSetError, match=r"JPEG Baseline.*into Explicit VR Little Endian"):
            check_conversion(JPEG, EXPLICIT)
        assert uid_name("1\n2") == "1\\n2"


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


class TestHeaders:
    PREFIX = bytes(128) + b"DICM"

    def write(self, tmp_path: Path, *parts: bytes) -> Path:
        path = tmp_path / "file.dcm"
        path.write_bytes(b"".join(parts))
        return path

    @pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
    @pytest.mark.parametrize("path", WHOLE, ids=name)
    def test_of_real_files(self, path: Path) -> None:
        header = read_header(path)
        expected = pydicom.dcmread(path, force=True, specific_tags=[0x00080016])
        meta = expected.file_meta
        assert header.sop_class_uid == meta.get("MediaStorageSOPClassUID", "")
        assert header.sop_instance_uid == meta.get("MediaStorageSOPInstanceUID", "")
        guess = {(True, True): IMPLICIT, (False, True): EXPLICIT, (False, False): BIG_ENDIAN}
        assert header.transfer_syntax_uid == (
            meta.get("TransferSyntaxUID") or guess[expected.original_encoding]
        )
        assert header.data_offset + header.size == path.stat().st_size

    def test_in_implicit_vr(self, tmp_path: Path) -> None:
        path = self.write(tmp_path, self.PREFIX, element(0x00020010, EXPLICIT.encode()), PATIENT)
        header = read_header(path)
        assert header.transfer_syntax_uid == EXPLICIT
        assert header.size == len(PATIENT)

    def test_without_preamble(self, tmp_path: Path) -> None:
        meta = explicit(0x00020001, b"OB", b"\0\1")
        path = self.write(tmp_path, meta, explicit(0x00020010, b"UI", EXPLICIT.encode()))
        assert read_header(path).data_offset == path.stat().st_size

    @pytest.mark.parametrize("uid", [b"1" * 64, b"1" * 64 + b"\0", b"1" * 66, b"1\xff", b"1\n2"])
    def test_with_a_uid_that_is_none(self, tmp_path: Path, uid: bytes) -> None:
        path = self.write(tmp_path, self.PREFIX, explicit(0x00020002, b"UI", uid), PATIENT)
        if uid.startswith(b"1" * 64) and len(uid) < 66:
            assert read_header(path).sop_class_uid == "1" * 64
            return
        with pytest.raises(DataSetError, match=r"\(0002,0002\) holds no UID"):
            read_header(path)

    @pytest.mark.parametrize("vr", [b"UI", b"OB", b"\0\0"])
    def test_that_announces_too_much(self, tmp_path: Path, vr: bytes) -> None:
        head = struct.pack("<HH2sHL", 2, 0x10, vr, 0xFFFF, 0xFFFFFFF0)
        with pytest.raises(DataSetError, match=r"\(0002,0010\) announces \d+ bytes, but the file"):
            read_header(self.write(tmp_path, self.PREFIX, head))

    @pytest.mark.parametrize("count", [255, 256])
    def test_with_elements_without_end(self, tmp_path: Path, count: int) -> None:
        path = self.write(tmp_path, self.PREFIX, explicit(0x00020016, b"AE", b"") * count)
        if count == 255:
            assert read_header(path).size == 0
            return
        with pytest.raises(DataSetError, match="more than 256 elements"):
            read_header(path)

    @pytest.mark.parametrize("data", [b"", b"\x08\0", b"GIF89a; no DICOM at all", b"\0" * 7])
    def test_of_something_else(self, tmp_path: Path, data: bytes) -> None:
        with pytest.raises(DataSetError, match="is no DICOM file"):
            read_header(self.write(tmp_path, data))

    def test_of_nothing(self, tmp_path: Path) -> None:
        with pytest.raises(DataSetError, match="cannot be read: Is a directory") as caught:
            read_header(tmp_path)
        assert caught.value.code is DicomErrorCode.OPEN


SEEDS = [data_of(path) for path in WHOLE if path.stat().st_size < 3_000]
INSERTS = st.sampled_from(
    [b"SQ", b"UN", b"OB", b"\xff\xff\xff\xff", bytes(4), ITEM, ITEM_END, SEQUENCE_END, b"\x01\0"]
)


@st.composite
def mutations(draw: st.DrawFn) -> tuple[bytes, str]:
    """Draw a small real data set with a few changes."""
    data, syntax = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(1, 4))):
        position = draw(st.integers(0, len(data)))
        change = draw(st.one_of(INSERTS, st.binary(min_size=1, max_size=4)))
        tail = draw(st.sampled_from([0, len(change), len(data)]))
        data = data[:position] + change + data[position + tail :]
    return data, syntax


@settings(max_examples=1_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(mutations())
def test_whatever_comes_only_data_set_errors_escape(mutation: tuple[bytes, str]) -> None:
    data, syntax = mutation
    for attempt in attempts(data, syntax):
        with contextlib.suppress(DataSetError):
            attempt()


def attempts(data: bytes, syntax: str) -> Iterator[Callable[[], object]]:
    yield lambda: decode_data_set(data, syntax, LIMITS)
    yield lambda: read_values(data, syntax, LIMITS, TestValuesWithoutDecoding.UIDS)
    yield lambda: encode_data_set(decode_data_set(data, syntax, LIMITS), IMPLICIT)
    yield lambda: encode_data_set(decode_data_set(data, syntax, LIMITS), BIG_ENDIAN)


def test_the_package_offers_what_it_says() -> None:
    assert all(hasattr(decoding_package, item) for item in decoding_package.__all__)
    assert writing.encode_data_set is encode_data_set


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

    def test_that_were_received_are_made_anew(self) -> None:
        data = element(0x00100000, struct.pack("<L", 99)) + PATIENT
        dataset = decode_data_set(data, IMPLICIT, LIMITS)
        length = struct.pack("<L", len(PATIENT))
        expected = element(0x00100000, length) + PATIENT
        assert encode_data_set(dataset, IMPLICIT, group_lengths=True) == expected

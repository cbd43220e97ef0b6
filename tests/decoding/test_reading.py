"""Decoding, whole and in part: real files, deflated ones, and files that are read in place."""

from __future__ import annotations

import copy
import io
import struct
import tracemalloc
import warnings
from pathlib import Path

import pydicom
import pydicom.data
import pytest
from pydicom.dataset import Dataset

from leaddicom.decoding import decode_data_set, encode_data_set, read_header, read_values, reading
from leaddicom.errors import DataSetError
from leaddicom.limits import Limits

from .elements import (
    BIG_ENDIAN,
    BROKEN,
    DEFLATED,
    EXPLICIT,
    FILES,
    IMPLICIT,
    ITEM,
    LIMITS,
    PATIENT,
    SEQUENCE,
    SEQUENCE_END,
    UIDS,
    UNDEFINED,
    WHOLE,
    data_of,
    decoded,
    deflate,
    element,
    explicit,
    name,
)


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


class TestErrors:
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

    def test_the_error_says_nothing_of_the_patient(self) -> None:
        with pytest.raises(DataSetError) as caught:
            decode_data_set(PATIENT + b"Doe^", IMPLICIT, LIMITS)
        assert "Doe" not in str(caught.value)

    def test_nothing_at_all_is_an_empty_data_set(self) -> None:
        assert len(decode_data_set(b"", EXPLICIT, LIMITS)) == 0
        with pytest.raises(DataSetError, match="cut short"):
            decode_data_set(b"\x10\0", EXPLICIT, LIMITS)


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
        data = deflate(explicit(0x00100010, b"PN", b"Doe^Jane")[:-1])
        with pytest.raises(DataSetError, match="announces 8 bytes, but 7 are left"):
            decode_data_set(data, DEFLATED, LIMITS)

    def test_output_that_is_due_after_the_last_input_is_not_lost(self) -> None:
        # A run of one byte inflates by far more than one piece from its last bytes.
        data = explicit(0x7FE00010, b"OB", bytes(1_000_000))
        deflated = deflate(data, 9)
        assert len(decode_data_set(deflated, DEFLATED, LIMITS).PixelData) == 1_000_000

    @pytest.mark.timeout(10)
    def test_a_deflate_bomb(self) -> None:
        text = element(0x00204000, b" " * (4 << 20))
        bomb = deflate(text * 8, 9)
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
        deflated = deflate(data)
        limits = Limits(inflated_length=len(data) - more)
        if not more:
            assert decode_data_set(deflated, DEFLATED, limits).PatientComments == "x" * 500
            return
        with pytest.raises(DataSetError, match="inflates to more"):
            decode_data_set(deflated, DEFLATED, limits)


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
    @pytest.mark.parametrize("path", [p for p in WHOLE if "dfl" in p.name] + WHOLE[::7], ids=name)
    def test_are_those_of_the_data_set(self, path: Path) -> None:
        data, syntax = data_of(path)
        found = read_values(data, syntax, LIMITS, UIDS)
        expected = decode_data_set(data, syntax, LIMITS)
        assert {tag: value.rstrip(b"\0").decode() for tag, value in found.items()} == {
            tag: expected[tag].value for tag in UIDS if tag in expected
        }

    def test_stop_behind_the_last(self) -> None:
        data = element(0x0020000E, b"1.2.") + PATIENT[:-1]
        with pytest.raises(DataSetError):
            read_values(PATIENT[:-1], IMPLICIT, LIMITS, UIDS)
        data = element(0x0020000E, b"1.2.") + element(0x00280010, b"", 999)
        assert read_values(data, IMPLICIT, LIMITS, UIDS) == {0x0020000E: b"1.2."}

    def test_are_only_those_of_the_top_level(self) -> None:
        inner = element(0x0020000D, b"1.2.")
        items = ITEM + struct.pack("<L", len(inner)) + inner
        for data in (element(SEQUENCE, items), element(SEQUENCE, items + SEQUENCE_END, UNDEFINED)):
            assert read_values(data, IMPLICIT, LIMITS, UIDS) == {}

    def test_that_occur_twice_are_refused(self) -> None:
        data = element(0x00080018, b"1.2.") + element(0x00080018, b"1.3.")
        with pytest.raises(DataSetError, match=r"\(0008,0018\) occurs twice"):
            read_values(data, IMPLICIT, LIMITS, UIDS)

    @pytest.mark.parametrize("length", [256, 257])
    def test_that_are_long_are_refused(self, length: int) -> None:
        data = element(0x00080018, b"1" * length)
        if length == 256:
            assert len(read_values(data, IMPLICIT, LIMITS, UIDS)[0x00080018]) == 256
            return
        with pytest.raises(DataSetError, match=r"\(0008,0018\) is 257 bytes long"):
            read_values(data, IMPLICIT, LIMITS, UIDS)

    def test_are_read_without_inflating_everything(self) -> None:
        data = explicit(0x00080018, b"UI", b"1.2.") + explicit(0x7FE00010, b"OB", bytes(9 << 20))
        deflated = deflate(data)
        tracemalloc.start()
        found = read_values(deflated, DEFLATED, LIMITS, UIDS)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        # The first MiB is inflated, and it ends within the pixel data.
        assert found == {0x00080018: b"1.2."}
        assert peak < 4 << 20

    def test_far_inside_a_deflated_data_set(self) -> None:
        padding = explicit(0x00091001, b"UN", bytes(2 << 20))
        data = explicit(0x00080018, b"UI", b"1.2.") + padding + explicit(0x0020000D, b"UI", b"1.")
        found = read_values(deflate(data), DEFLATED, LIMITS, UIDS)
        assert found == {0x00080018: b"1.2.", 0x0020000D: b"1."}
        with pytest.raises(DataSetError, match="inflates to more"):
            read_values(deflate(data), DEFLATED, Limits(inflated_length=2 << 20), UIDS)

    def test_of_a_damaged_deflated_data_set(self) -> None:
        with pytest.raises(DataSetError, match="announces"):
            read_values(deflate(PATIENT[:-1]), DEFLATED, LIMITS, UIDS)

"""Headers of files."""

from __future__ import annotations

import struct
from pathlib import Path

import pydicom
import pydicom.data
import pytest

from leaddicom.decoding import read_header
from leaddicom.errors import DataSetError, DicomErrorCode

from .elements import BIG_ENDIAN, EXPLICIT, IMPLICIT, PATIENT, WHOLE, element, explicit, name


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

"""LDicomDS: received, from a file, and pydicom's."""

from __future__ import annotations

import gc
import os
import struct
import warnings
from pathlib import Path

import pydicom
import pydicom.data
import pytest
from pydicom.dataset import Dataset, FileMetaDataset

from leaddicom.dataset import LDicomDS
from leaddicom.decoding import read_header
from leaddicom.dimse.fragmentation import DataSetSource
from leaddicom.dimse.sink import DataSetSink, ReceivedDataSet
from leaddicom.errors import DataSetError, DicomErrorCode
from leaddicom.limits import Limits

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
JPEG = "1.2.840.10008.1.2.4.50"
UNCOMPRESSED = (IMPLICIT, EXPLICIT, BIG_ENDIAN, DEFLATED)
CT = "1.2.840.10008.5.1.4.1.1.2"

FILES = Path(pydicom.data.__file__).parent / "test_files"
CT_SMALL = FILES / "CT_small.dcm"
WHOLE = sorted(path for path in FILES.glob("*.dcm") if path.name != "no_meta.dcm")
COMPRESSED = [path for path in WHOLE if read_header(path).transfer_syntax_uid not in UNCOMPRESSED]


def name(path: Path) -> str:
    return path.name


def content(source: DataSetSource) -> bytes:
    """Read a source to its end, in pieces."""
    data = bytearray(source.size)
    view = memoryview(data)
    for start in range(0, len(data), 1_000):
        source.readinto(view[start : start + 1_000])
    source.close()
    return bytes(data)


def after_the_header(path: Path) -> bytes:
    return path.read_bytes()[read_header(path).data_offset :]


def odd(data: bytes) -> bytes:
    """What makes the length of `data` even."""
    return bytes(len(data) % 2)


def element(tag: int, value: bytes) -> bytes:
    return struct.pack("<HHL", tag >> 16, tag & 0xFFFF, len(value)) + value


DATA = element(0x00080016, CT.encode() + b"\0") + element(0x00080018, b"1.2.3.4\0")
DATA += element(0x00100010, b"Doe^Jane")


def received(
    data: bytes = DATA, syntax: str = IMPLICIT, threshold: int = 1 << 20, folder: Path | None = None
) -> ReceivedDataSet:
    sink = DataSetSink(syntax, CT, "1.2.3.4", threshold, str(folder) if folder else None)
    sink.write(memoryview(data))
    return sink.finish()


@pytest.fixture
def spooled(tmp_path: Path) -> ReceivedDataSet:
    """Received into a temporary file."""
    return received(threshold=0, folder=tmp_path)


class TestFromFile:
    @pytest.mark.parametrize("path", WHOLE, ids=name)
    def test_sends_exactly_what_is_in_the_file(self, path: Path) -> None:
        dataset = LDicomDS.from_file(path)
        data = after_the_header(path)
        assert dataset.size == len(data)
        if len(data) % 2 and dataset.transfer_syntax_uid != DEFLATED:
            with pytest.raises(DataSetError, match=f"odd number of bytes, {len(data)}"):
                dataset.source(dataset.transfer_syntax_uid)
        else:
            assert content(dataset.source(dataset.transfer_syntax_uid)) == data + odd(data)

    def test_there_are_files_of_both_kinds_of_odd_length(self) -> None:
        # PS3.5 section A.5 has writers pad what they have deflated; nothing else may be odd.
        odd_ones = [path for path in WHOLE if odd(after_the_header(path))]
        assert {path.name for path in odd_ones} > {"image_dfl.dcm", "rtplan_truncated.dcm"}

    @pytest.mark.parametrize("target", UNCOMPRESSED)
    def test_is_encoded_anew_for_another_transfer_syntax(self, target: str) -> None:
        dataset = LDicomDS.from_file(FILES / "MR_small.dcm")
        data = content(dataset.source(target))
        again = LDicomDS.from_received(received(data, target)).to_pydicom()
        assert again.PatientName == dataset.to_pydicom().PatientName
        assert (again.PixelData == dataset.to_pydicom().PixelData) == (target != BIG_ENDIAN)

    @pytest.mark.parametrize("target", [*UNCOMPRESSED, "1.2.840.10008.1.2.4.203"])
    @pytest.mark.parametrize("path", COMPRESSED, ids=name)
    def test_is_not_decompressed_or_recompressed(self, path: Path, target: str) -> None:
        dataset = LDicomDS.from_file(path)
        with pytest.raises(DataSetError, match="decompress the data set") as caught:
            dataset.source(target)
        assert caught.value.code is DicomErrorCode.TRANSFER_SYNTAX_NOT_SUPPORTED
        assert dataset.transfer_syntax_uid in caught.value.message
        assert target in caught.value.message

    def test_has_the_uids_of_the_header(self) -> None:
        dataset = LDicomDS.from_file(CT_SMALL)
        assert dataset.sop_class_uid == CT
        assert dataset.sop_instance_uid == "1.3.6.1.4.1.5962.1.1.1.1.1.20040119072730.12322"
        assert dataset.path == str(CT_SMALL)

    def test_has_the_uids_of_the_data_set_if_there_is_no_header(self, tmp_path: Path) -> None:
        path = tmp_path / "bare"
        path.write_bytes(DATA)
        dataset = LDicomDS.from_file(path)
        assert (dataset.sop_class_uid, dataset.sop_instance_uid) == (CT, "1.2.3.4")
        assert dataset.transfer_syntax_uid == IMPLICIT

    def test_may_have_no_uids_at_all(self, tmp_path: Path) -> None:
        path = tmp_path / "bare"
        path.write_bytes(element(0x00100010, b"Doe^Jane"))
        dataset = LDicomDS.from_file(path)
        assert (dataset.sop_class_uid, dataset.sop_instance_uid) == ("", "")

    def test_is_opened_only_when_it_is_sent(self, tmp_path: Path) -> None:
        path = tmp_path / "file.dcm"
        path.write_bytes(CT_SMALL.read_bytes())
        source = LDicomDS.from_file(path).source(EXPLICIT)
        path.unlink()
        with pytest.raises(DataSetError, match="No such file"):
            source.readinto(memoryview(bytearray(1)))

    def test_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(DataSetError, match="cannot be read"):
            LDicomDS.from_file(tmp_path / "nothing")

    def test_stays_when_the_object_is_closed(self, tmp_path: Path) -> None:
        path = tmp_path / "file.dcm"
        path.write_bytes(CT_SMALL.read_bytes())
        with LDicomDS.from_file(path) as dataset:
            assert dataset.to_pydicom() is dataset.to_pydicom()
        assert path.exists()

    def test_that_is_cut_short_is_not_decoded(self) -> None:
        dataset = LDicomDS.from_file(FILES / "rtplan_truncated.dcm")
        with pytest.raises(DataSetError, match="cut short"):
            dataset.to_pydicom()


class TestFromReceived:
    def test_in_memory(self) -> None:
        dataset = LDicomDS.from_received(received())
        assert dataset.path is None
        assert dataset.size == len(DATA)
        assert dataset.to_pydicom().PatientName == "Doe^Jane"
        assert content(dataset.source(IMPLICIT)) == DATA

    def test_in_a_file(self, spooled: ReceivedDataSet) -> None:
        dataset = LDicomDS.from_received(spooled)
        assert dataset.path is not None
        assert dataset.to_pydicom().PatientName == "Doe^Jane"
        assert content(dataset.source(IMPLICIT)) == DATA

    def test_in_a_file_lives_as_long_as_a_source(self, tmp_path: Path) -> None:
        source = LDicomDS.from_received(received(threshold=0, folder=tmp_path)).source(IMPLICIT)
        gc.collect()
        assert content(source) == DATA
        del source
        gc.collect()
        assert not list(tmp_path.iterdir())

    def test_has_the_uids_of_the_request(self) -> None:
        dataset = LDicomDS.from_received(received(b""))
        assert (dataset.sop_class_uid, dataset.sop_instance_uid) == (CT, "1.2.3.4")
        assert dataset.read_uids(0x00080016) == {0x00080016: ""}

    def test_is_decoded_within_the_limits(self) -> None:
        dataset = LDicomDS.from_received(received(), limits=Limits(data_set_elements=2))
        with pytest.raises(DataSetError, match="more than 2 elements"):
            dataset.to_pydicom()

    def test_is_gone_when_closed(self, spooled: ReceivedDataSet, tmp_path: Path) -> None:
        with LDicomDS.from_received(spooled) as dataset:
            pass
        assert not list(tmp_path.iterdir())
        for attempt in (dataset.to_pydicom, lambda: dataset.source(IMPLICIT), dataset.read_uids):
            with pytest.raises(DataSetError, match="is not there: it was closed"):
                attempt()

    def test_that_could_not_be_kept_says_why(self, tmp_path: Path) -> None:
        lost = received(threshold=0, folder=tmp_path / "nothing")
        assert lost.error is not None
        with pytest.raises(DataSetError, match=r"could not be kept .*No such file"):
            LDicomDS.from_received(lost).to_pydicom()

    def test_can_be_encoded_anew(self, spooled: ReceivedDataSet) -> None:
        data = content(LDicomDS.from_received(spooled).source(EXPLICIT))
        dataset = LDicomDS.from_received(received(data, EXPLICIT)).to_pydicom()
        assert dataset.PatientName == "Doe^Jane"

    def test_is_sent_as_it_came_whatever_was_changed(self) -> None:
        dataset = LDicomDS.from_received(received())
        dataset.to_pydicom().PatientName = "Roe^Jane"
        assert content(dataset.source(IMPLICIT)) == DATA
        assert b"Doe" in content(dataset.source(EXPLICIT))
        assert b"Roe" in content(LDicomDS(dataset.to_pydicom()).source(IMPLICIT))


class TestFromPydicom:
    def dataset(self) -> Dataset:
        dataset = Dataset()
        dataset.SOPClassUID = CT
        dataset.SOPInstanceUID = "1.2.3.4"
        dataset.PatientName = "Doe^Jane"
        return dataset

    def test_is_encoded_for_what_was_negotiated(self) -> None:
        dataset = LDicomDS(self.dataset())
        assert content(dataset.source(IMPLICIT)) == DATA
        assert b"PN\x08\0Doe^Jane" in content(dataset.source(EXPLICIT))
        assert (dataset.size, dataset.path) == (None, None)

    def test_has_its_own_uids(self) -> None:
        dataset = LDicomDS(self.dataset())
        assert (dataset.sop_class_uid, dataset.sop_instance_uid) == (CT, "1.2.3.4")
        assert dataset.read_uids(0x0020000D, 0x00080018) == {0x0020000D: "", 0x00080018: "1.2.3.4"}

    def test_does_not_warn_of_a_uid_that_is_none(self) -> None:
        data = element(0x00080018, b"1.02")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            dataset = LDicomDS(LDicomDS.from_received(received(data)).to_pydicom())
            assert dataset.sop_instance_uid == "1.02"

    def test_is_empty_without_any(self) -> None:
        dataset = LDicomDS()
        assert len(dataset.to_pydicom()) == 0
        assert content(dataset.source(EXPLICIT)) == b""

    @pytest.mark.parametrize(
        ("encoding", "syntax"),
        [
            ((None, None), IMPLICIT),
            ((True, True), IMPLICIT),
            ((False, True), EXPLICIT),
            ((False, False), BIG_ENDIAN),
        ],
    )
    def test_has_the_transfer_syntax_in_which_it_was_read(
        self, encoding: tuple[bool | None, bool | None], syntax: str
    ) -> None:
        dataset = self.dataset()
        dataset.set_original_encoding(*encoding, "iso8859")
        assert LDicomDS(dataset).transfer_syntax_uid == syntax
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = DEFLATED
        assert LDicomDS(dataset).transfer_syntax_uid == DEFLATED

    def test_is_nothing_to_close(self) -> None:
        with LDicomDS(self.dataset()) as dataset:
            pass
        assert dataset.to_pydicom().PatientName == "Doe^Jane"


class TestSaving:
    def test_what_was_received_renames_the_file(
        self, spooled: ReceivedDataSet, tmp_path: Path
    ) -> None:
        dataset = LDicomDS.from_received(spooled)
        assert dataset.path is not None
        inode = os.stat(dataset.path).st_ino
        target = tmp_path / "saved.dcm"
        dataset.save(target)
        assert target.stat().st_ino == inode
        assert dataset.path == str(target)
        assert list(tmp_path.iterdir()) == [target]
        assert after_the_header(target) == DATA
        assert dataset.to_pydicom().PatientName == "Doe^Jane"

    @pytest.mark.parametrize("path", WHOLE, ids=name)
    def test_a_file_keeps_its_data_set_byte_for_byte(self, path: Path, tmp_path: Path) -> None:
        dataset = LDicomDS.from_file(path)
        target = tmp_path / "saved.dcm"
        dataset.save(target)
        assert after_the_header(target) == after_the_header(path)
        saved = read_header(target)
        assert saved.transfer_syntax_uid == dataset.transfer_syntax_uid
        assert saved.sop_instance_uid == dataset.sop_instance_uid
        assert list(tmp_path.iterdir()) == [target]

    def test_a_file_onto_itself_gives_it_a_header(self, tmp_path: Path) -> None:
        path = tmp_path / "bare"
        path.write_bytes(DATA)
        dataset = LDicomDS.from_file(path)
        dataset.save(path)
        assert path.read_bytes()[128:132] == b"DICM"
        assert content(dataset.source(IMPLICIT)) == DATA

    @pytest.mark.parametrize("syntax", UNCOMPRESSED)
    def test_pydicom_s(self, syntax: str, tmp_path: Path) -> None:
        dataset = Dataset()
        dataset.SOPClassUID, dataset.SOPInstanceUID = CT, "1.2.3.4"
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = syntax
        target = tmp_path / "saved.dcm"
        LDicomDS(dataset).save(target, durable=True)
        assert pydicom.dcmread(target).file_meta.TransferSyntaxUID == syntax
        assert pydicom.dcmread(target).SOPInstanceUID == "1.2.3.4"

    def test_an_empty_one(self, tmp_path: Path) -> None:
        LDicomDS().save(tmp_path / "empty.dcm")
        assert read_header(tmp_path / "empty.dcm").size == 0

    @pytest.mark.parametrize("kind", ["memory", "file", "pydicom"])
    def test_into_a_folder_that_is_none(
        self, kind: str, tmp_path: Path, spooled: ReceivedDataSet
    ) -> None:
        dataset = {
            "memory": LDicomDS.from_received(received()),
            "file": LDicomDS.from_received(spooled),
            "pydicom": LDicomDS(),
        }[kind]
        before = sorted(tmp_path.iterdir())
        (tmp_path / "folder").write_text("no folder")
        with pytest.raises(DataSetError, match=r"folder.saved\.dcm") as caught:
            dataset.save(tmp_path / "folder" / "saved.dcm")
        assert caught.value.code is DicomErrorCode.WRITE
        assert sorted(tmp_path.iterdir()) == sorted([*before, tmp_path / "folder"])

    def test_onto_a_folder(self, tmp_path: Path) -> None:
        (tmp_path / "saved.dcm").mkdir()
        for dataset in (LDicomDS(), LDicomDS.from_received(received())):
            with pytest.raises(DataSetError, match="cannot be stored"):
                dataset.save(tmp_path / "saved.dcm")
        assert [path.name for path in tmp_path.iterdir()] == ["saved.dcm"]

    @pytest.mark.parametrize("threshold", [0, 1 << 20])
    def test_with_a_sop_class_that_is_no_text(self, threshold: int, tmp_path: Path) -> None:
        dataset = Dataset()
        dataset.add_new(0x00080018, "LO", "1.2.Ä")
        with pytest.raises(DataSetError, match="SOP class or instance is no UID"):
            LDicomDS(dataset).save(tmp_path / "saved.dcm")
        if threshold:
            bad = received()
            bad.sop_class_uid = "Ä"
            with pytest.raises(DataSetError, match="SOP class or instance is no UID"):
                LDicomDS.from_received(bad).save(tmp_path / "saved.dcm")
        assert not list(tmp_path.iterdir())


class TestRepr:
    def test_says_what_it_is_and_nothing_of_the_patient(self) -> None:
        assert repr(LDicomDS.from_file(CT_SMALL)) == (
            "<LDicomDS: CT Image Storage, Explicit VR Little Endian, 38870 bytes>"
        )
        assert repr(LDicomDS.from_received(received())) == (
            f"<LDicomDS: CT Image Storage, Implicit VR Little Endian, {len(DATA)} bytes>"
        )
        assert repr(LDicomDS()) == (
            "<LDicomDS: no SOP class, Implicit VR Little Endian, not encoded>"
        )

    def test_escapes_what_a_peer_sent(self) -> None:
        dataset = LDicomDS.from_received(received())
        dataset._encoded.sop_class_uid = "1.2\x1b[2J\n3"  # type: ignore[union-attr]
        assert "1.2\\x1b[2J\\n3" in repr(dataset)

"""Where data sets go: memory, file, disk errors, and into the archive."""

from __future__ import annotations

import errno
import gc
import logging
import os
import resource
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import UID

from leaddicom.dimse import sink as sink_module
from leaddicom.dimse.sink import (
    IMPLEMENTATION_CLASS_UID,
    IMPLEMENTATION_VERSION_NAME,
    DataSetSink,
    ReceivedDataSet,
    encode_file_meta,
)
from leaddicom.errors import DataSetError

IMPLICIT = "1.2.840.10008.1.2"
CT = "1.2.840.10008.5.1.4.1.1.2"
INSTANCE = "1.2.3.4"
THRESHOLD = 100

#: A data set of 108 bytes: SOP Class UID, SOP Instance UID and Patient's Name.
DATA_SET = (
    b"\x08\x00\x16\x00\x1a\x00\x00\x00" + CT.encode() + b"\0"
    b"\x08\x00\x18\x00\x08\x00\x00\x00" + b"1.2.3.4\0"
    b"\x10\x00\x10\x00\x32\x00\x00\x00" + b"Doe^Jane".ljust(50)
)


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    """Folder for temporary files."""
    folder = tmp_path / "spool"
    folder.mkdir()
    return folder


def received(
    data: bytes, folder: Path, threshold: int = THRESHOLD, piece: int = 64
) -> ReceivedDataSet:
    sink = DataSetSink(IMPLICIT, CT, INSTANCE, threshold, str(folder))
    for start in range(0, len(data), piece):
        sink.write(memoryview(data)[start : start + piece])
    return sink.finish()


def spooled(folder: Path) -> ReceivedDataSet:
    return received(DATA_SET, folder)


def in_memory(folder: Path) -> ReceivedDataSet:
    return received(DATA_SET, folder, threshold=1 << 20)


@pytest.fixture
def file_size_limit() -> Iterator[int]:
    """A limit of the system's after which writing fails in the middle (EFBIG)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    limit = 1 << 16
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    yield limit
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


class TestFileMeta:
    @pytest.mark.parametrize("instance", ["1.2.3", "1.2.34", "", "1" * 64])
    def test_it_is_encoded_as_pydicom_does(self, instance: str) -> None:
        meta = FileMetaDataset()
        meta.FileMetaInformationGroupLength = 0  # pydicom computes it
        meta.FileMetaInformationVersion = b"\x00\x01"
        meta.MediaStorageSOPClassUID = UID(CT)
        meta.MediaStorageSOPInstanceUID = UID(instance)
        meta.TransferSyntaxUID = UID(IMPLICIT)
        meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS_UID)
        meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
        file = DicomBytesIO()
        write_file_meta_info(file, meta, enforce_standard=False)
        expected = bytes(128) + b"DICM" + file.getvalue()
        assert encode_file_meta(CT, instance, IMPLICIT) == expected

    def test_the_implementation_is_named_as_the_standard_allows(self) -> None:
        assert UID(IMPLEMENTATION_CLASS_UID).is_valid
        assert len(IMPLEMENTATION_VERSION_NAME) <= 16


class TestThreshold:
    @pytest.mark.parametrize("size", [0, 1, THRESHOLD - 1, THRESHOLD])
    def test_up_to_it_the_data_set_stays_in_memory(self, spool: Path, size: int) -> None:
        data = os.urandom(size)
        dataset = received(data, spool)
        assert dataset.data == data
        assert dataset.size == size
        assert (dataset.path, dataset.data_offset, dataset.error) == (None, 0, None)
        assert list(spool.iterdir()) == []

    @pytest.mark.parametrize("size", [THRESHOLD + 1, 3 * THRESHOLD])
    @pytest.mark.parametrize("piece", [1, 64, 1000])
    def test_beyond_it_the_data_set_goes_to_a_file(
        self, spool: Path, size: int, piece: int
    ) -> None:
        data = os.urandom(size)
        dataset = received(data, spool, piece=piece)
        assert dataset.data is None
        assert dataset.size == size
        assert dataset.path is not None
        assert Path(dataset.path).read_bytes()[dataset.data_offset :] == data
        assert Path(dataset.path).read_bytes()[: dataset.data_offset] == dataset.meta()

    def test_a_data_set_without_pieces_is_empty(self, spool: Path) -> None:
        dataset = DataSetSink(IMPLICIT, CT, INSTANCE, THRESHOLD, str(spool)).finish()
        assert (dataset.data, dataset.size) == (b"", 0)

    def test_the_piece_may_change_after_it_was_taken(self, spool: Path) -> None:
        buffer = bytearray(b"first!")
        sink = DataSetSink(IMPLICIT, CT, INSTANCE, THRESHOLD, str(spool))
        sink.write(memoryview(buffer))
        buffer[:] = b"second"
        assert sink.finish().data == b"first!"


class TestTemporaryFile:
    def test_it_is_a_dicom_file(self, spool: Path) -> None:
        dataset = spooled(spool)
        assert dataset.path is not None
        file = pydicom.dcmread(dataset.path)
        assert file.file_meta.MediaStorageSOPClassUID == CT
        assert file.file_meta.MediaStorageSOPInstanceUID == "1.2.3.4"
        assert file.file_meta.TransferSyntaxUID == IMPLICIT
        assert file.PatientName == "Doe^Jane"

    def test_only_its_owner_may_read_it(self, spool: Path) -> None:
        dataset = spooled(spool)
        (path,) = spool.iterdir()
        assert str(path) == dataset.path
        assert path.name.startswith("leaddicom-")
        assert path.suffix == ".dcm"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def test_without_a_folder_it_is_where_the_system_has_them(
        self, spool: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(tempfile, "tempdir", str(spool))
        sink = DataSetSink(IMPLICIT, CT, INSTANCE, 0, None)
        sink.write(memoryview(b"x"))
        dataset = sink.finish()
        assert [str(path) for path in spool.iterdir()] == [dataset.path]

    def test_an_identifier_has_no_instance_and_is_readable_nevertheless(self, spool: Path) -> None:
        sink = DataSetSink(IMPLICIT, CT, "", 0, str(spool))
        sink.write(memoryview(DATA_SET))
        dataset = sink.finish()
        assert dataset.path is not None
        assert pydicom.dcmread(dataset.path).PatientName == "Doe^Jane"

    def test_close_removes_it(self, spool: Path) -> None:
        dataset = spooled(spool)
        dataset.close()
        assert list(spool.iterdir()) == []
        assert (dataset.path, dataset.data) == (None, None)
        dataset.close()

    def test_garbage_collection_removes_it(self, spool: Path) -> None:
        dataset = spooled(spool)
        assert list(spool.iterdir())
        del dataset
        gc.collect()
        assert list(spool.iterdir()) == []

    def test_discard_removes_it(self, spool: Path) -> None:
        sink = DataSetSink(IMPLICIT, CT, INSTANCE, 0, str(spool))
        sink.write(memoryview(b"x"))
        sink.discard()
        assert list(spool.iterdir()) == []
        sink.discard()

    def test_garbage_collection_of_an_unfinished_sink_removes_it(self, spool: Path) -> None:
        sink = DataSetSink(IMPLICIT, CT, INSTANCE, 0, str(spool))
        sink.write(memoryview(b"x"))
        del sink
        gc.collect()
        assert list(spool.iterdir()) == []

    def test_somebody_else_may_have_removed_it(self, spool: Path) -> None:
        dataset = spooled(spool)
        next(spool.iterdir()).unlink()
        dataset.close()

    def test_it_is_removed_even_if_closing_it_fails(self, spool: Path) -> None:
        sink = DataSetSink(IMPLICIT, CT, INSTANCE, 0, str(spool))
        sink.write(memoryview(b"x"))
        assert sink._file is not None
        os.close(sink._file._file.fileno())
        sink.discard()
        assert list(spool.iterdir()) == []

    def test_that_it_cannot_be_removed_is_logged(
        self, spool: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        dataset = spooled(spool)
        (path,) = spool.iterdir()
        path.unlink()
        path.mkdir()
        with caplog.at_level(logging.WARNING):
            dataset.close()
        (record,) = caplog.records
        assert str(path) in record.getMessage()


class TestDiskError:
    def test_the_folder_vanished(self, spool: Path) -> None:
        spool.rmdir()
        dataset = spooled(spool)
        assert isinstance(dataset.error, FileNotFoundError)
        assert dataset.size == len(DATA_SET)
        assert (dataset.data, dataset.path, dataset.data_offset) == (None, None, 0)

    def test_the_disk_is_full(self, spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = spool / "leaddicom-full.dcm"

        def on_a_full_disk(*_: object) -> tuple[int, str]:
            path.touch()
            return os.open("/dev/full", os.O_WRONLY), str(path)

        monkeypatch.setattr(tempfile, "mkstemp", on_a_full_disk)
        dataset = spooled(spool)
        assert dataset.error is not None
        assert dataset.error.errno == errno.ENOSPC
        assert list(spool.iterdir()) == []

    def test_a_file_that_grows_too_large_is_removed_and_the_rest_dropped(
        self, spool: Path, file_size_limit: int
    ) -> None:
        sink = DataSetSink(IMPLICIT, CT, INSTANCE, 0, str(spool))
        for _ in range(5):
            sink.write(memoryview(bytes(file_size_limit // 3)))
        assert list(spool.iterdir()) == []
        dataset = sink.finish()
        assert dataset.error is not None
        assert dataset.error.errno == errno.EFBIG
        assert dataset.size == file_size_limit // 3 * 5

    def test_closing_the_file_fails(self, spool: Path) -> None:
        sink = DataSetSink(IMPLICIT, CT, INSTANCE, 0, str(spool))
        sink.write(memoryview(b"x"))
        assert sink._file is not None
        os.close(sink._file._file.fileno())
        dataset = sink.finish()
        assert dataset.error is not None
        assert dataset.error.errno == errno.EBADF
        assert dataset.path is None
        assert list(spool.iterdir()) == []

    def test_the_error_does_not_hold_the_callers_buffer(self, spool: Path) -> None:
        spool.rmdir()
        buffer = bytearray(THRESHOLD + 1)
        sink = DataSetSink(IMPLICIT, CT, INSTANCE, THRESHOLD, str(spool))
        sink.write(memoryview(buffer))
        buffer.clear()  # BufferError, if a view were left

    def test_what_was_lost_cannot_be_saved(self, spool: Path, tmp_path: Path) -> None:
        spool.rmdir()
        with pytest.raises(DataSetError, match=r"it was lost .*No such file"):
            spooled(spool).save(tmp_path / "x.dcm")


class TestSave:
    @pytest.mark.parametrize("make", [spooled, in_memory])
    @pytest.mark.parametrize("durable", [False, True])
    @pytest.mark.parametrize("existing", [None, b"an older file"])
    def test_the_file_is_a_dicom_file(
        self, spool: Path, tmp_path: Path, make: type, durable: bool, existing: bytes | None
    ) -> None:
        target = tmp_path / "saved.dcm"
        if existing is not None:
            target.write_bytes(existing)
        dataset = make(spool)
        dataset.save(target, durable)
        assert target.read_bytes() == dataset.meta() + DATA_SET
        assert pydicom.dcmread(target).PatientName == "Doe^Jane"
        assert stat.S_IMODE(target.stat().st_mode) == 0o600
        assert list(spool.iterdir()) == []
        assert sorted(tmp_path.iterdir()) == [target, spool]

    def test_a_temporary_file_is_renamed(self, spool: Path, tmp_path: Path) -> None:
        dataset = spooled(spool)
        (path,) = spool.iterdir()
        inode = path.stat().st_ino
        dataset.save(tmp_path / "saved.dcm")
        assert (tmp_path / "saved.dcm").stat().st_ino == inode
        assert dataset.path == str(tmp_path / "saved.dcm")

    @pytest.mark.parametrize("make", [spooled, in_memory])
    def test_a_saved_file_stays(self, spool: Path, tmp_path: Path, make: type) -> None:
        target = tmp_path / "saved.dcm"
        dataset = make(spool)
        dataset.save(target)
        dataset.close()
        del dataset
        gc.collect()
        assert target.exists()

    @pytest.mark.parametrize("make", [spooled, in_memory])
    def test_it_can_be_saved_twice(self, spool: Path, tmp_path: Path, make: type) -> None:
        first, second = tmp_path / "first.dcm", tmp_path / "second.dcm"
        dataset = make(spool)
        dataset.save(first)
        dataset.save(second)
        dataset.close()
        assert first.read_bytes() == second.read_bytes()

    def test_relative_names_are_taken_from_the_current_folder(
        self, spool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        dataset = spooled(spool)
        dataset.save("saved.dcm")
        assert dataset.path == str(tmp_path / "saved.dcm")

    def test_durable_flushes_the_file_before_and_the_folder_after_the_rename(
        self, spool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        target = tmp_path / "saved.dcm"
        flushed: list[tuple[int, bool]] = []
        fsync = os.fsync

        def recording(descriptor: int) -> None:
            flushed.append((os.fstat(descriptor).st_ino, target.exists()))
            fsync(descriptor)

        monkeypatch.setattr(os, "fsync", recording)
        spooled(spool).save(target, durable=True)
        assert flushed == [(target.stat().st_ino, False), (tmp_path.stat().st_ino, True)]

    def test_without_durable_nothing_is_flushed(
        self, spool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(os, "fsync", lambda _: pytest.fail("fsync was called"))
        spooled(spool).save(tmp_path / "saved.dcm")

    def test_where_folders_cannot_be_flushed_the_file_alone_is(
        self, spool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sink_module, "_FOLDER_FLAGS", None)
        spooled(spool).save(tmp_path / "saved.dcm", durable=True)
        assert (tmp_path / "saved.dcm").exists()

    def test_a_closed_data_set_cannot_be_saved(self, spool: Path, tmp_path: Path) -> None:
        dataset = spooled(spool)
        dataset.close()
        with pytest.raises(DataSetError, match="closed before"):
            dataset.save(tmp_path / "saved.dcm")

    @pytest.mark.parametrize("make", [spooled, in_memory])
    def test_a_target_that_is_a_folder_leaves_everything_as_it_was(
        self, spool: Path, tmp_path: Path, make: type
    ) -> None:
        target = tmp_path / "folder"
        target.mkdir()
        dataset = make(spool)
        with pytest.raises(IsADirectoryError):
            dataset.save(target)
        assert sorted(tmp_path.iterdir()) == [target, spool]
        dataset.save(tmp_path / "saved.dcm")
        assert pydicom.dcmread(tmp_path / "saved.dcm").PatientName == "Doe^Jane"

    @pytest.mark.parametrize("make", [spooled, in_memory])
    def test_a_folder_that_is_not_there_is_an_error(
        self, spool: Path, tmp_path: Path, make: type
    ) -> None:
        with pytest.raises(FileNotFoundError):
            make(spool).save(tmp_path / "missing" / "saved.dcm")

    def test_a_disk_that_fills_up_leaves_nothing_behind(
        self, spool: Path, tmp_path: Path, file_size_limit: int
    ) -> None:
        dataset = received(bytes(2 * file_size_limit), spool, threshold=1 << 20)
        with pytest.raises(OSError, match="too large"):
            dataset.save(tmp_path / "saved.dcm")
        assert list(tmp_path.iterdir()) == [spool]


class TestSaveToAnotherFileSystem:
    @pytest.fixture
    def elsewhere(self, tmp_path: Path) -> Iterator[Path]:
        shared = Path("/dev/shm")
        if not shared.is_dir() or shared.stat().st_dev == tmp_path.stat().st_dev:
            pytest.skip("there is no second file system to write to")
        with tempfile.TemporaryDirectory(dir=shared) as folder:
            yield Path(folder)

    def test_the_file_is_copied_and_the_temporary_one_removed(
        self, spool: Path, elsewhere: Path
    ) -> None:
        target = elsewhere / "saved.dcm"
        dataset = spooled(spool)
        dataset.save(target, durable=True)
        assert target.read_bytes() == dataset.meta() + DATA_SET
        assert list(elsewhere.iterdir()) == [target]
        assert list(spool.iterdir()) == []
        assert dataset.path == str(target)
        dataset.close()
        assert target.exists()

    def test_bind_mounts_of_one_file_system_count_as_another(
        self, spool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # Their device numbers are the same: only the refused rename tells.
        replace = os.replace

        def across_mounts(source: str, target: str) -> None:
            if Path(source).parent != Path(target).parent:
                raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
            replace(source, target)

        monkeypatch.setattr(os, "replace", across_mounts)
        dataset = spooled(spool)
        dataset.save(tmp_path / "saved.dcm")
        assert (tmp_path / "saved.dcm").read_bytes() == dataset.meta() + DATA_SET
        assert sorted(tmp_path.iterdir()) == [tmp_path / "saved.dcm", spool]
        assert list(spool.iterdir()) == []


def test_patient_data_are_not_in_the_representation(spool: Path) -> None:
    assert "Jane" not in repr(in_memory(spool))

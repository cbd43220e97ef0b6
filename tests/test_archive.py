"""The archive: where instances go, and what never leaves or stays in it."""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pydicom
import pydicom.data
import pytest
from pydicom.dataset import Dataset

from leaddicom.archive import Archive
from leaddicom.dataset import LDicomDS
from leaddicom.decoding import read_header
from leaddicom.dimse.sink import DataSetSink, ReceivedDataSet
from leaddicom.errors import DataSetError, DicomErrorCode

IMPLICIT = "1.2.840.10008.1.2"
CT = "1.2.840.10008.5.1.4.1.1.2"
CT_SMALL = Path(pydicom.data.__file__).parent / "test_files" / "CT_small.dcm"

STUDY, SERIES, INSTANCE = "1.2.3", "1.2.3.4", "1.2.3.4.5"
CLASS_TAG, INSTANCE_TAG, STUDY_TAG, SERIES_TAG = 0x00080016, 0x00080018, 0x0020000D, 0x0020000E
UIDS = {CLASS_TAG: CT, INSTANCE_TAG: INSTANCE, STUDY_TAG: STUDY, SERIES_TAG: SERIES}

#: What other archives took for a path.
HOSTILE = [
    "../1.2",
    "../../etc/cron.d/evil",
    "/etc/passwd",
    "..",
    ".",
    "/",
    "\\",
    "1..2",
    ".1.2",
    "1.2.",
    "1.2/3",
    "1.2\\3",
    "..\\..\\evil",
    "1.2.3\0.4",
    "1.2.3\n",
    "1.2 3",
    "1.2.3\xb2",
    "\uff11.\uff12",
    "1.2.a",
    "$(id)",
    "CON",
    "~",
    "1" * 65,
]


def data_set(uids: dict[int, str], rest: bytes = b"") -> bytes:
    """Encode UIDs in Implicit VR Little Endian, and something behind them."""
    data = b""
    for tag, uid in sorted(uids.items()):
        value = uid.encode()
        value += b"\0" * (len(value) % 2)
        data += struct.pack("<HHL", tag >> 16, tag & 0xFFFF, len(value)) + value
    return data + rest


def instance(
    spool: Path | None = None,
    *,
    uids: dict[int, str] | None = None,
    requested: tuple[str, str] | None = None,
    rest: bytes = b"",
) -> LDicomDS:
    """Return what a C-STORE request brings, in a file if there is a spool folder."""
    uids = UIDS if uids is None else uids
    # The command codec lets no other characters pass.
    named = uids.get(INSTANCE_TAG, INSTANCE)
    sop_class, sop_instance = requested or (CT, named if named.isascii() else INSTANCE)
    threshold, folder = (1 << 20, None) if spool is None else (0, str(spool))
    sink = DataSetSink(IMPLICIT, sop_class, sop_instance, threshold, folder)
    sink.write(memoryview(data_set(uids, rest)))
    return LDicomDS.from_received(sink.finish())


def files(folder: Path) -> list[str]:
    """Everything below a folder that is no folder."""
    found = (path for path in folder.rglob("*") if not path.is_dir())
    return sorted(str(path.relative_to(folder)) for path in found)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the archive is; it is not there yet."""
    return tmp_path / "outside" / "archive"


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    """Folder for temporary files."""
    path = tmp_path / "spool"
    path.mkdir()
    return path


PLACE = f"{STUDY}/{SERIES}/{INSTANCE}.dcm"


class TestStoring:
    def test_an_instance_goes_to_its_study_and_series(self, folder: Path) -> None:
        path = Archive(folder).store(instance(rest=b"\x10\0\x10\0\x08\0\0\0Doe^Jane"))
        assert path == folder / STUDY / SERIES / f"{INSTANCE}.dcm"
        assert files(folder) == [PLACE]
        assert pydicom.dcmread(path).PatientName == "Doe^Jane"

    def test_the_data_set_is_byte_for_byte_what_was_received(
        self, folder: Path, spool: Path
    ) -> None:
        rest = os.urandom(100)  # not looked at
        rest = struct.pack("<HHL", 0x7FE0, 0x0010, len(rest)) + rest
        for source in (instance(rest=rest), instance(spool, rest=rest)):
            path = Archive(folder).store(source)
            offset = read_header(path).data_offset
            assert path.read_bytes()[offset:] == data_set(UIDS, rest)

    def test_a_temporary_file_is_renamed(self, folder: Path, spool: Path) -> None:
        dataset = instance(spool)
        assert dataset.path is not None
        inode = os.stat(dataset.path).st_ino
        path = Archive(folder).store(dataset)
        assert path.stat().st_ino == inode
        assert dataset.path == str(path)
        assert not list(spool.iterdir())
        dataset.close()
        assert path.exists()

    def test_a_file_is_copied(self, folder: Path) -> None:
        before = CT_SMALL.read_bytes()
        path = Archive(folder).store(LDicomDS.from_file(CT_SMALL))
        assert path.name == "1.3.6.1.4.1.5962.1.1.1.1.1.20040119072730.12322.dcm"
        assert CT_SMALL.read_bytes() == before
        assert pydicom.dcmread(path).PixelData == pydicom.dcmread(CT_SMALL).PixelData

    def test_a_pydicom_data_set_is_encoded(self, folder: Path) -> None:
        dataset = Dataset()
        dataset.SOPClassUID, dataset.SOPInstanceUID = CT, INSTANCE
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = STUDY, SERIES
        assert Archive(folder).store(LDicomDS(dataset)) == folder / PLACE

    def test_the_same_instance_again_replaces_it(self, folder: Path, spool: Path) -> None:
        archive = Archive(folder)
        archive.store(instance())
        archive.store(instance(spool, rest=b"\x10\0\x10\0\x08\0\0\0Doe^Jane"))
        assert files(folder) == [PLACE]
        assert pydicom.dcmread(folder / PLACE).PatientName == "Doe^Jane"

    def test_only_the_owner_may_read_it(self, folder: Path) -> None:
        path = Archive(folder).store(instance())
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    @pytest.mark.parametrize("spooled", [False, True])
    def test_by_many_threads_at_once_leaves_one_whole_file(
        self, folder: Path, spool: Path, spooled: bool
    ) -> None:
        archive = Archive(folder)
        threads = 8
        barrier = Barrier(threads)

        def store(number: int) -> Path:
            rest = struct.pack("<HHL", 0x7FE0, 0x0010, 100_000) + bytes([number]) * 100_000
            dataset = instance(spool if spooled else None, rest=rest)
            barrier.wait(10)
            return archive.store(dataset)

        with ThreadPoolExecutor(threads) as pool:
            assert set(pool.map(store, range(threads))) == {folder / PLACE}
        assert files(folder) == [PLACE]
        assert not list(spool.iterdir())
        pixels = pydicom.dcmread(folder / PLACE).PixelData
        assert len(pixels) == 100_000
        assert len(set(pixels)) == 1


class TestUids:
    @pytest.mark.parametrize("tag", [INSTANCE_TAG, STUDY_TAG, SERIES_TAG])
    @pytest.mark.parametrize("uid", HOSTILE)
    def test_that_are_none_are_refused_and_nothing_is_written(
        self, folder: Path, spool: Path, tag: int, uid: str
    ) -> None:
        dataset = instance(spool, uids=UIDS | {tag: uid})
        with pytest.raises(DataSetError, match="which is no UID") as caught:
            Archive(folder).store(dataset)
        assert caught.value.code is DicomErrorCode.PARAMETER
        assert caught.value.message.isprintable()
        assert caught.value.message.isascii()
        dataset.close()
        assert not folder.parent.exists()
        assert not list(spool.iterdir())

    @pytest.mark.parametrize("tag", [INSTANCE_TAG, STUDY_TAG, SERIES_TAG])
    @pytest.mark.parametrize("uid", [None, "", " ", "\0\0"])
    def test_that_are_missing_are_named(self, folder: Path, tag: int, uid: str | None) -> None:
        uids = {key: value for key, value in UIDS.items() if key != tag}
        if uid is not None:
            uids[tag] = uid
        with pytest.raises(DataSetError, match=rf"has no S.* UID \({tag >> 16:04X},"):
            Archive(folder).store(instance(uids=uids))
        assert not folder.exists()

    @pytest.mark.parametrize("uid", ["1" * 64, "0", "1.02.003", "1.2.3 "])
    def test_that_real_archives_have_are_taken(self, folder: Path, uid: str) -> None:
        uids = UIDS | {INSTANCE_TAG: uid}
        path = Archive(folder).store(instance(uids=uids, requested=(CT, uid.strip())))
        assert path == folder / STUDY / SERIES / f"{uid.strip()}.dcm"

    @pytest.mark.parametrize(
        ("requested", "message"),
        [
            ((CT, "1.2.3.4.6"), r"SOP instance '1\.2\.3\.4\.6', but the data set has '1\.2\.3"),
            ((CT, ""), "SOP instance ''"),
            (("1.2.840.10008.5.1.4.1.1.4", INSTANCE), "SOP class"),
        ],
    )
    def test_that_are_not_the_request_s_are_refused(
        self, folder: Path, requested: tuple[str, str], message: str
    ) -> None:
        with pytest.raises(DataSetError, match=message):
            Archive(folder).store(instance(requested=requested))
        assert not folder.exists()

    def test_that_occur_twice_are_refused(self, folder: Path) -> None:
        # Whoever reads the file later may take the other one.
        twice = data_set({SERIES_TAG: "1.2.3.9"})
        with pytest.raises(DataSetError, match=r"\(0020,000E\) occurs twice"):
            Archive(folder).store(instance(rest=twice))

    def test_of_a_damaged_data_set_are_not_read(self, folder: Path) -> None:
        with pytest.raises(DataSetError, match="damaged or was cut short"):
            Archive(folder).store(LDicomDS.from_received(cut()))
        assert not folder.exists()


def cut() -> ReceivedDataSet:
    sink = DataSetSink(IMPLICIT, CT, INSTANCE, 1 << 20, None)
    sink.write(memoryview(data_set(UIDS)[:-1]))
    return sink.finish()


class TestFailures:
    @pytest.mark.parametrize("spooled", [False, True])
    @pytest.mark.parametrize("obstacle", ["", STUDY, f"{STUDY}/{SERIES}"])
    def test_a_file_in_place_of_a_folder(
        self, folder: Path, spool: Path, obstacle: str, spooled: bool
    ) -> None:
        (folder / obstacle).parent.mkdir(parents=True)
        (folder / obstacle).write_text("no folder")
        dataset = instance(spool if spooled else None)
        with pytest.raises(DataSetError, match="cannot be filed in") as caught:
            Archive(folder).store(dataset)
        assert caught.value.code is DicomErrorCode.WRITE
        dataset.close()
        assert files(folder.parent) == [str(Path("archive", obstacle))]
        assert not list(spool.iterdir())

    @pytest.mark.parametrize("spooled", [False, True])
    def test_a_folder_in_place_of_the_file(self, folder: Path, spool: Path, spooled: bool) -> None:
        (folder / PLACE).mkdir(parents=True)
        dataset = instance(spool if spooled else None)
        with pytest.raises(DataSetError, match="cannot be stored"):
            Archive(folder).store(dataset)
        dataset.close()
        assert files(folder) == []
        assert not list(spool.iterdir())

    def test_the_instance_can_be_stored_elsewhere_afterwards(
        self, folder: Path, spool: Path
    ) -> None:
        (folder / PLACE).mkdir(parents=True)
        dataset = instance(spool)
        with pytest.raises(DataSetError):
            Archive(folder).store(dataset)
        assert Archive(folder / "other").store(dataset).exists()

    @pytest.mark.parametrize("spooled", [False, True])
    def test_the_folder_is_removed_in_the_middle(
        self, folder: Path, spool: Path, spooled: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make = Path.mkdir

        def make_and_remove(path: Path, *args: object, **options: object) -> None:
            make(path, *args, **options)  # type: ignore[arg-type]
            if path.name == SERIES:
                path.rmdir()

        monkeypatch.setattr(Path, "mkdir", make_and_remove)
        dataset = instance(spool if spooled else None)
        with pytest.raises(DataSetError, match="No such file"):
            Archive(folder).store(dataset)
        dataset.close()
        assert files(folder) == []
        assert not list(spool.iterdir())


class TestDurability:
    @pytest.fixture
    def synced(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """Paths that were flushed to the disk."""
        paths: list[str] = []
        sync: Callable[[int], None] = os.fsync

        def fsync(descriptor: int) -> None:
            paths.append(os.readlink(f"/proc/self/fd/{descriptor}"))
            sync(descriptor)

        monkeypatch.setattr(os, "fsync", fsync)
        return paths

    @pytest.mark.parametrize("spooled", [False, True])
    def test_flushes_the_file_and_every_folder(
        self, folder: Path, spool: Path, spooled: bool, synced: list[str]
    ) -> None:
        path = Archive(folder, durable=True).store(instance(spool if spooled else None))
        assert len(synced) == 4
        assert synced[0].endswith(".dcm")
        assert set(synced[1:]) == {str(path.parent), str(path.parent.parent), str(folder)}

    def test_is_not_paid_for_without_being_asked_for(self, folder: Path, synced: list[str]) -> None:
        Archive(folder).store(instance())
        assert synced == []

    def test_a_folder_that_cannot_be_flushed(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sync: Callable[[int], None] = os.fsync

        def fsync(descriptor: int) -> None:
            if os.readlink(f"/proc/self/fd/{descriptor}") == str(folder):
                raise OSError(5, "Input/output error")
            sync(descriptor)

        monkeypatch.setattr(os, "fsync", fsync)
        with pytest.raises(DataSetError, match=r"cannot be filed in .*Input/output error"):
            Archive(folder, durable=True).store(instance())

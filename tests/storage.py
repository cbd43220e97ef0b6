"""A storage SCP that remembers what it got, and small instances to send to it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydicom.data
from pydicom.dataset import Dataset, FileMetaDataset

from leaddicom import STORAGE, VERIFICATION, LDicomDS, LDicomNet
from leaddicom.decoding import read_header

#: The DICOM files that pydicom brings along.
FILES = Path(pydicom.data.__file__).parent / "test_files"

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
JPEG = "1.2.840.10008.1.2.4.50"

CT = "1.2.840.10008.5.1.4.1.1.2"
MR = "1.2.840.10008.5.1.4.1.1.4"
ROOT = "1.2.826.0.1.3680043.8.498"


@dataclass(frozen=True, slots=True)
class Received:
    """A C-STORE request that has arrived."""

    sop_class: str
    instance: str
    syntax: str
    data: bytes


class StorageScp(LDicomNet):
    """Takes everything, and answers success or what `statuses` has for an instance."""

    supported_contexts = (*VERIFICATION, *STORAGE)

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        # CreateClient copies the object, so that all connections share these.
        self.received: list[Received] = []
        self.statuses: dict[str, int] = {}

    def OnReceiveCStoreRequest(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        sop_instance_uid: str,
        priority: int,
        move_ae: str,
        move_message_id: int,
        dataset: LDicomDS,
    ) -> None:
        syntax = dataset.transfer_syntax_uid
        source = dataset.source(syntax)
        data = bytearray(source.size)
        source.readinto(memoryview(data))
        source.close()
        self.received.append(Received(sop_class_uid, sop_instance_uid, syntax, bytes(data)))
        status = self.statuses.get(sop_instance_uid, 0)
        self.answer(presentation_id, message_id, sop_class_uid, sop_instance_uid, status)

    def answer(
        self, presentation_id: int, message_id: int, sop_class: str, instance: str, status: int
    ) -> None:
        self.SendCStoreResponse(presentation_id, message_id, sop_class, instance, status)


def data_set_of(path: Path) -> bytes:
    """The encoded data set of a DICOM file, as it has to arrive."""
    data = path.read_bytes()[read_header(path).data_offset :]
    return data + bytes(len(data) % 2)  # PS3.5 section A.5: deflated ones are padded


def write_instance(
    folder: Path, number: int, *, sop_class: str = CT, syntax: str = EXPLICIT, size: int = 0
) -> Path:
    """Write a small instance, whose SOP Instance UID ends with `number`."""
    dataset = Dataset()
    dataset.SOPClassUID = sop_class
    dataset.SOPInstanceUID = f"{ROOT}.{number}"
    dataset.PatientName = "Somebody"
    dataset.StudyInstanceUID = f"{ROOT}.1.1"
    dataset.SeriesInstanceUID = f"{ROOT}.1.2"
    dataset.EncapsulatedDocument = bytes(size)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    path = folder / f"{number:05}.dcm"
    dataset.save_as(path, enforce_file_format=True)
    return path


def write_instances(folder: Path, count: int, **options: Any) -> list[Path]:
    return [write_instance(folder, number, **options) for number in range(1, count + 1)]

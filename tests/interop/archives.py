"""Archives of other toolkits that can be queried: DCMTK's dcmqrscp, plain, and Orthanc over TLS.

Each is started for a module's tests, in a folder and on a port of its own, knows one destination
for C-MOVE, and is filled by whoever runs it.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import pytest
from nets import Nets, free_port, short
from programs import Program
from pydicom.dataset import Dataset, FileMetaDataset
from storage import CT, EXPLICIT, ROOT, StorageScp

from interop.conftest import find_dcmtk
from leaddicom import (
    DICOM_SECURE_NONE,
    DICOM_SECURE_TLS,
    Ciphersuite,
    LDicomNet,
    Limits,
    Scu,
    TlsSettings,
)
from leaddicom.testing.certificates import IssuedCertificate, ThrowAwayPki

Net = TypeVar("Net", bound=LDicomNet)

#: The studies of an archive: numbers of their instances.
STUDIES = {f"{ROOT}.31": 12, f"{ROOT}.32": 3}

#: Who may ask, and where C-MOVE may send to.
CLIENT, DESTINATION = "LEADDICOM", "DESTINATION"


@dataclass(frozen=True)
class ArchivePeer:
    """An archive that runs, and how to speak to it."""

    name: str
    files: list[Path]
    certificate: IssuedCertificate
    ca_file: Path
    port: int = field(default_factory=free_port)
    destination_port: int = field(default_factory=free_port)

    @property
    def mode(self) -> int:
        """Mutual TLS, but for dcmqrscp, which has none."""
        return DICOM_SECURE_NONE if self.name == "dcmqrscp" else DICOM_SECURE_TLS

    @property
    def tls(self) -> tuple[str, int, str]:
        """Certificate and key, as `SetClientCertificateTLS` takes them."""
        return str(self.certificate.certificate_file), 1, str(self.certificate.key_file)

    def connect(self, *suites: Ciphersuite, limits: Limits | None = None) -> Scu:
        """Make a client of ours."""
        titles = {"called_ae_title": "ARCHIVE", "calling_ae_title": CLIENT}
        scu = Scu("localhost", self.port, **titles, mode=self.mode, limits=limits or short())
        return self.secured(scu, suites)

    def destination(self, nets: Nets, kind: type[StorageScp] = StorageScp) -> StorageScp:
        """Start the server of ours that C-MOVE may send to."""
        server = self.secured(nets.recorder.watch(kind(None, self.mode)))
        nets.made.append(server)
        server.limits = short()
        server.Listen("127.0.0.1", self.destination_port)
        return server

    def secured(self, net: Net, suites: tuple[Ciphersuite, ...] = ()) -> Net:
        """Have an object show its certificate, and verify the archive's."""
        settings = TlsSettings(ca_file=str(self.ca_file), cipher_suites=suites)
        net.Initialize(None, self.mode, settings)
        if self.mode == DICOM_SECURE_TLS:
            net.SetClientCertificateTLS(*self.tls)
        return net


def write_studies(folder: Path) -> list[Path]:
    """Write what an archive is filled with."""
    paths = []
    for study, count in STUDIES.items():
        for number in range(1, count + 1):
            paths.append(folder / f"{study}.{number}.dcm")
            _instance(study, number).save_as(paths[-1], enforce_file_format=True)
    return paths


def _instance(study: str, number: int) -> Dataset:
    dataset = Dataset()
    dataset.SOPClassUID = CT
    dataset.SOPInstanceUID = f"{study}.1.{number}"
    dataset.StudyDate, dataset.StudyTime = "20260102", "030405"
    dataset.AccessionNumber = study[-2:]
    dataset.Modality = "CT"
    dataset.PatientName, dataset.PatientID = "Query^Retrieve", f"P{study[-2:]}"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = study, f"{study}.1"
    dataset.StudyID, dataset.SeriesNumber, dataset.InstanceNumber = "1", 1, number
    dataset.Rows = dataset.Columns = 32
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelRepresentation, dataset.SamplesPerPixel = 0, 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.PixelData = bytes(2 * 32 * 32)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = EXPLICIT
    return dataset


def find_orthanc() -> str:
    """Find Orthanc, which Debian keeps where only root's path leads, or skip the test."""
    folders = os.pathsep.join((*os.get_exec_path(), "/usr/sbin"))
    path = shutil.which("Orthanc", path=folders)
    if path is None:
        pytest.skip("Orthanc is not installed (package orthanc)")
    return path


def _dcmqrscp(peer: ArchivePeer, folder: Path) -> list[str]:
    """Configure dcmqrscp; give its command line."""
    program = find_dcmtk("dcmqrscp")
    if program is None:
        pytest.skip("DCMTK's dcmqrscp is not installed (package dcmtk)")
    (folder / "images").mkdir()
    config = folder / "dcmqrscp.cfg"
    config.write_text(
        f"""
        MaxPDUSize = 16384
        MaxAssociations = 16
        HostTable BEGIN
        destination = ({DESTINATION}, localhost, {peer.destination_port})
        HostTable END
        VendorTable BEGIN
        VendorTable END
        AETable BEGIN
        ARCHIVE {folder / "images"} RW (100, 100mb) ANY
        AETable END
        """.replace("        ", "")
    )
    return [program, "-c", str(config), str(peer.port)]


def _orthanc(peer: ArchivePeer, folder: Path) -> list[str]:
    """Configure Orthanc; give its command line."""
    for name in ("images", "temporary"):
        (folder / name).mkdir()
    config = {
        "Name": "Interoperability",
        "StorageDirectory": str(folder / "images"),
        "IndexDirectory": str(folder / "images"),
        "TemporaryDirectory": str(folder / "temporary"),
        "Plugins": [],
        "HttpServerEnabled": False,
        "ConcurrentJobs": 1,
        "DicomAet": "ARCHIVE",
        "DicomPort": peer.port,
        "DicomTlsEnabled": True,
        "DicomTlsCertificate": str(peer.certificate.certificate_file),
        "DicomTlsPrivateKey": str(peer.certificate.key_file),
        "DicomTlsTrustedCertificates": str(peer.ca_file),
        "DicomTlsRemoteCertificateRequired": True,
        "DicomModalities": {
            "client": {"AET": CLIENT, "Host": "localhost", "Port": 104},
            "destination": {
                "AET": DESTINATION,
                "Host": "localhost",
                "Port": peer.destination_port,
                "UseDicomTls": True,
            },
        },
    }
    path = folder / "orthanc.json"
    path.write_text(json.dumps(config))
    return [find_orthanc(), str(path)]


@contextmanager
def running(
    name: str, folder: Path, pki: ThrowAwayPki, certificate: IssuedCertificate
) -> Iterator[ArchivePeer]:
    """Run an archive; what shall be in it has to be stored."""
    (folder / "files").mkdir()
    peer = ArchivePeer(name, write_studies(folder / "files"), certificate, pki.ca_file)
    command = (_dcmqrscp if name == "dcmqrscp" else _orthanc)(peer, folder)
    with Program(*command, env={"TCP_NODELAY": "1"}) as program:
        program.wait_until_it_listens(peer.port)
        yield peer

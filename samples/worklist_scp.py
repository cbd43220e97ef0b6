"""A modality worklist over mutual TLS: answers C-FIND and C-ECHO.

The worklist are the DICOM files of a folder, one for each entry, as they are when it is queried;
without a folder, three people who do not exist.
"""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from threading import Event

from pydicom.dataset import Dataset

from leaddicom import (
    MODALITY_WORKLIST,
    VERIFICATION,
    DataSetError,
    DicomError,
    LDicomDS,
    SecureMode,
    TlsSettings,
)
from leaddicom.scp import Query, QueryRetrieveScp, find_contexts, matches, requested

CERTS = Path(__file__).resolve().parent.parent / "certs"
ROOT = CERTS / "rootCA" / "rootCA.pem"
ARCHIVE = CERTS / "servers" / "archive" / "archive.pem"
KEY = ARCHIVE.with_suffix(".key")
EPILOG = "Certificates and key are by default those that `leaddicom pki init` has made."

log = logging.getLogger("worklist_scp")


class WorklistScp(QueryRetrieveScp):
    supported_contexts = (*VERIFICATION, *find_contexts(MODALITY_WORKLIST))
    folder: Path | None = None

    def find(self, query: Query) -> Iterator[Dataset]:
        log.info("%s asks", query.calling_ae_title)
        for entry in self.entries():
            if matches(query.identifier, entry):
                yield requested(query.identifier, entry)

    def entries(self) -> Iterator[Dataset]:
        if self.folder is None:
            yield from SYNTHETIC
        for path in sorted(self.folder.rglob("*")) if self.folder else ():
            try:
                if path.is_file():
                    yield LDicomDS.from_file(path).to_pydicom()
            except DataSetError as error:
                log.warning("Not in the worklist: %s", error)


def synthetic(number: int, name: str, modality: str, what: str) -> Dataset:
    """Make a worklist entry (PS3.4 Table K.6-1) of today."""
    step, entry = Dataset(), Dataset()
    step.Modality, step.ScheduledStationAETitle = modality, f"{modality}1"
    step.ScheduledProcedureStepStartDate = f"{datetime.now().astimezone():%Y%m%d}"
    step.ScheduledProcedureStepStartTime = f"{9 + number:02}00"
    step.ScheduledProcedureStepDescription, step.ScheduledProcedureStepID = what, f"SPS{number}"
    entry.SpecificCharacterSet = "ISO_IR 192"
    entry.PatientName, entry.PatientID = name, f"SYNTHETIC{number}"
    entry.AccessionNumber, entry.RequestedProcedureID = f"ACC{number}", f"RP{number}"
    entry.StudyInstanceUID, entry.ScheduledProcedureStepSequence = f"2.25.{number}", [step]
    return entry


SYNTHETIC = (
    synthetic(1, "Example^Anna", "CT", "CT of the head"),
    synthetic(2, "Beispiel^Jürgen", "MR", "MR of the knee"),
    synthetic(3, "Rei^Hanako=例^花子", "CT", "CT of the chest"),
)


def serve(args: argparse.Namespace) -> None:
    scp = WorklistScp(None, SecureMode.NONE if args.plain else SecureMode.TLS)
    scp.ae_title, scp.folder = args.ae_title, args.folder and args.folder.resolve(strict=True)
    if args.plain:
        log.warning("Serving WITHOUT TLS: anybody can read and change what is sent.")
    else:
        scp.Initialize(ctx=TlsSettings(ca_file=args.ca))
        scp.SetServerCertificateTLS(args.cert, key_path=args.key)
    try:
        scp.Listen(args.address, args.port)
        log.info("%s is ready on port %d", scp.ae_title, scp.GetHostInfo()[1])
        Event().wait()
    finally:
        scp.Close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, epilog=EPILOG)
    parser.add_argument("folder", type=Path, nargs="?", help="DICOM files that are the worklist")
    parser.add_argument("--port", type=int, default=2762, help="default 2762; 0 takes a free one")
    parser.add_argument("--address", help="of this computer to listen on; default: all of them")
    parser.add_argument("--ae-title", default="WORKLIST_SCP", help="default %(default)s")
    parser.add_argument("-ca", metavar="FILE", default=str(ROOT), help="trusted CAs")
    parser.add_argument("-cert", metavar="FILE", default=str(ARCHIVE), help="own certificate")
    parser.add_argument("-key", metavar="FILE", default=str(KEY), help="its key")
    parser.add_argument("--plain", action="store_true", help="serve without TLS")
    args = parser.parse_args()
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(levelname)s %(message)s")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C
    try:
        serve(args)
    except KeyboardInterrupt:
        pass
    except (DicomError, OSError) as error:
        sys.exit(f"worklist_scp: {' '.join(str(error).split())}")


if __name__ == "__main__":
    main()

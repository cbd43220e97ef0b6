"""Writes example workitems, and a query that finds some of them, into the samples' folder."""

from __future__ import annotations

import argparse
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    RTBeamsDeliveryInstructionStorage,
    RTBeamsTreatmentRecordStorage,
    RTPlanStorage,
)

from leaddicom.ups.client.builders import human_performer, instances, requested_procedure, workitem
from leaddicom.ups.client.queries import query
from leaddicom.ups.client.treatments import treatment
from leaddicom.ups.core.terms import SopClass

FOLDER = Path(__file__).resolve().parent
MORNING = datetime(2030, 1, 31, 8, 0, tzinfo=timezone.utc)
STUDY, SERIES = "2.25.2030010", "2.25.2030011"
PATIENT: dict[str, Any] = {"patient_name": "Example^Anna", "patient_id": "SYNTHETIC1", "sex": "F"}
PATIENT |= {"birth_date": "19700101", "issuer_of_patient_id": "EXAMPLE"}
MACHINE = ("LINAC1", "99EXAMPLE", "Linear accelerator 1")


def input_of(sop_class: str, number: int, ae_title: str) -> Dataset:
    """Refer to an instance that does not exist."""
    return instances(STUDY, SERIES, [(sop_class, f"2.25.{number}")], retrieve_ae=ae_title)


def plan_review() -> Dataset:
    return workitem(
        "Review of a treatment plan",
        MORNING,
        **PATIENT,
        priority="HIGH",
        worklist_label="PLANNING",
        study_uid=STUDY,
        stations=[("PLANNING1", "99EXAMPLE", "Planning workstation 1")],
        codes=[("REVIEW", "99EXAMPLE", "Review of a treatment plan")],
        performers=[
            human_performer(("JD", "99EXAMPLE", "Doe, Jane"), "Doe^Jane", "Example Clinic")
        ],
        inputs=[input_of(RTPlanStorage, 2030020, "ARCHIVE")],
        requests=[
            requested_procedure(STUDY, accession_number="ACC1", requested_procedure_id="RP1")
        ],
        expected_completion=MORNING.replace(hour=9),
    )


def rt_treatment(*records: Dataset, fraction: int = 1) -> Dataset:
    return treatment(
        MORNING.replace(day=fraction),
        machine=MACHINE,
        **PATIENT,
        study_uid=STUDY,
        plan=input_of(RTPlanStorage, 2030020, "OST"),
        instruction=input_of(RTBeamsDeliveryInstructionStorage, 2030030 + fraction, "TMS"),
        plan_label="PROSTATE",
        fraction=fraction,
        fractions=30,
        records=records,
        worklist_label="TREATMENTS",
    )


def continuation() -> Dataset:
    return rt_treatment(input_of(RTBeamsTreatmentRecordStorage, 2030040, "OST"), fraction=2)


def write(path: Path, dataset: Dataset, uid: str, sop_class: SopClass) -> None:
    """Write a data set as a DICOM file (PS3.10)."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = UID(sop_class.value), UID(uid)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta = meta
    dataset.save_as(path, enforce_file_format=True)
    print(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=FOLDER, help="default: %(default)s")
    workitems, queries = (parser.parse_args().folder / name for name in ("workitems", "queries"))
    for folder in (workitems, queries):
        folder.mkdir(parents=True, exist_ok=True)
    steps = {
        "plan_review": plan_review,
        "rt_treatment": rt_treatment,
        "rt_continuation": continuation,
    }
    for number, (name, make) in enumerate(steps.items(), 2030001):
        step, uid = make(), f"2.25.{number}"
        step.SOPClassUID, step.SOPInstanceUID = SopClass.PUSH.value, uid
        write(workitems / f"{name}.dcm", step, uid, SopClass.PUSH)
    keys = query(state="SCHEDULED", station=MACHINE[:2])
    write(queries / "scheduled.dcm", keys, "2.25.2030009", SopClass.PULL)


if __name__ == "__main__":
    main()

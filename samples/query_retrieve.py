"""Finds studies in an archive (C-FIND) and retrieves them (C-MOVE, C-GET), over mutual TLS."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from pathlib import Path
from typing import Any

from pydicom.datadict import dictionary_description
from pydicom.dataset import Dataset
from rich.console import Console
from rich.table import Column, Table

from leaddicom import STUDY_ROOT, Archive, DicomError, Scu, SecureMode

CERTS = Path(__file__).resolve().parent.parent / "certs"
ROOT = CERTS / "rootCA" / "rootCA.pem"
MODALITY, KEY = (CERTS / "clients" / "modality" / f"modality.{end}" for end in ("pem", "key"))

#: What can be asked for, by option, and what is shown.
KEYS = {
    "patient": "PatientID",
    "name": "PatientName",
    "date": "StudyDate",
    "study": "StudyInstanceUID",
}
SHOWN = ("PatientID", "PatientName", "StudyDate", "ModalitiesInStudy", "StudyInstanceUID")


def connect(args: argparse.Namespace) -> Scu:
    mode = SecureMode.NONE if args.plain else SecureMode.TLS
    tls = {"ca_file": args.ca, "certificate": args.cert, "key": args.key}
    titles = {"called_ae_title": args.aec, "calling_ae_title": args.aet}
    return Scu(args.host, args.port, mode=mode, **titles, **({} if args.plain else tls))


def identifier(**keys: str) -> Dataset:
    dataset = Dataset()
    for keyword, value in {"QueryRetrieveLevel": "STUDY", **keys}.items():
        setattr(dataset, keyword, value)
    return dataset


def find(scu: Scu, args: argparse.Namespace) -> list[dict[str, Any]]:
    keys = dict.fromkeys(SHOWN, "")
    keys |= {keyword: getattr(args, option) for option, keyword in KEYS.items()}
    found = scu.find(STUDY_ROOT, identifier(**keys), limit=args.limit)
    return [{keyword: str(study.get(keyword, "")) for keyword in SHOWN} for study in found]


def retrieve(scu: Scu, study: str, args: argparse.Namespace) -> dict[str, Any]:
    wanted = identifier(StudyInstanceUID=study)
    get, move = args.get, args.move
    done = scu.get(STUDY_ROOT, wanted, Archive(get)) if get else scu.move(STUDY_ROOT, wanted, move)
    return {
        "completed": done.completed,
        "failed": done.failed,
        "answer": f"{done.status:04X}H, {done.meaning}",
        "complete": not (done.failed or done.is_failure),
    }


def show(studies: list[dict[str, Any]]) -> None:
    names = map(dictionary_description, SHOWN)
    table = Table(*(Column(name, overflow="fold") for name in names))
    for study in studies:
        table.add_row(*(study[keyword] for keyword in SHOWN))
    Console().print(table)
    for study in studies:
        if "answer" in study:
            line = "{StudyInstanceUID}: {completed} retrieved, {failed} failed ({answer})"
            print(line.format_map(study))


def run(args: argparse.Namespace) -> int:
    with connect(args) as scu:
        studies = find(scu, args)
        for study in studies if args.move or args.get else ():
            study |= retrieve(scu, study["StudyInstanceUID"], args)
    print(json.dumps(studies)) if args.json else show(studies)
    return 0 if all(study.get("complete", True) for study in studies) else 1


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog="Exit status: 0, also if nothing is found; 1 if anything fails."
    )
    parser.add_argument("host", metavar="HOST")
    parser.add_argument("port", metavar="PORT", type=int)
    wanted = parser.add_argument_group("what to look for; * and ? stand for any characters")
    for option, keyword in KEYS.items():
        wanted.add_argument(f"--{option}", metavar="KEY", default="", help=keyword)
    wanted.add_argument("--limit", metavar="N", type=int, help="stop after so many studies")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--move", metavar="AE", help="have the studies sent to this AE title")
    how.add_argument("--get", metavar="DIR", help="retrieve them into this folder")
    parser.add_argument("-ca", metavar="FILE", default=str(ROOT), help="trusted CAs")
    parser.add_argument("-cert", metavar="FILE", default=str(MODALITY), help="own certificate")
    parser.add_argument("-key", metavar="FILE", default=str(KEY), help="its key")
    parser.add_argument("-aet", default="QUERY_SCU", help="own AE title, default %(default)s")
    parser.add_argument("-aec", default="ANY-SCP", help="the peer's, default %(default)s")
    parser.add_argument("--plain", action="store_true", help="connect without TLS")
    parser.add_argument("--json", action="store_true", help="print one JSON array")
    args = parser.parse_args()
    logging.basicConfig(level=logging.ERROR)  # what matters is said below
    try:
        sys.exit(run(args))
    except (DicomError, OSError) as error:
        lacks = args.ca == str(ROOT) and not ROOT.exists() and not args.plain
        hint = f" To make it: leaddicom pki init --dir {CERTS}" if lacks else ""
        sys.exit(f"query_retrieve: {' '.join(str(error).split())}{hint}")
    except KeyboardInterrupt:
        sys.exit("query_retrieve: interrupted")


if __name__ == "__main__":
    main()

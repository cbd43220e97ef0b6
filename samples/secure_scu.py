"""Verifies a DICOM application (C-ECHO), or stores files on it (C-STORE), over mutual TLS."""

from __future__ import annotations

import argparse
import getpass
import json
import logging
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from leaddicom import (
    DICOM_SECURE_NONE,
    DICOM_SECURE_TLS,
    DicomError,
    Scu,
    StoreProgress,
    StoreResult,
)

CERTS = Path(__file__).resolve().parent.parent / "certs"
ROOT = CERTS / "rootCA" / "rootCA.pem"
MODALITY = CERTS / "clients" / "modality" / "modality.pem"


class PromptingScu(Scu):
    def OnPrivateKeyPassword(self, encryption: bool) -> str | None:
        prompt = "Password of the private key: "
        return getpass.getpass(prompt) if sys.stdin.isatty() else None


def connect(args: argparse.Namespace) -> Scu:
    return PromptingScu(
        args.host,
        args.port,
        called_ae_title=args.aec,
        calling_ae_title=args.aet,
        mode=DICOM_SECURE_NONE if args.plain else DICOM_SECURE_TLS,
        ca_file=None if args.plain else args.ca,
        certificate=None if args.plain else args.cert,
        key=None if args.plain else args.key,
    )


def run(scu: Scu, args: argparse.Namespace) -> StoreResult:
    """Do what was asked; `seconds` of the result are those from connecting to the release."""
    if not args.paths:
        began = time.perf_counter()
        scu.echo()
        scu.release()
        return StoreResult(seconds=time.perf_counter() - began)
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("store", total=None)

        def show(progress: StoreProgress) -> None:
            bar.update(task, completed=progress.done, total=progress.total)

        result = scu.store(args.paths, progress=show, window=args.window)
    began = time.perf_counter()
    scu.close()
    result.seconds += time.perf_counter() - began
    return result


def report(scu: Scu, result: StoreResult, args: argparse.Namespace) -> None:
    link, seconds = scu.link_facts, result.seconds
    version = link.tls_version if link else None
    suite = link.cipher_name if link else None
    for name in ("failed", "warnings", "skipped"):
        for issue in getattr(result, name):
            print(f"{name}: {issue}", file=sys.stderr)
    if args.json:
        counts = {"sent": result.sent, "failed": len(result.failed), "bytes": result.bytes}
        link_names = {"tls_version": version, "cipher_suite": suite}
        print(json.dumps({**counts, "seconds": seconds, **link_names}))
        return
    how = f"{version}, {suite}" if link else "without TLS" if scu.connection else "not connected"
    if args.paths:
        rate = result.bytes / 1e6 / seconds if seconds else 0.0
        print(f"{result.sent} stored, {len(result.failed)} failed, {len(result.skipped)} skipped")
        print(f"{result.bytes} bytes in {seconds:.3f} s, {rate:.1f} MB/s ({how})")
    else:
        print(f"C-ECHO: success in {seconds:.3f} s ({how})")
    if (peer := scu.peer_identity) is not None:
        print(f"peer: {peer.subject}, issued by {peer.issuer}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("host", metavar="HOST")
    parser.add_argument("port", metavar="PORT", type=int)
    parser.add_argument("paths", metavar="FILE_OR_FOLDER", nargs="*", help="none: a C-ECHO")
    key = str(MODALITY.with_suffix(".key"))
    parser.add_argument("-ca", metavar="FILE", default=str(ROOT), help="trusted CAs")
    parser.add_argument("-cert", metavar="FILE", default=str(MODALITY), help="own certificate")
    parser.add_argument("-key", metavar="FILE", default=key, help="its key")
    parser.add_argument("-aet", default="SECURE_SCU", help="own AE title, default %(default)s")
    parser.add_argument("-aec", default="SECURE_SCP", help="the peer's, default %(default)s")
    parser.add_argument("--window", metavar="N", type=int, default=1, help="requests at a time")
    parser.add_argument("--plain", action="store_true", help="connect without TLS")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--debug", action="store_true", help="log all details")
    args = parser.parse_intermixed_args()
    logging.basicConfig(level=logging.DEBUG if args.debug else logging.ERROR)
    try:
        with connect(args) as scu:
            result = run(scu, args)
    except (DicomError, OSError) as error:
        lacks = args.ca == str(ROOT) and not ROOT.exists() and not args.plain
        hint = f" To make it: leaddicom pki init --dir {CERTS}" if lacks else ""
        sys.exit(f"secure_scu: {' '.join(str(error).split())}{hint}")
    except KeyboardInterrupt:
        sys.exit("secure_scu: interrupted")
    report(scu, result, args)
    if args.paths and not (result.sent or result.failed):
        sys.exit("secure_scu: there is no DICOM file among what was named")
    sys.exit(1 if result.failed else 0)


if __name__ == "__main__":
    main()

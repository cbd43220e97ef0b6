"""A storage SCP over mutual TLS: answers C-ECHO, and files what C-STORE brings."""

from __future__ import annotations

import argparse
import getpass
import logging
import signal
import sys
from contextlib import suppress
from pathlib import Path
from threading import Event

from leaddicom import (
    DICOM_SECURE_NONE,
    DICOM_SECURE_TLS,
    STORAGE,
    VERIFICATION,
    AccessPolicy,
    Archive,
    DataSetError,
    DicomError,
    DicomErrorCode,
    LDicomAssociate,
    LDicomDS,
    LDicomNet,
    Limits,
    Status,
    TlsSettings,
)

CERTS = Path(__file__).resolve().parent.parent / "certs"
ROOT = CERTS / "rootCA" / "rootCA.pem"
ARCHIVE = CERTS / "servers" / "archive" / "archive.pem"

#: Statuses of C-STORE (PS3.4 Table B.2-1) for what can go wrong; C000H is "cannot understand".
STATUSES = {DicomErrorCode.WRITE: Status.REFUSED_OUT_OF_RESOURCES, DicomErrorCode.PARAMETER: 0xA900}

log = logging.getLogger("secure_scp")


class SecureScp(LDicomNet):
    supported_contexts = (*VERIFICATION, *STORAGE)
    archive: Archive

    def OnPrivateKeyPassword(self, encryption: bool) -> str | None:
        prompt = "Password of the private key: "
        return getpass.getpass(prompt) if sys.stdin.isatty() else None

    def OnSecureLinkReady(self, error: int) -> None:
        link, peer = self.link_facts, self.peer_identity
        if link and peer:  # if not, the library logs the reason
            facts = f"{peer.subject}, {link.tls_version}, {link.cipher_name}"
            log.info("%s:%d is %s", *self.GetPeerInfo(), facts)

    def OnReceiveAssociateRequest(self, associate: LDicomAssociate) -> None:
        titles = f"{associate.GetCalling()!r} calls {associate.GetCalled()!r}"
        log.info("%s:%d: %s", *self.GetPeerInfo(), titles)
        super().OnReceiveAssociateRequest(associate)  # checks the title, accepts the contexts

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
        status: int = Status.SUCCESS
        try:
            path = self.archive.store(dataset)
            log.debug("Stored %s", path)
        except DataSetError as error:
            status = STATUSES.get(error.code, 0xC000)
            who = (*self.GetPeerInfo(), sop_instance_uid)
            log.error("Answered %04XH to %s:%d for %s: %s", status, *who, error)
        self.SendCStoreResponse(
            presentation_id, message_id, sop_class_uid, sop_instance_uid, status
        )


def serve(args: argparse.Namespace) -> None:
    """Listen until SIGINT (Ctrl-C) or SIGTERM."""
    mode = DICOM_SECURE_NONE if args.plain else DICOM_SECURE_TLS
    Path(args.output).mkdir(parents=True, exist_ok=True)
    scp = SecureScp(args.output, mode)  # instances arrive where they stay
    scp.ae_title = args.ae_title
    scp.archive = Archive(args.output)
    if args.access:
        scp.access = AccessPolicy.load(args.access)
    if args.max_associations is not None:
        scp.limits = Limits(associations=args.max_associations)
    if args.plain:
        log.warning("Serving WITHOUT TLS: anybody can read and change what is sent.")
    else:
        scp.Initialize(None, mode, TlsSettings(ca_file=args.ca, crl_file=args.crl))
        scp.SetServerCertificateTLS(args.cert, key_path=args.key)
        reload_on_sighup(scp)
    try:
        scp.Listen(args.address, args.port)
        log.info("%s is ready on port %d", scp.ae_title, scp.GetHostInfo()[1])
        Event().wait()
    finally:
        scp.Close()


def reload_on_sighup(scp: LDicomNet) -> None:
    """Read certificates, key and CAs anew at a SIGHUP, for the connections that follow."""

    def reload(*_: object) -> None:
        with suppress(DicomError):  # the library logs the reason and goes on with the old files
            scp.Reload()

    if hasattr(signal, "SIGHUP"):  # Windows has none
        signal.signal(signal.SIGHUP, reload)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=2762, help="default 2762; 0 takes a free one")
    parser.add_argument("--address", help="of this computer to listen on; default: all of them")
    parser.add_argument("--ae-title", default="SECURE_SCP", help="default %(default)s")
    key = str(ARCHIVE.with_suffix(".key"))
    parser.add_argument("-ca", metavar="FILE", default=str(ROOT), help="or folder: trusted CAs")
    parser.add_argument("-cert", metavar="FILE", default=str(ARCHIVE), help="own certificate")
    parser.add_argument("-key", metavar="FILE", default=key, help="its key")
    parser.add_argument("-crl", metavar="FILE", help="or folder: revoked certificates")
    parser.add_argument("--access", metavar="FILE", help="TOML: which certificate may be which AE")
    parser.add_argument("--output", metavar="DIR", default="received", help="default %(default)s")
    parser.add_argument("--max-associations", metavar="N", type=int, help="at a time, default 100")
    parser.add_argument("--plain", action="store_true", help="serve without TLS")
    parser.add_argument("--debug", action="store_true", help="log all details")
    args = parser.parse_args()
    level = logging.DEBUG if args.debug else logging.INFO
    logging.basicConfig(stream=sys.stdout, level=level, format="%(levelname)s %(message)s")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C
    try:
        serve(args)
    except KeyboardInterrupt:
        pass
    except (DicomError, OSError) as error:
        lacks = args.ca == str(ROOT) and not ROOT.exists() and not args.plain
        hint = f" To make it: leaddicom pki init --dir {CERTS}" if lacks else ""
        sys.exit(f"secure_scp: {' '.join(str(error).split())}{hint}")


if __name__ == "__main__":
    main()

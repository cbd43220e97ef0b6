"""A worklist manager (UPS SCP) over mutual TLS, with the certificates of the development PKI.

It is the command ``leaddicom ups serve`` under the name that users of other managers know.  A
manager that is part of a program of yours needs no more than `UpsManager`:

    manager = UpsManager(Store("worklist.sqlite", zone=timezone.utc))
    manager.Initialize(ctx=TlsSettings(ca_file="ca.pem"))
    manager.SetServerCertificateTLS("manager.pem", key_path="manager.key")
    manager.start("*", 2762)
"""

from __future__ import annotations

import sys
from pathlib import Path

from leaddicom.cli.ups.serve import main

CERTS = Path(__file__).resolve().parent.parent / "certs"

if __name__ == "__main__":
    sys.exit(main(certs=CERTS))

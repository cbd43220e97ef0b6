"""Creates workitems on a worklist manager (UPS N-CREATE) from DICOM files, over mutual TLS.

It is the command ``leaddicom ups create`` under the name that users of other clients know.  What
a program of yours needs is no more than `UpsScu`:

    with UpsScu("localhost", 2762, ca_file="ca.pem", certificate="me.pem", key="me.key") as ups:
        uid = ups.create("workitem.dcm").check().uid
"""

from __future__ import annotations

import sys
from pathlib import Path

from leaddicom.cli.ups.create import main

CERTS = Path(__file__).resolve().parent.parent / "certs"

if __name__ == "__main__":
    sys.exit(main(certs=CERTS))

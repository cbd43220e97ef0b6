"""pynetdicom's side of the comparison: a storage SCP and SCU, as its documentation has them.

pynetdicom_peer.py scp CA CERT KEY FOLDER         prints its port
pynetdicom_peer.py scu CA CERT KEY PORT FOLDER
"""

from __future__ import annotations

import ssl
import sys
import threading
import time
from pathlib import Path

from pydicom import dcmread
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from pynetdicom import AE, evt
from pynetdicom.events import Event


def context(purpose: ssl.Purpose, ca: str, certificate: str, key: str) -> ssl.SSLContext:
    """Give a context with mutual authentication."""
    result = ssl.create_default_context(purpose, cafile=ca)
    result.load_cert_chain(certificate, key)
    result.verify_mode = ssl.CERT_REQUIRED
    return result


def serve(ca: str, certificate: str, key: str, folder: str) -> None:
    """Store what comes, until killed."""

    def store(event: Event) -> int:
        (Path(folder) / f"{event.request.AffectedSOPInstanceUID}.dcm").write_bytes(
            event.encoded_dataset()
        )
        return 0

    entity = AE()
    entity.add_supported_context(CTImageStorage, ExplicitVRLittleEndian)
    server = entity.start_server(
        ("localhost", 0),
        block=False,
        evt_handlers=[(evt.EVT_C_STORE, store)],
        ssl_context=context(ssl.Purpose.CLIENT_AUTH, ca, certificate, key),
    )
    print(server.socket.getsockname()[1], flush=True)
    threading.Event().wait()


def send(ca: str, certificate: str, key: str, port: str, folder: str) -> None:
    """Send every file of a folder, and print the seconds that it took."""
    begin = time.perf_counter()
    entity = AE()
    entity.add_requested_context(CTImageStorage, ExplicitVRLittleEndian)
    association = entity.associate(
        "localhost",
        int(port),
        tls_args=(context(ssl.Purpose.SERVER_AUTH, ca, certificate, key), "localhost"),
    )
    for path in sorted(Path(folder).iterdir()):
        if association.send_c_store(dcmread(path)).Status:
            raise SystemExit(f"{path} was not stored")
    association.release()
    print(time.perf_counter() - begin)


if __name__ == "__main__":
    {"scp": serve, "scu": send}[sys.argv[1]](*sys.argv[2:])

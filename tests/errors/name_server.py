"""Connect to a name that a name server of our own answers, and print the code of `OnConnect`.

A program of its own, because it needs namespaces (network and mounts) of its own: no port 53 and
no ``/etc/resolv.conf`` but its own are touched.  `ask` runs it.
"""

from __future__ import annotations

import fcntl
import queue
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

_SIOCSIFFLAGS, _IFF_UP_AND_RUNNING = 0x8914, 0x41


def ask(answer: int) -> int:
    """Give the code of a connection to a name for which there are no addresses.

    Parameters
    ----------
    answer : int
        The name server's response code (RFC 1035 section 4.1.1).
    """
    unshare = ["unshare", "--map-root-user", "--net", "--mount"]
    if shutil.which("unshare") is None or subprocess.run([*unshare, "true"]).returncode:
        pytest.skip("a name server of our own needs namespaces (unshare), which are not allowed")
    program = [*unshare, sys.executable, "-W", "error", __file__, str(answer)]
    done = subprocess.run(program, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def _serve(sock: socket.socket, answer: int) -> None:
    while True:
        query, client = sock.recvfrom(512)
        # The query again, as a response without records.
        flags = struct.pack(">H", 0x8180 | answer)
        sock.sendto(query[:2] + flags + query[4:6] + bytes(6) + query[12:], client)


def _main(answer: int) -> None:
    from leaddicom import DICOM_SECURE_NONE, LDicomNet

    class Client(LDicomNet):
        def OnConnect(self, error: int) -> None:
            codes.put(error)

    codes: queue.Queue[int] = queue.Queue()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        request = struct.pack("16sH14x", b"lo", _IFF_UP_AND_RUNNING)
        fcntl.ioctl(sock, _SIOCSIFFLAGS, request)
        sock.bind(("127.0.0.1", 53))
        threading.Thread(target=_serve, args=(sock, answer), daemon=True).start()
        with tempfile.NamedTemporaryFile("w") as file:
            file.write("nameserver 127.0.0.1\n")
            file.flush()
            mount = ["mount", "--bind", file.name, str(Path("/etc/resolv.conf").resolve())]
            subprocess.run(mount, check=True)
            Client(None, DICOM_SECURE_NONE).Connect(None, 0, "pacs.example.", 104)
            sys.stdout.write(f"{int(codes.get(timeout=30))}\n")
            subprocess.run(["umount", mount[-1]], check=True)


if __name__ == "__main__":
    _main(int(sys.argv[1]))

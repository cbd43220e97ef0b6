"""Runs the secure storage SCP, sends it DICOM files over mutual TLS, and leaves it running.

Ctrl-C ends it.  Called by ``make run``.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path
from threading import Thread
from types import FrameType
from typing import IO, cast

import pydicom

from leaddicom.pki import CertificateState, init_development_pki

REPOSITORY = Path(__file__).resolve().parent.parent
CERTIFICATES = REPOSITORY / "certs"
RECEIVED = REPOSITORY / "received"

#: One file each of several SOP classes and transfer syntaxes, shipped with pydicom.
FILES = [
    "CT_small.dcm",
    "MR_small.dcm",
    "JPEG2000.dcm",
    "SC_rgb_rle.dcm",
    "examples_ybr_color.dcm",
    "image_dfl.dcm",
    "liver_1frame.dcm",
    "rtdose_rle_1frame.dcm",
    "test-SR.dcm",
    "waveform_ecg.dcm",
]


SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(Exception):
    """The user wants the demonstration to end."""


def main() -> int:
    """Run the demonstration; return the exit status."""
    parser = argparse.ArgumentParser(description="A secure storage SCP, with files sent to it.")
    parser.add_argument("--port", type=int, default=2762, help="of the SCP (default: %(default)s)")
    port = parser.parse_args().port
    for number in SIGNALS:
        signal.signal(number, stop)
    try:
        return demonstrate(port)
    except subprocess.CalledProcessError as error:
        return error.returncode
    except Stopped:
        return 0


def stop(number: int, frame: FrameType | None) -> None:
    """Turn the first signal into an exception, and ignore the impatient ones that follow."""
    for other in SIGNALS:
        signal.signal(other, signal.SIG_IGN)
    raise Stopped


def demonstrate(port: int) -> int:
    """Make certificates, start the SCP, send to it, and wait for its end."""
    for entry in init_development_pki(CERTIFICATES):
        if entry.state is not CertificateState.KEPT:
            print(f"{entry.state.value} {entry.certificate_file}", flush=True)
    server = start_server(port)
    try:
        if not wait_until_ready(server):
            print(
                f"The SCP ended before it was ready. If port {port} is in use, "
                f"take another: make run PORT={port + 1}",
                file=sys.stderr,
            )
            return 1
        folder = Path(pydicom.__file__).parent / "data" / "test_files"
        files = [str(folder / name) for name in FILES]
        run("samples/secure_scu.py", "localhost", str(port), *files)
        print(f"\nThe instances are in {RECEIVED}.")
        print(f"The SCP goes on listening on port {port}; Ctrl-C ends it.", flush=True)
        return server.wait()
    finally:
        end(server)


def run(*arguments: str) -> None:
    """Run a Python program to its end."""
    subprocess.run([sys.executable, *arguments], cwd=REPOSITORY, check=True)


def start_server(port: int) -> subprocess.Popen[str]:
    """Start the SCP, in a session of its own so that Ctrl-C reaches this program alone."""
    return subprocess.Popen(
        [sys.executable, "samples/secure_scp.py", "--port", str(port), "--output", str(RECEIVED)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
        start_new_session=True,
    )


def wait_until_ready(server: subprocess.Popen[str]) -> bool:
    """Show what the SCP prints; return True when it listens and False when it has ended."""
    output = cast("IO[str]", server.stdout)
    for line in output:
        print(line, end="", flush=True)
        if "ready" in line:
            # Left unread, the pipe would fill up and the SCP block in a print one day.
            Thread(target=show, args=(output,), daemon=True).start()
            return True
    return False


def show(output: IO[str]) -> None:
    """Print lines as they come."""
    for line in output:
        print(line, end="", flush=True)


def end(server: subprocess.Popen[str]) -> None:
    """End the SCP, by force if it does not go by itself."""
    server.terminate()
    try:
        server.wait(timeout=10)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


if __name__ == "__main__":
    sys.exit(main())

"""Storage over mutual TLS: leaddicom beside DCMTK and pynetdicom, as ratios of one run.

    python benchmarks/compare.py [--quick] [--pynetdicom] [--folder DIR]

Every cell is a whole transfer by programs that people run: connecting, the association, the
instances, the release, the receiver writing files.  DCMTK runs with what makes it fast,
``TCP_NODELAY=1`` and PDUs of 128 KiB.  Its time is that of the whole program, which takes some
10 ms to start; ours and pynetdicom's are from connecting to the release, because Python takes
longer to start than most transfers.  Only ratios are worth quoting.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid
from rich.console import Console
from rich.table import Table

from leaddicom.pki import init_development_pki

ROOT = Path(__file__).resolve().parent.parent
KIB, MIB = 1 << 10, 1 << 20
REPETITIONS = 3

Server = Callable[[], AbstractContextManager[str]]
Client = Callable[[str, Path], float]


@dataclass(frozen=True)
class Workload:
    """Instances to send, and how many bytes of pixel data each has."""

    name: str
    count: int
    size: int


WORKLOADS = [
    Workload("1,000 instances of 1 KiB", 1000, KIB),
    Workload("300 instances of 512 KiB", 300, 512 * KIB),
    Workload("4 instances of 256 MiB", 4, 256 * MIB),
]


def make_instances(folder: Path, workload: Workload) -> Path:
    """Write the instances of a workload; files of the same size differ in their UID only."""
    target = folder / f"{workload.count}x{workload.size}"
    target.mkdir()
    dataset = Dataset()
    dataset.SOPClassUID = CTImageStorage
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = generate_uid(), generate_uid()
    dataset.PatientID = "BENCHMARK"
    dataset.Modality = "CT"
    dataset.add_new("PixelData", "OW", bytes(workload.size))
    for number in range(workload.count):
        dataset.SOPInstanceUID = generate_uid()
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.save_as(target / f"{number:06}.dcm", enforce_file_format=True)
    return target


def dcmtk(name: str) -> str | None:
    """Find a DCMTK tool; pynetdicom installs others of the same names beside our Python."""
    own = str(Path(sys.executable).parent)
    return shutil.which(name, path=os.pathsep.join(p for p in os.get_exec_path() if p != own))


class Bench:
    """The peers of the comparison, on one folder of certificates."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        init_development_pki(folder / "certs")
        self.ca = str(folder / "certs/rootCA/rootCA.pem")
        self.server = [
            str(folder / f"certs/servers/archive/archive.{end}") for end in ("pem", "key")
        ]
        self.client = [
            str(folder / f"certs/clients/modality/modality.{end}") for end in ("pem", "key")
        ]

    @contextmanager
    def leaddicom_server(self) -> Iterator[str]:
        """Run samples/secure_scp.py; gives its port."""
        with self._received() as received:
            process = subprocess.Popen(
                [sys.executable, "-u", "samples/secure_scp.py", "--port", "0",
                 "-ca", self.ca, "-cert", self.server[0], "-key", self.server[1],
                 "--output", str(received)],
                cwd=ROOT, stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
            line = next((line for line in process.stdout or () if "ready" in line), "")
            try:
                yield line.split("port ")[1].split()[0].strip(".,:;")
            finally:
                process.terminate()
                process.communicate()

    @contextmanager
    def dcmtk_server(self) -> Iterator[str]:
        """Run storescp; gives its port."""
        port = free_port()
        with self._received() as received:
            process = subprocess.Popen(
                [dcmtk("storescp") or "storescp", "+tls", self.server[1], self.server[0],
                 "+cf", self.ca, "--max-pdu", "131072", "+B", "-od", str(received), port],
                env=os.environ | {"TCP_NODELAY": "1"},
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            try:
                wait_for(lambda: self.dcmtk_echo(port))
                yield port
            finally:
                process.terminate()
                process.wait()

    @contextmanager
    def pynetdicom_server(self) -> Iterator[str]:
        """Run benchmarks/pynetdicom_peer.py; gives its port."""
        with self._received() as received:
            process = subprocess.Popen(
                [sys.executable, "-u", "benchmarks/pynetdicom_peer.py", "scp",
                 self.ca, *self.server, str(received)],
                cwd=ROOT, stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
            try:
                yield (process.stdout.readline() if process.stdout else "").strip()
            finally:
                process.terminate()
                process.communicate()

    @contextmanager
    def _received(self) -> Iterator[Path]:
        received = Path(tempfile.mkdtemp(dir=self.folder))
        try:
            yield received
        finally:
            shutil.rmtree(received)

    def dcmtk_echo(self, port: str) -> bool:
        """Tell whether a server answers."""
        command = [dcmtk("echoscu") or "echoscu", *self._dcmtk_tls(), "localhost", port]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def dcmtk_client(self, port: str, files: Path) -> float:
        """Send with storescu; seconds of the whole program."""
        begin = time.perf_counter()
        subprocess.run(
            [dcmtk("storescu") or "storescu", *self._dcmtk_tls(), "--max-pdu", "131072",
             "-aec", "SECURE_SCP", "+sd", "localhost", port, str(files)],
            env=os.environ | {"TCP_NODELAY": "1"}, check=True, capture_output=True,
        )  # fmt: skip
        return time.perf_counter() - begin

    def leaddicom_client(self, port: str, files: Path, window: int = 1) -> float:
        """Send with samples/secure_scu.py; seconds from connecting to the release."""
        result = subprocess.run(
            [sys.executable, "samples/secure_scu.py", "localhost", port, str(files), "--json",
             "-ca", self.ca, "-cert", self.client[0], "-key", self.client[1],
             "--window", str(window)],
            cwd=ROOT, check=True, capture_output=True, text=True,
        )  # fmt: skip
        summary = json.loads(result.stdout)
        if summary["failed"]:
            raise RuntimeError(result.stdout)
        return float(summary["seconds"])

    def pynetdicom_client(self, port: str, files: Path) -> float:
        """Send with benchmarks/pynetdicom_peer.py; seconds from connecting to the release."""
        result = subprocess.run(
            [sys.executable, "benchmarks/pynetdicom_peer.py", "scu",
             self.ca, *self.client, port, str(files)],
            cwd=ROOT, check=True, capture_output=True, text=True,
        )  # fmt: skip
        return float(result.stdout)

    def _dcmtk_tls(self) -> list[str]:
        return ["+tls", self.client[1], self.client[0], "+cf", self.ca]


def free_port() -> str:
    """Give a port that was free a moment ago."""
    with socket.socket() as sock:
        sock.bind(("", 0))
        return str(sock.getsockname()[1])


def wait_for(condition: Callable[[], bool]) -> None:
    """Try until it holds, 50 times at most."""
    if not any(condition() for _ in range(50)):
        raise RuntimeError("the peer does not answer")


def median(server: Server, client: Client, files: Path) -> float:
    """Give the median of some transfers, after one that does not count."""
    with server() as port:
        client(port, files)
        return statistics.median(client(port, files) for _ in range(REPETITIONS))


def main() -> int:
    """Run the comparison and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a tenth of the instances")
    parser.add_argument(
        "--pynetdicom", action="store_true", help="pynetdicom too; it takes minutes"
    )
    parser.add_argument("--folder", help="for the files; best in memory, such as /dev/shm")
    arguments = parser.parse_args()
    if dcmtk("storescu") is None:
        print("DCMTK is missing (Debian package dcmtk).", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        table = compare(Bench(Path(folder)), arguments.quick, arguments.pynetdicom)
    Console().print(table)
    return 0


def compare(bench: Bench, quick: bool, with_pynetdicom: bool) -> Table:
    """Measure every workload; the table gives DCMTK's time over each other's."""
    pairs: dict[str, tuple[Server, Client]] = {
        "leaddicom": (bench.leaddicom_server, bench.leaddicom_client),
        "leaddicom, window 16": (
            bench.leaddicom_server,
            partial(bench.leaddicom_client, window=16),
        ),
    }
    if with_pynetdicom:
        pairs["pynetdicom"] = (bench.pynetdicom_server, bench.pynetdicom_client)
    headings = [f"{name}, times as fast" for name in pairs]
    table = Table("workload, mutual TLS", "DCMTK, seconds", *headings)
    for workload in WORKLOADS:
        count = max(1, workload.count // 10) if quick else workload.count
        files = make_instances(bench.folder, replace(workload, count=count))
        base = median(bench.dcmtk_server, bench.dcmtk_client, files)
        ratios = [f"{base / median(*pair, files):.2f}" for pair in pairs.values()]
        table.add_row(workload.name + " (a tenth)" * quick, f"{base:.2f}", *ratios)
        shutil.rmtree(files)
    return table


if __name__ == "__main__":
    sys.exit(main())

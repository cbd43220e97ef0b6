"""A storage SCP that receives 1 GiB grows by less than 32 MiB."""

from __future__ import annotations

import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from leaddicom.testing.bugs import SOP_INSTANCE

from .nets import Links, patient, write_instance

GIB, MIB = 1 << 30, 1 << 20
NEEDED = 3 * GIB

SCP = textwrap.dedent(
    """
    import sys
    import leaddicom
    from leaddicom import Archive, LDicomNet, Status, TlsSettings, supported

    folder, mode, ca_file, certificate_file, key_file = sys.argv[1:]

    class Scp(LDicomNet):
        supported_contexts = (*leaddicom.VERIFICATION, *leaddicom.STORAGE)

        def OnReceiveCEchoRequest(self, context, message_id, sop_class):
            self.SendCEchoResponse(context, message_id, sop_class, Status.SUCCESS)

        def OnReceiveCStoreRequest(self, context, message_id, sop_class, instance, *rest):
            Archive(folder).store(rest[-1])
            self.SendCStoreResponse(context, message_id, sop_class, instance, Status.SUCCESS)

    scp = Scp(folder, int(mode))
    if int(mode) == leaddicom.DICOM_SECURE_TLS:
        scp.Initialize(None, int(mode), TlsSettings(ca_file=ca_file))
        scp.SetServerCertificateTLS(certificate_file, 1, key_file)
    scp.Listen("127.0.0.1", 0)
    print(scp.GetHostInfo()[1], flush=True)
    sys.stdin.read()
    scp.Close()
    """
)


def memory(process: subprocess.Popen[str], what: str) -> int:
    """Give VmRSS or VmHWM of a process in bytes."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith(what))
    return int(line.split()[1]) * 1024


def test_an_instance_of_1_gib_grows_the_scp_by_less_than_32_mib(tls: Links, tmp_path) -> None:
    free = shutil.disk_usage(tmp_path).free
    if free < NEEDED:
        pytest.skip(f"{tmp_path} has {free >> 20} MiB free; 3 GiB are needed")
    instance, archive = tmp_path / "instance.dcm", tmp_path / "archive"
    archive.mkdir()
    write_instance(instance, GIB)  # its pixels are a hole and cost no disk
    issued = tls.of_server
    files = [tls.pki.ca_file, issued.certificate_file, issued.key_file]
    command = [sys.executable, "-c", SCP, str(archive), str(tls.mode), *map(str, files)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            address = ("127.0.0.1", int(process.stdout.readline()))
            limits = patient(write_timeout=60.0, response_timeout=60.0)
            client = tls.client(limits).associated_with(address)
            assert client.echo() == 0
            before = memory(process, "VmRSS")
            client.store(str(instance))
            assert client.answers.get(timeout=100) == (1, 0)
            after = memory(process, "VmHWM")
            client.SendReleaseRequest()
            assert client.end().code == 0
        finally:
            process.stdin.close()
            process.wait(20)
    (stored,) = archive.rglob("*.dcm")
    assert stored.name == f"{SOP_INSTANCE}.dcm"
    assert stored.stat().st_size >= GIB
    shutil.rmtree(archive)
    assert after - before < 32 * MIB

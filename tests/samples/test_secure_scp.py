"""The storage SCP as it is started from a shell."""

from __future__ import annotations

import re
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from shutil import copyfile

import pytest
from cryptography.hazmat.primitives import hashes
from nets import Nets
from programs import Program, run, sample
from storage import CT, FILES, data_set_of, write_instance

from leaddicom import (
    DICOM_SECURE_NONE,
    AssociationError,
    LDicomAssociate,
    LDicomDS,
    LDicomNet,
    NetworkError,
    Scu,
    TlsError,
)
from leaddicom.cli.main import main as leaddicom
from leaddicom.testing.certificates import IssuedCertificate, ThrowAwayPki

Start = Callable[..., tuple[Program, int]]


@pytest.fixture
def start(tls: list[str], tmp_path: Path) -> Iterator[Start]:
    """Starts the sample on a free port; gives it and the port."""
    with ExitStack() as stack:

        def start(*more: str) -> tuple[Program, int]:
            options = ("--port", "0", "--address", "127.0.0.1", "--output", tmp_path / "out", *tls)
            program = stack.enter_context(Program(*sample("secure_scp.py", *options, *more)))
            return program, int(program.wait_for(r"ready.* port (\d+)$")[1])

        yield start


@pytest.fixture
def scu(pki: ThrowAwayPki, good: IssuedCertificate) -> Callable[..., Scu]:
    def make(port: int, **more: str) -> Scu:
        files = {"certificate": str(good.certificate_file), "key": str(good.key_file)}
        options = {"called_ae_title": "SECURE_SCP", "ca_file": str(pki.ca_file), **files, **more}
        return Scu("localhost", port, **options)  # type: ignore[arg-type]

    return make


def test_answers_an_echo_and_says_who_called(start: Start, scu: Callable[..., Scu]) -> None:
    program, port = start()
    with scu(port) as client:
        client.echo()
        facts = client.link_facts
    assert facts is not None
    program.wait_for(
        rf"127\.0\.0\.1:\d+ is CN=sample,.*, {facts.tls_version}, {facts.cipher_name}$"
    )
    program.wait_for("'LEADDICOM' calls 'SECURE_SCP'$")


def test_files_what_it_is_sent(start: Start, scu: Callable[..., Scu], tmp_path: Path) -> None:
    _, port = start()
    path = FILES / "CT_small.dcm"
    with scu(port) as client:
        assert client.store(path).sent == 1
    (filed,) = (tmp_path / "out").rglob("*.dcm")
    assert data_set_of(filed) == data_set_of(path)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ends_cleanly_at_a_signal(
    start: Start, scu: Callable[..., Scu], number: signal.Signals
) -> None:
    program, port = start()
    client = scu(port)
    client.echo()  # and the association stays
    assert program.end(number) == 0
    assert "Traceback" not in program.text
    client.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 5)


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has no SIGHUP")
def test_reloads_its_files_at_a_sighup(
    start: Start, scu: Callable[..., Scu], pki: ThrowAwayPki, tmp_path: Path
) -> None:
    first, second = pki.issue("first"), pki.issue("second")
    certificate, key = tmp_path / "own.pem", tmp_path / "own.key"

    def install(issued: IssuedCertificate) -> None:
        copyfile(issued.certificate_file, certificate)
        copyfile(issued.key_file, key)

    def shown() -> str:
        with scu(port) as client:
            client.echo()
            assert client.peer_identity is not None
            return client.peer_identity.subject.partition(",")[0]

    install(first)
    program, port = start("-cert", str(certificate), "-key", str(key))
    install(second)
    assert shown() == "CN=first"
    program.send(signal.SIGHUP)
    program.wait_for("INFO The TLS files were reloaded")
    assert shown() == "CN=second"
    key.write_text("nothing")
    program.send(signal.SIGHUP)
    program.wait_for("WARNING Nothing was reloaded; .* stay in use: The private key in .*own.key")
    assert shown() == "CN=second"


def test_rejects_other_titles(start: Start, scu: Callable[..., Scu]) -> None:
    program, port = start("--ae-title", "MINE")
    scu(port, called_ae_title="MINE").echo()
    with pytest.raises(AssociationError, match="called AE title not recognized"):
        scu(port).echo()
    program.wait_for(
        "'LEADDICOM' calls 'SECURE_SCP'.: this end rejected .*called AE title not recognized"
    )


def test_keeps_to_who_may_be_whom(
    start: Start, scu: Callable[..., Scu], good: IssuedCertificate, tmp_path: Path
) -> None:
    fingerprint = good.certificate.fingerprint(hashes.SHA256()).hex()
    policy = tmp_path / "access.toml"
    policy.write_text(f'[rule.ct]\nfingerprint = "{fingerprint}"\ncalling = ["CT1"]\n')
    program, port = start("--access", str(policy))
    scu(port, calling_ae_title="CT1").echo()
    with pytest.raises(AssociationError, match="calling AE title not recognized"):
        scu(port, calling_ae_title="CT2").echo()
    program.wait_for("WARNING .*CT2")


def test_refuses_who_was_revoked(
    start: Start, scu: Callable[..., Scu], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the revocation list of ``leaddicom pki``."""
    folder = tmp_path / "pki"
    for command in (["init"], ["revoke", "modality"]):
        assert leaddicom(["pki", *command, "--dir", str(folder)]) == 0
    own = {"-ca": "rootCA/rootCA.pem", "-crl": "rootCA/rootCA.crl"}
    server = "servers/archive/archive"
    own |= {"-cert": f"{server}.pem", "-key": f"{server}.key"}
    program, port = start(*(each for k, v in own.items() for each in (k, str(folder / v))))

    def client(name: str) -> Scu:
        file = folder / "clients" / name / name
        files = {"certificate": f"{file}.pem", "key": f"{file}.key"}
        return scu(port, ca_file=str(folder / "rootCA/rootCA.pem"), **files)

    client("workitemcreator").echo()
    with pytest.raises(TlsError, match="revoked"):
        client("modality").echo()
    program.wait_for("WARNING .*revoked")


def test_says_why_it_refused_a_caller(
    start: Start, scu: Callable[..., Scu], pki: ThrowAwayPki
) -> None:
    program, port = start()
    expired = pki.variant("expired")
    files = {"certificate": str(expired.certificate_file), "key": str(expired.key_file)}
    with pytest.raises(TlsError, match="expired"):
        scu(port, **files).echo()
    program.wait_for(r"WARNING .*127\.0\.0\.1:\d+.*expired")


def test_serves_plain_dicom_with_a_warning(start: Start, scu: Callable[..., Scu]) -> None:
    program, port = start("--plain")
    assert re.search("^WARNING .*WITHOUT TLS", program.text, re.MULTILINE)
    with Scu("localhost", port, mode=DICOM_SECURE_NONE, called_ae_title="SECURE_SCP") as client:
        client.echo()


def test_keeps_to_the_number_of_associations(start: Start, scu: Callable[..., Scu]) -> None:
    program, port = start("--max-associations", "1")
    with scu(port) as first:
        first.echo()
        with pytest.raises((NetworkError, TlsError)):
            scu(port).echo()
        program.wait_for("WARNING Refused .* limit of 1 connections")
        first.echo()


class TestStatuses:
    """What a C-STORE that fails is answered with (PS3.4 Table B.2-1)."""

    class Client(LDicomNet):
        def OnConnect(self, error: int) -> None:
            request = LDicomAssociate(True)
            request.SetCalled("SECURE_SCP")
            request.SetCalling("TEST")
            request.AddPresentation(1, 0, CT)
            request.AddTransfer(1, "1.2.840.10008.1.2.1")
            self.SendAssociateRequest(request)

    def status(self, nets: Nets, port: int, path: Path, instance: str | None = None) -> int:
        client = nets.recorder.watch(self.Client(None, DICOM_SECURE_NONE))
        nets.made.append(client)
        client.Connect(None, 0, "127.0.0.1", port)
        nets.wait_for("OnReceiveAssociateAccept")
        dataset = LDicomDS.from_file(path)
        uid = instance or dataset.sop_instance_uid
        client.SendCStoreRequest(1, 1, CT, uid, 0, "", 0, dataset)
        return int(nets.wait_for("OnReceiveCStoreResponse")[-1])

    def test_success(self, start: Start, nets: Nets) -> None:
        _, port = start("--plain")
        assert self.status(nets, port, FILES / "CT_small.dcm") == 0

    def test_another_instance_than_announced(self, start: Start, nets: Nets) -> None:
        program, port = start("--plain")
        assert self.status(nets, port, FILES / "CT_small.dcm", "1.2.3") == 0xA900
        program.wait_for("ERROR Answered A900H .* names SOP instance '1.2.3'")

    def test_no_study(self, start: Start, nets: Nets, tmp_path: Path) -> None:
        _, port = start("--plain")
        path = write_instance(tmp_path, 1)
        data = path.read_bytes()
        study = b"\x20\x00\x0d\x00UI"
        path.write_bytes(data.replace(study, b"\x20\x00\x0c\x00UI"))
        assert self.status(nets, port, path) == 0xA900

    def test_damaged(self, start: Start, nets: Nets, tmp_path: Path) -> None:
        program, port = start("--plain")
        path = write_instance(tmp_path, 1)
        data = path.read_bytes()
        name = b"\x10\x00\x10\x00PN\x08\x00"
        path.write_bytes(data.replace(name, b"\x10\x00\x10\x00PN\xff\xff"))
        assert self.status(nets, port, path) == 0xC000
        program.wait_for("ERROR Answered C000H")

    def test_disk_trouble(self, start: Start, nets: Nets, tmp_path: Path) -> None:
        program, port = start("--plain")
        path = FILES / "CT_small.dcm"
        study = LDicomDS.from_file(path).to_pydicom().StudyInstanceUID
        (tmp_path / "out" / study).touch()  # where a folder should go
        assert self.status(nets, port, path) == 0xA700
        program.wait_for("ERROR Answered A700H .* cannot be filed")


class TestStarting:
    def fails(self, *options: str | Path) -> str:
        result = run(*sample("secure_scp.py", *options))
        assert result.returncode == 1
        assert len(result.stderr.splitlines()) == 1
        assert result.stderr.startswith("secure_scp: ")
        return result.stderr

    def test_on_a_port_in_use(self, tls: list[str], tmp_path: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = str(other.getsockname()[1])
            where = ("--address", "127.0.0.1", "--port", port, "--output", str(tmp_path))
            assert "Another program listens there" in self.fails(*where, *tls)

    def test_without_certificates(self, tls: list[str], tmp_path: Path) -> None:
        nothing = str(tmp_path / "nothing.pem")
        options = ("--port", "0", "--output", tmp_path, *tls, "-cert", nothing)
        error = self.fails(*options)
        assert nothing in error

    def test_with_an_impossible_ae_title(self, tls: list[str], tmp_path: Path) -> None:
        options = ("--port", "0", "--output", tmp_path, "--ae-title", "A" * 17)
        assert "is no AE title" in self.fails(*options, *tls)

    def test_with_a_file_for_a_folder(self, tls: list[str], tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        error = self.fails("--port", "0", "--output", tmp_path / "file", *tls)
        assert "File exists" in error

    def test_has_the_development_pki_s_certificate_by_default(self) -> None:
        shown = run(*sample("secure_scp.py", "--help"))
        assert shown.returncode == 0
        assert "2762" in shown.stdout
        assert "SECURE_SCP" in shown.stdout

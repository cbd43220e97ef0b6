"""DCMTK, Orthanc and OpenSSL's command against our ends under every profile."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from nets import Nets, free_port, raw_listener, short
from OpenSSL import SSL
from OpenSSL._util import lib
from programs import PATIENCE, Program, run
from storage import StorageScp

from interop.archives import ArchivePeer, running
from leaddicom import (
    DICOM_SECURE_TLS,
    STUDY_ROOT,
    LDicomNet,
    Scu,
    TlsError,
    TlsSettings,
)
from leaddicom.testing.certificates import IssuedCertificate, ThrowAwayPki
from leaddicom.tls import PROFILES

from .test_query_scu import keys

B12, B13, B9, B10, B11, AES = PROFILES

_TLS13 = {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}
_RFC_7525 = {
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "DHE-RSA-AES128-GCM-SHA256",
    "DHE-RSA-AES256-GCM-SHA384",
}

#: What DCMTK 3.6.7 can do under each of its options.
DCMTK = {
    "+px": {*_TLS13, *_RFC_7525, "AES128-SHA"},
    "+py": {*_TLS13, *_RFC_7525},
    "+pz": {*_RFC_7525, "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"},
    "+pa": {"AES128-SHA"},
}
SHARED = [
    (name, option)
    for name, profile in PROFILES.items()
    for option, suites in DCMTK.items()
    if suites & {each.openssl_name for each in profile.suites}
]
FOREIGN = [(name, option) for name in PROFILES for option in DCMTK if (name, option) not in SHARED]

Find = Callable[[str], str]
Serve = Callable[..., StorageScp]


@pytest.fixture(scope="session")
def own(pki: ThrowAwayPki) -> dict[str, IssuedCertificate]:
    return {"rsa": pki.issue("profiles-rsa", key="rsa"), "ec": pki.issue("profiles-ec")}


@pytest.fixture
def under(nets: Nets, own: dict[str, IssuedCertificate]) -> Serve:
    """Starts a server of ours under a profile."""

    def serve(name: str, port: int = 0) -> StorageScp:
        server = nets.make(
            StorageScp, link="TLS 1.3", certificate=None, cipher_suites=(), profile=name
        )
        for each in own.values():
            server.add_certificate(str(each.certificate_file), key_path=str(each.key_file))
        server.Listen("127.0.0.1", port)
        return server

    return serve


def client(name: str, port: int, certificate: IssuedCertificate, ca_file: Path) -> Scu:
    scu = Scu("localhost", port, called_ae_title="ARCHIVE", limits=short())
    scu.Initialize(None, DICOM_SECURE_TLS, TlsSettings(ca_file=str(ca_file), profile=name))
    scu.SetClientCertificateTLS(
        str(certificate.certificate_file), key_path=str(certificate.key_file)
    )
    return scu


def check_link(net: LDicomNet, name: str, option: str) -> None:
    """Check that what was negotiated is in both profiles, and of the newest version."""
    facts = net.link_facts
    assert facts is not None
    assert facts.suite in PROFILES[name].suites
    assert facts.cipher_name in DCMTK[option]
    both_have_tls13 = _TLS13 & DCMTK[option] and PROFILES[name].suites_tls13
    assert facts.tls_version == ("TLSv1.3" if both_have_tls13 else "TLSv1.2")


# --------------------------------------------------------------------------------- DCMTK


class TestEchoscu:
    @pytest.mark.parametrize(("name", "option"), SHARED)
    def test_a_shared_profile(
        self, dcmtk: Find, under: Serve, nets: Nets, their_tls: list[str], name: str, option: str
    ) -> None:
        port = str(under(name).GetHostInfo()[1])
        options = [*their_tls, "--require-peer-cert", option]
        result = run(dcmtk("echoscu"), *options, "localhost", port)
        assert result.returncode == 0, result.stderr
        check_link(nets.recorder.wait_for_event("OnSecureLinkReady").net, name, option)

    @pytest.mark.parametrize(("name", "option"), FOREIGN)
    def test_a_foreign_profile(
        self, dcmtk: Find, under: Serve, nets: Nets, their_tls: list[str], name: str, option: str,
        caplog: pytest.LogCaptureFixture,
    ) -> None:  # fmt: skip
        port = str(under(name).GetHostInfo()[1])
        assert run(dcmtk("echoscu"), *their_tls, option, "localhost", port).returncode != 0
        nets.wait_for("OnClose")
        assert "no cipher suite in common" in caplog.text


class TestStorescp:
    @pytest.fixture
    def storescp(
        self, dcmtk: Find, their_tls: list[str], tmp_path: Path, request: pytest.FixtureRequest
    ) -> Iterator[int]:
        """Runs DCMTK's storescp under the option that the test is parametrized with."""
        option, port = request.getfixturevalue("option"), free_port()
        options = ["-od", str(tmp_path), *their_tls, "--require-peer-cert", option]
        with Program(dcmtk("storescp"), "-v", *options, str(port)) as program:
            program.wait_until_it_listens(port)
            yield port

    @pytest.mark.parametrize(("name", "option"), SHARED)
    def test_a_shared_profile(
        self, storescp: int, pki: ThrowAwayPki, rsa: IssuedCertificate, name: str, option: str
    ) -> None:
        with client(name, storescp, rsa, pki.ca_file) as scu:
            scu.echo()
            check_link(scu, name, option)

    @pytest.mark.parametrize(("name", "option"), FOREIGN)
    def test_a_foreign_profile(
        self, storescp: int, pki: ThrowAwayPki, rsa: IssuedCertificate, name: str, option: str
    ) -> None:
        scu = client(name, storescp, rsa, pki.ca_file)
        with scu, pytest.raises(TlsError) as caught:
            scu.echo()
        assert caught.value.alert in (40, 70)  # handshake_failure, protocol_version


# ------------------------------------------------------------------------------- Orthanc


@pytest.fixture(scope="module")
def orthanc(
    pki: ThrowAwayPki, rsa: IssuedCertificate, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ArchivePeer]:
    """An archive that holds one study, and can do all that its OpenSSL can."""
    with running("orthanc", tmp_path_factory.mktemp("orthanc"), pki, rsa) as peer:
        with peer.connect() as scu:
            assert scu.store(peer.files[-1:]).failed == []
        yield peer


@pytest.mark.parametrize("name", PROFILES)
def test_orthanc_as_a_server(orthanc: ArchivePeer, name: str) -> None:
    with client(name, orthanc.port, orthanc.certificate, orthanc.ca_file) as scu:
        scu.echo()
        facts = scu.link_facts
        assert facts is not None
        assert facts.suite in PROFILES[name].suites


@pytest.mark.parametrize("name", PROFILES)
def test_orthanc_as_a_client(orthanc: ArchivePeer, under: Serve, name: str) -> None:
    server = under(name, orthanc.destination_port)
    study = orthanc.files[-1].name.removesuffix(".dcm").rpartition(".")[0]
    with orthanc.connect() as scu:
        result = scu.move(STUDY_ROOT, keys("STUDY", StudyInstanceUID=study), "DESTINATION")
    assert result.completed == 1, result
    assert len(server.received) == 1


# ------------------------------------------------------------------------------- OpenSSL


@dataclass(frozen=True)
class OpenSslClient:
    """OpenSSL's client with a certificate; it verifies the server's."""

    program: str
    files: list[str]
    ca_file: str

    @property
    def command(self) -> list[str]:
        verify = ["-CAfile", self.ca_file, "-verify_return_error"]
        return [self.program, "s_client", *self.files, *verify]

    def __call__(self, port: int, *options: str) -> subprocess.CompletedProcess[str]:
        return run(*self.command, "-connect", f"127.0.0.1:{port}", *options)


@pytest.fixture(scope="module")
def s_client(pki: ThrowAwayPki, own: dict[str, IssuedCertificate]) -> OpenSslClient:
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("the openssl command is not installed (package openssl)")
    files = ["-cert", str(own["ec"].certificate_file), "-key", str(own["ec"].key_file)]
    return OpenSslClient(program, files, str(pki.ca_file))


def give_session(own: IssuedCertificate, command: list[str]) -> str:
    """Be a server that takes early data, for one connection; give what the client prints.

    Parameters
    ----------
    command : list of str
        The client's, without the port.
    """
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.use_certificate_file(str(own.certificate_file))
    context.use_privatekey_file(str(own.key_file))
    assert lib.SSL_CTX_set_max_early_data(context._context, 16384) == 1
    with raw_listener() as (listening, port):
        pipe = subprocess.PIPE
        connect = [*command, "-connect", f"127.0.0.1:{port}", "-ign_eof"]
        with subprocess.Popen(connect, stdin=pipe, stdout=pipe, text=True) as client:
            sock, _ = listening.accept()
            with sock:
                connection = SSL.Connection(context, sock)
                connection.set_accept_state()
                connection.do_handshake()
                connection.sendall(b"hello")
                connection.shutdown()
            return client.communicate(timeout=PATIENCE)[0]


@pytest.mark.parametrize("name", [B12, B13])
def test_early_data_is_not_taken(
    s_client: OpenSslClient, under: Serve, nets: Nets, own: dict[str, IssuedCertificate],
    tmp_path: Path, name: str,
) -> None:  # fmt: skip
    """RFC 9325 section 3.10; the client has a session of a server that would take it."""
    session, early = tmp_path / "session", tmp_path / "early"
    early.write_bytes(b"\x01\x00 sent before the handshake")
    first = [*s_client.command, "-tls1_3", "-sess_out", str(session)]
    assert "Max Early Data: 16384" in give_session(own["ec"], first)

    ours = under(name).GetHostInfo()[1]
    result = s_client(ours, "-tls1_3", "-sess_in", str(session), "-early_data", str(early))
    assert "Early data was rejected" in result.stdout
    assert "New, TLSv1.3" in result.stdout
    assert "Max Early Data: 16384" not in result.stdout.partition("Early data was rejected")[2]
    (error,) = nets.recorder.wait_for("OnSecureLinkReady")
    assert error == 0


@pytest.mark.parametrize("name", [B12, B13, B9, B10, B11])
@pytest.mark.parametrize("group", ["X25519", "P-256"])
def test_one_group_is_enough(s_client: OpenSslClient, under: Serve, name: str, group: str) -> None:
    result = s_client(under(name).GetHostInfo()[1], "-groups", group)
    shown = {"X25519": "X25519, 253 bits", "P-256": "ECDH, prime256v1, 256 bits"}[group]
    assert f"Server Temp Key: {shown}" in result.stdout
    assert "Verify return code: 0 (ok)" in result.stdout


@pytest.mark.parametrize(
    ("options", "alert"),
    [(("-alpn", "http/1.1"), 120), (("-servername", "wrong.example"), 112)],
    ids=["ALPN", "SNI"],
)
def test_what_openssl_is_told(
    s_client: OpenSslClient, nets: Nets, options: tuple[str, str], alert: int
) -> None:
    server = nets.server(link="TLS 1.3", server_names=("localhost",))
    result = s_client(server.GetHostInfo()[1], *options)
    assert result.returncode != 0
    assert f"SSL alert number {alert}" in result.stderr

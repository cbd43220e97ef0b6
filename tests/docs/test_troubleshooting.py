"""Every symptom of the trouble-shooting page, produced by what the page says is its cause."""

from __future__ import annotations

import functools
import json
import logging
import re
import shutil
import signal
import socket
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from interop.conftest import find_dcmtk
from nets import Nets, free_port, raw_listener, short, warnings_of
from OpenSSL import SSL
from programs import Program, run
from pynetdicom import AE
from tls.certificates import DAY, NOW, Issued
from tls.revocation import revoke, write_lists

from docs.symptoms import Symptom, symptoms
from docs.tamperer import Tamperer
from leaddicom import (
    DICOM_SECURE_NONE,
    DICOM_SECURE_TLS,
    AccessPolicy,
    AccessRule,
    Ciphersuite,
    DicomError,
    LDicomNet,
    Scu,
    TlsSettings,
)
from leaddicom.testing.certificates import PASSWORD, IssuedCertificate, ThrowAwayPki
from leaddicom.tls import Role, Verification, VerifyFailure, handshake_failure
from leaddicom.tls.alerts import ALERTS
from leaddicom.tls.failures import REASONS
from leaddicom.tls.verify_codes import CHECKS

SERVER, CLIENT = "leaddicom server", "leaddicom client"

Said = dict[str, str]

_produced: list[Symptom] = []


def says(*expected: tuple[str, str]) -> Callable[[Callable[..., Said]], Callable[..., None]]:
    """Have a test produce symptoms: it returns what each of the programs has said."""
    wanted = [Symptom(*each) for each in expected]
    _produced.extend(wanted)

    def decorate(produce: Callable[..., Said]) -> Callable[..., None]:
        @functools.wraps(produce)
        def test(*arguments: Any, **named: Any) -> None:
            said = produce(*arguments, **named)
            for each in wanted:
                assert each.is_in(said[each.who]), (each, said)

        return test

    return decorate


@dataclass
class Stage:
    """Servers and clients of ours, with certificates of any kind."""

    nets: Nets
    caplog: pytest.LogCaptureFixture
    other: ThrowAwayPki

    @property
    def pki(self) -> ThrowAwayPki:
        return self.nets.pki

    def certificate(self, name: str) -> IssuedCertificate:
        return self.nets.certificate(name)

    def serve(self, *, link: str = "TLS 1.3", **options: Any) -> LDicomNet:
        return self.nets.server(link=link, **options)

    def heard(self) -> str:
        """What our server has logged, once the connection is over."""
        self.nets.wait_for("OnClose")
        return "\n".join(warnings_of(self.caplog, "from"))

    def connect(
        self, server: LDicomNet | int, *, certificate: str | None = "good", **settings: Any
    ) -> str:
        """Have a client of ours fail; give what it says."""
        port = server if isinstance(server, int) else server.GetHostInfo()[1]
        mode = settings.pop("mode", DICOM_SECURE_TLS)
        files: dict[str, str] = {}
        if certificate is not None and mode == DICOM_SECURE_TLS:
            issued = self.certificate(certificate)
            files = {"certificate": str(issued.certificate_file), "key": str(issued.key_file)}
        limits = settings.pop("limits", short())
        scu = Scu("localhost", port, mode=mode, limits=limits, **files)
        if mode == DICOM_SECURE_TLS:
            settings = {"ca_file": str(self.pki.ca_file), **settings}
            scu.Initialize(ctx=TlsSettings(**settings))
        with pytest.raises(DicomError) as caught, scu:
            scu.echo()
        return str(caught.value)

    def both(self, server: LDicomNet, **client: Any) -> Said:
        return {CLIENT: self.connect(server, **client), SERVER: self.heard()}


@pytest.fixture
def stage(nets: Nets, caplog: pytest.LogCaptureFixture, other_pki: ThrowAwayPki) -> Iterator[Stage]:
    caplog.set_level(logging.INFO)
    return Stage(nets, caplog, other_pki)


@pytest.fixture(scope="session")
def other_pki(tmp_path_factory: pytest.TempPathFactory) -> ThrowAwayPki:
    return ThrowAwayPki(tmp_path_factory.mktemp("other-pki"))


def test_every_row_is_produced_here() -> None:
    rows = [each for each in symptoms() if not each.who.endswith("(*)")]
    either = {(each.who.replace(SERVER, "leaddicom"), each.text) for each in _produced}
    either |= {(each.who.replace(CLIENT, "leaddicom"), each.text) for each in _produced}
    either |= {(each.who, each.text) for each in _produced}
    assert [row for row in rows if (row.who, row.text) not in either] == []
    known = {row.text for row in rows}
    assert [each for each in _produced if each.text not in known] == []


# -- leaddicom at both ends --------------------------------------------------------------------


class TestOneSideWithoutTls:
    @says(
        (SERVER, "the client does not speak TLS; it sent a DICOM association request"),
        (CLIENT, "speaks TLS (it sent a TLS alert), but this connection is without TLS"),
    )
    def test_plain_client(self, stage: Stage) -> Said:
        return stage.both(stage.serve(), mode=DICOM_SECURE_NONE)

    @says(
        (SERVER, "speaks TLS (it sent a TLS handshake), but this connection is without TLS"),
        (CLIENT, "the server does not speak TLS; it sent …"),
    )
    def test_plain_server(self, stage: Stage) -> Said:
        return stage.both(stage.serve(link="plain"))


class TestCertificates:
    @says(
        (SERVER, "it showed no certificate, and one is required"),
        (CLIENT, "it requires a certificate, and we showed none (alert 116 certificate_required)"),
    )
    def test_none(self, stage: Stage) -> Said:
        return stage.both(stage.serve(), certificate=None)

    @says(
        (SERVER, "the CA that issued it is not among the trusted ones"),
        (CLIENT, "it does not trust the CA of our certificate (alert 48 unknown_ca)"),
    )
    def test_of_another_ca(self, stage: Stage) -> Said:
        return stage.both(stage.serve(), certificate="other_ca")

    @says((SERVER, "it is self-signed and not among the trusted certificates"))
    def test_self_signed(self, stage: Stage) -> Said:
        return stage.both(stage.serve(), certificate="self_signed")

    @says(
        (SERVER, "it has expired"),
        (
            CLIENT,
            "it refused our certificate, or a revocation list, as expired "
            "(alert 45 certificate_expired)",
        ),
    )
    def test_expired(self, stage: Stage) -> Said:
        return stage.both(stage.serve(), certificate="expired")

    @says((SERVER, "it is not yet valid"))
    def test_not_yet_valid(self, stage: Stage) -> Said:
        return stage.both(stage.serve(), certificate="not_yet_valid")

    @says((SERVER, "it has no extended key usage, and … is required"))
    def test_no_purpose(self, stage: Stage) -> Said:
        return stage.both(stage.serve(), certificate="no_eku")

    @says((SERVER, "does not allow clientAuth"))
    def test_a_servers_at_a_client(self, stage: Stage) -> Said:
        return stage.both(stage.serve(), certificate="server_only")

    @says((CLIENT, "does not allow serverAuth"))
    def test_a_clients_at_a_server(self, stage: Stage) -> Said:
        return stage.both(stage.serve(certificate="client_only"))

    @says((CLIENT, "The server's certificate was not issued for …, but for …"))
    def test_of_another_host(self, stage: Stage) -> Said:
        return stage.both(stage.serve(certificate="wrong_host"))

    @says((CLIENT, "its key is too small"))
    def test_weak(self, stage: Stage) -> Said:
        weak = stage.certificate("rsa_1024")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        context.load_cert_chain(weak.certificate_file, weak.key_file)
        with raw_listener() as (listening, port):

            def serve() -> None:
                caller, _ = listening.accept()
                with caller, pytest.raises(ssl.SSLError):
                    context.wrap_socket(caller, server_side=True)

            thread = threading.Thread(target=serve)
            thread.start()
            said = stage.connect(port)
            thread.join(5)
        return {CLIENT: said}


class TestRevocation:
    @pytest.fixture
    def crl_file(self, stage: Stage, tmp_path: Path) -> Callable[..., str]:
        """Writes the list of a CA."""

        def write(ca: IssuedCertificate, *revoked: IssuedCertificate, **dates: Any) -> str:
            return write_lists(
                tmp_path / "list.crl", revoke(_own(ca), *map(_own, revoked), **dates)
            )

        return write

    @says((SERVER, "it was revoked on …, for the reason …"))
    def test_revoked(self, stage: Stage, crl_file: Callable[..., str]) -> Said:
        return stage.both(stage.serve(crl_file=crl_file(stage.pki.root, stage.certificate("good"))))

    @says((SERVER, "there is no revocation list of its issuer …, only of: …"))
    def test_no_list(self, stage: Stage, crl_file: Callable[..., str]) -> Said:
        another = stage.other.issue("another root", ca=True, self_signed=True)
        return stage.both(stage.serve(crl_file=crl_file(another)))

    @says((SERVER, "the revocation list of its issuer … has expired on …"))
    def test_stale_list(self, stage: Stage, crl_file: Callable[..., str]) -> Said:
        dates = {"begin": NOW - 2 * DAY, "end": NOW - DAY}
        return stage.both(stage.serve(crl_file=crl_file(stage.pki.root, **dates)))


def _own(certificate: IssuedCertificate) -> Issued:
    return Issued(certificate.certificate, certificate.private_key)


class TestOwnFiles:
    """What is said before anything is sent."""

    def load(self, certificate: str | Path, key: str | Path | None = None, kind: int = 1) -> Said:
        net = LDicomNet(None, DICOM_SECURE_TLS)
        with pytest.raises(DicomError) as caught:
            net.SetServerCertificateTLS(str(certificate), kind, None if key is None else str(key))
        return {"leaddicom": str(caught.value)}

    @says(("leaddicom", "it is encrypted and no password was given"))
    def test_no_password(self, stage: Stage) -> Said:
        issued = stage.certificate("encrypted_key")
        return self.load(issued.certificate_file, issued.key_file)

    @says(("leaddicom", "the password is wrong, or the key is damaged"))
    def test_a_wrong_password(self, stage: Stage) -> Said:
        issued = stage.certificate("encrypted_key")
        files = {"certificate": str(issued.certificate_file), "key": str(issued.key_file)}
        with pytest.raises(DicomError) as caught:
            Scu("localhost", 1, **files, password=f"not {PASSWORD}")
        return {"leaddicom": str(caught.value)}

    @says(("leaddicom", "does not belong to the certificate in …"))
    def test_of_different_pairs(self, stage: Stage) -> Said:
        return self.load(
            stage.certificate("good").certificate_file, stage.certificate("expired").key_file
        )

    @says(
        ("leaddicom", "it was announced as ASN1 (DER), but holds a certificate in PEM"),
    )
    def test_of_another_type(self, stage: Stage) -> Said:
        issued = stage.certificate("good")
        return self.load(issued.certificate_file, issued.key_file, 2)

    @says(("leaddicom", "it holds no certificate, but a private key in PEM"))
    def test_interchanged(self, stage: Stage) -> Said:
        issued = stage.certificate("good")
        return self.load(issued.key_file, issued.certificate_file)

    @says(
        (
            "leaddicom",
            "it holds no certificate, but a certificate request, to which a CA has yet to answer",
        )
    )
    def test_a_request(self, stage: Stage, tmp_path: Path) -> Said:
        issued = stage.certificate("good")
        request = x509.CertificateSigningRequestBuilder(issued.certificate.subject)
        signed = request.sign(issued.private_key, hashes.SHA256())
        path = tmp_path / "request.csr"
        path.write_bytes(signed.public_bytes(Encoding.PEM))
        return self.load(path, issued.key_file)

    @says(("leaddicom", "No such file or directory"))
    def test_no_file(self, tmp_path: Path) -> Said:
        return self.load(tmp_path / "nothing.pem")

    @says(("leaddicom", "a certificate is too weak for the profile …"))
    def test_weak(self, stage: Stage) -> Said:
        with pytest.raises(DicomError) as caught:
            stage.serve(certificate="rsa_1024")
        return {"leaddicom": str(caught.value)}

    @says(("leaddicom", "has expired, and peers will refuse it"))
    def test_expired(self, stage: Stage) -> Said:
        stage.serve(certificate="expired")
        return {"leaddicom": stage.caplog.text}

    @says((SERVER, "A TLS server needs a certificate, and none is set."))
    def test_none(self, stage: Stage) -> Said:
        with pytest.raises(DicomError) as caught:
            stage.serve(certificate=None)
        return {SERVER: str(caught.value)}

    @says(("leaddicom", "but no file of trusted CA certificates is set"))
    def test_no_ca(self, stage: Stage) -> Said:
        with pytest.raises(DicomError) as caught:
            stage.serve(ca_file=None)
        return {"leaddicom": str(caught.value)}

    @says((SERVER, "must serve suites with RSA and with ECDSA"))
    def test_one_kind_only(self, stage: Stage) -> Said:
        with pytest.raises(DicomError) as caught:
            stage.serve(profile="8996-mod")
        return {SERVER: str(caught.value)}

    @says(("leaddicom", "is not in the profile …, which allows: …"))
    def test_a_foreign_suite(self) -> Said:
        with pytest.raises(DicomError) as caught:
            TlsSettings(cipher_suites=(Ciphersuite.TLS_RSA_WITH_AES_128_CBC_SHA,))
        return {"leaddicom": str(caught.value)}


class TestNeither:
    @says(("leaddicom", "did not complete the TLS handshake within … s"))
    def test_silence(self, stage: Stage) -> Said:
        with raw_listener() as (_, port):
            limits = short(handshake_timeout=0.1)
            return {"leaddicom": stage.connect(port, limits=limits)}

    @says(
        (SERVER, "the client asks for another application protocol (ALPN) than 'dicom'"),
    )
    def test_a_browser(self, stage: Stage) -> Said:
        return self.greet(stage, stage.serve(), alpn=["h2", "http/1.1"])

    @says((SERVER, "the client asks for a server name (SNI) that is none of ours"))
    def test_another_name(self, stage: Stage) -> Said:
        return self.greet(stage, stage.serve(server_names=("pacs.example",)))

    def greet(self, stage: Stage, server: LDicomNet, alpn: list[str] | None = None) -> Said:
        """Begin a handshake with Python's ssl."""
        context = ssl.create_default_context(cafile=str(stage.pki.ca_file))
        context.set_alpn_protocols(alpn or ["dicom"])
        address = ("127.0.0.1", server.GetHostInfo()[1])
        with socket.create_connection(address, 5) as sock, pytest.raises(ssl.SSLError):
            context.wrap_socket(sock, server_hostname="localhost")
        return {SERVER: stage.heard()}

    @says((SERVER, "the client does not speak TLS; it sent HTTP"))
    def test_http(self, stage: Stage) -> Said:
        address = ("127.0.0.1", stage.serve().GetHostInfo()[1])
        with socket.create_connection(address, 5) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
            while sock.recv(100):
                pass
        return {SERVER: stage.heard()}

    @says(("leaddicom", "a record arrived damaged"))
    def test_damage(self, stage: Stage) -> Said:
        server = stage.serve()
        with Tamperer(server.GetHostInfo()[1]) as between:
            issued = stage.certificate("good")
            files = {"certificate": str(issued.certificate_file), "key": str(issued.key_file)}
            scu = Scu("localhost", between.port, ca_file=str(stage.pki.ca_file), **files)
            with scu:
                scu.echo()
                between.damage()
                with pytest.raises(DicomError):
                    scu.echo()
            return {"leaddicom": stage.heard()}

    @says((SERVER, "refused; closest is the rule …"))
    def test_the_policy(self, stage: Stage) -> Said:
        server = stage.nets.make(link="TLS 1.3")
        server.access = AccessPolicy(
            [AccessRule(name="ct1", fingerprint="00" * 32, calling=["CT1"])]
        )
        server.Listen("127.0.0.1", 0)
        return stage.both(server)

    @says((CLIENT, "rejected the association permanently: called AE title not recognized"))
    def test_another_title(self, stage: Stage) -> Said:
        server = stage.nets.make(link="TLS 1.3")
        server.ae_title = "ARCHIVE"
        server.Listen("127.0.0.1", 0)
        return stage.both(server)


# -- other programs ----------------------------------------------------------------------------

DCMTK_CLIENT, DCMTK_SERVER = "DCMTK client", "DCMTK server"


class TestDcmtkAsTheClient:
    def both(self, stage: Stage, server: LDicomNet, *options: str) -> Said:
        path = find_dcmtk("echoscu")
        if path is None:
            pytest.skip("DCMTK's echoscu is not installed (package dcmtk)")
        ended = run(path, "-v", *options, "localhost", str(server.GetHostInfo()[1]))
        assert ended.returncode != 0
        return {DCMTK_CLIENT: ended.stdout + ended.stderr, SERVER: stage.heard()}

    @says((DCMTK_CLIENT, "Unrecognized PDU type: 15"))
    def test_plain(self, stage: Stage) -> Said:
        return self.both(stage, stage.serve())

    @says((DCMTK_CLIENT, "TLS error: wrong version number"))
    def test_to_a_plain_port(self, stage: Stage) -> Said:
        return self.both(stage, stage.serve(link="plain"), *_dcmtk_tls(stage, "good"))

    @says((DCMTK_CLIENT, "Peer aborted Association (or never connected)"))
    def test_refused(self, stage: Stage) -> Said:
        said = self.both(stage, stage.serve(), *_dcmtk_tls(stage, "other_ca"))
        assert "not among the trusted ones" in said[SERVER]
        return said

    @says((DCMTK_CLIENT, "TLS error: certificate verify failed"))
    def test_refuses(self, stage: Stage) -> Said:
        return self.both(stage, stage.serve(certificate="expired"), *_dcmtk_tls(stage, "good"))


def _dcmtk_tls(stage: Stage, certificate: str) -> list[str]:
    issued = stage.certificate(certificate)
    files = [str(issued.key_file), str(issued.certificate_file)]
    return ["+tls", *files, "+cf", str(stage.pki.ca_file)]


class TestDcmtkAsTheServer:
    def both(self, stage: Stage, options: list[str], expected: str, **client: Any) -> Said:
        path = find_dcmtk("storescp")
        if path is None:
            pytest.skip("DCMTK's storescp is not installed (package dcmtk)")
        port = free_port()
        with Program(path, "-v", *options, str(port)) as server:
            server.wait_until_it_listens(port)
            said = stage.connect(port, **client)
            server.wait_for(re.escape(expected))
            return {CLIENT: said, DCMTK_SERVER: server.text}

    @says(
        (DCMTK_SERVER, "Unrecognized PDU type: 16"),
        (CLIENT, "Either this port does not speak TLS (plain DICOM), or the server refused us"),
    )
    def test_plain(self, stage: Stage) -> Said:
        return self.both(stage, [], "PDU type: 16")

    @says(
        (DCMTK_SERVER, "TLS error: wrong version number"),
        (CLIENT, "It may expect TLS: turn TLS on here, or ask for its port without TLS."),
    )
    def test_a_plain_client(self, stage: Stage) -> Said:
        options = _dcmtk_tls(stage, "good")
        return self.both(stage, options, "wrong version number", mode=DICOM_SECURE_NONE)

    @says((DCMTK_SERVER, "TLS error: peer did not return a certificate"))
    def test_no_certificate(self, stage: Stage) -> Said:
        options = [*_dcmtk_tls(stage, "good"), "-rc"]
        return self.both(stage, options, "did not return", certificate=None)

    @says((DCMTK_SERVER, "TLS error: certificate verify failed"))
    def test_refuses(self, stage: Stage) -> Said:
        options = _dcmtk_tls(stage, "good")
        return self.both(stage, options, "verify failed", certificate="expired")

    @says(
        (DCMTK_SERVER, "TLS error: tlsv1 alert unknown ca"),
        (CLIENT, "this root CA of the peer's chain is not among the trusted ones"),
    )
    def test_is_refused(self, stage: Stage) -> Said:
        options = _dcmtk_tls(stage, "good")
        return self.both(stage, options, "unknown ca", ca_file=str(stage.other.ca_file))

    @says((DCMTK_SERVER, "alert bad certificate"))
    def test_is_refused_for_its_name(self, stage: Stage) -> Said:
        return self.both(stage, _dcmtk_tls(stage, "wrong_host"), "bad certificate")

    @says((DCMTK_SERVER, "alert unsupported certificate"))
    def test_is_refused_for_its_purpose(self, stage: Stage) -> Said:
        return self.both(stage, _dcmtk_tls(stage, "no_eku"), "unsupported certificate")

    @says((DCMTK_SERVER, "TLS error: unsupported protocol"))
    def test_no_common_version(self, stage: Stage) -> Said:
        options = [*_dcmtk_tls(stage, "good"), "+pz"]
        return self.both(stage, options, "unsupported protocol", minimum_version="TLSv1.3")


PYNETDICOM_CLIENT, PYNETDICOM_SERVER = "pynetdicom client", "pynetdicom server"


class TestPynetdicom:
    def context(
        self, stage: Stage, certificate: str | None = "good", *, server: bool = False
    ) -> ssl.SSLContext:
        purpose = ssl.Purpose.CLIENT_AUTH if server else ssl.Purpose.SERVER_AUTH
        context = ssl.create_default_context(purpose, cafile=str(stage.pki.ca_file))
        context.verify_mode = ssl.CERT_REQUIRED
        if certificate is not None:
            issued = stage.certificate(certificate)
            context.load_cert_chain(issued.certificate_file, issued.key_file)
        return context

    def theirs(self, stage: Stage) -> str:
        """What pynetdicom has logged, tracebacks included."""
        return "\n".join(
            logging.Formatter().format(record)
            for record in stage.caplog.records
            if record.name.startswith("pynetdicom")
        )

    def associate(
        self, stage: Stage, server: LDicomNet, context: ssl.SSLContext | None = None
    ) -> Said:
        scu = AE()
        scu.add_requested_context("1.2.840.10008.1.1")
        tls = None if context is None else (context, "localhost")
        made = scu.associate("127.0.0.1", server.GetHostInfo()[1], tls_args=tls)
        assert not made.is_established
        if made.is_alive():  # it is not begun where there is no connection
            made.join(5)
        stage.heard()
        return {PYNETDICOM_CLIENT: self.theirs(stage)}

    def serve(
        self, stage: Stage, context: ssl.SSLContext | None = None, mode: int = DICOM_SECURE_TLS
    ) -> Said:
        scp = AE()
        scp.add_supported_context("1.2.840.10008.1.1")
        server = scp.start_server(("127.0.0.1", 0), block=False, ssl_context=context)
        try:
            said = stage.connect(server.server_address[1], mode=mode)
        finally:
            server.shutdown()
        return {CLIENT: said, PYNETDICOM_SERVER: self.theirs(stage)}

    @says((PYNETDICOM_CLIENT, "Unknown PDU type received '0x15'"))
    def test_a_plain_client(self, stage: Stage) -> Said:
        return self.associate(stage, stage.serve())

    @says((PYNETDICOM_CLIENT, "[SSL: WRONG_VERSION_NUMBER] wrong version number"))
    def test_a_client_at_a_plain_port(self, stage: Stage) -> Said:
        return self.associate(stage, stage.serve(link="plain"), self.context(stage))

    @says(
        (PYNETDICOM_SERVER, "Unknown PDU type received '0x16'"),
        (CLIENT, "the server does not speak TLS; it sent …"),
    )
    def test_a_plain_server(self, stage: Stage) -> Said:
        return self.serve(stage)

    @says(
        (PYNETDICOM_SERVER, ""),
        (CLIENT, "It may expect TLS: turn TLS on here, or ask for its port without TLS."),
    )
    def test_a_server_with_a_plain_client(self, stage: Stage) -> Said:
        said = self.serve(stage, self.context(stage, server=True), mode=DICOM_SECURE_NONE)
        assert said[PYNETDICOM_SERVER] == ""
        return said

    @says((PYNETDICOM_CLIENT, "[SSL: TLSV1_ALERT_UNKNOWN_CA] tlsv1 alert unknown ca"))
    def test_refused(self, stage: Stage) -> Said:
        return self.associate(stage, stage.serve(), self.context(stage, "other_ca"))

    @says(
        (
            PYNETDICOM_CLIENT,
            "[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert certificate required",
        )
    )
    def test_without_certificate(self, stage: Stage) -> Said:
        return self.associate(stage, stage.serve(), self.context(stage, None))

    @says(
        (
            PYNETDICOM_CLIENT,
            "certificate verify failed: unable to get local issuer certificate",
        )
    )
    def test_refuses(self, stage: Stage) -> Said:
        return self.associate(stage, stage.serve(certificate="other_ca"), self.context(stage))

    @says(
        (PYNETDICOM_CLIENT, "Hostname mismatch, certificate is not valid for 'localhost'"),
    )
    def test_another_host(self, stage: Stage) -> Said:
        return self.associate(stage, stage.serve(certificate="wrong_host"), self.context(stage))


ORTHANC_CLIENT, ORTHANC_SERVER = "Orthanc client", "Orthanc server"


class Orthanc:
    """A running Orthanc, as client of some servers of ours and as a server."""

    def __init__(self, stage: Stage, folder: Path) -> None:
        path = shutil.which("Orthanc")
        if path is None:
            pytest.skip("Orthanc is not installed (package orthanc)")
        self.port, self._http = free_port(), free_port()
        issued = stage.certificate("good")
        settings = {
            "StorageDirectory": str(folder / "db"),
            "IndexDirectory": str(folder / "db"),
            "HttpPort": self._http,
            "DicomTlsEnabled": True,
            "DicomTlsCertificate": str(issued.certificate_file),
            "DicomTlsPrivateKey": str(issued.key_file),
            "DicomTlsTrustedCertificates": str(stage.pki.ca_file),
            "DicomTlsRemoteCertificateRequired": True,
            "DicomPort": self.port,
            "AuthenticationEnabled": False,
        }
        (folder / "orthanc.json").write_text(json.dumps(settings))
        self._program = Program(path, "--verbose", str(folder / "orthanc.json"))
        self.wait_for = self._program.wait_for

    def echo(self, server: LDicomNet, *, tls: bool = True) -> str:
        """Have it send a C-ECHO that fails; give what it says."""
        peer = ["X", "localhost", server.GetHostInfo()[1]]
        described = dict(zip(("AET", "Host", "Port"), peer, strict=True)) | {"UseDicomTls": tls}
        self._ask("PUT", "modalities/ours", described)
        with pytest.raises(urllib.error.HTTPError) as caught:
            self._ask("POST", "modalities/ours/echo", {})
        return str(json.loads(caught.value.read())["Details"])

    def _ask(self, method: str, path: str, content: dict[str, Any]) -> None:
        url, data = f"http://127.0.0.1:{self._http}/{path}", json.dumps(content).encode()
        with urllib.request.urlopen(urllib.request.Request(url, data, method=method), timeout=20):
            pass

    def __enter__(self) -> Orthanc:
        self.wait_for("Orthanc has started")
        return self

    def __exit__(self, *_: object) -> None:
        self._program.end(signal.SIGKILL)  # it takes seconds to end well, and keeps nothing here
        self._program.__exit__(None, None, None)


class TestOrthanc:
    @says(
        (ORTHANC_CLIENT, "Unrecognized PDU type: 15"),
        (ORTHANC_CLIENT, "TLS error: wrong version number"),
        (ORTHANC_CLIENT, "Peer aborted Association (or never connected)"),
        (ORTHANC_CLIENT, "TLS error: certificate verify failed"),
    )
    def test_as_the_client(self, stage: Stage, tmp_path: Path) -> Said:
        refusing = stage.serve(ca_file=str(stage.other.ca_file))
        with Orthanc(stage, tmp_path) as orthanc:
            said = [
                orthanc.echo(stage.serve(), tls=False),
                orthanc.echo(stage.serve(link="plain")),
                orthanc.echo(refusing),
                orthanc.echo(stage.serve(certificate="expired")),
            ]
        return {ORTHANC_CLIENT: "\n".join(said)}

    @says(
        (ORTHANC_SERVER, "TLS error: wrong version number"),
        (ORTHANC_SERVER, "TLS error: peer did not return a certificate"),
        (ORTHANC_SERVER, "TLS error: certificate verify failed"),
        (ORTHANC_SERVER, "TLS error: tlsv1 alert unknown ca"),
    )
    def test_as_the_server(self, stage: Stage, tmp_path: Path) -> Said:
        said = []
        with Orthanc(stage, tmp_path) as orthanc:
            for expected, client in (
                ("wrong version number", {"mode": DICOM_SECURE_NONE}),
                ("did not return a certificate", {"certificate": None}),
                ("certificate verify failed", {"certificate": "other_ca"}),
                ("alert unknown ca", {"ca_file": str(stage.other.ca_file)}),
            ):
                stage.connect(orthanc.port, **client)
                said.append(orthanc.wait_for(f".*{expected}.*")[0])
        return {ORTHANC_SERVER: "\n".join(said)}


# -- the generated tables ----------------------------------------------------------------------


class TestTheGeneratedSentences:
    """What stands in the tables is what an error says, with the same code."""

    def fail(self, error: BaseException, record: Verification) -> DicomError:
        return handshake_failure(
            error, role=Role.CLIENT, peer="pacs:2762", verification=record, first_bytes=b"\x16\x03"
        )

    @pytest.mark.parametrize("number", [number for number in ALERTS if number])
    def test_of_alerts(self, number: int) -> None:
        alert = ALERTS[number]
        failure = self.fail(SSL.Error([]), Verification(alert_received=number))
        assert f"{alert.meaning} (alert {alert.number} {alert.name})." in str(failure)
        assert str(failure).endswith(alert.advice)
        assert failure.code is alert.code

    @pytest.mark.parametrize("number", CHECKS)
    def test_of_checks(self, number: int) -> None:
        check = CHECKS[number]
        found = VerifyFailure(number, check.name, 0, None, check.cause)
        error = SSL.Error([("SSL routines", "", "certificate verify failed")])
        failure = self.fail(error, Verification(failure=found))
        assert f"its certificate was refused, because {check.cause}. {check.advice}" in str(failure)
        assert failure.code is check.code

    @pytest.mark.parametrize("text", REASONS)
    def test_of_reasons(self, text: str) -> None:
        reason = REASONS[text]
        failure = self.fail(SSL.Error([("SSL routines", "", text)]), Verification())
        assert f"{reason.cause}. {reason.advice}" in str(failure)
        assert failure.code is reason.code

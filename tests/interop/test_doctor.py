"""``leaddicom doctor`` at real peers: what it says of DCMTK, Orthanc and ourselves."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from nets import Nets, free_port
from programs import Program

from interop.archives import running
from leaddicom import Ciphersuite, LDicomNet, TlsSettings
from leaddicom.cli.main import main
from leaddicom.enums import DICOM_SECURE_TLS
from leaddicom.testing.certificates import IssuedCertificate, ThrowAwayPki
from leaddicom.tls import PROFILES

Find = Callable[[str], str]
Env = Mapping[str, str]

NODELAY: Env = {"TCP_NODELAY": "1"}

#: Has OpenSSL take short keys and old hashes.
LEVEL_0 = """\
openssl_conf = all
[all]
ssl_conf = ssl
[ssl]
system_default = level
[level]
CipherString = DEFAULT:@SECLEVEL=0
"""


class Examination:
    """What the command has said."""

    def __init__(self, status: int, document: dict[str, Any]) -> None:
        self.status = status
        self.document = document
        self.verdict: str = document["verdict"]

    def of(self, check: str) -> list[dict[str, str]]:
        return [each for each in self.document["findings"] if each["check"] == check]

    def severity(self, check: str) -> list[str]:
        return [each["severity"] for each in self.of(check)]

    def advice(self, check: str) -> str:
        return " ".join(each["advice"] for each in self.of(check))

    @property
    def problems(self) -> list[str]:
        found = (each for each in self.document["findings"] if each["severity"] == "problem")
        return [each["check"] for each in found]

    @property
    def profiles(self) -> list[bool | None]:
        return [each["conforms"] for each in self.document["profiles"]]


Examine = Callable[..., Examination]


@pytest.fixture
def examine(
    pki: ThrowAwayPki, rsa: IssuedCertificate, capsys: pytest.CaptureFixture[str]
) -> Examine:
    """Runs the command, with the certificate of whom one names."""

    def examine(
        port: int, *options: str, own: IssuedCertificate | None = rsa, ca: Path = pki.ca_file
    ) -> Examination:
        files = []
        if own is not None:
            files = ["-cert", str(own.certificate_file), "-key", str(own.key_file)]
        words = ["localhost", str(port), "-ca", str(ca), *files, *options]
        status = main(["doctor", *words, "--timeout", "5", "--json"])
        captured = capsys.readouterr()
        assert captured.err == ""
        return Examination(status, json.loads(captured.out))

    return examine


@pytest.fixture
def storescp(dcmtk: Find, their_tls: list[str]) -> Iterator[Callable[..., int]]:
    """Starts DCMTK's storescp with options; gives its port."""
    path = dcmtk("storescp")
    with ExitStack() as stack:

        def start(*options: str, tls: list[str] = their_tls, env: Env = NODELAY) -> int:
            port = free_port()
            command = (path, "--ignore", *tls, *options, str(port))
            program = stack.enter_context(Program(*command, env=env))
            program.wait_until_it_listens(port)
            return port

        yield start


class TestDcmtk:
    def test_with_its_default_profile(self, storescp: Callable[..., int], examine: Examine) -> None:
        found = examine(storescp())
        assert (found.status, found.problems) == (0, [])
        tls = found.document["tls"]
        assert tls["versions"] == {
            "TLS 1.3": True,
            "TLS 1.2": True,
            "TLS 1.1": False,
            "TLS 1.0": False,
        }
        assert tls["suites"]["TLS 1.3"][0] == "TLS_AES_256_GCM_SHA384"
        assert tls["own_order"] == {"TLS 1.3": True, "TLS 1.2": True}
        assert tls["groups"] == ["P-256", "P-384", "P-521"]
        assert tls["other_suites"]["dhe"] is not None
        assert tls["dh_bits"] == 2048
        assert tls["negotiated"]["alpn"] is None
        assert found.severity("groups") == ["note"]
        assert found.severity("client-certificate") == ["ok"]
        assert found.severity("own-certificate")[-1] == "ok"
        assert found.profiles == [True, False]

    def test_with_the_retired_aes_profile(
        self, storescp: Callable[..., int], examine: Examine
    ) -> None:
        found = examine(storescp("+pa"))
        assert found.status == 1
        assert "accepts no suite of the profiles B.12 and B.13" in found.verdict
        assert "retired profile" in found.advice("cipher-suites")
        assert found.severity("tls-versions") == ["warning", "note"]
        assert found.profiles == [False, False]

    def test_with_the_retired_profile_that_may_downgrade(
        self, storescp: Callable[..., int], examine: Examine
    ) -> None:
        found = examine(storescp("+px"))
        assert found.status == 0
        assert "TLS 1.1 and TLS 1.0" in found.of("tls-versions")[0]["what"]
        assert found.document["tls"]["other_suites"]["static_rsa"] is not None
        assert found.profiles == [False, False]

    def test_that_takes_anybody(self, storescp: Callable[..., int], examine: Examine) -> None:
        found = examine(storescp("--ignore-peer-cert"))
        assert found.status == 0
        assert found.severity("client-certificate") == ["warning"]
        assert found.document["tls"]["works_without_certificate"] is True
        assert examine(storescp("--ignore-peer-cert"), own=None).status == 0

    def test_that_demands_a_certificate(
        self, storescp: Callable[..., int], examine: Examine
    ) -> None:
        found = examine(storescp("--require-peer-cert"), own=None)
        assert found.status == 1
        assert found.verdict.startswith("Not usable. The peer demands a client certificate")
        assert found.advice("client-certificate") == "Show it one with -cert and -key."

    def test_that_trusts_another_ca(
        self, storescp: Callable[..., int], examine: Examine, pki: ThrowAwayPki
    ) -> None:
        stranger = pki.variant("other_ca")
        found = examine(storescp("--require-peer-cert"), own=stranger)
        assert found.status == 1
        assert "own-certificate" in found.problems
        assert "(alert unknown_ca)" in found.of("own-certificate")[-1]["what"]
        assert "CA" in found.advice("own-certificate")

    def test_without_tls(self, storescp: Callable[..., int], examine: Examine) -> None:
        port = storescp(tls=[])
        found = examine(port)
        assert (found.status, found.document["speaks"]) == (1, "dicom")
        assert "--plain" in found.advice("protocol")
        found = examine(port, "--plain", own=None)
        assert found.status == 0
        assert found.severity("protocol") == ["warning"]


def test_orthanc_with_mutual_tls(
    examine: Examine, pki: ThrowAwayPki, rsa: IssuedCertificate, tmp_path: Path
) -> None:
    with running("orthanc", tmp_path, pki, rsa) as peer:
        found = examine(peer.port, "-aec", "ARCHIVE", "-aet", "LEADDICOM")
        assert (found.status, found.problems) == (0, [])
        assert found.severity("client-certificate") == ["ok"]
        # Debian's takes what RFC 8996 and RFC 9325 have done away with.
        assert found.document["tls"]["versions"]["TLS 1.0"] is True
        assert found.document["tls"]["other_suites"]["static_rsa"] is not None
        assert found.profiles == [False, False]


class TestOurs:
    @pytest.fixture
    def serve(self, nets: Nets, pki: ThrowAwayPki, rsa: IssuedCertificate) -> Callable[..., int]:
        """Starts a server with certificates under a profile; gives its port."""

        def serve(*certificates: IssuedCertificate, **settings: Any) -> int:
            server = nets.make(LDicomNet)
            tls = TlsSettings(ca_file=str(pki.ca_file), **settings)
            server.Initialize(None, DICOM_SECURE_TLS, tls)
            for index, each in enumerate(certificates or (rsa,)):
                files = str(each.certificate_file), 1, str(each.key_file)
                add = server.add_certificate if index else server.SetServerCertificateTLS
                add(*files)
            server.Listen("127.0.0.1", 0)
            return server.GetHostInfo()[1]

        return serve

    def test_under_b12(self, serve: Callable[..., int], examine: Examine) -> None:
        found = examine(serve())
        assert (found.status, found.problems) == (0, [])
        assert found.profiles == [True, False]
        assert found.document["tls"]["negotiated"]["alpn"] == "dicom"

    def test_under_b13(
        self, serve: Callable[..., int], examine: Examine, pki: ThrowAwayPki, rsa: IssuedCertificate
    ) -> None:
        *_, b13 = list(PROFILES)[:2]
        found = examine(serve(rsa, pki.issue("ec"), profile=b13))
        assert (found.status, found.problems) == (0, [])
        assert len(found.document["tls"]["suites"]["TLS 1.3"]) == 5
        assert len(found.document["tls"]["suites"]["TLS 1.2"]) == 10
        assert found.profiles == [True, True]

    @pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
    @pytest.mark.parametrize("kind", [None, "other_ca"])
    def test_that_refuses_us(
        self,
        serve: Callable[..., int],
        examine: Examine,
        nets: Nets,
        version: str,
        kind: str | None,
    ) -> None:
        suites = {"TLSv1.2": "ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLSv1.3": "AES_128_GCM_SHA256"}
        port = serve(cipher_suites=(Ciphersuite[f"TLS_{suites[version]}"],))
        found = examine(port, own=None if kind is None else nets.certificate(kind))
        assert found.status == 1
        check = "client-certificate" if kind is None else "own-certificate"
        assert found.problems[0] == check

    @pytest.mark.parametrize(
        ("kind", "check", "advice"),
        [
            ("expired", "certificate-validity", "Have it renewed."),
            ("wrong_host", "server-name", "--server-name"),
            ("self_signed", "certificate-chain", "Have it issued by a trusted CA."),
            ("other_ca", "certificate-chain", "CA"),
            ("client_only", "certificate-purpose", "serverAuth"),
        ],
    )
    def test_with_a_bad_certificate(
        self,
        serve: Callable[..., int],
        examine: Examine,
        nets: Nets,
        kind: str,
        check: str,
        advice: str,
    ) -> None:
        found = examine(serve(nets.certificate(kind)))
        assert found.status == 1
        assert found.problems[0] == check
        assert set(found.problems) == {check, "echo"}
        assert advice in found.advice(check)

    def test_that_we_do_not_trust(
        self, serve: Callable[..., int], examine: Examine, pki: ThrowAwayPki
    ) -> None:
        other = pki.issue("another-root", ca=True, self_signed=True)
        found = examine(serve(), ca=other.certificate_file)
        assert found.status == 1
        assert found.problems[0] == "certificate-chain"


def test_dcmtk_with_a_weak_certificate(
    storescp: Callable[..., int], examine: Examine, pki: ThrowAwayPki, tmp_path: Path
) -> None:
    """DCMTK 3.6.7 leaves it to OpenSSL."""
    (tmp_path / "openssl.cnf").write_text(LEVEL_0)
    weak = pki.variant("rsa_1024")
    tls = ["+tls", str(weak.key_file), str(weak.certificate_file), "+cf", str(pki.ca_file)]
    env = {**NODELAY, "OPENSSL_CONF": str(tmp_path / "openssl.cnf")}
    found = examine(storescp(tls=tls, env=env))
    assert found.status == 1
    assert "certificate-strength" in found.problems
    assert "RSA key has 1024 bits" in found.verdict


def test_a_web_server(examine: Examine) -> None:
    class Quiet(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            found = examine(server.server_port)
        finally:
            server.shutdown()
            thread.join()
    assert (found.status, found.document["speaks"]) == (1, "http")
    assert found.advice("protocol") == "Check host and port: this is no DICOM application."


def test_nobody(examine: Examine) -> None:
    found = examine(free_port())
    assert (found.status, found.problems) == (1, ["reachable"])
    assert "Nothing listens there" in found.advice("reachable")

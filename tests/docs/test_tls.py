"""The commands and programs of the TLS guide, run as they stand there."""

from __future__ import annotations

import re
import shutil
import signal
from pathlib import Path

import pytest
from interop.conftest import find_dcmtk
from programs import run
from pydicom.data import get_testdata_file

from docs.examples import Examples
from docs.pages import ROOT, block

PAGE = "tls.md"
ECHO = r"C-ECHO: success in .* s \(TLSv1\.3, TLS_"
STORED = r"1 stored, 0 failed, 0 skipped"


@pytest.fixture
def clone(examples: Examples) -> Examples:
    """A folder like a clone: samples, certificates and an image."""
    shutil.copytree(ROOT / "samples", examples.folder / "samples")
    image = get_testdata_file("CT_small.dcm", read=False)
    shutil.copy(str(image), examples.folder / "image.dcm")
    (examples.folder / "bin").mkdir()
    return examples


@pytest.fixture
def own_certificates(examples: Examples, certificates: Path) -> Examples:
    """As `examples`, with certificates that the test may change."""
    (examples.folder / "certs").unlink()
    shutil.copytree(certificates, examples.folder / "certs")
    return examples


def have(examples: Examples, *names: str) -> None:
    """Have DCMTK's programs come first, or skip."""
    for name in names:
        found = find_dcmtk(name)
        if found is None:
            pytest.skip(f"DCMTK's {name} is not installed (package dcmtk)")
        (examples.folder / "bin" / name).symlink_to(found)


def require(*names: str) -> None:
    for name in names:
        if shutil.which(name) is None:
            pytest.skip(f"{name} is not installed")


def start_sample(examples: Examples) -> None:
    examples.start(PAGE, "scp").wait_for(r"ready on port \d+$")


def test_the_doctor(clone: Examples) -> None:
    start_sample(clone)
    for name in ("doctor", "doctor-files"):
        said = clone.shell("troubleshooting.md", name)
        assert "problem" not in said
        assert "purpose" in said


class TestCertificates:
    def test_leaddicom_makes_them(self, tmp_path: Path) -> None:
        examples = Examples(tmp_path)
        examples.shell(PAGE, "pki")
        made = [path.name for path in sorted((tmp_path / "certs").glob("*/*/*.pem"))]
        assert {"archive.pem", "modality.pem"} < set(made)

    def test_openssl_makes_some_that_do(self, examples: Examples) -> None:
        require("openssl")
        examples.shell(PAGE, "openssl")
        said = examples.shell(PAGE, "verify")
        assert said.startswith("site/archive.pem: OK\nsite/modality.pem: OK\n")
        assert "problem" not in said
        site = examples.folder / "site"
        for role, name in (("servers", "archive"), ("clients", "modality")):
            folder = examples.folder / "made" / role / name
            folder.mkdir(parents=True)
            for end in ("pem", "key"):
                shutil.copy(site / f"{name}.{end}", folder)
        (examples.folder / "made" / "rootCA").mkdir()
        shutil.copy(site / "ca.pem", examples.folder / "made" / "rootCA" / "rootCA.pem")
        (examples.folder / "certs").unlink()
        (examples.folder / "made").rename(examples.folder / "certs")
        server = examples.serve("quickstart.md", "server.py")
        assert "1 stored, 0 failed" in examples.run("quickstart.md", "client.py")
        assert examples.end(server) == ""

    def test_keytool_makes_stores_that_java_can_read(self, examples: Examples) -> None:
        require("openssl", "keytool")
        examples.shell(PAGE, "keytool")
        assert (examples.folder / "modality.p12").is_file()
        store = examples.folder / "truststore.p12"
        listed = run("keytool", "-list", "-storepass", "secret", "-keystore", str(store))
        assert "trustedCertEntry" in listed.stdout


class TestTheFirstLink:
    def test_the_samples_talk_to_each_other(self, clone: Examples) -> None:
        start_sample(clone)
        said = clone.shell(PAGE, "scu")
        assert re.search(ECHO, said)
        assert re.search(STORED, said)
        assert len(list((clone.folder / "received").rglob("*.dcm"))) == 1


class TestDcmtk:
    def test_as_the_client(self, clone: Examples) -> None:
        have(clone, "echoscu", "storescu")
        start_sample(clone)
        said = clone.shell(PAGE, "dcmtk-client")
        assert "Received Echo Response (Success)" in said
        assert "Received Store Response (Success)" in said

    def test_as_the_server(self, clone: Examples) -> None:
        have(clone, "storescp")
        server = clone.start(PAGE, "dcmtk-server")
        server.wait_until_it_listens(int(clone.ports["2763"]))
        assert re.search(STORED, clone.shell(PAGE, "to-dcmtk"))
        server.wait_for("Received Store Request")


def test_orthanc_as_server_and_client(clone: Examples) -> None:
    require("Orthanc", "curl")
    start_sample(clone)
    clone.write(PAGE, "orthanc.json", "file")
    orthanc = clone.start(PAGE, "orthanc")
    orthanc.wait_for("Orthanc has started")
    assert re.search(STORED, clone.shell(PAGE, "to-orthanc"))
    assert clone.shell(PAGE, "from-orthanc") == "{}"
    orthanc.end(signal.SIGKILL)  # it takes seconds to end well, and keeps nothing here


class TestSettings:
    def test_a_server_with_two_certificates(self, own_certificates: Examples) -> None:
        own_certificates.shell(PAGE, "second-certificate")
        server = own_certificates.serve(PAGE, "strict_server.py")
        printed = own_certificates.run(PAGE, "strict_client.py")
        assert printed == block(PAGE, "output", "strict_client.py")
        assert own_certificates.end(server) == ""

    def test_names(self, examples: Examples) -> None:
        server = examples.serve("quickstart.md", "server.py")
        assert examples.run(PAGE, "tunnel.py") == block(PAGE, "output", "tunnel.py")
        assert "bad_certificate" in examples.end(server)

    def test_an_encrypted_key(self, own_certificates: Examples) -> None:
        require("openssl")
        secret = {"KEY_PASSWORD": "not for production"}
        own_certificates.shell(PAGE, "encrypt", secret)
        server = own_certificates.serve("quickstart.md", "server.py")
        printed = own_certificates.run(PAGE, "password.py", secret)
        assert printed == block(PAGE, "output", "password.py")
        own_certificates.end(server)

    def test_a_revoked_certificate(self, own_certificates: Examples) -> None:
        server = own_certificates.serve(PAGE, "crl_server.py")
        assert own_certificates.run("quickstart.md", "client.py").endswith("1 failed\n")
        own_certificates.shell(PAGE, "revoke")
        server.send_signal(signal.SIGHUP)
        assert server.stdout is not None
        assert server.stdout.readline() == "Reloaded\n"
        printed = own_certificates.run(PAGE, "revoked.py")
        assert printed == block(PAGE, "output", "revoked.py")
        own_certificates.end(server)

    def test_the_keys_of_a_connection(self, examples: Examples) -> None:
        server = examples.serve("quickstart.md", "server.py")
        examples.write(PAGE, "keys.py")
        examples.shell(PAGE, "key-log")
        keys = (examples.folder / "keys.log").read_text()
        assert "CLIENT_TRAFFIC_SECRET_0" in keys
        examples.end(server)


def test_what_is_not_run_says_so() -> None:
    assert "storescu -c SECURE_SCP@localhost:2762" in block(PAGE, "elsewhere", "dcm4che")
    text = (ROOT / "docs" / PAGE).read_text(encoding="utf-8")
    assert "They are not run by our tests" in text

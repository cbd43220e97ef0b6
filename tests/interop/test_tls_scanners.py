"""TLS scanners against our servers: they find what the profile allows, and nothing else."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from nets import Nets
from OpenSSL import SSL
from programs import run

from leaddicom import Ciphersuite, LDicomNet
from leaddicom.testing.certificates import ThrowAwayPki
from leaddicom.tls import PROFILES, Profile

B12, B13, *_ = PROFILES
CBC = Ciphersuite.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA
SSLYZE = "sslyze==6.3.1"

VERSIONS = {
    "TLSv1.0": SSL.TLS1_VERSION,
    "TLSv1.1": SSL.TLS1_1_VERSION,
    "TLSv1.2": SSL.TLS1_2_VERSION,
    "TLSv1.3": SSL.TLS1_3_VERSION,
}

Start = Callable[..., LDicomNet]


@pytest.fixture
def start(nets: Nets, pki: ThrowAwayPki, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Starts a server under a profile, with one more suite than it allows if that is wanted."""

    def listen(name: str, more: tuple[Ciphersuite, ...] = ()) -> LDicomNet:
        if more:
            loose = dataclasses.replace(
                PROFILES[name], suites_tls12=(*PROFILES[name].suites_tls12, *more)
            )
            monkeypatch.setattr("leaddicom.tls.settings.profile", lambda _: loose)
        server = nets.make(link="TLS 1.3", certificate=None, cipher_suites=(), profile=name)
        for key in ("rsa", "ec"):
            server.add_certificate(*own(pki, key))
        server.Listen("127.0.0.1", 0)
        return server

    return listen


def own(pki: ThrowAwayPki, key: Any) -> tuple[str, int, str]:
    issued = pki.issue(f"scanned-{key}", key=key)
    return str(issued.certificate_file), 1, str(issued.key_file)


def address(server: LDicomNet) -> str:
    return f"localhost:{server.GetHostInfo()[1]}"


# ------------------------------------------------------------------------------- sslscan


@pytest.fixture
def sslscan(pki: ThrowAwayPki) -> Callable[[LDicomNet], ElementTree.Element]:
    """Scans a server with a client certificate, or skips the test."""
    certificate, _, key = own(pki, "rsa")

    def scan(server: LDicomNet) -> ElementTree.Element:
        options = [f"--certs={certificate}", f"--pk={key}", "--xml=-"]
        try:
            result = run("sslscan", *options, address(server))
        except FileNotFoundError:
            pytest.skip("sslscan is not installed (package sslscan)")
        found = ElementTree.fromstring(result.stdout).find("ssltest")
        assert found is not None, result.stdout
        return found

    return scan


def suites_of(profile: Profile) -> dict[str, list[str | None]]:
    """Tell the suites that each version is to be negotiated with, in the server's order."""
    expected = {}
    for name, version in VERSIONS.items():
        if version < profile.minimum_version:
            continue
        tls13 = version == SSL.TLS1_3_VERSION
        suites = [each for each in profile.suites if each.tls13 is tls13]
        if version < SSL.TLS1_2_VERSION:
            suites = [each for each in suites if each.integrity.name == "SHA1"]
        if suites:
            expected[name] = [each.openssl_name for each in suites]
    return expected


def found_by(scan: ElementTree.Element) -> dict[str, list[str | None]]:
    found: dict[str, list[str | None]] = {}
    for each in scan.iter("cipher"):
        found.setdefault(each.attrib["sslversion"], []).append(each.attrib["cipher"])
    return found


@pytest.mark.parametrize("name", PROFILES)
def test_sslscan_finds_the_profile(
    start: Start, sslscan: Callable[[LDicomNet], ElementTree.Element], name: str
) -> None:
    scan = sslscan(start(name))
    assert found_by(scan) == suites_of(PROFILES[name])
    enabled = {
        (each.attrib["type"], each.attrib["version"])
        for each in scan.iter("protocol")
        if each.attrib["enabled"] == "1"
    }
    assert enabled == {("tls", version[4:]) for version in suites_of(PROFILES[name])}
    assert {each.attrib["vulnerable"] for each in scan.iter("heartbleed")} <= {"0"}
    groups = {each.attrib["name"].split()[0] for each in scan.iter("group")}
    ephemeral = {"secp256r1", "secp384r1", "secp521r1", "x25519", "x448"}
    assert groups <= ephemeral | {"ffdhe2048", "ffdhe3072"}
    if name != "AES":
        assert {"secp256r1", "x25519"} <= groups


@pytest.mark.parametrize("name", [B12, B13])
def test_sslscan_notices_a_cbc_suite(
    start: Start, sslscan: Callable[[LDicomNet], ElementTree.Element], name: str
) -> None:
    expected = suites_of(PROFILES[name])
    found = found_by(sslscan(start(name, (CBC,))))
    assert found.keys() == expected.keys()
    assert set(found["TLSv1.2"]) - set(expected["TLSv1.2"]) == {"ECDHE-RSA-AES128-SHA"}


# -------------------------------------------------------------------------------- sslyze


@pytest.fixture(scope="session")
def sslyze_python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The interpreter of an environment that has sslyze, whose OpenSSL is not ours."""
    folder = tmp_path_factory.mktemp("sslyze")
    python = folder / "bin" / "python"
    for command in (
        [sys.executable, "-m", "venv", str(folder)],
        [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", SSLYZE],
    ):
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=180)
        except (OSError, subprocess.TimeoutExpired) as error:
            pytest.skip(f"sslyze cannot be installed from here: {error}")
        if done.returncode:
            pytest.skip(f"sslyze cannot be installed from here: {done.stderr[-200:]}")
    return str(python)


def configuration(profile: Profile) -> dict[str, Any]:
    """Write a profile in the format of Mozilla's recommendations, which sslyze checks."""
    older = [each for each in profile.suites if not each.tls13]
    names = {
        "iana": [each.iana_name for each in older],
        "openssl": [each.openssl_name for each in older],
        "caddy": [],
        "go": [],
    }
    return {
        "tls_versions": ["TLSv1.2", "TLSv1.3"],
        "ciphersuites": [each.iana_name for each in profile.suites if each.tls13],
        "ciphers": names,
        "server_preferred_order": True,
        "tls_curves": ["X25519", "prime256v1", "secp384r1", "secp521r1", "X448"],
        "ecdh_param_size": 256,
        "dh_param_size": None,
        "certificate_types": ["ecdsa", "rsa"],
        "certificate_curves": ["prime256v1", "secp384r1", "secp521r1"],
        "certificate_signatures": ["ecdsa-with-SHA256", "sha256WithRSAEncryption"],
        "rsa_key_size": profile.minimum_rsa_bits,
        "maximum_certificate_lifespan": 366,
        "recommended_certificate_lifespan": 90,
        "hsts_min_age": 0,
        "ocsp_staple": False,
    }


@pytest.fixture
def sslyze(
    sslyze_python: str, pki: ThrowAwayPki, tmp_path: Path
) -> Callable[[LDicomNet, Profile], tuple[int, str, dict[str, Any]]]:
    """Scans a server; gives sslyze's exit status, what it prints, and its results."""
    certificate, _, key = own(pki, "ec")

    def scan(server: LDicomNet, profile: Profile) -> tuple[int, str, dict[str, Any]]:
        wanted, results = tmp_path / "profile.json", tmp_path / "results.json"
        wanted.write_text(json.dumps(configuration(profile)))
        options = ["--custom_tls_config", str(wanted), "--json_out", str(results)]
        options += ["--cert", certificate, "--key", key, "--certinfo_ca_file", str(pki.ca_file)]
        done = run(sslyze_python, "-m", "sslyze", *options, address(server))
        (found,) = json.loads(results.read_text())["server_scan_results"]
        return done.returncode, done.stdout + done.stderr, found

    return scan


@pytest.mark.parametrize("name", [B12, B13])
def test_sslyze_finds_the_profile(start: Start, sslyze: Any, name: str) -> None:
    status, text, found = sslyze(start(name), PROFILES[name])
    assert status == 0, text
    results = {key: each["result"] for key, each in found["scan_result"].items()}
    accepted = results["tls_1_2_cipher_suites"]["accepted_cipher_suites"]
    assert {each["cipher_suite"]["openssl_name"] for each in accepted} == set(
        suites_of(PROFILES[name])["TLSv1.2"]
    )
    assert results["tls_compression"]["supports_compression"] is False
    renegotiation = results["session_renegotiation"]
    assert renegotiation["supports_secure_renegotiation"] is True
    assert renegotiation["is_vulnerable_to_client_renegotiation_dos"] is False
    assert results["tls_extended_master_secret"]["supports_ems_extension"] is True
    assert results["tls_fallback_scsv"]["supports_fallback_scsv"] is True


@pytest.mark.parametrize("name", [B12, B13])
def test_sslyze_notices_a_cbc_suite(start: Start, sslyze: Any, name: str) -> None:
    status, text, _ = sslyze(start(name, (CBC,)), PROFILES[name])
    assert status == 1
    assert "Cipher suites {'TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA'} are supported, but" in text


def test_sslyze_tells_b13_from_b12(start: Start, sslyze: Any) -> None:
    status, text, _ = sslyze(start(B13), PROFILES[B12])
    assert status == 1
    assert "TLS_AES_128_CCM_8_SHA256" in text

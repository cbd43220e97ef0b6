"""Peers: other toolkits, found or named as missing, and certificates that they can use."""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from nets import LINKS, Nets, short
from storage import StorageScp

from leaddicom import DICOM_SECURE_TLS, LDicomNet, Scu, TlsSettings
from leaddicom.testing.certificates import IssuedCertificate, ThrowAwayPki

VERSIONS = {"TLS 1.2": ssl.TLSVersion.TLSv1_2, "TLS 1.3": ssl.TLSVersion.TLSv1_3}


@cache
def find_dcmtk(name: str) -> str | None:
    """Find a program of DCMTK; pynetdicom's of the same names may come first in the path."""
    for folder in os.get_exec_path():
        path = shutil.which(name, path=folder)
        if path is not None:
            told = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
            if told.stdout.startswith("$dcmtk: "):
                return path
    return None


@pytest.fixture(scope="session")
def dcmtk() -> Callable[[str], str]:
    """Finds a program of DCMTK, or skips the test."""

    def find(name: str) -> str:
        path = find_dcmtk(name)
        if path is None:
            pytest.skip(f"DCMTK's {name} is not installed (package dcmtk)")
        return path

    return find


@pytest.fixture(scope="session")
def rsa(pki: ThrowAwayPki) -> IssuedCertificate:
    """DCMTK's default profile has no ECDSA with TLS 1.2 (PS3.15 B.12)."""
    return pki.issue("interop", key="rsa")


@pytest.fixture(scope="session")
def their_tls(pki: ThrowAwayPki, rsa: IssuedCertificate) -> list[str]:
    """DCMTK's options for mutual TLS."""
    return ["+tls", str(rsa.key_file), str(rsa.certificate_file), "+cf", str(pki.ca_file)]


@pytest.fixture(scope="session")
def our_tls(pki: ThrowAwayPki, rsa: IssuedCertificate) -> list[str]:
    """The options of the samples for mutual TLS."""
    files = ["-cert", str(rsa.certificate_file), "-key", str(rsa.key_file)]
    return ["-ca", str(pki.ca_file), *files]


@pytest.fixture(scope="session")
def context(pki: ThrowAwayPki, rsa: IssuedCertificate) -> Callable[[str, ssl.Purpose], Any]:
    """Makes a context of Python's ssl for mutual TLS in one version; `None` without TLS."""

    def make(link: str, purpose: ssl.Purpose) -> ssl.SSLContext | None:
        if link == "plain":
            return None
        made = ssl.create_default_context(purpose, cafile=str(pki.ca_file))
        made.load_cert_chain(rsa.certificate_file, rsa.key_file)
        made.verify_mode = ssl.CERT_REQUIRED
        made.minimum_version = made.maximum_version = VERSIONS[link]
        return made

    return make


@pytest.fixture
def serve(nets: Nets, rsa: IssuedCertificate) -> Callable[[str], StorageScp]:
    """Starts a server of ours that speaks plain DICOM or one TLS version."""

    def serve(link: str) -> StorageScp:
        server = nets.make(StorageScp, link=link)
        if server.GetSecureMode() == DICOM_SECURE_TLS:
            server.SetServerCertificateTLS(str(rsa.certificate_file), key_path=str(rsa.key_file))
        server.Listen("127.0.0.1", 0)
        return server

    return serve


@pytest.fixture
def connect(pki: ThrowAwayPki, rsa: IssuedCertificate) -> Callable[[str, int], Scu]:
    """Makes a client of ours that speaks plain DICOM or one TLS version."""

    def connect(link: str, port: int) -> Scu:
        mode, suites = LINKS[link]
        options: dict[str, Any] = {"mode": mode, "limits": short()}
        if mode == DICOM_SECURE_TLS:
            files = {"certificate": str(rsa.certificate_file), "key": str(rsa.key_file)}
            options |= {"ca_file": str(pki.ca_file), **files}
        scu = Scu("localhost", port, **options)
        if suites:
            scu.Initialize(ctx=TlsSettings(ca_file=str(pki.ca_file), cipher_suites=suites))
        return scu

    return connect


def check_version(net: LDicomNet, link: str) -> None:
    """Check that a connection was protected as it should be."""
    facts = net.link_facts
    assert (facts.tls_version if facts else "plain") == link.replace("TLS ", "TLSv")


def write_large(path: Path, size: int) -> None:
    """Write a Secondary Capture instance with a value of `size` bytes, as a sparse file."""
    from storage import write_instance

    small = write_instance(path.parent, 1, size=2)
    data = small.read_bytes()
    value = b"\x42\x00\x11\x00OB\x00\x00"
    head = data[: data.index(value) + len(value)]
    path.write_bytes(head + size.to_bytes(4, "little"))
    os.truncate(path, path.stat().st_size + size)
    with path.open("r+b") as file:
        file.seek(-8, os.SEEK_END)
        file.write(b"the end.")
    small.unlink()

"""Certificates for the samples."""

from __future__ import annotations

import pytest

from leaddicom.testing.certificates import IssuedCertificate, ThrowAwayPki


@pytest.fixture(scope="session")
def good(pki: ThrowAwayPki) -> IssuedCertificate:
    return pki.issue("sample")


@pytest.fixture(scope="session")
def tls(pki: ThrowAwayPki, good: IssuedCertificate) -> list[str]:
    """The options of the samples for mutual TLS."""
    files = ("-cert", str(good.certificate_file), "-key", str(good.key_file))
    return ["-ca", str(pki.ca_file), *files]

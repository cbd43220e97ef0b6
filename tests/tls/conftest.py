"""A small PKI for this folder, made once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from OpenSSL import SSL

from leaddicom.tls import Role, TlsSettings, build_context

from .certificates import Issued, issue
from .pairs import credentials


@dataclass(frozen=True)
class World:
    folder: Path
    root: Issued
    intermediate: Issued
    server: Issued
    client: Issued
    ca_file: str

    def settings(self, **changes) -> TlsSettings:
        return TlsSettings(**{"ca_file": self.ca_file, **changes})

    def context(self, role: Role, **changes) -> SSL.Context:
        own = self.server if role is Role.SERVER else self.client
        return build_context(self.settings(**changes), credentials(own), role)


@pytest.fixture(scope="session")
def world(tmp_path_factory) -> World:
    folder = tmp_path_factory.mktemp("tls")
    root = issue("Test Root CA", ca=True)
    intermediate = issue("Test Intermediate CA", root, ca=True)
    ca_file = folder / "roots.pem"
    ca_file.write_bytes(root.pem)
    return World(
        folder=folder,
        root=root,
        intermediate=intermediate,
        server=issue("server", intermediate, sans=("pacs.example", "127.0.0.1")),
        client=issue("client", root, sans=()),
        ca_file=str(ca_file),
    )

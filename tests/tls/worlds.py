"""Ends under a profile, each with a certificate of one kind or of both."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from OpenSSL import SSL

from leaddicom.tls import PROFILES, Role, TlsSettings, build_context

from .certificates import Issued, issue
from .pairs import credentials

B12, B13, B9, B10, B11, AES = PROFILES

KINDS = ("RSA", "EC")


def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


@dataclass(frozen=True)
class TwoKinds:
    """Certificates of both kinds for both roles; each kind has a chain of its own."""

    folder: Path
    root: Issued = field(default_factory=lambda: issue("Root of both", ca=True))
    issued: dict[tuple[Role, str], Issued] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for kind in KINDS:
            middle = issue(f"{kind} CA", self.root, ca=True)
            for role in Role:
                key = rsa_key() if kind == "RSA" else None
                self.issued[role, kind] = issue(f"{role.value} {kind}", middle, key=key)
        (self.folder / "roots.pem").write_bytes(self.root.pem)

    @property
    def ca_file(self) -> str:
        return str(self.folder / "roots.pem")

    def settings(self, profile: str, **changes: Any) -> TlsSettings:
        return TlsSettings(profile=profile, **{"ca_file": self.ca_file, **changes})

    def context(
        self, role: Role, profile: str, *, kinds: tuple[str, ...] = KINDS, **changes: Any
    ) -> SSL.Context:
        own = credentials(*(self.issued[role, kind] for kind in kinds))
        return build_context(self.settings(profile, **changes), own, role)

"""Each kind of bad certificate, shown by each end under each TLS version, through real sockets.

Both ends say why in a sentence and a code of its own, and log it once, with the peer's address.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass

import pytest
from nets import TLS_LINKS, Nets
from OpenSSL import SSL

from leaddicom import DicomErrorCode as Code
from leaddicom import LDicomNet
from leaddicom.testing.certificates import IssuedCertificate
from leaddicom.tls import Role

from .certificates import Issued
from .revocation import revoke, write_lists


@dataclass(frozen=True)
class Case:
    """What the end that refuses says, and what the other one hears."""

    code: Code
    words: str
    alert: int
    heard: Code
    roles: tuple[Role, ...] = tuple(Role)


_PROVE = Code.TLS_CERTIFICATE_VERIFY_FAILED

CASES = {
    "expired": Case(Code.TLS_CERT_HAS_EXPIRED, "it has expired", 45, Code.TLS_CERTIFICATE_EXPIRED),
    "not_yet_valid": Case(
        Code.TLS_CERT_NOT_YET_VALID, "it is not yet valid", 42, Code.TLS_BAD_CERTIFICATE
    ),
    "other_ca": Case(
        Code.TLS_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
        "the CA that issued it is not among the trusted ones",
        48,
        Code.TLS_UNKNOWN_CA,
    ),
    "wrong_host": Case(
        _PROVE,
        "was not issued for 127.0.0.1, but for DNS name wrong.example",
        42,
        Code.TLS_BAD_CERTIFICATE,
        (Role.SERVER,),
    ),
    "revoked": Case(
        Code.TLS_CERT_REVOKED,
        r"it was revoked on .*, for the reason keyCompromise \(serial number",
        44,
        Code.TLS_CERTIFICATE_REVOKED,
    ),
    "wrong_purpose": Case(
        Code.TLS_INVALID_PURPOSE,
        "does not allow (client|server)Auth",
        43,
        Code.TLS_UNSUPPORTED_CERTIFICATE,
    ),
    "rsa_1024": Case(Code.TLS_CERT_REJECTED, "its key is too small", 42, Code.TLS_BAD_CERTIFICATE),
    "self_signed": Case(
        Code.TLS_DEPTH_ZERO_SELF_SIGNED_CERT, "it is self-signed", 48, Code.TLS_UNKNOWN_CA
    ),
    "too_long": Case(
        Code.TLS_CERT_CHAIN_TOO_LONG,
        "its chain has more intermediate CAs than",
        48,
        Code.TLS_UNKNOWN_CA,
    ),
    "none": Case(
        _PROVE, "it showed no certificate", 116, Code.TLS_HANDSHAKE_FAILURE, (Role.CLIENT,)
    ),
}

MATRIX = [
    pytest.param(name, role, link, id=f"{name}-{role.value}-{link}")
    for name, case in CASES.items()
    for role in case.roles
    for link in TLS_LINKS
]


class Shameless(LDicomNet):
    """Shows a certificate that it would refuse to load."""

    shown: IssuedCertificate

    def OnCreateCTX(self, context: SSL.Context) -> None:
        context.set_cipher_list(b"ALL:@SECLEVEL=0")
        context.use_certificate(self.shown.certificate)
        for each in self.shown.chain:
            context.add_extra_chain_cert(each)
        context.use_privatekey(self.shown.private_key)


def bad(nets: Nets, name: str, role: Role) -> IssuedCertificate:
    if name == "wrong_purpose":
        name = "server_only" if role is Role.CLIENT else "client_only"
    if name == "too_long":
        return nets.pki.issue("deep", issuer=nets.pki.issue("between", ca=True))
    return nets.certificate(name)


def revoking(nets: Nets, folder, *revoked: IssuedCertificate) -> str:
    root, *leaves = (
        Issued(each.certificate, each.private_key) for each in (nets.pki.root, *revoked)
    )
    return write_lists(folder / "lists.crl", revoke(root, *leaves))


def offender(nets: Nets, name: str, role: Role, link: str) -> LDicomNet:
    if name == "none":
        return nets.make(link=link, certificate=None)
    net = nets.make(Shameless, link=link)
    net.shown = bad(nets, name, role)
    if name == "rsa_1024":  # or the certificate that it replaces, with an EC key, is shown, too
        strong = nets.pki.issue("strong", key="rsa")
        net.SetServerCertificateTLS(str(strong.certificate_file), 1, str(strong.key_file))
    return net


def judge(nets: Nets, name: str, net: LDicomNet, link: str, folder) -> LDicomNet:
    settings = {}
    if name == "revoked":
        settings["crl_file"] = revoking(nets, folder, net.shown)
    if name == "too_long":
        settings["verify_depth"] = 0
    return nets.make(link=link, **settings)


@pytest.mark.parametrize(("name", "role", "link"), MATRIX)
def test_it_is_refused(
    nets: Nets, tmp_path, caplog: pytest.LogCaptureFixture, name: str, role: Role, link: str
) -> None:
    case = CASES[name]
    shows = offender(nets, name, role, link)
    refuses = judge(nets, name, shows, link, tmp_path)
    client, server = (shows, refuses) if role is Role.CLIENT else (refuses, shows)
    server.Listen("127.0.0.1", 0)
    caplog.clear()
    nets.connect(client, server)
    at_client = nets.wait_for("OnClose", net=client)[1].error
    accepted = nets.wait_for("OnClose", net=server)[1]
    at_judge, at_offender = (
        (accepted.error, at_client) if role is Role.CLIENT else (at_client, accepted.error)
    )
    alert = 40 if (name, link) == ("none", "TLS 1.2") else case.alert

    assert (at_judge.code, at_judge.alert) == (case.code, alert)
    assert re.search(case.words, at_judge.message)
    assert (at_offender.code, at_offender.alert) == (case.heard, alert)
    assert at_offender.stage == "handshake"
    assert f"(alert {alert} " in at_offender.message
    check_log(caplog, f"DICOM to {address(client)}", client.error.message)
    check_log(caplog, f"DICOM from {address(accepted)}", accepted.error.message)


def address(net: LDicomNet) -> str:
    host, port = net.GetPeerInfo()
    return f"{host}:{port}"


def check_log(caplog: pytest.LogCaptureFixture, thread: str, sentence: str) -> None:
    """One line of one thread, at WARNING, with the sentence and the peer's address."""
    (line,) = [
        record
        for record in caplog.records
        if record.threadName == thread and record.levelno >= logging.WARNING
    ]
    assert line.levelno == logging.WARNING
    assert sentence in line.getMessage()
    assert thread.rpartition(" ")[2] in line.getMessage()

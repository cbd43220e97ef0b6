"""`Reload`: other certificates, keys, CAs and revocation lists, for the connections that follow."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from shutil import copyfile

import pytest
from cryptography.hazmat.primitives.serialization import NoEncryption, pkcs12
from nets import LINKS, TLS_LINKS, Nets
from OpenSSL import SSL
from tls.certificates import Issued
from tls.revocation import revoke, write_lists

from leaddicom import (
    DICOM_SECURE_TLS,
    DicomError,
    DicomErrorCode,
    LDicomNet,
    SslOption,
    TlsError,
    TlsSettings,
)
from leaddicom.testing.certificates import IssuedCertificate

every_link = pytest.mark.parametrize("link", TLS_LINKS)


class Files:
    """The files of one end, which a test replaces."""

    def __init__(self, folder: Path, nets: Nets) -> None:
        self.certificate, self.key = folder / "own.pem", folder / "own.key"
        self.cas, self.lists = folder / "cas", folder / "lists.crl"
        self.cas.mkdir()
        self.trust(nets.pki.root)
        self.own(nets.certificate("first"))
        self.root = Issued(nets.pki.root.certificate, nets.pki.root.private_key)
        self.revoke()

    def own(self, issued: IssuedCertificate) -> None:
        copyfile(issued.certificate_file, self.certificate)
        copyfile(issued.key_file, self.key)

    def trust(self, *cas: IssuedCertificate) -> None:
        for file in self.cas.iterdir():
            file.unlink()
        for number, each in enumerate(cas):
            copyfile(each.certificate_file, self.cas / f"{number}.crt")

    def revoke(self, *issued: IssuedCertificate) -> None:
        found = [Issued(each.certificate, each.private_key) for each in issued]
        write_lists(self.lists, revoke(self.root, *found))

    def settings(self, link: str) -> TlsSettings:
        lists, suites = str(self.lists), LINKS[link][1]
        return TlsSettings(ca_file=str(self.cas), crl_file=lists, cipher_suites=suites)

    def given_to(self, net: LDicomNet, link: str) -> LDicomNet:
        net.Initialize(None, DICOM_SECURE_TLS, self.settings(link))
        net.SetServerCertificateTLS(str(self.certificate), 1, str(self.key))
        return net


@pytest.fixture
def files(tmp_path: Path, nets: Nets) -> Files:
    return Files(tmp_path, nets)


def listening(
    nets: Nets, files: Files, link: str = "TLS 1.3", kind: type[LDicomNet] = LDicomNet
) -> LDicomNet:
    server = files.given_to(nets.make(kind, link=link, certificate=None), link)
    server.Listen("127.0.0.1", 0)
    return server


def ready(nets: Nets, net: LDicomNet) -> int:
    (code,) = nets.wait_for("OnSecureLinkReady", net=net)
    return code


def served(nets: Nets, server: LDicomNet, link: str = "TLS 1.3", **options) -> LDicomNet:
    """A client with an association, and so with the server's full consent."""
    client = nets.associated(nets.client(server, link=link, **options))
    for net in (client, server.GetClient(server.GetClientCount() - 1)):
        assert ready(nets, net) == 0
    return client


def shown_to(client: LDicomNet) -> str:
    return client.peer_identity.subject.partition(",")[0]


def refused_by(nets: Nets, server: LDicomNet, link: str, **options) -> int:
    """Connect, and give why the server refuses."""
    client = nets.client(server, link=link, **options)
    ready(nets, client)
    (code,) = nets.wait_for("OnSecureLinkReady")
    return code


# -- what is taken -----------------------------------------------------------------------------


@every_link
class TestWhatIsTaken:
    def test_certificate_and_key(self, nets: Nets, files: Files, link: str) -> None:
        server = listening(nets, files, link)
        before = served(nets, server, link)
        files.own(nets.certificate("second"))
        assert shown_to(served(nets, server, link)) == "CN=first"
        server.Reload()
        assert shown_to(served(nets, server, link)) == "CN=second"
        assert shown_to(before) == "CN=first"
        before.SendCEchoRequest(1, 1, "1.2.840.10008.1.1")
        assert nets.wait_for("OnReceiveCEchoResponse", net=before)[3] == 0

    def test_a_chain(self, nets: Nets, files: Files, link: str) -> None:
        intermediate = nets.pki.issue("between", ca=True)
        below = nets.pki.issue("below", issuer=intermediate)
        server = listening(nets, files, link)
        files.own(below)
        server.Reload()
        chain = served(nets, server, link).peer_identity.chain
        assert chain == (below.certificate, intermediate.certificate, nets.pki.root.certificate)

    def test_trusted_cas(self, nets: Nets, files: Files, link: str) -> None:
        server = listening(nets, files, link)
        code = DicomErrorCode.TLS_UNABLE_TO_GET_ISSUER_CERT_LOCALLY
        assert refused_by(nets, server, link, certificate="other_ca") == code
        other = nets.pki.issue("Another root", ca=True, self_signed=True)
        of_other = nets.pki.issue("of the other", issuer=other)
        files.trust(nets.pki.root, other)
        root = Issued(other.certificate, other.private_key)
        write_lists(files.lists, revoke(files.root), revoke(root))
        server.Reload()
        client = nets.make(link=link, certificate=None)
        client.SetClientCertificateTLS(str(of_other.certificate_file), 1, str(of_other.key_file))
        nets.associated(nets.connect(client, server))

    def test_revocation_lists(self, nets: Nets, files: Files, link: str) -> None:
        server = listening(nets, files, link)
        before = served(nets, server, link)
        files.revoke(nets.certificate("good"))
        server.Reload()
        assert refused_by(nets, server, link) == DicomErrorCode.TLS_CERT_REVOKED
        assert before.IsAssociated()

    def test_a_client_reloads_too(self, nets: Nets, files: Files, link: str) -> None:
        server = nets.server(link=link)
        client = files.given_to(nets.make(link=link, certificate=None), link)
        nets.associated(nets.connect(client, server))
        assert "CN=first" in server.GetClient(0).peer_identity.subject
        client.SendReleaseRequest()
        nets.wait_for("OnClose", net=client)
        files.own(nets.certificate("second"))
        client.Reload()
        nets.associated(nets.connect(client, server))
        assert "CN=second" in server.GetClient(server.GetClientCount() - 1).peer_identity.subject


def test_other_settings(nets: Nets, files: Files) -> None:
    """For example another file with lists; the ciphers of SetCipherToIndexTLS go on."""
    server = listening(nets, files)
    settings = replace(files.settings("TLS 1.3"), crl_file=None)
    files.revoke(nets.certificate("good"))
    server.Reload()
    assert refused_by(nets, server, "TLS 1.3") == DicomErrorCode.TLS_CERT_REVOKED
    server.Reload(settings)
    served(nets, server)
    assert server.security.settings is settings


def test_pkcs12(nets: Nets, files: Files) -> None:
    server = nets.make(link="TLS 1.3", certificate=None)
    for name in ("first", "second"):
        issued = nets.certificate(name)
        files.certificate.write_bytes(
            pkcs12.serialize_key_and_certificates(
                None, issued.private_key, issued.certificate, None, NoEncryption()
            )
        )
        if name == "first":
            server.SetServerCertificateTLS(str(files.certificate))
            server.Listen("127.0.0.1", 0)
        else:
            server.Reload()
        assert shown_to(served(nets, server)) == f"CN={name}"


def test_the_password_is_asked_for_again(nets: Nets, files: Files) -> None:
    class Asking(LDicomNet):
        asked = 0

        def OnPrivateKeyPassword(self, encryption: bool) -> str:
            self.asked += 1
            return "secret"

    files.own(nets.pki.issue("locked", password="secret"))
    server = listening(nets, files, kind=Asking)
    server.Reload()
    assert server.asked == 2


def test_on_create_ctx_sees_the_new_context(nets: Nets, files: Files) -> None:
    seen = []

    class Looking(LDicomNet):
        def OnCreateCTX(self, context) -> None:
            seen.append(context)

    server = listening(nets, files, kind=Looking)
    server.Reload()
    assert len(seen) == 2
    assert server.security.context is seen[1]


def test_before_the_first_connection_it_checks_as_well(nets: Nets, files: Files) -> None:
    net = files.given_to(nets.make(link="TLS 1.3", certificate=None), "TLS 1.3")
    net.Reload()
    (files.cas / "0.crt").unlink()
    with pytest.raises(TlsError, match="no file in it can be used"):
        net.Reload()


def test_without_tls_there_is_nothing_to_reload() -> None:
    with pytest.raises(DicomError) as caught:
        LDicomNet(None, 0).Reload()
    assert caught.value.code == DicomErrorCode.BAD_SECURE_MODE


# -- what does not fit -------------------------------------------------------------------------


def half_a_pair(nets: Nets, files: Files) -> None:
    copyfile(nets.certificate("second").certificate_file, files.certificate)


def no_key(nets: Nets, files: Files) -> None:
    files.key.unlink()


def half_written(nets: Nets, files: Files) -> None:
    files.certificate.write_bytes(files.certificate.read_bytes()[:200])


def too_weak(nets: Nets, files: Files) -> None:
    files.own(nets.certificate("rsa_1024"))


def no_ca(nets: Nets, files: Files) -> None:
    files.trust()


def a_damaged_list(nets: Nets, files: Files) -> None:
    files.lists.write_text("nothing")


@pytest.mark.parametrize(
    ("spoil", "code", "words"),
    [
        (half_a_pair, DicomErrorCode.KEYS_MISMATCH, "does not belong"),
        (no_key, DicomErrorCode.PRIVATE_KEY_LOAD_FAILED, "No such file"),
        (half_written, DicomErrorCode.CERTIFICATE_LOAD_FAILED, "damaged"),
        (too_weak, DicomErrorCode.CERTIFICATE_LOAD_FAILED, "1024 bits"),
        (no_ca, DicomErrorCode.CERTIFICATE_LOAD_FAILED, "no file in it can be used"),
        (a_damaged_list, DicomErrorCode.CERTIFICATE_LOAD_FAILED, "holds no revocation list"),
    ],
    ids=lambda value: value.__name__ if callable(value) else None,
)
def test_what_does_not_fit_changes_nothing(
    nets: Nets,
    files: Files,
    caplog: pytest.LogCaptureFixture,
    spoil: Callable[[Nets, Files], None],
    code: DicomErrorCode,
    words: str,
) -> None:
    server = listening(nets, files)
    before = replace(server.security)
    spoil(nets, files)
    with pytest.raises(TlsError, match=words) as caught:
        server.Reload()
    assert caught.value.code == code
    assert server.security == before
    assert shown_to(served(nets, server)) == "CN=first"
    (message,) = [text for text in caplog.messages if "Nothing was reloaded" in text]
    assert words in message
    assert "the TLS files read before stay in use" in message


def test_an_application_that_raises_changes_nothing(nets: Nets, files: Files) -> None:
    class Picky(LDicomNet):
        made = 0

        def OnCreateCTX(self, context) -> None:
            self.made += 1
            if self.made > 1:
                raise LookupError("on purpose")

    server = listening(nets, files, kind=Picky)
    files.own(nets.certificate("second"))
    with pytest.raises(LookupError):
        server.Reload()
    assert shown_to(served(nets, server)) == "CN=first"


def test_a_success_is_logged(nets: Nets, files: Files, caplog: pytest.LogCaptureFixture) -> None:
    server = listening(nets, files)
    with caplog.at_level(logging.INFO):
        server.Reload()
    assert "The TLS files were reloaded" in caplog.text


# -- from other threads ------------------------------------------------------------------------


def test_while_clients_come(nets: Nets, files: Files) -> None:
    """Nobody is turned away, and nobody gets one certificate with the key of another."""
    server = listening(nets, files)
    pairs = [nets.certificate(name) for name in ("first", "second")]
    stop, failures = threading.Event(), []

    def reload_over_and_over() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            files.own(pairs[number % 2])
            try:
                server.Reload()
            except DicomError as error:
                failures.append(error)

    thread = threading.Thread(target=reload_over_and_over)
    thread.start()
    try:
        shown = {shown_to(served(nets, server)) for _ in range(10)}
    finally:
        stop.set()
        thread.join()
    assert shown <= {"CN=first", "CN=second"}
    assert not failures


def test_several_threads_at_once(nets: Nets, files: Files) -> None:
    """The last to begin is the last to have read the files."""
    server = listening(nets, files)
    files.own(nets.certificate("second"))
    threads = [threading.Thread(target=server.Reload) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert shown_to(served(nets, server)) == "CN=second"


def test_what_is_set_meanwhile_is_not_lost(nets: Nets, files: Files) -> None:
    """A tightening that nobody sees vanish would be worse than none."""
    inside, go_on = threading.Event(), threading.Event()

    class Server(LDicomNet):
        def OnCreateCTX(self, context: SSL.Context) -> None:
            inside.set()
            assert go_on.wait(5)

    go_on.set()
    server = listening(nets, files, kind=Server)
    inside.clear()
    go_on.clear()
    reloading = threading.Thread(target=server.Reload)
    setting = threading.Thread(target=lambda: server.CTXSetOptions(SslOption.NO_TLSV1_2))
    reloading.start()
    assert inside.wait(5)
    setting.start()
    go_on.set()
    for each in (reloading, setting):
        each.join(5)
        assert not each.is_alive()
    assert server.security.settings.minimum_version == "TLSv1.3"
    assert server.GetCTX() is None  # and what was built without it is gone

"""PKCS#12 files, chains in any order, and files that are not what they were announced as."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import x25519
from cryptography.hazmat.primitives.serialization import pkcs12

from leaddicom.enums import CertificateType
from leaddicom.errors import DicomErrorCode, TlsError
from leaddicom.tls import Role, build_context
from leaddicom.tls.credentials import load_credentials
from leaddicom.tls.files import found_instead

from .certificates import Issued, issue
from .pairs import connect
from .revocation import revoke

PEM, DER = CertificateType.PEM, CertificateType.ASN1
KINDS = pytest.mark.parametrize("kind", list(CertificateType), ids=lambda kind: kind.name)
SECRET = "pässword"


class Prompt:
    """Answers with a password and counts how often it is asked."""

    def __init__(self, answer=None):
        self.answer, self.asked = answer, 0

    def __call__(self):
        self.asked += 1
        return self.answer


@pytest.fixture
def write(tmp_path):
    def write(name, *parts):
        (tmp_path / name).write_bytes(b"".join(parts))
        return str(tmp_path / name)

    return write


def refused(path, kind=PEM, key_path=None, answer=None) -> TlsError:
    with pytest.raises(TlsError) as caught:
        load_credentials(path, kind, key_path, Prompt(answer))
    return caught.value


def bundle(issued: Issued, *others: Issued, password: str | None = None, key=True) -> bytes:
    protection = (
        serialization.NoEncryption()
        if password is None
        else serialization.BestAvailableEncryption(password.encode())
    )
    return pkcs12.serialize_key_and_certificates(
        b"own",
        issued.key if key else None,
        issued.certificate if key else None,
        [each.certificate for each in (others if key else (issued, *others))] or None,
        protection,
    )


# -------------------------------------------------------------------------- PKCS#12


@KINDS
class TestPkcs12:
    def test_key_certificate_and_chain_in_one_file(self, world, write, kind):
        path = write("own.p12", bundle(world.server, world.root, world.intermediate))
        prompt = Prompt()
        loaded = load_credentials(path, kind, None, prompt)
        assert loaded.certificate == world.server.certificate
        assert loaded.chain == (world.intermediate.certificate,)
        assert (loaded.certificate_path, loaded.key_path) == (path, path)
        assert prompt.asked == 0

    def test_in_a_handshake(self, world, write, kind):
        path = write("own.p12", bundle(world.server, world.intermediate, password=SECRET))
        loaded = load_credentials(path, kind, None, Prompt(SECRET))
        server = build_context(world.settings(), (loaded,), Role.SERVER)
        client, _ = connect(world.context(Role.CLIENT), server)
        assert client.ready

    @pytest.mark.parametrize("answer", [SECRET, SECRET.encode()])
    def test_the_password_is_asked_for_once(self, world, write, kind, answer):
        path = write("own.p12", bundle(world.client, password=SECRET))
        prompt = Prompt(answer)
        assert load_credentials(path, kind, path, prompt).certificate == world.client.certificate
        assert prompt.asked == 1

    @pytest.mark.parametrize(
        ("answer", "words"),
        [(None, "no password was given"), ("mistaken", "the password is wrong, or"), ("", "wrong")],
    )
    def test_a_wrong_or_refused_password(self, world, write, kind, answer, words):
        path = write("own.p12", bundle(world.client, password="right one"))
        error = refused(path, kind, answer=answer)
        assert error.code == DicomErrorCode.PRIVATE_KEY_LOAD_FAILED
        assert words in error.message
        assert "right one" not in error.message
        assert "mistaken" not in error.message


def test_a_key_file_may_be_pkcs12(world, write):
    own, key = write("own.pem", world.client.pem), write("own.p12", bundle(world.client))
    assert load_credentials(own, PEM, key, Prompt()).key_path == key


def test_pkcs12_with_the_key_elsewhere(world, write):
    path = write("own.p12", bundle(world.client, key=False))
    error = refused(path)
    assert error.code == DicomErrorCode.PRIVATE_KEY_LOAD_FAILED
    assert "the file holds no private key. Name the file of the key" in error.message
    key = write("own.key", world.client.key_pem())
    assert load_credentials(path, PEM, key, Prompt()).certificate == world.client.certificate


def test_pkcs12_without_a_certificate(world, write):
    alone = pkcs12.serialize_key_and_certificates(
        b"own", world.client.key, None, None, serialization.NoEncryption()
    )
    error = refused(write("own.p12", alone))
    assert error.code == DicomErrorCode.CERTIFICATE_LOAD_FAILED
    assert "PKCS#12 without a certificate" in error.message


def test_damaged_pkcs12(world, write):
    damaged = bundle(world.client)[:-40]
    error = refused(write("own.p12", damaged), answer="secret")
    assert "the password is wrong, or the PKCS#12 file is damaged" in error.message


def test_pkcs12_of_an_older_program(world, write, tmp_path):
    """RC2 and 3DES, as Windows and old Java write it."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("the openssl command is needed for the older encryption")
    write("own.pem", world.client.pem, world.client.key_pem())
    command = [program, "pkcs12", "-export", "-legacy", "-in", "own.pem", "-out", "own.p12"]
    subprocess.run(
        [*command, "-passout", "pass:secret"], cwd=tmp_path, check=True, capture_output=True
    )
    loaded = load_credentials(str(tmp_path / "own.p12"), PEM, None, Prompt("secret"))
    assert loaded.certificate == world.client.certificate


# --------------------------------------------------------------------------- chains


def test_the_order_in_the_file_does_not_matter(world, write, caplog):
    low = issue("Lower CA", world.intermediate, ca=True)
    own = issue("own", low)
    shuffled = world.root, world.intermediate, own, low
    path = write("own.pem", *(each.pem for each in shuffled), own.key_pem())
    loaded = load_credentials(path, PEM, None, Prompt())
    assert loaded.certificate == own.certificate
    assert loaded.chain == (low.certificate, world.intermediate.certificate)  # without the root
    assert not caplog.records


def test_certificates_that_do_not_belong_are_named_and_not_sent(world, write, caplog):
    stranger, other = issue("stranger"), issue("Other CA", ca=True)
    parts = world.server, stranger, world.intermediate, other, stranger
    path = write("own.pem", *(each.pem for each in parts), world.server.key_pem())
    assert load_credentials(path, PEM, None, Prompt()).chain == (world.intermediate.certificate,)
    (record,) = caplog.records
    text = record.getMessage()
    assert record.levelname == "WARNING"
    assert "own.pem also holds certificates that are not of the chain of subject CN=server" in text
    assert text.count("subject CN=stranger") == 1
    assert "subject CN=Other CA" in text
    assert "Intermediate CA," not in text.partition("not sent:")[2]


def test_a_ca_of_the_same_name_with_another_key_is_not_taken_for_the_issuer(world, write, caplog):
    impostor = issue("Test Intermediate CA", world.root, ca=True)
    parts = world.server, impostor, world.intermediate
    path = write("own.pem", *(each.pem for each in parts), world.server.key_pem())
    assert load_credentials(path, PEM, None, Prompt()).chain == (world.intermediate.certificate,)
    assert "Test Intermediate CA" in caplog.records[0].getMessage().partition("not sent:")[2]


def test_a_root_that_another_has_signed_is_sent_in_that_form(world, write, caplog):
    """Who trusts only the other root needs it."""
    crossed = issue("Test Root CA", issue("Old Root", ca=True), ca=True, key=world.root.key)
    parts = world.client, world.root, crossed
    path = write("own.pem", *(each.pem for each in parts), world.client.key_pem())
    assert load_credentials(path, PEM, None, Prompt()).chain == (crossed.certificate,)
    assert not caplog.records


def test_a_self_signed_certificate_alone(write):
    own = issue("own")
    assert load_credentials(write("o.pem", own.pem, own.key_pem()), PEM, None, Prompt()).chain == ()


def test_a_key_that_belongs_to_none_of_several(world, write):
    path = write("own.pem", world.server.pem, world.intermediate.pem, world.client.key_pem())
    error = refused(path)
    assert error.code == DicomErrorCode.KEYS_MISMATCH
    assert "does not belong to any of 2 in" in error.message


# ------------------------------------------------------------------ announced types


@pytest.mark.parametrize(
    ("kind", "attribute", "words"),
    [
        (PEM, "der", "announced as PEM, but holds a certificate in DER (ASN1). Load it as ASN1"),
        (DER, "pem", "announced as ASN1 (DER), but holds a certificate in PEM. Load it as PEM"),
    ],
)
def test_the_wrong_type(world, write, kind, attribute, words):
    path = write("own.crt", getattr(world.client, attribute))
    error = refused(path, kind, write("own.key", world.client.key_pem()))
    assert error.code == DicomErrorCode.CERTIFICATE_LOAD_FAILED
    assert words in error.message


@KINDS
@pytest.mark.parametrize(
    ("content", "words"),
    [("key", "a private key in PEM"), ("crl", "a revocation list in DER"), ("no", "neither PEM")],
)
def test_what_holds_no_certificate_at_all(world, write, kind, content, words):
    contents = {
        "key": world.client.key_pem(),
        "crl": revoke(world.root).public_bytes(serialization.Encoding.DER),
        "no": b"GIF89a",
    }
    error = refused(write("own.crt", contents[content]), kind)
    assert f"it holds no certificate, but {words}" in error.message


def test_a_key_file_that_holds_a_certificate(world, write):
    own = write("own.pem", world.client.pem)
    error = refused(own, PEM, own.replace("own.pem", "own.pem"))
    assert "it holds no private key, but a certificate in PEM" in error.message


def test_the_length_of_der_and_ber_is_passed_over():
    for start in (b"\x30\x05", b"\x30\x81\x85", b"\x30\x82\x01\x05", b"\x30\x80"):
        assert found_instead(start + b"\x02\x01\x03") == "PKCS#12"
        assert found_instead(start + b"\x02\x01\x00") != "PKCS#12"
    for short in (b"\x30", b"\x30\x82", b"\x31\x05\x02\x01\x03"):
        assert found_instead(short) != "PKCS#12"


def test_a_key_of_another_kind_in_pkcs12(world, write):
    """A key that cannot sign is refused from PEM and PKCS#12 alike."""
    key = x25519.X25519PrivateKey.generate().private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    error = refused(write("own.pem", world.client.pem), PEM, write("own.key", key))
    assert "neither an RSA nor an EC" in error.message

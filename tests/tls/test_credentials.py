"""Loading certificates and keys, and what is said when they cannot be loaded."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import x25519

from leaddicom.enums import CertificateType
from leaddicom.errors import DicomErrorCode, TlsError
from leaddicom.tls.credentials import check_strength, load_credentials
from leaddicom.tls.profiles import DEFAULT_PROFILE

from .certificates import DAY, NOW, issue, rsa_key, sign_with_sha1

PEM, DER = CertificateType.PEM, CertificateType.ASN1
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


def refused(*arguments, password=None):
    prompt = password if isinstance(password, Prompt) else Prompt(password)
    with pytest.raises(TlsError) as caught:
        load_credentials(*arguments, prompt)
    return caught.value


# ------------------------------------------------------------------------------ good


def test_pem_with_chain_and_key_in_one_file(world, write):
    path = write("all.pem", world.server.pem, world.intermediate.pem, world.server.key_pem())
    prompt = Prompt()
    loaded = load_credentials(path, PEM, None, prompt)
    assert loaded.certificate == world.server.certificate
    assert loaded.chain == (world.intermediate.certificate,)
    assert loaded.private_key.public_key() == world.server.key.public_key()
    assert (loaded.certificate_path, loaded.key_path) == (path, path)
    assert prompt.asked == 0


def test_the_key_may_stand_first(world, write):
    path = write("all.pem", b"Bag Attributes\n", world.client.key_pem(), world.client.pem)
    assert load_credentials(path, PEM, None, Prompt()).certificate == world.client.certificate


def test_the_repr_shows_no_key(world, write):
    path = write("all.pem", world.client.pem, world.client.key_pem())
    assert "key=" not in repr(load_credentials(path, PEM, None, Prompt())).replace("_key=", "key=")


@pytest.mark.parametrize("key_type", [PEM, DER])
def test_der_certificate_with_a_key_of_either_encoding(world, write, key_type):
    encoding = serialization.Encoding.PEM if key_type is PEM else serialization.Encoding.DER
    loaded = load_credentials(
        write("own.der", world.client.der),
        DER,
        write("own.key", world.client.key_bytes(encoding)),
        Prompt(),
    )
    assert loaded.chain == ()


@pytest.mark.parametrize("answer", [SECRET, SECRET.encode()])
@pytest.mark.parametrize("encoding", [serialization.Encoding.PEM, serialization.Encoding.DER])
def test_an_encrypted_key_asks_once(world, write, answer, encoding):
    key = write("own.key", world.client.key_bytes(encoding, SECRET.encode()))
    prompt = Prompt(answer)
    load_credentials(write("own.pem", world.client.pem), PEM, key, prompt)
    assert prompt.asked == 1


def test_the_older_encrypted_form(world, write):
    key = world.client.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.BestAvailableEncryption(b"secret"),
    )
    path = write("own.pem", world.client.pem, key)
    assert load_credentials(path, PEM, None, Prompt("secret")).key_path == path


@pytest.mark.parametrize(
    ("begin", "end", "words"),
    [(-9, -1, "has expired"), (1, 9, "is not yet valid")],
)
def test_own_certificate_out_of_date_is_loaded_with_a_warning(
    world, write, caplog, begin, end, words
):
    issued = issue("own", world.root, begin=NOW + begin * DAY, end=NOW + end * DAY)
    load_credentials(write("own.pem", issued.pem, issued.key_pem()), PEM, None, Prompt())
    assert words in caplog.text
    assert "CN=own" in caplog.text
    assert [record.levelname for record in caplog.records] == ["WARNING"]


# ----------------------------------------------------------------------- certificate


def test_a_missing_certificate_file(tmp_path):
    error = refused(str(tmp_path / "none.pem"), PEM, None)
    assert error.code == DicomErrorCode.CERTIFICATE_LOAD_FAILED
    assert error.stage == "certificate"
    assert "none.pem cannot be used: No such file" in error.message
    assert "Check the path" in error.message


def test_a_path_with_a_zero_byte():
    assert refused("a\0b", PEM, None).code == DicomErrorCode.CERTIFICATE_LOAD_FAILED


@pytest.mark.parametrize(
    ("kind", "content", "words"),
    [
        (PEM, b"", "nothing: it is empty"),
        (PEM, b"\x30\x82\x01\x00", "neither PEM nor DER"),
        (PEM, b"-----BEGIN EC PRIVATE KEY-----\nAA==\n-----END EC PRIVATE KEY-----\n", "no cert"),
        (PEM, b"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n", "damaged"),
        (PEM, b"-----BEGIN CERTIFICATE-----\n", "damaged"),
        (DER, b"-----BEGIN CERTIFICATE-----\n", "damaged"),
        (DER, b"\x30\x03\x02\x01\x05", "neither PEM nor DER"),
        (DER, b"", "nothing: it is empty"),
    ],
)
def test_garbled_certificate_files(write, kind, content, words):
    error = refused(write("own.crt", content), kind, None)
    assert error.code == DicomErrorCode.CERTIFICATE_LOAD_FAILED
    assert words in error.message


def too_weak(path):
    loaded = load_credentials(path, PEM, None, Prompt())
    with pytest.raises(TlsError) as caught:
        check_strength(loaded, DEFAULT_PROFILE)
    return caught.value


@pytest.mark.parametrize("place", ["own", "chain"])
def test_weak_certificates_are_refused(world, write, place):
    key = rsa_key(1024)
    weak = issue("weak", world.root, ca=place == "chain", key=key)
    own = weak if place == "own" else issue("own", weak)
    error = too_weak(write("own.pem", own.pem, weak.pem, own.key_pem()))
    assert error.code == DicomErrorCode.CERTIFICATE_LOAD_FAILED
    assert "1024 bits, fewer than 2048" in error.message
    assert "CN=weak" in error.certificate


def test_a_sha1_signature_is_refused(world, write, tmp_path):
    weak = sign_with_sha1(tmp_path, world.root)
    assert "SHA1" in too_weak(write("own.pem", weak.pem, weak.key_pem())).message


# ------------------------------------------------------------------------------- key


def test_a_missing_key_file(world, write, tmp_path):
    error = refused(write("own.pem", world.client.pem), PEM, str(tmp_path / "no.key"))
    assert error.code == DicomErrorCode.PRIVATE_KEY_LOAD_FAILED
    assert error.stage == "private key"
    assert "no.key" in error.message


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no readable private key"),
        (b"\x30\x03\x02\x01\x05", "no readable private key"),
        (b"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n", "no private key"),
        (b"-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n", "no readable"),
    ],
)
def test_garbled_key_files(world, write, content, words):
    error = refused(write("own.pem", world.client.pem), PEM, write("own.key", content))
    assert error.code == DicomErrorCode.PRIVATE_KEY_LOAD_FAILED
    assert words in error.message


def test_a_pem_file_without_key(world, write):
    error = refused(write("own.pem", world.client.pem), PEM, None)
    assert error.code == DicomErrorCode.PRIVATE_KEY_LOAD_FAILED
    assert "holds no private key, but a certificate in PEM" in error.message


def test_a_der_file_has_no_room_for_a_key(world, write):
    error = refused(write("own.der", world.client.der), DER, None)
    assert error.code == DicomErrorCode.PRIVATE_KEY_LOAD_FAILED
    assert "the certificate alone" in error.message


@pytest.mark.parametrize(
    ("answer", "words"),
    [(None, "no password was given"), ("mistaken", "the password is wrong"), ("", "is empty")],
)
def test_a_wrong_or_refused_password(world, write, answer, words):
    path = write("own.pem", world.client.pem, world.client.key_pem(b"right one"))
    prompt = Prompt(answer)
    error = refused(path, PEM, None, password=prompt)
    assert error.code == DicomErrorCode.PRIVATE_KEY_LOAD_FAILED
    assert words in error.message
    assert prompt.asked == 1
    assert "right one" not in error.message
    assert "mistaken" not in error.message


def test_a_key_that_cannot_sign(world, write):
    key = x25519.X25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    error = refused(write("own.pem", world.client.pem), PEM, write("own.key", key))
    assert error.code == DicomErrorCode.PRIVATE_KEY_LOAD_FAILED
    assert "neither an RSA nor an EC" in error.message


def test_a_key_of_another_certificate(world, write):
    error = refused(
        write("own.pem", world.client.pem), PEM, write("own.key", world.server.key_pem())
    )
    assert error.code == DicomErrorCode.KEYS_MISMATCH
    assert "own.key does not belong to the certificate in" in error.message
    assert "CN=client" in error.certificate


def test_a_certificate_whose_key_cannot_be_decoded(world, write):
    spki = world.client.key.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
    broken = world.client.der.replace(spki, b"\x04" + b"\x01" * 64)
    error = refused(write("own.der", broken), DER, write("own.key", world.client.key_pem()))
    assert error.code == DicomErrorCode.CERTIFICATE_LOAD_FAILED
    assert "the certificate's key cannot be used" in error.message

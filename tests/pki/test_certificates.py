from __future__ import annotations

from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from leaddicom.errors import DicomErrorCode, ParameterError, TlsError
from leaddicom.pki import PrivateKey
from leaddicom.pki.certificates import (
    alternative_names,
    certificate_pem,
    is_encrypted,
    key_text,
    load_certificate,
    load_private_key,
    new_private_key,
    now,
    one_line,
    private_key_pem,
    purpose_names,
    purposes,
    serial_text,
    sign_certificate,
    subject_name,
    validity_flaw,
)

DAY = timedelta(days=1)


def sign(key: PrivateKey, **options: Any) -> x509.Certificate:
    validity = {"not_before": now() - DAY, "not_after": now() + DAY}
    return sign_certificate(
        subject_name("leaf", "Test"), key.public_key(), key, **{"issuer": None} | validity | options
    )


class TestPrivateKey:
    def test_is_rsa_2048_by_default(self) -> None:
        key = new_private_key()
        assert isinstance(key, rsa.RSAPrivateKey)
        assert key.key_size == 2048

    @pytest.mark.parametrize(("size", "bits"), [(None, 256), (256, 256), (384, 384), (521, 521)])
    def test_may_be_on_a_nist_curve(self, size: int | None, bits: int) -> None:
        key = new_private_key("ec", size)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        assert key.key_size == bits

    @pytest.mark.parametrize(
        ("kind", "size"), [("rsa", 1023), ("ec", 255), ("ec", 2048), ("dsa", None)]
    )
    def test_is_refused_if_there_is_no_such(self, kind: Any, size: int | None) -> None:
        with pytest.raises(ParameterError, match="use 'rsa' with 1024 bits or more, or 'ec'"):
            new_private_key(kind, size)

    def test_of_rsa_may_be_as_weak_as_tests_need(self) -> None:
        assert new_private_key("rsa", 1024).key_size == 1024


class TestSubjectName:
    def test_has_organization_and_common_name(self) -> None:
        assert subject_name("archive", "Site").rfc4514_string() == "CN=archive,O=Site"

    def test_may_do_without_an_organization(self) -> None:
        assert subject_name("archive", None).rfc4514_string() == "CN=archive"

    @pytest.mark.parametrize("length", [1, 64])
    def test_takes_1_to_64_characters(self, length: int) -> None:
        name = subject_name("x" * length, None)
        assert name.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "x" * length

    @pytest.mark.parametrize("length", [0, 65])
    def test_takes_no_others(self, length: int) -> None:
        with pytest.raises(ParameterError, match="1 to 64 characters"):
            subject_name("x" * length, None)


class TestSignedCertificate:
    def test_has_a_random_positive_serial_number_of_at_most_20_octets(
        self, ec_key: PrivateKey
    ) -> None:
        serials = {sign(ec_key).serial_number for _ in range(4)}
        assert len(serials) == 4
        assert all(0 < serial < 1 << 159 for serial in serials)

    def test_is_signed_with_sha_256(self, ec_key: PrivateKey) -> None:
        algorithm = sign(ec_key).signature_hash_algorithm
        assert algorithm is not None
        assert algorithm.name == "sha256"

    def test_keeps_the_validity(self, ec_key: PrivateKey) -> None:
        begin, end = now() - 3 * DAY, now() + 5 * DAY
        certificate = sign(ec_key, not_before=begin, not_after=end)
        assert certificate.not_valid_before_utc == begin
        assert certificate.not_valid_after_utc == end

    def test_points_to_its_issuer_by_name_and_key_identifier(self, ec_key: PrivateKey) -> None:
        root = sign_certificate(
            subject_name("root", "Test"), ec_key.public_key(), ec_key,
            issuer=None, ca=True, not_before=now() - DAY, not_after=now() + DAY,
        )  # fmt: skip
        leaf_key = new_private_key("ec")
        leaf = sign_certificate(
            subject_name("leaf", "Test"), leaf_key.public_key(), ec_key,
            issuer=root, not_before=now() - DAY, not_after=now() + DAY,
        )  # fmt: skip
        own = leaf.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        above = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
        root_id = root.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        leaf.verify_directly_issued_by(root)
        assert leaf.issuer == root.subject
        assert above.key_identifier == root_id.digest != own.digest

    @pytest.mark.parametrize(("ca", "path_length"), [(False, None), (True, None), (True, 0)])
    def test_says_critically_whether_it_is_a_ca(
        self, ec_key: PrivateKey, ca: bool, path_length: int | None
    ) -> None:
        certificate = sign(ec_key, ca=ca, path_length=path_length)
        found = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
        assert found.critical
        assert found.value == x509.BasicConstraints(ca, path_length)

    @pytest.mark.parametrize(
        ("kind", "ca", "usages"),
        [
            ("ec", False, {"digital_signature"}),
            ("rsa", False, {"digital_signature", "key_encipherment"}),
            ("ec", True, {"key_cert_sign", "crl_sign"}),
            ("rsa", True, {"key_cert_sign", "crl_sign"}),
        ],
    )
    def test_limits_critically_what_its_key_is_for(
        self, kind: Any, ca: bool, usages: set[str]
    ) -> None:
        certificate = sign(new_private_key(kind), ca=ca)
        found = certificate.extensions.get_extension_for_class(x509.KeyUsage)
        names = [
            "digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
            "key_agreement", "key_cert_sign", "crl_sign",
        ]  # fmt: skip
        assert found.critical
        assert {name for name in names if getattr(found.value, name)} == usages

    def test_names_hosts_and_addresses_apart(self, ec_key: PrivateKey) -> None:
        certificate = sign(ec_key, san=["pacs.example", "192.0.2.1", "::1"])
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.DNSName) == ["pacs.example"]
        assert names.get_values_for_type(x509.IPAddress) == [
            ip_address("192.0.2.1"),
            ip_address("::1"),
        ]

    def test_cannot_name_a_host_outside_ascii(self, ec_key: PrivateKey) -> None:
        with pytest.raises(ParameterError, match=r"'röntgen\.example'.*ASCII form"):
            sign(ec_key, san=["röntgen.example"])

    def test_lists_its_purposes(self, ec_key: PrivateKey) -> None:
        certificate = sign(ec_key, eku=[ExtendedKeyUsageOID.CLIENT_AUTH])
        found = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        assert list(found) == [ExtendedKeyUsageOID.CLIENT_AUTH]

    @pytest.mark.parametrize("extension", [x509.SubjectAlternativeName, x509.ExtendedKeyUsage])
    def test_leaves_out_extensions_that_would_be_empty(
        self, ec_key: PrivateKey, extension: type[x509.ExtensionType]
    ) -> None:
        with pytest.raises(x509.ExtensionNotFound):
            sign(ec_key).extensions.get_extension_for_class(extension)


class TestReading:
    def test_gives_back_what_was_written(self, ec_key: PrivateKey, tmp_path: Path) -> None:
        certificate = sign(ec_key)
        (tmp_path / "x.pem").write_bytes(certificate_pem(certificate))
        (tmp_path / "x.key").write_bytes(private_key_pem(ec_key))
        assert load_certificate(tmp_path / "x.pem") == certificate
        assert load_private_key(tmp_path / "x.key").public_key() == ec_key.public_key()

    def test_of_a_key_is_of_pkcs8(self, ec_key: PrivateKey) -> None:
        assert private_key_pem(ec_key).startswith(b"-----BEGIN PRIVATE KEY-----\n")

    def test_of_an_encrypted_key_needs_its_password(
        self, ec_key: PrivateKey, tmp_path: Path
    ) -> None:
        path = tmp_path / "x.key"
        path.write_bytes(private_key_pem(ec_key, "secret"))
        assert load_private_key(path, "secret").public_key() == ec_key.public_key()
        for password in (None, "wrong"):
            with pytest.raises(TlsError, match=r"x\.key cannot be read as a PEM private key"):
                load_private_key(path, password)

    def test_tells_which_file_is_missing(self, tmp_path: Path) -> None:
        with pytest.raises(TlsError, match=r"x\.pem .*: No such file") as certificate:
            load_certificate(tmp_path / "x.pem")
        with pytest.raises(TlsError, match=r"x\.key .*: No such file") as key:
            load_private_key(tmp_path / "x.key")
        assert certificate.value.code == DicomErrorCode.CERTIFICATE_READ_FAILED
        assert certificate.value.stage == "certificate"
        assert key.value.code == DicomErrorCode.PRIVATE_KEY_LOAD_FAILED
        assert key.value.stage == "private key"

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"\0\xff\n",
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        ],
    )
    def test_of_anything_else_fails_with_one_line(self, data: bytes, tmp_path: Path) -> None:
        path = tmp_path / "x"
        path.write_bytes(data)
        for load in (load_certificate, load_private_key):
            with pytest.raises(TlsError, match="x cannot be read as a PEM") as caught:
                load(path)
            assert "\n" not in str(caught.value)
            assert str(caught.value).endswith(".")

    @pytest.mark.parametrize(
        "key", [ed25519.Ed25519PrivateKey.generate(), x25519.X25519PrivateKey.generate()]
    )
    def test_knows_no_key_but_rsa_and_ec(self, key: Any, tmp_path: Path) -> None:
        path = tmp_path / "x.key"
        path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        with pytest.raises(TlsError, match="neither an RSA nor an EC key"):
            load_private_key(path)

    def test_notices_damage_that_would_show_later(self, ec_key: PrivateKey, tmp_path: Path) -> None:
        certificate = sign(ec_key)
        # BasicConstraints' value, an empty SEQUENCE, becomes one that ends too early.
        der = certificate.public_bytes(Encoding.DER)
        marker = bytes.fromhex("0603551d130101ff04023000")
        assert marker in der
        broken = x509.load_der_x509_certificate(der.replace(marker, marker[:-1] + b"\x01"))
        path = tmp_path / "x.pem"
        path.write_bytes(certificate_pem(broken))
        with pytest.raises(TlsError, match=r"x\.pem cannot be read"):
            load_certificate(path)


class TestEncryptedKey:
    def test_is_recognized(self, ec_key: PrivateKey, tmp_path: Path) -> None:
        file = tmp_path / "x.key"
        older = PrivateFormat.TraditionalOpenSSL
        for data, expected in [
            (private_key_pem(ec_key), False),
            (private_key_pem(ec_key, "secret"), True),
            (ec_key.private_bytes(Encoding.PEM, older, NoEncryption()), False),
            (ec_key.private_bytes(Encoding.PEM, older, BestAvailableEncryption(b"x")), True),
        ]:
            file.write_bytes(data)
            assert is_encrypted(file) is expected

    def test_is_none_if_it_cannot_be_read(self, tmp_path: Path) -> None:
        assert not is_encrypted(tmp_path / "missing.key")


class TestText:
    def test_tells_purposes_and_names(self, ec_key: PrivateKey) -> None:
        bare, ca = sign(ec_key), sign(ec_key, ca=True)
        server = sign(ec_key, eku=[ExtendedKeyUsageOID.SERVER_AUTH], san=["a.example", "::1"])
        odd = sign(ec_key, eku=[ExtendedKeyUsageOID.CODE_SIGNING])
        found = [purpose_names(each) for each in (bare, ca, server, odd)]
        assert found == [[], ["CA"], ["server"], []]
        assert purposes(server) == [ExtendedKeyUsageOID.SERVER_AUTH]
        assert [alternative_names(each) for each in (bare, server)] == [[], ["a.example", "::1"]]

    def test_tells_the_key(self, ec_key: PrivateKey) -> None:
        assert key_text(sign(ec_key)) == "EC 256"
        assert key_text(sign(new_private_key("rsa", 1024))) == "RSA 1024"

    @pytest.mark.parametrize(
        ("serial", "text"), [(1, "01"), (0xAB, "AB"), (0xABC, "0ABC"), (0xF0000, "0F0000")]
    )
    def test_of_a_serial_number_has_whole_octets(self, serial: int, text: str) -> None:
        assert serial_text(serial) == text

    def test_does_without_extensions_and_known_keys(self, ec_key: PrivateKey) -> None:
        name = subject_name("bare", None)
        bare = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(ed25519.Ed25519PrivateKey.generate().public_key())
            .serial_number(1)
            .not_valid_before(now() - DAY)
            .not_valid_after(now() + DAY)
            .sign(ec_key, hashes.SHA256())
        )
        assert (purpose_names(bare), purposes(bare), alternative_names(bare)) == ([], [], [])
        assert key_text(bare) == "other"


class TestValidity:
    def test_is_told_in_utc_and_whole_seconds(self) -> None:
        assert now().tzinfo is timezone.utc
        assert now().microsecond == 0

    @pytest.mark.parametrize(
        ("begin", "end", "flaw"),
        [
            (-2, 2, None),
            (-4, -2, "expired on "),
            (2, 4, "is not valid before "),
        ],
    )
    def test_is_judged_at_this_moment(
        self, ec_key: PrivateKey, begin: int, end: int, flaw: str | None
    ) -> None:
        certificate = sign(ec_key, not_before=now() + begin * DAY, not_after=now() + end * DAY)
        assert validity_flaw(certificate, now() + 9 * DAY) is not None
        found = validity_flaw(certificate)
        assert found is flaw or (found or "").startswith(flaw or "?")

    def test_includes_both_ends(self, ec_key: PrivateKey, monkeypatch: pytest.MonkeyPatch) -> None:
        begin, end = now() - DAY, now() + DAY
        certificate = sign(ec_key, not_before=begin, not_after=end)
        second = timedelta(seconds=1)

        def flaw_at(time: datetime) -> str | None:
            monkeypatch.setattr("leaddicom.pki.certificates.now", lambda: time)
            return validity_flaw(certificate)

        assert [flaw_at(begin), flaw_at(end)] == [None, None]
        assert flaw_at(begin - second) == f"is not valid before {begin:%Y-%m-%d}"
        assert flaw_at(end + second) == f"expired on {end:%Y-%m-%d}"


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (OSError(2, "No such file or directory", "x"), "No such file or directory"),
        (OSError("odd"), "odd"),
        (ValueError("two\n  lines."), "two lines"),
    ],
)
def test_an_error_goes_into_a_sentence(error: Exception, text: str) -> None:
    assert one_line(error) == text

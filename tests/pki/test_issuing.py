from __future__ import annotations

import stat
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID

from leaddicom.errors import DicomError, DicomErrorCode, ParameterError, TlsError
from leaddicom.pki import (
    CertificateAuthority,
    CertificateRequest,
    IssuedFiles,
    PkiFolder,
    PrivateKey,
    Record,
    alternative_names,
    is_encrypted,
    issue,
    load_certificate,
    load_private_key,
    purpose_names,
    renew,
    revoke,
)
from leaddicom.pki.certificates import certificate_pem, private_key_pem, subject_name
from leaddicom.pki.files import write_file
from leaddicom.pki.records import read_records
from pki.openssl import DAY, HOUR, NOW, SECOND, complaint

SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH


def request(name: str, **options: Any) -> CertificateRequest:
    return CertificateRequest(name, **{"san": ("pacs.example",), "key_type": "ec"} | options)


def new(pki: PkiFolder, name: str = "pacs", **options: Any) -> IssuedFiles:
    return issue(pki, request(name, **options), at=NOW)


class TestRequest:
    @pytest.mark.parametrize(
        "name",
        ["pacs", "pacs.example", "*.example", "ct_room-2.xn--rntgen-wxa", "192.0.2.1", "::1", "a1"],
    )
    def test_takes_host_names_and_addresses(self, name: str) -> None:
        assert request("x", san=(name,)).san == (name,)

    @pytest.mark.parametrize(
        "name",
        [
            "", " ", "DNS:pacs.example", "https://pacs", "röntgen.example", "-a", "a..b", ".a",
            "192.0.2.1/24", "192.0.2", "300.0.2.1", ":", "a b", "*", "a.*.b", "12",
        ],
    )  # fmt: skip
    def test_takes_nothing_else(self, name: str) -> None:
        with pytest.raises(ParameterError, match=r"is neither a host name .* nor an IP address"):
            request("x", san=(name,))

    @pytest.mark.parametrize("purpose", ["both", "server"])
    def test_of_a_server_needs_a_host_name(self, purpose: str) -> None:
        with pytest.raises(ParameterError, match="The server 'x' needs a host name"):
            request("x", purpose=purpose, san=())

    def test_of_a_client_needs_none(self) -> None:
        assert request("x", purpose="client", san=()).role == "client"

    @pytest.mark.parametrize("name", ["", "../x", "a/b", ".x", "-x"])
    def test_has_a_name_that_files_can_have(self, name: str) -> None:
        with pytest.raises(ParameterError, match="cannot name a certificate and its files"):
            request(name)

    @pytest.mark.parametrize("size", [1024, 2047, 8193])
    def test_has_an_rsa_key_of_a_useful_size(self, size: int) -> None:
        with pytest.raises(ParameterError, match=f"has 2048 to 8192 bits, not {size}"):
            request("x", key_type="rsa", key_size=size)

    @pytest.mark.parametrize("size", [None, 2048, 8192])
    def test_may_have_an_rsa_key(self, size: int | None) -> None:
        assert request("x", key_type="rsa", key_size=size).key_size == size


class TestIssuing:
    def test_writes_certificate_and_key(self, pki: PkiFolder, root: CertificateAuthority) -> None:
        issued = new(pki, san=("pacs.example", "192.0.2.1", "::1"))
        certificate = load_certificate(pki.folder / "servers/pacs/pacs.pem")
        key = load_private_key(pki.folder / "servers/pacs/pacs.key")
        assert issued.certificate_file == pki.folder / "servers/pacs/pacs.pem"
        assert issued.record == Record("pacs", "server", certificate)
        assert (issued.new, issued.former) == (True, ())
        assert certificate.public_key() == key.public_key()
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        assert certificate.subject.rfc4514_string() == "CN=pacs,O=Test"
        assert alternative_names(certificate) == ["pacs.example", "192.0.2.1", "::1"]
        assert certificate.not_valid_after_utc == NOW + 365 * DAY
        assert stat.S_IMODE(issued.key_file.stat().st_mode) == 0o600
        assert complaint(certificate, root.certificate) == ""

    @pytest.mark.parametrize(
        ("purpose", "folder", "names"),
        [
            ("both", "servers", ["server", "client"]),
            ("server", "servers", ["server"]),
            ("client", "clients", ["client"]),
        ],
    )
    def test_is_for_what_was_asked(
        self, pki: PkiFolder, purpose: str, folder: str, names: list[str]
    ) -> None:
        issued = new(pki, purpose=purpose)
        assert issued.certificate_file == pki.folder / folder / "pacs/pacs.pem"
        assert purpose_names(issued.record.certificate) == names

    def test_gives_it_a_serial_number_of_its_own(self, pki: PkiFolder) -> None:
        serials = [new(pki, f"pacs{i}").record.serial for i in range(4)]
        assert len(set(serials)) == 4
        assert all(serial >> 64 for serial in serials)

    def test_records_it_before_anything_else(
        self, pki: PkiFolder, root: CertificateAuthority
    ) -> None:
        # The files cannot be written: a file is in the place of their folder.
        (pki.folder / "servers").write_bytes(b"")
        with pytest.raises(DicomError, match="cannot be made: File exists"):
            new(pki)
        assert [each.name for each in read_records(pki.index_file)] == ["pacs"]

    def test_may_encrypt_the_key(self, pki: PkiFolder) -> None:
        issued = issue(pki, request("pacs"), password="secret", at=NOW)
        key = load_private_key(issued.key_file, "secret")
        assert key.public_key() == issued.record.certificate.public_key()
        assert is_encrypted(issued.key_file)

    def test_works_with_an_encrypted_ca(self, pki: PkiFolder, root: CertificateAuthority) -> None:
        root.pair.save(pki.ca_certificate_file, pki.ca_key_file, "ca")
        with pytest.raises(TlsError, match="is encrypted and no password was given"):
            new(pki)
        issued = issue(pki, request("pacs"), ca_password="ca", at=NOW)
        assert complaint(issued.record.certificate, root.certificate) == ""

    def test_refuses_a_name_that_is_taken(self, pki: PkiFolder) -> None:
        former = new(pki)
        before = former.key_file.read_bytes()
        with pytest.raises(ParameterError, match=r"pacs\.pem is there already.*--force"):
            new(pki)
        former.certificate_file.unlink()
        with pytest.raises(ParameterError, match=r"pacs\.key is there already.*--force"):
            new(pki)
        assert former.key_file.read_bytes() == before
        assert len(read_records(pki.index_file)) == 1

    def test_replaces_by_force_and_keeps_copies(self, pki: PkiFolder) -> None:
        former = new(pki)
        files = (former.certificate_file, former.key_file)
        before = [file.read_bytes() for file in files]
        issued = issue(pki, request("pacs"), force=True, at=NOW)
        copies = [file.with_name(f"{file.name}.old") for file in files]
        assert [copy.read_bytes() for copy in copies] == before
        assert issued.former == (former.record,)
        assert load_certificate(files[0]) == issued.record.certificate

    @pytest.mark.parametrize("force", [False, True])
    def test_refuses_one_name_for_a_server_and_a_client(self, pki: PkiFolder, force: bool) -> None:
        new(pki)
        with pytest.raises(ParameterError, match="pacs is the name of a server already"):
            issue(pki, request("pacs", purpose="client"), force=force, at=NOW)

    def test_needs_an_authority(self, tmp_path: Path) -> None:
        with pytest.raises(ParameterError, match="no certificate authority"):
            issue(PkiFolder(tmp_path), request("pacs"))


class TestRenewing:
    def test_keeps_all_but_dates_and_serial_number(
        self, pki: PkiFolder, root: CertificateAuthority
    ) -> None:
        former = new(pki, purpose="server", lifetime=90 * DAY, san=("a.example", "192.0.2.1"))
        key = former.key_file.read_bytes()
        (renewed,) = renew(pki, "pacs", at=NOW + 80 * DAY)
        certificate = load_certificate(former.certificate_file)
        assert renewed.record.certificate == certificate != former.record.certificate
        assert (renewed.new, renewed.former) == (True, (former.record,))
        assert certificate.subject == former.record.certificate.subject
        assert certificate.public_key() == former.record.certificate.public_key()
        assert alternative_names(certificate) == ["a.example", "192.0.2.1"]
        assert purpose_names(certificate) == ["server"]
        assert certificate.not_valid_before_utc == NOW + 80 * DAY - HOUR
        assert certificate.not_valid_after_utc == NOW + 170 * DAY
        assert former.key_file.read_bytes() == key
        old = former.certificate_file.with_name("pacs.pem.old")
        assert load_certificate(old) == former.record.certificate
        assert complaint(certificate, root.certificate, at=NOW + 100 * DAY) == ""

    def test_may_change_the_lifetime(self, pki: PkiFolder) -> None:
        new(pki)
        (renewed,) = renew(pki, "pacs", lifetime=9 * DAY, at=NOW)
        assert renewed.record.not_after == NOW + 9 * DAY

    def test_needs_no_password_of_the_key_and_not_even_the_key(self, pki: PkiFolder) -> None:
        issued = issue(pki, request("pacs"), password="secret", at=NOW)
        (renewed,) = renew(pki, "pacs", at=NOW)
        key = load_private_key(issued.key_file, "secret")
        assert renewed.record.certificate.public_key() == key.public_key()
        issued.key_file.unlink()
        (renewed,) = renew(pki, "pacs", at=NOW)
        assert renewed.record.certificate.public_key() == key.public_key()
        assert not issued.key_file.exists()

    @pytest.mark.parametrize(
        ("key_type", "key_size"), [("ec", 256), ("ec", 384), ("ec", 521), ("rsa", 2048)]
    )
    def test_may_make_a_new_key_of_the_same_kind(
        self, pki: PkiFolder, key_type: str, key_size: int
    ) -> None:
        former = new(pki, key_type=key_type, key_size=key_size)
        (renewed,) = renew(pki, "pacs", new_key=True, at=NOW)
        key, old = (
            load_private_key(file)
            for file in (renewed.key_file, former.key_file.with_name("pacs.key.old"))
        )
        assert key.public_key() == renewed.record.certificate.public_key()
        assert old.public_key() == former.record.certificate.public_key() != key.public_key()
        assert (type(key), key.key_size) == (type(old), key_size)

    def test_keeps_a_key_encrypted(self, pki: PkiFolder) -> None:
        issued = issue(pki, request("pacs"), password="old", at=NOW)
        with pytest.raises(ParameterError, match="encrypted, and the new one would not be"):
            renew(pki, "pacs", new_key=True, at=NOW)
        (renewed,) = renew(pki, "pacs", new_key=True, password="new", at=NOW)
        key = load_private_key(issued.key_file, "new")
        assert key.public_key() == renewed.record.certificate.public_key()

    def test_is_refused_if_the_key_is_another_one(self, pki: PkiFolder, ec_key: PrivateKey) -> None:
        issued = new(pki)
        issued.key_file.write_bytes(private_key_pem(ec_key))
        with pytest.raises(TlsError, match=r"pacs\.key is not the key of the certif") as caught:
            renew(pki, "pacs", at=NOW)
        assert caught.value.code == DicomErrorCode.KEYS_MISMATCH
        assert renew(pki, "pacs", new_key=True, at=NOW)[0].new

    def test_of_what_was_revoked_makes_a_new_key_or_nothing(self, pki: PkiFolder) -> None:
        new(pki)
        (revoked,) = revoke(pki, "pacs", at=NOW)
        with pytest.raises(ParameterError, match=r"revoked on 2031-03-04 \(unspecified\).*--new-k"):
            renew(pki, "pacs", at=NOW)
        (renewed,) = renew(pki, "pacs", new_key=True, at=NOW)
        assert renewed.record.revocation is None
        assert renewed.former == ()
        assert renewed.record.serial != revoked.record.serial

    def test_of_a_key_that_was_lost_is_refused(self, pki: PkiFolder) -> None:
        """Though the certificate that was revoked is not the last one with that key."""
        first = new(pki).record
        renew(pki, "pacs", at=NOW + SECOND)
        lost = x509.ReasonFlags.key_compromise
        revoke(pki, f"{first.serial:X}", reason=lost, at=NOW + SECOND)
        with pytest.raises(ParameterError, match=r"key of pacs was revoked as compromised.*--new-"):
            renew(pki, "pacs", at=NOW + SECOND)
        assert renew(pki, "pacs", new_key=True, at=NOW + SECOND)[0].new

    def test_of_all_leaves_out_what_was_revoked(self, pki: PkiFolder) -> None:
        for name in ("a", "b", "c"):
            new(pki, name)
        revoke(pki, "b", at=NOW)
        assert [each.record.name for each in renew(pki, None, at=NOW)] == ["a", "c"]

    def test_within_a_time_leaves_the_others_as_they_are(self, pki: PkiFolder) -> None:
        new(pki, "long")
        new(pki, "over", lifetime=DAY)
        new(pki, "short", lifetime=32 * DAY)
        before = (pki.folder / "servers/long/long.pem").read_bytes()
        at = NOW + 2 * DAY
        done = renew(pki, None, within=30 * DAY, at=at)
        assert [(each.record.name, each.new) for each in done] == [
            ("long", False),
            ("over", True),
            ("short", True),
        ]
        assert (pki.folder / "servers/long/long.pem").read_bytes() == before

    def test_is_due_at_the_second(self, pki: PkiFolder) -> None:
        new(pki, lifetime=31 * DAY)
        assert not renew(pki, "pacs", within=30 * DAY, at=NOW + DAY - SECOND)[0].new
        assert renew(pki, "pacs", within=30 * DAY, at=NOW + DAY)[0].new

    def test_changes_nothing_if_one_of_all_cannot_be(
        self, pki: PkiFolder, ec_key: PrivateKey
    ) -> None:
        new(pki, "a")
        new(pki, "b").key_file.write_bytes(private_key_pem(ec_key))
        before = pki.index_file.read_bytes()
        with pytest.raises(TlsError, match=r"b\.key is not the key"):
            renew(pki, None, at=NOW)
        assert pki.index_file.read_bytes() == before

    def test_of_what_is_not_there_tells_what_is(self, pki: PkiFolder) -> None:
        new(pki)
        with pytest.raises(ParameterError, match=r"no certificate of 'ct'.*issued: pacs\."):
            renew(pki, "ct", at=NOW)

    def adopt(
        self, pki: PkiFolder, root: CertificateAuthority, key: ec.EllipticCurvePublicKey | Any
    ) -> None:
        """Have a certificate in the folder as other tools issue them, without any extension."""
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject_name("bare", None))
            .issuer_name(root.certificate.subject)
            .public_key(key)
            .serial_number(1)
            .not_valid_before(NOW - HOUR)
            .not_valid_after(NOW + DAY)
            .sign(root.pair.private_key, hashes.SHA256())
        )
        write_file(pki.files("client", "bare")[0], certificate_pem(certificate))

    def test_of_a_bare_certificate_gives_it_what_it_lacks(
        self, pki: PkiFolder, root: CertificateAuthority, ec_key: PrivateKey
    ) -> None:
        self.adopt(pki, root, ec_key.public_key())
        (renewed,) = renew(pki, "bare", at=NOW)
        assert purpose_names(renewed.record.certificate) == ["server", "client"]
        assert alternative_names(renewed.record.certificate) == []
        assert complaint(renewed.record.certificate, root.certificate) == ""

    def test_knows_no_key_but_rsa_and_ec(self, pki: PkiFolder, root: CertificateAuthority) -> None:
        self.adopt(pki, root, ed25519.Ed25519PrivateKey.generate().public_key())
        with pytest.raises(ParameterError, match="neither an RSA nor an EC key"):
            renew(pki, "bare", at=NOW)


def test_processes_at_the_same_time_lose_no_certificate(pki: PkiFolder) -> None:
    program = (
        "import sys; from datetime import *; from pathlib import Path; from leaddicom.pki import *;"
        "sys.stdin.readline();"
        "[issue(PkiFolder(Path(sys.argv[1])), CertificateRequest(f'{sys.argv[2]}{i}', 'client',"
        " key_type='ec'), at=datetime.fromisoformat(sys.argv[3])) for i in range(8)]"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", program, str(pki.folder), name, NOW.isoformat()],
            stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for name in "ab"
    ]  # fmt: skip
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        assert process.communicate(timeout=60)[1] == ""
    names = [record.name for record in read_records(pki.index_file)]
    assert sorted(names) == [f"{name}{i}" for name in "ab" for i in range(8)]


def test_a_lifetime_is_a_year_unless_given() -> None:
    assert request("x").lifetime == timedelta(days=365)
    assert request("x").purpose == "both"

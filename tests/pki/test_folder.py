from __future__ import annotations

import os
import shutil
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509

from leaddicom.errors import DicomError, DicomErrorCode, ParameterError, TlsError
from leaddicom.pki import CertificateAuthority, PkiFolder, PrivateKey, Record, Revocation
from leaddicom.pki.certificates import new_private_key
from leaddicom.pki.files import locked
from leaddicom.pki.records import read_records
from leaddicom.pki.revocation import crl_number, load_crl, revocations
from pki.openssl import DAY, NOW, SECOND, complaint

STOLEN = x509.ReasonFlags.key_compromise


def put(
    pki: PkiFolder, authority: CertificateAuthority, name: str, key: PrivateKey, role: str
) -> Record:
    """Have a certificate in the folder, as somebody puts it there by hand."""
    pair = authority.issue(name, private_key=key, at=NOW)
    pair.save(*pki.files(role, name))
    return Record(name, role, pair.certificate)


class TestAuthority:
    def test_is_the_one_in_the_folder(self, pki: PkiFolder, root: CertificateAuthority) -> None:
        assert pki.ca_certificate() == root.certificate
        assert pki.authority(at=NOW).certificate == root.certificate

    def test_has_to_be_there(self, tmp_path: Path) -> None:
        empty = PkiFolder(tmp_path)
        for look in (empty.require, empty.ca_certificate, empty.authority):
            with pytest.raises(ParameterError, match=r"no certificate authority in .*pki init"):
                look()

    def test_needs_its_key_only_to_sign(self, pki: PkiFolder) -> None:
        pki.ca_key_file.unlink()
        assert pki.ca_certificate().issuer
        with pytest.raises(TlsError, match=r"rootCA\.key is missing.*Put the key back") as caught:
            pki.authority(at=NOW)
        assert caught.value.code == DicomErrorCode.PRIVATE_KEY_LOAD_FAILED


class TestChanges:
    def test_keep_others_out(self, pki: PkiFolder) -> None:
        impatient = PkiFolder(pki.folder, lock_timeout=0)
        with locked(pki.folder, 0), pytest.raises(DicomError, match="Another process"):
            impatient.changing().__enter__()
        with impatient.changing():
            pass

    def test_that_fail_name_the_folder(self, pki: PkiFolder) -> None:
        expected = pytest.raises(DicomError, match="cannot be made: Permission denied")
        with expected as caught, pki.changing():
            raise PermissionError(13, "Permission denied")
        assert caught.value.code == DicomErrorCode.WRITE
        assert str(pki.folder) in str(caught.value)


class TestRecords:
    def test_are_those_of_the_index(
        self, pki: PkiFolder, root: CertificateAuthority, ec_key: PrivateKey
    ) -> None:
        certificate = root.issue("gone", private_key=ec_key, at=NOW).certificate
        pki.save(root.certificate, [Record("gone", "client", certificate)])
        assert pki.records(root.certificate) == [Record("gone", "client", certificate)]

    def test_come_with_what_the_index_does_not_know(
        self, pki: PkiFolder, root: CertificateAuthority, ec_key: PrivateKey
    ) -> None:
        known = put(pki, root, "known", ec_key, "server")
        pki.save(root.certificate, [known])
        found = [put(pki, root, "a", ec_key, "server"), put(pki, root, "b", ec_key, "client")]
        assert pki.records(root.certificate) == [known, *found]

    def test_leave_out_what_is_another_cas_or_damaged_or_no_programs(
        self, pki: PkiFolder, root: CertificateAuthority, ec_key: PrivateKey
    ) -> None:
        other = CertificateAuthority.create("Other", "Test", private_key=ec_key, at=NOW)
        put(pki, other, "other", ec_key, "server")
        put(pki, root, "damaged", ec_key, "server")
        pki.files("server", "damaged")[0].write_bytes(b"-----BEGIN")
        put(pki, root, "copy", ec_key, "client")
        file = pki.files("client", "copy")[0]
        file.rename(file.with_name("chain.pem"))
        assert pki.records(root.certificate) == []

    def test_of_a_former_ca_are_kept_and_not_shown(
        self, pki: PkiFolder, root: CertificateAuthority, ec_key: PrivateKey
    ) -> None:
        other = CertificateAuthority.create("Other", "Test", private_key=ec_key, at=NOW)
        foreign = Record("x", "client", other.issue("x", private_key=ec_key, at=NOW).certificate)
        own = Record("y", "client", root.issue("y", private_key=ec_key, at=NOW).certificate)
        pki.save(other.certificate, [foreign])
        assert pki.records(root.certificate) == []
        pki.save(root.certificate, [own])
        assert read_records(pki.index_file) == [foreign, own]

    def test_are_not_written_again_if_nothing_is_new(
        self, pki: PkiFolder, root: CertificateAuthority, ec_key: PrivateKey
    ) -> None:
        records = [put(pki, root, "a", ec_key, "server")]
        pki.save(root.certificate, records)
        before = pki.index_file.stat().st_ino
        pki.save(root.certificate, records)
        assert pki.index_file.stat().st_ino == before

    def test_know_of_revocations_from_the_list_if_the_index_was_lost(
        self, pki: PkiFolder, root: CertificateAuthority, ec_key: PrivateKey
    ) -> None:
        record = put(pki, root, "a", ec_key, "server")
        revocation = Revocation(record.serial, NOW, STOLEN)
        pki.write_crl(root, [replace(record, revocation=revocation)], at=NOW)
        assert pki.records(root.certificate) == [replace(record, revocation=revocation)]


class TestRevocationList:
    def test_is_none_before_it_is_made(self, pki: PkiFolder, root: CertificateAuthority) -> None:
        assert pki.crl(root.certificate) is None

    def test_is_made_of_the_records(
        self, pki: PkiFolder, root: CertificateAuthority, ec_key: PrivateKey
    ) -> None:
        record = put(pki, root, "a", ec_key, "server")
        revocation = Revocation(record.serial, NOW, STOLEN)
        made = pki.write_crl(root, [replace(record, revocation=revocation)], lifetime=DAY, at=NOW)
        assert pki.crl(root.certificate) == made == load_crl(pki.crl_file)
        assert revocations(made) == [revocation]
        assert made.next_update_utc == NOW + DAY
        assert pki.crl_file.read_bytes().startswith(b"-----BEGIN X509 CRL-----\n")
        assert stat.S_IMODE(pki.crl_file.stat().st_mode) == 0o644
        assert complaint(record.certificate, root.certificate, made) == "certificate revoked"

    def test_never_forgets(
        self, pki: PkiFolder, root: CertificateAuthority, ec_key: PrivateKey
    ) -> None:
        record = put(pki, root, "a", ec_key, "server")
        revocation = Revocation(record.serial, NOW, STOLEN)
        pki.write_crl(root, [replace(record, revocation=revocation)], at=NOW)
        assert revocations(pki.write_crl(root, [], at=NOW)) == [revocation]

    def test_has_growing_numbers_whatever_happens(
        self, pki: PkiFolder, root: CertificateAuthority
    ) -> None:
        numbers = [crl_number(pki.write_crl(root, [], at=NOW)) for _ in range(3)]
        assert numbers == [numbers[0], numbers[0] + 1, numbers[0] + 2]
        pki.write_crl(root, [], at=NOW - DAY)  # the clock was put right
        pki.crl_file.unlink()
        again = pki.write_crl(root, [], at=NOW + 9 * SECOND)
        assert crl_number(again) > numbers[2]

    def test_of_another_ca_says_nothing(
        self, pki: PkiFolder, root: CertificateAuthority, ec_key: PrivateKey
    ) -> None:
        other_name = CertificateAuthority.create("Other", "Test", private_key=ec_key, at=NOW)
        key = new_private_key("ec")
        other_key = CertificateAuthority.create("Test CA", "Test", private_key=key, at=NOW)
        record = put(pki, root, "a", ec_key, "server")
        revoked = replace(record, revocation=Revocation(record.serial, NOW))
        for other in (other_name, other_key):
            pki.write_crl(other, [revoked], at=NOW)
            assert pki.crl(root.certificate) is None
            assert pki.records(root.certificate) == [record]

    def test_that_is_damaged_is_not_written_over(
        self, pki: PkiFolder, root: CertificateAuthority
    ) -> None:
        pki.crl_file.write_bytes(b"-----BEGIN X509 CRL-----\n")
        with pytest.raises(TlsError, match=r"rootCA\.crl cannot .* Put a backup of it back"):
            pki.write_crl(root, [], at=NOW)
        assert pki.crl_file.read_bytes() == b"-----BEGIN X509 CRL-----\n"


class TestKeptFiles:
    def test_are_copies_with_the_same_privacy(
        self, pki: PkiFolder, root: CertificateAuthority, ec_key: PrivateKey
    ) -> None:
        put(pki, root, "a", ec_key, "server")
        files = pki.files("server", "a")
        files[1].chmod(0o644)
        pki.keep(*files, pki.folder / "missing.pem")
        for file, mode in zip(files, (0o644, 0o600), strict=True):
            copy = file.with_name(f"{file.name}.old")
            assert copy.read_bytes() == file.read_bytes()
            assert stat.S_IMODE(copy.stat().st_mode) == mode


class TestAdvice:
    def test_is_none_if_others_can_do_nothing(self, pki: PkiFolder) -> None:
        assert pki.advice(pki.ca_key_file) == ""
        assert pki.advice(pki.folder / "missing.key") == ""

    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
    def test_is_to_protect_a_key(self, pki: PkiFolder, mode: int) -> None:
        pki.ca_key_file.chmod(mode)
        expected = f"others may read its key; run: chmod 600 {pki.ca_key_file}"
        assert pki.advice(pki.ca_key_file) == expected

    @pytest.mark.parametrize("mode", [0o775, 0o757])
    @pytest.mark.parametrize("place", ["", "rootCA"])
    def test_is_to_protect_a_folder(self, pki: PkiFolder, place: str, mode: int) -> None:
        folder = pki.folder / place
        folder.chmod(mode)
        expected = f"others may replace its files; run: chmod go-w {folder}"
        assert pki.advice(pki.ca_key_file) == expected

    def test_is_not_about_folders_above(self, pki: PkiFolder) -> None:
        pki.folder.parent.chmod(0o777)
        assert pki.advice(pki.ca_key_file) == ""

    def test_is_none_where_modes_mean_nothing(
        self, pki: PkiFolder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pki.ca_key_file.chmod(0o644)
        monkeypatch.setattr(os, "name", "nt")
        advice = pki.advice(pki.ca_key_file)
        monkeypatch.undo()
        assert advice == ""


def test_a_folder_may_be_moved(pki: PkiFolder, root: CertificateAuthority) -> None:
    shutil.move(pki.folder, pki.folder.with_name("moved"))
    assert PkiFolder(pki.folder.with_name("moved")).ca_certificate() == root.certificate


@pytest.mark.skipif(os.name != "posix", reason="files have no rights here")
@pytest.mark.parametrize(
    ("name", "mode", "content", "kept"),
    [
        ("a.key", 0o644, b"anything", 0o600),
        ("a.pem", 0o600, b"nobody else could read it", 0o600),
        ("a.pem", 0o644, b"-----BEGIN EC PRIVATE KEY-----", 0o600),
        ("a.pem", 0o644, b"-----BEGIN CERTIFICATE-----", 0o644),
    ],
)
def test_copies_of_what_is_private_are_private(
    tmp_path: Path, name: str, mode: int, content: bytes, kept: int
) -> None:
    """Certificate and key may be in one file, put there by hand."""
    file = tmp_path / name
    file.write_bytes(content)
    file.chmod(mode)
    PkiFolder(tmp_path).keep(file)
    copy = tmp_path / f"{name}.old"
    assert copy.read_bytes() == content
    assert stat.S_IMODE(copy.stat().st_mode) == kept

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from leaddicom.errors import ParameterError, TlsError
from leaddicom.pki import (
    CertificateAuthority,
    CertificateRequest,
    PkiFolder,
    PrivateKey,
    Record,
    Revocation,
    issue,
    load_certificate,
    renew,
    revoke,
    serial_text,
    update_crl,
)
from leaddicom.pki.certificates import certificate_pem
from leaddicom.pki.records import read_records
from leaddicom.pki.revocation import crl_number, load_crl, revocations
from pki.openssl import DAY, HOUR, NOW, SECOND, complaint

STOLEN = x509.ReasonFlags.key_compromise
UNSPECIFIED = x509.ReasonFlags.unspecified


def new(pki: PkiFolder, name: str, lifetime: int = 365) -> Record:
    request = CertificateRequest(name, "client", key_type="ec", lifetime=lifetime * DAY)
    return issue(pki, request, at=NOW).record


def says(pki: PkiFolder, root: CertificateAuthority, record: Record) -> str:
    return complaint(record.certificate, root.certificate, load_crl(pki.crl_file))


class TestRevoked:
    def test_is_refused_and_others_are_not(
        self, pki: PkiFolder, root: CertificateAuthority
    ) -> None:
        stolen, other = new(pki, "stolen"), new(pki, "other")
        (revoked,) = revoke(pki, "stolen", reason=STOLEN, at=NOW)
        assert revoked.new
        assert revoked.revocation == Revocation(stolen.serial, NOW, STOLEN)
        assert revoked.record.revocation == revoked.revocation
        assert says(pki, root, stolen) == "certificate revoked"
        assert says(pki, root, other) == ""

    def test_is_recorded(self, pki: PkiFolder) -> None:
        new(pki, "a")
        new(pki, "b")
        (revoked,) = revoke(pki, "a", at=NOW)
        assert [each.revocation for each in read_records(pki.index_file)] == [
            revoked.revocation,
            None,
        ]

    def test_stays_as_it_is_the_second_time(self, pki: PkiFolder) -> None:
        new(pki, "a")
        (first,) = revoke(pki, "a", reason=STOLEN, at=NOW)
        (again,) = revoke(pki, "a", at=NOW + DAY)
        assert (again.new, again.revocation) == (False, first.revocation)
        assert revocations(load_crl(pki.crl_file)) == [first.revocation]

    def test_can_be_what_has_no_files_any_more(
        self, pki: PkiFolder, root: CertificateAuthority
    ) -> None:
        record = new(pki, "a")
        for file in pki.files("client", "a"):
            file.unlink()
        revoke(pki, "a", at=NOW)
        assert says(pki, root, record) == "certificate revoked"

    def test_works_with_an_encrypted_ca(self, pki: PkiFolder, root: CertificateAuthority) -> None:
        record = new(pki, "a")
        root.pair.save(pki.ca_certificate_file, pki.ca_key_file, "ca")
        with pytest.raises(TlsError, match="encrypted and no password was given"):
            revoke(pki, "a", at=NOW)
        revoke(pki, "a", ca_password="ca", at=NOW)
        assert says(pki, root, record) == "certificate revoked"

    def test_can_be_put_into_a_list_that_counts_for_a_while(self, pki: PkiFolder) -> None:
        new(pki, "a")
        revoke(pki, "a", lifetime=2 * DAY, at=NOW)
        assert load_crl(pki.crl_file).next_update_utc == NOW + 2 * DAY


class TestName:
    def test_means_all_that_it_has_and_that_may_have_the_same_key(self, pki: PkiFolder) -> None:
        first = new(pki, "a")
        second = renew(pki, "a", at=NOW + SECOND)[0].record
        other = new(pki, "b")
        revoked = revoke(pki, "a", at=NOW + SECOND)
        assert [each.record.serial for each in revoked] == [first.serial, second.serial]
        assert other.serial not in {each.serial for each in revocations(load_crl(pki.crl_file))}

    def test_leaves_out_what_has_expired(self, pki: PkiFolder) -> None:
        new(pki, "a", lifetime=1)
        second = renew(pki, "a", lifetime=9 * DAY, at=NOW)[0].record
        revoked = revoke(pki, "a", at=NOW + DAY)
        assert [each.record.serial for each in revoked] == [second.serial]

    def test_means_the_last_one_if_all_have_expired(self, pki: PkiFolder) -> None:
        new(pki, "a", lifetime=1)
        second = renew(pki, "a", at=NOW)[0].record
        revoked = revoke(pki, "a", at=NOW + 9 * DAY)
        assert [each.record.serial for each in revoked] == [second.serial]

    def test_goes_before_a_file_of_that_name(
        self, pki: PkiFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        record = new(pki, "a")
        monkeypatch.chdir(tmp_path)
        Path("a").write_bytes(certificate_pem(new(pki, "b").certificate))
        assert [each.record.serial for each in revoke(pki, "a", at=NOW)] == [record.serial]

    @pytest.mark.parametrize("what", ["ct", "1234", "0x", "ab:cd", "missing.pem", "-5"])
    def test_that_means_nothing_is_an_error(self, pki: PkiFolder, what: str) -> None:
        new(pki, "mr")
        with pytest.raises(ParameterError, match=r"no certificate of .* were issued: mr\."):
            revoke(pki, what, at=NOW)
        assert not pki.crl_file.exists()


class TestSerialNumber:
    @pytest.mark.parametrize("style", ["{}", "0x{}", "0X{}", "00{}"])
    @pytest.mark.parametrize("case", [str.lower, str.upper])
    def test_means_one_certificate(self, pki: PkiFolder, style: str, case: type[str]) -> None:
        first = new(pki, "a")
        renew(pki, "a", at=NOW)
        text = style.format(case(serial_text(first.serial)))
        assert [each.record.serial for each in revoke(pki, text, at=NOW)] == [first.serial]

    def test_may_have_colons(self, pki: PkiFolder) -> None:
        record = new(pki, "a")
        text = serial_text(record.serial)
        pairs = ":".join(text[i : i + 2] for i in range(0, len(text), 2))
        assert [each.record.serial for each in revoke(pki, pairs, at=NOW)] == [record.serial]


class TestFile:
    def test_means_its_certificate(self, pki: PkiFolder) -> None:
        first = new(pki, "a")
        (renewed,) = renew(pki, "a", at=NOW)
        old = renewed.certificate_file.with_name("a.pem.old")
        assert [each.record.serial for each in revoke(pki, str(old), at=NOW)] == [first.serial]

    def foreign(
        self, root: CertificateAuthority, file: Path, subject: list[x509.NameAttribute[str]]
    ) -> None:
        """Issue a certificate outside of the folder and its records."""
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name(subject))
            .issuer_name(root.certificate.subject)
            .public_key(root.certificate.public_key())
            .serial_number(99)
            .not_valid_before(NOW - HOUR)
            .not_valid_after(NOW + DAY)
            .sign(root.pair.private_key, hashes.SHA256())
        )
        file.write_bytes(certificate_pem(certificate))

    @pytest.mark.parametrize(
        ("common_name", "name"),
        [("mr", "mr"), ("../mr", "unnamed"), (None, "unnamed")],
    )
    def test_may_hold_what_was_not_recorded(
        self,
        pki: PkiFolder,
        root: CertificateAuthority,
        tmp_path: Path,
        common_name: str | None,
        name: str,
    ) -> None:
        subject = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Test")]
        if common_name:
            subject.append(x509.NameAttribute(NameOID.COMMON_NAME, common_name))
        file = tmp_path / "x.pem"
        self.foreign(root, file, subject)
        (revoked,) = revoke(pki, str(file), at=NOW)
        assert (revoked.record.name, revoked.record.role) == (name, "server")
        assert revocations(load_crl(pki.crl_file)) == [revoked.revocation]
        assert read_records(pki.index_file) == [revoked.record]

    def test_does_not_take_the_place_of_what_a_program_has(
        self, pki: PkiFolder, root: CertificateAuthority, ec_key: PrivateKey, tmp_path: Path
    ) -> None:
        own = new(pki, "a")
        lost = root.issue("a", eku=[ExtendedKeyUsageOID.CLIENT_AUTH], private_key=ec_key)
        (tmp_path / "x.pem").write_bytes(certificate_pem(lost.certificate))
        revoke(pki, str(tmp_path / "x.pem"), at=NOW)
        first, last = read_records(pki.index_file)
        assert (first.certificate, first.role) == (lost.certificate, "client")
        assert last == own

    def test_of_the_ca_itself_is_refused(self, pki: PkiFolder) -> None:
        with pytest.raises(ParameterError, match="the CA's own certificate"):
            revoke(pki, str(pki.ca_certificate_file), at=NOW)

    def test_of_another_ca_is_refused(
        self, pki: PkiFolder, ec_key: PrivateKey, tmp_path: Path
    ) -> None:
        other = CertificateAuthority.create("Other", "Test", private_key=ec_key, at=NOW)
        file = tmp_path / "x.pem"
        file.write_bytes(certificate_pem(other.issue("x", private_key=ec_key, at=NOW).certificate))
        with pytest.raises(ParameterError, match="issued by another CA, CN=Other,O=Test"):
            revoke(pki, str(file), at=NOW)

    def test_without_a_certificate_is_refused(self, pki: PkiFolder) -> None:
        with pytest.raises(TlsError, match="cannot be read as a PEM certificate"):
            revoke(pki, str(pki.ca_key_file), at=NOW)


class TestList:
    def test_is_renewed_and_says_the_same(self, pki: PkiFolder, root: CertificateAuthority) -> None:
        record, other = new(pki, "a"), new(pki, "b")
        revoke(pki, "a", lifetime=DAY, at=NOW)
        former = load_crl(pki.crl_file)
        later = NOW + 2 * DAY
        assert complaint(other.certificate, root.certificate, former, later) == "CRL has expired"
        made = update_crl(pki, lifetime=9 * DAY, at=later)
        assert load_crl(pki.crl_file) == made
        assert made.next_update_utc == later + 9 * DAY
        assert crl_number(made) > crl_number(former)
        assert complaint(other.certificate, root.certificate, made, later) == ""
        assert says(pki, root, record) == "CRL is not yet valid"
        said = complaint(record.certificate, root.certificate, made, later)
        assert said == "certificate revoked"

    def test_counts_for_thirty_days_unless_told_otherwise(self, pki: PkiFolder) -> None:
        assert update_crl(pki, at=NOW).next_update_utc == NOW + 30 * DAY

    def test_comes_from_the_index_if_it_was_lost(self, pki: PkiFolder) -> None:
        new(pki, "a")
        (revoked,) = revoke(pki, "a", at=NOW)
        pki.crl_file.unlink()
        assert revocations(update_crl(pki, at=NOW)) == [revoked.revocation]

    def test_brings_back_the_index_if_that_was_lost(self, pki: PkiFolder) -> None:
        new(pki, "a")
        (revoked,) = revoke(pki, "a", at=NOW)
        pki.index_file.unlink()
        update_crl(pki, at=NOW)
        assert read_records(pki.index_file) == [revoked.record]


@pytest.mark.parametrize("act", [update_crl, lambda pki: revoke(pki, "a")])
def test_an_authority_has_to_be_there(act: object, tmp_path: Path) -> None:
    assert callable(act)
    with pytest.raises(ParameterError, match="no certificate authority"):
        act(PkiFolder(tmp_path))


def test_what_is_revoked_can_still_be_read(pki: PkiFolder) -> None:
    record = new(pki, "a")
    revoke(pki, "a", at=NOW)
    assert load_certificate(pki.files("client", "a")[0]) == record.certificate

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from leaddicom.errors import DicomError, ParameterError
from leaddicom.pki import (
    CertificateAuthority,
    CertificateRequest,
    CertificateStatus,
    Condition,
    PkiFolder,
    PkiStatus,
    PrivateKey,
    issue,
    pki_status,
    renew,
    revoke,
    serial_text,
    update_crl,
)
from leaddicom.pki.certificates import certificate_pem
from leaddicom.pki.revocation import crl_number, load_crl
from pki.openssl import DAY, NOW, SECOND

VALID, EXPIRING, EXPIRED, REVOKED, REPLACED = Condition


def new(pki: PkiFolder, name: str, lifetime: timedelta = 365 * DAY) -> None:
    issue(pki, CertificateRequest(name, "client", key_type="ec", lifetime=lifetime), at=NOW)


def conditions(status: PkiStatus) -> list[tuple[str, Condition]]:
    return [(each.name, each.condition) for each in status.certificates]


def of(status: PkiStatus, name: str) -> CertificateStatus:
    return next(each for each in status.certificates if each.name == name)


@pytest.fixture
def good(pki: PkiFolder) -> PkiFolder:
    """A folder in which nothing is due."""
    new(pki, "ct")
    update_crl(pki, lifetime=100 * DAY, at=NOW)
    return pki


class TestGood:
    def test_has_nothing_due(self, good: PkiFolder, root: CertificateAuthority) -> None:
        status = pki_status(good, at=NOW)
        assert conditions(status) == [("rootCA", VALID), ("ct", VALID)]
        assert [each.role for each in status.certificates] == ["CA", "client"]
        assert [each.days_left for each in status.certificates] == [3652, 365]
        assert [each.note for each in status.certificates] == ["", ""]
        assert status.certificates[0].certificate == root.certificate
        assert status.certificates[0].key_file == good.ca_key_file
        assert status.certificates[1].certificate_file == good.files("client", "ct")[0]
        assert not status.due

    def test_has_a_list(self, good: PkiFolder) -> None:
        crl = pki_status(good, at=NOW + DAY).crl
        assert (crl.file, crl.flaw, crl.days_left, crl.revoked) == (good.crl_file, "", 99, 0)
        assert crl.number == crl_number(load_crl(good.crl_file))
        assert crl.next_update == NOW + 100 * DAY

    def test_is_only_looked_at(self, good: PkiFolder) -> None:
        def content() -> dict[Path, int]:
            return {path: path.stat().st_mtime_ns for path in good.folder.rglob("*")}

        good.index_file.unlink()
        good.ca_key_file.unlink()
        before = content()
        assert len(pki_status(good, at=NOW).certificates) == 2
        assert content() == before


class TestCertificate:
    @pytest.mark.parametrize(
        ("at", "condition", "days_left"),
        [
            (NOW + 335 * DAY - SECOND, VALID, 30),
            (NOW + 335 * DAY, EXPIRING, 30),
            (NOW + 365 * DAY - SECOND, EXPIRING, 0),
            (NOW + 365 * DAY, EXPIRED, 0),
            (NOW + 366 * DAY, EXPIRED, -1),
        ],
    )
    def test_expires(
        self, good: PkiFolder, at: datetime, condition: Condition, days_left: int
    ) -> None:
        update_crl(good, at=at)
        status = pki_status(good, at=at)
        found = of(status, "ct")
        assert (found.condition, found.days_left) == (condition, days_left)
        assert status.due is (condition is not VALID)

    def test_expires_within_a_time_of_ones_choice(self, good: PkiFolder) -> None:
        assert of(pki_status(good, within=366 * DAY, at=NOW), "ct").condition is EXPIRING
        assert not pki_status(good, within=timedelta(), at=NOW).due

    def test_of_the_ca_expires_too(self, good: PkiFolder) -> None:
        status = pki_status(good, within=3653 * DAY, at=NOW)
        assert conditions(status) == [("rootCA", EXPIRING), ("ct", EXPIRING)]

    def test_that_was_revoked_is_not_due(self, good: PkiFolder) -> None:
        (revoked,) = revoke(good, "ct", lifetime=999 * DAY, at=NOW)
        status = pki_status(good, at=NOW + 364 * DAY)
        found = of(status, "ct")
        assert (found.condition, found.revocation) == (REVOKED, revoked.revocation)
        assert found.note == "since 2031-03-04, unspecified"
        assert status.crl.revoked == 1
        assert not status.due

    def test_that_was_replaced_is_not_due_and_tells_how_to_end_it(self, good: PkiFolder) -> None:
        first = of(pki_status(good, at=NOW), "ct").certificate
        renew(good, "ct", lifetime=999 * DAY, at=NOW)
        update_crl(good, lifetime=999 * DAY, at=NOW)
        status = pki_status(good, at=NOW + 364 * DAY)
        assert conditions(status) == [("rootCA", VALID), ("ct", REPLACED), ("ct", VALID)]
        note = f"peers still trust it; to end that, revoke {serial_text(first.serial_number)}"
        assert of(status, "ct").note == note
        assert not status.due

    def test_that_is_over_and_replaced_or_revoked_is_left_out(self, good: PkiFolder) -> None:
        renew(good, "ct", lifetime=999 * DAY, at=NOW)
        new(good, "mr")
        revoke(good, "mr", lifetime=999 * DAY, at=NOW)
        status = pki_status(good, at=NOW + 365 * DAY)
        assert conditions(status) == [("rootCA", VALID), ("ct", VALID)]

    def test_is_known_when_its_files_are_gone(self, good: PkiFolder) -> None:
        for file in good.files("client", "ct"):
            file.unlink()
        found = of(pki_status(good, at=NOW), "ct")
        assert (found.condition, found.note) == (VALID, "its file is not here")

    def test_may_not_be_the_one_in_its_file(self, good: PkiFolder, ec_key: PrivateKey) -> None:
        other = CertificateAuthority.create("Other", "Test", private_key=ec_key, at=NOW)
        file = good.files("client", "ct")[0]
        file.write_bytes(certificate_pem(other.certificate))
        assert of(pki_status(good, at=NOW), "ct").note == "its file holds another certificate"

    def test_may_be_in_a_damaged_file(self, good: PkiFolder) -> None:
        good.files("client", "ct")[0].write_bytes(b"-----BEGIN")
        assert of(pki_status(good, at=NOW), "ct").note == "its file cannot be read"

    def test_may_have_a_key_that_others_can_read(self, good: PkiFolder) -> None:
        for key in (good.ca_key_file, good.files("client", "ct")[1]):
            key.chmod(0o644)
        notes = [each.note for each in pki_status(good, at=NOW).certificates]
        assert all(note.startswith("others may read its key; run: chmod 600") for note in notes)


class TestList:
    def test_is_missing(self, good: PkiFolder) -> None:
        good.crl_file.unlink()
        status = pki_status(good, at=NOW)
        assert status.crl.flaw == "there is none of this CA"
        assert (status.crl.number, status.crl.next_update, status.crl.days_left) == (None,) * 3
        assert status.due

    def test_is_stale(self, good: PkiFolder) -> None:
        assert not pki_status(good, at=NOW + 100 * DAY - SECOND).due
        status = pki_status(good, at=NOW + 100 * DAY)
        assert status.crl.flaw == "it is stale since 2031-06-12 05:06 UTC"
        assert status.due

    def test_lacks_what_was_revoked_when_it_could_not_be_written(
        self, good: PkiFolder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def killed(*arguments: object, **options: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(PkiFolder, "write_crl", killed)
            with pytest.raises(KeyboardInterrupt):
                revoke(good, "ct", at=NOW)
        status = pki_status(good, at=NOW)
        assert status.crl.flaw == "it lacks 1 revoked certificate"
        assert status.due
        update_crl(good, at=NOW)
        assert not pki_status(good, at=NOW).due


def test_an_authority_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="no certificate authority"):
        pki_status(PkiFolder(tmp_path))


def test_a_damaged_index_is_an_error(good: PkiFolder) -> None:
    good.index_file.write_bytes(b"{")
    with pytest.raises(DicomError, match="Line 1 of the index"):
        pki_status(good, at=NOW)

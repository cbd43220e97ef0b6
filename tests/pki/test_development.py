from __future__ import annotations

import os
import re
import shutil
import socket
import stat
import subprocess
import sys
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from OpenSSL import crypto

from leaddicom.errors import DicomError, DicomErrorCode, TlsError
from leaddicom.pki import (
    CertificateAuthority,
    CertificateState,
    IssuedPair,
    PkiEntry,
    PkiFolder,
    PrivateKey,
    init_development_pki,
    is_encrypted,
    load_certificate,
    load_private_key,
    revoke,
)
from leaddicom.pki.certificates import now, private_key_pem, sign_certificate
from leaddicom.pki.files import locked
from leaddicom.pki.records import read_records
from leaddicom.pki.revocation import crl_number, load_crl, revocations
from pki.openssl import complaint

DAY = timedelta(days=1)
MADE, KEPT, RENEWED = CertificateState
LEAVES = [
    "servers/worklistmanager/worklistmanager",
    "servers/archive/archive",
    "clients/workitemcreator/workitemcreator",
    "clients/workitemperformer/workitemperformer",
    "clients/workitemwatcher/workitemwatcher",
    "clients/modality/modality",
]
ALL = ["rootCA/rootCA", *LEAVES]
ARCHIVE = "servers/archive/archive"


def content(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Bytes and time of last change of every file."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in files
    }


def states(entries: list[PkiEntry]) -> dict[str, CertificateState]:
    return {entry.name: entry.state for entry in entries}


def archive_of(entries: list[PkiEntry]) -> PkiEntry:
    return next(entry for entry in entries if entry.name == "archive")


def load_root(folder: Path) -> CertificateAuthority:
    return CertificateAuthority.load(folder / "rootCA/rootCA.pem", folder / "rootCA/rootCA.key")


def verify(folder: Path) -> None:
    """Every leaf chains to the root, strictly, and its key fits."""
    store = crypto.X509Store()
    store.set_flags(crypto.X509StoreFlags.X509_STRICT)
    store.add_cert(crypto.X509.from_cryptography(load_root(folder).certificate))
    for stem in LEAVES:
        leaf = load_certificate(folder / f"{stem}.pem")
        crypto.X509StoreContext(store, crypto.X509.from_cryptography(leaf)).verify_certificate()
        assert leaf.public_key() == load_private_key(folder / f"{stem}.key").public_key()


def resign(folder: Path, stem: str, not_before: datetime, not_after: datetime) -> None:
    """Give a certificate another validity."""
    root = load_root(folder)
    former = load_certificate(folder / f"{stem}.pem")
    key = load_private_key(folder / f"{stem}.key")
    is_root = stem == ALL[0]
    certificate = sign_certificate(
        former.subject, key.public_key(), root.pair.private_key,
        issuer=None if is_root else root.certificate, ca=is_root,
        not_before=not_before, not_after=not_after,
    )  # fmt: skip
    IssuedPair(certificate, key).save(folder / f"{stem}.pem", folder / f"{stem}.key")


class TestNewTree:
    def test_has_these_files_and_no_others(self, pristine: Path) -> None:
        expected = {f"{stem}.{ending}" for stem in ALL for ending in ("pem", "key")}
        expected |= {".lock", "rootCA/rootCA.crl", "rootCA/index.jsonl"}
        assert set(content(pristine)) == expected

    def test_is_reported(self, certs: Path) -> None:
        entries = init_development_pki(certs.parent / "new" / "certs")
        assert [entry.role for entry in entries] == ["CA"] + ["server"] * 2 + ["client"] * 4
        assert [entry.name for entry in entries] == [Path(stem).name for stem in ALL]
        assert {entry.state for entry in entries} == {MADE}
        assert {entry.reason for entry in entries} == {""}
        for entry in entries:
            certificate = load_certificate(entry.certificate_file)
            assert certificate.not_valid_after_utc == entry.not_after
            assert certificate.public_key() == load_private_key(entry.key_file).public_key()

    def test_chains_strictly(self, pristine: Path) -> None:
        verify(pristine)

    def test_chains_strictly_for_openssl(self, pristine: Path) -> None:
        openssl = shutil.which("openssl")
        if openssl is None:
            pytest.skip("openssl is not on the PATH")
        leaves = [pristine / f"{stem}.pem" for stem in LEAVES]
        for purpose in ("sslserver", "sslclient"):
            subprocess.run(
                [openssl, "verify", "-x509_strict", "-purpose", purpose, "-verify_hostname",
                 "localhost", "-CAfile", pristine / "rootCA/rootCA.pem", *leaves],
                check=True, capture_output=True,
            )  # fmt: skip

    @pytest.mark.parametrize("stem", ALL)
    def test_has_unencrypted_pkcs8_keys_for_their_owner_only(
        self, pristine: Path, stem: str
    ) -> None:
        key = pristine / f"{stem}.key"
        assert key.read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----\n")
        assert stat.S_IMODE(key.stat().st_mode) == 0o600

    def test_has_the_same_modes_whatever_the_umask_is(self, certs: Path) -> None:
        former = os.umask(0)
        try:
            init_development_pki(certs.parent / "new")
        finally:
            os.umask(former)
        for path in (certs.parent / "new").rglob("*"):
            private = path.suffix == ".key" or path.name == ".lock"
            expected = 0o755 if path.is_dir() else 0o600 if private else 0o644
            assert stat.S_IMODE(path.stat().st_mode) == expected, path

    @pytest.mark.parametrize(("stem", "bits"), [(ALL[0], 3072), *((s, 2048) for s in LEAVES)])
    def test_has_rsa_keys(self, pristine: Path, stem: str, bits: int) -> None:
        key = load_certificate(pristine / f"{stem}.pem").public_key()
        assert isinstance(key, rsa.RSAPublicKey)
        assert key.key_size == bits

    @pytest.mark.parametrize("stem", LEAVES)
    def test_has_leaves_for_client_and_server_on_this_computer(
        self, pristine: Path, stem: str
    ) -> None:
        extensions = load_certificate(pristine / f"{stem}.pem").extensions
        names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        purposes = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        assert {"localhost", socket.gethostname()} <= set(names.get_values_for_type(x509.DNSName))
        assert names.get_values_for_type(x509.IPAddress) == [
            ip_address("127.0.0.1"),
            ip_address("::1"),
        ]
        assert set(purposes) == {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}

    @pytest.mark.parametrize(
        ("host", "extra"),
        [
            ("scanner-1", ["scanner-1"]),
            ("ct_room_2", ["ct_room_2"]),
            ("röntgen", ["xn--rntgen-wxa"]),
            ("localhost", []),
            ("", []),
            ("x" * 64, []),
        ],
    )
    def test_names_the_host_if_a_certificate_can(
        self, certs: Path, monkeypatch: pytest.MonkeyPatch, host: str, extra: list[str]
    ) -> None:
        monkeypatch.setattr(socket, "gethostname", lambda: host)
        (certs / f"{ARCHIVE}.pem").unlink()
        certificate = load_certificate(archive_of(init_development_pki(certs)).certificate_file)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        expected = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
        expected += [x509.IPAddress(ip_address("::1")), *map(x509.DNSName, extra)]
        assert list(names) == expected


class TestSecondRun:
    def test_keeps_everything_byte_for_byte(self, certs: Path) -> None:
        before = content(certs)
        entries = init_development_pki(certs)
        assert content(certs) == before
        assert set(states(entries).values()) == {KEPT}
        assert {entry.reason for entry in entries} == {""}

    @pytest.mark.parametrize("missing", [(".pem", ".key"), (".pem",), (".key",)])
    def test_makes_what_is_missing(self, certs: Path, missing: tuple[str, ...]) -> None:
        before = content(certs)
        for ending in missing:
            (certs / f"{ARCHIVE}{ending}").unlink()
        entries = init_development_pki(certs)
        verify(certs)
        changed = {name for name, value in content(certs).items() if before.get(name) != value}
        left = {f"{ARCHIVE}{ending}.old" for ending in (".pem", ".key") if ending not in missing}
        assert changed == {f"{ARCHIVE}.pem", f"{ARCHIVE}.key", "rootCA/index.jsonl"} | left
        assert states(entries) == {Path(s).name: MADE if s == ARCHIVE else KEPT for s in ALL}
        reason = f"archive{missing[0]} was missing" if len(missing) == 1 else ""
        assert archive_of(entries).reason == reason

    def test_makes_what_is_missing_under_a_missing_folder(self, certs: Path) -> None:
        shutil.rmtree(certs / "clients")
        entries = init_development_pki(certs)
        verify(certs)
        assert [entry.role for entry in entries if entry.state is MADE] == ["client"] * 4

    @pytest.mark.parametrize(
        ("begin", "end", "reason"),
        [(-9, -2, "it expired on {end}"), (2, 9, "it is not valid before {begin}")],
    )
    def test_renews_a_leaf_out_of_its_validity(
        self, certs: Path, begin: int, end: int, reason: str
    ) -> None:
        not_before, not_after = now() + begin * DAY, now() + end * DAY
        resign(certs, ARCHIVE, not_before, not_after)
        entry = archive_of(init_development_pki(certs))
        verify(certs)
        assert entry.state is RENEWED
        dates = {"begin": f"{not_before:%Y-%m-%d}", "end": f"{not_after:%Y-%m-%d}"}
        assert entry.reason == reason.format(**dates)
        assert entry.not_after > now() + 364 * DAY

    def test_renews_a_leaf_of_another_ca(self, certs: Path, ec_key: PrivateKey) -> None:
        subject = load_root(certs).certificate.subject
        other = CertificateAuthority.create("CA", "Other", private_key=ec_key)
        same_name = sign_certificate(
            subject, ec_key.public_key(), ec_key,
            issuer=None, ca=True, not_before=now() - DAY, not_after=now() + DAY,
        )  # fmt: skip
        for issuer in (other, CertificateAuthority(IssuedPair(same_name, ec_key))):
            pair = issuer.issue("archive", private_key=ec_key)
            pair.save(certs / f"{ARCHIVE}.pem", certs / f"{ARCHIVE}.key")
            entry = archive_of(init_development_pki(certs))
            verify(certs)
            assert (entry.state, entry.reason) == (RENEWED, "it was issued by another CA")

    def test_renews_a_leaf_whose_key_does_not_fit(self, certs: Path) -> None:
        shutil.copy(certs / "clients/modality/modality.key", certs / f"{ARCHIVE}.key")
        entry = archive_of(init_development_pki(certs))
        verify(certs)
        assert (entry.state, entry.reason) == (RENEWED, "its key did not fit")

    @pytest.mark.parametrize("ending", ["pem", "key"])
    def test_renews_a_leaf_with_a_damaged_file(self, certs: Path, ending: str) -> None:
        (certs / f"{ARCHIVE}.{ending}").write_bytes(b"-----BEGIN")
        entry = archive_of(init_development_pki(certs))
        verify(certs)
        assert entry.state is RENEWED
        assert f"archive.{ending} cannot be read as a PEM" in entry.reason

    def test_keeps_the_files_of_what_it_renews(self, certs: Path, ec_key: PrivateKey) -> None:
        own_key = private_key_pem(ec_key)
        (certs / f"{ARCHIVE}.key").write_bytes(own_key)
        former = (certs / f"{ARCHIVE}.pem").read_bytes()
        init_development_pki(certs)
        old_key = certs / f"{ARCHIVE}.key.old"
        assert old_key.read_bytes() == own_key
        assert stat.S_IMODE(old_key.stat().st_mode) == 0o600
        assert (certs / f"{ARCHIVE}.pem.old").read_bytes() == former

    def test_keeps_a_key_that_is_encrypted(self, certs: Path) -> None:
        key = load_private_key(certs / f"{ARCHIVE}.key")
        (certs / f"{ARCHIVE}.key").write_bytes(private_key_pem(key, "mine"))
        assert archive_of(init_development_pki(certs)).state is KEPT
        assert load_private_key(certs / f"{ARCHIVE}.key", "mine").public_key() == key.public_key()

    def test_keeps_what_was_revoked_and_tells_how_to_get_a_new_one(self, certs: Path) -> None:
        revoke(PkiFolder(certs), "archive")
        entry = archive_of(init_development_pki(certs))
        assert entry.state is KEPT
        assert re.fullmatch(
            r"it was revoked on \d{4}-\d\d-\d\d; for a new one run: "
            "leaddicom pki renew archive --new-key",
            entry.reason,
        )

    def test_does_not_replace_a_file_that_it_may_not_read(self, certs: Path) -> None:
        # A folder in the key's place cannot be read by any user, root included.
        key = certs / f"{ARCHIVE}.key"
        key.unlink()
        key.mkdir()
        with pytest.raises(TlsError, match=r"archive\.key cannot be read.*: Is a directory"):
            init_development_pki(certs)
        assert key.is_dir()

    @pytest.mark.parametrize("stem", [ALL[0], ARCHIVE])
    def test_tells_of_a_key_that_others_may_read(self, certs: Path, stem: str) -> None:
        key = certs / f"{stem}.key"
        key.chmod(0o640)
        entries = init_development_pki(certs)
        reasons = {entry.key_file: entry.reason for entry in entries if entry.reason}
        assert set(states(entries).values()) == {KEPT}
        assert reasons == {key: f"others may read its key; run: chmod 600 {key}"}


class TestRoot:
    def test_is_made_anew_when_both_files_are_gone_and_the_leaves_are_renewed(
        self, certs: Path
    ) -> None:
        shutil.rmtree(certs / "rootCA")
        root, *leaves = init_development_pki(certs)
        verify(certs)
        assert root.state is MADE
        assert {(leaf.state, leaf.reason) for leaf in leaves} == {
            (RENEWED, "it was issued by another CA")
        }

    def test_is_made_again_from_its_key_and_the_leaves_stay(self, certs: Path) -> None:
        key = (certs / "rootCA/rootCA.key").read_bytes()
        (certs / "rootCA/rootCA.pem").unlink()
        root, *leaves = init_development_pki(certs)
        verify(certs)
        assert root.state is MADE
        assert root.reason == "rootCA.pem was missing and was made again from its key"
        assert {leaf.state for leaf in leaves} == {KEPT}
        assert (certs / "rootCA/rootCA.key").read_bytes() == key

    def expect_failure(self, certs: Path, *sentences: str) -> TlsError:
        before = content(certs)
        with pytest.raises(TlsError) as caught:
            init_development_pki(certs)
        assert content(certs) == before
        for sentence in sentences:
            assert sentence in str(caught.value)
        assert f"delete {certs / 'rootCA'} and run `leaddicom pki init` again" in str(caught.value)
        return caught.value

    def test_without_its_key_is_an_error(self, certs: Path) -> None:
        (certs / "rootCA/rootCA.key").unlink()
        error = self.expect_failure(certs, "rootCA.key is missing", "Put the key back")
        assert error.code == DicomErrorCode.PRIVATE_KEY_LOAD_FAILED

    def test_that_expired_is_an_error(self, certs: Path) -> None:
        resign(certs, ALL[0], now() - 9 * DAY, now() - DAY)
        error = self.expect_failure(certs, f"rootCA.pem expired on {now() - DAY:%Y-%m-%d}")
        assert error.code == DicomErrorCode.CERTIFICATE_LOAD_FAILED

    def test_with_anothers_key_is_an_error(self, certs: Path) -> None:
        shutil.copy(certs / f"{ARCHIVE}.key", certs / "rootCA/rootCA.key")
        error = self.expect_failure(certs, "rootCA.key is not the key of the CA certificate")
        assert error.code == DicomErrorCode.KEYS_MISMATCH

    @pytest.mark.parametrize(
        ("password", "why"),
        [
            (None, "it is encrypted and no password was given. Give its password."),
            ("wrong", "Incorrect password, could not decrypt key. Give its password."),
        ],
    )
    def test_with_an_encrypted_key_asks_for_its_password_and_not_to_delete_it(
        self, certs: Path, password: str | None, why: str
    ) -> None:
        init_development_pki(certs, ca_password="secret")
        before = content(certs)
        with pytest.raises(TlsError) as caught:
            init_development_pki(certs, ca_password=password)
        key = certs / "rootCA/rootCA.key"
        assert str(caught.value) == f"{key} cannot be read as a PEM private key: {why}"
        assert content(certs) == before

    def test_is_encrypted_if_there_is_a_password(self, certs: Path) -> None:
        key = load_private_key(certs / "rootCA/rootCA.key")
        root, *_ = init_development_pki(certs, ca_password="secret")
        assert (root.state, root.reason) == (KEPT, "its key was encrypted")
        again, *_ = init_development_pki(certs, ca_password="secret")
        assert (again.state, again.reason) == (KEPT, "")
        found = load_private_key(certs / "rootCA/rootCA.key", "secret")
        assert found.public_key() == key.public_key()

    def test_is_encrypted_from_the_beginning_if_there_is_a_password(self, certs: Path) -> None:
        folder = certs.parent / "new"
        init_development_pki(folder, ca_password="secret")
        (folder / "rootCA/rootCA.pem").unlink()
        root, *leaves = init_development_pki(folder, ca_password="secret")
        assert root.reason == "rootCA.pem was missing and was made again from its key"
        assert {leaf.state for leaf in leaves} == {KEPT}
        assert is_encrypted(folder / "rootCA/rootCA.key")

    def test_with_a_damaged_key_alone_is_an_error(self, certs: Path) -> None:
        (certs / "rootCA/rootCA.pem").unlink()
        (certs / "rootCA/rootCA.key").write_bytes(b"")
        self.expect_failure(certs, "rootCA.key cannot be read as a PEM private key")


class TestRecords:
    def test_are_made_of_what_there_was_before_there_were_any(self, certs: Path) -> None:
        index = certs / "rootCA/index.jsonl"
        before = read_records(index)
        assert [record.name for record in before] == [Path(stem).name for stem in LEAVES]
        index.unlink()
        assert {entry.state for entry in init_development_pki(certs)} == {KEPT}
        assert sorted(read_records(index), key=lambda each: each.serial) == sorted(
            before, key=lambda each: each.serial
        )

    def test_tell_of_what_was_replaced(self, certs: Path) -> None:
        former = load_certificate(certs / f"{ARCHIVE}.pem")
        (certs / f"{ARCHIVE}.key").unlink()
        init_development_pki(certs)
        records = read_records(certs / "rootCA/index.jsonl")
        latest = load_certificate(certs / f"{ARCHIVE}.pem")
        assert [each.certificate for each in records if each.name == "archive"] == [former, latest]


class TestRevocationList:
    def crl(self, folder: Path) -> x509.CertificateRevocationList:
        return load_crl(folder / "rootCA/rootCA.crl")

    def test_is_there_from_the_beginning(self, pristine: Path) -> None:
        root = load_root(pristine).certificate
        leaf = load_certificate(pristine / f"{ARCHIVE}.pem")
        assert list(self.crl(pristine)) == []
        assert complaint(leaf, root, self.crl(pristine), at=now()) == ""

    def test_is_made_anew_when_it_is_stale_and_says_the_same(self, certs: Path) -> None:
        pki = PkiFolder(certs)
        revoke(pki, "modality")
        authority = pki.authority()
        records = pki.records(authority.certificate)
        pki.crl_file.unlink()
        pki.write_crl(authority, records, lifetime=DAY, at=now() - 9 * DAY)
        stale = self.crl(certs)
        init_development_pki(certs)
        made = self.crl(certs)
        assert (made.next_update_utc or now()) > now() + 29 * DAY
        assert revocations(made) == revocations(stale) != []
        assert crl_number(made) > crl_number(stale)


class TestFolder:
    def test_that_cannot_be_written_is_an_error(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"")
        with pytest.raises(DicomError, match="Name a folder that you may write to") as caught:
            init_development_pki(tmp_path / "file" / "certs")
        assert caught.value.code == DicomErrorCode.WRITE
        assert str(tmp_path / "file") in str(caught.value)

    def test_on_a_full_disk_is_an_error(self, certs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(descriptor: int) -> None:
            raise OSError(28, "No space left on device")

        (certs / f"{ARCHIVE}.pem").unlink()
        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(DicomError, match=rf"No space left on device \({certs}\)"):
            init_development_pki(certs)

    def test_that_another_process_holds_is_an_error_after_a_while(self, certs: Path) -> None:
        with locked(certs, 0), pytest.raises(DicomError, match="Another process"):
            init_development_pki(certs, lock_timeout=0)

    def test_is_whole_after_two_processes_at_the_same_time(self, tmp_path: Path) -> None:
        folder = tmp_path / "certs"
        program = (
            "import sys; from pathlib import Path; from leaddicom.pki import init_development_pki;"
            "print(*{entry.state.value for entry in init_development_pki(Path(sys.argv[1]))})"
        )
        command = [sys.executable, "-W", "error", "-c", program, str(folder)]
        both = [
            subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path.cwd())
            for _ in range(2)
        ]
        outputs = sorted(process.communicate(timeout=60)[0].strip() for process in both)
        assert outputs == ["kept", "made"]
        verify(folder)

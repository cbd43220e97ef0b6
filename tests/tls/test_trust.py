"""CA files and folders, and revocation lists in handshakes of both roles."""

from __future__ import annotations

import logging
import os
import re
from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from errors.chains import der, signed
from OpenSSL import SSL

from leaddicom.errors import DicomErrorCode, TlsError
from leaddicom.errors import DicomErrorCode as Code
from leaddicom.tls import Role, build_context
from leaddicom.tls.trust import load_crls, load_trusted

from .certificates import DAY, NOW, Issued, issue
from .pairs import careless_context, connect, credentials, end_of, run
from .revocation import revoke, write_lists

BOTH = pytest.mark.parametrize("role", Role, ids=lambda role: role.value)
VERSIONS = pytest.mark.parametrize(
    "version", [SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION], ids=["TLSv1.2", "TLSv1.3"]
)


@pytest.fixture
def write(tmp_path):
    def write(name, *parts):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"".join(parts))
        return str(path)

    return write


def refused(load, paths) -> TlsError:
    with pytest.raises(TlsError) as caught:
        load(paths)
    assert caught.value.code == DicomErrorCode.CERTIFICATE_LOAD_FAILED
    assert caught.value.stage == "certificate"
    return caught.value


# ----------------------------------------------------------------------- trusted CAs


class TestCas:
    def test_a_pem_file_with_many(self, world, write):
        path = write("cas.pem", world.root.pem, b"# comment\n", world.intermediate.pem)
        assert load_trusted(path) == [world.root.certificate, world.intermediate.certificate]

    def test_a_der_file(self, world, write):
        assert load_trusted(write("ca.der", world.root.der)) == [world.root.certificate]

    def test_a_folder_under_any_names_and_each_once(self, world, write, tmp_path):
        for name, content in (
            ("cas/Site root.crt", world.root.pem),
            ("cas/9d66eef0.0", world.root.pem),
            ("cas/second", world.intermediate.der),
        ):
            write(name, content)
        (tmp_path / "cas" / "archived").mkdir()
        found = load_trusted(str(tmp_path / "cas"))
        assert set(found) == {world.root.certificate, world.intermediate.certificate}
        assert len(found) == 2

    def test_files_and_folders_together(self, world, write, tmp_path):
        file = write("one.pem", world.root.pem)
        write("cas/two.pem", world.intermediate.pem)
        assert len(load_trusted((file, str(tmp_path / "cas")))) == 2
        assert len(load_trusted((tmp_path / "one.pem", tmp_path / "cas"))) == 2
        assert len(load_trusted(tmp_path / "cas")) == 1

    def test_what_is_unreadable_in_a_folder_is_named(self, world, write, tmp_path, caplog):
        write("cas/good.pem", world.root.pem)
        write("cas/notes.txt", b"call the CA\n")
        write("cas/own.key", world.client.key_pem())
        os.symlink("gone.pem", tmp_path / "cas" / "dangling.pem")
        assert load_trusted(str(tmp_path / "cas")) == [world.root.certificate]
        assert [record.levelname for record in caplog.records] == ["WARNING"] * 3
        for words in (
            r"dangling.pem cannot be used: No such file",
            r"notes.txt cannot be used: it holds no certificate, but neither PEM nor DER",
            r"own.key cannot be used: it holds no certificate, but a private key in PEM",
        ):
            assert re.search(words, caplog.text)

    def test_a_folder_without_certificates(self, write, tmp_path):
        write("cas/notes.txt", b"call the CA\n")
        error = refused(load_trusted, str(tmp_path / "cas"))
        assert "cas cannot be used: it is a folder, and no file in it can be used" in error.message

    def test_a_folder_that_cannot_be_read(self, tmp_path, monkeypatch):
        def denied(path):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr("os.listdir", denied)
        error = refused(load_trusted, str(tmp_path))
        assert "Permission denied. Check the rights on the folder" in error.message

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (b"\n", "nothing: it is empty"),
            (b"nonsense", "neither PEM nor DER nor PKCS#12"),
            (b"\x30\x03\x02\x01\x03", "PKCS#12"),
            (b"\x30\x80\x02\x01\x03", "PKCS#12"),
            (b"-----BEGIN PUBLIC KEY-----\n", "a public key in PEM"),
            (b"-----BEGIN NEW CERTIFICATE REQUEST-----\n", "a certificate request"),
            (b"-----BEGIN CERTIFICATE-----\n", "damaged"),
        ],
    )
    def test_a_named_file_has_to_be_usable(self, write, content, words):
        assert words in refused(load_trusted, write("ca.pem", content)).message

    @BOTH
    def test_a_handshake_with_cas_from_a_folder(self, world, write, tmp_path, role):
        write("cas/other.der", issue("Other CA", ca=True).der)
        write("cas/root", world.root.pem)
        careful = world.context(role, ca_file=(str(tmp_path / "cas"),))
        other = world.context(role.peer)
        ends = (careful, other) if role is Role.CLIENT else (other, careful)
        assert all(end.ready for end in connect(*ends))


# ------------------------------------------------------------------- loading of lists


class TestLists:
    def test_pem_with_many_der_and_folders(self, world, write, tmp_path):
        first, second = revoke(world.root), revoke(world.intermediate)
        write_lists(tmp_path / "lists.pem", first, second)
        write("lists/root.crl", first.public_bytes(Encoding.DER))
        loaded = load_crls((str(tmp_path / "lists.pem"), str(tmp_path / "lists"))).lists
        assert [each.crl for each in loaded] == [first, second]  # each of them once
        assert [os.path.basename(each.path) for each in loaded] == ["lists.pem"] * 2

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (b"", "holds no revocation list, but nothing"),
            (b"-----BEGIN X509 CRL-----\nAA==\n-----END X509 CRL-----\n", "is damaged"),
            (b"\x30\x03\x02\x01\x05", "neither PEM nor DER"),
        ],
    )
    def test_garbled_lists(self, write, content, words):
        error = refused(load_crls, write("lists.pem", content))
        assert words in error.message
        assert "The revocation list" in error.message

    def test_a_certificate_in_place_of_a_list_and_the_reverse(self, world, write):
        error = refused(load_crls, write("ca.der", world.root.der))
        assert "but a certificate in DER (ASN1)" in error.message
        found = revoke(world.root).public_bytes(Encoding.DER)
        assert "revocation list in DER" in refused(load_trusted, write("a.crl", found)).message

    @pytest.mark.parametrize("field", ["last", "next"])
    def test_a_date_that_cannot_be_is_refused_at_once(self, world, write, field):
        """So that OpenSSL's checks 15 and 16 never have to."""
        good = revoke(world.root)
        moment = good.last_update_utc if field == "last" else good.next_update_utc
        text = moment.strftime("%y%m%d%H%M%SZ").encode()
        der = good.public_bytes(Encoding.DER)
        assert der.count(text) >= 1
        broken = der.replace(text, text[:2] + b"99" + text[4:])
        assert "holds no revocation list" in refused(load_crls, write("a.crl", broken)).message

    @pytest.mark.parametrize(
        ("begin", "end", "words"),
        [
            (-9, -1, "has expired on .* UTC; its issuer's peers are refused"),
            (-9, 0.9, "will expire soon, on .* UTC; from then on"),
            (1, 9, "is not valid before .* UTC; until then"),
        ],
    )
    def test_dates_are_warned_of_at_the_start(self, world, tmp_path, caplog, begin, end, words):
        found = revoke(world.root, begin=NOW + begin * DAY, end=NOW + end * DAY)
        load_crls(write_lists(tmp_path / "root.crl", found))
        (record,) = caplog.records
        assert record.levelno == logging.WARNING
        assert re.search(rf"of CN=Test Root CA in .*root\.crl {words}", record.getMessage())
        assert "and reload." in record.getMessage()

    def test_a_list_without_an_end(self, world, write, caplog):
        """RFC 5280 section 5.1.2.5 demands one, OpenSSL does not."""
        tbs = revoke(world.root).tbs_certlist_bytes
        dates = [found.start() for found in re.finditer(rb"\x17\x0d\d{12}Z", tbs)]
        head = tbs.index(b"\x02\x01\x01")  # the version, behind a length that is written anew
        content = tbs[head : dates[1]] + tbs[dates[1] + 15 :]
        found = signed(der(0x30, content), world.root.key)
        assert load_crls(write("root.crl", found)).lists[0].crl.next_update_utc is None
        (message,) = caplog.messages
        assert "does not say when the next one is due, and will never count as stale" in message

    def test_a_list_with_time_left_is_no_matter(self, world, tmp_path, caplog):
        found = revoke(world.root, begin=NOW - 9 * DAY, end=NOW + 1.1 * DAY)
        load_crls(write_lists(tmp_path / "root.crl", found))
        assert not caplog.records


# -------------------------------------------------------------------------- handshakes


@pytest.fixture(scope="module")
def people(world):
    """A leaf below the root, and one below the intermediate CA."""
    return {
        "direct": issue("direct", world.root),
        "below": issue("below", world.intermediate),
    }


def judged(world, lists, role: Role, issued: Issued, version, *, on_verify=None, **settings):
    """Let an end in `role` show `issued` to one that has revocation lists; give both."""
    offender = end_of(careless_context(role, issued, version), role)
    own = world.client if role is Role.SERVER else world.server
    changed = world.settings(crl_file=lists, **settings)
    context = build_context(changed, credentials(own), role.peer)
    judge = end_of(context, role.peer, on_verify=on_verify)
    run(*((offender, judge) if role is Role.CLIENT else (judge, offender)))
    return offender, judge


@BOTH
@VERSIONS
class TestHandshakes:
    def test_nobody_was_revoked(self, world, people, tmp_path, role, version):
        lists = write_lists(tmp_path / "a.crl", revoke(world.root), revoke(world.intermediate))
        assert judged(world, lists, role, people["below"], version)[1].ready

    def test_a_revoked_peer(self, world, people, tmp_path, role, version):
        issued = people["direct"]
        lists = write_lists(tmp_path / "root.crl", revoke(world.root, issued))
        offender, judge = judged(world, lists, role, issued, version)
        failure = judge.failure
        assert failure.code == Code.TLS_CERT_REVOKED == 181
        assert failure.verify_code == 23
        assert f"it was revoked on {NOW - DAY:%Y-%m-%d %H:%M:%S} UTC" in failure.message
        assert "for the reason keyCompromise" in failure.message
        serial = f"{issued.certificate.serial_number:X}"
        assert f"(serial number {serial}, in the list {lists})" in failure.message
        assert "Certificate: subject CN=direct, issuer CN=Test Root CA" in failure.message
        assert failure.alert == 44
        assert offender.failure.code == Code.TLS_CERTIFICATE_REVOKED
        assert offender.failure.stage == "handshake"

    def test_without_a_reason(self, world, people, tmp_path, role, version):
        found = revoke(world.root, people["direct"], reason=None)
        _, judge = judged(
            world, write_lists(tmp_path / "a.crl", found), role, people["direct"], version
        )
        assert "without a reason being given" in judge.failure.message

    def test_a_revoked_ca_of_the_chain(self, world, people, tmp_path, role, version):
        lists = write_lists(
            tmp_path / "a.crl", revoke(world.root, world.intermediate), revoke(world.intermediate)
        )
        _, judge = judged(world, lists, role, people["below"], version)
        assert judge.failure.code == Code.TLS_CERT_REVOKED
        assert "a CA certificate of its chain was refused" in judge.failure.message
        assert "CN=Test Intermediate CA" in judge.failure.certificate
        _, judge = judged(world, lists, role, people["below"], version, crl_check="leaf")
        assert judge.ready

    def test_an_issuer_without_a_list(self, world, people, tmp_path, role, version):
        lists = write_lists(tmp_path / "a.crl", revoke(world.root))
        _, judge = judged(world, lists, role, people["below"], version)
        assert judge.failure.code == Code.TLS_UNABLE_TO_GET_CRL == 161
        assert (
            "there is no revocation list of its issuer CN=Test Intermediate CA, "
            "only of: CN=Test Root CA." in judge.failure.message
        )

    def test_a_root_without_a_list_counts_for_the_chain_only(
        self, world, people, tmp_path, role, version
    ):
        lists = write_lists(tmp_path / "a.crl", revoke(world.intermediate))
        _, judge = judged(world, lists, role, people["below"], version)
        assert judge.failure.code == Code.TLS_UNABLE_TO_GET_CRL
        _, judge = judged(world, lists, role, people["below"], version, crl_check="leaf")
        assert judge.ready

    @pytest.mark.parametrize(
        ("begin", "end", "code", "words"),
        [
            (-9, -1, Code.TLS_CRL_HAS_EXPIRED, f"has expired on {NOW - DAY:%Y-%m-%d %H:%M:%S} UTC"),
            (1, 9, Code.TLS_CRL_NOT_YET_VALID, "is not valid before"),
        ],
        ids=["stale", "early"],
    )
    def test_a_list_out_of_its_time(
        self, world, people, tmp_path, role, version, begin, end, code, words
    ):
        found = revoke(world.root, begin=NOW + begin * DAY, end=NOW + end * DAY)
        lists = write_lists(tmp_path / "root.crl", found)
        _, judge = judged(world, lists, role, people["direct"], version)
        assert judge.failure.code == code
        assert (
            f"the revocation list of its issuer CN=Test Root CA in {lists} {words}"
            in judge.failure.message
        )

    def test_the_newer_of_two_lists_counts(self, world, people, tmp_path, role, version):
        stale = revoke(world.root, begin=NOW - 9 * DAY, end=NOW - DAY)
        lists = write_lists(tmp_path / "a.crl", stale, revoke(world.root))
        assert judged(world, lists, role, people["direct"], version)[1].ready

    def test_it_is_the_list_with_the_certificate_that_is_named(
        self, world, people, tmp_path, role, version
    ):
        stale = revoke(world.root, begin=NOW - 9 * DAY, end=NOW - DAY)
        old, new = tmp_path / "old.crl", tmp_path / "new.crl"
        lists = (write_lists(old, stale), write_lists(new, revoke(world.root, people["direct"])))
        _, judge = judged(world, lists, role, people["direct"], version)
        assert f"in the list {new})" in judge.failure.message

    def test_a_list_that_another_has_signed(self, world, people, tmp_path, role, version):
        found = revoke(world.root, signer=world.intermediate)
        lists = write_lists(tmp_path / "root.crl", found)
        _, judge = judged(world, lists, role, people["direct"], version)
        assert judge.failure.code == Code.TLS_CRL_SIGNATURE_FAILURE
        assert f"in {lists} has a wrong signature" in judge.failure.message

    def test_on_verify_sees_it_and_may_overrule(self, world, people, tmp_path, role, version):
        lists = write_lists(tmp_path / "root.crl", revoke(world.root, people["direct"]))
        seen = []

        def on_verify(ok, certificate, code, cause):
            seen.append((ok, code, cause))
            return True

        _, judge = judged(world, lists, role, people["direct"], version, on_verify=on_verify)
        assert judge.ready
        ((_, code, cause),) = [each for each in seen if not each[0]]
        assert code == 23
        assert cause.startswith("it was revoked on")

    def test_on_verify_may_leave_it_refused(self, world, people, tmp_path, role, version):
        lists = write_lists(tmp_path / "root.crl", revoke(world.root, people["direct"]))
        agree = lambda ok, certificate, code, cause: ok  # noqa: E731
        _, judge = judged(world, lists, role, people["direct"], version, on_verify=agree)
        assert judge.failure.code == Code.TLS_CERT_REVOKED


def test_an_issuer_that_may_not_sign_lists(world, tmp_path):
    """X509_STRICT: cRLSign is asked of the issuer of a list."""
    model = issue("Mute CA", world.root, ca=True)
    builder = x509.CertificateBuilder(
        model.certificate.issuer,
        model.certificate.subject,
        model.key.public_key(),
        model.certificate.serial_number,
        model.certificate.not_valid_before_utc,
        model.certificate.not_valid_after_utc,
    )
    for each in model.certificate.extensions:
        value = each.value
        if isinstance(value, x509.KeyUsage):
            value = x509.KeyUsage(*[False] * 5, True, False, False, False)
        builder = builder.add_extension(value, each.critical)
    mute = replace(model, certificate=builder.sign(world.root.key, hashes.SHA256()))
    lists = write_lists(tmp_path / "a.crl", revoke(world.root), revoke(mute))
    _, judge = judged(world, lists, Role.CLIENT, issue("leaf", mute), SSL.TLS1_3_VERSION)
    assert judge.failure.code == Code.TLS_CERTIFICATE_VERIFY_FAILED
    assert judge.failure.verify_code == 35
    assert "lacks cRLSign" in judge.failure.message
    assert "issued anew with the key usage cRLSign" in judge.failure.message


def test_a_list_with_an_unknown_critical_extension(world, people, tmp_path):
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    lists = write_lists(tmp_path / "a.crl", revoke(world.root, extensions=[(unknown, True)]))
    _, judge = judged(world, lists, Role.CLIENT, people["direct"], SSL.TLS1_3_VERSION)
    assert judge.failure.verify_code == 36
    assert f"in {lists} has a critical extension that is not known" in judge.failure.message


def test_a_list_for_other_certificates(world, people, tmp_path):
    """An indirect or partitioned list says so in its Issuing Distribution Point."""
    for_cas = x509.IssuingDistributionPoint(None, None, False, True, None, False, False)
    lists = write_lists(tmp_path / "a.crl", revoke(world.root, extensions=[(for_cas, True)]))
    _, judge = judged(world, lists, Role.CLIENT, people["direct"], SSL.TLS1_3_VERSION)
    assert judge.failure.verify_code == 44
    assert f"in {lists} is for other certificates than this one" in judge.failure.message


def test_an_explanation_that_fails_is_done_without(world, people, tmp_path, monkeypatch):
    lists = write_lists(tmp_path / "a.crl", revoke(world.root, people["direct"]))
    monkeypatch.setattr("leaddicom.tls.trust._reason", lambda entry: 1 / 0)
    _, judge = judged(world, lists, Role.CLIENT, people["direct"], SSL.TLS1_3_VERSION)
    assert judge.failure.code == Code.TLS_CERT_REVOKED
    assert "because it was revoked." in judge.failure.message


PARTS = {
    "delta": (x509.DeltaCRLIndicator(1), "it is a delta list"),
    "some reasons": (
        x509.IssuingDistributionPoint(
            None, None, False, False, frozenset({x509.ReasonFlags.key_compromise}), False, False
        ),
        "for some reasons only",
    ),
    "indirect": (
        x509.IssuingDistributionPoint(None, None, False, False, None, True, False),
        "it is an indirect list",
    ),
}


class TestListsThatTellOnlyAPart:
    """OpenSSL passes over them in silence, and so over whom they revoke."""

    @pytest.mark.parametrize("folder", [False, True], ids=["file", "folder"])
    @pytest.mark.parametrize("kind", PARTS)
    def test_are_refused(self, world, write, kind, folder):
        extension, words = PARTS[kind]
        write("lists/base.crl", revoke(world.root).public_bytes(Encoding.PEM))
        part = revoke(world.root, extensions=[(extension, True)]).public_bytes(Encoding.DER)
        path = write("lists/part.der", part)
        error = refused(load_crls, os.path.dirname(path) if folder else path)
        assert words in error.message
        assert "Provide complete lists only." in error.message


class TestTheNewestList:
    """An older one does not know who was revoked since."""

    @pytest.mark.parametrize(
        ("begin", "end", "code"),
        [
            (NOW - 2 * DAY, NOW - DAY, 12),  # the newer one has expired
            (NOW + DAY, NOW + 2 * DAY, 11),  # it is not yet valid
        ],
    )
    def test_is_the_only_one_that_counts(self, world, people, tmp_path, begin, end, code):
        old = revoke(world.root, begin=NOW - 20 * DAY)
        new = revoke(world.root, people["direct"], begin=begin, end=end)
        for order in ((old, new), (new, old)):
            lists = write_lists(tmp_path / "a.crl", *order)
            _, judge = judged(world, lists, Role.CLIENT, people["direct"], SSL.TLS1_3_VERSION)
            assert judge.failure is not None
            assert judge.failure.verify_code in (code, 23)

    def test_of_each_scope_counts(self, world, tmp_path):
        users = x509.IssuingDistributionPoint(None, None, True, False, None, False, False)
        cas = x509.IssuingDistributionPoint(None, None, False, True, None, False, False)
        lists = [revoke(world.root, extensions=[(each, True)]) for each in (users, cas)]
        path = write_lists(tmp_path / "a.crl", *lists)
        assert [each.crl for each in load_crls(path).lists] == lists

    @pytest.mark.parametrize("name", ["damaged.pem", "damaged.crl"])
    def test_that_is_damaged_is_not_passed_over_in_a_folder(self, world, write, name):
        whole = revoke(world.root).public_bytes(Encoding.PEM)
        write("lists/old.crl", whole)
        path = write(f"lists/{name}", whole[:100] + b"\n-----END X509 CRL-----\n")
        assert name in refused(load_crls, os.path.dirname(path)).message

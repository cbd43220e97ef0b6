"""What the conformance statement says besides the tables that are made from the code."""

from __future__ import annotations

import re

import pytest
from nets import ECHO_CLASS, TLS_LINKS, Nets

from docs.pages import DOCS, ROOT
from docs.tamperer import Tamperer
from leaddicom import Ciphersuite, DicomErrorCode, LDicomNet, Scu
from leaddicom.tls import DEFAULT_PROFILE, PROFILES, suite
from leaddicom.tls.suites import EncryptionAlgorithm, IntegrityAlgorithm, KeyExchangeAlgorithm

PAGE = (DOCS / "conformance.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    """Give what stands below a heading."""
    found = re.search(rf"^(#+) {title}\n(.*?)(?=^#+ |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None, title
    return found[2]


class TestTheProviderReason:
    @pytest.mark.parametrize("link", TLS_LINKS)
    def test_is_the_number_of_the_damaged_record_at_both_ends(self, nets: Nets, link: str) -> None:
        assert "130 `TLS_BAD_RECORD_MAC`" in section(
            "Provider reason of an A-P-ABORT on a TLS failure"
        )
        server = nets.server(link=link)
        client = nets.make(link=link, check_host_name=False)
        with Tamperer(server.GetHostInfo()[1]) as between:
            client.Connect(None, 0, "127.0.0.1", between.port)
            nets.associated(client)
            accepted = server.GetClient(0)
            between.damage()
            client.SendCEchoRequest(1, 1, ECHO_CLASS)
            for net in (accepted, client):
                error, *_ = nets.wait_for("OnClose", net=net)
                assert error == DicomErrorCode.TLS_BAD_RECORD_MAC == 130
        assert client.error is not None
        assert client.error.alert == 20  # type: ignore[attr-defined]
        assert "OnReceiveAbort" not in nets.recorder.names()


class TestTheDefaultProfile:
    profile = PROFILES[DEFAULT_PROFILE]

    def test_is_the_live_one_that_is_claimed(self) -> None:
        assert self.profile.section == "PS3.15 B.12"
        assert f"BCP 195 {DEFAULT_PROFILE.removeprefix('BCP 195 ')} TLS" in PAGE
        assert not self.profile.is_retired

    def test_has_the_suites_that_are_claimed(self) -> None:
        suites = [suite(each) for each in self.profile.suites_tls12]
        assert suites[0].constant is Ciphersuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
        assert {each.key_exchange for each in suites} == {KeyExchangeAlgorithm.ECDHE}
        assert {each.integrity for each in suites} == {IntegrityAlgorithm.AEAD}
        assert all(each.key_bits >= 128 for each in suites)
        last = [each.encryption is EncryptionAlgorithm.CHACHA20 for each in suites]
        assert last == sorted(last)

    def test_retired_ones_are_told_apart(self) -> None:
        retired = {
            each.section.removeprefix("PS3.15 ") for each in PROFILES.values() if each.weakness
        }
        (row,) = [line for line in section("Security profiles").splitlines() if "Retired" in line]
        assert set(re.findall(r"B\.\d+", row.split("|")[1])) == retired


class TestTheDefaults:
    def test_of_the_samples(self) -> None:
        lines = [row for row in section("Configuration").splitlines() if row.startswith("| `")]
        told = [[cell.strip(" `") for cell in row.strip("|").split("|")] for row in lines]
        names = [row[0] for row in told]
        assert names == ["secure_scp", "worklist_scp", "secure_scu", "query_retrieve", "Scu"]
        for name, own, called, port in told[:-1]:
            source = (ROOT / "samples" / f"{name}.py").read_text(encoding="utf-8")
            titles = set(re.findall(r'"-(?:-ae-title|aet|aec)", default="(.*?)"', source))
            assert titles == {own, called} - {""}
            assert ("default=2762" in source) == (port == "2762")

    def test_of_the_client(self) -> None:
        scu = Scu("localhost", 2762)
        assert f"| `Scu` | `{scu.calling_ae_title}` | `{scu.called_ae_title}` |" in PAGE

    def test_a_server_of_its_own_takes_any_title(self) -> None:
        assert LDicomNet.ae_title == ""
        assert LDicomNet.access is None


def test_what_is_second_hand_is_marked() -> None:
    profiles = section("Security profiles")
    assert re.search(r"B\.13.*\*\*conformance is not claimed\*\*.*second-hand", profiles)
    assert "*Second-hand*: that B.12 recommends port 2762" in section("RFC 9325")

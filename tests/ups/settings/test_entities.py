"""The table of application entities, and the files that fill it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from leaddicom import DicomErrorCode, ParameterError
from leaddicom.ups.settings.entities import ApplicationEntity, load_entities, load_machines

PIN = "0123456789abcdef" * 4


def write(folder: Path, *entries: object) -> Path:
    """Write a list of entries, each on lines of its own."""
    path = folder / "ApplicationEntities.json"
    path.write_text(json.dumps(entries, indent=1))
    return path


def entry(**more: Any) -> dict[str, Any]:
    return {"AETitle": "WATCHER", "IPAddr": "192.0.2.7", "Port": 2763, **more}


class TestEntity:
    def test_is_reached_over_tls_and_hears_of_subscriptions_only(self) -> None:
        made = ApplicationEntity("WATCHER", "watcher.example", 2763)
        assert made.tls
        assert made.event_scu
        assert not made.fallback_list
        assert made.ca_file is made.fingerprint is None
        assert made.origin == "admin"

    def test_its_title_has_no_padding_and_keeps_its_case(self) -> None:
        assert ApplicationEntity(" Watcher 1 ", "localhost", 1).title == "Watcher 1"

    def test_a_fingerprint_may_have_colons_and_capitals(self) -> None:
        colons = ":".join(PIN[i : i + 2] for i in range(0, 64, 2)).upper()
        assert ApplicationEntity("A", "localhost", 1, fingerprint=colons).fingerprint == PIN

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"title": "A" * 17}, "no AE title"),
            ({"title": "  "}, "no AE title"),
            ({"title": "A\\B"}, "no AE title"),
            ({"host": ""}, "no host name or address"),
            ({"host": "a b"}, "no host name or address"),
            ({"host": "a\nb"}, "no host name or address"),
            ({"port": 0}, "no port between 1 and 65535"),
            ({"port": 65536}, "no port between 1 and 65535"),
            ({"fingerprint": PIN[1:]}, "no SHA-256 fingerprint"),
            ({"fingerprint": "g" * 64}, "no SHA-256 fingerprint"),
            ({"fingerprint": PIN, "tls": False}, "switch TLS on"),
        ],
    )
    def test_refuses_what_cannot_be(self, change: dict[str, Any], reason: str) -> None:
        with pytest.raises(ParameterError, match=reason):
            ApplicationEntity(**{"title": "A" * 16, "host": "h", "port": 65535, **change})


class TestTable:
    def test_a_file_of_old_has_three_keys(self, tmp_path: Path) -> None:
        path = write(tmp_path, entry(), entry(AETitle="OTHER", Port=1))
        first, second = load_entities(path)
        assert first == ApplicationEntity("WATCHER", "192.0.2.7", 2763, origin="file")
        assert second.title == "OTHER"

    def test_a_file_of_the_tls_branch_has_two_more(self, tmp_path: Path) -> None:
        path = write(tmp_path, entry(mTLS=True, CACertificate="certs/ca.pem"))
        (made,) = load_entities(path, tls=False)
        assert made.tls
        assert made.ca_file == str(tmp_path / "certs" / "ca.pem")

    def test_an_absolute_path_stays(self, tmp_path: Path) -> None:
        (made,) = load_entities(write(tmp_path, entry(CACertificate="/etc/ca.pem")))
        assert made.ca_file == "/etc/ca.pem"

    @pytest.mark.parametrize("tls", [True, False])
    def test_without_a_word_on_tls_it_is_as_the_manager(self, tmp_path: Path, tls: bool) -> None:
        (made,) = load_entities(write(tmp_path, entry()), tls=tls)
        assert made.tls is tls

    def test_has_keys_of_ours(self, tmp_path: Path) -> None:
        more = {"Fingerprint": PIN, "EventSCU": False, "FallbackList": True}
        (made,) = load_entities(write(tmp_path, entry(**more)))
        assert (made.fingerprint, made.event_scu, made.fallback_list) == (PIN, False, True)
        (made,) = load_entities(write(tmp_path, entry(mTLS=False)))
        assert not made.tls

    def test_a_fingerprint_without_tls_is_refused(self, tmp_path: Path) -> None:
        path = write(tmp_path, entry(Fingerprint=PIN))
        with pytest.raises(ParameterError, match=r"ApplicationEntities.json.*switch TLS on"):
            load_entities(path, tls=False)

    def test_may_be_empty(self, tmp_path: Path) -> None:
        assert load_entities(write(tmp_path)) == ()

    def test_titles_differ_by_case(self, tmp_path: Path) -> None:
        assert len(load_entities(write(tmp_path, entry(), entry(AETitle="Watcher")))) == 2


class TestFlaws:
    """Each is told with file, line, key and remedy."""

    def refused(self, path: Path) -> str:
        with pytest.raises(ParameterError) as caught:
            load_entities(path)
        message = caught.value.message
        assert message.startswith(str(path))
        return message.removeprefix(str(path))

    def test_a_title_twice(self, tmp_path: Path) -> None:
        path = write(tmp_path, entry(), entry(AETitle=" WATCHER", Port=1))
        assert self.refused(path) == (
            ", line 8: AETitle is 'WATCHER', which another entry has, too. Remove one of them."
        )

    def test_a_key_twice(self, tmp_path: Path) -> None:
        path = tmp_path / "twice.json"
        path.write_text('[{"AETitle": "A",\n "Port": 1,\n "AETitle": "B"}]')
        assert self.refused(path) == ", line 3: AETitle stands here twice. Remove one."

    def test_an_unknown_key_that_is_nearly_one(self, tmp_path: Path) -> None:
        path = write(tmp_path, entry(IPAdr="192.0.2.7"))
        assert self.refused(path) == ", line 6: IPAdr is unknown. Is IPAddr meant?"

    def test_another_unknown_key(self, tmp_path: Path) -> None:
        assert "colour is unknown. The keys here are AETitle, IPAddr, Port, mTLS" in self.refused(
            write(tmp_path, entry(colour="red"))
        )

    def test_a_key_that_is_missing(self, tmp_path: Path) -> None:
        path = write(tmp_path, entry(), {"AETitle": "B", "Port": 1})
        assert self.refused(path) == ", line 7: this entry has no IPAddr. Add it."

    @pytest.mark.parametrize(
        ("change", "flaw"),
        [
            ({"Port": "2763"}, "line 5: Port is '2763'. Write a number without quotes."),
            ({"Port": True}, "line 5: Port is True. Write a number without quotes."),
            ({"Port": 0}, "line 5: Port cannot be: 0 is no port between 1 and 65535."),
            ({"AETitle": ""}, "line 3: AETitle cannot be: '' is no AE title"),
            ({"AETitle": None}, "line 3: AETitle is None. Write a text in quotes."),
            ({"mTLS": "yes"}, "line 6: mTLS is 'yes'. Write true or false without quotes."),
            ({"Fingerprint": "ab"}, "line 6: Fingerprint cannot be: 'ab' is no SHA-256"),
        ],
    )
    def test_a_value_that_cannot_be(
        self, tmp_path: Path, change: dict[str, Any], flaw: str
    ) -> None:
        assert flaw in self.refused(write(tmp_path, entry(**change)))

    @pytest.mark.parametrize(
        ("text", "flaw"),
        [
            ("{}", ", line 1: this is no list. Put the entries in square brackets."),
            ("[\n7]", ", line 2: this is no object. Put the entry in braces."),
            ("", ", line 1: this is no JSON: Expecting value."),
            ('[{"a": 1},\n]', "this is no JSON"),
            ("[" * 100_000, ", line 1: this is nested far too deep."),
        ],
    )
    def test_a_file_of_another_kind(self, tmp_path: Path, text: str, flaw: str) -> None:
        path = tmp_path / "other.json"
        path.write_text(text)
        assert flaw in self.refused(path)

    def test_no_utf_8(self, tmp_path: Path) -> None:
        path = tmp_path / "latin.json"
        path.write_bytes(b'[\n{"AETitle": "\xe4"}]')
        assert self.refused(path) == ", line 2: this is no UTF-8 text. Save the file as UTF-8."

    def test_no_file(self, tmp_path: Path) -> None:
        assert "cannot be read: No such file or directory. Check" in self.refused(tmp_path / "no")
        with pytest.raises(ParameterError) as caught:
            load_entities(tmp_path / "no")
        assert caught.value.code == DicomErrorCode.OPEN

    def test_a_byte_order_mark_is_none(self, tmp_path: Path) -> None:
        path = tmp_path / "windows.json"
        path.write_bytes(b"\xef\xbb\xbf[]")
        assert load_entities(path) == ()


class TestMachines:
    def write(self, folder: Path, *entries: object) -> Path:
        path = folder / "MachineMap.json"
        path.write_text(json.dumps(entries, indent=1))
        return path

    def test_several_may_share_an_ae_title(self, tmp_path: Path) -> None:
        path = self.write(
            tmp_path,
            {"machine": "FX1", "AETitle": "TMS "},
            {"machine": "TB2", "AETitle": "TMS"},
        )
        assert load_machines(path) == {"FX1": "TMS", "TB2": "TMS"}

    @pytest.mark.parametrize(
        ("second", "flaw"),
        [
            ({"machine": "FX1", "AETitle": "X"}, "line 7: machine is 'FX1', which another"),
            ({"machine": "", "AETitle": "X"}, "line 7: machine is empty. Give"),
            ({"machine": "TB2", "AETitle": ""}, "line 8: AETitle cannot be: '' is no AE title"),
            ({"machine": "TB2"}, "line 6: this entry has no AETitle. Add it."),
            ({"machine": 2, "AETitle": "X"}, "line 7: machine is 2. Write a text in quotes."),
            ({"machin": "TB2"}, "line 7: machin is unknown. Is machine meant?"),
        ],
    )
    def test_flaws(self, tmp_path: Path, second: object, flaw: str) -> None:
        path = self.write(tmp_path, {"machine": "FX1", "AETitle": "TMS"}, second)
        with pytest.raises(ParameterError) as caught:
            load_machines(path)
        assert flaw in caught.value.message

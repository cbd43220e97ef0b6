from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography import x509

from leaddicom.errors import DicomError, DicomErrorCode, ParameterError
from leaddicom.pki import CertificateAuthority, PrivateKey, Record, Revocation
from leaddicom.pki.records import current, read_records, with_name, write_records
from pki.openssl import DAY, NOW


@pytest.fixture(scope="module")
def records(root: CertificateAuthority, ec_key: PrivateKey) -> list[Record]:
    issued = [
        Record(name, role, root.issue(name, private_key=ec_key, at=NOW).certificate)
        for name, role in [("pacs", "server"), ("ct", "client"), ("pacs", "server")]
    ]
    revocation = Revocation(issued[1].serial, NOW + DAY, x509.ReasonFlags.key_compromise)
    return [issued[0], Record("ct", "client", issued[1].certificate, revocation), issued[2]]


class TestIndex:
    def test_gives_back_what_was_written(self, records: list[Record], tmp_path: Path) -> None:
        write_records(tmp_path / "index", records)
        assert read_records(tmp_path / "index") == records

    def test_is_empty_if_there_is_none(self, tmp_path: Path) -> None:
        assert read_records(tmp_path / "index") == []

    def test_is_a_line_of_json_for_each(self, records: list[Record], tmp_path: Path) -> None:
        write_records(tmp_path / "index", records)
        lines = [json.loads(line) for line in (tmp_path / "index").read_text().splitlines()]
        assert [line["name"] for line in lines] == ["pacs", "ct", "pacs"]
        certificate = lines[1].pop("certificate")
        assert isinstance(certificate, str)
        assert lines[1] == {
            "name": "ct",
            "role": "client",
            "serial": f"{records[1].serial:040X}",
            "subject": "CN=ct,O=Test",
            "not_after": "2032-03-03T05:06:07+00:00",
            "revoked": {"date": "2031-03-05T05:06:07+00:00", "reason": "keyCompromise"},
        }

    @pytest.mark.parametrize(
        "change",
        [
            {"certificate": "AAAA"},
            {"certificate": "?"},
            {"certificate": None},
            {"revoked": {"date": "yesterday", "reason": "unspecified"}},
            {"revoked": {"date": "2031-03-05T05:06:07+00:00", "reason": "boredom"}},
            {"revoked": {}},
            {"role": "CA"},
            {"name": "../../pacs"},
            {"name": 1},
        ],
        ids=str,
    )
    def test_names_the_line_that_is_damaged(
        self, records: list[Record], tmp_path: Path, change: dict[str, object]
    ) -> None:
        index = tmp_path / "index"
        write_records(index, records)
        lines = index.read_text().splitlines()
        lines[1] = json.dumps(json.loads(lines[1]) | change)
        index.write_text("\n".join(lines))
        with pytest.raises(DicomError, match=r"Line 2 of the index .*/index, is damaged"):
            read_records(index)

    @pytest.mark.parametrize("line", [b"", b"{", b"[]", b"{}", b"\xff", b"null"])
    def test_takes_no_other_lines(self, tmp_path: Path, line: bytes) -> None:
        (tmp_path / "index").write_bytes(line + b"\n")
        with pytest.raises(
            DicomError, match=r"Line 1 of .* Put a backup of the file back"
        ) as error:
            read_records(tmp_path / "index")
        assert error.value.code == DicomErrorCode.READ

    def test_that_cannot_be_read_is_not_an_empty_one(self, tmp_path: Path) -> None:
        with pytest.raises(DicomError, match="cannot be read: Is a directory") as caught:
            read_records(tmp_path)
        assert caught.value.code == DicomErrorCode.READ


class TestNames:
    def test_have_a_current_certificate_each(self, records: list[Record]) -> None:
        assert current(records) == [records[2], records[1]]

    def test_have_all_they_ever_had(self, records: list[Record]) -> None:
        assert with_name(records, "pacs") == [records[0], records[2]]

    def test_are_told_if_one_is_not_known(self, records: list[Record]) -> None:
        with pytest.raises(ParameterError, match=r"'mr'\. Those that were issued: ct, pacs\."):
            with_name(records, "mr")
        with pytest.raises(ParameterError, match=r"Those that were issued: none\."):
            with_name([], "mr")

"""A policy from a TOML file: what it may say, and how each error is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from leaddicom import AccessPolicy, AccessRule, DicomErrorCode, ParameterError

PRINT = "ab" * 32

GOOD = f"""\
# Who may associate with the archive.
called = ["ARCHIVE", "ARCHIVE2"]

[rule.ct1]
dns_name = "CT1.hospital.example"
calling = [
    "CT1",       # the scanner
    "CT1_SPARE",
]
called = ["ARCHIVE"]
addresses = ["10.1.0.0/16", "2001:db8::7"]

[rule."MR, room 2"]
subject = "CN=mr2,O=Hospital"
issuer = "CN=Device CA,O=Hospital"
uri = "urn:oid:1.2.3"
fingerprint = "{PRINT.upper()}"
calling = ["MR2"]

[rule.old]
without_certificate = true
addresses = ["10.1.7.20"]
calling = ["US7"]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "access.toml"


def refusal(file: Path, text: str | bytes) -> str:
    """Why a file is refused, without its folder."""
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ParameterError) as caught:
        AccessPolicy.load(file)
    assert str(caught.value).isprintable()
    return str(caught.value).replace(str(file), file.name)


class TestGood:
    EXPECTED = AccessPolicy(
        called=["ARCHIVE", "ARCHIVE2"],
        rules=[
            AccessRule(
                name="ct1",
                dns_name="ct1.hospital.example",
                calling=["CT1", "CT1_SPARE"],
                called=["ARCHIVE"],
                addresses=["10.1.0.0/16", "2001:db8::7"],
            ),
            AccessRule(
                name="MR, room 2",
                subject="CN=mr2,O=Hospital",
                issuer="CN=Device CA,O=Hospital",
                uri="urn:oid:1.2.3",
                fingerprint=PRINT,
                calling=["MR2"],
            ),
            AccessRule(
                name="old", without_certificate=True, addresses=["10.1.7.20"], calling=["US7"]
            ),
        ],
    )

    @pytest.mark.parametrize(
        "encoded",
        [GOOD.encode(), GOOD.replace("\n", "\r\n").encode(), b"\xef\xbb\xbf" + GOOD.encode()],
        ids=["newlines of Unix", "newlines of Windows", "byte order mark"],
    )
    def test_is_the_same_as_from_code(self, file: Path, encoded: bytes) -> None:
        file.write_bytes(encoded)
        assert AccessPolicy.load(file) == self.EXPECTED
        assert AccessPolicy.load(str(file)) == self.EXPECTED

    def test_the_policy_does_not_look_at_the_file_again(self, file: Path) -> None:
        file.write_text(GOOD)
        policy = AccessPolicy.load(file)
        file.unlink()
        assert policy == self.EXPECTED


class TestUnreadable:
    def test_a_file_that_is_not_there(self, file: Path) -> None:
        with pytest.raises(ParameterError, match=r"access\.toml cannot be read: No such") as caught:
            AccessPolicy.load(file)
        assert caught.value.code == DicomErrorCode.OPEN
        assert "Check the path" in str(caught.value)

    def test_a_folder(self, tmp_path: Path) -> None:
        with pytest.raises(ParameterError, match="cannot be read: Is a directory"):
            AccessPolicy.load(tmp_path)

    def test_what_is_no_text(self, file: Path) -> None:
        text = refusal(file, GOOD.replace("the scanner", "Röntgen").encode("latin-1"))
        assert text == "access.toml, line 7: this is no UTF-8 text. Save the file as UTF-8."

    def test_what_ends_too_early(self, file: Path) -> None:
        text = refusal(file, "called = [")
        assert text.startswith("access.toml: this is no TOML: ")

    @pytest.mark.parametrize(
        ("wrong", "line"),
        [
            ("calling = [CT1]\n", 1),
            ('[rule.ct1]\ncalling = "CT1\n', 2),
            ("[rule.ct1]\n[rule.ct1]\n", 2),
            ("[rule.ct1]\ncalling = ['A']\ncalling = ['B']\n", 3),
            ("called: ['A']\n", 1),
            ("called = ['A\\\\']\n[rule.ct1]\nsubject = \"CN=a\\,b\"", 3),
        ],
    )
    def test_what_is_no_toml(self, file: Path, wrong: str, line: int) -> None:
        text = refusal(file, wrong)
        assert text.startswith(f"access.toml, line {line}: this is no TOML: ")
        assert "Put texts in quotes" in text


# What is changed in the good file, the line that the error is on, and what is said.
WRONG = [
    ("called = [", "caled = [", 2, "caled is unknown. The keys here are called, rule."),
    ("dns_name", "dnsname", 5, "rule.ct1.dnsname is unknown. The keys here are calling, called, "),
    ("[rule.old]", "[rules.old]", 20, "rules is unknown. The keys here are called, rule."),
    ("[rule.old]", "[rule.old.peer]", 20, "rule.old.peer is unknown. The keys here"),
    ("[rule.old]\n", '[rule.old]\nname = "x"\n', 21, "rule.old.name is unknown"),
    ("[rule.ct1]", "[rule]", 5, "rule.dns_name is no table. Begin a rule with a line [rule.NAME]."),
    ("[rule.ct1]", '[rule."a\\nb"]', 4, r"rule.'a\nb' cannot be the name of a rule"),
    ("[rule.ct1]", '[rule.""]', 4, "rule.'' cannot be the name of a rule. Take 1 to 64"),
    ('["ARCHIVE", "ARCHIVE2"]', '["A R CHIVE"]', 10, "which the policy's own list"),
    ('["ARCHIVE", "ARCHIVE2"]', '"ARCHIVE"', 2, "called is 'ARCHIVE', which is no list"),
    ('["ARCHIVE", "ARCHIVE2"]', "[]", 2, "called is empty, so that nothing could fit"),
    ('["ARCHIVE", "ARCHIVE2"]', '["A", "A"]', 2, "called has 'A' twice. Remove one of them."),
    ('["ARCHIVE"]', '["WORKLIST"]', 10, "rule.ct1.called has 'WORKLIST', which the policy's own"),
    ('["ARCHIVE"]', "true", 10, "rule.ct1.called is True, which is no list. Write it as"),
    ('"CT1_SPARE"', '"CT1 "', 6, "rule.ct1.calling has 'CT1 ' twice"),
    ('"CT1_SPARE"', '"CT1_SPARE_SCANNER"', 6, "rule.ct1.calling has 'CT1_SPARE_SCANNER', which"),
    ('"CT1_SPARE"', "7", 6, "rule.ct1.calling has 7, which is no text. Write it as [\"TITLE\"]."),
    ("10.1.0.0/16", "10.1.2.3/16", 11, "rule.ct1.addresses has '10.1.2.3/16', which has bits"),
    ("10.1.0.0/16", "ct1.example", 11, "which is neither an IP address nor a network"),
    ("CT1.hospital.example", "10.1.2.3", 5, "rule.ct1.dns_name is '10.1.2.3', which is no DNS"),
    ("CN=mr2,O=Hospital", "mr2", 14, "rule.'MR, room 2'.subject is 'mr2', which is no dist"),
    ("CN=Device CA,O=Hospital", "CN=CA, O=X", 15, "rule.'MR, room 2'.issuer is 'CN=CA, O=X'"),
    ("urn:oid:1.2.3", "1.2.3", 16, "rule.'MR, room 2'.uri is '1.2.3', which is no URI"),
    (PRINT.upper(), PRINT[:40], 17, "which is no SHA-256 fingerprint: that has 64"),
    ('calling = ["MR2"]\n', "", 13, "rule.'MR, room 2'.calling is missing. List the AE titles"),
    ("without_certificate = true\n", "", 20, "rule.old.dns_name is missing, and so is every"),
    ("= true", "= 'true'", 21, "rule.old.without_certificate is 'true'. Write true or false"),
    ("= true", "= false", 20, "rule.old.dns_name is missing, and so is every other"),
    ('addresses = ["10.1.7.20"]\n', "", 21, "rule.old.without_certificate needs addresses"),
    ('addresses = ["10.1.7.20"]', 'uri = "urn:x:1"', 21, "without_certificate contradicts uri"),
]  # fmt: skip


class TestWrong:
    @pytest.mark.parametrize(("part", "wrong", "line", "words"), WRONG, ids=[w[3] for w in WRONG])
    def test_is_told_by_file_line_key_and_remedy(
        self, file: Path, part: str, wrong: str, line: int, words: str
    ) -> None:
        assert part in GOOD
        text = refusal(file, GOOD.replace(part, wrong, 1))
        assert text.startswith(f"access.toml, line {line}: ")
        assert words in text

    def test_in_a_file_of_windows(self, file: Path) -> None:
        text = refusal(file, GOOD.replace("CN=mr2", "mr2").replace("\n", "\r\n"))
        assert text.startswith("access.toml, line 14: ")

    @pytest.mark.parametrize(
        ("whole", "words"),
        [
            ("", "access.toml: rule is missing, so that nobody could associate. Add [rule.NAME]."),
            ("# nothing\n", "access.toml: rule is missing"),
            ('called = ["A"]', "access.toml: rule is missing"),
            ("\n[rule]\n", "access.toml, line 2: rule is missing"),
            ("\nrule = 7", "access.toml, line 2: rule is no table. Begin each rule with a line ["),
            ("[[rule]]\ncalling = []", "access.toml, line 1: rule is no table"),
            ("calling = ['A']\n[rule.ct1]", "access.toml, line 1: calling is unknown. The keys"),
            ("rule.a = 7", "access.toml, line 1: rule.a is no table"),
            (
                "rule.a = {\"calling\" = ['A'], \"uri\" = 'x'}",
                "access.toml, line 1: rule.a.uri is 'x'",
            ),
            (
                "[rule.a]\nuri = 'urn:x'\ncalling = [\n\n'\\']\n",
                "access.toml, line 3: rule.a.calling has '\\\\', which is no AE title",
            ),
            (
                "[rule.a]\nuri = 'urn:x'\ncalling = [\n\n'\\']  # no newline here either",
                "access.toml, line 3: rule.a.calling has '\\\\', which is no AE title",
            ),
            (
                "[rule.a]\n\n\n# the end of a file without newline\nuri = 7",
                "access.toml, line 1: rule.a.calling is missing",
            ),
            (
                "[rule.a]\ncalling = ['A']\n# the end of a file without newline\nuri = 7",
                "access.toml, line 4: rule.a.uri is 7, which is no text",
            ),
        ],
        ids=repr,
    )
    def test_as_a_whole(self, file: Path, whole: str, words: str) -> None:
        assert refusal(file, whole).startswith(words)

    def test_the_same_error_from_code_has_neither_file_nor_line(self) -> None:
        with pytest.raises(ParameterError) as caught:
            AccessRule(name="ct1", calling=["CT1"], dns_name="10.1.2.3")
        assert str(caught.value).startswith("The access rule 'ct1': dns_name is '10.1.2.3', which")

"""INI files: what they say, on which line, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from leaddicom import DicomErrorCode, ParameterError
from leaddicom.ups.settings.ini import IniFile, Setting

KNOWN = ("ae_title", "port", "certificate")


def read(folder: Path, text: str) -> IniFile:
    path = folder / "manager.ini"
    path.write_text(text)
    return IniFile(path, KNOWN)


def refused(folder: Path, text: str) -> str:
    with pytest.raises(ParameterError) as caught:
        read(folder, text)
    return caught.value.message.removeprefix(str(folder / "manager.ini"))


def test_colons_equal_signs_comments_and_indented_lines(tmp_path: Path) -> None:
    file = read(
        tmp_path,
        """\
# A comment
[DEFAULT]
    # Our AE title
    AE_Title: MANAGER
    ; Our port

    port = 2762
""",
    )
    assert file.settings == {"ae_title": Setting("MANAGER", 4), "port": Setting("2762", 7)}
    assert not file.destinations


def test_a_percent_sign_means_itself(tmp_path: Path) -> None:
    file = read(tmp_path, "[DEFAULT]\ncertificate: /etc/100%/%(port)s.pem")
    assert file.settings["certificate"].text == "/etc/100%/%(port)s.pem"


def test_a_value_may_be_empty(tmp_path: Path) -> None:
    assert read(tmp_path, "[DEFAULT]\nport:\n").settings["port"].text == ""


def test_an_empty_file_says_nothing(tmp_path: Path) -> None:
    assert not read(tmp_path, "").settings


def test_a_section_for_a_move_destination_is_told_apart(tmp_path: Path) -> None:
    file = read(
        tmp_path,
        "[DEFAULT]\nport: 2762\n[STORESCP]\n    address: 127.0.0.1\n    port: 11113\n",
    )
    assert file.settings == {"port": Setting("2762", 2)}
    assert file.destinations == {"STORESCP": 3}


def test_a_value_is_refused_with_its_line(tmp_path: Path) -> None:
    file = read(tmp_path, "[DEFAULT]\n\nport: no\n")
    with pytest.raises(ParameterError) as caught:
        file.refuse("port", "is 'no'. Write a number.")
    assert caught.value.message == (
        f"{tmp_path / 'manager.ini'}, line 3: port is 'no'. Write a number."
    )


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        (
            "[DEFAULT]\nport: 1\nae_titel: X\n",
            ", line 3: ae_titel is unknown. Is ae_title meant?",
        ),
        (
            "[DEFAULT]\ncolour: red\n",
            ", line 2: colour is unknown. The keys here are ae_title, port, certificate.",
        ),
        ("[DEFAULT]\nport: 1\nPORT: 2\n", ", line 3: port stands here twice. Remove one."),
        (
            "[DEFAULT]\nport: 1\n[DEFAULT]\nport: 2\n",
            ", line 4: port stands here twice. Remove one.",
        ),
        (
            "[A]\nport: 1\n[A]\naddress: x\n",
            ", line 3: [A] stands here twice. Make one of them.",
        ),
        ("port: 1\n", ", line 1: a section is missing. Begin the file with [DEFAULT]."),
        ("[DEFAULT]\nport\n", ", line 2: this is no setting. Write it as key: value."),
        (
            "[DEFAULT]\n[default]\nae_title: X\n",
            ", line 3: ae_title stands in the section [default], where it means nothing. Move it "
            "to [DEFAULT].",
        ),
    ],
)
def test_flaws_are_told_with_line_key_and_remedy(tmp_path: Path, text: str, flaw: str) -> None:
    assert refused(tmp_path, text) == flaw


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="cannot be read: No such file") as caught:
        IniFile(tmp_path / "none.ini", KNOWN)
    assert caught.value.code == DicomErrorCode.OPEN


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "binary.ini").write_bytes(b"[DEFAULT]\n\xff\xfe")
    with pytest.raises(ParameterError, match=r"binary\.ini, line 2: this is no UTF-8"):
        IniFile(tmp_path / "binary.ini", KNOWN)

"""The page about the doctor: its commands, and its tables."""

from __future__ import annotations

import json
import re

import pytest
from nets import Nets, free_port

from docs.examples import Examples
from docs.pages import DOCS, ROOT, block
from leaddicom.cli.main import main
from leaddicom.doctor import MAXIMUM_CONNECTIONS
from leaddicom.doctor.certificates import SOON
from leaddicom.doctor.scan import MAXIMUM_QUESTIONS

PAGE = "doctor.md"
TEXT = (DOCS / PAGE).read_text(encoding="utf-8")


def test_the_commands_say_what_the_page_says(examples: Examples) -> None:
    server = examples.serve("quickstart.md", "server.py")
    assert "\nThe link is usable: C-ECHO over TLS" in examples.shell(PAGE, "doctor")
    said = examples.shell(PAGE, "doctor without certificate")
    assert said == block(PAGE, "output", "doctor without certificate")
    assert examples.shell(PAGE, "doctor of files").endswith("\nThe certificate can be used.\n")
    examples.end(server)


def test_the_figures_are_those_of_the_code() -> None:
    assert f"at most {MAXIMUM_CONNECTIONS} connections" in TEXT
    assert f"up to {MAXIMUM_QUESTIONS} that ask" in TEXT
    assert f"from {SOON} days before the end" in TEXT


def test_every_check_is_in_the_table() -> None:
    table = TEXT.partition("## The checks")[2].partition("## For programs")[0]
    rows = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    documented = {name for row in rows for name in re.findall(r"`([a-z0-9-]+)`", row)}
    code = "".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "leaddicom/doctor").glob("*.py")
    )
    names = {*re.findall(r"(?:finding|from_error|findings)\(\s*\"([a-z-]+)\"", code)}
    names |= {*re.findall(r"check = \"([a-z-]+)\"", code), "client-certificate", "protocol"}
    names |= {"profile-b12", "profile-b13"}
    assert documented == names


@pytest.mark.parametrize("kind", ["link", "plain", "file"])
def test_every_member_is_documented(
    kind: str, nets: Nets, capsys: pytest.CaptureFixture[str]
) -> None:
    issued = nets.certificate("good")
    words = {
        "link": ["localhost", str(nets.server(link="TLS 1.3").GetHostInfo()[1])],
        "plain": ["localhost", str(free_port()), "--plain"],
        "file": ["-cert", str(issued.certificate_file)],
    }[kind]
    main(["doctor", *words, "--json"])
    document = json.loads(capsys.readouterr().out)
    parts = [document, document.get("tls") or {}, *document["certificates"]]
    assert [name for part in parts for name in part if f"`{name}`" not in TEXT] == []

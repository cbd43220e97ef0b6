"""The documentation builds without a warning and without a network, and nothing is missing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import fields
from html.parser import HTMLParser
from pathlib import Path

import pytest
from members.inventory import INVENTORY

import leaddicom
import leaddicom.ups.client
from docs.pages import DOCS, ROOT
from leaddicom.tls.alerts import ALERTS
from leaddicom.tls.profiles import PROFILES
from leaddicom.tls.suites import suite
from leaddicom.tls.verify_codes import CHECKS
from leaddicom.ups.client.results import REMEDIES
from leaddicom.ups.core.attributes import ATTRIBUTES
from leaddicom.ups.core.states import Request
from leaddicom.ups.core.terms import UpsStatus
from leaddicom.ups.settings.options import OPTIONS

FLAGS = "-W --keep-going -n -E"

for _module in ("sphinx", "furo", "numpydoc", "myst_parser"):
    pytest.importorskip(_module, reason=f"{_module} is missing; it comes with leaddicom[docs]")


def build(source: Path, target: Path) -> subprocess.CompletedProcess[str]:
    """Build as `make docs` does, but with whatever would go to the network sent nowhere."""
    nowhere = dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:9")
    return subprocess.run(
        [sys.executable, "-m", "sphinx", *FLAGS.split(), "-q", str(source), str(target)],
        cwd=ROOT,
        env=os.environ | nowhere,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The built documentation, and what building it has complained about."""
    target = tmp_path_factory.mktemp("html")
    return target, build(DOCS, target).stderr


@pytest.fixture
def html(built: tuple[Path, str]) -> Path:
    return built[0]


class _Cells(HTMLParser):
    """Collects the text of the cells of generated tables, row by row."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self._inside = self._in_cell = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self._inside = "members" in (dict(attrs).get("class") or "")
        elif self._inside and tag == "tr":
            self.rows.append([])
        elif self._inside and tag in ("td", "th"):
            self.rows[-1].append("")
            self._in_cell = True

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._in_cell = False

    def handle_data(self, data: str) -> None:
        if self._inside and self._in_cell:
            self.rows[-1][-1] += data


def rows(page: Path) -> list[list[str]]:
    """Give the rows of the generated tables of a page, without their heads."""
    cells = _Cells()
    cells.feed(page.read_text(encoding="utf-8"))
    found = [[" ".join(cell.split()) for cell in row] for row in cells.rows]
    return [row for row in found if row[0] not in ("LEADTOOLS", "Number")]


def test_it_builds_without_a_warning(built: tuple[Path, str]) -> None:
    html, warnings = built
    assert warnings == ""
    assert (html / "index.html").is_file()


def test_make_builds_it_with_the_same_flags() -> None:
    assert re.search(rf"-m sphinx {FLAGS} ", (ROOT / "Makefile").read_text(encoding="utf-8"))


class TestTheTableOfMembers:
    def test_has_every_member_in_the_order_of_the_inventory(self, html: Path) -> None:
        calls = [
            f"{member.name}({', '.join(member.parameters)})"
            if member.parameters
            else f"{member.name}()"
            for member in INVENTORY
        ]
        assert [row[0] for row in rows(html / "leadtools.html")] == calls

    def test_says_of_each_what_it_does(self, html: Path) -> None:
        described = re.compile(r"\w+\s?\(.*\): \S.*[.?]")
        table = rows(html / "leadtools.html")
        assert [row for row in table if not described.fullmatch(row[1])] == []

    def test_has_signatures_and_differences(self, html: Path) -> None:
        by_name = {row[0].partition("(")[0]: row[1:] for row in rows(html / "leadtools.html")}
        said = by_name["Connect"][0]
        assert "ip_type=IpType.IPV4_OR_IPV6" in said
        assert "Without address, address_size, port." in by_name["GetPeerInfo"][1]
        assert "ISCL" in by_name["SetAuthDataISCL"][1]


def test_the_table_of_error_codes_has_every_code(html: Path) -> None:
    table = rows(html / "error-codes.html")
    codes = [(str(int(code)), code.name) for code in leaddicom.DicomErrorCode]
    assert [(number, name) for number, name, _ in table] == codes
    assert all(text for *_, text in table)


class TestTheTablesAboutTls:
    """They come from the tables that the package works with."""

    def test_have_every_profile_and_suite(self, html: Path) -> None:
        for page in ("tls.html", "conformance.html"):
            cells = {cell for row in rows(html / page) for cell in row}
            assert set(PROFILES) <= cells
            suites = {suite(each) for profile in PROFILES.values() for each in profile.suites_tls12}
            names = {cell.removesuffix(" (OpenSSL has it not)") for cell in cells}
            assert {each.iana_name for each in suites} <= names

    def test_have_every_alert_and_check(self, html: Path) -> None:
        said = {_words(row[0]) for row in rows(html / "troubleshooting.html")}
        alerts = [f"{each.meaning} (alert {each.number} {each.name})" for each in ALERTS.values()]
        assert set(map(_words, alerts)) <= said
        checks = [each.cause for each in CHECKS.values() if "fails a check" not in each.cause]
        assert set(map(_words, checks)) <= said

    def test_have_every_limit(self, html: Path) -> None:
        told = {row[0]: row[2] for row in rows(html / "conformance.html") if len(row) == 3}
        assert all(told[field.name] for field in fields(leaddicom.Limits))


class TestTheTablesAboutWorklists:
    def test_have_every_setting(self, html: Path) -> None:
        told = {row[0]: row[1:] for row in rows(html / "ups-manager.html") if len(row) == 4}
        assert set(OPTIONS) <= set(told)
        assert told["port"] == ["-p --port", *(told["port"][1:])]
        assert "2762" in told["port"][1]
        assert all(meaning for *_, meaning in told.values())

    def test_have_every_status_and_what_to_do(self, html: Path) -> None:
        told = {row[0]: row[1:] for row in rows(html / "ups.html") if len(row) == 3}
        assert {f"{status:04X}H" for status in UpsStatus} <= set(told)
        for status, remedy in REMEDIES.items():
            assert _words(told[f"{int(status):04X}H"][1]) == _words(remedy)

    def test_have_every_attribute_and_operation(self, html: Path) -> None:
        told = rows(html / "conformance.html")
        tags = {row[1] for row in told if len(row) == 8}
        assert {f"{each.tag >> 16:04X},{each.tag & 0xFFFF:04X}" for each in ATTRIBUTES} <= tags
        (find,) = [row[1:] for row in told if row[0] == "C-FIND" and len(row) == 6]
        assert find == ["", "yes", "yes", "", "yes"]

    def test_have_the_table_of_states(self, html: Path) -> None:
        for page in ("ups.html", "conformance.html"):
            (claim,) = [row[1:] for row in rows(html / page) if row[0] == str(Request.CLAIM)]
            assert claim == ["0000H, IN PROGRESS", "C302H", "C300H", "C300H"]


def _words(text: str) -> str:
    """Give a text without what docutils makes other characters of."""
    return re.sub(r"\W+", " ", text)


def test_every_public_name_is_in_the_reference(html: Path) -> None:
    from sphinx.util.inventory import InventoryFile

    with (html / "objects.inv").open("rb") as file:
        found = InventoryFile.load(file, "", lambda base, path: path)
    names = {name for kind, items in found.items() if kind.startswith("py:") for name in items}
    homes = ("leaddicom", "leaddicom.contexts")
    public = [{f"{home}.{name}" for home in homes} for name in leaddicom.__all__]
    public += [{f"leaddicom.ups.client.{name}"} for name in leaddicom.ups.client.__all__]
    assert [alternatives for alternatives in public if not alternatives & names] == []
    missing = [m for m in INVENTORY if f"leaddicom.{m.owner}.{m.name}" not in names]
    assert [member.name for member in missing if member.name != member.owner] == []


def test_a_name_that_does_not_exist_fails_the_build(tmp_path: Path) -> None:
    source = tmp_path / "docs"
    source.mkdir()
    for name in ("conf.py", "_ext", "_static", "inventories"):
        (source / name).symlink_to(DOCS / name)
    (source / "index.md").write_text(
        "# Doctored\n\n[No page](nowhere.md)\n\n```{eval-rst}\n"
        "`LDicomNett`, `Limits.spool_treshold`, and what is fine: `path`, `None`.\n```\n"
    )
    built = build(source, tmp_path / "html")
    assert built.returncode == 1
    warnings = re.findall("index.md.*WARNING: (.*)", built.stderr)
    assert [re.sub(r" \[.*", "", each) for each in sorted(warnings)] == [
        "'myst' cross-reference target not found: 'nowhere.md'",
        "py:obj reference target not found: LDicomNett",
        "py:obj reference target not found: Limits.spool_treshold",
    ]

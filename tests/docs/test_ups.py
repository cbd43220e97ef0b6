"""The pages about worklists: their commands and programs, run as they stand there, and tables."""

from __future__ import annotations

import argparse
import inspect
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from programs import Program, run
from ups.databases import PostgresqlServer, postgresql_programs

from docs.examples import Examples
from docs.pages import DOCS, ROOT, block
from leaddicom.cli.main import build_parser
from leaddicom.ups.core.matching import MAXIMUM_KEYS, MAXIMUM_LENGTH
from leaddicom.ups.core.states import TRANSITIONS, Request
from leaddicom.ups.core.terms import State
from leaddicom.ups.manager import UpsManager
from leaddicom.ups.manager.delivery import event_sender
from leaddicom.ups.manager.dispatcher import Dispatcher
from leaddicom.ups.settings.entities import ApplicationEntity
from leaddicom.ups.settings.options import OPTIONS
from leaddicom.ups.settings.zones import LOCAL
from leaddicom.ups.store import Store, encoding
from leaddicom.ups.store.database import LOCK_TIMEOUT
from leaddicom.ups.store.servers import SILENCE

GUIDE, SDK, MANAGER, MOVING = "ups.md", "ups-sdk.md", "ups-manager.md", "tdwii.md"

#: Where the reader of the pages has the files.
HOME = "/home/me"


@pytest.fixture
def desk(examples: Examples, monkeypatch: pytest.MonkeyPatch) -> Examples:
    """A clone in which somebody works with worklists, in UTC."""
    shutil.copytree(ROOT / "samples", examples.folder / "samples")
    examples.write(GUIDE, "ApplicationEntities.json", "file")
    monkeypatch.setenv("XDG_STATE_HOME", str(examples.folder / ".local" / "state"))
    monkeypatch.setenv("TZ", "UTC")
    return examples


@pytest.fixture
def manager(desk: Examples) -> Program:
    """The manager of the guide, ready."""
    made = desk.start(GUIDE, "serve")
    made.wait_for(r"is ready on port.*\n")
    return made


def said(text: str) -> str:
    """Give what was printed, or is said to be, without what is another at each time."""
    for pattern, instead in (
        (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}", "DATE AND TIME"),
        (r"(?m)^\d\d:\d\d:\d\d", "TIME"),
        (r"\b2\.25\.\d{20,}", "UID"),
    ):
        text = re.sub(pattern, instead, text)
    return text


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def documented(page: str, name: str) -> str:
    return said(block(page, "output", name))


@pytest.fixture
def shows(desk: Examples) -> Callable[[str, str], None]:
    """Run a block, and see whether it prints what the page shows."""

    def run(page: str, name: str) -> None:
        assert printed(desk, desk.shell(page, name)) == documented(page, name)

    return run


def printed(desk: Examples, text: str) -> str:
    return said(desk.as_documented(text).replace(str(desk.folder), HOME))


class TestTheGuide:
    def test_a_treatment_goes_as_it_is_shown(
        self, desk: Examples, manager: Program, shows: Callable[[str, str], None]
    ) -> None:
        assert printed(desk, manager.text) == documented(GUIDE, "serve")
        watcher = desk.start(GUIDE, "watch")
        manager.wait_for("N-ACTION Subscribe .*0000H")
        for name in (
            "create",
            "list",
            "claim",
            "second claim",
            "perform",
            "complete",
            "request-cancel",
        ):
            shows(GUIDE, name)
        watcher.wait_for("2030001\tCANCELED")
        assert printed(desk, watcher.text) == documented(GUIDE, "watch")

    @pytest.mark.usefixtures("manager")
    def test_the_profile_objects(self, shows: Callable[[str, str], None]) -> None:
        shows(GUIDE, "profile")


class TestTheDiagram:
    """The arrows are those of the table that the manager works with."""

    def test_has_the_transitions_of_the_table(self) -> None:
        drawn = set(arrows(block(GUIDE, "output", "states")))
        assert drawn == {
            (request.name.lower().replace("_", " "), state, cell.states)
            for (request, state), cell in TRANSITIONS.items()
            if state is not None and cell.states and request is not Request.WITHOUT_LOCK
        }


def arrows(drawing: str) -> Iterator[tuple[str, State, tuple[State, ...]]]:
    """Give the arrows of a drawing: what is written on it, from where, and through what."""
    lines = drawing.splitlines()
    arrow = re.compile(r"──(?P<label>[a-z ]+)──>(?P<to>(?: [A-Z ]*[A-Z]| ──>)+)")
    for number, line in enumerate(lines):
        for found in arrow.finditer(line):
            at, row = found.start() - 1, number
            while lines[row][at] in "└│":
                row -= 1
            before = [each for each in STATE.finditer(lines[row]) if each.start() <= at]
            states = tuple(map(State, re.findall(STATE, found["to"])))
            # A row goes on with the next arrow, which is another one's.
            through = states if " ──> " in found["to"] else states[:1]
            yield found["label"], State(before[-1][0]), through


WATCHER = ApplicationEntity("WATCHER", "localhost", 2763)

STATE = re.compile("|".join(map(re.escape, State)))

#: Of ApplicationEntities.json.
KEYS = (
    "AETitle",
    "IPAddr",
    "Port",
    "mTLS",
    "CACertificate",
    "Fingerprint",
    "EventSCU",
    "FallbackList",
)


class TestThePrograms:
    def test_work_together(self, desk: Examples) -> None:
        manager = desk.serve(SDK, "manager.py")
        watcher = desk.serve(SDK, "watch.py")
        for name in ("schedule.py", "perform.py"):
            assert said(desk.run(SDK, name)) == documented(SDK, name)
        assert desk.end(watcher) == documented(SDK, "watch.py")
        assert desk.end(manager) == ""


class TestRunningAManager:
    """Its files and commands."""

    @pytest.fixture
    def configured(self, desk: Examples) -> Program:
        for name in ("manager.ini", "access.toml", "ApplicationEntities.json"):
            desk.write(MANAGER, name, "file")
        made = desk.start(MANAGER, "configured")
        made.wait_for(r"WORKLIST is ready on port.*\n")
        return made

    def test_the_file_of_settings(self, desk: Examples, configured: Program) -> None:
        """It is taken, also what is relative to its folder, and its access policy holds."""
        assert (desk.folder / "data" / "worklist.sqlite").is_file()
        refused = printed(desk, desk.shell(MANAGER, "impostor"))
        assert refused == documented(MANAGER, "impostor")
        configured.wait_for("CREATOR.*CN=workitemperformer|CN=workitemperformer.*CREATOR")

    def test_every_key_of_the_table_of_receivers(self) -> None:
        told = re.findall(r"^\| `(\w+)` \|", page(MANAGER), re.MULTILINE)
        assert told == list(KEYS)

    def test_several_processes(self, desk: Examples) -> None:
        workers = desk.start(MANAGER, "workers")
        workers.wait_for(r"is ready on port .*; 2 workers$")
        desk.shell(GUIDE, "create")

    def test_an_operator_helps(
        self, desk: Examples, manager: Program, shows: Callable[[str, str], None]
    ) -> None:
        manager.wait_for("ready")
        for name in ("create", "claim"):
            desk.shell(GUIDE, name)
        desk.shell(MANAGER, "lock")
        shows(MANAGER, "admin")

    def test_a_backup_is_whole_and_private(self, desk: Examples, manager: Program) -> None:
        manager.wait_for("ready")
        desk.shell(GUIDE, "create")
        assert desk.shell(MANAGER, "backup") == ""
        copy = desk.folder / "copy.sqlite"
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600
        assert uids_in(str(copy)) == {"2.25.2030001", "2.25.2030002"}


def uids_in(database: str) -> set[str]:
    """Give the UIDs of the workitems in a database."""
    store = Store(database, zone=LOCAL)
    store.open()
    with closing(store), store.reading() as reader:
        found = [reader.workitem(f"2.25.203000{number}") for number in range(4)]
        return {workitem.uid for workitem in found if workitem is not None}


@pytest.fixture(scope="module")
def postgresql() -> Iterator[PostgresqlServer]:
    programs = postgresql_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (package postgresql)")
    with PostgresqlServer(programs) as server:
        yield server


class Machine(Examples):
    """One of the machines that share a database."""

    def __init__(self, folder: Path, desk: Examples, database: str) -> None:
        super().__init__(folder)
        folder.mkdir()
        for name in ("certs", "ApplicationEntities.json"):
            (folder / name).symlink_to(desk.folder / name)
        self._database = database

    def with_free_ports(self, code: str) -> str:
        code = code.replace("postgresql://worklist@db.example/worklist", f"'{self._database}'")
        return super().with_free_ports(code)


@pytest.fixture
def database(postgresql: PostgresqlServer) -> str:
    return postgresql.url(postgresql.create_database())


class TestSeveralMachines:
    @pytest.fixture
    def machines(self, desk: Examples, database: str) -> Iterator[tuple[Program, Program]]:
        """Two managers, and HAProxy where the guide has its one."""
        haproxy = shutil.which("haproxy", path=f"{os.environ['PATH']}:/usr/sbin")
        if haproxy is None:
            pytest.skip("HAProxy is not installed (package haproxy)")
        both = [Machine(desk.folder / name, desk, database) for name in ("one", "two")]
        text = page("haproxy.cfg").replace("bind :2762", f"bind 127.0.0.1:{desk.ports['2762']}")
        for number, machine in enumerate(both, 1):
            theirs = f"127.0.0.1:{machine.ports['2762']}"
            text = text.replace(f"manager{number}.example:2762", theirs)
        (desk.folder / "haproxy.cfg").write_text(text)
        try:
            managers = [machine.start(MANAGER, "machine") for machine in both]
            for each in managers:
                each.wait_for("is ready on port")
            with Program(haproxy, "-f", str(desk.folder / "haproxy.cfg")) as balancer:
                balancer.wait_until_it_listens(int(desk.ports["2762"]))
                yield managers[0], managers[1]
        finally:
            for machine in both:
                machine.close()

    def test_behave_as_one_manager_also_when_one_of_them_goes(
        self,
        desk: Examples,
        machines: tuple[Program, Program],
        shows: Callable[[str, str], None],
    ) -> None:
        """The treatment of the guide, through HAProxy, which looks the same."""
        one, two = machines
        watcher = desk.start(GUIDE, "watch")
        watcher.wait_for("is listening")
        shows(GUIDE, "create")
        for name in ("list", "claim", "second claim", "perform"):
            shows(GUIDE, name)
        assert one.end() == 0
        for name in ("complete", "request-cancel"):
            shows(GUIDE, name)
        watcher.wait_for("2030001\tCANCELED")
        assert printed(desk, watcher.text) == documented(GUIDE, "watch")
        assert "C-FIND" in two.text

    def test_a_dump_is_whole(
        self, desk: Examples, postgresql: PostgresqlServer, database: str
    ) -> None:
        if shutil.which("pg_dump") is None:
            pytest.skip("PostgreSQL's clients are not installed (package postgresql-client)")
        assert uids_in(database) == set()  # which makes the tables
        desk.shell(MANAGER, "pg_dump", {"DATABASE": database})
        dump, copy = str(desk.folder / "worklist.dump"), postgresql.create_database()
        restored = run("pg_restore", "--dbname", postgresql.url(copy), dump)
        assert restored.returncode == 0, restored.stderr
        assert uids_in(postgresql.url(copy)) == set()


class TestTheLimits:
    """Those of the table that are no settings."""

    def test_are_those_of_the_code(self) -> None:
        told = dict(re.findall(r"^\| ([^|`]+) \| ([^|`]+) \|$", page(MANAGER), re.MULTILINE))
        assert UpsManager.limits.data_set_length == 4 << 20
        assert told["data set of a request"].startswith(
            f"4 MiB, {UpsManager.limits.data_set_elements:,} "
        )
        assert told["data set of a workitem"].startswith(f"{encoding.MAXIMUM_LENGTH >> 20} MiB ")
        assert told["attributes and values of a query; length of a value"].startswith(
            f"{MAXIMUM_KEYS:,}; {MAXIMUM_LENGTH:,} "
        )
        concurrency = inspect.signature(Dispatcher).parameters["concurrency"].default
        assert told["AEs that are reported to at a time"].startswith(f"{concurrency},")
        limits = event_sender(UpsManager(Store("x", zone=LOCAL)), "X")(WATCHER).limits
        seconds = f"{limits.connect_timeout:g} s, {limits.response_timeout:g} s"
        assert told["event reports: to connect, for the answer"] == seconds
        assert told["waiting for others that write"].startswith(f"{LOCK_TIMEOUT:g} s")

    def test_are_those_of_what_one_manager_means(self) -> None:
        poll = inspect.signature(Dispatcher).parameters["poll"].default
        lease = inspect.signature(Dispatcher).parameters["lease"].default
        text = page(MANAGER)
        assert f"Each process looks every {poll:g} s" in text
        assert (lease, SILENCE) == (60, timedelta(minutes=1))
        assert "free after a minute at most" in text
        assert "counts as running for a minute" in text


class TestComingFromTdwii:
    """What is said to be the same is understood."""

    def test_every_command_and_option_that_is_named_is_there(self) -> None:
        named = [
            words.split()[2:]
            for cell in cells(1)
            for words in re.findall("`(leaddicom ups [^`]+)`", cell)
        ]
        assert len(named) > 20
        for words in named:
            parser, rest = parser_of(words)
            options = [word for word in rest if word.startswith("-")]
            assert set(options) <= set(parser._option_string_actions), words

    def test_every_option_that_is_the_same_is_taken(self) -> None:
        taken = {
            flag
            for name in ("serve", "create", "find", "claim", "watch", "listen", "set")
            for flag in parser_of([name])[0]._option_string_actions
        }
        same = [row[0] for row in table_rows() if row[1].startswith("the same") and "`-" in row[0]]
        flags = {flag for cell in same for flag in re.findall("`(-[^` ]+)`", cell)}
        assert {"-mtls", "-aet", "--receiver-aet", "-ll"} <= flags <= taken

    def test_every_key_that_is_read_is_one(self) -> None:
        keys = {
            key
            for row in table_rows()
            if row[1].startswith("the same") and "`-" not in row[0]
            for key in re.findall("`([a-z_]+)`", row[0])
        }
        assert {"ae_title", "mutual_tls", "database_location"} <= keys <= set(OPTIONS)


def table_rows() -> list[list[str]]:
    lines = [line for line in page(MOVING).splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def cells(column: int) -> list[str]:
    return [row[column] for row in table_rows()]


def parser_of(words: list[str]) -> tuple[argparse.ArgumentParser, list[str]]:
    """Give the parser of a command of ``leaddicom ups``, and the words that are left."""
    parser, rest = build_parser(), ["ups", *words]
    while rest:
        found = [each for each in parser._actions if each.nargs == argparse.PARSER]
        if not found:
            break
        choices = found[0].choices
        assert isinstance(choices, dict)
        assert rest[0] in choices, words
        parser = choices[rest.pop(0)]
    return parser, rest

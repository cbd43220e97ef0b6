"""``leaddicom ups watch`` and ``listen`` against a manager that reports over mutual TLS."""

from __future__ import annotations

import json
import re
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from nets import free_port
from programs import Program
from ups.sites import create

from cli.ups.conftest import Shell
from leaddicom.cli.main import main
from leaddicom.ups.core.events import scp_status
from leaddicom.ups.core.terms import ScpStatus, State
from leaddicom.ups.settings.entities import ApplicationEntity

Start = Callable[..., Program]

LEADDICOM = [sys.executable, "-W", "error", "-m", "leaddicom"]


@pytest.fixture
def start(shell: Shell) -> Iterator[Start]:
    """Starts a watcher that the manager knows, and waits until it listens."""
    port = free_port()
    with shell.site.manager.store.writing() as writer:
        writer.put_entity(ApplicationEntity("WATCHER", "127.0.0.1", port))
    with ExitStack() as stack:

        def start(*command: str) -> Program:
            line = [*command, "--port", str(port), "--bind-address", "127.0.0.1"]
            program = stack.enter_context(Program(*LEADDICOM, *line))
            program.wait_for(rf"WATCHER is listening on port {port}")
            return program

        yield start


def has_subscribed(shell: Shell) -> bool:
    with shell.site.manager.store.reading() as reader:
        return "WATCHER" in reader.subscribers()


class TestWatch:
    def test_shows_what_happens_until_enough_has(self, shell: Shell, start: Start) -> None:
        uid = shell.created()
        program = start(*shell.line("watch", uid, "--count", "3", "--unsubscribe"))
        program.wait_for(rf"^[\d:]+\tstate\t{re.escape(uid)}\tSCHEDULED, READY$")
        assert has_subscribed(shell)
        shell("claim", uid)
        program.wait_for(rf"^[\d:]+\tstate\t{re.escape(uid)}\tIN PROGRESS, READY$")
        shell("progress", uid, 50, "--description", "Beam 1")
        program.wait_for(rf"^[\d:]+\tprogress\t{re.escape(uid)}\t50 %, Beam 1$")
        program.wait_for_end()
        assert program.end() == 0
        assert not has_subscribed(shell)

    def test_writes_a_line_of_json_for_each_event(self, shell: Shell, start: Start) -> None:
        program = start(*shell.line("watch", "--global", "--json", "--count", "1"))
        self.created_after_subscription(shell)
        program.wait_for_end()
        (line,) = (line for line in program.text.splitlines() if line.startswith("{"))
        event = json.loads(line)
        assert (event["event"], event["details"]) == ("STATE_REPORT", ["SCHEDULED", "READY"])
        assert shell.state(event["uid"]) is State.SCHEDULED

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_ends_at_a_signal_and_leaves_the_subscription(
        self, shell: Shell, start: Start, number: signal.Signals
    ) -> None:
        program = start(*shell.line("watch", "--global"))
        self.created_after_subscription(shell)
        program.wait_for("SCHEDULED")
        assert program.end(number) == 0
        assert "Traceback" not in program.text
        assert has_subscribed(shell)

    def test_fails_if_fewer_events_come_than_expected(self, shell: Shell, start: Start) -> None:
        program = start(
            *shell.line("watch", "--station", "LINAC1", "--count", "2", "--seconds", "0.5")
        )
        program.wait_for("2 of 2 events did not come")
        program.wait_for_end()
        assert program.end() == 1

    def test_subscribes_anew_when_the_manager_has_forgotten(
        self, shell: Shell, start: Start
    ) -> None:
        program = start(*shell.line("watch", "--global"))
        self.created_after_subscription(shell)
        program.wait_for("SCHEDULED")
        with shell.site.manager.store.writing() as writer:
            writer.clear()
            event = scp_status(ScpStatus.RESTARTED, subscriptions=ScpStatus.COLD_START)
            writer.publish(event, ["WATCHER"])
        program.wait_for("RESTARTED, subscriptions: COLD START")
        self.created_after_subscription(shell)

    @staticmethod
    def created_after_subscription(shell: Shell) -> str:
        """Have a workitem created that the program is told about, as it has subscribed before."""
        while True:
            has = has_subscribed(shell)
            uid = shell.created()
            if has:
                return uid

    def test_fails_if_it_cannot_subscribe(self, shell: Shell) -> None:
        ended = shell("watch", "1.2.3", "--port", 0, "--seconds", 30)
        assert ended.code == 1
        assert "C307H" in ended.err

    def test_needs_a_port_that_is_free(self, shell: Shell) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            ended = shell("watch", "--global", "-p", port, "-b", "127.0.0.1")
        assert ended.code == 1
        assert str(port) in ended.err

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ((), "say what to subscribe to"),
            (("--global", "--count", "0"), "no number above 0"),
            (("--global", "--seconds", "x"), "no number of seconds"),
            (("--global", "--port", "70000"), "65535"),
        ],
    )
    def test_says_what_it_does_not_understand(
        self, shell: Shell, options: tuple[str, ...], said: str
    ) -> None:
        assert said in shell.usage(*shell.line("watch", *options))


class TestLine:
    """What is shown of an event."""

    @pytest.fixture
    def line(self, shell: Shell) -> Iterator[list[str]]:
        """A watcher of one event, which comes once it has subscribed."""
        port = free_port()
        with shell.site.manager.store.writing() as writer:
            writer.put_entity(ApplicationEntity("WATCHER", "127.0.0.1", port))

        def work() -> None:
            with shell.site.client() as client:
                has = False
                while not has:
                    has = has_subscribed(shell)
                    create(client)

        worker = threading.Thread(target=work)
        worker.start()
        where = ("-p", port, "-b", "127.0.0.1", "--count", 1, "--seconds", 30)
        yield shell.line("watch", "--global", "--unsubscribe", *where)
        worker.join(30)

    def test_has_tabs_in_a_pipe(self, shell: Shell, line: list[str]) -> None:
        ended = shell.run(*line)
        (cells,) = ended.cells
        assert (ended.code, cells[1], cells[3]) == (0, "state", "SCHEDULED, READY")
        assert not has_subscribed(shell)

    def test_has_columns_on_a_terminal(self, shell: Shell, line: list[str]) -> None:
        text = shell.on_terminal(*line)
        assert re.fullmatch(r"[\d:]{8}  state {11}  [\d.]{44,}  SCHEDULED, READY\n", text)

    def test_is_a_document_in_json(self, shell: Shell, line: list[str]) -> None:
        assert shell.run(*line, "--json").json["event"] == "STATE_REPORT"

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
    def test_that_cannot_be_written_ends_it(
        self, shell: Shell, line: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """And the manager is told that the event was not taken."""
        with (
            suppress(OSError),
            open("/dev/full", "w", encoding="ascii") as full,
            monkeypatch.context() as patch,
        ):
            patch.setattr(sys, "stdout", full)
            assert main(line) == 1
        error = shell.capsys.readouterr().err
        assert "No space left on device" in error
        assert "Traceback" not in error
        assert shell.site.manager.store.pending("WATCHER", 10)


class TestListen:
    def test_shows_events_of_a_subscription_that_was_made_before(
        self, shell: Shell, start: Start
    ) -> None:
        uid = shell.created()
        program = start("ups", "listen", *shell.tls)
        assert shell("subscribe", uid).code == 0
        program.wait_for(rf"\tstate\t{re.escape(uid)}\tSCHEDULED, READY$")
        assert program.end(signal.SIGINT) == 0

    def test_ends_after_some_seconds(self, shell: Shell) -> None:
        ended = shell.run("ups", "listen", *shell.tls, "-p", 0, "--seconds", 0.01)
        assert (ended.code, ended.out) == (0, "")
        assert "WATCHER is listening on port" in ended.err

"""The worklist manager as a process, and as several that share the port."""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import re
import signal
import socket
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from shutil import copyfile

import pytest
from logs import log_of_its_own
from programs import PATIENCE, Program
from pydicom.dataelem import DataElement

from leaddicom import DicomError, NetworkError, ParameterError, Scu, TlsError
from leaddicom.pki.certificates import now
from leaddicom.testing.certificates import IssuedCertificate, ThrowAwayPki
from leaddicom.ups.core.events import scp_status
from leaddicom.ups.core.terms import ScpStatus
from leaddicom.ups.processes.serving import Serving, log_to_standard_error
from leaddicom.ups.processes.signals import RELOAD, STOP, Signals
from leaddicom.ups.processes.supervisor import serve
from leaddicom.ups.processes.worker import Order, work
from leaddicom.ups.settings.configuration import Configuration
from leaddicom.ups.store import Store

Start = Callable[..., tuple[Program, int]]

needs_sighup = pytest.mark.skipif(not RELOAD, reason="Windows has no SIGHUP")


@pytest.fixture(scope="module")
def good(pki: ThrowAwayPki) -> IssuedCertificate:
    return pki.issue("manager")


@pytest.fixture
def configuration(pki: ThrowAwayPki, good: IssuedCertificate, tmp_path: Path) -> Configuration:
    """Files of the test's own, so that it may change them."""
    certificate, key = tmp_path / "own.pem", tmp_path / "own.key"
    copyfile(good.certificate_file, certificate)
    copyfile(good.key_file, key)
    return Configuration(
        port=0,
        bind_address="127.0.0.1",
        ca_certificate=str(pki.ca_file),
        certificate=str(certificate),
        private_key=str(key),
        database_location=str(tmp_path / "worklist.sqlite"),
    )


def command(configuration: Configuration, *more: str) -> list[str]:
    options = {
        "--port": configuration.listening_port,
        "-b": configuration.bind_address,
        "-ca": configuration.ca_certificate,
        "-cert": configuration.certificate,
        "-key": configuration.private_key,
        "--database": configuration.database_location,
    }
    texts = [str(part) for pair in options.items() for part in pair]
    return [sys.executable, "-m", "leaddicom", "ups", "serve", *texts, *more]


@pytest.fixture
def start(configuration: Configuration) -> Iterator[Start]:
    """Starts the command with more options; gives it and its port."""
    with ExitStack() as stack:

        def start(*more: str) -> tuple[Program, int]:
            program = stack.enter_context(Program(*command(configuration, *more)))
            return program, int(program.wait_for(r"UPSSCP is ready on port (\d+): ")[1])

        yield start


@pytest.fixture
def scu(pki: ThrowAwayPki, good: IssuedCertificate) -> Callable[[int], Scu]:
    def make(port: int) -> Scu:
        files = {"certificate": str(good.certificate_file), "key": str(good.key_file)}
        return Scu("localhost", port, ca_file=str(pki.ca_file), **files)

    return make


def subject(client: Scu) -> str:
    """Whose certificate the server shows."""
    with client:
        client.echo()
        assert client.peer_identity is not None
        return client.peer_identity.subject.partition(",")[0]


class Watch(logging.Handler):
    """Reads the log, and can wait for what it tells."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self._texts: list[str] = []
        self._told = threading.Condition()

    def emit(self, record: logging.LogRecord) -> None:
        with self._told:
            self._texts.append(record.getMessage())
            self._told.notify_all()

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Wait for a line."""
        with self._told:
            if not self._told.wait_for(lambda: self.found(pattern), PATIENCE):
                raise AssertionError(f"{pattern!r} did not come, but: {self._texts}")
            return self.found(pattern)[-1]

    def found(self, pattern: str) -> list[re.Match[str]]:
        return [match for text in self._texts if (match := re.search(pattern, text))]

    def workers(self) -> dict[int, int]:
        """The newest process of each worker that serves."""
        serving = self.found(r"^Worker (\d+) serves, process (\d+)$")
        return {int(match[1]): int(match[2]) for match in serving}


def serve_while(
    configuration: Configuration, scenario: Callable[[Watch, int], None], end: int = signal.SIGTERM
) -> Watch:
    """Serve in this process and those that it starts, while another thread plays a scenario."""
    watch, failures = Watch(), []

    def play() -> None:
        try:
            scenario(watch, int(watch.wait_for(r"UPSSCP is ready on port (\d+): ")[1]))
        except BaseException as error:  # noqa: BLE001 - it is raised in the other thread
            failures.append(error)
        finally:
            os.kill(os.getpid(), end)

    logger, thread = logging.getLogger("leaddicom"), threading.Thread(target=play)
    level = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(watch)
    try:
        with Signals(STOP):  # should it listen to them no more
            thread.start()
            serve(configuration)
            thread.join(PATIENCE)
    finally:
        logger.removeHandler(watch)
        logger.setLevel(level)
    if failures:
        raise failures[0]
    return watch


class TestOneProcess:
    @pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
    def test_tells_what_it_serves_and_stops(
        self, scu: Callable[[int], Scu], configuration: Configuration, end: int
    ) -> None:
        clients: list[Scu] = []

        def call(_: Watch, port: int) -> None:
            clients.append(scu(port))
            clients[0].echo()  # and the association stays

        watch = serve_while(configuration, call, end)
        clients[0].close()
        assert watch.found(
            r"ready on port \d+: mutual TLS, BCP 195 RFC 8996, 9325; database "
            rf"{re.escape(configuration.database_location)}$"
        )
        assert watch.found("^UPSSCP has stopped$")

    @needs_sighup
    def test_reads_its_files_anew(
        self,
        scu: Callable[[int], Scu],
        configuration: Configuration,
        pki: ThrowAwayPki,
        tmp_path: Path,
    ) -> None:
        table, other = tmp_path / "ae.json", pki.issue("other")
        table.write_text("[]")

        def change(watch: Watch, port: int) -> None:
            assert subject(scu(port)) == "CN=manager"
            copyfile(other.certificate_file, configuration.certificate)
            copyfile(other.key_file, configuration.private_key)
            os.kill(os.getpid(), signal.SIGHUP)
            watch.wait_for("^AE table and access policy were read anew$")
            assert subject(scu(port)) == "CN=other"
            table.write_text("[7]")
            Path(configuration.private_key).write_text("nothing")
            os.kill(os.getpid(), signal.SIGHUP)
            watch.wait_for("^Nothing was reloaded; .* stay in use: The private key")
            watch.wait_for("^AE table and access policy stay as they were: .*, line 1: this")
            assert subject(scu(port)) == "CN=other"

        serve_while(replace(configuration, ae_table=str(table)), change)


class TestSeveralProcesses:
    @pytest.fixture
    def two(self, configuration: Configuration) -> Configuration:
        return replace(configuration, workers=2)

    @needs_sighup
    def test_share_the_port_and_stop(self, two: Configuration, scu: Callable[[int], Scu]) -> None:
        ports = []

        def call(watch: Watch, port: int) -> None:
            ports.append(port)
            assert watch.workers().keys() == {1, 2}
            for _ in range(4):
                with scu(port) as client:
                    client.echo()
            os.kill(os.getpid(), signal.SIGHUP)  # to which they listen, too

        watch = serve_while(two, call)
        assert watch.found("; 2 workers$")
        assert watch.found("^UPSSCP has stopped$")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", ports[0]), PATIENCE)

    def test_go_on_when_one_is_killed_which_is_replaced(
        self, two: Configuration, scu: Callable[[int], Scu]
    ) -> None:
        def kill(watch: Watch, port: int) -> None:
            killed = watch.workers()[1]
            os.kill(killed, signal.SIGKILL)
            watch.wait_for(f"^Worker 1, process {killed}, has ended: .* by the signal SIGKILL")
            with scu(port) as client:
                client.echo()
            new = int(watch.wait_for(rf"^Worker 1 serves, process (?!{killed}$)(\d+)$")[1])
            # That the new one serves, too: the other one is gone.
            os.kill(watch.workers()[2], signal.SIGKILL)
            watch.wait_for("^Worker 2, process .* has ended")
            with scu(port) as client:
                client.echo()
            assert watch.workers()[1] == new

        serve_while(two, kill)

    def test_one_that_cannot_be_replaced_is_tried_again_later(self, two: Configuration) -> None:
        key = Path(two.private_key)
        content = key.read_bytes()

        def break_and_mend(watch: Watch, _: int) -> None:
            key.unlink()
            killed = watch.workers()[2]
            os.kill(killed, signal.SIGKILL)
            watch.wait_for(f"^Worker 2, process {killed}, .* Another is started in 1 s")
            watch.wait_for("^Worker 2, process .* ended: .*own.key.* Another is started in 2 s")
            key.write_bytes(content)
            watch.wait_for(rf"^Worker 2 serves, process (?!{killed}$)")

        serve_while(two, break_and_mend)

    def test_callers_wait_while_all_are_replaced(
        self, two: Configuration, scu: Callable[[int], Scu]
    ) -> None:
        def kill(watch: Watch, port: int) -> None:
            for number, process in watch.workers().items():
                os.kill(process, signal.SIGKILL)
                watch.wait_for(f"^Worker {number}, process {process}, has ended")
            with scu(port) as client:
                client.echo()

        serve_while(two, kill)

    @needs_sighup
    def test_all_read_their_files_anew(self, start: Start) -> None:
        program, _ = start("--workers", "2")
        program.send(signal.SIGHUP)
        program.wait_for(r"(?s)(AE table and access policy were read anew.*){2}")
        assert program.end(signal.SIGINT) == 0
        assert "Traceback" not in program.text

    def test_stop_when_the_one_that_watches_is_killed(self, start: Start) -> None:
        program, port = start("--workers", "2")
        program.send(signal.SIGKILL)
        program.wait_for(r"(?s)(The supervisor is gone.*){2}")
        program.wait_for_end()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), PATIENCE)


@pytest.mark.parametrize("workers", [1, 2])
class TestNothingIsLeftRunning:
    """The reason is told, whatever it is."""

    @pytest.fixture
    def wanted(self, configuration: Configuration, workers: int) -> Configuration:
        return replace(configuration, workers=workers)

    def test_on_a_port_in_use(self, wanted: Configuration) -> None:
        with socket.create_server(("127.0.0.1", 0)) as other:
            taken = replace(wanted, port=other.getsockname()[1])
            with pytest.raises(NetworkError, match="Another program listens there"):
                serve(taken)
        assert not Path(wanted.database_location).exists()

    def test_with_a_key_of_another_certificate(
        self, wanted: Configuration, pki: ThrowAwayPki
    ) -> None:
        other = replace(wanted, private_key=str(pki.issue("another").key_file))
        with pytest.raises(DicomError, match="does not belong to the certificate"):
            serve(other)

    def test_with_what_is_no_database(self, wanted: Configuration, tmp_path: Path) -> None:
        text = tmp_path / "no.sqlite"
        text.write_text("This is no database, but some text. " * 20)
        with pytest.raises(DicomError, match=r"no\.sqlite"):
            serve(replace(wanted, database_location=str(text)))


class TestServing:
    """One manager on a socket, in this process."""

    @pytest.fixture
    def sock(self) -> Iterator[socket.socket]:
        with socket.create_server(("127.0.0.1", 0)) as sock:
            yield sock

    def test_frees_what_a_dead_worker_has_leased(
        self, configuration: Configuration, sock: socket.socket
    ) -> None:
        store = Store(configuration.database_location, zone=configuration.timezone)
        store.open()
        try:
            with store.writing() as writer:
                # In a container every run of a program has the same number.
                writer.register("dead worker", socket.gethostname(), os.getpid())
                writer.publish(scp_status(ScpStatus.RESTARTED), ["WATCHER"])
            assert store.lease("WATCHER", "dead worker", 3600.0)
            Serving(configuration, sock).stop()
            assert not store.renew("WATCHER", "dead worker", 3600.0)
        finally:
            store.close()

    def test_puts_the_ae_table_into_the_store(
        self, configuration: Configuration, sock: socket.socket, tmp_path: Path
    ) -> None:
        table = tmp_path / "ae.json"

        def write(*titles: str) -> None:
            entries = [{"AETitle": title, "IPAddr": "h", "Port": 1} for title in titles]
            table.write_text(json.dumps(entries))

        def known() -> set[str]:
            with serving.manager.store.reading() as reader:
                return {each.title for each in reader.entities()}

        write("A", "B")
        serving = Serving(replace(configuration, ae_table=str(table)), sock)
        try:
            assert known() == {"A", "B"}
            write("B", "C")
            serving.reload()
            assert known() == {"B", "C"}
            table.unlink()
            serving.reload()
            assert known() == {"B", "C"}
            # Half a pair of UTF-16: no database takes it, and no server ends because of it.
            unstorable = {"AETitle": "D", "IPAddr": "h", "Port": 1, "CACertificate": "\ud800"}
            table.write_text(json.dumps([unstorable]))
            serving.reload()
            assert known() == {"B", "C"}
        finally:
            serving.stop()

    def test_reads_the_access_policy_anew(
        self, configuration: Configuration, sock: socket.socket, tmp_path: Path
    ) -> None:
        policy = tmp_path / "access.toml"
        rule = '[rule.{}]\nwithout_certificate = true\naddresses = ["::1"]\ncalling = ["A"]\n'
        policy.write_text(rule.format("first"))
        plain = replace(configuration, access_policy=str(policy), mutual_tls=False)
        serving = Serving(plain, sock)
        try:
            policy.write_text(rule.format("second"))
            serving.reload()
            assert serving.manager.access is not None
            assert [each.name for each in serving.manager.access.rules] == ["second"]
        finally:
            serving.stop()

    @pytest.mark.parametrize("days", [29, 31])
    def test_warns_of_certificates_that_expire_soon(
        self,
        configuration: Configuration,
        sock: socket.socket,
        pki: ThrowAwayPki,
        caplog: pytest.LogCaptureFixture,
        days: int,
    ) -> None:
        short = pki.issue("short", not_after=now() + timedelta(days=days, hours=1))
        files = {"certificate": str(short.certificate_file), "private_key": str(short.key_file)}
        Serving(replace(configuration, **files), sock).stop()
        warning = f"A certificate in {files['certificate']} expires soon, or has expired"
        told = [text for text in caplog.messages if text.startswith(warning)]
        assert len(told) == (days < 30)

    def test_warns_of_a_ca_that_has_expired(
        self,
        configuration: Configuration,
        sock: socket.socket,
        pki: ThrowAwayPki,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        old = pki.issue(
            "old-ca", ca=True, self_signed=True,
            not_before=now() - timedelta(days=9), not_after=now() - timedelta(days=1),
        )  # fmt: skip
        Serving(replace(configuration, ca_certificate=str(old.certificate_file)), sock).stop()
        warning = f"A certificate in {old.certificate_file} expires soon, or has expired; renew it"
        assert any(text.startswith(warning) for text in caplog.messages)

    def test_needs_the_password_of_the_key(
        self, configuration: Configuration, sock: socket.socket, pki: ThrowAwayPki
    ) -> None:
        locked = pki.variant("encrypted_key")
        files = {"certificate": str(locked.certificate_file), "private_key": str(locked.key_file)}
        with pytest.raises(TlsError):
            Serving(replace(configuration, **files), sock)
        Serving(replace(configuration, **files, key_password="throw-away"), sock).stop()

    def test_leaves_nothing_running_if_it_cannot(
        self,
        configuration: Configuration,
        tmp_path: Path,
        no_threads_left: None,
    ) -> None:
        with socket.socket() as deaf, pytest.raises(ParameterError, match="no TCP socket"):
            Serving(configuration, deaf)
        with pytest.raises(DicomError):
            Serving(replace(configuration, ae_table=str(tmp_path / "no.json")), deaf)


class TestWorker:
    """What a worker process does, in this process."""

    @pytest.fixture(autouse=True)
    def restored(self) -> Iterator[None]:
        with log_of_its_own():
            yield

    def serve(
        self, configuration: Configuration, supervise: Callable[[Connection], None]
    ) -> list[object]:
        """Work under a supervisor in another thread; give what that has got to hear."""
        ours, theirs = multiprocessing.Pipe()
        heard: list[object] = []

        def run() -> None:
            with ours:
                heard.append(ours.recv() if ours.poll(PATIENCE) else "nothing")
                supervise(ours)

        thread = threading.Thread(target=run)
        thread.start()
        with socket.create_server(("127.0.0.1", 0)) as sock:
            work(configuration, sock, theirs)
        thread.join(PATIENCE)
        return heard

    def test_serves_until_it_is_told_to_stop(self, configuration: Configuration) -> None:
        assert self.serve(configuration, lambda pipe: pipe.send(Order.STOP)) == [""]

    def test_reads_its_files_anew_when_it_is_told_to(
        self, configuration: Configuration, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def supervise(pipe: Connection) -> None:
            pipe.send(Order.RELOAD)
            pipe.send(Order.STOP)

        self.serve(configuration, supervise)
        assert "AE table and access policy were read anew" in capsys.readouterr().err

    def test_stops_when_the_supervisor_is_gone(
        self, configuration: Configuration, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.serve(configuration, lambda pipe: pipe.close())
        assert "ERROR The supervisor is gone" in capsys.readouterr().err

    def test_stops_at_a_signal_and_only_at_this(self, configuration: Configuration) -> None:
        def supervise(_: Connection) -> None:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGTERM)

        with Signals(STOP):  # should it listen no more
            assert self.serve(configuration, supervise) == [""]

    def test_tells_why_it_cannot_serve(self, configuration: Configuration) -> None:
        lost = replace(configuration, ae_table="/nowhere/ae.json")
        (reason,) = self.serve(lost, lambda _: None)
        assert str(reason).startswith("/nowhere/ae.json cannot be read")


class TestSignals:
    def test_are_taken_when_one_has_time_for_them(self) -> None:
        with Signals(STOP) as signals:
            signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGINT)
            assert signals.take() == STOP

    def test_some_are_ignored(self) -> None:
        with Signals({signal.SIGTERM}, ignored={signal.SIGINT}) as signals:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGTERM)
            assert signals.take() == {signal.SIGTERM}

    def test_are_as_before_afterwards(self) -> None:
        before = signal.getsignal(signal.SIGINT)
        with Signals(STOP):
            assert signal.getsignal(signal.SIGINT) is not before
        assert signal.getsignal(signal.SIGINT) is before


class TestLog:
    @pytest.fixture(autouse=True)
    def restored(self) -> Iterator[None]:
        with log_of_its_own():
            yield

    @pytest.mark.parametrize(
        ("level", "number"),
        [("debug", 10), ("info", 20), ("warn", 30), ("error", 40), ("critical", 50)],
    )
    def test_has_a_level(self, capsys: pytest.CaptureFixture[str], level: str, number: int) -> None:
        log_to_standard_error(level)
        assert logging.getLogger("leaddicom.ups").getEffectiveLevel() == number
        logging.getLogger("leaddicom.ups").critical("Something")
        assert capsys.readouterr().err.endswith(" CRITICAL Something\n")

    def test_has_no_more_of_others_than_their_warnings(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        log_to_standard_error("debug")
        logging.getLogger("sqlalchemy.engine").info("SELECT")
        assert capsys.readouterr().err == ""

    def test_has_no_values_that_pydicom_warns_of(
        self, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
    ) -> None:
        warnings.simplefilter("always")
        log_to_standard_error("debug")
        DataElement("FrameOfReferenceUID", "UI", "Doe^Jane")
        assert capsys.readouterr().err == caplog.text == ""

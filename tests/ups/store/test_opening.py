"""Opening a store: a new one, an old one, one that cannot be, and what is said then."""

from __future__ import annotations

import os
import pickle
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timezone, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import select, text

from leaddicom.errors import DicomErrorCode
from leaddicom.ups.store import Store, StoreBusy, StoreError, projecting, schema, sqlite
from leaddicom.ups.store.database import database_of
from leaddicom.ups.store.migrating import VERSION_TABLE
from ups.databases import Databases, PostgresqlDatabases, PostgresqlServer

from .samples import code, new, uid
from .test_searching import found, keys_of, station

UTC = timezone.utc


def refused(url: str) -> StoreError:
    with pytest.raises(StoreError) as caught:
        opened(url)
    return caught.value


def opened(url: str) -> Store:
    store = Store(url, zone=UTC)
    store.open()
    return store


def execute(store: Store, statement: str) -> None:
    with store.writing() as writer:
        writer._connection.execute(text(statement))


class TestSchema:
    def test_only_the_first_opening_makes_it(
        self, databases: Databases, new_store: Callable[..., Store]
    ) -> None:
        url = databases.empty()
        assert new_store(url).is_new
        again = new_store(url)
        assert not again.is_new
        again.close()
        again.open()
        assert not again.is_new

    def test_the_migrations_lead_to_the_tables(
        self, databases: Databases, new_store: Callable[..., Store]
    ) -> None:
        def is_ours(_object: Any, name: str, kind: str, *_: Any) -> bool:
            return kind != "table" or name != VERSION_TABLE

        with new_store(databases.empty()).reading() as reader:
            options = {"version_table": VERSION_TABLE, "include_object": is_ours}
            context = MigrationContext.configure(reader._connection, opts=options)
            assert compare_metadata(context, schema.metadata) == []

    def test_a_newer_one_is_refused(
        self, databases: Databases, new_store: Callable[..., Store]
    ) -> None:
        url = databases.empty()
        with new_store(url).writing() as writer:
            writer._connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
        error = refused(url)
        assert "schema 9999" in error.message
        assert "install that one" in error.message
        assert error.code is DicomErrorCode.OPEN

    def test_other_tables_may_be_there(
        self, databases: Databases, new_store: Callable[..., Store]
    ) -> None:
        url = databases.empty()
        database = database_of(url)
        database.prepare()
        with database.writing.connect() as connection, connection.begin():
            connection.execute(text("CREATE TABLE others (id INTEGER)"))
            connection.execute(text("CREATE TABLE alembic_version (version_num TEXT)"))
            connection.execute(text("INSERT INTO alembic_version VALUES ('theirs')"))
        database.close()
        assert new_store(url).is_new


class TestTimeZone:
    """Date times without an offset are of the zone that is configured."""

    def test_another_zone_makes_the_search_columns_anew(
        self,
        databases: Databases,
        new_store: Callable[..., Store],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(projecting, "_PAGE", 2)
        url = databases.empty()
        changes: dict[str, Any] = {
            "ScheduledProcedureStepStartDateTime": "20300401003000",
            "ScheduledStationNameCodeSequence": [code("LINAC1")],
        }
        with new_store(url).writing() as writer:
            for number in range(5):
                writer.insert(new(number, **changes))
        keys = keys_of(
            ScheduledProcedureStepStartDateTime="20300331",
            ScheduledStationNameCodeSequence=station("LINAC1"),
        )
        for zone, expected in ((ZoneInfo("Europe/Berlin"), 5), (UTC, 0)):
            store = new_store(url, zone=zone)
            assert len(found(store, keys)) == expected
            with store.reading() as reader:
                assert reader.workitem(uid(4)) is not None

    def test_the_same_zone_leaves_them(
        self, databases: Databases, new_store: Callable[..., Store]
    ) -> None:
        url = databases.empty()
        store = new_store(url)
        with store.writing() as writer:
            writer.insert(new(1))
            writer._connection.execute(text("UPDATE ups SET patient_id = 'by hand'"))
        assert found(new_store(url), keys_of(PatientID="by hand")) == [uid(1)]


class TestOpeningAnExistingOne:
    """A tool beside the manager opens the store as it is, or not at all."""

    def test_one_that_is_there(self, databases: Databases, new_store: Callable[..., Store]) -> None:
        url = databases.empty()
        with new_store(url).writing() as writer:
            writer.insert(new())
        tool = Store(url, zone=UTC)
        tool.open_existing()
        assert found(tool, keys_of(PatientID="4711")) == [uid(1)]
        tool.close()

    def refused(self, url: str, zone: tzinfo = UTC) -> str:
        with pytest.raises(StoreError) as caught:
            Store(url, zone=zone).open_existing()
        assert caught.value.code is DicomErrorCode.OPEN
        return caught.value.message

    def test_none_is_made(self, databases: Databases, new_store: Callable[..., Store]) -> None:
        url = databases.empty()
        assert "has no worklist" in self.refused(url)
        assert new_store(url).is_new

    def test_no_file_is_made(self, tmp_path: Path) -> None:
        assert "has no worklist" in self.refused(str(tmp_path / "missing.sqlite"))
        assert not list(tmp_path.iterdir())

    def test_it_has_to_be_of_this_version(
        self, databases: Databases, new_store: Callable[..., Store]
    ) -> None:
        url = databases.empty()
        with new_store(url).writing() as writer:
            writer._connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
        assert "schema 9999" in self.refused(url)

    def test_it_has_to_be_of_this_time_zone(
        self, databases: Databases, new_store: Callable[..., Store]
    ) -> None:
        url = databases.empty()
        new_store(url, zone=ZoneInfo("Europe/Berlin"))
        message = self.refused(url)
        assert "the time zone Europe/Berlin, and not for UTC" in message


class TestUse:
    def test_a_store_has_to_be_open(self, databases: Databases) -> None:
        store = Store(databases.empty(), zone=UTC)
        with pytest.raises(StoreError, match="is not open"), store.reading():
            pass
        store.open()
        store.close()
        with pytest.raises(StoreError, match="is not open"), store.writing():
            pass

    def test_it_is_not_for_a_forked_process(self, store: Store) -> None:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            message = b""
            try:
                with store.reading():
                    pass
            except StoreError as error:
                message = error.message.encode()
            finally:
                os.write(writing, message)
                os._exit(0)
        os.waitpid(child, 0)
        os.close(writing)
        with os.fdopen(reading, "rb") as file:
            assert b"open in the process that has forked" in file.read()
        with store.reading() as reader:
            assert reader.workitem(uid(1)) is None

    def test_a_thread_cannot_write_twice_at_a_time(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("leaddicom.ups.store.store.LOCK_TIMEOUT", 0.01)
        with store.writing(), pytest.raises(StoreBusy, match="too many requests"), store.writing():
            pass
        with store.writing() as writer:
            writer.insert(new())

    def test_connections_are_bounded(self, store: Store) -> None:
        pool: Any = store._database.reading.pool
        pool._timeout = 0.01
        with ExitStack() as stack:
            for _ in range(pool.size() + pool._max_overflow):
                stack.enter_context(store.reading())
            with pytest.raises(StoreBusy, match="connections are in use"), store.reading():
                pass
        with store.reading() as reader:
            assert reader.workitem(uid(1)) is None

    def test_its_clock_is_the_databases(self, store: Store) -> None:
        with store.reading() as reader:
            first = reader.now()
            assert reader.now() == first
        with store.reading() as reader:
            assert reader.now() > first

    def test_importing_leaddicom_does_not_import_sqlalchemy(self) -> None:
        program = "import leaddicom, sys; sys.exit('sqlalchemy' in sys.modules)"
        subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


class TestSqlite:
    def test_the_file_is_its_owners(self, tmp_path: Path) -> None:
        before = os.umask(0)
        try:
            store = opened(str(tmp_path / "new.sqlite"))
            with store.writing() as writer:
                writer.insert(new())
                files = list(tmp_path.iterdir())
                assert len(files) == 3
                assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
        finally:
            os.umask(before)
        store.close()

    @pytest.mark.parametrize("form", ["{}", "sqlite:///{}", "sqlite+pysqlite:///{}"])
    def test_a_path_or_an_url_names_it(self, tmp_path: Path, form: str) -> None:
        path = tmp_path / "a b.sqlite"
        opened(form.format(path)).close()
        assert path.exists()

    def test_commits_are_on_the_disk(self, tmp_path: Path) -> None:
        store = opened(str(tmp_path / "new.sqlite"))
        with store.writing() as writer:
            values = {
                name: writer._connection.scalar(text(f"PRAGMA {name}"))
                for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
            }
        store.close()
        full = 2
        assert values == {
            "journal_mode": "wal",
            "synchronous": full,
            "foreign_keys": 1,
            "busy_timeout": 10_000,
        }

    @pytest.mark.parametrize("url", ["", "sqlite://", "sqlite:///:memory:", ":memory:"])
    def test_it_needs_a_file(self, url: str) -> None:
        error = refused(url)
        assert "needs a file" in error.message
        assert error.code is DicomErrorCode.PARAMETER

    def test_its_folder_has_to_be_there(self, tmp_path: Path) -> None:
        error = refused(str(tmp_path / "missing" / "new.sqlite"))
        assert "No such file or directory" in error.message
        assert "Its folder has to be there" in error.message
        assert error.code is DicomErrorCode.OPEN

    def test_other_files_are_refused_and_stay(self, tmp_path: Path) -> None:
        path = tmp_path / "notes.txt"
        path.write_text("no database" * 1000)
        assert "not a database" in refused(str(path)).message
        assert path.read_text() == "no database" * 1000

    def test_it_is_refused_on_a_network_share(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        mounts = tmp_path / "mounts"
        mounts.write_text(f"server:/share {tmp_path} nfs4 rw 0 0\n")
        monkeypatch.setattr(sqlite, "_MOUNTS", str(mounts))
        error = refused(str(tmp_path / "new.sqlite"))
        assert "network share (nfs4)" in error.message
        assert "use PostgreSQL" in error.message
        assert not (tmp_path / "new.sqlite").exists()

    @pytest.mark.parametrize(
        ("kind", "is_one"),
        [
            ("nfs", True),
            ("nfs4", True),
            ("cifs", True),
            ("smb3", True),
            ("smbfs", True),
            ("fuse.sshfs", True),
            ("fuse.glusterfs", True),
            ("ceph", True),
            ("ext4", False),
            ("xfs", False),
            ("tmpfs", False),
            ("overlay", False),
            ("fuseblk", False),
            ("nfsd", False),
        ],
    )
    def test_network_shares_are_known(self, kind: str, is_one: bool) -> None:
        assert bool(sqlite._NETWORK.fullmatch(kind)) == is_one

    def test_the_innermost_and_last_mount_counts(self, tmp_path: Path) -> None:
        inner = tmp_path / "inner folder"
        inner.mkdir()
        (tmp_path / "link").symlink_to(inner)
        mounts = tmp_path / "mounts"
        name = str(inner).replace(" ", "\\040")
        mounts.write_text(f"a / ext4 rw 0 0\nb {name} xfs rw 0 0\nc {name} nfs rw 0 0\n")
        assert sqlite.file_system_of(tmp_path, str(mounts)) == "ext4"
        assert sqlite.file_system_of(inner, str(mounts)) == "nfs"
        assert sqlite.file_system_of(tmp_path / "link", str(mounts)) == "nfs"
        assert sqlite.file_system_of(tmp_path, str(tmp_path / "none")) is None

    def test_it_says_when_others_write_for_too_long(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "new.sqlite"
        store = opened(str(path))
        other = sqlite3.connect(path, isolation_level=None)
        with store.writing() as writer:
            writer._connection.execute(text("PRAGMA busy_timeout=1"))
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusy, match="database is locked") as caught, store.writing():
            pass
        assert caught.value.code is DicomErrorCode.LOCKED
        other.execute("ROLLBACK")
        other.close()
        with store.writing() as writer:
            writer.insert(new())
        store.close()


class TestPostgresql:
    SECRET = "s3cret"

    @pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
    def test_an_url_names_it(self, postgresql_server: PostgresqlServer, scheme: str) -> None:
        url = postgresql_server.url(postgresql_server.create_database())
        opened(url.replace("postgresql", scheme, 1)).close()

    def test_a_server_that_cannot_be_reached_is_told(self, tmp_path: Path) -> None:
        error = refused(f"postgresql://me:{self.SECRET}@/worklist?host={tmp_path}")
        assert f"'worklist' on {tmp_path}" in error.message
        assert "No such file or directory" in error.message
        assert self.SECRET not in error.message

    def test_an_unknown_database_is_told(self, postgresql_server: PostgresqlServer) -> None:
        error = refused(postgresql_server.url("missing") + f"&password={self.SECRET}")
        assert 'database "missing" does not exist' in error.message
        assert self.SECRET not in error.message

    def test_passwords_are_in_no_message(self, postgresql_server: PostgresqlServer) -> None:
        url = postgresql_server.url(postgresql_server.create_database())
        store = Store(url.replace("@", f":{self.SECRET}@") + "&application_name=x", zone=UTC)
        assert self.SECRET not in str(store)
        store.open()
        store.close()

    @pytest.mark.parametrize("port", ["port", "1:2"])
    def test_an_url_that_is_none_is_not_repeated(self, port: str) -> None:
        error = refused(f"postgresql://me:{self.SECRET}@host:{port}/worklist")
        assert "cannot be understood" in error.message
        assert self.SECRET not in error.message
        assert error.__cause__ is None

    def test_other_databases_are_not_supported(self) -> None:
        error = refused(f"mysql://me:{self.SECRET}@host/worklist")
        assert "kind 'mysql' are not supported" in error.message
        assert self.SECRET not in error.message

    def test_a_database_for_few_characters_is_refused(
        self, postgresql_server: PostgresqlServer
    ) -> None:
        name = postgresql_server.create_database("LATIN1")
        error = refused(postgresql_server.url(name))
        assert "has the encoding LATIN1" in error.message
        assert "ENCODING 'UTF8'" in error.message

    def test_without_its_driver_it_says_what_to_install(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "psycopg", None)
        error = refused(f"postgresql://me:{self.SECRET}@host/worklist")
        assert "pip install 'leaddicom[postgresql]'" in error.message

    def test_the_server_gives_up_in_time(self, postgresql_server: PostgresqlServer) -> None:
        store = opened(postgresql_server.url(postgresql_server.create_database()))
        with store.reading() as reader:
            values = {
                name: reader._connection.scalar(text(f"SHOW {name}"))
                for name in (
                    "lock_timeout",
                    "statement_timeout",
                    "idle_in_transaction_session_timeout",
                )
            }
        store.close()
        assert list(values.values()) == ["10s", "30s", "1min"]

    def test_it_says_when_others_write_for_too_long(
        self, postgresql_server: PostgresqlServer
    ) -> None:
        url = postgresql_server.url(postgresql_server.create_database())
        store = opened(url)
        with store.writing() as writer:
            writer._connection.execute(text("SET lock_timeout = 1"))
        other = opened(url)
        with other.writing(), pytest.raises(StoreBusy, match="lock timeout"), store.writing():
            pass
        other.close()
        with store.writing() as writer:
            writer.insert(new())
        store.close()

    @pytest.mark.parametrize(
        ("code_", "is_busy"),
        [
            ("40001", True),  # serialization failure
            ("40P01", True),  # deadlock
            ("55P03", True),  # lock not available
            ("57014", True),  # canceled by statement_timeout
            ("53300", True),  # too many connections
            ("53100", False),  # disk full
            ("XX001", False),  # data corrupted
        ],
    )
    def test_what_may_pass_is_told_from_what_does_not(
        self, postgresql_databases: PostgresqlDatabases, code_: str, is_busy: bool
    ) -> None:
        url = postgresql_databases.with_schema()
        store = opened(url)
        fail = f"DO $$ BEGIN RAISE 'it failed' USING ERRCODE = '{code_}', DETAIL = 'Doe'; END $$"
        with pytest.raises(StoreError, match=f"SQLSTATE {code_}") as caught:
            execute(store, fail)
        assert isinstance(caught.value, StoreBusy) == is_busy
        assert "it failed" in caught.value.message
        assert "Doe" not in caught.value.message
        store.close()
        postgresql_databases.give_back(url)

    def test_a_lost_connection_is_replaced(self, postgresql_server: PostgresqlServer) -> None:
        name = postgresql_server.create_database()
        store = opened(postgresql_server.url(name))

        def kill() -> None:
            with psycopg.connect(postgresql_server.url("postgres"), autocommit=True) as admin:
                admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                    [name],
                )

        with pytest.raises(StoreError, match="See to the database"), store.writing() as writer:
            writer._connection.execute(select(kill() or 1))
        kill()
        with store.writing() as writer:
            writer.insert(new())
        store.close()


class TestErrors:
    def test_a_failure_of_sql_is_told_without_values(self, store: Store) -> None:
        with pytest.raises(StoreError) as caught, store.writing() as writer:
            writer._connection.execute(
                text("INSERT INTO ups_projection (id, made_by) VALUES (1, :name)"),
                {"name": "Doe^Jane"},
            )
        assert str(store) in caught.value.message
        assert "Doe" not in caught.value.message
        assert not isinstance(caught.value, StoreBusy)
        assert caught.value.__suppress_context__

    def test_errors_can_be_pickled(self) -> None:
        for error in (StoreError("a", DicomErrorCode.OPEN), StoreBusy("b")):
            copy = pickle.loads(pickle.dumps(error))
            assert (type(copy), copy.message, copy.code) == (type(error), error.message, error.code)

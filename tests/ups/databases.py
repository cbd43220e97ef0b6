"""Databases for tests: SQLite files, and a PostgreSQL server of our own."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from abc import ABC, abstractmethod
from datetime import timezone
from itertools import count
from pathlib import Path
from typing import Any

import psycopg

from leaddicom.ups.store import Store, schema

#: Without these commits do not wait for the disk; the server is thrown away anyway.
_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "autovacuum": "off",
}


class Databases(ABC):
    """Makes databases of one kind.

    A database is named by its URL, and new for each test.
    """

    @abstractmethod
    def empty(self) -> str:
        """A database without tables."""

    @abstractmethod
    def with_schema(self) -> str:
        """A database with tables that are empty, which is quicker than making them."""

    def give_back(self, url: str) -> None:  # noqa: B027 - files are many
        """Take a database with tables that no test uses any more."""


class SqliteDatabases(Databases):
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._numbers = count()
        self._template: Path | None = None

    def empty(self) -> str:
        return str(self.folder / f"worklist-{next(self._numbers)}.sqlite")

    def with_schema(self) -> str:
        if self._template is None:
            template = self.empty()
            _make_schema(template)
            self._template = Path(template)
        url = self.empty()
        shutil.copyfile(self._template, url)
        return url


class PostgresqlDatabases(Databases):
    def __init__(self, server: PostgresqlServer) -> None:
        self.server = server
        self._free: list[str] = []

    def empty(self) -> str:
        return self.server.url(self.server.create_database())

    def with_schema(self) -> str:
        if self._free:
            url = self._free.pop()
            tables = ", ".join(set(schema.metadata.tables) - {schema.projection.name})
            with psycopg.connect(url, options="-c lock_timeout=10s") as connection:
                connection.execute(f"TRUNCATE {tables} RESTART IDENTITY")
            return url
        url = self.empty()
        _make_schema(url)
        return url

    def give_back(self, url: str) -> None:
        self._free.append(url)


class PostgresqlServer:
    """A server that listens on a socket in a folder of its own; it runs as long as a block."""

    def __init__(self, programs: Path) -> None:
        self.programs = programs
        self.folder = Path(tempfile.mkdtemp(prefix="leaddicom-postgresql-"))
        self.data = self.folder / "data"
        self._numbers = count()
        # The server refuses to be root's.
        self._account: dict[str, Any] = {}
        if os.getuid() == 0:
            self._account = {"user": "postgres", "group": "postgres", "extra_groups": []}
            shutil.chown(self.folder, "postgres", "postgres")

    def __enter__(self) -> PostgresqlServer:
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if (self.data / "postmaster.pid").exists():
            self._run("pg_ctl", "-D", self.data, "-w", "-t", "30", "-m", "immediate", "stop")
        shutil.rmtree(self.folder)

    def _start(self) -> None:
        account = ("-U", "leaddicom", "-A", "trust")
        self._run("initdb", "-D", self.data, *account, "-E", "UTF8", "--no-sync")
        settings = {**_SETTINGS, "unix_socket_directories": self.folder}
        with (self.data / "postgresql.auto.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
        self._run("pg_ctl", "-D", self.data, "-l", self.folder / "log", "-w", "-t", "30", "start")

    def url(self, database: str) -> str:
        return f"postgresql://leaddicom@/{database}?host={self.folder}"

    def create_database(self, encoding: str = "UTF8") -> str:
        """Make a database, and give its name."""
        name = f"worklist_{next(self._numbers)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(
                f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C'"
            )
        return name

    def _run(self, program: str, *arguments: Any) -> None:
        # Output goes to a file: the server would keep a pipe open.
        with (self.folder / "output").open("a") as output:
            subprocess.run(
                [self.programs / program, *arguments],
                check=True,
                timeout=60,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                **self._account,
            )


def postgresql_programs() -> Path | None:
    """Where the server's programs are: Debian keeps them out of the path."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).parent
    versions = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = max(versions, key=lambda path: int(path.parts[-3]), default=None)
    return None if newest is None else newest.parent


def _make_schema(url: str) -> None:
    store = Store(url, zone=timezone.utc)
    store.open()
    store.close()


def register(store: Store, instance: str, host: str, pid: int) -> bool:
    """Register a process, in a transaction of its own; tell whether no other one runs."""
    with store.writing() as writer:
        return not writer.register(instance, host, pid)


def unregister(store: Store, instance: str) -> bool:
    """Remove a process from the register, in a transaction of its own."""
    with store.writing() as writer:
        return writer.unregister(instance)

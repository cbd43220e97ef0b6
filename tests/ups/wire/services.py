"""`leaddicom ups serve` as users start it: processes that serve one database."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from programs import Program

from leaddicom import LDicomNet, Scu
from leaddicom.testing.certificates import ThrowAwayPki
from leaddicom.ups.client import Retry, UpsScu
from leaddicom.ups.core.creation import create
from leaddicom.ups.core.rules import Rules
from leaddicom.ups.store import Store
from ups import workitems
from ups.workitems import new_uid

#: Goes on while workers are replaced.
PATIENT = Retry(attempts=100, delay=0.1, longest_delay=0.5, deadline=30.0)


@dataclass
class Serve:
    """A running command.

    Attributes
    ----------
    program : Program
        The command.
    port : int
        Where it listens, with mutual TLS.
    tls : dict
        Options for clients.
    """

    program: Program
    port: int
    tls: dict[str, Any]

    def scu(self, calling: str = "CLIENT") -> Scu:
        return Scu("localhost", self.port, calling_ae_title=calling, **self.tls)

    def ups(self, folder: Path, calling: str = "PERFORMER") -> UpsScu:
        """A client that keeps its Transaction UIDs in a folder."""
        return UpsScu(
            "localhost",
            self.port,
            calling_ae_title=calling,
            transaction_uids=folder / f"{calling}.sqlite",
            retry=PATIENT,
            **self.tls,
        )

    @property
    def workers(self) -> list[int]:
        """The process of each worker that has begun to serve, the newest last."""
        text = self.program.text
        return [int(each) for each in re.findall(r"Worker \d+ serves, process (\d+)$", text, re.M)]


class Services:
    """Starts commands, and ends them at the end of the ``with`` block of `services`."""

    def __init__(self, stack: ExitStack, pki: ThrowAwayPki, folder: Path) -> None:
        self._stack, self._folder = stack, folder
        good = pki.issue("services")
        files = {"certificate": str(good.certificate_file), "key": str(good.key_file)}
        self.tls = {"ca_file": str(pki.ca_file), **files}

    def start(self, *options: Path | str, count: int = 1, database: str) -> list[Serve]:
        """Start so many commands on one database; they become ready at the same time."""
        certificates = ("-ca", "-cert", "-key")
        texts = [
            part for pair in zip(certificates, self.tls.values(), strict=True) for part in pair
        ]
        command = [sys.executable, "-m", "leaddicom", "ups", "serve", *texts, *map(str, options)]
        command += ["-p", "0", "-b", "127.0.0.1", "--database", database]
        programs = [self._stack.enter_context(Program(*command)) for _ in range(count)]
        for program in programs:
            self._stack.callback(lambda it: sys.stdout.write(it.text), program)  # seen if one fails
        ports = [each.wait_for(r"UPSSCP is ready on port (\d+): ")[1] for each in programs]
        return [
            Serve(program, int(port), self.tls)
            for program, port in zip(programs, ports, strict=True)
        ]

    def table(self, **receivers: LDicomNet) -> Path:
        """Write an AE table of receivers by their AE titles."""
        path = self._folder / f"table-{new_uid()[-12:]}.json"
        entries = [
            {"AETitle": title, "IPAddr": "127.0.0.1", "Port": receiver.GetHostInfo()[1]}
            for title, receiver in receivers.items()
        ]
        path.write_text(json.dumps(entries))
        return path


@contextmanager
def services(pki: ThrowAwayPki, folder: Path) -> Iterator[Services]:
    with ExitStack() as stack:
        yield Services(stack, pki, folder)


def fill(database: str, count: int) -> list[str]:
    """Put workitems into a database, quicker than over the network."""
    uids = [new_uid() for _ in range(count)]
    rules, now = Rules(), datetime.now(timezone.utc)
    store = Store(database, zone=timezone.utc)
    store.open()
    with store.writing() as writer:
        for uid in uids:
            attributes = workitems.workitem()
            made = create(uid, attributes, calling_ae="FILL", rules=rules, now=now).workitem
            assert made is not None
            writer.insert(made)
    store.close()
    return uids

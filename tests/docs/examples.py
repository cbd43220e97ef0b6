"""Running what the pages tell the reader to run, on ports that are free."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType

import pytest
from nets import free_port
from programs import Program

from docs.pages import block

#: Ports of the examples: TLS twice, plain, the C-FIND SCP that an example asks, and HTTP.
PORTS = ("2762", "2763", "11112", "11114", "8042")

_PORT = re.compile(rf"\b({'|'.join(PORTS)})\b")
# The last command of a block that starts a server: it takes the shell's place, to be ended.
_LAST = re.compile(r"^(?=\w+ .*(?:\n    .*)*\Z)", re.MULTILINE)


class Examples:
    """Runs the blocks of the pages in one folder, on ports that are free."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = {port: str(free_port()) for port in PORTS}
        self.programs = ExitStack()
        self._servers: list[subprocess.Popen[str]] = []

    def with_free_ports(self, code: str) -> str:
        return _PORT.sub(lambda found: self.ports[found[1]], code)

    def write(self, page: str, name: str, use: str = "run") -> list[str]:
        """Write a program or a file of a page; give the command that runs it."""
        code = self.with_free_ports(block(page, use, name))
        (self.folder / name).write_text(code, encoding="utf-8")
        return [sys.executable, "-u", "-W", "error", name]

    def run(self, page: str, name: str, env: Mapping[str, str] = MappingProxyType({})) -> str:
        """Run a program to its end; give what it prints."""
        ended = subprocess.run(
            self.write(page, name),
            cwd=self.folder,
            env=os.environ | dict(env),
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        return self.as_documented(ended.stdout)

    def serve(self, page: str, name: str) -> subprocess.Popen[str]:
        """Start a server that ends when it reads a line."""
        server = subprocess.Popen(
            self.write(page, name),
            cwd=self.folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._servers.append(server)
        if server.stdout is not None and "Listening" not in server.stdout.readline():
            pytest.fail(f"{name} does not listen: {server.communicate(timeout=15)[1]}")
        return server

    def end(self, server: subprocess.Popen[str]) -> str:
        """Have a server end in good order; give what it has printed."""
        output, errors = server.communicate("\n", timeout=15)
        assert server.returncode == 0, errors
        return self.as_documented(output)

    def shell(self, page: str, name: str, env: Mapping[str, str] = MappingProxyType({})) -> str:
        """Run the commands of a block to their end; give what they print, on both channels."""
        ended = subprocess.run(
            ["sh", "-euc", self.with_free_ports(block(page, "run", name))],
            cwd=self.folder,
            env={**os.environ, "PATH": self.path, **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout
        return self.as_documented(ended.stdout)

    def start(self, page: str, name: str) -> Program:
        """Start the server that a block ends with; it is ended with the test."""
        code = _LAST.sub("exec ", self.with_free_ports(block(page, "run", name)).rstrip())
        command = f"cd {shlex.quote(str(self.folder))}\n{code}"
        return self.programs.enter_context(Program("sh", "-euc", command, env={"PATH": self.path}))

    @property
    def path(self) -> str:
        """Where commands are looked for: links of the test's own come first."""
        own = [str(self.folder / "bin"), str(Path(sys.executable).parent)]
        return os.pathsep.join([*own, *os.get_exec_path()])

    def as_documented(self, text: str) -> str:
        for port, free in self.ports.items():
            text = text.replace(free, port)
        return text

    def close(self) -> None:
        self.programs.close()
        for server in self._servers:
            server.kill()
            server.communicate()

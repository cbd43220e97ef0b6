"""The key log: only if settings and environment agree, for its owner only, and never unsaid."""

from __future__ import annotations

import logging
import os
import stat

import pytest
from OpenSSL import SSL

from leaddicom.tls import Ciphersuite, Role
from leaddicom.tls.key_log import VARIABLE, log_keys

from .pairs import connect

SUITES = {
    "TLSv1.2": (Ciphersuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,),
    "TLSv1.3": (Ciphersuite.TLS_AES_128_GCM_SHA256,),
}

posix = pytest.mark.skipif(os.name != "posix", reason="modes of files are POSIX's")


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path / "keys.log"))
    return tmp_path / "keys.log"


def handshake(world, **changes):
    """Have a client with changed settings connect; give its connection."""
    client, server = connect(world.context(Role.CLIENT, **changes), world.context(Role.SERVER))
    assert client.ready
    assert server.ready
    return client.connection


@pytest.mark.parametrize("role", Role, ids=lambda role: role.value)
@pytest.mark.parametrize("version", SUITES)
def test_the_keys_of_a_connection(world, path, role, version):
    careful = world.context(role, key_log=True, cipher_suites=SUITES[version])
    other = world.context(role.peer)
    client, _ = connect(*((careful, other) if role is Role.CLIENT else (other, careful)))
    lines = [line.split() for line in path.read_text().splitlines()]
    labels = {label for label, _, _ in lines}
    wanted = "CLIENT_RANDOM" if version == "TLSv1.2" else "CLIENT_TRAFFIC_SECRET_0"
    assert wanted in labels
    assert {random for _, random, _ in lines} == {client.connection.client_random().hex()}
    if version == "TLSv1.2":
        assert lines[0][2] == client.connection.master_key().hex()


def test_connections_append(world, path):
    first, second = handshake(world, key_log=True), handshake(world, key_log=True)
    randoms = {line.split()[1] for line in path.read_text().splitlines()}
    assert randoms == {each.client_random().hex() for each in (first, second)}


def test_one_warning_for_each_context_names_the_file(world, path, caplog):
    context = world.context(Role.CLIENT, key_log=True)
    for _ in range(2):
        connect(context, world.context(Role.SERVER))
    (record,) = [each for each in caplog.records if each.levelno >= logging.WARNING]
    assert str(path) in record.getMessage()
    assert "can decrypt" in record.getMessage()


def test_the_settings_have_to_allow_it(world, path, caplog):
    with caplog.at_level(logging.INFO):
        handshake(world)
    assert not path.exists()
    assert "SSLKEYLOGFILE is set, but no keys are logged" in caplog.text


@pytest.mark.parametrize("value", [None, ""])
def test_the_environment_has_to_ask_for_it(world, path, monkeypatch, caplog, value):
    if value is None:
        monkeypatch.delenv(VARIABLE)
    else:
        monkeypatch.setenv(VARIABLE, value)
    handshake(world, key_log=True)
    assert not path.exists()
    assert not caplog.records


@posix
@pytest.mark.parametrize("mode", [None, 0o644])
def test_only_its_owner_may_read_it(world, path, mode):
    if mode is not None:
        path.write_text("# before\n")
        path.chmod(mode)
    handshake(world, key_log=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text().startswith("# before\n") is (mode is not None)


@posix
def test_a_symbolic_link_is_not_followed(world, path, tmp_path, caplog):
    (tmp_path / "elsewhere").write_text("")
    path.symlink_to(tmp_path / "elsewhere")
    handshake(world, key_log=True)
    assert (tmp_path / "elsewhere").read_text() == ""
    assert "No keys are logged to" in caplog.text


def test_a_file_that_cannot_be_written_disturbs_nothing(world, path, caplog):
    path.mkdir()
    handshake(world, key_log=True)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert f"No keys are logged to {path}" in record.getMessage()


def test_a_file_that_fails_later_disturbs_nothing(world, path, caplog):
    context = world.context(Role.CLIENT, key_log=True)
    path.unlink()
    path.mkdir()
    client, _ = connect(context, world.context(Role.SERVER))
    assert client.ready
    assert "A key cannot be logged to" in caplog.text


@pytest.mark.skipif(os.name != "posix", reason="files have no owners here")
class TestFilesOfOthers:
    def refused(self, path, monkeypatch, caplog) -> str:
        monkeypatch.setenv("SSLKEYLOGFILE", str(path))
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        log_keys(context, allowed=True)
        return caplog.text

    def test_a_fifo_holds_nothing_up(self, tmp_path, monkeypatch, caplog):
        os.mkfifo(tmp_path / "keys")
        assert "No keys are logged" in self.refused(tmp_path / "keys", monkeypatch, caplog)

    def test_a_device(self, monkeypatch, caplog):
        assert "it is no ordinary file" in self.refused(os.devnull, monkeypatch, caplog)

    def test_a_file_with_another_name(self, tmp_path, monkeypatch, caplog):
        (tmp_path / "theirs").touch()
        os.link(tmp_path / "theirs", tmp_path / "keys")
        assert "has other names" in self.refused(tmp_path / "keys", monkeypatch, caplog)

    def test_another_users_file(self, tmp_path, monkeypatch, caplog):
        (tmp_path / "keys").touch()
        monkeypatch.setattr(os, "geteuid", lambda: (tmp_path / "keys").stat().st_uid + 1)
        assert "it is another user's" in self.refused(tmp_path / "keys", monkeypatch, caplog)

"""Clients of a scripted worklist manager."""

from __future__ import annotations

import pwd
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from nets import Nets, short

from leaddicom import DICOM_SECURE_NONE
from leaddicom.ups.client import UpsScu
from leaddicom.ups.client.repeating import Retry
from ups.client.peers import ScriptedManager, scripted_manager

#: Repeats at once.
AT_ONCE = Retry(attempts=4, delay=0.0)

MakeUps = Callable[..., UpsScu]


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch) -> None:
    """The user has no home folder, like those of many a container."""

    def unknown(uid: int) -> None:
        raise KeyError(uid)

    for name in ("XDG_STATE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)


@pytest.fixture(scope="session")
def running_manager() -> Iterator[ScriptedManager]:
    with scripted_manager() as made:
        yield made


@pytest.fixture
def manager(running_manager: ScriptedManager) -> ScriptedManager:
    """A manager of pynetdicom's, with an empty script."""
    running_manager.reset()
    return running_manager


@pytest.fixture
def make_ups(nets: Nets, tmp_path: Path) -> Iterator[MakeUps]:
    """Makes clients of a port of the loopback, which share their Transaction UIDs."""
    made: list[UpsScu] = []

    def make(port: int, **options: Any) -> UpsScu:
        defaults: dict[str, Any] = {
            "mode": DICOM_SECURE_NONE,
            "limits": short(),
            "calling_ae_title": "PERFORMER",
            "transaction_uids": tmp_path / "state" / "uids.sqlite",
            "retry": AT_ONCE,
        }
        made.append(UpsScu("127.0.0.1", port, **defaults | options))
        return made[-1]

    yield make
    for each in made:
        each.net.CloseForced(True)


@pytest.fixture
def ups(manager: ScriptedManager, make_ups: MakeUps) -> UpsScu:
    return make_ups(manager.port)

"""Both kinds of links, and proof that a test leaves nothing behind."""

from __future__ import annotations

import gc
import os
import resource
import threading
from collections.abc import Iterator

import pytest

from leaddicom import DICOM_SECURE_NONE, DICOM_SECURE_TLS, LDicomNet
from leaddicom.testing.certificates import ThrowAwayPki

from .nets import LONG, Links


@pytest.fixture(scope="session")
def all_links(pki: ThrowAwayPki) -> dict[int, Links]:
    issued = [pki.issue(name) for name in ("server", "client")]
    return {mode: Links(mode, pki, *issued) for mode in (DICOM_SECURE_NONE, DICOM_SECURE_TLS)}


@pytest.fixture(params=[DICOM_SECURE_NONE, DICOM_SECURE_TLS], ids=["plain", "tls"])
def links(request, all_links) -> Links:
    return all_links[request.param]


@pytest.fixture
def plain(all_links) -> Links:
    return all_links[DICOM_SECURE_NONE]


@pytest.fixture
def tls(all_links) -> Links:
    return all_links[DICOM_SECURE_TLS]


def dicom_threads() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name.startswith("DICOM ")]


def need_proc() -> None:
    """Skip what counts by Linux's /proc where there is none."""
    if not os.path.exists("/proc/self/statm"):
        pytest.skip("this system has no /proc, from which memory and switches are read")


@pytest.fixture(autouse=True)
def nothing_is_left():
    """After the test: every connection closed, no thread, no descriptor."""
    before = len(os.listdir("/dev/fd"))
    yield
    LDicomNet.ShutDown()
    for thread in dicom_threads():
        thread.join(LONG)
    assert dicom_threads() == []
    gc.collect()
    assert len(os.listdir("/dev/fd")) <= before


@pytest.fixture
def many_descriptors() -> Iterator[None]:
    """Allow this process 8,192 open files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = 8_192
    if hard not in (resource.RLIM_INFINITY,) and hard < needed:
        pytest.skip(f"the system allows {hard} open files only, and {needed} are needed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, needed), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

"""pynetdicom as client and as server, with the TLS of Python's standard library."""

from __future__ import annotations

import ssl
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pynetdicom
import pytest
from nets import LINKS, Nets
from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, AllStoragePresentationContexts, evt
from storage import FILES, StorageScp, data_set_of

from interop.conftest import check_version
from interop.test_dcmtk import NAMES
from leaddicom import Scu
from leaddicom.decoding import read_header

PATHS = [FILES / name for name in NAMES]

#: pynetdicom does not send it, because it has no File Meta Information.
BARE = "rtstruct.dcm"


class Scp:
    """A pynetdicom server that remembers what it got."""

    def __init__(self, security: ssl.SSLContext | None) -> None:
        self.received: list[tuple[str, bytes]] = []
        entity = AE("PYNETDICOM")
        entity.add_supported_context(pynetdicom.sop_class.Verification)  # type: ignore[attr-defined]
        for each in AllStoragePresentationContexts:
            entity.add_supported_context(each.abstract_syntax, ALL_TRANSFER_SYNTAXES)
        handlers = [(evt.EVT_C_STORE, self.store)]
        self.server = entity.start_server(
            ("127.0.0.1", 0), block=False, ssl_context=security, evt_handlers=handlers
        )
        self.port = self.server.server_address[1]

    def store(self, event: Any) -> int:
        data = event.request.DataSet.getvalue()
        self.received.append((str(event.context.transfer_syntax), data))
        return 0x0000


@pytest.fixture
def scp(context: Callable[..., Any]) -> Iterator[Callable[[str], Scp]]:
    with ExitStack() as stack:

        def start(link: str) -> Scp:
            made = Scp(context(link, ssl.Purpose.CLIENT_AUTH))
            stack.callback(made.server.shutdown)
            return made

        yield start


@pytest.mark.parametrize("link", LINKS)
def test_as_server(
    scp: Callable[[str], Scp], connect: Callable[[str, int], Scu], link: str
) -> None:
    peer = scp(link)
    with connect(link, peer.port) as scu:
        scu.echo()
        result = scu.store(PATHS)
    check_version(scu, link)
    assert (result.sent, result.failed, result.error) == (len(PATHS), [], None)
    assert peer.received == [
        (read_header(path).transfer_syntax_uid, data_set_of(path)) for path in PATHS
    ]


def pynetdicom_store(path: Path, port: int, tls: Any) -> int:
    """Send one file; give the status.

    One association for each, because in pynetdicom 3.0 the first request of an association alone
    is safe from a race between its threads, in which the response is thrown away.
    """
    header = read_header(path)
    entity = AE("PYNETDICOM")
    entity.add_requested_context(header.sop_class_uid, header.transfer_syntax_uid)
    association = entity.associate("127.0.0.1", port, tls_args=tls)
    assert association.is_established
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's, about UIDs in these files
        status: int = association.send_c_store(path).Status
    association.release()
    return status


@pytest.mark.parametrize("link", LINKS)
def test_pynetdicom_verifies(
    serve: Callable[[str], StorageScp], context: Callable[..., Any], link: str
) -> None:
    security = context(link, ssl.Purpose.SERVER_AUTH)
    entity = AE("PYNETDICOM")
    entity.add_requested_context(pynetdicom.sop_class.Verification)  # type: ignore[attr-defined]
    association = entity.associate(
        "127.0.0.1",
        serve(link).GetHostInfo()[1],
        tls_args=None if security is None else (security, "localhost"),
    )
    assert association.is_established
    assert association.send_c_echo().Status == 0
    association.release()


@pytest.mark.parametrize("link", LINKS)
def test_as_client(
    serve: Callable[[str], StorageScp],
    nets: Nets,
    context: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    link: str,
) -> None:
    # Only so does it send files as they are, instead of decoding and encoding them.
    monkeypatch.setattr(pynetdicom._config, "STORE_SEND_CHUNKED_DATASET", True)
    server = serve(link)
    paths = [path for path in PATHS if path.name != BARE]
    security = context(link, ssl.Purpose.SERVER_AUTH)
    tls = None if security is None else (security, "localhost")
    statuses = [pynetdicom_store(path, server.GetHostInfo()[1], tls) for path in paths]
    assert statuses == [0] * len(paths)
    check_version(nets.recorder.wait_for_event("OnReceiveReleaseRequest").net, link)
    for path, got in zip(paths, server.received, strict=True):
        assert got.syntax == read_header(path).transfer_syntax_uid
        assert got.data == data_set_of(path), path.name

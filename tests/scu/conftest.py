"""Clients of servers of this package."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from nets import LINKS, Nets, short

from leaddicom import DICOM_SECURE_TLS, LDicomNet, Scu, TlsSettings

MakeScu = Callable[..., Scu]


@pytest.fixture
def scu(nets: Nets) -> Iterator[MakeScu]:
    """Makes clients of a server, recorded and closed after the test."""
    made: list[Scu] = []

    def make(
        server: LDicomNet | int, link: str = "plain", kind: type[Scu] = Scu, **more: Any
    ) -> Scu:
        port = server if isinstance(server, int) else server.GetHostInfo()[1]
        mode, suites = LINKS[link]
        options: dict[str, Any] = {"mode": mode, "limits": short()}
        if mode == DICOM_SECURE_TLS:
            good = nets.certificate("good")
            options |= {
                "ca_file": str(nets.pki.ca_file),
                "certificate": str(good.certificate_file),
                "key": str(good.key_file),
            }
        client = kind("localhost", port, **{**options, **more})
        if suites:
            ca_file = str(nets.pki.ca_file)
            client.Initialize(ctx=TlsSettings(ca_file=ca_file, cipher_suites=suites))
        made.append(nets.recorder.watch(client))
        return client

    yield make
    for client in made:
        client.CloseForced(True)


def requests(nets: Nets) -> list[Any]:
    """The A-ASSOCIATE-RQs that servers have received so far."""
    events = nets.recorder.events
    return [each.arguments[0] for each in events if each.name == "OnReceiveAssociateRequest"]


def offered(request: Any) -> list[tuple[str, tuple[str, ...]]]:
    contexts = request.parameters.presentation_contexts
    return [(each.abstract_syntax, tuple(each.transfer_syntaxes)) for each in contexts]

"""The association of a client: how it begins and ends."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from nets import LINKS, TLS13, Nets, free_port, short
from storage import CT, EXPLICIT, IMPLICIT, StorageScp

from leaddicom import (
    VERIFICATION,
    DicomErrorCode,
    LDicomAssociate,
    LDicomNet,
    NetworkError,
    ParameterError,
    Scu,
    SupportedContext,
)
from scu.conftest import MakeScu, offered, requests

ECHO = "1.2.840.10008.1.1"


class TestReleasing:
    def test_happens_at_the_end_of_a_block(self, nets: Nets, scu: MakeScu) -> None:
        with scu(nets.server()) as client:
            client.echo()
        assert not client.IsConnected()
        assert "OnReceiveReleaseResponse" in nets.recorder.names(client)
        assert client.error is None

    def test_becomes_an_abort_if_the_block_raises(self, nets: Nets, scu: MakeScu) -> None:
        client = scu(nets.server())
        client.echo()
        with pytest.raises(KeyError), client:
            raise KeyError
        nets.wait_for("OnReceiveAbort")
        assert "OnReceiveReleaseRequest" not in nets.recorder.names()

    def test_leaves_no_association_that_was_dropped(self, nets: Nets, scu: MakeScu) -> None:
        client = scu(nets.server())
        client.echo()
        client.CloseForced(True)
        assert not client.IsAssociated()
        client.release()  # of nothing, therefore
        assert client.echo() > 0

    def test_of_nothing_is_allowed(self, scu: MakeScu) -> None:
        client = scu(1)
        client.release()
        client.close()
        client.abort()

    def test_that_the_peer_does_not_confirm(self, nets: Nets, scu: MakeScu) -> None:
        class Stubborn(LDicomNet):
            def OnReceiveReleaseRequest(self) -> None:
                pass

        server = nets.server(Stubborn)
        client = scu(server, limits=short(release_timeout=0.1))
        client.echo()
        with pytest.raises(NetworkError) as caught:
            client.release()
        assert caught.value.code is DicomErrorCode.NET_TIME_OUT
        client.echo()
        client.close()  # the same, but it does not raise
        assert client.error is not None
        assert client.error.code is DicomErrorCode.NET_TIME_OUT


class TestAssociating:
    def test_is_done_once_for_what_follows(self, nets: Nets, scu: MakeScu) -> None:
        client = scu(nets.server(StorageScp))
        client.associate([*VERIFICATION, SupportedContext(CT, (IMPLICIT,), False, True)])
        client.associate(VERIFICATION)
        client.echo()
        (request,) = requests(nets)
        assert offered(request) == [(ECHO, (EXPLICIT, IMPLICIT)), (CT, (IMPLICIT,))]
        assert request.parameters.roles == {CT: (False, True)}

    def test_may_ask_for_both_roles(self, nets: Nets, scu: MakeScu) -> None:
        scu(nets.server(StorageScp)).associate([SupportedContext(CT, (IMPLICIT,), True, True)])
        assert requests(nets)[0].parameters.roles == {CT: (True, True)}

    @pytest.mark.parametrize("count", [0, 129])
    def test_with_no_or_too_many_contexts_is_refused(self, scu: MakeScu, count: int) -> None:
        with pytest.raises(ParameterError, match=f"There are {count} presentation contexts"):
            scu(1).associate([SupportedContext(CT, (IMPLICIT,))] * count)

    def test_with_as_many_as_there_can_be(self, nets: Nets, scu: MakeScu) -> None:
        scu(nets.server(StorageScp)).associate([SupportedContext(CT, (IMPLICIT,))] * 128)
        assert len(offered(requests(nets)[0])) == 128

    def test_with_nobody_says_so(self, scu: MakeScu) -> None:
        with pytest.raises(NetworkError, match="Nothing listens there"):
            scu(free_port()).associate(VERIFICATION)

    @pytest.mark.parametrize(
        "operation",
        [
            lambda client: client.echo(),
            lambda client: client.associate(VERIFICATION),
            lambda client: client.release(),
        ],
    )
    def test_and_all_that_waits_is_refused_inside_events(
        self, nets: Nets, scu: MakeScu, operation: Callable[[Scu], object]
    ) -> None:
        refused: list[ParameterError] = []

        class Confused(Scu):
            def OnReceiveAssociateAccept(self, associate: LDicomAssociate) -> None:
                with pytest.raises(ParameterError, match="an event must not do") as caught:
                    operation(self)
                refused.append(caught.value)
                super().OnReceiveAssociateAccept(associate)

        assert scu(nets.server(), kind=Confused).echo() > 0
        assert len(refused) == 1


class TestAnswersToOthers:
    # `Scu` is an `LDicomNet`, whose methods may send requests that are no part of an operation.
    def test_are_left_to_events(self, nets: Nets, scu: MakeScu) -> None:
        client = scu(nets.server())
        client.associate(VERIFICATION)
        client.SendCEchoRequest(1, 77, ECHO)
        assert nets.wait_for("OnReceiveCEchoResponse", net=client) == (1, 77, ECHO, 0)

    def test_are_not_taken_for_those_of_an_operation(self, nets: Nets, scu: MakeScu) -> None:
        class Picky(LDicomNet):
            def OnReceiveCEchoRequest(self, *arguments: Any) -> None:
                self.SendCEchoResponse(*arguments, 0x0122 if arguments[1] == 77 else 0)

        client = scu(nets.server(Picky))
        client.associate(VERIFICATION)
        client.SendCEchoRequest(1, 77, ECHO)
        assert client.echo() > 0
        names = nets.recorder.names(client)
        assert names.count("OnReceiveCEchoResponse") == 2


class TestInterruption:
    def test_ends_the_association(self, nets: Nets, scu: MakeScu) -> None:
        # As Ctrl-C does, while the answer is awaited.
        class Interrupting(LDicomNet):
            calls: ClassVar[list[int]] = []

            def OnReceiveCEchoRequest(self, *arguments: Any) -> None:
                self.calls.append(1)
                if len(self.calls) == 1:
                    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
                else:
                    super().OnReceiveCEchoRequest(*arguments)

        client = scu(nets.server(Interrupting))
        with pytest.raises(KeyboardInterrupt):
            client.echo()
        assert not client.IsConnected()
        assert client.echo() > 0
        assert len(requests(nets)) == 2


class TestLike:
    @pytest.mark.parametrize("link", LINKS)
    def test_has_the_security_of_another(self, nets: Nets, link: str) -> None:
        net, server = nets.make(link=link), nets.server(link=link)
        port = server.GetHostInfo()[1]
        titles = {"called_ae_title": "CALLED", "calling_ae_title": "CALLING"}
        with Scu.like(net, "localhost", port, **titles) as client:
            client.echo()
            assert client.security.settings is net.security.settings
            assert client.security.credentials is net.security.credentials
            assert client.security.suites == net.security.suites
            facts = client.link_facts
            version = "plain" if facts is None else facts.tls_version
            assert version == link.replace("TLS ", "TLSv")
        (request,) = requests(nets)
        assert (request.GetCalled(), request.GetCalling()) == ("CALLED", "CALLING")
        assert client.limits is net.limits

    def test_changes_nothing_of_the_other(self, nets: Nets) -> None:
        net = nets.make(link="TLS 1.3")
        titles = {"called_ae_title": "CALLED", "calling_ae_title": "CALLING"}
        client = Scu.like(net, "localhost", 1, **titles, limits=short(operations=3))
        assert client.limits.operations == 3
        client.SetCipherToIndexTLS(0, 0)
        assert net.GetCipherFromIndexTLS(0) == client.GetCipherFromIndexTLS(0)  # the table is empty
        client.SetCipherToIndexTLS(0, TLS13[0])
        assert net.GetCipherFromIndexTLS(0) == 0

    def test_is_of_the_class_that_was_asked(self, nets: Nets) -> None:
        class Special(Scu):
            pass

        titles = {"called_ae_title": "CALLED", "calling_ae_title": "CALLING"}
        assert type(Special.like(nets.make(), "localhost", 1, **titles)) is Special

    def test_needs_ae_titles(self, nets: Nets) -> None:
        titles = {"called_ae_title": "A" * 17, "calling_ae_title": "CALLING"}
        with pytest.raises(ParameterError, match="no AE title"):
            Scu.like(nets.make(), "localhost", 1, **titles)

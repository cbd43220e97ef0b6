"""The life of a worklist manager: it starts, reports events, ends, and starts again."""

from __future__ import annotations

import socket
import threading
from datetime import timezone
from pathlib import Path
from typing import Any

import pytest
from nets import Nets, free_port

from leaddicom.access import AccessPolicy, AccessRule
from leaddicom.contexts import VERIFICATION
from leaddicom.errors import AssociationError, DicomErrorCode, NetworkError, TlsError
from leaddicom.ups.manager import UpsManager
from leaddicom.ups.manager.gate import Operation
from leaddicom.ups.manager.request import Caller
from leaddicom.ups.settings.configuration import Configuration
from leaddicom.ups.settings.entities import ApplicationEntity
from leaddicom.ups.store import Store, StoreError, Writer
from ups import workitems
from ups.databases import Databases
from ups.receivers import PATIENCE, EventReceiver, Received, entity
from ups.sites import (
    ALL,
    EVENT,
    LINKS,
    PULL,
    PUSH,
    WATCH,
    Client,
    Site,
    ask,
    create,
    find,
    uids,
)
from ups.workitems import GLOBAL, code, state, subscription

STATE_REPORT, CANCEL_REQUESTED, PROGRESS, SCP_STATUS, ASSIGNED = range(1, 6)
TUID = "1.2.3"


def receiver(site: Site) -> EventReceiver:
    return site.nets.server(EventReceiver, link=site.link)


def subscribe(client: Client, ae: str = "WATCHER", uid: str = GLOBAL, lock: str = "FALSE") -> None:
    information = subscription(ae, lock)
    assert ask(client, Operation.SUBSCRIBE, uid, information, WATCH).status == 0x0000


def told(report: Received) -> tuple[str, str]:
    assert report.information is not None
    assert (report.uid, report.type) == (GLOBAL, SCP_STATUS)
    return report.information.SCPStatus, report.information.UnifiedProcedureStepListStatus


class TestEvents:
    @pytest.mark.parametrize("link", LINKS)
    def test_reach_the_receiving_ae(self, site: Site, link: str) -> None:
        site.link = link
        watcher = receiver(site)
        known = entity(watcher, tls=link != "plain")
        site.start(entities=[known], own_ae_title="MANAGER")
        with site.client() as client:
            client.associate(ALL)
            subscribe(client)
            uid = create(client, ScheduledStationNameCodeSequence=[code("LINAC1")])
            claim = state("IN PROGRESS", TUID)
            assert ask(client, Operation.CHANGE_STATE, uid, claim, PULL).status == 0x0000
            report = workitems.progress(TUID)
            assert ask(client, Operation.MODIFY, uid, report, PULL).status == 0x0000
            reason = workitems.reason()
            assert ask(client, Operation.REQUEST_CANCEL, uid, reason, WATCH).status == 0x0000
        kinds = [STATE_REPORT, ASSIGNED, STATE_REPORT, PROGRESS, CANCEL_REQUESTED]
        got = watcher.inbox.wait_for(len(kinds))
        assert [each.key for each in got] == [(kind, uid) for kind in kinds]
        assert {(each.sop_class, each.abstract_syntax) for each in got} == {(PUSH, EVENT)}
        assert {each.calling for each in got} == {"MANAGER"}
        assert TUID not in "".join(str(each.information) for each in got)

    def test_that_nobody_takes_hold_up_no_answer(self, site: Site) -> None:
        """The receiver answers its report only when the requests behind it are answered."""
        watcher, answered = receiver(site), threading.Event()

        def answer(report: Received) -> int:
            assert answered.wait(PATIENCE)
            return 0x0000

        watcher.inbox.answer = answer
        site.start(entities=[entity(watcher, tls=False)])
        with site.client() as client:
            client.associate(ALL)
            subscribe(client)
            made = [create(client) for _ in range(3)]
            assert watcher.inbox.received == []
            answered.set()
        assert [each.uid for each in watcher.inbox.wait_for(3)] == made

    def test_wait_for_the_next_start(self, site: Site, nets: Nets) -> None:
        """What could not be reported before is reported by whoever comes next."""
        port = free_port()
        site.start(entities=[entity(port, tls=False)])
        with site.client() as client:
            client.associate(ALL)
            subscribe(client)
            uid = create(client)
        site.manager.stop(0.5)
        watcher = nets.make(EventReceiver)
        watcher.Listen("127.0.0.1", port)
        site.start()
        got = watcher.inbox.wait_for(3)
        assert got[0].key == (STATE_REPORT, uid)
        assert [told(each)[0] for each in got[1:]] == ["GOING DOWN", "RESTARTED"]


class TestStart:
    def test_and_end_are_told(self, site: Site) -> None:
        """PS3.4 section CC.2.4: to the fallback list, and to whoever has subscribed, once each."""
        listed, watcher = receiver(site), receiver(site)
        site.start(
            entities=[
                entity(listed, "LISTED", tls=False, fallback_list=True),
                entity(watcher, tls=False),
            ]
        )
        assert told(*listed.inbox.wait_for(1)) == ("RESTARTED", "COLD START")
        with site.client() as client:
            client.associate(ALL)
            subscribe(client)
            subscribe(client, "WATCHER", create(client))
        site.manager.stop()
        assert told(listed.inbox.received[1]) == ("GOING DOWN", "WARM START")
        reports = [each for each in watcher.inbox.received if each.type == SCP_STATUS]
        assert [told(each) for each in reports] == [("GOING DOWN", "WARM START")]
        site.start()
        assert told(listed.inbox.wait_for(3)[2]) == ("RESTARTED", "WARM START")

    def test_again_has_everything_as_it_was(self, site: Site) -> None:
        site.start(entities=[ApplicationEntity("WATCHER", "127.0.0.1", free_port(), tls=False)])
        with site.client() as client:
            client.associate(ALL)
            subscribe(client, lock="TRUE")
            uid = create(client)
            claim = state("IN PROGRESS", TUID)
            assert ask(client, Operation.CHANGE_STATE, uid, claim, PULL).status == 0x0000
        site.manager.stop(0.5)
        site.start()
        with site.client() as client:
            client.associate(ALL)
            assert uids(find(client, ProcedureStepState="IN PROGRESS")) == [uid]
            again = ask(client, Operation.CHANGE_STATE, uid, state("COMPLETED", "1.9"), PULL)
            assert again.status == 0xC301
            create(client)
        with site.manager.store.reading() as reader:
            assert len(reader.subscriptions(ae="WATCHER")) == 2

    def test_of_the_same_manager_again(self, site: Site) -> None:
        manager = site.start()
        assert manager.instance
        manager.stop()
        assert (manager.instance, manager.IsActivated()) == ("", False)
        manager.start("127.0.0.1", 0)
        with site.client() as client:
            create(client)

    def test_of_one_that_has_started(self, site: Site) -> None:
        site.start()
        with pytest.raises(NetworkError) as caught:
            site.manager.start("127.0.0.1", 0)
        assert caught.value.code is DicomErrorCode.NET_IS_CONNECTED
        with site.client() as client:
            create(client)

    def test_on_a_socket_that_listens(self, site: Site) -> None:
        site.manager = site.make()
        sock = socket.create_server(("127.0.0.1", 0))
        site.manager.start(sock=sock)
        with site.client() as client:
            create(client)

    def test_replaces_the_entities_of_the_file(self, site: Site) -> None:
        old, new = (ApplicationEntity(title, "127.0.0.1", 104) for title in ("OLD", "NEW"))
        site.start(entities=[old]).stop()
        site.start(entities=[new])
        with site.manager.store.reading() as reader:
            assert [each.title for each in reader.entities()] == ["NEW"]

    def test_of_two_on_one_database(self, site: Site, databases: Databases) -> None:
        """Whichever is asked, it is one worklist, and a workitem is one performer's."""
        site.database = databases.with_schema()
        clients, statuses, together = list[Client](), list[int](), threading.Barrier(6)
        first = site.start()
        clients += [site.client() for _ in range(3)]
        second = site.start()
        clients += [site.client() for _ in range(3)]
        assert first.instance != second.instance
        uid = create(clients[0])

        def claim(number: int) -> None:
            with clients[number] as client:
                client.associate(ALL)
                assert uids(find(client)) == [uid]
                together.wait(PATIENCE)
                claim = state("IN PROGRESS", f"1.2.3.{number}")
                result = ask(client, Operation.CHANGE_STATE, uid, claim, PULL)
                statuses.append(result.status)

        threads = [threading.Thread(target=claim, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        assert sorted(statuses) == [0x0000] + [0xC301] * 5


class TestNoStart:
    """What cannot start says so, and leaves nothing running."""

    @pytest.fixture(autouse=True)
    def nothing_left(self, no_threads_left: None) -> None:
        """No thread of the package is there when the test is over."""

    def test_on_a_port_in_use(self, site: Site) -> None:
        listed = receiver(site)
        with socket.create_server(("127.0.0.1", 0)) as taken:
            manager = site.make(entities=[entity(listed, tls=False, fallback_list=True)])
            with pytest.raises(NetworkError) as caught:
                manager.start("127.0.0.1", taken.getsockname()[1])
        assert caught.value.code is DicomErrorCode.NET_ADDRESS_IN_USE
        assert listed.inbox.received == []
        with pytest.raises(StoreError, match="not open"), manager.store.reading():
            pass
        manager.start("127.0.0.1", 0)
        assert told(*listed.inbox.wait_for(1))[0] == "RESTARTED"

    def test_without_a_store(self, site: Site, tmp_path: Path) -> None:
        site.database = str(tmp_path / "no folder" / "worklist.sqlite")
        manager = site.make()
        with pytest.raises(StoreError, match="no folder"):
            manager.start("127.0.0.1", 0)
        assert not manager.IsActivated()

    def test_without_a_certificate(self, site: Site) -> None:
        manager = UpsManager(Store(site.database, zone=timezone.utc))
        site.managers.append(manager)
        with pytest.raises(TlsError):
            manager.start("127.0.0.1", 0)
        assert not manager.IsActivated()


class TestEnd:
    def test_twice(self, site: Site) -> None:
        manager = site.start()
        manager.stop()
        manager.stop()

    def test_before_the_start(self, site: Site) -> None:
        site.make().stop()

    def test_ends_associations(self, site: Site) -> None:
        site.start()
        with site.client() as client:
            create(client)
            site.manager.stop()
            with pytest.raises((AssociationError, NetworkError)):
                client.echo()

    def test_without_its_database_ends_all_the_same(
        self, site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def fail(*arguments: Any) -> None:
            raise StoreError("The database is away.")

        site.start()
        with monkeypatch.context() as patched:
            patched.setattr(Writer, "unregister", fail)
            site.manager.stop()
        assert "cannot be told" in caplog.text
        assert not site.manager.IsActivated()


class TestAccess:
    def test_of_who_calls_another_ae_title(self, site: Site) -> None:
        site.start(ae_title="MANAGER")
        with site.client(called="MANAGER") as client:
            assert client.echo() > 0
        with pytest.raises(AssociationError), site.client(called="OTHER") as client:
            client.echo()

    def test_by_policy(self, site: Site) -> None:
        rule = AccessRule(name="creators", calling=("CREATOR",), dns_name="localhost")
        site.link = "TLS 1.3"
        site.start(access=AccessPolicy([rule]))
        with site.client("CREATOR") as client:
            create(client)
        with pytest.raises(AssociationError), site.client("STRANGER") as client:
            create(client)

    @pytest.mark.parametrize("link", ["plain", "TLS 1.3"])
    def test_by_a_hook_that_knows_the_certificate(self, site: Site, link: str) -> None:
        asked: list[tuple[Caller, Operation, str]] = []

        class Careful(UpsManager):
            def authorizes(self, caller: Caller, operation: Operation, uid: str) -> bool:
                asked.append((caller, operation, uid))
                return operation is not Operation.REQUEST_CANCEL

        site.link = link
        site.start(kind=Careful)
        with site.client("SOMEBODY") as client:
            client.associate((*VERIFICATION, *ALL))
            uid = create(client)
            refused = ask(client, Operation.REQUEST_CANCEL, uid, None, WATCH)
            assert (refused.status, bool(refused.comment)) == (0x0124, True)
            assert find(client)[0].SOPInstanceUID == uid
        operations = [operation for _, operation, _ in asked]
        assert operations == [Operation.CREATE, Operation.REQUEST_CANCEL, Operation.FIND]
        caller = asked[1][0]
        assert (caller.ae_title, caller.called, caller.address) == (
            "SOMEBODY",
            "UPSSCP",
            "127.0.0.1",
        )
        assert caller.sop_class == WATCH
        assert (caller.identity is None) is (link == "plain")
        if caller.identity is not None:
            assert caller.identity.verified
            assert "localhost" in caller.identity.dns_names


class TestConfiguration:
    def test_of_all(self, site: Site, nets: Nets, tmp_path: Path) -> None:
        good = nets.certificate("good")
        table = tmp_path / "ApplicationEntities.json"
        table.write_text('[{"AETitle": "WATCHER", "IPAddr": "127.0.0.1", "Port": 104}]')
        site.link = "TLS 1.3"
        site.manager = UpsManager.from_configuration(
            Configuration(
                ae_title="MANAGER",
                check_called_ae_title=True,
                ca_certificate=str(nets.pki.ca_file),
                certificate=str(good.certificate_file),
                private_key=str(good.key_file),
                database_location=site.database,
                ae_table=str(table),
                worklist_label="LABEL",
                max_associations=7,
            )
        )
        site.managers.append(site.manager)
        site.manager.start("127.0.0.1", 0)
        with site.client(called="MANAGER") as client:
            client.associate(ALL)
            create(client, WorklistLabel="")
            assert find(client, WorklistLabel="")[0].WorklistLabel == "LABEL"
            subscribe(client)
        with pytest.raises(AssociationError), site.client(called="OTHER") as client:
            client.associate(ALL)
        assert site.manager.own_ae_title == "MANAGER"
        assert site.manager.limits.associations == 7
        assert site.manager.limits.data_set_length is not None
        assert site.manager.limits.data_set_elements == UpsManager.limits.data_set_elements

    def test_without_tls(self, site: Site) -> None:
        site.manager = UpsManager.from_configuration(
            Configuration(mutual_tls=False, database_location=site.database)
        )
        site.managers.append(site.manager)
        site.manager.start("127.0.0.1", 0)
        with site.client(called="ANYBODY") as client:
            create(client)

    def test_with_a_key_that_is_encrypted(self, site: Site, nets: Nets) -> None:
        locked = nets.certificate("encrypted_key")
        site.link = "TLS 1.3"
        site.manager = UpsManager.from_configuration(
            Configuration(
                ca_certificate=str(nets.pki.ca_file),
                certificate=str(locked.certificate_file),
                private_key=str(locked.key_file),
                key_password=locked.password,
                database_location=site.database,
            )
        )
        site.managers.append(site.manager)
        site.manager.start("127.0.0.1", 0)
        with site.client() as client:
            create(client)

"""Which files are instances, and the presentation contexts that they need."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from nets import Nets, free_port
from storage import (
    BIG_ENDIAN,
    CT,
    DEFLATED,
    EXPLICIT,
    FILES,
    IMPLICIT,
    JPEG,
    MR,
    ROOT,
    StorageScp,
    write_instance,
    write_instances,
)

from leaddicom import STORAGE, Limits, StoreIssue, StoreProgress, StoreResult, supported
from leaddicom.scu import instances
from scu.conftest import MakeScu, offered, requests


class TestFinding:
    def names(self, issues: list[StoreIssue]) -> list[str]:
        return [Path(issue.path).name for issue in issues]

    def test_walks_folders_in_order(self, nets: Nets, scu: MakeScu, tmp_path: Path) -> None:
        (tmp_path / "b").mkdir()
        (tmp_path / "a").mkdir()
        for folder, number in (("b", 5), ("a", 4), (".", 2), (".", 1)):
            write_instance(tmp_path / folder, number)
        (tmp_path / "a" / "notes.txt").write_text("no instance")
        (tmp_path / "a" / "empty").touch()
        server = nets.server(StorageScp)
        result = scu(server).store(tmp_path)
        assert [got.instance[len(ROOT) + 1 :] for got in server.received] == ["1", "2", "4", "5"]
        assert result.failed == []
        assert self.names(result.skipped) == ["empty", "notes.txt"]
        assert all("no DICOM file" in issue.reason for issue in result.skipped)

    def test_skips_a_dicomdir_even_if_it_is_named(self, scu: MakeScu) -> None:
        path = FILES / "dicomdirtests" / "DICOMDIR"
        result = scu(free_port()).store(path)
        assert result.skipped == [
            StoreIssue(str(path), "it is a DICOMDIR, which is not stored (PS3.4 Annex B)")
        ]
        assert (result.failed, result.seconds) == ([], 0.0)

    def test_fails_for_a_named_file(self, scu: MakeScu, tmp_path: Path) -> None:
        (tmp_path / "notes.txt").write_text("no instance")
        os.mkfifo(tmp_path / "pipe")  # opening it would block
        paths = [tmp_path / "notes.txt", tmp_path / "pipe", tmp_path / "missing"]
        result = scu(free_port()).store(paths)  # which does not connect
        assert self.names(result.failed) == ["notes.txt", "pipe", "missing"]
        reasons = [issue.reason for issue in result.failed]
        assert "no DICOM file" in reasons[0]
        assert reasons[1:] == ["it is no file", "there is no such file"]
        assert str(result.failed[2]) == f"{tmp_path / 'missing'}: there is no such file"

    @pytest.mark.parametrize(
        ("uid", "reason"), [("", "it has no SOP Class UID"), ("1.02", "'1.02' is no UID")]
    )
    def test_fails_for_what_cannot_be_requested(
        self, scu: MakeScu, tmp_path: Path, uid: str, reason: str
    ) -> None:
        path = write_instance(tmp_path, 1, sop_class=MR)
        data = path.read_bytes()
        path.write_bytes(data.replace(MR.encode() + b"\0", uid.encode().ljust(26, b"\0")))
        (issue,) = scu(1).store(path).failed
        assert issue.reason.startswith(reason)

    def test_takes_what_was_found_before(self, tmp_path: Path) -> None:
        write_instances(tmp_path, 2)
        result = StoreResult()
        found = list(instances.find_instances(tmp_path, Limits(), result))
        again = list(instances.find_instances([*found, tmp_path / "00001.dcm"], Limits(), result))
        assert again[:2] == found
        assert [each.sop_instance_uid for each in again] == [f"{ROOT}.{n}" for n in (1, 2, 1)]

    def test_holds_no_file_open(self, tmp_path: Path) -> None:
        folder = Path("/proc/self/fd")
        if not folder.exists():
            pytest.skip("only Linux tells open files")
        write_instances(tmp_path, 50)
        result = StoreResult()
        before = len(list(folder.iterdir()))
        found = list(instances.find_instances(tmp_path, Limits(), result))
        assert len(found) == 50
        assert len(list(folder.iterdir())) == before


class TestPresentationContexts:
    def contexts(self, *pairs: tuple[str, str], tmp_path: Path) -> list[Any]:
        paths = [
            write_instance(tmp_path, number, sop_class=sop_class, syntax=syntax)
            for number, (sop_class, syntax) in enumerate(pairs)
        ]
        found = instances.find_instances(paths, Limits(), StoreResult())
        return [
            [(each.abstract_syntax, each.transfer_syntaxes) for each in batch.contexts()]
            for batch in instances.batches(found)
        ]

    @pytest.mark.parametrize(
        ("syntaxes", "expected"),
        [
            ([EXPLICIT], [(EXPLICIT,), (IMPLICIT,)]),
            ([IMPLICIT], [(IMPLICIT,), (EXPLICIT,)]),
            ([IMPLICIT, EXPLICIT], [(IMPLICIT,), (EXPLICIT,)]),
            ([BIG_ENDIAN], [(BIG_ENDIAN,), (EXPLICIT, IMPLICIT)]),
            ([DEFLATED, IMPLICIT], [(DEFLATED,), (IMPLICIT,), (EXPLICIT,)]),
            ([JPEG], [(JPEG,)]),
            ([JPEG, EXPLICIT], [(JPEG,), (EXPLICIT,), (IMPLICIT,)]),
        ],
    )
    def test_are_what_the_files_need(
        self, tmp_path: Path, syntaxes: list[str], expected: list[tuple[str, ...]]
    ) -> None:
        (contexts,) = self.contexts(*((CT, each) for each in syntaxes), tmp_path=tmp_path)
        assert contexts == [(CT, each) for each in expected]

    def test_are_offered_for_every_sop_class(self, tmp_path: Path) -> None:
        (contexts,) = self.contexts((CT, JPEG), (MR, JPEG), (CT, JPEG), tmp_path=tmp_path)
        assert contexts == [(CT, (JPEG,)), (MR, (JPEG,))]

    @pytest.mark.parametrize(("classes", "sizes"), [(64, [128]), (65, [128, 2])])
    def test_are_not_more_than_an_association_can_have(
        self, tmp_path: Path, classes: int, sizes: list[int]
    ) -> None:
        pairs = [(each.abstract_syntax, EXPLICIT) for each in STORAGE[:classes]]
        batches = self.contexts(*pairs, pairs[0], tmp_path=tmp_path)
        assert [len(contexts) for contexts in batches] == sizes

    def test_beyond_128_take_a_second_association(
        self, nets: Nets, scu: MakeScu, tmp_path: Path
    ) -> None:
        server = nets.server(StorageScp)
        for number, context in enumerate(STORAGE[:70]):
            write_instance(tmp_path, number + 1, sop_class=context.abstract_syntax)
        with scu(server) as client:
            result = client.store(tmp_path)
        assert (result.sent, result.failed) == (70, [])
        assert [len(offered(request)) for request in requests(nets)] == [128, 12]

    @pytest.mark.parametrize("taken", [IMPLICIT, EXPLICIT])
    @pytest.mark.parametrize("name", ["MR_small.dcm", "MR_small_expb.dcm", "image_dfl.dcm"])
    def test_of_a_peer_that_takes_one_only(
        self, nets: Nets, scu: MakeScu, name: str, taken: str
    ) -> None:
        server = nets.server(StorageScp)
        server.supported_contexts = supported([each.abstract_syntax for each in STORAGE], [taken])
        result = scu(server).store(FILES / name)
        assert (result.sent, result.failed) == (1, [])
        (got,) = server.received
        assert got.syntax == taken

    def test_that_are_not_accepted(self, nets: Nets, scu: MakeScu, tmp_path: Path) -> None:
        server = nets.server(StorageScp)
        server.supported_contexts = supported([CT])
        paths = [
            write_instance(tmp_path, 1, syntax=JPEG),
            write_instance(tmp_path, 2, sop_class=MR),
            write_instance(tmp_path, 3),
        ]
        result = scu(server).store(paths)
        assert result.sent == 1
        assert [issue.reason for issue in result.failed] == [
            "the peer takes CT Image Storage in Explicit VR Little Endian, Implicit VR Little "
            "Endian, but not in JPEG Baseline (Process 1), and compressed pixel data are not "
            "decompressed here",
            "the peer does not take MR Image Storage",
        ]
        assert result.error is None

    def test_that_are_all_refused(self, nets: Nets, scu: MakeScu, tmp_path: Path) -> None:
        told: list[StoreProgress] = []
        client = scu(nets.server())
        result = client.store(write_instance(tmp_path, 1), progress=told.append)
        assert (result.sent, len(result.failed), len(told)) == (0, 1, 1)
        assert client.IsAssociated()

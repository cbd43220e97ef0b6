from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from leaddicom.errors import DicomError
from leaddicom.pki.files import is_file_name, locked, make_folder, write_file


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    former = os.umask(request.param)
    yield request.param
    os.umask(former)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


class TestWrittenFile:
    def test_has_the_content_and_replaces_what_was_there(self, tmp_path: Path) -> None:
        path = tmp_path / "x"
        write_file(path, b"first")
        write_file(path, b"second")
        assert path.read_bytes() == b"second"
        assert list(tmp_path.iterdir()) == [path]

    def test_makes_its_folders(self, tmp_path: Path) -> None:
        write_file(tmp_path / "a" / "b" / "x", b"x")
        assert (tmp_path / "a" / "b" / "x").read_bytes() == b"x"

    def test_is_for_its_owner_only_if_private(self, tmp_path: Path, umask: int) -> None:
        write_file(tmp_path / "x", b"x", private=True)
        assert mode(tmp_path / "x") == 0o600

    def test_is_readable_by_all_but_writable_by_its_owner_only_if_not(
        self, tmp_path: Path, umask: int
    ) -> None:
        write_file(tmp_path / "x", b"x")
        assert mode(tmp_path / "x") == 0o644 & ~umask

    def test_was_private_from_its_first_byte_on(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seen = []

        def look(descriptor: int) -> None:
            seen.append(stat.S_IMODE(os.fstat(descriptor).st_mode))

        def no_chmod(*arguments: object) -> None:
            raise AssertionError("the mode was to be right from the beginning")

        monkeypatch.setattr(os, "fsync", look)
        monkeypatch.setattr(os, "chmod", no_chmod)
        monkeypatch.setattr(os, "fchmod", no_chmod)
        former = os.umask(0)
        try:
            write_file(tmp_path / "x", b"x", private=True)
        finally:
            os.umask(former)
        assert seen == [0o600]

    def test_is_whole_or_as_before_if_writing_fails(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "x"
        write_file(path, b"before")

        def full(descriptor: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            write_file(path, b"after")
        assert path.read_bytes() == b"before"
        assert list(tmp_path.iterdir()) == [path]


class TestFileName:
    @pytest.mark.parametrize("name", ["a", "CT_1", "pacs.example", "Store SCP", "a-b", "_"])
    def test_may_be(self, name: str) -> None:
        assert is_file_name(name)

    @pytest.mark.parametrize(
        "name",
        [
            "",
            ".",
            "..",
            ".a",
            "a.",
            " a",
            "-a",
            "a/b",
            "a\\b",
            "a:b",
            "a\n",
            "a\0b",
            "ä",
            "~",
            "a*",
        ],
    )
    def test_may_not_be(self, name: str) -> None:
        assert not is_file_name(name)


class TestFolder:
    def test_is_made_with_its_parents_and_writable_by_its_owner_only(
        self, tmp_path: Path, umask: int
    ) -> None:
        make_folder(tmp_path / "a" / "b")
        assert mode(tmp_path / "a") == mode(tmp_path / "a" / "b") == 0o755 & ~umask

    def test_is_left_alone_if_it_is_there(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o700)
        make_folder(tmp_path)
        assert mode(tmp_path) == 0o700

    def test_cannot_be_made_where_a_file_is(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_bytes(b"")
        with pytest.raises(FileExistsError):
            make_folder(tmp_path / "a")


class TestLock:
    def test_is_free_again_after_use_and_after_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(KeyError), locked(tmp_path, 0):
            raise KeyError
        with locked(tmp_path, 0):
            pass

    def test_keeps_others_out_for_a_bounded_time(self, tmp_path: Path) -> None:
        with (
            locked(tmp_path, 0),
            pytest.raises(DicomError, match=r"Another process .* more than 0\.1 seconds"),
            locked(tmp_path, 0.1),
        ):
            pytest.fail("two have the lock")

    def test_is_handed_on(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        waiting = threading.Event()
        order = []

        def second() -> None:
            with locked(tmp_path, 60):
                order.append("second")

        with locked(tmp_path, 0):
            monkeypatch.setattr("leaddicom.pki.files.time.sleep", lambda _: waiting.set())
            thread = threading.Thread(target=second)
            thread.start()
            assert waiting.wait(60)
            order.append("first")
        thread.join(60)
        assert order == ["first", "second"]

"""Notes on how members differ from LEADTOOLS'."""

from __future__ import annotations

from leaddicom.mirror import difference_of, differs


class Net:
    @staticmethod
    @differs("May be left out.")
    def StartUp() -> int:
        return 1

    @differs("Returns it.")
    def GetPeerInfo(self) -> int:
        return 2

    def Close(self) -> int:
        return 3


def test_the_note_stands_at_the_member() -> None:
    assert difference_of(Net.StartUp) == "May be left out."
    assert difference_of(Net.GetPeerInfo) == "Returns it."


def test_a_member_without_a_note_does_not_differ() -> None:
    assert difference_of(Net.Close) == ""


def test_the_member_itself_is_the_same() -> None:
    assert (Net.StartUp(), Net().GetPeerInfo()) == (1, 2)

"""Every member of LEADTOOLS' classes is here, with its parameters, and has a test of its own."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path
from types import FunctionType

import pytest

from leaddicom import LDicomAssociate, LDicomNet
from members.inventory import INVENTORY, OURS, Member, members

ROOT = Path(__file__).resolve().parent.parent.parent
CLASSES = {"LDicomNet": LDicomNet, "LDicomAssociate": LDicomAssociate}

every_member = pytest.mark.parametrize(
    "member", INVENTORY, ids=lambda member: f"{member.owner}.{member.name}"
)


def problem(owner: type, member: Member) -> str | None:
    """Say how a class's member is not the inventory's; `None` if it is."""
    name = "__init__" if member.name == member.owner else member.name
    found = inspect.getattr_static(owner, name, None)
    if found is None:
        return "is missing"
    if member.static != isinstance(found, staticmethod):
        return "needs no object in LEADTOOLS" if member.static else "is static"
    function = found.__func__ if isinstance(found, staticmethod) else found
    if not isinstance(function, FunctionType):
        return "is no method"
    parameters = list(inspect.signature(function).parameters.values())[not member.static :]
    by_position = inspect.Parameter.POSITIONAL_OR_KEYWORD
    if any(each.kind is not by_position for each in parameters):
        return "has parameters that cannot be given both by position and by name"
    names = tuple(each.name for each in parameters)
    return None if names == member.parameters else f"has {names}, not {member.parameters}"


def strangers(owner: type, known: set[str]) -> list[str]:
    """Give the public members in CamelCase that are not known."""
    return sorted(name for name in dir(owner) if name[0].isupper() and name not in known)


def has_test(identifiers: list[str], name: str) -> bool:
    """Is there a test ``test_<name>`` or one with a parameter ``[<name>...]``?"""
    own = re.compile(rf"(::test_|\[){name}(?![A-Za-z0-9])")
    return any(own.search(each) for each in identifiers)


@pytest.fixture(scope="session")
def identifiers() -> list[str]:
    """The identifiers of the tests beside this module."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    paths = ["tests/members", f"--ignore={Path(__file__).relative_to(ROOT)}"]
    collected = subprocess.run(
        [*command, *paths], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    found = [line for line in collected.stdout.splitlines() if "::" in line]
    if not found:
        pytest.fail(f"no test was collected:\n{collected.stdout}{collected.stderr}")
    return found


class TestMembers:
    @every_member
    def test_it_is_there_with_its_parameters(self, member: Member) -> None:
        assert problem(CLASSES[member.owner], member) is None

    @every_member
    def test_it_has_a_test_of_its_own(self, member: Member, identifiers: list[str]) -> None:
        assert has_test(identifiers, member.name), f"tests/members has no test_{member.name}"

    @pytest.mark.parametrize("owner", CLASSES)
    def test_those_that_leadtools_does_not_have_are_named_with_a_reason(self, owner: str) -> None:
        known = {member.name for member in members(owner)}
        assert strangers(CLASSES[owner], known | set(OURS)) == []

    def test_nothing_is_listed_as_ours_that_is_not_there_or_is_leadtools(self) -> None:
        assert [name for name in OURS if not hasattr(LDicomNet, name)] == []
        assert not set(OURS) & {member.name for member in INVENTORY}

    def test_no_member_is_there_twice(self) -> None:
        names = [(member.owner, member.name) for member in INVENTORY]
        assert len(names) == len(set(names))


class TestTheWalkCanFail:
    """The checks above, with classes that break them."""

    CLOSE = Member("Net", "", "CloseForced", ("forced",), (), static=False)
    START = Member("Net", "", "StartUp", (), (), static=True)

    def test_passes(self) -> None:
        class Net:
            def CloseForced(self, forced): ...

            @staticmethod
            def StartUp(): ...

        assert (problem(Net, self.CLOSE), problem(Net, self.START)) == (None, None)

    def test_a_constructor_is_checked(self) -> None:
        class Net:
            def __init__(self, path, mode): ...

        constructor = Member("Net", "", "Net", ("path",), (), static=False)
        assert problem(Net, constructor) == "has ('path', 'mode'), not ('path',)"

    def test_missing(self) -> None:
        assert problem(object, self.CLOSE) == "is missing"

    def test_static(self) -> None:
        class Net:
            @staticmethod
            def CloseForced(forced): ...

        assert problem(Net, self.CLOSE) == "is static"

    def test_not_static(self) -> None:
        class Net:
            def StartUp(self): ...

        assert problem(Net, self.START) == "needs no object in LEADTOOLS"

    def test_a_property(self) -> None:
        class Net:
            @property
            def CloseForced(self): ...

        assert problem(Net, self.CLOSE) == "is no method"

    def test_another_name(self) -> None:
        class Net:
            def CloseForced(self, force): ...

        assert problem(Net, self.CLOSE) == "has ('force',), not ('forced',)"

    def test_another_order(self) -> None:
        class Net:
            def Set(self, second, first): ...

        member = Member("Net", "", "Set", ("first", "second"), (), static=False)
        assert problem(Net, member) == "has ('second', 'first'), not ('first', 'second')"

    def test_by_name_only(self) -> None:
        class Net:
            def CloseForced(self, *, forced): ...

        assert "both by position and by name" in str(problem(Net, self.CLOSE))

    def test_a_stranger(self) -> None:
        class Net:
            attribute = 1

            def Known(self): ...
            def Stranger(self): ...
            def _Private(self): ...

        assert strangers(Net, {"Known"}) == ["Stranger"]

    @pytest.mark.parametrize(
        ("identifier", "name", "is_its_own"),
        [
            ("t.py::test_Close", "Close", True),
            ("t.py::TestClosing::test_Close_twice", "Close", True),
            ("t.py::test_Close[forced]", "Close", True),
            ("t.py::test_refused[Close-1]", "Close", True),
            ("t.py::test_refused[Close]", "Close", True),
            ("t.py::test_CloseForced", "Close", False),
            ("t.py::test_refused[CloseForced]", "Close", False),
            ("t.py::test_ServerClose", "Close", False),
            ("Close.py::test_nothing", "Close", False),
        ],
    )
    def test_a_test_belongs_to_one_member(
        self, identifier: str, name: str, is_its_own: bool
    ) -> None:
        assert has_test([identifier], name) is is_its_own

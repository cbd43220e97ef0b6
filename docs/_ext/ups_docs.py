"""What the pages about worklists take from the code: states, statuses, attributes, settings.

Each table is made from the one that the worklist manager itself works with.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from docutils import nodes
from leaddicom_docs import GeneratedDirective, table
from pydicom.datadict import dictionary_description
from security_docs import Row, TableDirective, plain
from sphinx.application import Sphinx

from leaddicom.scu.results import status_meaning
from leaddicom.ups.client.results import REMEDIES
from leaddicom.ups.core.attributes import ATTRIBUTES, Attribute
from leaddicom.ups.core.macros import MACROS, Macro, Part
from leaddicom.ups.core.states import TRANSITIONS, Request, Transition
from leaddicom.ups.core.terms import SopClass, State, UpsStatus
from leaddicom.ups.manager.gate import SOP_CLASSES, Operation
from leaddicom.ups.settings.configuration import default_text
from leaddicom.ups.settings.options import IGNORED, OPTIONS, Option

__all__ = [
    "attribute_rows",
    "ignored_rows",
    "macro_rows",
    "operation_rows",
    "setting_rows",
    "status_rows",
    "transition_rows",
]

_SERVICES = ("N-ACTION", "N-CREATE", "N-SET", "N-GET", "C-FIND")
_UNDEFINED = status_meaning("N-ACTION", 0x7FFF, SopClass.PUSH.value)


# -- rows --------------------------------------------------------------------------------------


def transition_rows() -> Iterator[Row]:
    """Give a row for each request, with a cell for each state: status, and states that follow."""
    for request in Request:
        yield plain(str(request)), *(_cell(TRANSITIONS[request, state]) for state in State)


def _cell(transition: Transition) -> str:
    states = ", ".join(map(str, transition.states))
    return f"{transition.status:04X}H" + (f", {states}" if states else "")


def status_rows() -> Iterator[Row]:
    """Give a row for each status that a worklist manager answers with, and what to do about it."""
    for status in UpsStatus:
        remedy = re.sub(r"`?(\w+\(\)|(?<=`)\w+)`?", r"``\1``", REMEDIES.get(status, ""))
        yield f"{status:04X}H", plain(_meaning(status)), remedy


def _meaning(status: int) -> str:
    """Give a status' meaning from the first service that has it."""
    meanings = (status_meaning(each, status, SopClass.PUSH.value) for each in _SERVICES)
    return next((each for each in meanings if each not in (_UNDEFINED, "Failure")), "Failure")


def operation_rows() -> Iterator[Row]:
    """Give a row for each operation: on which presentation contexts it may come."""
    for operation, classes in SOP_CLASSES.items():
        if operation not in (Operation.UNKNOWN_ACTION, Operation.NONE):
            kind = operation.action_type
            number = f" ({int(kind)})" if kind is not None else ""
            yield f"{operation}{number}", *("yes" if each in classes else "" for each in SopClass)


def attribute_rows() -> Iterator[Row]:
    """Give a row for each attribute of Table CC.2.5-3; macros are named, not spelled out."""
    for row in ATTRIBUTES:
        yield from _attribute_rows(row)


def _attribute_rows(row: Attribute, depth: int = 0) -> Iterator[Row]:
    macro = f" [{row.macro.value}]" if row.macro is not None else ""
    yield (
        f"{'>' * depth}{dictionary_description(row.tag)}{macro}",
        f"{row.tag >> 16:04X},{row.tag & 0xFFFF:04X}",
        *map(_type, (row.n_create, row.n_set, row.final, row.n_get, row.match, row.returned)),
    )
    included = {part.keyword for part in MACROS[row.macro]} if row.macro is not None else set()
    for item in row.items:
        if item.keyword not in included:
            yield from _attribute_rows(item, depth + 1)


def _type(text: str) -> str:
    return "" if text == "-" else text


def macro_rows() -> Iterator[Row]:
    """Give a row for each macro: what its items consist of."""
    for macro in Macro:
        yield macro.value, ", ".join(map(_part, MACROS[macro]))


def _part(part: Part) -> str:
    inner = f" [{part.macro.value}]" if part.macro is not None else ""
    items = f" ({', '.join(map(_part, part.parts))})" if part.parts else ""
    return f"{part.keyword} {part.type}{inner}{items}"


def setting_rows(group: str) -> Iterator[Row]:
    """Give a row for each setting of a group: key, option, default, meaning."""
    for option in OPTIONS.values():
        if option.group == group:
            yield (
                f"``{option.name}``",
                _option(option),
                plain(default_text(option)),
                plain(option.help),
            )


def _option(option: Option) -> str:
    flags = [f"``{flag}``" for flag in (*option.flags, option.long_flag)]
    if option.is_switch:
        flags.append(f"``--no-{option.long_flag.removeprefix('--')}``")
    return " ".join(flags)


def ignored_rows() -> Iterator[Row]:
    """Give a row for each key that is understood and has no effect."""
    for key, why in IGNORED.items():
        yield f"``{key}``", plain(why)


# -- directives --------------------------------------------------------------------------------


class UpsTransitions(TableDirective):
    """Table CC.1.1-2."""

    heads = ("Request", *map(str, State))
    widths = "32 17 17 17 17"

    def rows(self) -> Iterable[Row]:
        """Give the rows."""
        return transition_rows()


class UpsStatuses(TableDirective):
    """The statuses, and what to do about them."""

    heads = ("Status", "Meaning", "What to do")
    widths = "10 40 50"

    def rows(self) -> Iterable[Row]:
        """Give the rows."""
        return status_rows()


class UpsOperations(TableDirective):
    """The operations of each SOP class."""

    heads = ("Operation", *(each.name.capitalize() for each in SopClass))
    widths = "40 12 12 12 12 12"

    def rows(self) -> Iterable[Row]:
        """Give the rows."""
        return operation_rows()


class UpsAttributes(TableDirective):
    """Table CC.2.5-3."""

    heads = ("Attribute", "Tag", "N-CREATE", "N-SET", "Final", "N-GET", "Match", "Return")
    widths = "40 12 10 9 7 8 7 7"

    def rows(self) -> Iterable[Row]:
        """Give the rows."""
        return attribute_rows()


class UpsMacros(TableDirective):
    """The macros of Table CC.2.5-3."""

    heads = ("Macro", "Attributes of an item, with their types")
    widths = "28 72"

    def rows(self) -> Iterable[Row]:
        """Give the rows."""
        return macro_rows()


class UpsIgnored(TableDirective):
    """Keys that have no effect."""

    heads = ("Key", "Why it has no effect")
    widths = "30 70"

    def rows(self) -> Iterable[Row]:
        """Give the rows."""
        return ignored_rows()


class UpsSettings(GeneratedDirective):
    """The settings of a worklist manager, a table for each group."""

    def run(self) -> list[nodes.Node]:
        """Make the nodes."""
        heads, widths = ("Key", "Option", "Default", "Meaning"), "24 28 18 30"
        parts = []
        for group in dict.fromkeys(option.group for option in OPTIONS.values()):
            parts += [f".. rubric:: {group.capitalize()}\n", ""]
            parts.append(table(heads, setting_rows(group), widths))
        return self.parsed("\n".join(parts))


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx what is here."""
    for name, directive in (
        ("ups-transitions", UpsTransitions),
        ("ups-statuses", UpsStatuses),
        ("ups-operations", UpsOperations),
        ("ups-attributes", UpsAttributes),
        ("ups-macros", UpsMacros),
        ("ups-ignored", UpsIgnored),
        ("ups-settings", UpsSettings),
    ):
        app.add_directive(name, directive)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

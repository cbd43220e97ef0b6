"""What the pages of this documentation take from the code: members, differences, error codes.

``leadtools-members`` is the porting guide's table of a class, ``leadtools-api`` the reference of
a class whose members are grouped like LEADTOOLS', ``error-codes`` the table of the numbers, and
``enums`` the reference of the enumerations.
All of them are made from the inventory of LEADTOOLS' members, from signatures and docstrings,
and from the notes that `leaddicom.mirror.differs` has left at the members.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import importlib
import inspect
import pkgutil
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import Any

from docutils import nodes
from members.inventory import Member, members
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.roles import XRefRole
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import make_refnode

import leaddicom
from leaddicom.error_table import error_code_rows
from leaddicom.mirror import difference_of

logger = logging.getLogger(__name__)

# -- tables -----------------------------------------------------------------------------------


def table(heads: Iterable[str], rows: Iterable[Iterable[str]], widths: str) -> str:
    """Write a table of cells that are reStructuredText on one line."""
    lines = [".. list-table::", "   :header-rows: 1", "   :class: members", f"   :widths: {widths}"]
    for row in (heads, *rows):
        first = "\n   * "
        for cell in row:
            lines.append(f"{first}- {cell}")
            first = "     "
    return "\n".join(lines) + "\n"


def call(name: str, function: Callable[..., object], is_static: bool = True) -> str:
    """Write how a function is called: its name, its parameters and their defaults."""
    parameters = list(inspect.signature(function).parameters.values())
    return f"{name}({', '.join(map(_parameter, parameters[not is_static :]))})"


def _parameter(parameter: inspect.Parameter) -> str:
    if parameter.default is inspect.Parameter.empty:
        return parameter.name
    return f"{parameter.name}={_value(parameter.default)}"


def _value(value: object) -> str:
    """Write a default as a program would."""
    if isinstance(value, enum.Flag) and value:
        bits = [each for each in type(value) if each & value and each.value.bit_count() == 1]
        return " | ".join(f"{type(value).__name__}.{each.name}" for each in bits)
    return f"{type(value).__name__}.{value.name}" if isinstance(value, enum.Enum) else repr(value)


def dataclass_signature(*arguments: Any) -> tuple[str, None] | None:
    """Write how a dataclass is made: fields and defaults; the types stand with the fields."""
    _app, what, _name, found, *_ = arguments
    if what != "class" or not dataclasses.is_dataclass(found):
        return None
    return call("", found), None


def first_sentence(docstring: str | None) -> str:
    """Give the first sentence of a docstring on one line."""
    summary = " ".join(inspect.cleandoc(docstring or "").split("\n\n")[0].split())
    return re.split(r"(?<=[.?!])\s", summary, maxsplit=1)[0]


def member_row(member: Member) -> tuple[str, str, str]:
    """Give the porting guide's row: LEADTOOLS' member, ours, and how it differs."""
    owner, is_constructor = getattr(leaddicom, member.owner), member.name == member.owner
    theirs = f"``{member.name}({', '.join(member.parameters)})``"
    ours = owner.__init__ if is_constructor else getattr(owner, member.name, None)
    if ours is None:
        logger.warning("leaddicom has no %s.%s", member.owner, member.name)
        return theirs, "missing", ""
    target = f"leaddicom.{member.owner}" + ("" if is_constructor else f".{member.name}")
    link = f":py:{'class' if is_constructor else 'meth'}:`{member.name} <{target}>`"
    says = first_sentence(inspect.getdoc(owner if is_constructor else ours))
    differences = filter(None, (_without(member.left_out), difference_of(ours)))
    return theirs, f"{link}\\ ``{call('', ours, member.static)}``: {says}", " ".join(differences)


def _without(names: tuple[str, ...]) -> str:
    return f"Without {', '.join(f'``{name}``' for name in names)}." if names else ""


def _groups(owner: str) -> Iterator[tuple[str, list[Member]]]:
    for title, group in groupby(members(owner), key=lambda member: member.group):
        yield title, list(group)


class GeneratedDirective(SphinxDirective):
    """A directive whose content is generated."""

    def parsed(self, text: str, owner: str | None = None) -> list[nodes.Node]:
        """Parse text as if it stood in the page, or in the docstring of a class."""
        context = self.env.ref_context
        before = {name: context.get(name) for name in ("py:module", "py:class")}
        context.update({"py:module": "leaddicom", "py:class": owner})
        try:
            return self.parse_text_to_nodes(text, allow_section_headings=True)
        finally:
            context.update(before)


class LeadtoolsMembers(GeneratedDirective):
    """The table of a class's members, LEADTOOLS' and ours."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Make the nodes."""
        heads = ("LEADTOOLS", "leaddicom", "What differs")
        parts = []
        for title, group in _groups(self.arguments[0]):
            rows = table(heads, map(member_row, group), "28 42 30")
            parts += [f".. rubric:: {title}\n", rows]
        return self.parsed("\n".join(parts), self.arguments[0])


class LeadtoolsApi(GeneratedDirective):
    """The reference of a class: every member of the inventory under the heading of its group."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Make the nodes."""
        owner = self.arguments[0]
        parts = []
        for title, group in _groups(owner):
            names = [each.name for each in group if each.name != owner]
            there = [name for name in names if hasattr(getattr(leaddicom, owner), name)]
            parts += [title, "-" * len(title), ""]
            parts += [f".. automethod:: leaddicom.{owner}.{name}\n" for name in there]
        return self.parsed("\n".join(parts))


class ErrorCodes(GeneratedDirective):
    """The table of the numbers that errors carry and events receive."""

    def run(self) -> list[nodes.Node]:
        """Make the nodes."""
        rows = [
            (str(int(code)), f"``{code.name}``", ("" if is_produced else "*Never:* ") + text)
            for code, is_produced, text in error_code_rows()
        ]
        return self.parsed(table(("Number", "Name", "What brings it about"), rows, "10 40 50"))


class Enums(GeneratedDirective):
    """The reference of every public enumeration."""

    def run(self) -> list[nodes.Node]:
        """Make the nodes."""
        public = [
            name for name in leaddicom.__all__ if isinstance(vars(leaddicom)[name], enum.EnumMeta)
        ]
        wanted = [name for name in public if name != "DicomErrorCode"]  # has a page of its own
        options = "   :members:\n   :undoc-members:\n"
        return self.parsed(
            "\n".join(f".. autoclass:: leaddicom.{name}\n{options}" for name in wanted)
        )


# -- references -------------------------------------------------------------------------------


class _Known(XRefRole):
    """Text in single backticks, as docstrings have it: a name of the code, or code."""

    def process_link(
        self, env: BuildEnvironment, refnode: Any, has_explicit_title: bool, title: str, target: str
    ) -> tuple[str, str]:
        refnode["refdomain"], refnode["reftype"] = "py", "obj"
        refnode["py:module"] = env.ref_context.get("py:module")
        refnode["py:class"] = env.ref_context.get("py:class")
        # Classes and their members have to exist; parameters and constants are many, and short.
        refnode["is_code"] = re.fullmatch(r"[A-Z]\w*[a-z]\w*(\.\w+)*", target) is None
        return title, target


#: Under what a name without an owner is looked for; a method alone is the one class's that
#: everything is about.
_OWNERS = ("leaddicom", "leaddicom.LDicomNet", "leaddicom.contexts", "leaddicom.scp")

#: The same for worklists; within them these come first.
_UPS_OWNERS = (
    "leaddicom.ups.client",
    "leaddicom.ups.client.builders",
    "leaddicom.ups.client.queries",
    "leaddicom.ups.client.results",
    "leaddicom.ups.core.rules",
    "leaddicom.ups.core.terms",
    "leaddicom.ups.core.workitem",
    "leaddicom.ups.manager",
    "leaddicom.ups.settings.configuration",
    "leaddicom.ups.settings.entities",
    "leaddicom.ups.store",
)


@functools.cache
def _names_of_the_package() -> dict[str, list[object]]:
    """Give everything that has a name in the package, public or not."""
    names: dict[str, list[object]] = defaultdict(list)
    for info in pkgutil.walk_packages(leaddicom.__path__, "leaddicom."):
        # Neither what runs when it is imported, nor what only Alembic can import.
        if not info.name.endswith("__main__") and ".migrations." not in info.name:
            for name, value in vars(importlib.import_module(info.name)).items():
                names[name].append(value)
    return names


def _resolve(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, contnode: nodes.TextElement
) -> nodes.Node | None:
    """Find what a name means that is not documented under just that name.

    A public class has its module's name in annotations; a field is described with its class; and
    what is internal is shown without a link.  What exists nowhere remains missing.
    """
    if node.get("refdomain") != "py":
        return None
    parts = node["reftarget"].removeprefix("leaddicom.").split(".")
    while len(parts) > 1 and parts[0].islower():
        parts.pop(0)
    known = _names_of_the_package().get(parts[0], [])
    if known and len(parts) > 1 and not any(_has(owner, parts[1]) for owner in known):
        return None
    objects = env.get_domain("py").objects
    is_of_ups = str(node.get("py:module")).startswith("leaddicom.ups")
    for owner in _UPS_OWNERS + _OWNERS if is_of_ups else _OWNERS + _UPS_OWNERS:
        found = objects.get(f"{owner}.{parts[0]}")
        if found is not None:
            source = node.get("refdoc", env.docname)
            return make_refnode(app.builder, source, found.docname, found.node_id, contnode)
    return contnode if node.get("is_code") or known else None


def _has(owner: object, name: str) -> bool:
    described = rf"^\s*(\w+, )*{name}(, \w+)* : "
    return hasattr(owner, name) or bool(re.search(described, inspect.getdoc(owner) or "", re.M))


def _is_event(*arguments: Any) -> bool | None:
    """Leave out the events that a service overrides: they are `LDicomNet`'s."""
    return True if re.match("On[A-Z]", arguments[2]) else None


def _add_difference(*arguments: Any) -> None:
    """Let a member's documentation say how it differs from LEADTOOLS'."""
    _app, _what, _name, found, _options, lines = arguments
    note = difference_of(found)
    if note:
        lines += ["", f"*Unlike LEADTOOLS:* {note}", ""]


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx what is here."""
    app.add_role("known", _Known(innernodeclass=nodes.literal))
    app.add_directive("leadtools-members", LeadtoolsMembers)
    app.add_directive("leadtools-api", LeadtoolsApi)
    app.add_directive("error-codes", ErrorCodes)
    app.add_directive("enums", Enums)
    app.connect("missing-reference", _resolve)
    app.connect("autodoc-process-signature", dataclass_signature)
    app.connect("autodoc-skip-member", _is_event)
    app.connect("autodoc-process-docstring", _add_difference, priority=900)  # after numpydoc
    return {"parallel_read_safe": True, "parallel_write_safe": True}

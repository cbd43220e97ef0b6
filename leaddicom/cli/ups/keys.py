"""Attributes on the command line: ``KEYWORD=VALUE``, also inside of sequences."""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from pydicom.config import IGNORE
from pydicom.datadict import dictionary_VR, keyword_dict, keyword_for_tag, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from leaddicom.errors import ParameterError

__all__ = ["HELP", "Key", "data_set_of", "read_code", "read_key", "read_keyword"]

HELP = """\
attributes:
  KEYWORD=VALUE, such as PatientID=4711; KEYWORD= is one without value, and a backslash separates
  several values. Instead of a keyword there may be a tag, such as 0010,0020.

  Inside of sequences: ReferencedRequestSequence.AccessionNumber=A1, and for another than the
  first item ReferencedRequestSequence[1].AccessionNumber=A2.

  An item of a code sequence: ScheduledWorkitemCodeSequence=121726,DCM,RT Treatment
"""

_STEP = re.compile(
    r"(?:(?P<keyword>[A-Za-z][A-Za-z0-9]*)|\(?(?P<tag>[0-9A-Fa-f]{4},[0-9A-Fa-f]{4})\)?)"
    r"(?:\[(?P<index>[0-9]{1,4})\])?"
)
_WHOLE = {"US", "SS", "UL", "SL", "UV", "SV"}
_REAL = {"FL", "FD"}
_TEXTS = {
    "AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI",
    "UR", "UT",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Key:
    """An attribute and its value.

    Attributes
    ----------
    path : tuple of (int, int)
        Tags from the outermost sequence to the attribute, each with the number of the item in
        it, which of the last one has no meaning.
    value : object
        Of the attribute; `None` for none.  Of a code sequence, the parts of a code.
    """

    path: tuple[tuple[int, int], ...]
    value: object


def read_key(text: str) -> Key:
    """Read ``KEYWORD=VALUE``, for a parser of the command line."""
    where, _, value = text.partition("=")
    path, position = [], 0
    while True:
        step = _STEP.match(where, position)
        if step is None or where[step.end() : step.end() + 1] not in ("", "."):
            raise argparse.ArgumentTypeError(f"{text!a} is not of the form KEYWORD=VALUE")
        path.append((_tag(step), int(step["index"] or 0)))
        position = step.end() + 1
        if position > len(where):
            break
        if _vr(path[-1][0]) != "SQ":
            raise argparse.ArgumentTypeError(f"{step[0]} is no sequence")
    return Key(tuple(path), _value(path[-1][0], value))


def read_keyword(text: str) -> int:
    """Read a keyword or tag, for a parser of the command line."""
    step = _STEP.fullmatch(text)
    if step is None or step["index"]:
        raise argparse.ArgumentTypeError(f"{text!a} is neither a keyword nor a tag")
    return _tag(step)


def read_code(text: str) -> tuple[str, str, str]:
    """Read ``VALUE,DESIGNATOR,MEANING``, for a parser of the command line."""
    parts = [each.strip() for each in text.split(",", 2)]
    if len(parts) < 3 or not all(parts):
        raise argparse.ArgumentTypeError(
            f"{text!a} is no code: write VALUE,DESIGNATOR,MEANING, such as "
            "'121726,DCM,RT Treatment'"
        )
    return parts[0], parts[1], parts[2]


def data_set_of(keys: Iterable[Key], dataset: Dataset | None = None) -> Dataset:
    """Put keys into a data set.

    Parameters
    ----------
    keys : iterable of Key
        One after the other; a code goes into an item of its own.
    dataset : pydicom.dataset.Dataset, optional
        What gets them; by default a new one.

    Raises
    ------
    ParameterError
        An item of a sequence is left out.
    """
    made = Dataset() if dataset is None else dataset
    for key in keys:
        within = made
        for tag, index in key.path[:-1]:
            within = _item(within, tag, index)
        _put(within, key.path[-1][0], key.value)
    return made


def _put(dataset: Dataset, tag: int, value: object) -> None:
    if isinstance(value, tuple):
        items = _items(dataset, tag)
        names = ("CodeValue", "CodingSchemeDesignator", "CodeMeaning")
        if len(value[0]) > 16:  # the most that a short string takes
            names = ("LongCodeValue", *names[1:])
        item = Dataset()
        for name, part in zip(names, value, strict=False):
            setattr(item, name, part)
        items.append(item)
    elif _vr(tag) == "SQ":
        dataset.add(DataElement(tag, "SQ", Sequence()))
    else:
        dataset.add(DataElement(tag, _vr(tag), value, validation_mode=IGNORE))


def _item(dataset: Dataset, tag: int, index: int) -> Dataset:
    items = _items(dataset, tag)
    if index > len(items):
        raise ParameterError(
            f"{keyword_for_tag(tag)} has no item {index - 1}, so it can have no item {index}: "
            "items are numbered from 0, and given in their order."
        )
    if index == len(items):
        items.append(Dataset())
    found: Dataset = items[index]
    return found


def _items(dataset: Dataset, tag: int) -> Sequence:
    if tag not in dataset:
        dataset.add(DataElement(tag, "SQ", Sequence()))
    items: Sequence = dataset[tag].value
    return items


def _tag(step: re.Match[str]) -> int:
    if step["tag"]:
        tag = int(step["tag"].replace(",", ""), 16)
        if not keyword_for_tag(tag):
            raise argparse.ArgumentTypeError(f"the data dictionary has no attribute {step['tag']}")
        return tag
    known = tag_for_keyword(step["keyword"])
    if known is None:
        close = difflib.get_close_matches(step["keyword"], keyword_dict, 1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise argparse.ArgumentTypeError(
            f"the data dictionary has no attribute {step['keyword']}{hint}"
        )
    return known


def _vr(tag: int) -> str:
    return dictionary_VR(tag).partition(" ")[0]


def _value(tag: int, text: str) -> object:
    vr, keyword = _vr(tag), keyword_for_tag(tag)
    if not text:
        return None
    if vr == "SQ":
        if not keyword.endswith("CodeSequence"):
            raise argparse.ArgumentTypeError(
                f"{keyword} is a sequence: give the attributes of its items, such as "
                f"{keyword}.KEYWORD=VALUE"
            )
        return tuple(each.strip() for each in text.split(",", 2))
    if vr in _TEXTS:
        values: list[object] = list(text.split("\\")) if vr not in ("LT", "ST", "UT") else [text]
    elif vr in _WHOLE | _REAL:
        values = [_number(keyword, each, vr) for each in text.split("\\")]
    else:
        raise argparse.ArgumentTypeError(f"{keyword} is binary, and cannot be written as a text")
    _check(tag, vr, values)
    return values[0] if len(values) == 1 else values


def _number(keyword: str, text: str, vr: str) -> float:
    try:
        return int(text) if vr in _WHOLE else float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{keyword}: {text!a} is no number") from None


def _check(tag: int, vr: str, values: list[object]) -> None:
    """See whether pydicom can hold a value: of some kinds it takes no other texts."""
    try:
        DataElement(tag, vr, values, validation_mode=IGNORE)
    except (ValueError, TypeError, OverflowError):
        raise argparse.ArgumentTypeError(
            f"{keyword_for_tag(tag)} cannot have this value, being {vr}"
        ) from None

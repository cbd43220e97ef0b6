"""Command sets as pydicom's data sets, for applications that look into them or write their own."""

from __future__ import annotations

from pydicom import config
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from leaddicom.dimse.command import Value
from leaddicom.dimse.messages import COMMAND_ELEMENTS, COMMAND_GROUP_LENGTH
from leaddicom.errors import ParameterError

__all__ = ["command_data_set", "command_values"]


def command_data_set(command: dict[int, Value]) -> Dataset:
    """Give a command set as pydicom shows it, group length left out (PS3.7 Annex E).

    Parameters
    ----------
    command : dict of int to int, str or tuple of int
        By the low 16 bits of the tags.
    """
    dataset = Dataset()
    for element, value in command.items():
        known = COMMAND_ELEMENTS.get(element)
        if known is not None and known is not COMMAND_GROUP_LENGTH:
            shown = list(value) if isinstance(value, tuple) else value
            # The peer's values are shown as they are, and not judged in warnings that hold them.
            dataset.add(
                DataElement(Tag(0x0000, element), known.vr, shown, validation_mode=config.IGNORE)
            )
    return dataset


def command_values(dataset: Dataset) -> dict[int, Value]:
    """Give what a data set of group 0000 says; the inverse of `command_data_set`.

    Parameters
    ----------
    dataset : pydicom.dataset.Dataset
        Elements of PS3.7 Table E.1-1.  Empty ones are left out.

    Returns
    -------
    dict of int to int, str or tuple of int
        By the low 16 bits of the tags.

    Raises
    ------
    ParameterError
        An element does not belong into a command set, or has a value of another type.
    """
    command: dict[int, Value] = {}
    for element in dataset:
        known = COMMAND_ELEMENTS.get(element.tag.element) if element.tag.group == 0 else None
        if known is None:
            raise ParameterError(
                f"{element.tag} is no element of a command set (PS3.7 Table E.1-1); it belongs "
                "into the data set."
            )
        if known is COMMAND_GROUP_LENGTH or element.is_empty:
            continue
        value = _value(known.vr, element)
        if value is None:
            raise ParameterError(
                f"{element.value!r} is no value for {known.keyword} {element.tag} of VR {known.vr}."
            )
        command[known.element] = value
    return command


def _value(vr: str, element: DataElement) -> Value | None:
    values = list(element.value) if element.VM > 1 else [element.value]
    if vr in ("AT", "US", "UL"):
        if not all(isinstance(each, int) for each in values):
            return None
        numbers = tuple(map(int, values))
        if vr == "AT":
            return numbers
        return numbers[0] if len(numbers) == 1 else None
    if vr == "LO":  # text with backslashes, which pydicom takes for several values
        return "\\".join(map(str, values))
    return str(values[0]) if len(values) == 1 else None

"""Command sets: Implicit VR Little Endian, group 0000 only (PS3.7 section 6.3).

Text in command sets
    UI and AE consist of ISO 646 characters (PS3.5 Table 6.2-1); anything else in them, above
    all a control character, is refused, because these values end up in logs, comparisons and
    access decisions.  An Error Comment (LO) is only ever shown to people, and a command set
    has no means to name its character set: it is read as ISO 8859-1 with ``?`` for everything
    that does not print, and written as ISO 646 in the same way, cut at 64 characters.

Empty values
    An element without a value says nothing (PS3.5 section 7.4), so it is treated as absent;
    whether it may be absent is decided where the message is checked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from struct import Struct, error, unpack_from

from leaddicom.dimse.messages import COMMAND_ELEMENTS
from leaddicom.errors import ParameterError, ProtocolError

__all__ = ["Value", "decode_command", "encode_command"]

Value = int | str | tuple[int, ...]

_HEADER = Struct("<HHI")  # group, element, length
_SHORT = Struct("<HHIH")  # ... and a value of VR US
_LONG = Struct("<HHII")  # ... and a value of VR UL
_US = Struct("<H")

#: Longest values in characters (PS3.5 Table 6.2-1).
_LENGTHS = {"UI": 64, "AE": 16, "LO": 64}

_UNPRINTABLE = {code: "?" for code in range(256) if not chr(code).isprintable()}

_VRS = {element.element: element.vr for element in COMMAND_ELEMENTS.values()}
_GROUP_LENGTH = 0x0000


def encode_command(values: Mapping[int, Value]) -> bytes:
    """Encode a command set.

    Parameters
    ----------
    values : mapping of int to int, str or tuple of int
        Values by the low 16 bits of the tag, in any order.  AT values are tuples of 32-bit
        tags.  Command Group Length (0000,0000) is computed; a value given for it is ignored.

    Returns
    -------
    bytes
        The encoded command set, with Command Group Length.

    Raises
    ------
    ParameterError
        If an element is unknown or its value does not fit its VR.
    """
    parts = [b""]
    for element in sorted(values):
        vr = _VRS.get(element)
        if vr is None:
            raise ParameterError(
                f"(0000,{element:04X}) is no element of a command set (PS3.7 Table E.1-1)."
            )
        value = values[element]
        try:
            if vr == "US":
                parts.append(_SHORT.pack(0, element, 2, value))
            elif vr != "UL":
                parts.append(_ENCODERS[vr](element, value))
        except (error, TypeError, AttributeError) as exc:
            raise ParameterError(f"{value!r} is no value for {_name(element)} of VR {vr}.") from exc
    parts[0] = _LONG.pack(0, _GROUP_LENGTH, 4, sum(map(len, parts)))
    return b"".join(parts)


def _encode_identifier(element: int, text: str, padding: bytes) -> bytes:
    maximum = _LENGTHS[_VRS[element]]
    if len(text) > maximum or not (text.isascii() and text.isprintable()):
        raise ParameterError(
            f"{text!r} cannot be sent as {_name(element)}: at most {maximum} printable "
            "characters of ISO 646 are allowed."
        )
    value = text.encode("ascii")
    if len(value) & 1:
        value += padding
    return _HEADER.pack(0, element, len(value)) + value


def _encode_uid(element: int, text: str) -> bytes:
    return _encode_identifier(element, text, b"\0")


def _encode_title(element: int, text: str) -> bytes:
    return _encode_identifier(element, text, b" ")


def _encode_comment(element: int, text: str) -> bytes:
    value = text[: _LENGTHS["LO"]].translate(_UNPRINTABLE).encode("ascii", "replace")
    value += b" " * (len(value) & 1)
    return _HEADER.pack(0, element, len(value)) + value


def _encode_tags(element: int, tags: tuple[int, ...]) -> bytes:
    halves = [half for tag in tags for half in (tag >> 16, tag & 0xFFFF)]
    value = Struct(f"<{len(halves)}H").pack(*halves)
    return _HEADER.pack(0, element, len(value)) + value


_ENCODERS: dict[str, Callable[..., bytes]] = {
    "UI": _encode_uid,
    "AE": _encode_title,
    "LO": _encode_comment,
    "AT": _encode_tags,
}


def decode_command(data: bytes | bytearray | memoryview) -> dict[int, Value]:
    """Decode a complete command set.

    Elements that PS3.7 does not define or has retired are skipped, and so are empty ones.
    Command Group Length is checked for its form only and left out: the PDV tells the length.
    What other groups have behind group 0000 is not looked at.

    Parameters
    ----------
    data : bytes-like
        The encoded command set.

    Returns
    -------
    dict of int to int, str or tuple of int
        Values by the low 16 bits of the tag, without their padding.

    Raises
    ------
    ProtocolError
        If an element reaches beyond the end, is repeated or out of order, has a length that its
        VR forbids, or text with characters that it forbids.
    """
    data = bytes(data)
    end = len(data)
    values: dict[int, Value] = {}
    position, previous = 0, -1
    while position < end:
        if end - position < 8:
            raise ProtocolError(
                f"The command set ends with {end - position} bytes that are no whole element."
            )
        group, element, length = _HEADER.unpack_from(data, position)
        if group:
            break  # Orthanc appends the Failed SOP Instance UID List (0008,0058)
        position += 8
        if element <= previous:
            raise _misplaced(element, previous)
        if length > end - position:
            raise ProtocolError(
                f"{_name(element)} announces {length} bytes, but the command set has only "
                f"{end - position} left."
            )
        vr = _VRS.get(element)
        if length and vr is not None:
            if vr == "US":
                if length != 2:
                    raise _wrong_length(element, length, "2")
                values[element] = _US.unpack_from(data, position)[0]
            else:
                _DECODERS[vr](values, element, data[position : position + length])
        position += length
        previous = element
    return values


def _decode_identifier(values: dict[int, Value], element: int, value: bytes) -> None:
    # Leading spaces are padding in AE (PS3.5 Table 6.2-1) and do no harm to a UID.
    stripped = value.rstrip(b"\0 ").lstrip(b" ")
    maximum = _LENGTHS[_VRS[element]]
    if len(stripped) > maximum:
        raise _wrong_length(element, len(stripped), f"at most {maximum}")
    text = stripped.decode("latin-1")
    if not (text.isascii() and text.isprintable()):
        raise ProtocolError(f"{_name(element)} has characters that its VR forbids: {text!r}.")
    if text:
        values[element] = text


def _decode_comment(values: dict[int, Value], element: int, value: bytes) -> None:
    text = value.rstrip(b"\0 ").decode("latin-1").translate(_UNPRINTABLE)
    if text:
        values[element] = text


def _decode_tags(values: dict[int, Value], element: int, value: bytes) -> None:
    if len(value) % 4:
        raise _wrong_length(element, len(value), "a multiple of 4")
    halves = unpack_from(f"<{len(value) // 2}H", value)
    values[element] = tuple(
        group << 16 | low for group, low in zip(halves[::2], halves[1::2], strict=True)
    )


def _check_group_length(values: dict[int, Value], element: int, value: bytes) -> None:
    if len(value) != 4:
        raise _wrong_length(element, len(value), "4")


_DECODERS: dict[str, Callable[[dict[int, Value], int, bytes], None]] = {
    "UI": _decode_identifier,
    "AE": _decode_identifier,
    "LO": _decode_comment,
    "AT": _decode_tags,
    "UL": _check_group_length,
}


def _name(element: int) -> str:
    declared = COMMAND_ELEMENTS.get(element)
    tag = f"(0000,{element:04X})"
    return f"{declared.keyword} {tag}" if declared else f"Element {tag}"


def _misplaced(element: int, previous: int) -> ProtocolError:
    if element == previous:
        return ProtocolError(f"{_name(element)} occurs twice in the command set.")
    return ProtocolError(f"{_name(element)} comes after {_name(previous)}: wrong order.")


def _wrong_length(element: int, length: int, expected: str) -> ProtocolError:
    return ProtocolError(f"{_name(element)} has {length} bytes instead of {expected}.")

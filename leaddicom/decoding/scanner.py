"""Flat pass over an encoded data set: is it whole, and is it within the limits?

pydicom recurses into sequences, reads as many elements as there are, and takes a data set that
ends in the middle of an element for a complete one.  This pass runs before it.  It keeps its own
stack, reads no value that it does not need, and decides what is an element, an item or a
fragment exactly as pydicom does (also where pydicom is tolerant), so that what was counted here
is what pydicom will find, now or when a sequence is opened later.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from enum import IntEnum
from io import BufferedReader

from pydicom.datadict import dictionary_VR, private_dictionary_VR
from pydicom.valuerep import EXPLICIT_VR_LENGTH_16, EXPLICIT_VR_LENGTH_32

from leaddicom.decoding import charsets
from leaddicom.errors import DataSetError, DicomErrorCode
from leaddicom.limits import Limits

__all__ = ["LONG_VRS", "SHORT_VRS", "Scanner", "Window", "tag_text"]

_ITEM = 0xFFFEE000
_ITEM_DELIMITER = 0xFFFEE00D
_SEQUENCE_DELIMITER = 0xFFFEE0DD
_UNDEFINED = 0xFFFFFFFF
_CHARACTER_SET = 0x00080005

#: VRs with a length of 32 and of 16 bits in explicit VR (PS3.5 section 7.1.2).
LONG_VRS = frozenset(str(vr).encode("ascii") for vr in EXPLICIT_VR_LENGTH_32)
SHORT_VRS = frozenset(str(vr).encode("ascii") for vr in EXPLICIT_VR_LENGTH_16)

#: Values that are looked at here are UIDs (64 bytes) and private creators (64 characters).
_SHORT_VALUE = 256

_READ_AHEAD = 65_536


def tag_text(tag: int) -> str:
    """Return a 32-bit `tag` as the standard writes it, ``(gggg,eeee)``."""
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


class Window:
    """An encoded data set that is read at increasing offsets, in memory or in a file.

    Parameters
    ----------
    data : bytes-like
        The data set, or nothing if it is in `file`.
    file : io.BufferedReader, optional
        An open file.
    start, size : int
        Where the data set begins in `file`, and its length in bytes.
    """

    __slots__ = ("_base", "_chunk", "_file", "_start", "size")

    def __init__(
        self,
        data: bytes | memoryview = b"",
        *,
        file: BufferedReader | None = None,
        start: int = 0,
        size: int = 0,
    ) -> None:
        self._chunk = memoryview(data)
        self._base = 0
        self._file = file
        self._start = start
        self.size = len(self._chunk) if file is None else size

    def read(self, position: int, length: int) -> bytes:
        """Return up to `length` bytes from `position`, fewer only at the end."""
        at = position - self._base
        piece = bytes(self._chunk[at : at + length])
        if len(piece) == length or self._file is None:
            return piece
        self._file.seek(self._start + position)
        ahead = self._file.read(min(max(length, _READ_AHEAD), self.size - position))
        self._chunk, self._base = memoryview(ahead), position
        return ahead[:length]


class _Kind(IntEnum):
    """What a frame of the stack consists of."""

    ELEMENTS = 0
    ITEMS = 1
    FRAGMENTS = 2


@dataclass(slots=True)
class _Frame:
    """A data set, a sequence or a list of fragments that is being passed."""

    kind: _Kind
    limit: int
    delimited: bool
    implicit: bool
    tag: int = 0
    items: int = 0
    start: int = 0
    creators: dict[int, str] = field(default_factory=dict)


class Scanner:
    """One pass over one data set.

    Parameters
    ----------
    window : Window
        The data set, inflated.
    implicit, little : bool
        What the transfer syntax says: implicit VR, little endian.
    limits : Limits
        ``sequence_depth`` and ``data_set_elements``.
    wanted : frozenset of int
        Tags of the top level whose values are kept; each must be short and occur once.
    stop_after : int, optional
        Tag of the top level behind which the pass ends.  The rest is not checked then, nor what
        is in elements of defined length.

    Attributes
    ----------
    implicit : bool
        Whether the data set is in implicit VR: some writers break their own transfer syntax.
    values : dict of int to bytes
        The `wanted` values that were found.
    largest : int
        Length in bytes of the longest value of the top level.
    patches : dict of int to bytes
        By offset, what pydicom is to read there instead: a Specific Character Set that it
        would warn about.
    """

    def __init__(
        self,
        window: Window,
        *,
        implicit: bool,
        little: bool,
        limits: Limits,
        wanted: frozenset[int] = frozenset(),
        stop_after: int | None = None,
    ) -> None:
        order = "<" if little else ">"
        self._word = struct.Struct(order + "H")
        self._long = struct.Struct(order + "L")
        self._tag_and_length = struct.Struct(order + "HHL")
        self._window = window
        self._limits = limits
        self._wanted = wanted
        self._stop_after = stop_after
        self._position = 0
        self._count = 0
        self.values: dict[int, bytes] = {}
        self.largest = 0
        self.patches: dict[int, bytes] = {}
        self.implicit = self._is_implicit(0, implicit, sequence=False)
        self._stack = [_Frame(_Kind.ELEMENTS, window.size, False, self.implicit)]

    def run(self) -> None:
        """Pass over the data set.

        Raises
        ------
        DataSetError
            If it is damaged, cut short, or beyond a limit.
        """
        stack = self._stack
        while stack:
            frame = stack[-1]
            if self._position == frame.limit:
                if frame.delimited:
                    raise self._damaged("it ends where a delimitation item is due")
                stack.pop()
            elif frame.kind is _Kind.ELEMENTS:
                self._element(frame)
            elif frame.kind is _Kind.ITEMS:
                self._item(frame)
            else:
                self._fragment(frame)

    def _element(self, frame: _Frame) -> None:
        """Pass one element (PS3.5 section 7.1), or the end of the item that holds it."""
        tag, vr, length, value = self._header(frame)
        if tag == _ITEM_DELIMITER and frame.delimited:
            self._position = value
            self._stack.pop()
            return
        if tag >> 16 == 0xFFFE:
            raise self._damaged(f"{tag_text(tag)} stands where an element is due")
        top = len(self._stack) == 1
        if top and self._stop_after is not None and tag > self._stop_after:
            self._stack.clear()
            return
        self._tally()
        if tag == _CHARACTER_SET and (length == _UNDEFINED or vr not in (None, b"CS", b"UN")):
            raise self._damaged("Specific Character Set has another VR than CS")
        if length == _UNDEFINED:
            kind = _Kind.ITEMS if self._holds_items(tag, vr, value) else _Kind.FRAGMENTS
            self._push(_Frame(kind, frame.limit, True, frame.implicit, tag, start=value), value)
            return
        end = self._end(frame, tag, value, length)
        if top and tag in self._wanted:
            self._keep(tag, value, length)
        if top and self._stop_after is not None:
            self._position = end
        elif length and self._is_sequence(frame, tag, vr, length):
            self._push(_Frame(_Kind.ITEMS, end, False, frame.implicit, tag), value)
        else:
            self._look_at(frame, top, tag, value, length)
            self._position = end

    def _header(self, frame: _Frame) -> tuple[int, bytes | None, int, int]:
        """Return tag, VR (`None` if implicit), length, and where the value begins."""
        position = self._position
        head = self._window.read(position, min(12, frame.limit - position))
        if len(head) < 8:
            raise self._damaged("it ends in the middle of a tag or of a length")
        group, element, length = self._tag_and_length.unpack_from(head)
        tag = group << 16 | element
        if frame.implicit:
            return tag, None, length, position + 8
        vr = head[4:6]
        if vr in LONG_VRS:
            if len(head) < 12:
                raise self._damaged(f"it ends in the middle of the length of {tag_text(tag)}")
            return tag, vr, self._long.unpack_from(head, 8)[0], position + 12
        if vr in SHORT_VRS or b"AA" <= vr <= b"ZZ":
            return tag, vr, self._word.unpack_from(head, 6)[0], position + 8
        # Items and delimiters have no VR; and where an element has none, pydicom assumes that
        # the writer switched to implicit VR.
        return tag, None, length, position + 8

    def _item(self, frame: _Frame) -> None:
        """Pass the beginning of one item, or the end of its sequence (PS3.5 section 7.5)."""
        tag, length = self._item_header(frame)
        value = self._position + 8
        if tag == _SEQUENCE_DELIMITER and frame.delimited:
            self._position = value
            self._stack.pop()
            return
        if tag != _ITEM:
            raise self._damaged(f"{tag_text(tag)} stands where an item is due")
        self._tally()
        frame.items += 1
        delimited = length == _UNDEFINED
        end = frame.limit if delimited else self._end(frame, tag, value, length)
        implicit = self._is_implicit(value, frame.implicit, sequence=True)
        self._stack.append(_Frame(_Kind.ELEMENTS, end, delimited, implicit, frame.tag))
        self._position = value

    def _fragment(self, frame: _Frame) -> None:
        """Pass one fragment, or the end of encapsulated data (PS3.5 section A.4)."""
        tag, length = self._item_header(frame)
        value = self._position + 8
        if tag == _SEQUENCE_DELIMITER:
            if len(self._stack) == 2:
                self.largest = max(self.largest, self._position - frame.start)
            self._position = value
            self._stack.pop()
            return
        if tag != _ITEM:
            raise self._damaged(f"{tag_text(tag)} stands where a fragment is due")
        self._tally()
        self._position = self._end(frame, tag, value, length)

    def _item_header(self, frame: _Frame) -> tuple[int, int]:
        head = self._window.read(self._position, min(8, frame.limit - self._position))
        if len(head) < 8:
            raise self._damaged("it ends in the middle of an item's tag or length")
        group, element, length = self._tag_and_length.unpack(head)
        return group << 16 | element, length

    def _push(self, frame: _Frame, position: int) -> None:
        # Below the data set itself, sequences and their items alternate.
        depth = (len(self._stack) + 1) // 2
        if frame.kind is _Kind.ITEMS and depth > self._limits.sequence_depth:
            raise DataSetError(
                DicomErrorCode.RANGE,
                f"The data set nests sequences more than {self._limits.sequence_depth} deep "
                f"(at byte {self._position}); raise Limits.sequence_depth if it may.",
            )
        self._stack.append(frame)
        self._position = position

    def _tally(self) -> None:
        self._count += 1
        if self._count > self._limits.data_set_elements:
            raise DataSetError(
                DicomErrorCode.RANGE,
                f"The data set has more than {self._limits.data_set_elements} elements and "
                f"items; raise Limits.data_set_elements if it may.",
            )

    def _end(self, frame: _Frame, tag: int, value: int, length: int) -> int:
        left = frame.limit - value
        if length > left:
            raise self._damaged(f"{tag_text(tag)} announces {length} bytes, but {left} are left")
        return value + length

    def _is_implicit(self, position: int, implicit: bool, *, sequence: bool) -> bool:
        """Tell whether the elements at `position` have no VR.

        The items of a sequence in VR UN are in implicit VR (PS3.5 section 6.2.2), and writers
        err at the top level too.  A length that looks like two capitals would be above 16 KiB,
        which no first element has.
        """
        if sequence and implicit:
            return True
        head = self._window.read(position, min(6, self._window.size - position))
        if len(head) < 6:
            return implicit
        return not (0x40 < head[4] < 0x5B and 0x40 < head[5] < 0x5B)

    def _holds_items(self, tag: int, vr: bytes | None, value: int) -> bool:
        """Tell a sequence of undefined length from encapsulated data."""
        if vr is not None:
            return vr in (b"SQ", b"UN")
        try:
            return dictionary_VR(tag) == "SQ"
        except KeyError:
            head = self._window.read(value, min(8, self._window.size - value))
            return len(head) == 8 and self._tag_and_length.unpack(head)[:2] == (0xFFFE, 0xE000)

    def _is_sequence(self, frame: _Frame, tag: int, vr: bytes | None, length: int) -> bool:
        """Tell whether pydicom will open an element of defined length as a sequence."""
        if vr not in (None, b"UN"):
            return vr == b"SQ"
        try:
            if tag >> 16 & 1:
                creator = frame.creators.get(tag & 0xFFFF0000 | (tag & 0xFF00) >> 8, "")
                return bool(creator) and private_dictionary_VR(tag, creator) == "SQ"
            return (vr is None or length < 0xFFFF) and dictionary_VR(tag) == "SQ"
        except KeyError:
            return False

    def _look_at(self, frame: _Frame, top: bool, tag: int, value: int, length: int) -> None:
        """Keep what is needed of one value that is not a sequence."""
        if top:
            self.largest = max(self.largest, length)
        if tag == _CHARACTER_SET:
            self._check_character_set(value, length)
        elif tag >> 16 & 1 and 0x10 <= tag & 0xFFFF <= 0xFF and length <= _SHORT_VALUE:
            creator = self._window.read(value, length).decode("latin-1")
            frame.creators[tag] = creator.rstrip("\0 ")

    def _keep(self, tag: int, value: int, length: int) -> None:
        if tag in self.values:
            raise self._damaged(f"{tag_text(tag)} occurs twice")
        if length > _SHORT_VALUE:
            raise self._damaged(f"{tag_text(tag)} is {length} bytes long, which no UID is")
        self.values[tag] = self._window.read(value, length)

    def _check_character_set(self, value: int, length: int) -> None:
        # pydicom splits it at the first glance, however long it is.
        if length > charsets.MAXIMUM_LENGTH:
            raise self._damaged(f"Specific Character Set is {length} bytes long")
        found = self._window.read(value, length)
        try:
            mended = charsets.mended(found)
        except charsets.NotACharacterSet:
            raise self._damaged("Specific Character Set names something that is none") from None
        if mended.rstrip() != found.rstrip(b"\0 "):
            self.patches[value] = mended

    def _damaged(self, what: str) -> DataSetError:
        frames = [frame for frame in self._stack if frame.kind is _Kind.ITEMS]
        path = " > ".join(f"{tag_text(frame.tag)} item {frame.items}" for frame in frames[-4:])
        where = f"byte {self._position}" + (f" in {path}" if path else "")
        return DataSetError(
            DicomErrorCode.READ,
            f"The data set is damaged or was cut short: {what} ({where} of "
            f"{self._window.size}). Nothing of it was used; get it from its source again.",
        )

"""Specific Character Sets that are odd."""

from __future__ import annotations

import logging
import struct
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from leaddicom.decoding import decode_data_set
from leaddicom.decoding.charsets import mended
from leaddicom.errors import DataSetError

from .elements import (
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    ITEM,
    LIMITS,
    SEQUENCE,
    deflate,
    element,
    explicit,
)


class TestCharacterSets:
    def decode(self, text: bytes, vr: bytes = b"CS") -> Dataset:
        data = explicit(0x00080005, vr, text) + explicit(0x00100010, b"PN", b"Doe^Jane")
        return decode_data_set(data, EXPLICIT, LIMITS)

    @pytest.mark.parametrize(
        ("found", "meant"),
        [
            (b"ISO_IR 100", b"ISO_IR 100"),
            (b"ISO-IR 100", b"ISO_IR 100"),
            (b"ISO 2022-IR 87", b"ISO 2022 IR 87"),
            (b"utf-8 ", b"utf-8 "),
            (b"KLINGON ", b"        "),
            (b"\\ISO 2022 IR 87 ", b"\\ISO 2022 IR 87 "),
            (b"ISO_IR 192\\ISO 2022 IR 87 ", b"ISO_IR 192                "),
            (b"ISO 2022 IR 6\\GB18030", b"ISO 2022 IR 6        "),
            (b"a\0b ", b"    "),
            (b"", b""),
        ],
    )
    def test_are_mended_in_place(self, found: bytes, meant: bytes) -> None:
        assert mended(found) == meant

    @pytest.mark.parametrize("text", [b"ISO-IR 100", b"KLINGON\n", b"ISO_IR 192\\GBK "])
    def test_that_are_odd_neither_warn_nor_log(
        self, text: bytes, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        dataset = self.decode(text)
        assert str(dataset.PatientName)
        assert not caplog.records

    def test_that_are_odd_are_mended_in_files_and_items_too(self, tmp_path: Path) -> None:
        item = element(0x00080005, b"ISO-IR 100") + element(0x00100010, b"\xc4rger ")
        data = element(SEQUENCE, ITEM + struct.pack("<L", len(item)) + item)
        path = tmp_path / "odd"
        path.write_bytes(b"head" + data)
        dataset = decode_data_set(path, IMPLICIT, LIMITS, offset=4)
        assert dataset.ReferencedImageSequence[0].PatientName == "Ärger"
        assert path.read_bytes() == b"head" + data

    def test_that_are_odd_are_mended_when_deflated(self) -> None:
        data = explicit(0x00080005, b"CS", b"ISO-IR 100")
        dataset = decode_data_set(deflate(data), DEFLATED, LIMITS)
        assert dataset.SpecificCharacterSet == "ISO_IR 100"

    @pytest.mark.parametrize("text", [b"punycode", b"idna", b"unicode_escape"])
    def test_that_are_codecs_for_something_else_are_refused(self, text: bytes) -> None:
        with pytest.raises(DataSetError, match="names something that is none"):
            self.decode(text)

    @pytest.mark.parametrize("vr", [b"SQ", b"US", b"ZZ"])
    def test_of_another_vr_are_refused(self, vr: bytes) -> None:
        with pytest.raises(DataSetError, match="has another VR than CS"):
            self.decode(b"", vr)

    def test_that_are_too_long_are_refused(self) -> None:
        assert self.decode(b"\\" * 1_024).PatientName
        with pytest.raises(DataSetError, match="Specific Character Set is 1026 bytes long"):
            self.decode(b"\\" * 1_026)

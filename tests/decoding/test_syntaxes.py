"""What a transfer syntax UID means, and what cannot be converted."""

from __future__ import annotations

import pytest
from pydicom.uid import PrivateTransferSyntaxes, register_transfer_syntax

from leaddicom.decoding import check_conversion, decode_data_set, uid_name
from leaddicom.errors import DataSetError

from .elements import EXPLICIT, JPEG, LIMITS, PATIENT, explicit


class TestTransferSyntaxes:
    @pytest.mark.parametrize("syntax", ["", "1.2.", "1.02", "../x", "1" * 65, "JPEG\n"])
    def test_a_transfer_syntax_that_is_none(self, syntax: str) -> None:
        with pytest.raises(DataSetError, match="is no transfer syntax UID") as caught:
            decode_data_set(PATIENT, syntax, LIMITS)
        assert "\n" not in caught.value.message

    def test_a_transfer_syntax_that_nobody_knows_is_explicit_little_endian(self) -> None:
        data = explicit(0x00100010, b"PN", b"Doe^Jane")
        assert decode_data_set(data, "1.2.3.4", LIMITS).PatientName == "Doe^Jane"

    def test_a_private_transfer_syntax_is_as_pydicom_was_told(self) -> None:
        register_transfer_syntax("1.2.3.5", implicit_vr=False, little_endian=False)
        try:
            data = explicit(0x00280010, b"US", b"\x01\x00", ">")
            assert decode_data_set(data, "1.2.3.5", LIMITS).Rows == 256
        finally:
            del PrivateTransferSyntaxes[-1]

    def test_name_of_the_transfer_syntax(self) -> None:
        with pytest.raises(DataSetError, match=r"JPEG Baseline.*into Explicit VR Little Endian"):
            check_conversion(JPEG, EXPLICIT)
        assert uid_name("1\n2") == "1\\n2"

"""Between encoded data sets and pydicom's, with bounds.

Every data set that a peer sends is decoded here and nowhere else: a flat pass goes over it
first, so that pydicom gets nothing that is cut short, nests too deep, inflates without end or
has elements without number.

Values are converted by pydicom when they are asked for, as always with pydicom; a value that
does not fit its VR therefore raises pydicom's error at the access, not here.
"""

from leaddicom.decoding.part10 import FileHeader, read_header
from leaddicom.decoding.reading import Encoded, decode_data_set, read_values
from leaddicom.decoding.syntaxes import NATIVE, check_conversion, encoding_of, uid_name
from leaddicom.decoding.writing import dataset_syntax, dataset_uid, encode_data_set, uid_text

__all__ = [
    "NATIVE",
    "Encoded",
    "FileHeader",
    "check_conversion",
    "dataset_syntax",
    "dataset_uid",
    "decode_data_set",
    "encode_data_set",
    "encoding_of",
    "read_header",
    "read_values",
    "uid_name",
    "uid_text",
]

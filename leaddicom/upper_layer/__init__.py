"""The DICOM upper layer without I/O (PS3.8): bytes in, indications out, and the reverse."""

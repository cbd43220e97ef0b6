"""DIMSE messages without I/O (PS3.7): bytes of P-DATA in, messages out, and the reverse."""

"""Unified Procedure Step as PS3.4 Annex CC defines it: pure functions and tables, no I/O."""

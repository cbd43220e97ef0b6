"""Unified Procedure Step (PS3.4 Annex CC): the worklist manager, and its clients."""

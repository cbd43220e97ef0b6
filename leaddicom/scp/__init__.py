"""Servers: what an SCP needs beyond one message and its answer."""

"""Sockets, threads and clocks: what moves the bytes of the protocol layers."""

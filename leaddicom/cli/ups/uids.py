"""UIDs on the command line."""

from __future__ import annotations

import argparse

from leaddicom.values import is_uid

__all__ = ["add_uid", "read_uid"]


def read_uid(text: str) -> str:
    """Read a UID, for a parser of the command line."""
    if not is_uid(text):
        raise argparse.ArgumentTypeError(f"{text!a} is no UID (PS3.5 section 9.1)")
    return text


def add_uid(parser: argparse.ArgumentParser) -> None:
    """Add the UID of the workitem that a command is about."""
    parser.add_argument("uid", metavar="UID", type=read_uid, help="of the workitem")

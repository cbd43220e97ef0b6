"""``python -m leaddicom``: the command ``leaddicom`` without its entry point."""

from __future__ import annotations

import sys

from leaddicom.cli.main import main

if __name__ == "__main__":
    sys.exit(main())

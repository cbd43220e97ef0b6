"""The tables of symptoms in the trouble-shooting page, and what stands behind their rows."""

from __future__ import annotations

import re
from dataclasses import dataclass

from docs.pages import DOCS

PAGE = "troubleshooting.md"
_CODE = re.compile("`([^`]+)`")


@dataclass(frozen=True)
class Symptom:
    """Who says what."""

    who: str
    text: str

    def is_in(self, said: str) -> bool:
        """Tell whether it was said; "…" stands for anything."""
        pattern = ".+?".join(re.escape(part) for part in self.text.split("…"))
        return re.search(pattern, said, re.DOTALL) is not None


def symptoms() -> list[Symptom]:
    """Give what the page's tables tell; a row may have several texts."""
    found = []
    for line in (DOCS / PAGE).read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith("|") and len(cells) == 4 and cells[0] not in ("Who", "---"):
            texts = _CODE.findall(cells[1]) or [""]
            found += [Symptom(cells[0].strip(), text) for text in texts]
    return [each for each in found if not each.who.startswith("---")]

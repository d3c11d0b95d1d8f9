"""``python -m agents.documenting DIRECTORY``: writes the generated pages there."""

from __future__ import annotations

import sys
from pathlib import Path

from agents.documenting.pages import write_pages

if __name__ == "__main__":
    write_pages(Path(sys.argv[1]))

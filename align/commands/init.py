"""`align init`: a starter recipe, or a starter plug-in with a recipe that uses it."""

from __future__ import annotations

import shutil
from pathlib import Path

from align.core.errors import UsageError

STARTERS = Path(__file__).parents[1] / "starters"


def init(directory: str, kind: str) -> str:
    """Write a starter recipe or plug-in into a folder.

    Raises:
        UsageError: a file of that name is there already.
    """
    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    # files only: an installed wheel holds __pycache__ too
    starters = [p for p in sorted((STARTERS / kind).iterdir()) if p.is_file()]
    for starter in starters:
        if (folder / starter.name).exists():
            raise UsageError(f"{folder / starter.name} exists; nothing was written")
    made = [str(shutil.copyfile(starter, folder / starter.name)) for starter in starters]
    recipe = next(name for name in made if name.endswith(".yaml"))
    return f"wrote {', '.join(made)}\nnext: align check {recipe} && align run {recipe}\n"

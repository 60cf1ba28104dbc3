"""Where a recipe's chat template comes from: a file, the name of one that TRL ships, or the text itself."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from align.core.config import did_you_mean


def is_text(named: str) -> bool:
    """Is this a template and not the name of one?"""
    return "{{" in named or "{%" in named


def find_template(named: str, home: Path) -> str:
    """Return the text of the chat template that a recipe names.

    Args:
        named: the text itself, a file relative to `home`, or the name of a template that TRL ships.
        home: the recipe's folder.

    Raises:
        ValueError: there is no such file or name.
    """
    if is_text(named):
        return named
    if (home / named).is_file():
        return (home / named).read_text(encoding="utf-8")
    shipped = shipped_templates()
    if named in shipped:
        return shipped[named].read_text(encoding="utf-8")
    hint = did_you_mean(named, shipped) if "/" not in named and not Path(named).suffix else ""
    raise ValueError(f"no file {named!r} (looked in {home}), and TRL ships no template of that name{hint}")


def shipped_templates() -> dict[str, Path]:
    """Return the chat templates that TRL ships by name, without importing TRL."""
    spec = importlib.util.find_spec("trl")
    folders = [Path(place) / "chat_templates" for place in spec.submodule_search_locations or ()] if spec else []
    return {path.stem: path for folder in folders for path in sorted(folder.glob("*.jinja"))}

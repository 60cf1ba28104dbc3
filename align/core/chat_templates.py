"""Where a recipe's chat template comes from: a file, the name of one that TRL ships, or the text itself."""

from __future__ import annotations

import importlib.util
import re
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
        ValueError: there is no such file or name, or it is no Jinja.
    """
    if is_text(named):
        return _parsed(named, "the text")
    if (home / named).is_file():
        return _parsed((home / named).read_text(encoding="utf-8"), named)
    shipped = shipped_templates()
    if named in shipped:
        return shipped[named].read_text(encoding="utf-8")
    hint = did_you_mean(named, shipped) if "/" not in named and not Path(named).suffix else ""
    raise ValueError(f"no file {named!r} (looked in {home}), and TRL ships no template of that name{hint}")


def _parsed(text: str, name: str) -> str:
    """Return a template that Jinja can read; `{% generation %}` is transformers' own."""
    from jinja2 import Environment, TemplateSyntaxError  # noqa: PLC0415 (most recipes name no template)

    try:
        Environment(extensions=["jinja2.ext.loopcontrols"]).parse(re.sub(r"{%-?\s*(end)?generation\s*-?%}", "", text))
    except TemplateSyntaxError as error:
        raise ValueError(f"{name}, line {error.lineno}: this is no Jinja template: {error.message}") from None
    return text


def shipped_templates() -> dict[str, Path]:
    """Return the chat templates that TRL ships by name, without importing TRL."""
    spec = importlib.util.find_spec("trl")
    folders = [Path(place) / "chat_templates" for place in spec.submodule_search_locations or ()] if spec else []
    return {path.stem: path for folder in folders for path in sorted(folder.glob("*.jinja"))}

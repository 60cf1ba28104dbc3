"""Find and try a recipe's chat template: a file, the name of one that TRL ships, or the text itself."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Iterator
from datetime import datetime
from itertools import product
from pathlib import Path
from typing import Any

from align.core.tables import json_object
from align.core.validation_errors import did_you_mean

_GENERATION = re.compile(r"{%-?\s*(end)?generation\s*-?%}")


def has_marks(template: str) -> bool:
    """Does a template mark with `{% generation %}` what the assistant writes?"""
    return bool(_GENERATION.search(template))


def is_text(named: str) -> bool:
    """Is this a template, not the name of one?"""
    return "{{" in named or "{%" in named


def find_template(named: str, home: Path) -> str:
    """Return the text of the chat template that a recipe names.

    Args:
        named: the text itself, a file relative to `home`, or the name of a template that TRL ships.
        home: the recipe's folder.

    Raises:
        ValueError: there is no such file or name, or it is not a Jinja template.
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


def template_of(folder: Path) -> tuple[str | None, dict[str, str]]:
    """Return a tokenizer's chat template and its special tokens, by name, without loading the tokenizer.

    If there are several templates, it is `default`, the one that transformers uses.
    """
    config = json_object(folder / "tokenizer_config.json")
    special = {
        name: token.get("content") if isinstance(token, dict) else token for name, token in config.items()
    }
    tokens = {
        name: token for name, token in special.items() if name.endswith("_token") and isinstance(token, str)
    }
    file = folder / "chat_template.jinja"
    if file.is_file():
        return file.read_text(encoding="utf-8"), tokens
    held = config.get("chat_template")
    if isinstance(held, list):
        held = next((each.get("template") for each in held if each.get("name") == "default"), None)
    return held if isinstance(held, str) else json_object(folder / "chat_template.json").get(
        "chat_template"
    ), tokens


def refuses(template: str, tokens: dict[str, str]) -> str | None:
    """Return why a chat template cannot be used, if so: it must take a question and show its answer.

    Args:
        template: its text.
        tokens: the tokenizer's special tokens, such as `eos_token`.
    """
    why = ""
    # with and without tools: some templates are only for rows that offer tools
    for tools, shown in product((None, _TOOLS), _forms()):
        try:
            said = _rendered(template, tokens, shown, tools)
        except Exception as error:  # a template raises whatever its author's filters raise
            why = why or f"the chat template refuses a question and its answer: {error}"
            continue
        if _ANSWERED in said:
            return None
        why = "the chat template does not show what the assistant says"
    return why


_ANSWERED = "It is quiet, old Ben said."
_TOOLS = [
    {
        "type": "function",
        "function": {"name": "look", "description": "Looks.", "parameters": {"type": "object"}},
    }
]


def _forms() -> Iterator[list[dict[str, Any]]]:
    """Yield a small conversation in the forms that templates take: text or parts, a system turn or none."""
    turns = [{"role": "user", "content": "What is it like?"}, {"role": "assistant", "content": _ANSWERED}]
    for shown in (turns, [{"role": "system", "content": "Be brief."}, *turns]):
        yield shown
        yield [turn | {"content": [{"type": "text", "text": turn["content"]}]} for turn in shown]


def _rendered(template: str, tokens: dict[str, str], messages: list[dict[str, Any]], tools: Any) -> str:
    """Render a conversation as transformers does."""
    from jinja2 import TemplateError  # noqa: PLC0415 (most recipes name no template)
    from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: PLC0415

    def refuse(message: str) -> None:
        raise TemplateError(message)

    def dumped(value: Any, ensure_ascii: bool = False, **how: Any) -> str:
        return json.dumps(value, ensure_ascii=ensure_ascii, **how)

    rules: Any = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    rules.filters["tojson"] = dumped
    rules.globals.update(raise_exception=refuse, strftime_now=lambda form: datetime.now().strftime(form))
    plain = rules.from_string(_GENERATION.sub("", template))
    return plain.render(messages=messages, tools=tools, documents=None, add_generation_prompt=False, **tokens)


def _parsed(text: str, name: str) -> str:
    """Return a template after checking that Jinja can read it; `{% generation %}` is transformers' own."""
    from jinja2 import Environment, TemplateSyntaxError  # noqa: PLC0415 (most recipes name no template)

    try:
        Environment(extensions=["jinja2.ext.loopcontrols"]).parse(_GENERATION.sub("", text))
    except TemplateSyntaxError as error:
        raise ValueError(f"{name}, line {error.lineno}: this is no Jinja template: {error.message}") from None
    return text


def shipped_templates() -> dict[str, Path]:
    """Return the chat templates that TRL ships by name, without importing TRL."""
    spec = importlib.util.find_spec("trl")
    folders = (
        [Path(place) / "chat_templates" for place in spec.submodule_search_locations or ()] if spec else []
    )
    return {path.stem: path for folder in folders for path in sorted(folder.glob("*.jinja"))}

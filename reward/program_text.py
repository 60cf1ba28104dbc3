"""Which part of a completion is the program? Text only: nothing of a model's source is parsed in this process.

A parser that a crafted text can crash would take the trainer with it; what needs a syntax tree is done in the sandbox.
"""

from __future__ import annotations

import re

_FENCE = re.compile(r"^[ \t]*```[ \t]*([\w+#.-]*)[^\n]*\n(.*?)(?:^[ \t]*```[ \t]*$|\Z)", re.DOTALL | re.MULTILINE)
_NAMES = {
    "bash": ("bash", "sh", "shell", ""),
    "cpp": ("cpp", "c++", "cc", "cxx", ""),
    "javascript": ("javascript", "js", "node", ""),
    "python": ("python", "py", "python3", ""),
}
"""What a fence may say it holds; an empty label says nothing."""


def program(text: str, entry_point: str | None = None, language: str = "python") -> str | None:
    """Return the program in a completion: of its fenced blocks the last that defines the entry point, or names it, or the last.

    A completion without a fence is the program itself. Blocks of another language are none. None where nothing is left.
    """
    if "```" not in text:
        return text if text.strip() else None
    known = _NAMES.get(language, (language, ""))
    held = [body for label, body in blocks(text) if label in known and body.strip()]
    if not held:
        return None
    name = re.escape(entry_point or "")
    defining = [body for body in held if name and re.search(rf"\bdef[ \t]+{name}\b", body)]
    naming = [body for body in held if name and re.search(rf"\b{name}\b", body)]
    return (defining or naming or held)[-1]


def blocks(text: str) -> list[tuple[str, str]]:
    """Return the fenced blocks of a completion, each as (label in small letters, text); the last may lack its end."""
    return [(label.lower(), body) for label, body in _FENCE.findall(text)]


def entry_point(texts: list[str]) -> str | None:
    """Return the function that a prompt names: the last `def NAME(` in it, or NAME of "function `NAME`"; None if none."""
    for text in texts:
        found = re.findall(r"\bdef[ \t]+([A-Za-z_]\w*)[ \t]*\(", text)
        found = found or re.findall(r"\bfunction[ \t]+(?:named[ \t]+|called[ \t]+)?[`'\"]([A-Za-z_]\w*)[`'\"(]", text)
        if found:
            return found[-1]
    return None

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
    """Return the program in a completion: of its fenced blocks the last that names the entry point, else the last.

    A completion without a fence is the program itself. Blocks of another language are none. None where nothing is left.
    """
    if "```" not in text:
        return text if text.strip() else None
    known = _NAMES.get(language, (language, ""))
    blocks = [body for label, body in _FENCE.findall(text) if label.lower() in known and body.strip()]
    if not blocks:
        return None
    named = [body for body in blocks if entry_point and re.search(rf"\b{re.escape(entry_point)}\b", body)]
    return (named or blocks)[-1]


def entry_point(texts: list[str]) -> str | None:
    """Return the function that a prompt names: the last `def NAME(` in it, or NAME of "function `NAME`"; None if none."""
    for text in texts:
        found = re.findall(r"\bdef[ \t]+([A-Za-z_]\w*)[ \t]*\(", text)
        found = found or re.findall(r"\bfunction[ \t]+(?:named[ \t]+|called[ \t]+)?[`'\"]([A-Za-z_]\w*)[`'\"(]", text)
        if found:
            return found[-1]
    return None

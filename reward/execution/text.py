"""Find the code in an answer by text alone: no source of a model is parsed in this process.

A crafted text can crash a parser, and the trainer with it, so work that needs a syntax tree is done in the
sandbox (`reward.execution.assembly`). This module finds fenced blocks by CommonMark's rules (spec 0.31, 4.5
and 5.1), with departures that answers of models need:

1. A fence may be indented to any depth, and may follow the marker of a list item.
2. A fence inside a triple-quoted string is text of that string, so a docstring with an example does not end
   its program.
3. A fence with a label, which would open a block, also ends the block that it stands in: the model forgot to
   close it.
4. An empty line without `>` does not end a block in a quotation.
5. If no line closes a block, a fence at the end of a line of code does.
6. A block labelled as Markdown is read as an answer itself: the blocks inside it count.

Every text is read in linear time, because a runaway answer can be a megabyte of the same character.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from align.core.rows import spoken

_ANYTHING = ("", "code", "none", "plaintext", "text", "txt")
_NAMES = {
    "bash": ("bash", "sh", "shell"),
    "cpp": ("cpp", "c++", "cc", "cxx"),
    "java": ("java",),
    "javascript": ("javascript", "js", "node", "jsx", "mjs"),
    "php": ("php",),
    "python": (
        "python", "py", "python3", "py3", "ipython", "pypy", "pypy3", "solution", "tool_code", "sage",
    ),
    "typescript": ("typescript", "ts", "tsx"),
}  # fmt: skip
"""The labels by which a fence names a language. An empty label, or one such as "text" (`_ANYTHING`), names
none."""
_FENCE = re.compile(
    r"(?P<quote>(?:[ \t]{0,3}>[ ]?)*+)(?P<indent>[ \t]*+(?:(?:[-*+]|\d{1,9}[.)])[ \t]++)?+)"
    r"(?P<mark>`{3,}|~{3,})(?P<info>.*)"
)
_LABEL = re.compile(r"[\s{.]*([\w+#-]*(?:\.py\b)?)")
_QUOTED = r"(?:[ \t]{0,3}>[ ]?)"
_OUTSIDE = re.compile(r"\\.|#.*|\"\"\"|'''|\"(?:\\.|[^\"\\])*+\"|'(?:\\.|[^'\\])*+'")
_INSIDE = {mark: re.compile(rf"\\.|{mark}") for mark in ('"""', "'''")}
_ENDED = re.compile(r"(?<=[`~])[ \t]*(?:<\|[^|<>\n]{1,40}\|>|</s>|\*\*|\.)+$")
"""What answers write directly after a closing fence: the end of their turn, of bold text or of a sentence."""
_MARKED = re.compile(r"(?:\A|.*?\n)[ \t]*\[BEGIN\](.*?)(?:\[DONE\]|\Z)|(.*?)\n[ \t]*\[DONE\]", re.DOTALL)
"""The markers that MBPP's prompt puts around code (Austin et al. 2021, arXiv 2108.07732)."""
_MARKDOWN = ("markdown", "md")
MAX_DEPTH = 20
"""Deepest nesting of quotations in which fences are found."""
LOOK_AHEAD = 20_000
"""Most lines of a text that are read twice, in total. The reader goes back to a fence that it first took for
text: one in a string that never ended, or at the end of a line."""


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block."""

    label: str
    """The label of its fence, in lower case."""
    text: str
    before: str = ""
    """The lines between the previous block, or the beginning, and this block's fence."""

    def may_hold(self, language: str) -> bool:
        """Can the block hold a program in a language, judging by its label?"""
        label = _short_name(self.label)
        return bool(self.text.strip()) and (label in _ANYTHING or label in _NAMES.get(language, (language,)))


@dataclass(frozen=True, slots=True)
class CodeAnswer:
    """The text and the blocks of an answer, without the reasoning that it puts in tags."""

    whole: str
    blocks: list[Block] = field(default_factory=list)
    after: str = ""
    """The lines after the last block."""

    @property
    def outside(self) -> str:
        """The lines that are in no block."""
        return "\n".join(text for text in (*(block.before for block in self.blocks), self.after) if text)

    def sources(self, language: str = "python") -> list[str]:
        """Return the texts of the blocks that can hold a program in a language."""
        return [block.text for block in self.blocks if block.may_hold(language)]


@dataclass(frozen=True, slots=True)
class _Opening:
    mark: str
    length: int
    indent: int
    depth: int
    """How many quotations the fence is nested in."""
    label: str


def program(text: str, entry_point: str | None = None, language: str = "python") -> str | None:
    """Return the block of an answer that is the program; None if no block is left.

    It is the last block that defines the entry point, else the last that names it, else the last. An answer
    without a fence is the program itself. Blocks of another language are left out. If some blocks are
    labelled with the language (not Python), blocks without a label are left out too. Text alone can tell no
    more; `reward.execution.assembly` also joins blocks of Python and finds code between sentences.
    """
    answer = read(text)
    if not answer.blocks:
        return answer.whole if answer.whole.strip() else None
    found = answer.sources(language)
    if language != "python":
        labelled = [block.text for block in answer.blocks if block.label in _NAMES.get(language, ())]
        found = [source for source in labelled if source.strip()] or found
    if entry_point:
        name = re.escape(entry_point)
        found = _with(rf"\bdef[ \t]+{name}\b", found) or _with(rf"\b{name}\b", found) or found
    return found[-1] if found else None


def _with(pattern: str, sources: Sequence[str]) -> list[str]:
    return [source for source in sources if re.search(pattern, source)]


def language_named(name: str) -> str | None:
    """Return the language that a data set or a fence names, such as "C++" or "js"; None if unknown."""
    plain = name.strip().lower()
    return next((language for language, names in _NAMES.items() if plain in names), None)


def blocks(text: str) -> list[tuple[str, str]]:
    """Return the fenced blocks of a text as (label in lower case, text); the last may lack its end."""
    return [(block.label, block.text) for block in _split(text)[0]]


def read(text: str) -> CodeAnswer:
    """Split an answer into its blocks and the text around them, without reasoning that is in tags."""
    whole = spoken(text).removeprefix("\ufeff")
    if "[BEGIN]" in whole or "[DONE]" in whole:
        marked = _MARKED.match(whole)
        whole = (marked[1] or marked[2] or "") if marked else whole
    found, after = _split(whole)
    return CodeAnswer(whole, found, after)


def entry_point(texts: Sequence[str]) -> str | None:
    """Return the function that a prompt names; None if it names none.

    The first text that names a function decides: by its last `def NAME(`, else by its last "function `NAME`".
    """
    for text in texts:
        found = re.findall(r"\bdef[ \t]+([A-Za-z_]\w*)[ \t]*\(", text)
        found = found or re.findall(
            r"\bfunction[ \t]+(?:named[ \t]+|called[ \t]+)?[`'\"]([A-Za-z_]\w*)[`'\"(]", text
        )
        if found:
            return found[-1]
    return None


# -- fences --------------------------------------------------------------------------------------------------


def _split(text: str, markdown: bool = True) -> tuple[list[Block], str]:
    """Return the blocks of a text, each with the lines before it, and the lines after the last block."""
    lines = text.replace("\r\n", "\n").split("\n")
    found: list[Block] = []
    outside: list[str] = []
    number, spare = 0, LOOK_AHEAD
    while number < len(lines):
        opening = _opening(lines[number])
        number += 1
        if opening is None:
            outside.append(lines[number - 1])
            continue
        body, number, spare = _body(lines, number, opening, spare)
        if not (markdown and opening.label in _MARKDOWN):
            found.append(Block(opening.label, body, "\n".join(outside)))
            outside = []
            continue
        for inner in _split(body, markdown=False)[0]:
            found.append(replace(inner, before="\n".join([*outside, inner.before])))
            outside = []
    return found, "\n".join(outside)


def _opening(line: str) -> _Opening | None:
    """Return the fence that a line opens; None if it opens none."""
    match = _FENCE.match(line)
    if match is None:
        return None
    mark, depth = match["mark"], match["quote"].count(">")
    if depth > MAX_DEPTH or (mark[0] == "`" and "`" in match["info"]):  # ```code``` is a word in a sentence
        return None
    label = _LABEL.match(match["info"].expandtabs())
    return _Opening(mark[0], len(mark), len(match["indent"]), depth, label[1].lower() if label else "")


def _body(lines: Sequence[str], start: int, opening: _Opening, spare: int) -> tuple[str, int, int]:
    """Return the text of a block, the number of the line after it, and what is left of `LOOK_AHEAD`.

    A fence in a string does not end the block. If that string never ends, it was no string, and the first
    such fence ends the block. A fence at the end of a line of code ends the block if nothing else does.
    """
    body: list[str] = []
    string, first, at_end = "", -1, -1
    for number in range(start, len(lines)):
        line = _unquoted(lines[number], opening.depth)
        if line is None:
            return _joined(body), number, spare
        closes = _closes(line, opening)
        if closes and not string:
            return _joined(body), number + 1, spare
        if not string and _opens_another(line, opening):
            return _joined(body), number, spare
        if closes and first < 0:
            first = len(body)
        if at_end < 0 and not string and line.rstrip().endswith(opening.mark * opening.length):
            at_end = len(body)
        body.append(_dedented(line, opening.indent))
        string = _string(line, string)
        spare -= max(first, at_end) >= 0
        if spare < 0:
            break
    if first >= 0:
        return _joined(body[:first]), start + first + 1, spare
    if at_end >= 0:  # `return x```` on one line
        last = body[at_end].rstrip().rstrip(opening.mark)
        return _joined([*body[:at_end], last]), start + at_end + 1, spare
    return "\n".join(body), len(lines), spare


def _joined(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _unquoted(line: str, depth: int) -> str | None:
    """Return a line of a quotation without its `>` marks; None if the quotation has ended."""
    if not depth:
        return line
    match = re.match(rf"{_QUOTED}{{{depth}}}", line)
    if match:
        return line[match.end() :]
    return None if line.strip() else ""


def _closes(line: str, opening: _Opening) -> bool:
    inner = line.lstrip(" \t")
    indent = len(line) - len(inner)
    inner = _ENDED.sub("", inner.rstrip(" \t\r"))
    return len(inner) >= opening.length and not inner.strip(opening.mark) and indent < opening.indent + 4


def _opens_another(line: str, opening: _Opening) -> bool:
    inner = line.lstrip(" \t")
    if not inner.startswith(opening.mark * opening.length) or len(line) - len(inner) >= opening.indent + 4:
        return False
    other = _opening(line)
    return other is not None and bool(other.label)


def _dedented(line: str, indent: int) -> str:
    return line[min(indent, len(line) - len(line.lstrip(" \t"))) :]


def _string(line: str, string: str) -> str:
    """Return the triple quotes still open after a line of Python, given those open before it; "" for none."""
    position = 0
    while match := (_INSIDE[string] if string else _OUTSIDE).search(line, position):
        position, token = match.end(), match.group()
        if string:
            string = "" if token == string else string
        elif token in _INSIDE:
            string = token
    return string


def _short_name(label: str) -> str:
    return "python" if label.endswith(".py") else label

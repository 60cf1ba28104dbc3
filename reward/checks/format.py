"""Shapes of lines: lists, titles, sections, highlights, headings, tables, fences (IFEval's `detectable_format`).

Departures from IFEval, all to the strict side: a title is the first line, not anywhere; sections are numbered from 1 and
stand on lines of their own; a highlight's two sides are equal; `bullets` is the whole answer (`bullet_points` is IFEval's).
"""

from __future__ import annotations

import re

from reward.checks.reading import alike
from reward.checks.units import from_one, lines, one_line, short

_STARS = re.compile(r"(\*+)")
_CELL_RULE = re.compile(r":?-+:?")
_NUMBERED = re.compile(r"([0-9]+)\. (.*)")


def bullets(text: str, *, n: int) -> str:
    """The text is `n` lines `- item` and nothing else: no blank line, no indent, no empty item, no item twice."""
    found = text.split("\n")
    for line in found:
        if not (line.startswith("- ") and line[2:].strip()):
            return f"the line {short(line)} is not a '- ' item"
    if len({line[2:].strip().casefold() for line in found}) < len(found):
        return "an item occurs twice"
    return "" if len(found) == n else f"{len(found)} bullets, not {n}"


def bullet_points(text: str, *, n: int) -> str:
    """Exactly `n` lines are `- item` or `* item`, without indent; any other lines may stand around them."""
    count = sum(line.startswith(("- ", "* ")) and bool(line[2:].strip()) for line in lines(text))
    return "" if count == n else f"{count} bullet points, not {n}"


def numbered_list(text: str, *, n: int) -> str:
    """The text is `n` lines `1. item`, `2. item` and so on, and nothing else: no blank line, no indent, no empty item."""
    found = text.split("\n")
    for number, line in enumerate(found, start=1):
        match = _NUMBERED.fullmatch(line)
        if not match or match[1] != str(number) or not match[2].strip():
            return f"the line {short(line)} is not '{number}. ' and an item"
    return "" if len(found) == n else f"{len(found)} items, not {n}"


def title(text: str) -> str:
    """The first line is `<<title>>` and nothing else, no other angle bracket in it, and more lines follow."""
    first, *rest = text.split("\n")
    first = first.rstrip()
    inside = first[2:-2]
    if not (len(first) > 4 and first.startswith("<<") and first.endswith(">>") and inside.strip()):
        return f"the first line is {short(first)}, not <<title>>"
    if "<" in inside or ">" in inside:
        return "the title has more angle brackets"
    return "" if lines("\n".join(rest)) else "nothing follows the title"


def highlights(text: str, *, n: int) -> str:
    """At least `n` pieces in one line each stand in one or two asterisks: `*this*`, `**that**`, no space next to them inside.

    `* item` is no highlight, and neither is `*this**` nor `***that***`.
    """
    count = sum(map(_highlighted, text.split("\n")))
    return "" if count >= n else f"{count} highlighted pieces, at least {n} wanted"


def _highlighted(line: str) -> int:
    """Count from left to right: opening asterisks, text, as many closing ones."""
    pieces = _STARS.split(line)  # text, stars, text, ..., stars, text
    count, i = 0, 1
    while i + 2 < len(pieces):
        inside = pieces[i + 1]
        whole = len(pieces[i]) <= 2 and pieces[i] == pieces[i + 2] and inside and inside == inside.strip()
        count += bool(whole)
        i += 4 if whole else 2
    return count


def sections(text: str, *, marker: str, n: int) -> str:
    """The lines `marker` 1 to `marker` `n` are there, each once and in order, with another line after each.

    Such a line holds nothing else; `marker` 0 or `marker` `n` + 1 on a line of its own makes it fail.
    """
    marker = alike(one_line(marker))
    last = from_one(n, "n")
    found = [line.strip() for line in lines(alike(text))]
    head = re.compile(rf"{re.escape(marker)} [0-9]+")
    heads = [i for i, line in enumerate(found) if head.fullmatch(line)]
    if [found[i] for i in heads] != [f"{marker} {k}" for k in range(1, last + 1)]:
        return f"{len(heads)} lines like '{marker} 1', not 1 to {n} in order"
    empty = next((found[i] for i, after in zip(heads, [*heads[1:], len(found)], strict=True) if after == i + 1), "")
    return f"nothing follows {empty!r}" if empty else ""


def headings(text: str, *, n: int) -> str:
    """Exactly `n` lines are Markdown headings: one to six `#`, a space and a text; lines in code fences count, too."""
    count = sum(bool(re.match(r"#{1,6} +\S", line)) for line in lines(text))
    return "" if count == n else f"{count} headings, not {n}"


def markdown_table(text: str, *, columns: int, rows: int) -> str:
    r"""There is exactly one Markdown table, of `columns` columns and `rows` rows below its heading; other text is free.

    A table is lines next to each other that begin with "|": each ends with "|", and the second is of dashes ("---", ":-:").
    Cells may be empty; "\|" divides none.
    """
    from_one(columns, "columns")
    blocks: list[list[str]] = [[]]
    for line in map(str.strip, text.split("\n")):
        if line.startswith("|"):
            blocks[-1].append(line)
        elif blocks[-1]:
            blocks.append([])
    tables = [block for block in blocks if block]
    if len(tables) != 1:
        return f"{len(tables)} tables, not 1"
    cells = []
    for line in tables[0]:
        found = line.replace("\\|", "").split("|")
        if len(found) < 3 or found[-1]:
            return f"the line {short(line)} does not end with '|'"
        cells.append([cell.strip() for cell in found[1:-1]])
    if len(cells) < 2 or not all(map(_CELL_RULE.fullmatch, cells[1])):
        return "the second line of the table is not of dashes"
    wrong = next((i for i, row in enumerate(cells) if len(row) != columns), None)
    if wrong is not None:
        return f"{len(cells[wrong])} cells in a line of the table, not {columns}"
    return "" if len(cells) - 2 == rows else f"{len(cells) - 2} rows below the heading, not {rows}"


def code_block(text: str, *, language: str) -> str:
    """There is exactly one fenced code block, marked `language`, with a line inside; other text is free around it.

    Its first line is three backticks and `language`, its last line three backticks, none indented.
    """
    one_line(language)
    found = [line.rstrip() for line in text.split("\n")]
    fences = [i for i, line in enumerate(found) if line.startswith("```")]
    if len(fences) != 2:
        return f"{len(fences)} lines begin with three backticks, not 2"
    first, last = fences
    if found[first] != f"```{language}" or found[last] != "```":
        return f"the block is not between ```{language} and ```"
    return "" if any(found[first + 1 : last]) else "the code block is empty"

"""Check shapes of lines: lists, titles, headings, tables, fences (IFEval's `detectable_format`).

All departures from IFEval are stricter: a title must be the first line; sections are numbered from 1 and have
lines of their own; the two sides of a highlight are equal; `bullets` is the whole answer (`bullet_points` is
IFEval's). The content of a fenced code block is code: bullet points, headings, highlights and tables in it do
not count.
"""

from __future__ import annotations

import re
from itertools import pairwise

from reward.constraints.checks.reading import alike
from reward.constraints.checks.units import from_one, lines, one_line, short, unfenced

_STARS = re.compile(r"(\*+)")
_CELL_RULE = re.compile(r":?-+:?")
# escaped asterisks, and those of code within a line
_NOT_STARS = re.compile(r"\\\*|(?<!`)(`{1,2})(?!`)[^`\n]+\1(?!`)")
_RULE = re.compile(r"[ \t]*([-*_])(?:[ \t]*\1){2,}[ \t]*")  # a horizontal rule: "---", "* * *"
_HEADING = re.compile(r"#{1,6} +\S")
_UNDERLINE = re.compile(r" {0,3}(?:={3,}|-{3,})[ \t]*")
_NO_TEXT = re.compile(r" {0,3}(?:#{1,6} |[>|]|[-*+] |[0-9]{1,9}[.)] )|    |\t")
_NUMBERED = re.compile(r"([0-9]+)\. (.*)")


def bullets(text: str, *, n: int) -> str:
    """The text is `n` lines `- item` and nothing else: no blank line, indent, empty or repeated item."""
    found = text.split("\n")
    for line in found:
        if not (line.startswith("- ") and _is_item(line)):
            return f"the line {short(line)} is not a '- ' item"
    if len({line[2:].strip().casefold() for line in found}) < len(found):
        return "an item occurs twice"
    return "" if len(found) == n else f"{len(found)} bullets, not {n}"


def bullet_points(text: str, *, n: int) -> str:
    """Exactly `n` lines are `- item` or `* item`, without indent; there may be other lines.

    Lines in fenced code do not count, and neither does a rule such as `* * *`.
    """
    count = sum(map(_is_item, unfenced(text)))
    return "" if count == n else f"{count} bullet points, not {n}"


def _is_item(line: str) -> bool:
    return line.startswith(("- ", "* ")) and bool(line[2:].strip()) and not _RULE.fullmatch(line)


def numbered_list(text: str, *, n: int) -> str:
    """The text is `n` lines `1. item`, `2. item` and so on: no other line, no indent, no empty item."""
    found = text.split("\n")
    for number, line in enumerate(found, start=1):
        match = _NUMBERED.fullmatch(line)
        if not match or match[1] != str(number) or not match[2].strip():
            return f"the line {short(line)} is not '{number}. ' and an item"
    return "" if len(found) == n else f"{len(found)} items, not {n}"


def title(text: str) -> str:
    """The first line is `<<title>>` and nothing else, without other angle brackets, and more lines follow."""
    first, *rest = text.split("\n")
    first = first.rstrip()
    inside = first[2:-2]
    if not (len(first) > 4 and first.startswith("<<") and first.endswith(">>") and inside.strip()):
        return f"the first line is {short(first)}, not <<title>>"
    if "<" in inside or ">" in inside:
        return "the title has more angle brackets"
    return "" if lines("\n".join(rest)) else "nothing follows the title"


def highlights(text: str, *, n: int) -> str:
    """At least `n` pieces within a line have one to three asterisks on both sides: `*this*`, `**that**`.

    There is no space between the asterisks and the piece. `* item` is no highlight, and neither is `*this**`
    nor the product 2*3*4, nor anything in code.
    """
    count = sum(map(_highlighted, unfenced(text)))
    return "" if count >= n else f"{count} highlighted pieces, at least {n} wanted"


def _highlighted(line: str) -> int:
    """Count highlights from left to right: opening asterisks, text, equally many closing asterisks."""
    pieces = _STARS.split(_NOT_STARS.sub("-", line))  # text, stars, text, ..., stars, text
    count, i = 0, 1
    while i + 2 < len(pieces):
        inside = pieces[i + 1]
        opens = len(pieces[i]) <= 3 and not pieces[i - 1][-1:].isdigit()
        whole = opens and pieces[i] == pieces[i + 2] and inside and inside == inside.strip()
        count += bool(whole)
        i += 4 if whole else 2
    return count


def sections(text: str, *, marker: str, n: int) -> str:
    """The lines `marker` 1 to `marker` `n` occur, each once and in order, with another line after each.

    Such a line contains nothing else; `marker` 0 or `marker` `n` + 1 on a line of its own makes the text
    fail.
    """
    marker = alike(one_line(marker))
    last = from_one(n, "n")
    found = [line.strip() for line in lines(alike(text))]
    head = re.compile(rf"{re.escape(marker)} [0-9]+")
    heads = [i for i, line in enumerate(found) if head.fullmatch(line)]
    if [found[i] for i in heads] != [f"{marker} {k}" for k in range(1, last + 1)]:
        return f"{len(heads)} lines like '{marker} 1', not 1 to {n} in order"
    empty = next(
        (found[i] for i, after in zip(heads, [*heads[1:], len(found)], strict=True) if after == i + 1), ""
    )
    return f"nothing follows {empty!r}" if empty else ""


def headings(text: str, *, n: int) -> str:
    """Exactly `n` lines are Markdown headings: `#` to `######` and a text, or text underlined by `=` or `-`.

    A heading of the first kind is one to six `#`, a space and a text. Lines in fenced code do not count. A
    text right above a line of three or more `=` or `-` is a heading, as in rendered Markdown; under a blank
    line, an item, a quotation or a heading, such a line is a rule.
    """
    count = sum(
        bool(_HEADING.match(line)) or _underlined(line, below)
        for line, below in pairwise([*unfenced(text), ""])
    )
    return "" if count == n else f"{count} headings, not {n}"


def _underlined(line: str, below: str) -> bool:
    text = (
        bool(line.strip())
        and not _NO_TEXT.match(line)
        and not _RULE.fullmatch(line)
        and not _UNDERLINE.fullmatch(line)
    )
    return text and bool(_UNDERLINE.fullmatch(below))


def markdown_table(text: str, *, columns: int, rows: int) -> str:
    r"""There is exactly one Markdown table, of `columns` columns and `rows` rows below its heading.

    Other text is free. A table is a heading of cells between "|", a line of as many cells of dashes ("---",
    ":-:") and the lines right below that contain "|". A line has "|" at both ends or at neither. Cells may be
    empty; "\|" does not separate cells.
    """
    from_one(columns, "columns")
    tables = _tables(unfenced(text))
    if len(tables) != 1:
        return f"{len(tables)} tables, not 1"
    wrong = next((row for row in tables[0] if len(row) != columns), None)
    if wrong is not None:
        return f"{len(wrong)} cells in a line of the table, not {columns}"
    return "" if len(tables[0]) - 2 == rows else f"{len(tables[0]) - 2} rows below the heading, not {rows}"


def _tables(found: list[str]) -> list[list[list[str]]]:
    """Return the tables, each as the cells of its lines."""
    tables: list[list[list[str]]] = []
    inside, above = False, []
    for line in found:
        cells = _cells(line)
        inside = inside and cells is not None
        if inside:
            tables[-1].append(cells or [])
        elif cells and above and len(cells) == len(above) and all(map(_CELL_RULE.fullmatch, cells)):
            tables.append([above, cells])
            inside = True
        above = cells
    return tables


def _cells(line: str) -> list[str] | None:
    """Return the cells of a line; none if it has "|" at one end only, None if it has no "|"."""
    line = line.strip().replace("\\|", "")
    if "|" not in line:
        return None
    ends = line.startswith("|"), line.endswith("|")
    if all(ends) and len(line) > 1:
        line = line[1:-1]
    elif any(ends):
        return []
    return [cell.strip() for cell in line.split("|")]


def code_block(text: str, *, language: str) -> str:
    """There is exactly one fenced code block, marked `language`, with a line inside; other text is free.

    Its first line is three backticks and `language`, its last line is three backticks; neither is indented.
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

"""What must be in the answer, or be the answer: a number, one of some options, placeholders, a postscript, dates.

The first two are IFEval's `constrained_response` (where the answer must be the option, not only hold it), the
next two its `detectable_content` (where equal placeholders count once, and a postscript is the last
paragraph, not anywhere).
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal

from reward.constraints.checks.reading import alike
from reward.constraints.checks.units import one_line, paragraphs, short

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_PLACEHOLDER = re.compile(
    r"(?<![A-Za-z0-9_])(?<![-*+] )\[([^\[\]\n]+)\](?!\()|(?<=[-*+] )\[([^\[\]\n]{2,})\](?!\()"
)  # "- [x]" is a task
_ISO_DATE = re.compile(r"(?<![0-9-])[0-9]{4}-[0-9]{2}-[0-9]{2}(?![0-9-])")


def equals_number(text: str, *, number: int | float) -> str:
    """The text is one decimal number and nothing else, equal in value: "7" and "7.0" are 7; "7." and "+7" are not."""
    found = alike(text)  # the minus sign of mathematics is another than the hyphen
    same = bool(_NUMBER.fullmatch(found)) and Decimal(found) == Decimal(str(number))
    return "" if same else f"the answer is {short(text)}, not just {number}"


def one_of(text: str, *, options: list[str]) -> str:
    """The whole text is one of `options`, same case, nothing around it.

    Raises:
        ValueError: no options, or one is empty or has white space around it.
    """
    if not options or any(not option or option != option.strip() for option in options):
        raise ValueError(
            f"options is {options!r}; give at least one, none empty or with white space around it"
        )
    return "" if alike(text) in map(alike, options) else f"{short(text)} is none of the options"


def placeholders(text: str, *, n: int) -> str:
    """At least `n` different placeholders: a name in square brackets in one line, as in [name]; no Markdown link.

    A note "[1]" has no letter, "- [x]" is a task that is done, and "a[i]" is an item of a list: none is a
    placeholder.
    """
    names = {"".join(inside).strip() for inside in _PLACEHOLDER.findall(text)}
    found = {name for name in names if any(map(str.isalpha, name))}
    return "" if len(found) >= n else f"{len(found)} different placeholders, at least {n} wanted"


def postscript(text: str, *, marker: str) -> str:
    """The last of at least two paragraphs begins with `marker` ("P.S."), same case, and more text."""
    wanted, found = alike(one_line(marker)), paragraphs(alike(text))
    if len(found) < 2 or not found[-1].startswith(wanted):
        return (
            f"the last paragraph does not begin with {marker!r}"
            if len(found) > 1
            else "there is only one paragraph"
        )
    return "" if found[-1].removeprefix(wanted).strip() else f"nothing follows {marker!r}"


def iso_dates(text: str, *, n: int) -> str:
    """At least `n` dates of the calendar as YYYY-MM-DD, with no digit or hyphen right before or after."""
    count = sum(map(_is_date, _ISO_DATE.findall(text)))
    return "" if count >= n else f"{count} dates like 2024-02-29, at least {n} wanted"


def _is_date(string: str) -> bool:
    try:
        date.fromisoformat(string)
    except ValueError:
        return False
    return True

"""Check content: a number, one of some options, placeholders, a postscript, dates.

The first two are IFEval's `constrained_response` (but here the whole answer must be the option, not only
contain it), the next two are its `detectable_content` (but here equal placeholders count once, and a
postscript must be the last paragraph).
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal

from reward.constraints.checks.reading import alike
from reward.constraints.checks.units import one_line, paragraphs, short

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
# "- [x]" is a task
_PLACEHOLDER = re.compile(
    r"(?<![A-Za-z0-9_])(?<![-*+] )\[([^\[\]\n]+)\](?!\()|(?<=[-*+] )\[([^\[\]\n]{2,})\](?!\()"
)
_ISO_DATE = re.compile(r"(?<![0-9-])[0-9]{4}-[0-9]{2}-[0-9]{2}(?![0-9-])")


def equals_number(text: str, *, number: int | float) -> str:
    """The text is only a decimal number equal to `number`: "7" and "7.0" are 7; "7." and "+7" are not."""
    found = alike(text)  # the minus sign and the hyphen become one
    same = bool(_NUMBER.fullmatch(found)) and Decimal(found) == Decimal(str(number))
    return "" if same else f"the answer is {short(text)}, not just {number}"


def one_of(text: str, *, options: list[str]) -> str:
    """The whole text is one of `options`, in the same case, with nothing around it.

    Raises:
        ValueError: there are no options, or one is empty or has white space around it.
    """
    if not options or any(not option or option != option.strip() for option in options):
        raise ValueError(
            f"options is {options!r}; give at least one, none empty or with white space around it"
        )
    return "" if alike(text) in map(alike, options) else f"{short(text)} is none of the options"


def placeholders(text: str, *, n: int) -> str:
    """There are at least `n` different placeholders, which are names in square brackets, such as [name].

    A placeholder is within one line and is no Markdown link. A note "[1]" has no letter, "- [x]" is a
    finished task, and "a[i]" is an item of a list: these are no placeholders.
    """
    names = {"".join(inside).strip() for inside in _PLACEHOLDER.findall(text)}
    found = {name for name in names if any(map(str.isalpha, name))}
    return "" if len(found) >= n else f"{len(found)} different placeholders, at least {n} wanted"


def postscript(text: str, *, marker: str) -> str:
    """The last of at least two paragraphs begins with `marker` ("P.S."), in the same case, and continues."""
    wanted, found = alike(one_line(marker)), paragraphs(alike(text))
    if len(found) < 2 or not found[-1].startswith(wanted):
        return (
            f"the last paragraph does not begin with {marker!r}"
            if len(found) > 1
            else "there is only one paragraph"
        )
    return "" if found[-1].removeprefix(wanted).strip() else f"nothing follows {marker!r}"


def iso_dates(text: str, *, n: int) -> str:
    """There are at least `n` calendar dates as YYYY-MM-DD, with no digit or hyphen right before or after."""
    count = sum(map(_is_date, _ISO_DATE.findall(text)))
    return "" if count >= n else f"{count} dates like 2024-02-29, at least {n} wanted"


def _is_date(string: str) -> bool:
    try:
        date.fromisoformat(string)
    except ValueError:
        return False
    return True

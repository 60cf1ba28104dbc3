"""Check for forbidden characters, and for quotation marks around the whole answer.

These are IFEval's `punctuation` and `quotation`. Departure: IFEval's `quotation` looks only at the first and
the last character; here '"Yes" and "no"' is not one quotation.
"""

from __future__ import annotations

import unicodedata

from reward.constraints.checks.reading import alike

COMMAS = ",՝،߸፣᠂᠈⸲⸴⹁⹉⹌、꓾꘍꛵︐︑﹐﹑，､𑑍𑑚𖺗𝪇"  # noqa: RUF001 (commas of other scripts are meant)
"""The punctuation marks whose Unicode name contains "comma"."""


def no_commas(text: str) -> str:
    """There is no comma: neither "," nor that of another script ("،", "、", "，")."""  # noqa: RUF002
    found = next((c for c in COMMAS if c in text), "")
    return f"has the comma {found!r}" if found else ""


def no_characters(text: str, *, characters: str) -> str:
    """None of `characters` occurs, in the same case, in any width; all kinds of a quotation mark are one.

    Raises:
        ValueError: there are no characters, or white space among them.
    """
    if not characters or any(c.isspace() for c in characters):
        raise ValueError(f"characters is {characters!r}; give at least one, no white space")
    text = alike(text)
    found = next(
        (c for c in characters if alike(c) in text or ("!" <= c <= "~" and chr(ord(c) + 0xFEE0) in text)), ""
    )
    return f"has {found!r}" if found else ""  # U+FF01 to U+FF5E are the wide "!" to "~"


def no_digits(text: str) -> str:
    """There is no digit, in any script, not even raised ("²") or in a fraction ("½")."""
    found = next(
        (c for c in text if c.isnumeric() and any(map(str.isdigit, unicodedata.normalize("NFKC", c)))), ""
    )
    return f"has the digit {found!r}" if found else ""


def quoted(text: str) -> str:
    """The whole text is between straight double quotes, is not empty, and has no other double quote."""
    inside = text[1:-1]
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return "is not between double quotes"
    if '"' in inside:
        return "has more double quotes than the first and the last"
    return "" if inside.strip() else "there is nothing between the quotes"

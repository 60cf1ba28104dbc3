"""Characters that may not occur, and quotation marks around everything (IFEval's `punctuation` and `quotation`).

Departure: IFEval's `quotation` looks at the first and the last character only; here '"Yes" and "no"' is not
one quotation.
"""

from __future__ import annotations

import unicodedata

from reward.constraints.checks.reading import alike

COMMAS = ",՝،߸፣᠂᠈⸲⸴⹁⹉⹌、꓾꘍꛵︐︑﹐﹑，､𑑍𑑚𖺗𝪇"  # noqa: RUF001 (commas of other scripts are meant)
"""The punctuation marks that Unicode names a comma."""


def no_commas(text: str) -> str:
    """There is no comma: neither "," nor that of another script ("،", "、", "，")."""  # noqa: RUF002
    found = next((c for c in COMMAS if c in text), "")
    return f"has the comma {found!r}" if found else ""


def no_characters(text: str, *, characters: str) -> str:
    """None of `characters` occurs, same case; of any width, and any kind of quotation mark for one.

    Raises:
        ValueError: no characters, or white space among them.
    """
    if not characters or any(c.isspace() for c in characters):
        raise ValueError(f"characters is {characters!r}; give at least one, no white space")
    text = alike(text)
    found = next(
        (c for c in characters if alike(c) in text or ("!" <= c <= "~" and chr(ord(c) + 0xFEE0) in text)), ""
    )
    return f"has {found!r}" if found else ""  # U+FF01 to U+FF5E are the wide "!" to "~"


def no_digits(text: str) -> str:
    """There is no digit, of any script and also raised ("²") or in a fraction ("½")."""
    found = next(
        (c for c in text if c.isnumeric() and any(map(str.isdigit, unicodedata.normalize("NFKC", c)))), ""
    )
    return f"has the digit {found!r}" if found else ""


def quoted(text: str) -> str:
    """The whole text is between straight double quotes, with something between and no other double quote there."""
    inside = text[1:-1]
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return "is not between double quotes"
    if '"' in inside:
        return "has more double quotes than the first and the last"
    return "" if inside.strip() else "there is nothing between the quotes"

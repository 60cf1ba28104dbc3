"""Characters that may not occur, and quotation marks around everything (IFEval's `punctuation` and `quotation`).

Departure: IFEval's `quotation` looks at the first and the last character only; here '"Yes" and "no"' is not one quotation.
"""

from __future__ import annotations


def no_commas(text: str) -> str:
    """There is no comma ","."""
    return "has a comma" if "," in text else ""


def no_characters(text: str, *, characters: str) -> str:
    """None of `characters` occurs, same case; each stands for itself.

    Raises:
        ValueError: no characters, or white space among them.
    """
    if not characters or any(c.isspace() for c in characters):
        raise ValueError(f"characters is {characters!r}; give at least one, no white space")
    found = next((c for c in characters if c in text), "")
    return f"has {found!r}" if found else ""


def no_digits(text: str) -> str:
    """There is no digit, of any script and also raised ("²")."""
    found = next((c for c in text if c.isdigit()), "")
    return f"has the digit {found!r}" if found else ""


def quoted(text: str) -> str:
    """The whole text is between straight double quotes, with something between and no other double quote there."""
    inside = text[1:-1]
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return "is not between double quotes"
    if '"' in inside:
        return "has more double quotes than the first and the last"
    return "" if inside.strip() else "there is nothing between the quotes"

"""Check answers made of pieces: a repeated word, the request first, several parts (IFEval's `combination`).

Departures: IFEval's `two_responses` is `parts` with the separator "******"; its paragraphs between "***" are
`parts` too. Our separator has a line of its own. IFEval's `repeat_prompt` ignores case; ours compares the
request exactly.
"""

from __future__ import annotations

from reward.constraints.checks.reading import alike
from reward.constraints.checks.units import from_one, one_line


def repeat(text: str, *, word: str, n: int) -> str:
    """The text is `word`, `n` times, with one space between: same case, no punctuation, nothing else."""
    return (
        ""
        if alike(text) == alike(" ".join([word] * n))
        else f"not {word!r} repeated {n} times with single spaces"
    )


def repeat_then_answer(text: str, *, request: str) -> str:
    """The text begins with `request` word for word, then white space, then more.

    Raises:
        ValueError: the request is empty.
    """
    text, wanted = alike(text), alike(request.strip())
    if not wanted:
        raise ValueError("request is empty; give the text to repeat")
    rest = text.removeprefix(wanted)
    if rest == text:
        return "does not begin with the request"
    return "" if rest[:1].isspace() else "no white space and answer after the request"


def parts(text: str, *, separator: str, n: int) -> str:
    """The text is `n` parts, all different, none blank, separated by lines that are just `separator`."""
    wanted = alike(one_line(separator))
    found: list[list[str]] = [[]]
    for line in text.split("\n"):
        if alike(line).strip() == wanted:
            found.append([])
        else:
            found[-1].append(line)
    whole = ["\n".join(part).strip() for part in found]
    if len(whole) != from_one(n, "n"):
        return f"{len(whole)} parts between {separator!r}, not {n}"
    if not all(whole):
        return "a part is blank"
    return "" if len({part.casefold() for part in whole}) == n else "two parts are the same"

"""Which verification functions may judge, and which of their cases count (AutoIF's cross-validation, and what it lacks).

AutoIF (Dong et al. 2024, arXiv 2406.13542, section 3) lets functions and test cases that one model wrote
check each other: a case is kept when functions agree with it, a function when it agrees with the cases that
are kept. The paper's numbers and those of its published code (QwenLM/AutoIF) differ; `PRESETS` has both.

Departures:
1. Mutation check: a function that says the same of every text judges nothing, whatever its author's cases
   say. It must accept and refuse something among the cases and texts derived from them (`mutants`).
2. A function that says something else when it is asked again, in another order, is refused.
3. An expected value may be a word for a truth value ("True"), which in AutoIF's code never equals the
   function's `True`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from reward.constraints.functions import no_data

Rule: TypeAlias = Callable[[float], bool]
Name: TypeAlias = Literal["paper", "upstream"]
Said: TypeAlias = Sequence[bool | str]
"""What a function says of texts, in order: True, False, or why neither (`reward.constraints.functions.say`).
"""


@dataclass(frozen=True, slots=True)
class Preset:
    """The thresholds of one reading of AutoIF. Rules of shares take 0 to 1, that of quality 0 to 10."""

    case: Rule
    """Of the functions, the share that agrees with a case."""
    function: Rule
    """Of the cases that are kept, the share that a function agrees with."""
    functions: int
    """Least functions of a constraint."""
    cases: int
    """Least cases of a constraint."""
    response: Rule
    """Of the functions, the share that must accept a response that is trained on."""
    quality: Rule
    """Grade of a response that is trained on."""
    chosen: Rule
    """As `response`, for the better side of a pair. The worse side is one that no function accepts, in both.
    """


PRESETS: dict[Name, Preset] = {
    "paper": Preset(
        case=lambda share: share > 0.5,
        function=lambda share: share > 0.5,
        functions=1,
        cases=1,
        response=lambda share: share > 0.5,
        quality=lambda grade: grade >= 8,
        chosen=lambda share: share > 0.5,
    ),
    "upstream": Preset(
        case=lambda share: share > 0,
        function=lambda share: share >= 0.8,
        functions=3,
        cases=10,
        response=lambda share: share > 0,
        quality=lambda grade: grade > 8,
        chosen=lambda share: share >= 0.5,
    ),
}
"""Section 3 and appendix of the paper; code/4_cross_validation.py, 8_query_rft.py and 9_construct_dpo.py of
its repository."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Indices of the functions and cases that survive, or why too few do."""

    functions: list[int]
    cases: list[int]
    why: str = ""


def cross_validate(said: Sequence[Said], expected: Sequence[bool], preset: Preset) -> Kept:
    """Let functions and cases check each other: first the cases, then the functions by the cases that are left.

    Args:
        said: for each function, what it says of each case.
        expected: what each case expects.
        preset: the thresholds.
    """
    if not said or not expected:
        return Kept([], [], "no function" if not said else "no case")
    agrees = [[answer is wanted for answer, wanted in zip(one, expected, strict=True)] for one in said]
    cases = [t for t in range(len(expected)) if preset.case(sum(one[t] for one in agrees) / len(said))]
    if len(cases) < preset.cases:
        return Kept([], cases, "too few cases are agreed with")
    functions = [
        f for f, one in enumerate(agrees) if preset.function(sum(one[t] for t in cases) / len(cases))
    ]
    why = "too few functions agree with the cases" if len(functions) < preset.functions else ""
    return Kept(functions, cases, why)


def blemish(said: Said, again: Said) -> str:
    """Return why a function may not judge, by what it says of many texts and what it says of them again; "" if it may.

    Raises:
        RuntimeError: the machine could not run it, so nothing is known.
    """
    words = [answer for answer in (*said, *again) if isinstance(answer, str)]
    if words:
        if words[0].startswith("load_error"):
            return "does not load"
        if all(map(no_data, words)):
            raise RuntimeError(f"a function could not be run: {words[0]}")
        return "fails on an ordinary text"
    if list(said) != list(again):
        return "says something else when asked again"
    if False not in said:
        return "accepts everything"
    return "" if True in said else "refuses everything"


TEXTS = (
    "Sure! Here is what I would do: first, read the instructions carefully; then start with the easiest part.",
    "No.",
    "The capital of France is Paris, a city of about 2 million people on the river Seine.",
    "1. Wash the rice.\n2. Boil it for 12 minutes.\n3. Let it rest.",
    "- apples\n- bread\n- two litres of milk",
    '{"name": "Ada", "born": 1815}',
    "# Title\n\nA short paragraph.\n\nAnd **another** one, with a [link](page).",
    "i think so, but who knows? maybe ask again tomorrow!",
    "```python\nprint('hello')\n```",
    "Einen Moment bitte, ich schaue nach.",
)
"""Ordinary answers of several shapes, ours; a constraint that nobody thought of is likely to hold for some
and not for all."""


def mutants(text: str) -> list[str]:
    """Return changed copies of a text: most constraints that hold for it fail for one of them, and the other way round."""
    words = text.split()
    half = " ".join(words[: len(words) // 2])
    changed = [
        text.upper(),
        text.lower(),
        text[::-1],
        f"{text}\n\n{text}",
        half,
        " ".join(words),
        re.sub(r"[^\w\s]", "", text),
        re.sub(r"\w+", "word", text),
        f"{TEXTS[0]} {text} {TEXTS[0]}",
    ]
    return [one for one in dict.fromkeys(changed) if one.strip() and one != text]


def battery(texts: Sequence[str]) -> list[str]:
    """Return the cases' texts, their mutants and some ordinary ones: each once, stripped as answers are, none blank."""
    every = [*texts, *(one for text in texts for one in mutants(text)), *TEXTS]
    return [text for text in dict.fromkeys(one.strip() for one in every) if text]

"""Decide which verification functions may judge, and which of their cases count (AutoIF's cross-validation).

AutoIF (Dong et al. 2024, arXiv 2406.13542, section 3) lets functions and test cases that one model wrote
check each other: a case is kept if functions agree with it, and a function is kept if it agrees with the kept
cases. The thresholds of the paper and of its published code (QwenLM/AutoIF) differ; `PRESETS` has both.

Departures:
1. Mutation check: a function that says the same of every text judges nothing, whatever its author's cases
   say. It must accept at least one and refuse at least one of the cases and the texts derived from them
   (`mutants`).
2. A function whose answers change when it is asked again, in another order, is refused.
3. An expected value may be a word for a truth value ("True"). In AutoIF's code, such a word never equals the
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
"""A function's answers on texts, in order: True, False, or the reason why there is neither
(`reward.constraints.functions.say`)."""


@dataclass(frozen=True, slots=True)
class Preset:
    """The thresholds of one version of AutoIF.

    Rules on shares take a value from 0 to 1, the rule on quality takes one from 0 to 10.
    """

    case: Rule
    """Rule on the share of functions that agree with a case, for the case to be kept."""
    function: Rule
    """Rule on the share of kept cases that a function agrees with, for the function to be kept."""
    functions: int
    """Fewest kept functions of a constraint."""
    cases: int
    """Fewest kept cases of a constraint."""
    response: Rule
    """Rule on the share of functions that accept a response, for the response to be trained on."""
    quality: Rule
    """Rule on the grade of a response, for the response to be trained on."""
    chosen: Rule
    """As `response`, for the chosen side of a pair. In both presets, the rejected side is a response that no
    function accepts."""


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
"""Sources: section 3 and appendix of the paper; code/4_cross_validation.py, 8_query_rft.py and
9_construct_dpo.py of its repository."""


@dataclass(frozen=True, slots=True)
class Kept:
    """The indices of the functions and cases that are kept, or why too few are."""

    functions: list[int]
    cases: list[int]
    why: str = ""


def cross_validate(said: Sequence[Said], expected: Sequence[bool], preset: Preset) -> Kept:
    """Let functions and cases check each other: keep cases first, then functions by the kept cases.

    Args:
        said: for each function, its answers on the cases.
        expected: the expected answer on each case.
        preset: the thresholds.
    """
    if not said or not expected:
        return Kept([], [], "no function" if not said else "no case")
    agrees = [[answer is wanted for answer, wanted in zip(one, expected, strict=True)] for one in said]
    cases = [t for t in range(len(expected)) if preset.case(sum(one[t] for one in agrees) / len(said))]
    if len(cases) < preset.cases:
        return Kept([], cases, "too few cases are agreed with")
    shares = [sum(one[t] for t in cases) / len(cases) for one in agrees]
    functions = [f for f, share in enumerate(shares) if preset.function(share)]
    why = "too few functions agree with the cases" if len(functions) < preset.functions else ""
    return Kept(functions, cases, why)


def blemish(said: Said, again: Said) -> str:
    """Return why a function may not judge, or "" if it may.

    Args:
        said: its answers on many texts.
        again: its answers on the same texts when asked again.

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
    "Sure! Here is what I would do: first, read the instructions carefully; "
    "then start with the easiest part.",
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
"""Ordinary answers of several shapes, written by us. Even a constraint that nobody thought of is likely to
hold for some of them and not for all."""


def mutants(text: str) -> list[str]:
    """Return changed copies of a text.

    Most constraints that hold for the text fail for one of the copies, and the other way round.
    """
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
    """Return the texts of cases, their mutants and some ordinary texts.

    Each text comes once, stripped as answers are, and none is blank.
    """
    every = [*texts, *(one for text in texts for one in mutants(text)), *TEXTS]
    return [text for text in dict.fromkeys(one.strip() for one in every) if text]

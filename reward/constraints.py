"""Instructions that a few lines of code can check: "in capital letters", "exactly three bullets", "end with DONE".

The idea is IFEval's (Zhou et al. 2023, "Instruction-Following Evaluation for Large Language Models", section 2): ask
only for what a program can verify, so that the reward needs no judge and cannot be argued with. A prompt row says what
to check, any number of checks together:

    {"question": "...", "tests": [{"check": "bullets", "n": 3}, {"check": "no_commas"}]}

Departures from IFEval:
1. The checks are our own, fewer and stricter, and each is one pure function with one exact meaning (its docstring).
2. There is no "loose" reading that forgives a first line, a last line or asterisks: the answer is the whole answer.
   Only white space around it is forgiven: every check sees the stripped text.
3. `value` is the share of a row's checks that hold (IFEval's instruction level, per row); `passed` is True only where
   all hold (its prompt level). So half-right answers can be told apart, but never count as right.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

from align.core.config import did_you_mean
from align.core.plugins import Reward, Score
from align.core.rows import Prompt

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def all_caps(text: str, *, min_words: int = 1) -> str:
    """Every letter is upper-case, and at least `min_words` pieces between white space hold a letter."""
    low = next((c for c in text if c.isalpha() and not c.isupper()), "")
    if low:
        return f"{low!r} is not a capital letter"
    count = sum(any(c.isalpha() for c in word) for word in text.split())
    return "" if count >= min_words and count else f"{count} words with letters, at least {max(min_words, 1)} wanted"


def bullets(text: str, *, n: int) -> str:
    """The text is `n` lines "- item" and nothing else: no blank line, no indent, no empty item, no item twice."""
    lines = text.split("\n")
    for line in lines:
        if not (line.startswith("- ") and line[2:].strip()):
            return f"the line {_short(line)} is not a '- ' item"
    if len({line[2:].strip().casefold() for line in lines}) < len(lines):
        return "an item occurs twice"
    return "" if len(lines) == n else f"{len(lines)} bullets, not {n}"


def json_object(text: str, *, object: dict[str, Any]) -> str:
    """The text parses as one JSON object equal to `object`: no code fence, no key twice; order and spacing are free.

    1, 1.0 and true are three different values here, as they are in the text.
    """
    try:
        found = json.loads(text, object_pairs_hook=_without_duplicates, parse_constant=_refuse_constant)
        same = json.dumps(found, sort_keys=True) == json.dumps(object, sort_keys=True)
    except (ValueError, RecursionError) as error:
        return f"not a JSON object: {error}"
    return "" if same else f"the JSON is {_short(text)}, not {json.dumps(object)}"


def repeat(text: str, *, word: str, n: int) -> str:
    """The text is `word`, `n` times, with one space between: same case, no punctuation, nothing else."""
    return "" if text == " ".join([word] * n) else f"not {word!r} repeated {n} times with single spaces"


def starts_with(text: str, *, string: str) -> str:
    """The text begins with `string`, same case."""
    return "" if text.startswith(string) else f"does not start with {string!r}"


def ends_with(text: str, *, string: str) -> str:
    """The last characters of the text are `string`, same case: not even a full stop after it."""
    return "" if text.endswith(string) else f"does not end with {string!r}"


def contains(text: str, *, string: str, ignore_case: bool = False) -> str:
    """`string` occurs somewhere in the text, also inside a longer word; in the same case unless `ignore_case`."""
    found = string.casefold() in text.casefold() if ignore_case else string in text
    return "" if found else f"does not contain {string!r}"


def equals_number(text: str, *, number: int | float) -> str:
    """The text is one decimal number and nothing else, equal in value: "7" and "7.0" are 7; "7." and "+7" are not."""
    same = bool(_NUMBER.fullmatch(text)) and Decimal(text) == Decimal(str(number))
    return "" if same else f"the answer is {_short(text)}, not just {number}"


def min_words(text: str, *, n: int) -> str:
    """At least `n` words (pieces between white space)."""
    count = len(text.split())
    return "" if count >= n else f"{count} words, at least {n} wanted"


def max_words(text: str, *, n: int) -> str:
    """At most `n` words (pieces between white space)."""
    count = len(text.split())
    return "" if count <= n else f"{count} words, at most {n} wanted"


def word_count_between(text: str, *, low: int, high: int) -> str:
    """From `low` to `high` words (pieces between white space), both ends included."""
    count = len(text.split())
    return "" if low <= count <= high else f"{count} words, {low} to {high} wanted"


def no_commas(text: str) -> str:
    """There is no comma ","."""
    return "has a comma" if "," in text else ""


CHECKS: dict[str, Callable[..., str]] = {
    "all_caps": all_caps,
    "bullets": bullets,
    "contains": contains,
    "ends_with": ends_with,
    "equals_number": equals_number,
    "json_object": json_object,
    "max_words": max_words,
    "min_words": min_words,
    "no_commas": no_commas,
    "repeat": repeat,
    "starts_with": starts_with,
    "word_count_between": word_count_between,
}
"""Every check: the stripped text and the row's arguments in, why it fails out; "" where it holds."""


class Constraints(Reward):
    """A verifier of checkable instructions. A prompt's `tests` name the checks, as `{"check": NAME, ...arguments}`.

    Passed where all hold; the value is the share that hold (0 to 1); `why` is the first that fails, in words.
    """

    async def score(self, prompt: Prompt, completions: Sequence[str]) -> list[Score]:
        """Return one score per completion, in order.

        Raises:
            ValueError: the prompt has no tests, an unknown check or wrong arguments.
        """
        checks = parse(prompt)
        return [judge(checks, completion) for completion in completions]


def judge(checks: Sequence[tuple[str, Callable[[str], str]]], completion: str) -> Score:
    """Run parsed checks (at least one) on one completion."""
    text = completion.strip()
    failures = [f"{name}: {why}" for name, check in checks if (why := check(text))]
    return Score(value=1 - len(failures) / len(checks), passed=not failures, why=failures[0] if failures else "")


def parse(prompt: Prompt) -> list[tuple[str, Callable[[str], str]]]:
    """Return a prompt's tests as (name, function of the text).

    An argument that is null counts as absent: tables with one column per argument are full of them.

    Raises:
        ValueError: the prompt has no tests, an unknown check or wrong arguments; names the row.
    """
    if not prompt.tests:
        raise ValueError(
            f'row {prompt.id!r} has no tests; give it a \'tests\' column like [{{"check": "max_words", "n": 20}}], '
            f"checks: {', '.join(CHECKS)}"
        )
    checks = []
    for test in prompt.tests:
        name = test.get("check")
        if not isinstance(name, str) or name not in CHECKS:
            near = did_you_mean(str(name), CHECKS)
            known = "" if near.startswith("; one of") else f" ({', '.join(CHECKS)})"
            raise ValueError(f"row {prompt.id!r}: unknown check {name!r}{near}{known}")
        arguments = {key: value for key, value in test.items() if key != "check" and value is not None}
        wrong = _wrong_arguments(CHECKS[name], arguments)
        if wrong:
            raise ValueError(f"row {prompt.id!r}: check {name!r}: {wrong}; it takes {_usage(CHECKS[name])}")
        checks.append((name, partial(CHECKS[name], **arguments)))
    return checks


def _parameters(check: Callable[..., str]) -> dict[str, inspect.Parameter]:
    found = inspect.signature(check, eval_str=True).parameters
    return {name: parameter for name, parameter in found.items() if parameter.kind is parameter.KEYWORD_ONLY}


def _wrong_arguments(check: Callable[..., str], arguments: dict[str, Any]) -> str:
    """Return what is wrong with a row's arguments by the check's signature; counts are whole numbers from 0."""
    parameters = _parameters(check)
    for name, value in arguments.items():
        if name not in parameters:
            return f"unknown argument {name!r}{did_you_mean(name, parameters)}"
        wanted = parameters[name].annotation
        wanted = dict if wanted == dict[str, Any] else wanted
        if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
            return f"{name!r} is {value!r}"
        if wanted is int and value < 0:
            return f"{name!r} is negative"
    missing = [name for name, p in parameters.items() if p.default is p.empty and name not in arguments]
    return f"argument {missing[0]!r} is missing" if missing else ""


def _usage(check: Callable[..., str]) -> str:
    described = [
        f"{name} ({'object' if p.annotation == dict[str, Any] else getattr(p.annotation, '__name__', 'number')})"
        for name, p in _parameters(check).items()
    ]
    return ", ".join(described) or "no arguments"


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a key occurs twice")
    return dict(pairs)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _short(text: str, limit: int = 40) -> str:
    return repr(text if len(text) <= limit else text[: limit - 3] + "...")

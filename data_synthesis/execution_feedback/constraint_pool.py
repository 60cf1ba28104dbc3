"""What can be asked of an answer beside the question: instructions with their verifiers, drawn from and put together.

A constraint is one sentence and the tests that `kind: constraints` runs. Some were written by a model and
validated (mode `verifiers`); the others are drawn here from the library of checks
(`reward.constraints.checks`), with arguments of a size that an ordinary answer of a few sentences can meet,
and worded in one of the library's ways.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from align.core.rows import Prompt
from data_synthesis.synthesizer import template
from reward.constraints.checks.conflicts import conflicts
from reward.constraints.checks.phrasings import describe

TRIES = 20
"""Draws for one place of a prompt before it does with fewer constraints: those before leave little room."""
WORDS = template("execution_feedback/keywords").split()
"""Keywords: common words that fit beside many subjects."""
ENDINGS = (
    "That is all.",
    "Over and out.",
    "The end.",
    "Thank you for reading.",
    "I hope this helps.",
    "DONE",
)
OPENINGS = ("Dear reader,", "In short,", "Well,", "Here is my answer:", "As far as I know,", "Answer:")
Draw = Callable[[random.Random], dict[str, Any]]
Test = dict[str, Any]


def _words(rng: random.Random, most: int) -> list[str]:
    return sorted(rng.sample(WORDS, rng.randint(1, most)))


DRAWS: dict[str, Draw] = {
    "all_caps": lambda rng: {"min_words": rng.randint(2, 5)},
    "all_lowercase": lambda rng: {},
    "bullet_points": lambda rng: {"n": rng.randint(2, 6)},
    "capital_words_at_least": lambda rng: {"n": rng.randint(1, 4)},
    "capital_words_at_most": lambda rng: {"n": rng.randint(0, 3)},
    "ends_with": lambda rng: {"string": rng.choice(ENDINGS)},
    "forbidden_words": lambda rng: {
        "words": rng.sample(["the", "and", "is", "of", "you", "it", "a", "to"], rng.randint(1, 2))
    },
    "headings": lambda rng: {"n": rng.randint(1, 3)},
    "highlights": lambda rng: {"n": rng.randint(1, 3)},
    "includes_words": lambda rng: {"words": _words(rng, 3)},
    "letter_at_least": lambda rng: {"letter": rng.choice("bfgkpvwy"), "n": rng.randint(2, 5)},
    "letter_at_most": lambda rng: {"letter": rng.choice("bcfgkmpuvwy"), "n": rng.randint(0, 2)},
    "line_count": lambda rng: {"n": rng.randint(1, 6)},
    "lines_start_with": lambda rng: {"string": rng.choice([">", "*", "+", "#"])},
    "max_characters": lambda rng: {"n": rng.choice([60, 100, 140, 200, 300])},
    "max_sentence_words": lambda rng: {"n": rng.randint(6, 14)},
    "max_sentences": lambda rng: {"n": rng.randint(1, 4)},
    "max_word_length": lambda rng: {"n": rng.randint(6, 9)},
    "max_words": lambda rng: {"n": rng.choice([10, 15, 20, 30, 40, 60])},
    "min_characters": lambda rng: {"n": rng.choice([100, 200, 300, 400])},
    "min_sentences": lambda rng: {"n": rng.randint(2, 6)},
    "min_words": lambda rng: {"n": rng.choice([20, 30, 40, 60, 80])},
    "no_characters": lambda rng: {"characters": "".join(sorted(rng.sample("!?;:'\"()-", rng.randint(1, 3))))},
    "no_commas": lambda rng: {},
    "no_digits": lambda rng: {},
    "numbered_list": lambda rng: {"n": rng.randint(2, 6)},
    "paragraph_count": lambda rng: {"n": rng.randint(2, 4)},
    "placeholders": lambda rng: {"n": rng.randint(1, 3)},
    "postscript": lambda rng: {"marker": rng.choice(["P.S.", "P.P.S."])},
    "quoted": lambda rng: {},
    "starts_with": lambda rng: {"string": rng.choice(OPENINGS)},
    "title": lambda rng: {},
    "word_at": lambda rng: {"position": rng.randint(1, 5), "word": rng.choice(WORDS)},
    "word_at_least": lambda rng: {"word": rng.choice(WORDS), "n": rng.randint(2, 3)},
    "word_at_most": lambda rng: {"word": rng.choice(["the", "and", "is", "of"]), "n": rng.randint(0, 2)},
}
"""How the arguments of a check are drawn. Checks that fix what an answer says, not how, are not drawn
(`equals_number`)."""


@dataclass(frozen=True, slots=True)
class Constraint:
    """An instruction and how it is verified."""

    text: str
    tests: list[dict[str, Any]]


def drawn(rng: random.Random, checks: Sequence[str]) -> Constraint:
    """Return a constraint of the library, of one of some checks, each as likely."""
    name = rng.choice(checks)
    test = {"check": name, **DRAWS[name](rng)}
    return Constraint(describe(name, test, rng.randrange(3)), [test])


def fitting(
    rng: random.Random, draw: Callable[[random.Random], Constraint], count: int, held: Sequence[Test] = ()
) -> list[Constraint]:
    """Return up to `count` constraints of which no two are known to exclude each other, or a test that the prompt holds."""
    chosen: list[Constraint] = []
    for _ in range(TRIES * count):
        if len(chosen) == count:
            break
        each = [*chosen, draw(rng)]
        tests = [test for test in (*held, *(test for one in each for test in one.tests)) if "check" in test]
        names = [test["check"] for test in tests]
        texts = {key(one.text) for one in each}
        if len(texts) == len(each) and len(set(names)) == len(names) and not conflicts(tests):
            chosen = each
    return chosen


def joined(query: str, constraints: Sequence[Constraint]) -> str:
    """Return the question with its constraints as sentences after it (AutoIF: the query first)."""
    sentences = [re.sub(r"(?<=[\w)])$", ".", one.text[:1].upper() + one.text[1:]) for one in constraints]
    query = re.sub(r"(?<=[\w)])$", ".", query.strip())
    return f"{query}{chr(10) * 2 if chr(10) in query else ' '}{' '.join(sentences)}"


def key(text: str) -> str:
    """Return what two copies of one constraint share: all but spaces and a last full stop."""
    return " ".join(text.split()).removesuffix(".")


def distinct(prompts: Iterable[Prompt]) -> list[Prompt]:
    """Return one row of each constraint, whatever their order: one that brings tests first, then by id."""
    chosen: dict[str, Prompt] = {}
    for prompt in sorted(prompts, key=lambda one: (not one.tests, one.id)):
        chosen.setdefault(key(prompt.messages[-1]["content"]), prompt)
    return list(chosen.values())

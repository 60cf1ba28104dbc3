"""Draw constraints, each an instruction with its verifiers, and append them to a question.

A constraint is one sentence and the tests that `kind: constraints` runs. Some were written by a model and
validated (mode `verifiers`). The others are drawn here from the library of checks
(`reward.constraints.checks`), with arguments that an ordinary answer of a few sentences can meet, and in one
of the library's wordings.
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
"""Draws for each wanted constraint of a prompt; if these do not suffice, the prompt gets fewer constraints,
because the first ones may exclude most others."""
WORDS = template("execution_feedback/keywords").split()
"""Keywords: common words that go with many subjects."""
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
"""How the arguments of each check are drawn. Checks that fix what an answer says, instead of its form, are
not drawn (`equals_number`)."""


@dataclass(frozen=True, slots=True)
class Constraint:
    """An instruction, and the tests that verify it."""

    text: str
    tests: list[dict[str, Any]]


def drawn(rng: random.Random, checks: Sequence[str]) -> Constraint:
    """Draw one of some checks of the library, each equally likely, and return it as a constraint."""
    name = rng.choice(checks)
    test = {"check": name, **DRAWS[name](rng)}
    return Constraint(describe(name, test, rng.randrange(3)), [test])


def fitting(
    rng: random.Random, draw: Callable[[random.Random], Constraint], count: int, held: Sequence[Test] = ()
) -> list[Constraint]:
    """Return up to `count` constraints that can be met together, as far as is known.

    No two of them are known to exclude each other, and none is known to exclude a test in `held`, which the
    prompt brings. No check and no text comes twice.
    """
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
    """Return the question followed by its constraints as sentences (AutoIF: the query first)."""
    sentences = [re.sub(r"(?<=[\w)])$", ".", one.text[:1].upper() + one.text[1:]) for one in constraints]
    query = re.sub(r"(?<=[\w)])$", ".", query.strip())
    return f"{query}{chr(10) * 2 if chr(10) in query else ' '}{' '.join(sentences)}"


def key(text: str) -> str:
    """Return a constraint in the form that its copies share: without extra spaces and a last full stop."""
    return " ".join(text.split()).removesuffix(".")


def distinct(prompts: Iterable[Prompt]) -> list[Prompt]:
    """Return one row for each constraint, whatever the order of the rows.

    Of several rows, one with tests is preferred, then the one with the first id.
    """
    chosen: dict[str, Prompt] = {}
    for prompt in sorted(prompts, key=lambda one: (not one.tests, one.id)):
        chosen.setdefault(key(prompt.messages[-1]["content"]), prompt)
    return list(chosen.values())

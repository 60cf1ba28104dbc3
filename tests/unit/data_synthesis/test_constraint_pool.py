"""Constraints drawn from the library and put after questions: each valid, worded, and none against another."""

import random

import pytest

from align import Prompt
from data_synthesis.execution_feedback.constraint_pool import DRAWS, Constraint, drawn, fitting, joined, key
from reward.constraints.checks.conflicts import conflicts
from reward.constraints.verifier import parse


@pytest.mark.parametrize("check", DRAWS)
def test_what_is_drawn_can_be_verified_and_met(check):
    rng = random.Random(1)
    texts = set()
    for _ in range(50):
        one = drawn(rng, [check])
        parse(Prompt(messages=[{"role": "user", "content": one.text}], tests=one.tests))
        assert conflicts(one.tests) == []
        texts.add(one.text)
    assert len(texts) >= 3, "three ways to ask at least"


def test_constraints_of_one_prompt_do_not_exclude_each_other():
    rng = random.Random(2)
    counts = set()
    for _ in range(200):
        found = fitting(rng, lambda rng: drawn(rng, list(DRAWS)), 4)
        tests = [test for one in found for test in one.tests]
        assert conflicts(tests) == []
        assert len({test["check"] for test in tests}) == len(tests)
        counts.add(len(found))
    assert counts == {4}


def test_where_nothing_fits_there_are_fewer():
    pool = [{"check": "all_caps"}, {"check": "all_lowercase"}]
    draws = [Constraint(f"{test}", [test]) for test in pool]
    assert len(fitting(random.Random(3), lambda rng: rng.choice(draws), 2)) == 1


@pytest.mark.parametrize(
    ("query", "texts", "said"),
    [
        ("Who are you?", ["use no commas"], "Who are you? Use no commas."),
        ("Tell me about rain", ["Use no commas.", "End with “!”"], "Tell me about rain. Use no commas. End with “!”"),
        ("Sum up:\n\nIt rained.", ["Be brief!"], "Sum up:\n\nIt rained.\n\nBe brief!"),
    ],
)
def test_constraints_stand_as_sentences_after_the_question(query, texts, said):
    assert joined(query, [Constraint(text, []) for text in texts]) == said


def test_wordings_differ_by_their_signs():
    assert key("Use no  commas.") == key("Use no commas")
    assert key('Begin each line with ">".') != key('Begin each line with "*".')

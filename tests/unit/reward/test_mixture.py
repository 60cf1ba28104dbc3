"""A weighted sum of rewards, over real parts."""

import asyncio

import pytest

from align import Prompt, Reward


def score(parts, prompt, texts):
    mixture = Reward.model_validate({"kind": "mixture", "parts": parts})
    mixture.start(lambda reference: reference)
    try:
        return asyncio.run(mixture.score(prompt, texts))
    finally:
        mixture.stop()


PROMPT = Prompt(
    id="p", messages=[{"role": "user", "content": "What is 3 + 4?"}], answer="7", tests=[{"check": "max_words", "n": 4}]
)


def test_values_add_up_and_all_verifiers_must_pass():
    parts = [{"reward": {"kind": "math"}}, {"reward": {"kind": "constraints"}, "weight": 0.1}]
    short, long, wrong = score(parts, PROMPT, ["The answer is 7.", "After some thought, the answer is 7.", "8"])
    assert short.value == pytest.approx(1.1)
    assert short.passed
    assert long.value == pytest.approx(1.0)
    assert not long.passed
    assert wrong.value == pytest.approx(0.1)
    assert not wrong.passed
    assert "math 0 (expected 7, got 8)" in wrong.why


def test_a_part_that_is_wrong_is_named_in_its_place():
    with pytest.raises(ValueError, match=r"parts.0.reward.kind\n  unknown kind 'maths'; did you mean 'math'\?"):
        Reward.model_validate({"kind": "mixture", "parts": [{"reward": {"kind": "maths"}}]})

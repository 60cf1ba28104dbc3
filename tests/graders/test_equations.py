"""A recipe must not lose right answers to the check of equations, and the check must still find slips."""

import re

import equations_notation
import pytest
from equations import FALSE, RIGHT

from data_synthesis.rejection_sampling.equations import equations
from data_synthesis.rejection_sampling.reasoning_paths import equations_hold


@pytest.mark.parametrize("text", RIGHT + equations_notation.RIGHT)
def test_what_is_not_surely_false_passes(text):
    assert equations_hold(text), equations(text)
    assert equations_hold(f"First we see that\n{text}\nand so the answer is as stated.")


@pytest.mark.parametrize("text", FALSE + equations_notation.FALSE)
def test_a_slip_is_found(text):
    assert not equations_hold(text)
    assert not equations_hold(f"First, {text}. Then we go on.")


def test_another_last_digit_is_a_slip():
    """Of right equations of whole numbers that are read whole, each with another result is refused."""
    turned = 0
    for text in RIGHT + equations_notation.RIGHT:
        [found] = equations(text) if len(equations(text)) == 1 else [""]
        result = re.search(r"=(\d+)$", found)
        if not result or "/" in found or "%" in found or "." in found:
            continue
        wrong = f"{found[: result.start(1)]}{int(result[1]) + 1}"
        turned += 1
        assert not equations_hold(f"<<{wrong}>>"), wrong
    assert turned > 120

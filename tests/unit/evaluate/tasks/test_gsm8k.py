"""The two figures of lm-evaluation-harness, on answers for which one can be wrong about them."""

import pytest

from align.core.plugins import Completion, Score
from align.evaluate.task import Item
from align.evaluate.tasks.gsm8k import GSM8K

GOLD = "She has $5 and earns 1,229 more.\n#### 1,234"
ODD = [
    # answer, strict-match, flexible-extract: by the filters and the metric of lm_eval 0.4.13
    ("so 1234\n#### 1,234", 1, 1),
    ("#### 1234", 1, 1),
    ("####1234", 0, 1),
    ("#### $1234", 0, 1),
    ("#### -1234", 0, 0),
    ("#### 1234.", 1, 1),
    ("#### 1234.,", 1, 1),
    ("#### 1234.00", 0, 0),
    ("#### 7\n#### 1234", 0, 1),
    ("#### 1234\n#### 7", 1, 0),
    ("It is $1,234.", 0, 1),
    ("It is $1,234.\nQED 5", 0, 0),
    ("1234 dollars, not 99", 0, 0),
    ("1234!", 0, 1),
    ("1 234", 0, 0),
    ("", 0, 0),
    ("none", 0, 0),
    ("... 1234 ...", 0, 0),
    ("#### ,", 0, 0),
    ("#### 1234 #### 1234", 1, 1),
]


@pytest.mark.parametrize(("answer", "strict", "flexible"), ODD)
def test_the_figures_of_the_harness_on_odd_answers(answer, strict, flexible):
    item = Item(id="1", answer=GOLD)
    found = GSM8K(kind="gsm8k").more(item, Completion(answer, "stop"), Score(0.0, False))
    assert found == {"strict match": strict, "flexible extract": flexible}

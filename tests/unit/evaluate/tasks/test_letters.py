"""One letter, or none."""

import pytest

from align.evaluate.tasks.letters import letter_of

GIVEN = {
    "B": [
        "B", " B.", "(B)", "**B**", "B) Paris", "(B) Paris", "B. Paris", "B: Paris",
        "B\n\nIt is the capital.", "Ｂ", "（B）",
        "The answer is (B).", "the answer is B", "The answer is: B",
        "The correct answer is **B) Paris**.", "The answer is\n\nB",
        "Answer: B", "**Answer:** B", "Answer: $B$", "Answer: B\nAnswer: B", "The best choice is option B.",
        "The answer is B because A is wrong", "A is wrong. B is correct.", "(B) is the correct answer", "option B is correct.",
        r"\boxed{B}", r"$\boxed{\text{B}}$", r"So \(\boxed{(B)}\).", r"The final answer is \textbf{B}.",
        "答案是B", "答案：B", "答案为 B。", "正确答案是（B）", "答案是B选项", "故选B。", "因此选择B", "选B",
        "The other choices are too small.\nB", "<think>The answer is A.</think>B",
    ],
    None: [
        "", "b", "Paris", "A cat sat", "The answer is A cat", "The answer is Apple", "Answer: I'm not sure", "Answer: A.I.",
        "The answer is not B", "B is not correct", "答案不是B", "不应选B", "It is correct to say A", "A is correct that B",
        "The answer is A or B.", "The answer is (A) or (B)", "The answer is A, B", "A, B", "A and B", "答案是A和B",
        "The answer is B. The answer is C.", r"\boxed{A} or \boxed{B}", "A. x\nB. y\nC. z", "A) too small\nB",
        "E", "The answer is (E).",
        "<think>The answer is A.",
    ],
}  # fmt: skip


@pytest.mark.parametrize(("letter", "text"), [(letter, text) for letter, texts in GIVEN.items() for text in texts])
def test_a_letter_is_read_where_one_is_given(letter, text):
    assert letter_of(text, "ABCD") == letter


def test_ten_choices_have_ten_letters():
    assert letter_of("The answer is (J).", "ABCDEFGHIJ") == "J"
    assert letter_of("I think so.", "ABCDEFGHIJ") is None

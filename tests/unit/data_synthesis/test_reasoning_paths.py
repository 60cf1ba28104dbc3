"""Reasoning paths: equations found and checked, one text kept per path, edit distance and the closest text."""

import random
import time

import pytest

from data_synthesis.rejection_sampling.equations import equations, evaluate
from data_synthesis.rejection_sampling.reasoning_paths import closest, distinct_paths, equations_hold, levenshtein, path_key


def test_calculator_annotations_win_over_the_text_around_them():
    text = "Natalia sold 48 / 2 = <<48 / 2 = 24>>24 clips, and 1+1=3.\nIn all <<48+24=72>>72, or $<<1,000*2=2000>>2,000."
    assert equations(text) == ["48/2=24", "48+24=72", "1000*2=2000"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("So 48 / 2 = 24 clips. Then 48 + 24 = 72.", ["48/2=24", "48+24=72"]),
        ("He pays $1,200 \u00d7 2 = $2,400, i.e. 2,400 \u00f7 12 = 200", ["1200*2=2400", "2400/12=200"]),
        (r"\(3 \times 4 = 12\) and $\frac{12}{4} = 3$, so \boxed{3}", ["3*4=12", "(12)/(4)=3"]),
        ("Total = 2 * (3 + 4) = 2 * 7 = 14.", ["2*(3+4)=2*7=14"]),
        ("5 apples + 3 apples = 8 apples", ["5+3=8"]),
        ("20 hours * $12/hour = $240 per week", ["20*12=240"]),
        ("14 hours = 14 * 60 = 840 minutes", ["14*60=840"]),
        ("0.2 x 50 = 10 and 3.5 + 1 = 4.5 pounds of sugar (since 1 + 1 = 2)", ["0.2*50=10", "3.5+1=4.5", "1+1=2"]),
        ("- 5 + 3 = 8\n1. 2 * 2\n= 4\n10/20 = 50%", ["5+3=8", "2*2=4", "10/20=50%"]),
        ("2x + 3 = 7, W/2 - 2 = 55, 4000 = (1/2)X, x = 5, 5 = 5, 31/3 = 10.33..., at 7:50 + 30 = 8:20", []),
        ("He had 1 1/2 * 4 = 6 and 17 000 / 5 = 3 400", ["(1+1/2)*4=6", "17000/5=3400"]),
        ("2 + 2 =\n5, 4 (3 + 3 = 7), then\nx =\n1. First, 2 + 1 = 3", ["2+2=5", "3+3=7", "2+1=3"]),
        ("1/2 of 10 = 6, 20% of 50 = 12, 3 times 4 equals 13", ["1*10/2=6", "20%*50=12", "3*4=13"]),
        ("the average of 3 + 5 = 4, 3 plus 4 times 2 = 14, if 3 + 4 = 8, 3/4 is equal to 15", []),
    ],
)
def test_equations_in_free_text(text, found):
    assert equations(text) == found


def test_equations_hold_checks_every_one_that_can_be_evaluated():
    assert equations_hold("<<48/2=24>> <<10/3=3.3333>> <<2^3=8>>")
    assert equations_hold("<<48/2=24>> <<10/3=3.33>>"), "less than a unit of the last digit apart"
    assert not equations_hold("<<48/2=24>> <<10/3=3.32>>")
    assert not equations_hold("<<48*2=96.002>>"), "off by more than the paper's 1e-3"
    assert not equations_hold("so 2 + 2 = 4 = 3 + 2"), "each link of a chain counts"
    assert equations_hold("5 + 7 = 12 * 2 = 24"), "run on: the 12 is a result, then the next step begins"
    assert not equations_hold("5 + 7 = 13 * 2 = 26")
    assert not equations_hold("5 + 7 = 12 * 2 = 25")
    assert not equations_hold("5 + 7 = 12 * 2"), "nothing runs on"
    assert equations_hold("<<x+1=5>> <<560//10=3>> <<9**9**9**9=1>>"), "what cannot be evaluated is not counted"
    assert equations_hold("<<60*20%=12>> <<10/20*100=50%>> <<10/20=50%>>"), "a percent is read either way"
    assert not equations_hold("<<60*20%=13>>")
    assert equations_hold("no equations at all")


@pytest.mark.parametrize(
    ("expression", "value"),
    [("2*(3+4)", 14.0), ("-2**2", -4.0), ("2(3+4)", 14.0), ("007+1", 8.0), ("2^10", 1024.0), (".5*4", 2.0)]
    + [
        (e, None)
        for e in ("9**9**9**9", "1/0", "(-8)**.5", "5//2", "1e5", "__import__('os')", "1,2", "5..3", "(" * 190 + "1", "1" * 999)
    ],
)
def test_evaluate_is_arithmetic_and_nothing_else(expression, value):
    assert evaluate(expression) == value


def test_path_key_is_the_equations_in_order_or_the_words():
    assert path_key("<<1+2=3>> then <<3*2=6>>") == path_key("First 1 + 2 = 3, and 3 x 2 = 6 in all") == "1+2=3|3*2=6"
    assert path_key("<<2+1=3>>") != path_key("<<1+2=3>>"), "operand order counts, as in RFT"
    # the paper's code gives both of these the empty key, and would keep one
    assert path_key("Half of 48 is 24.") != path_key("Twice 12 is 24.")
    assert path_key("Half of 48 is 24.") == path_key("half of 48, is 24")
    assert path_key("Half of 4,800 is 24") != path_key("Half of 48 is 24")


def test_distinct_paths_keeps_one_per_key_and_the_more_unlike_of_two():
    add, multiply = "aaaa <<1+1=2>>", "aaaa <<1*2=2>>"
    near, far = "aaaa <<1 + 1=2>>", "bbbbbbbb <<1+1=2>>"
    assert path_key(add) == path_key(near) == path_key(far) != path_key(multiply)
    assert distinct_paths([add, multiply]) == [0, 1]
    assert distinct_paths([add, multiply, far]) == [1, 2], "far is further from `multiply` than `add` is"
    assert distinct_paths([far, multiply, add]) == [0, 1]
    assert distinct_paths([add, far]) == [0], "no other path to be unlike: the first stays"
    assert distinct_paths([add, add, multiply, multiply]) == [0, 2]
    assert distinct_paths([]) == []


def table_distance(a, b):
    """The textbook table, as an oracle."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        new = [i]
        for j, y in enumerate(b, 1):
            new.append(min(row[j] + 1, new[-1] + 1, row[j - 1] + (x != y)))
        row = new
    return row[-1]


def test_levenshtein_by_hand_and_against_the_table():
    assert levenshtein("kitten", "sitting") == 3
    assert levenshtein("", "abc") == levenshtein("abc", "") == 3
    assert levenshtein("same", "same") == 0
    draw = random.Random(7)
    for _ in range(500):
        a, b = ("".join(draw.choices("abc", k=draw.randrange(14))) for _ in range(2))
        assert levenshtein(a, b) == table_distance(a, b), (a, b)
    # longer than a machine word
    a, b = ("".join(draw.choices("abcdefgh", k=150)) for _ in range(2))
    assert levenshtein(a, b) == table_distance(a, b)


def test_closest_is_relative_to_length_and_takes_the_first_of_equals():
    right = "48/2=24, 48+24=72, the answer is 72"
    assert closest(right, ["7", "48/2=24, 48+24=62, the answer is 62", "no idea"]) == 1
    assert closest("abcd", ["abcx", "abxd"]) == 0
    # 4 edits of 14 letters is closer than 4 of 5
    assert closest("abcdefghij", ["a", "abcdefghijklmn"]) == 1
    with pytest.raises(ValueError, match="at least one candidate"):
        closest("a", [])


def test_runaway_text_takes_linear_time():
    start = time.process_time()
    for unit in (
        "5+",
        "(",
        "5=",
        "1,111,",
        "5",
        "5 ab ",
        "(5+3",
        "<<=5",
        " ",
        "\n",
        "\\frac{",
        " of 5",
        " plus 5",
        "5 (",
        "= 5\n",
        "5个",
        "sqrt(",
        "<b>",
    ):
        equations_hold("5" + unit * 20_000 + "=8")
    assert time.process_time() - start < 20  # quadratic ones took minutes

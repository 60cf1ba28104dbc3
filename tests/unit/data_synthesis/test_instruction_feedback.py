"""Execution feedback for instructions on scripted answers: what is thought of, which functions judge, what is kept."""

import asyncio
import json

import pytest

from align import Prompt, Reward
from align.core import tables
from align.core.errors import RecipeError
from align.core.recipe import Recipe
from align.core.rows import digest
from data_synthesis.execution_feedback.cross_validation import PRESETS, battery, blemish, cross_validate
from reward.constraints import functions
from reward.sandbox import Limits, Sandbox

QUICK = {"workers": 2, "limits": {"cpu_seconds": 0.5}}
SHOUT = "Write every letter as a capital."
UPPER = 'def evaluate(response):\n    """Ask str."""\n    return response.isupper()'
EQUAL = "def evaluate(response):\n    return response == response.upper() and any(c.isalpha() for c in response)"
LOWER = "def evaluate(response):\n    return response.islower()"
YES = "def evaluate(response):\n    return True"
TRUTHY = "def evaluate(response):\n    return len(response)"
RAISES = "def evaluate(response):\n    return response[1000] == 'x'"
COUNTS = "calls = 0\ndef evaluate(response):\n    global calls\n    calls += 1\n    return calls % 2 == 0"
BROKEN = "def evaluate(response)\n    return response.isupper()"
CASES = [{"input": "HELLO YOU", "output": True}, {"input": "Hello", "output": "False"}, {"input": "no", "output": False}]
WRONG = [{"input": "quiet", "output": True}]


def wrote(source, cases=CASES):
    return f"Here it is.\n```python\n{source}\n```\nThe cases:\n```json\n{json.dumps(cases)}\n```"


@pytest.fixture
def made(tmp_path):
    """Run one stage over prompts with scripted replies; return its rows by table, the report and the notes."""

    def run(prompts, replies, sources=None, **fields):
        (tmp_path / "prompts.jsonl").write_text("".join(json.dumps(p) + "\n" for p in prompts))
        stage = {"kind": "execution_feedback", "prompts": "prompts", "generator": "writer", "max_new_tokens": 200}
        stages = {"prompts": {"kind": "load", "path": "prompts.jsonl"}, **(sources or {}), "made": stage | fields}
        recipe = {"name": "x", "base": "./m", "generators": {"writer": {"kind": "scripted", "replies": replies}}}
        (tmp_path / "recipe.yaml").write_text(json.dumps(recipe | {"stages": stages}))
        Recipe.load(tmp_path / "recipe.yaml").run(tmp_path / "out")
        out = tmp_path / "out" / f"{len(stages):02d}-made"
        rows = {table: tables.read(out, table) for table in tables.held(out)}
        lineage = [json.loads(line) for line in (out / "lineage.jsonl").read_text().splitlines()]
        return rows, json.loads((out / "report.json").read_text()), [item["note"] for item in lineage]

    return run


def verified(made, *answers, constraints=({"prompt": SHOUT},), more=None, **fields):
    replies = {"must follow": list(answers), **(more or {})}
    return made(constraints, replies, mode="verifiers", samples=len(answers), sandbox=QUICK, **fields)


def test_new_constraints_are_asked_for_after_the_example_of_some(made):
    said = "Sure:\n1. Write in one line.\n2. *Use no commas.*\n3. Use no  commas\n4. Shout!\n- End with a dot.\nThat is all."
    rows, report, _ = made([{"prompt": "Use no commas."}], {"numbered 1 to 50": said}, mode="self_instruct", requests=2)
    texts = [row.messages[0]["content"] for row in rows["prompts"]]
    assert texts == ["Write in one line.", "End with a dot."] * 2, "what two requests gave is one where it is read"
    assert report["tallies"] == {"constraints known already": 4, "constraints too short": 2}


def test_each_request_shows_all_constraints_in_an_order_of_its_own(made, tmp_path):
    stage = {"kind": "execution_feedback", "mode": "self_instruct", "generator": "writer", "requests": 3}
    recipe = {"name": "x", "base": "./m", "generators": {"writer": {"kind": "scripted", "default": "1. Use one comma only."}}}
    (tmp_path / "r.yaml").write_text(json.dumps(recipe | {"stages": {"new": stage}}))
    Recipe.load(tmp_path / "r.yaml").run(tmp_path / "out")
    report = json.loads((tmp_path / "out" / "01-new" / "report.json").read_text())
    assert report["inputs"] == report["emitted"] == 3


def test_a_cut_answer_loses_its_last_line_only(made):
    said = "1. Write in one line.\n2. Use at most one exclamation mark in all of"
    rows, _, _ = made([{"prompt": "Use no commas."}], {"numbered": said}, mode="self_instruct", requests=1, max_new_tokens=9)
    assert [row.messages[0]["content"] for row in rows["prompts"]] == ["Write in one line."]


def test_marks_around_a_constraint_go_and_those_inside_stay(made):
    said = '1. "Use one line."\n2. Begin every line with "*".\n3. **Ending**: end with the word "done"\n4. *Use no "q"*'
    thought = f"<think>\n1. I should think first.\n</think>\n{said}"
    rows, _, _ = made([{"prompt": "Use no commas."}], {"numbered": thought}, mode="self_instruct", requests=1)
    texts = [row.messages[0]["content"] for row in rows["prompts"]]
    assert texts == ["Use one line.", 'Begin every line with "*".', 'Ending: end with the word "done"', '*Use no "q"*']


def test_functions_and_cases_check_each_other(made):
    answers = [wrote(UPPER), wrote(LOWER, WRONG), wrote(EQUAL), wrote(UPPER.replace('"""Ask str."""', "pass"))]
    rows, report, notes = verified(made, *answers)
    (row,) = rows["prompts"]
    assert row.messages == [{"role": "user", "content": SHOUT}]
    assert row.tests[0]["functions"] == [UPPER, EQUAL, answers[3].split("```python\n")[1].split("\n```")[0]]
    assert notes[0]["cases"] == [["HELLO YOU", True], ["Hello", False], ["no", False]], (
        "the case that only the wrong function agrees with is gone"
    )
    assert len(notes[0]["functions"]) == 3
    assert (notes[0]["preset"], notes[0]["sandbox"]) == ("paper", "kernel")
    (pair,) = rows["preferences"]
    assert (pair.chosen[0]["content"], pair.rejected[0]["content"]) == ("HELLO YOU", "Hello")
    assert report["tallies"]["functions: sound"] == 4


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (YES, "accepts everything"),
        (YES.replace("True", "False"), "refuses everything"),
        (TRUTHY, "fails on an ordinary text"),
        (RAISES, "fails on an ordinary text"),
        (COUNTS, "says something else when asked again"),
        (BROKEN, None),
        (BROKEN.replace("(response)", "(response):\n    while True: pass"), "fails on an ordinary text"),
    ],
)
def test_a_function_that_cannot_judge_is_refused(source, why, made):
    _, report, notes = verified(made, wrote(source), wrote(UPPER))
    assert report["tallies"].get(f"functions: {why}", 0) == (why is not None)
    assert (report["tallies"]["functions: sound"], len(notes[0]["functions"])) == (1, 1)


def test_the_published_code_asks_for_more(made, tmp_path):
    with pytest.raises(Exception, match="too few cases are agreed with"):
        verified(made, wrote(UPPER), wrote(EQUAL), wrote(UPPER.replace("Ask", "As")), preset="upstream")


def test_presets_differ_as_the_paper_and_its_code_do():
    said = [[True, False, True, True, False]] * 2 + [[False] * 5]
    expected = [True, False, True, False, True]
    assert cross_validate(said, expected, PRESETS["paper"]).cases == [0, 1, 2]
    assert cross_validate(said, expected, PRESETS["paper"]).functions == [0, 1]
    assert cross_validate(said, expected, PRESETS["upstream"]).cases == [0, 1, 2, 3], "one function is enough for a case"
    wide = cross_validate([one * 4 for one in said], expected * 4, PRESETS["upstream"])
    assert (wide.functions, wide.why) == ([], "too few functions agree with the cases"), "3 of 4 cases are not 0.8"
    assert cross_validate([], expected, PRESETS["paper"]).why == "no function"


def test_what_is_the_same_of_every_text_is_a_blemish():
    texts = battery(["HELLO", "", "hello"])
    assert "" not in texts
    assert len(texts) == len(set(texts)) >= 20
    assert blemish([True, False], [True, True]) == "says something else when asked again"
    assert blemish([True, False], [True, False]) == ""


def test_a_constraint_whose_functions_say_something_else_is_given_up(made):
    more = {"You grade": [json.dumps({"why": "no", "score": 2})], "Which instruction": ["Whisper."]}
    judge = {"kind": "judge", "generator": "writer", "pass_at": 5}
    with pytest.raises(Exception, match="a function says something else than the constraint"):
        verified(made, wrote(UPPER), more=more, consistency=judge)
    more["You grade"] = [json.dumps({"why": "yes", "score": 9})]
    rows, _, _ = verified(made, wrote(UPPER), more=more, consistency=judge)
    assert len(rows["prompts"]) == 1


def test_a_constraint_with_a_check_of_the_library_passes_as_it_is(made):
    tests = [{"check": "all_caps"}]
    rows, _, _ = verified(made, wrote(UPPER), constraints=[{"prompt": SHOUT, "tests": tests}, {"prompt": f" {SHOUT}"}])
    assert [row.tests for row in rows["prompts"]] == [tests]


def test_what_an_answer_holds_is_found_and_what_was_cut_is_not(made):
    usage = f"{wrote(UPPER)}\nUse it so:\n```python\nprint(evaluate('HI'))\n```"
    chain = "def evaluate(response):\n    if response == '0': return True\n" + "".join(
        f"    elif response == '{n}': return True\n" for n in range(1, 400)
    )
    answers = [usage, wrote(EQUAL).replace("```json", "```"), wrote(chain), wrote(LOWER) + " word" * 300]
    rows, report, _ = verified(made, *answers, max_new_tokens=1300 + 200)
    assert rows["prompts"][0].tests[0]["functions"] == [UPPER, EQUAL], "the chain agrees with no case"
    assert report["tallies"]["functions: sound"] == 3
    rows, report, _ = verified(made, wrote(LOWER) + " word" * 300, wrote(UPPER), max_new_tokens=200)
    assert report["tallies"]["answers truncated"] == 1


def test_one_function_written_twice_is_the_first(made):
    again = UPPER.replace('    """Ask str."""\n', "    # again\n")
    rows, _, _ = verified(made, wrote(UPPER), wrote(EQUAL), wrote(again))
    assert rows["prompts"][0].tests == [{"functions": [UPPER, EQUAL]}]


def test_a_constraint_that_comes_twice_is_one_the_one_with_a_check(made):
    tests = [{"check": "all_caps"}]
    twice = [{"prompt": f"{SHOUT} "}, {"prompt": SHOUT, "tests": tests}, {"prompt": SHOUT.upper()}]
    rows, report, _ = verified(made, wrote(UPPER), constraints=twice)
    assert [row.tests for row in rows["prompts"]] == [tests, [{"functions": [UPPER]}]], "capitals may be what is asked for"
    assert report["duplicate constraints"] == 1


QUESTION = "Who are you?"


def answered(made, *answers, **fields):
    """Ask one question."""
    replies = {"Who are you": list(answers) or "I"}
    return made([{"prompt": QUESTION}], replies, mode="instructions", samples=len(answers), **fields)


@pytest.fixture
def constraints(tmp_path):
    """Write constraints as a folder of rows; return what names it."""

    def write(*pairs):
        folder = tmp_path / "constraints"
        folder.mkdir()
        rows = [Prompt(messages=[{"role": "user", "content": text}], tests=tests) for text, tests in pairs]
        tables.write(folder, "prompts", rows)
        return ["./constraints"]

    return write


def test_answers_are_kept_and_paired_by_what_functions_say(made, constraints):
    names = constraints((SHOUT, [{"functions": [UPPER, EQUAL, LOWER]}]))
    answers = ["I AM A MODEL", "I am a model", "word " * 300, "I AM A MODEL", "i am a model"]
    rows, report, notes = answered(made, *answers, constraints=names, library=False, max_pairs=3)
    (prompt,) = rows["prompts"]
    assert prompt.messages[0]["content"] == f"{QUESTION} {SHOUT}"
    assert [row.completion[0]["content"] for row in rows["demonstrations"]] == ["I AM A MODEL"]
    pairs = [(row.chosen[0]["content"], row.rejected[0]["content"]) for row in rows["preferences"]]
    assert pairs == [("I AM A MODEL", "I am a model")], "one function accepts the small letters: neither right nor wrong"
    assert report["tallies"]["answers truncated"] == 1
    assert all(len(note["verifiers"]) == 1 and note["sandbox"] == "kernel" for note in notes)


def test_several_constraints_must_all_hold(made, constraints):
    names = constraints((SHOUT, [{"functions": [UPPER]}]), ("Use no commas.", [{"check": "no_commas"}]))
    answers = ["HI, YOU", "HI YOU", "hi, you"]
    fields = {"library": False, "max_constraints": 2, "variants": 40, "max_pairs": 2, "max_demonstrations": None}
    rows, _, _ = answered(made, *answers, constraints=names, **fields)
    both = f"{QUESTION} {SHOUT} Use no commas."
    assert {row.prompt[0]["content"] for row in rows["demonstrations"]} >= {both, f"{QUESTION} {SHOUT}"}
    said = [row.completion[0]["content"] for row in rows["demonstrations"] if row.prompt[0]["content"] == both]
    assert said == ["HI YOU"]
    wrong = [row.rejected[0]["content"] for row in rows["preferences"] if row.prompt[0]["content"] == both]
    assert wrong == ["HI, YOU", "hi, you"], "what breaks fewer comes first"


def test_right_answers_are_graded_when_asked_for(made, constraints):
    names = constraints((SHOUT, [{"check": "all_caps"}]))
    quality = {"kind": "judge", "generator": "grader", "scale": [0, 10]}
    replies = {"You grade": json.dumps({"why": "so", "score": 8}), "Who are you": ["I AM", "I am"]}

    def run(preset):
        return made(
            [{"prompt": QUESTION}], replies, mode="instructions", samples=2, constraints=names, library=False, preset=preset,
            quality=quality | {"generator": "writer"},
        )  # fmt: skip

    assert len(run("paper")[0]["demonstrations"]) == 1, "8 of 10 is enough"
    with pytest.raises(Exception, match="no right answer is graded well enough"):
        run("upstream")


def test_a_grade_that_cannot_be_read_costs_its_answer_only(made, constraints):
    names = constraints((SHOUT, [{"check": "all_caps"}]))
    readable, broken = json.dumps({"why": "so", "score": 9}), "I cannot say."
    replies = {"ANSWER ONE|That cannot be read": broken, "You grade": readable, "Who are you": ["ANSWER ONE", "ANSWER TWO"]}
    quality = {"kind": "judge", "generator": "writer", "scale": [0, 10]}
    fields = {"samples": 2, "constraints": names, "library": False, "quality": quality}
    rows, report, _ = made([{"prompt": QUESTION}], replies, mode="instructions", **fields)
    assert [row.completion[0]["content"] for row in rows["demonstrations"]] == ["ANSWER TWO"]
    assert report["tallies"]["right answers without a grade"] == 1


def test_a_function_that_does_not_load_is_its_constraints_fault(made, constraints):
    names = constraints((SHOUT, [{"functions": ["def check(response): return True"]}]))
    with pytest.raises(Exception, match=r"Write every letter as a capital\.'.*evaluate"):
        answered(made, "I AM", constraints=names, library=False)


def test_what_a_question_brings_is_kept(made):
    question = {"prompt": QUESTION, "answer": "A model.", "tests": [{"check": "max_words", "n": 2}]}
    replies = {"Who are you": ["I AM", "I AM SO SURE", "I am"]}
    fields = {"samples": 3, "library": ["all_caps"], "max_pairs": 3}
    rows, _, _ = made([question], replies, mode="instructions", **fields)
    (prompt,) = rows["prompts"]
    assert (prompt.answer, [test["check"] for test in prompt.tests]) == ("A model.", ["max_words", "all_caps"])
    assert [row.rejected[0]["content"] for row in rows["preferences"]] == ["I AM SO SURE", "I am"]
    with pytest.raises(Exception, match="no constraint fits the question's own"):
        made([question | {"tests": [{"check": "all_lowercase"}]}], replies, mode="instructions", **fields)


def test_the_library_needs_no_sandbox(made):
    rows, _, notes = answered(
        made, "I AM A SMALL MODEL", library=["all_caps"], sandbox={"packages": ["a_package_that_there_is_not"]}
    )
    assert (len(rows["demonstrations"]), "sandbox" in notes[0]) == (1, False)


def test_an_empty_table_of_constraints_is_named(made, constraints):
    with pytest.raises(Exception, match="constraints hold no constraint, and library is false"):
        answered(made, "I AM", constraints=constraints(), library=False)


def test_half_a_character_costs_its_answer_only(made):
    rows, _, _ = answered(
        made, "I AM A SMALL MODEL", "\ud800 I AM A SMALL MODEL", library=["all_caps"], max_demonstrations=None
    )
    assert [row.completion[0]["content"] for row in rows["demonstrations"]] == ["I AM A SMALL MODEL"]


def test_prompts_alone_for_online_training(made):
    rows, _, _ = answered(made, variants=30, max_constraints=3)
    assert rows.keys() == {"prompts", "demonstrations", "preferences"}
    assert (len(rows["demonstrations"]), len(rows["preferences"])) == (0, 0)
    assert len(rows["prompts"]) > 20
    assert {len(row.tests) for row in rows["prompts"]} == {1, 2, 3}
    assert all(row.tags == sorted(row.tags) for row in rows["prompts"])


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"library": False}, "there are no constraints"),
        ({"library": ["no_comas"]}, "no check 'no_comas'"),
        ({"quality": {"kind": "judge", "generator": "writer"}}, r"set scale: \[0, 10\], or a `pass_at`"),
        ({"mode": "verifiers", "consistency": {"kind": "judge", "generator": "writer"}}, "gives a verdict only with `pass_at`"),
        ({"mode": "verifiers", "preset": "upstream", "samples": 2}, "needs 3 functions"),
        ({"mode": "x"}, "needs `mode`: code or instructions or self_instruct or verifiers"),
    ],
)
def test_a_stage_that_cannot_be_is_refused(fields, said, made):
    with pytest.raises(RecipeError, match=said):
        made([{"prompt": QUESTION}], {}, **{"mode": "instructions", **fields})


@pytest.fixture(scope="module")
def reward():
    found = Reward.model_validate({"kind": "constraints", "sandbox": {"workers": 2}})
    yield found
    found.stop()


def test_the_same_functions_judge_online(reward):
    tests = [{"functions": [UPPER, EQUAL, LOWER]}, {"check": "max_words", "n": 3}]
    asked = Prompt(messages=[{"role": "user", "content": QUESTION}], tests=tests, id="row")
    right, long, wrong = asyncio.run(reward.score(asked, ["I AM ME", "I AM WHAT I AM", "It is I"]))
    assert (right.value, right.passed) == (1.0, True)
    assert (long.value, long.passed) == (0.5, False)
    assert (wrong.value, wrong.why) == (0.5, "functions: 0 of 3 say that it holds")


def test_a_text_that_breaks_its_verifier_costs_itself_only():
    source = (
        "import os\ndef evaluate(response):\n    if response == 'hang':\n        while True: pass\n"
        "    if response == 'die': os._exit(0)\n    return response == 'good'"
    )

    async def said():
        async with Sandbox(workers=1, limits=Limits(cpu_seconds=0.5)) as sandbox:
            return await functions.say(sandbox, source, ["good", "hang", "good", "die", "bad", "good"])

    good, hang, again, died, bad, last = asyncio.run(said())
    assert (good, again, bad, last) == (True, True, False, True)
    assert (hang.partition(":")[0], died.partition(":")[0]) == ("timeout", "exited_early")


def test_one_chain_from_an_idea_to_verified_answers(made, tmp_path):
    replies = {
        "numbered 1 to 50": f"1. {SHOUT}\n2. Rhyme in every line.",
        "must follow this instruction:\n\nWrite every": [wrote(UPPER), wrote(EQUAL)],
        "must follow this": "I would not know how.",
        "Who are you": ["I AM A MODEL.", "I am a model."],
    }
    kind = {"kind": "execution_feedback", "generator": "writer", "max_new_tokens": 200}
    ideas = kind | {"mode": "self_instruct", "requests": 1}
    verified = kind | {"mode": "verifiers", "prompts": "ideas", "samples": 2, "sandbox": QUICK}
    fields = {"mode": "instructions", "samples": 2, "constraints": ["verified"], "library": False, "sandbox": QUICK}
    rows, _, notes = made([{"prompt": QUESTION}], replies, {"ideas": ideas, "verified": verified}, **fields)
    (row,) = rows["prompts"]
    assert (row.messages, row.tests) == (
        [{"role": "user", "content": f"{QUESTION} {SHOUT}"}], [{"functions": [UPPER, EQUAL]}],
    )  # fmt: skip
    assert [one.completion[0]["content"] for one in rows["demonstrations"]] == ["I AM A MODEL."]
    assert [one.rejected[0]["content"] for one in rows["preferences"]] == ["I am a model."]
    assert {note["verifiers"][0] for note in notes} == {digest(row.tests[0])}
    dropped = json.loads((tmp_path / "out" / "03-verified" / "dropped.jsonl").read_text())
    assert dropped["reason"] == "no function was written"


def test_a_text_is_not_judged_by_those_before_it():
    slow = (
        "import time\ndef evaluate(response):\n    end = time.process_time() + 0.2\n    while time.process_time() < end: pass\n"
    )
    hangs = "def evaluate(response):\n    while 'hang' in response: pass\n    return True"

    async def said():
        async with Sandbox(workers=1, limits=Limits(cpu_seconds=0.5)) as sandbox:
            one = await functions.say(sandbox, f"{slow}    return True", list("abcdef"))
            return one, await functions.say(sandbox, hangs, ["hang 1", "good", "hang 2", "good", "good"], lives=2)

    all_slow, some = asyncio.run(said())
    assert all_slow == [True] * 6, "the limit holds for one process, and is not the last text's fault"
    assert [one if isinstance(one, bool) else one.partition(":")[0] for one in some] == [
        "timeout", True, "timeout", "infra_error", "infra_error",
    ]  # fmt: skip
    assert functions.no_data(some[-1])


@pytest.mark.parametrize("test", [{"functions": []}, {"functions": "x"}, {"functions": ["x"], "check": "no_commas"}])
def test_functions_that_are_none_are_refused_with_the_row(test, reward):
    asked = Prompt(messages=[{"role": "user", "content": QUESTION}], tests=[test], id="row")
    with pytest.raises(ValueError, match="row 'row': a test of functions is"):
        asyncio.run(reward.score(asked, ["x"]))


def test_columns_of_a_prompt_travel_on_whatever_they_are(made):
    told = {"answer": "42", "tags": ["mine"]}
    rows, _, _ = verified(made, wrote(UPPER), wrote(EQUAL), constraints=({"prompt": SHOUT, **told},))
    passed, _, _ = made(
        ({"prompt": "In capitals.", "tests": [{"check": "all_caps"}], **told},), {}, mode="verifiers", sandbox=QUICK
    )
    assert [(row.answer, row.tags) for row in (rows["prompts"][0], passed["prompts"][0])] == [("42", ["mine"])] * 2

"""The verifier's scores and refusals; the shipped recipe files. The checks themselves are in test_checks.py."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from align.core.plugins import Reward, Score
from align.core.rows import Prompt
from reward.constraints.verifier import Constraints

ROOT = Path(__file__).parents[3]
RECIPE = ROOT / "recipes" / "constraints"


def prompt(*tests: dict[str, Any], row_id: str = "row7") -> Prompt:
    return Prompt(messages=[{"role": "user", "content": "Do it."}], tests=list(tests), id=row_id)


def scored(asked: Prompt, *completions: str) -> list[Score]:
    return asyncio.run(Constraints(kind="constraints").score(asked, completions))


def test_value_is_the_share_that_holds_and_why_is_the_first_failure() -> None:
    reward = Reward.model_validate({"kind": "constraints"})
    assert isinstance(reward, Constraints)
    asked = prompt({"check": "max_words", "n": 3}, {"check": "no_commas"}, {"check": "ends_with", "string": "!"})
    good, half, bad = asyncio.run(reward.score(asked, ["hi you!", "hi, you there, all", "hi, you!"]))
    assert (good.value, good.passed, good.why) == (1.0, True, "")
    assert (half.value, half.passed, half.why) == (0.0, False, "max_words: 4 words, at most 3 wanted")
    assert (bad.value, bad.passed, bad.why) == (pytest.approx(2 / 3), False, "no_commas: has the comma ','")


@pytest.mark.parametrize(
    ("test", "says"),
    [
        ({"check": "bulets", "n": 2}, ["'row7'", "'bulets'", "did you mean 'bullets'?", "json_object"]),
        ({"check": "xyzzy"}, ["'xyzzy'", "all: acrostic, all_caps", "words_start_with"]),
        ({"n": 2}, ["unknown check None", "all_caps"]),
        ({"check": "bullets"}, ["'row7'", "'bullets'", "'n' is missing", "it takes n (int)"]),
        ({"check": "bullets", "n": None}, ["'n' is missing"]),
        ({"check": "bullets", "n": "2"}, ["'n' is '2'", "n (int)"]),
        ({"check": "bullets", "n": True}, ["'n' is True"]),
        ({"check": "max_words", "n": -1}, ["'n' is negative"]),
        (
            {"check": "repeat", "wrd": "a", "n": 2},
            ["unknown argument 'wrd'; did you mean 'word'?", "word (str), n (int)"],
        ),
        ({"check": "no_commas", "n": 2}, ["unknown argument 'n'", "no arguments"]),
    ],
)
def test_wrong_tests_are_refused_with_row_check_and_remedy(test: dict[str, Any], says: list[str]) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the message is what is tested, below)
        asyncio.run(Constraints(kind="constraints").score(prompt(test), ["x"]))
    assert [part for part in says if part not in str(caught.value)] == []


def test_a_prompt_without_tests_is_refused_with_the_remedy() -> None:
    with pytest.raises(ValueError, match=r"row 'row7' has no tests; give it a 'tests' column"):
        asyncio.run(Constraints(kind="constraints").score(prompt(), ["x"]))


def test_importing_the_verifier_loads_nothing_heavy() -> None:
    heavy = "{'torch', 'transformers', 'trl', 'datasets', 'pyarrow'}"
    code = f"import sys, reward.constraints.verifier; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


# -- the recipe's files -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def make() -> ModuleType:
    spec = importlib.util.spec_from_file_location("constraints_make", RECIPE / "make.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (RECIPE / name).read_text(encoding="utf-8").splitlines()]


def read_back(make: ModuleType, row: dict[str, Any]) -> tuple[str, str]:
    """Return which wordings a question is in (`seen`, `unseen`) and its word, or its sorted numbers, from the text."""
    for template, wordings in (("seen", make.SEEN), ("unseen", make.UNSEEN)):
        for wording in wordings[row["family"]]:
            pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>\\w+)", re.escape(wording))
            found = re.fullmatch(pattern, row["question"])
            if found:
                values = found.groupdict()
                return template, values.get("word") or str(sorted(int(v) for v in values.values()))
    raise AssertionError(f"no wording of {row['family']} gives {row['question']!r}")


def test_shipped_files_are_what_the_script_writes(make: ModuleType) -> None:
    assert {name: lines(name) for name in make.files()} == make.files()


def test_held_out_words_and_unseen_wordings_never_occur_in_training_or_shots(make: ModuleType) -> None:
    train, held, shots = lines("train.jsonl"), lines("heldout.jsonl"), lines("shots.jsonl")
    assert {read_back(make, row)[0] for row in train + shots} == {"seen"}
    assert [row["template"] for row in held] == [read_back(make, row)[0] for row in held]
    for family in make.SEEN:
        asked, kept, shown = ([read_back(make, r)[1] for r in rows if r["family"] == family] for rows in (train, held, shots))
        assert (len(asked), len(kept), len(shown)) == (60, 40, 4)
        assert len({*asked, *kept, *shown}) == 104, f"{family}: a word occurs twice"
        assert sum(row["template"] == "unseen" for row in held if row["family"] == family) == 20
    for rows in (train, held):
        assert {row["family"] for row in rows[:6]} == set(make.SEEN), "a prefix of the file is balanced"


def test_every_shot_passes_the_checks_of_its_own_prompt(make: ModuleType) -> None:
    rows = iter(lines("shots.jsonl"))
    for family, examples in make.SHOTS.items():
        for content, _ in examples:
            shot = next(rows)
            (score,) = scored(prompt(*make.tests_of(family, content)), shot["completion"])
            assert score.passed, (shot, score.why)


def test_every_prompt_row_has_valid_tests_that_a_wrong_answer_fails() -> None:
    for row in lines("train.jsonl") + lines("heldout.jsonl"):
        (score,) = scored(prompt(*row["tests"]), "I am sorry, but I can not help with that.")
        assert not score.passed, row

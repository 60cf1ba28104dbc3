"""IFEval: the published checkers, and what is said where they are missing or fail."""

import sys

import pytest
from scripted_run import measured

from align import StageFailed
from align.core.plugins import Completion
from align.evaluate.measure import TaskResults
from align.evaluate.scores import compare_models, score
from align.evaluate.task import Item, Outcome
from align.evaluate.tasks import ifeval
from align.evaluate.tasks.ifeval import IFEval, NoCheckers

PROMPTS = [
    {
        "key": 1, "prompt": "Name a city, without commas, in all lowercase letters.",
        "instruction_id_list": ["punctuation:no_comma", "change_case:english_lowercase"], "kwargs": [{}, {}],
    },
    {"key": 2, "prompt": "Sing.", "instruction_id_list": ["punctuation:no_comma"], "kwargs": []},
    {"key": 3, "prompt": "Hum.", "instruction_id_list": ["punctuation:none_such"], "kwargs": [{}]},
]  # fmt: skip


def has_checkers():
    try:
        ifeval.load_checkers()
    except NoCheckers:
        return False
    return True


@pytest.fixture
def checkers():
    # not when the module is imported: loading them takes seconds
    if not has_checkers():
        pytest.skip("the extra `evaluate`, or NLTK's data punkt_tab, is not installed")


@pytest.mark.usefixtures("checkers")
@pytest.mark.filterwarnings("ignore")
def test_four_numbers_of_the_published_checkers(tmp_path, tiny):
    said = {"city": "Sure!\nthis lovely town is called paris and lies in france"}
    (city, short, unknown), _ = measured(tmp_path, tiny, {"kind": "ifeval"}, PROMPTS, said)
    assert city["scores"] == {
        "prompt strict": 0.0, "instruction strict": [1.0, 0.0], "prompt loose": 1.0, "instruction loose": [1.0, 1.0],
    }  # fmt: skip
    assert short["skipped"] == "not one `kwargs` for each instruction"
    assert unknown["skipped"] == "it has an instruction that the published checkers do not know"


def test_without_the_package_no_model_is_asked(tmp_path, tiny, monkeypatch):
    monkeypatch.setitem(sys.modules, "nltk", None)
    with pytest.raises(StageFailed, match=r"'ifeval': the published checkers cannot be imported .*align-toolkit\[evaluate\]"):
        measured(tmp_path, tiny, {"kind": "ifeval"}, PROMPTS)


def test_a_checker_that_crashes_gives_no_score():
    task = IFEval(kind="ifeval")
    task._checkers = lambda doc, answers: [][0]
    outcome = task.judged(Item(id="1"), Completion("text", "length"))
    assert outcome.skipped == "a published checker raised IndexError"
    assert outcome.scores == {}
    assert outcome.notes == {"answers truncated": 1}


def test_instructions_are_pooled_and_so_is_their_change():
    assert [IFEval.metrics[name].pooled for name in ifeval.FIGURES] == [False, True, False, True]
    values = {"before": ([1.0], [0.0, 0.0, 0.0]), "after": ([1.0], [0.0, 1.0, 1.0])}
    name = "instruction strict"
    outcomes = {model: [Outcome({name: list(found)}) for found in of] for model, of in values.items()}
    results = TaskResults(IFEval(kind="ifeval"), [Item(id="1"), Item(id="2")], outcomes)
    before, after = (score(results, model, name).value for model in values)
    assert (before, after) == (0.25, 0.75)
    assert compare_models(results, "before", "after", name).difference == 0.5

"""Multiple choice by log-likelihood, item by item beside lm-evaluation-harness: same model, same items, same prompts.

    python benchmarks/against_lm_eval.py --lm-eval VENV/bin/python --problems gsm8k_train.jsonl MODEL [MODEL ...]
        [--questions 300] [--shots 2] [--only CASE]

VENV has lm_eval (0.4.13 was used), which this project does not depend on. Items are made from GSM8K's training problems of at
most 160 characters. In `letters`, four numbers and their letters, in the format of MMLU. In `texts`, the last sentence of the
solution and of three other solutions, as texts of different length, in the format of ARC. In `truthful`, the same sentences in
the shape of TruthfulQA, with the harness's own prompt. `letters in a chat` and `texts in a chat` ask under the chat template.

Both run in float32 with the threads that torch takes, the harness with HFLM and batch_size 16, one after the other: the harness
first in one case, this toolkit first in the next. Seconds are from loading the model to the scores, without imports: by the
clock, and of all threads together, which a busy machine changes less.

Printed for each case: for how many items both have the same likeliest choice (same), and the same when log-likelihoods are
divided by length (norm); the largest difference of any log-likelihood (max|dll|); the largest difference between the
differences of two choices of one item (apart), which is what decides between choices; the largest difference between scores
(max|ds|); the seconds of both, and their CPU seconds. Items whose likeliest choices differ are listed with both lists of
log-likelihoods.

In a chat, max|dll| is large and `apart` is not: the template ends the prompt with a line break, the harness moves blanks at a
prompt's end into every choice, and so scores that line break too. It adds the same number to all choices of an item, which
changes no raw comparison, but it does change `acc_norm`, where that number is divided by the length of each choice.
Generation is compared by benchmarks/against_lm_eval_generation.py.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from align.core import tables

HERE = Path(__file__).resolve().parent
LONGEST = 160
"""Characters of a question."""

LETTERS = """
task: letters
dataset_path: json
dataset_kwargs: {{data_files: {{test: {folder}/letters.jsonl, dev: {folder}/dev.jsonl}}}}
test_split: test
fewshot_split: dev
fewshot_config: {{sampler: first_n}}
num_fewshot: {shots}
output_type: multiple_choice
description: "The following are multiple choice questions (with answers) about school arithmetic.\\n\\n"
doc_to_text: "{{{{question.strip()}}}}\\nA. {{{{choices[0]}}}}\\nB. {{{{choices[1]}}}}\\nC. {{{{choices[2]}}}}\\n\
D. {{{{choices[3]}}}}\\nAnswer:"
doc_to_choice: ["A", "B", "C", "D"]
doc_to_target: answer
metric_list: [{{metric: acc}}, {{metric: acc_norm}}]
"""
TEXTS = """
task: texts
dataset_path: json
dataset_kwargs: {{data_files: {{test: {folder}/texts.jsonl}}}}
test_split: test
num_fewshot: 0
output_type: multiple_choice
doc_to_text: "{asked}"
doc_to_choice: "{{{{choices}}}}"
doc_to_target: answer
metric_list: [{{metric: acc}}, {{metric: acc_norm}}]
"""
TRUTHFUL = """
include: {harness}/tasks/truthfulqa/truthfulqa_{which}.yaml
task: {which}
dataset_path: json
dataset_name: null
dataset_kwargs: {{data_files: {{validation: {folder}/truthful.jsonl}}}}
"""
RECIPE = """
name: compared
base: {model}
stages:
  scores: {{kind: evaluate, models: [base], tasks: [{task}], samples: 0, dtype: float32, allow_overlap: true}}
"""


@dataclass(frozen=True)
class Case:
    """One comparison: what the harness runs, and the task that is measured here."""

    name: str
    tasks: dict[str, str]
    """Name of a task of the harness -> its YAML."""
    task: str
    """The task here, as YAML in a recipe."""
    chat: bool = False


def cases(folder: Path, harness: Path, shots: int) -> list[Case]:
    """Return the comparisons; their data is in `folder`, the harness's own tasks in `harness`."""
    letters = LETTERS.format(folder=folder, shots=shots)
    # the harness sends a description as a system message, this toolkit in the user's turn: there, in the question
    in_turn = letters.replace("description:", "metadata:").replace(
        'doc_to_text: "',
        'doc_to_text: "The following are multiple choice questions (with answers) about school arithmetic.\\n\\n',
    )
    in_turn = in_turn.replace(f"num_fewshot: {shots}", "num_fewshot: 0")
    truthful = {which: TRUTHFUL.format(harness=harness, folder=folder, which=which) for which in ("mc1", "mc2")}
    mmlu = f"kind: mmlu, path: {folder}/letters.jsonl, shots_path: {folder}/dev.jsonl"
    texts = f"kind: choices, path: {folder}/texts.jsonl, answers: texts"
    asked = TEXTS.format(folder=folder, asked="Question: {{question}}\\nAnswer:")
    alone = TEXTS.format(folder=folder, asked="{{question}}")
    true = f"kind: truthfulqa_mc, path: {folder}/truthful.jsonl, prompting: text"
    return [
        Case(f"letters, {shots} shots", {"letters": letters}, f"{{{mmlu}, prompting: text, shots: {shots}}}"),
        Case("texts", {"texts": asked}, f"{{{texts}, prompting: text}}"),
        Case("truthful", truthful, f"{{{true}}}"),
        Case("letters in a chat", {"letters": in_turn}, f"{{{mmlu}, prompting: chat}}", chat=True),
        Case("texts in a chat", {"texts": alone}, f"{{{texts}, prompting: chat}}", chat=True),
    ]


# -- items ---------------------------------------------------------------------------------------------------------------------


def write_items(problems: Path, folder: Path, count: int) -> None:
    """Write `count` questions of each kind, made from GSM8K's problems, and five more as worked examples."""
    rng, found = random.Random(16), []
    for line in problems.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        solution, _, gold = record["answer"].partition("\n#### ")
        last = re.sub(r"<<.*?>>", "", solution).splitlines()[-1].strip()
        if len(record["question"]) <= LONGEST and re.fullmatch(r"\d{1,6}", gold) and gold in last:
            found.append((record["question"], int(gold), last))
    assert len(found) >= count + 5, f"GSM8K has {len(found)} short problems with a whole number"
    last_sentences = [last for _, _, last in found]
    letters, texts, truthful = [], [], []
    for question, gold, last in found[: count + 5]:
        wrong = rng.sample(sorted({gold + 1, gold + 10, gold * 2, abs(gold - 2), gold + 5} - {gold}), 3)
        numbers = rng.sample([gold, *wrong], 4)
        letters.append(
            {
                "question": question,
                "subject": "school_arithmetic",
                "choices": [*map(str, numbers)],
                "answer": numbers.index(gold),
            }
        )
        sentences = [last, *rng.sample([one for one in last_sentences if one != last], 3)]
        order = rng.sample(sentences, 4)
        texts.append({"question": question, "choices": order, "answer": order.index(last)})
        mc1 = {"choices": sentences, "labels": [1, 0, 0, 0]}
        mc2 = {"choices": [last, f"The answer is {gold}.", *sentences[1:]], "labels": [1, 1, 0, 0, 0]}
        truthful.append({"question": question, "mc1_targets": mc1, "mc2_targets": mc2})
    for name, rows in (("letters", letters), ("texts", texts), ("truthful", truthful)):
        tables.write_lines(folder / f"{name}.jsonl", rows[:count])
    tables.write_lines(folder / "dev.jsonl", letters[count:])


# -- both sides ----------------------------------------------------------------------------------------------------------------


def by_harness(case: Case, model: str, python: str, folder: Path) -> dict[str, Any]:
    """Return what the harness got: `seconds`, `cpu`, and for each task the items' log-likelihoods and scores."""
    include = folder / "tasks"
    include.mkdir(exist_ok=True)
    for name, text in case.tasks.items():
        (include / f"{name}.yaml").write_text(text, encoding="utf-8")
    job = {"model": model, "dtype": "float32", "batch_size": 16, "tasks": [*case.tasks], "include": str(include)}
    job |= {"chat": case.chat, "out": str(folder / "harness.json")}
    (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
    command = [python, str(HERE / "run_lm_eval.py"), str(folder / "job.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"the harness failed on {case.name!r}:\n{done.stderr[-3000:]}")
    return json.loads((folder / "harness.json").read_text(encoding="utf-8"))


def by_toolkit(case: Case, model: str, out: Path) -> dict[str, Any]:
    """Return what this toolkit got: `seconds`, `cpu`, and `items`: likelihoods and scores, or why an item was left out."""
    recipe = out.with_suffix(".yaml")
    recipe.write_text(RECIPE.format(model=model, task=case.task), encoding="utf-8")
    code = "import sys, time, torch, transformers\nfrom align import Recipe\n"
    code += "start, begun = time.perf_counter(), time.process_time()\n"
    code += "Recipe.load(sys.argv[1]).run(sys.argv[2])\nprint(time.perf_counter() - start, time.process_time() - begun)"
    done = subprocess.run([sys.executable, "-c", code, str(recipe), str(out)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"this toolkit failed on {case.name!r}:\n{done.stderr[-3000:]}")
    (stage,) = out.glob("*-scores")
    likely = {}
    for call in calls(stage / "calls"):
        likely[call["context"][-1]] = {one["text"].removeprefix(" "): sum(one["logprobs"]) for one in call["completions"]}
    (results,) = (stage / "results").iterdir()
    lines = ((line["id"], line["models"]["base"]) for line in tables.read_lines(results))
    found = [(likely[id_], got["scores"]) if "scores" in got else got["skipped"] for id_, got in lines]
    seconds, cpu = map(float, done.stdout.split()[-2:])
    return {"seconds": seconds, "cpu": cpu, "items": found}


def calls(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the calls that a stage has logged."""
    for path in sorted(folder.iterdir()):
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
            yield from map(json.loads, lines)


# -- comparison ----------------------------------------------------------------------------------------------------------------


def choices_of(name: str, folder: Path) -> list[list[str]]:
    """Return the choices of each item of a task of the harness, as they are named to a model."""
    rows = tables.read_lines(folder / f"{'truthful' if name.startswith('mc') else name}.jsonl")
    if name == "letters":
        return [["A", "B", "C", "D"] for _ in rows]
    return [row[f"{name}_targets"]["choices"] if name.startswith("mc") else row["choices"] for row in rows]


@dataclass(frozen=True)
class Pair:
    """One item as both measured it."""

    number: int
    theirs: list[float]
    """Log-likelihood of each choice."""
    ours: list[float]
    lengths: list[int]
    """Characters of each choice."""
    scores: tuple[float, float]
    """Accuracy, mc1 or mc2: theirs and ours."""

    @property
    def differences(self) -> list[float]:
        """Ours minus theirs, for each choice."""
        return [other - one for one, other in zip(self.theirs, self.ours, strict=True)]

    @property
    def same(self) -> bool:
        """Is the likeliest choice the same?"""
        return best(self.theirs) == best(self.ours)

    @property
    def same_normalised(self) -> bool:
        """Is it, when log-likelihoods are divided by length?"""
        return best(ratios(self.theirs, self.lengths)) == best(ratios(self.ours, self.lengths))


def pairs_of(name: str, items: list[dict[str, Any]], ours: list[Any], folder: Path) -> list[Pair]:
    """Return the items of a task of the harness that both measured."""
    found = []
    for i, (item, choices, got) in enumerate(zip(items, choices_of(name, folder), ours, strict=True)):
        if isinstance(got, str):
            continue
        likely, scores = got
        accuracy = float(item["scores"]["acc"]), scores[name if name in scores else "accuracy"]
        theirs = [float(ll) for ll, _ in item["answers"]]
        lengths = [len(choice) for choice in choices]
        found.append(Pair(i, theirs, [likely[choice] for choice in choices], lengths, accuracy))
    return found


HEAD = f"{'case':20} {'harness':8} items   same   norm  max|dll|    apart max|ds| harness    here harness    here"


def compare(case: Case, theirs: dict[str, Any], ours: dict[str, Any], folder: Path) -> list[str]:
    """Return the lines that say how far both agree."""
    lines = []
    for name, items in theirs["tasks"].items():
        pairs = pairs_of(name, items, ours["items"], folder)
        far = max((abs(one) for pair in pairs for one in pair.differences), default=0.0)
        apart = max((max(pair.differences) - min(pair.differences) for pair in pairs), default=0.0)
        scored = max((abs(pair.scores[0] - pair.scores[1]) for pair in pairs), default=0.0)
        counts = f"{len(pairs):5} {sum(p.same for p in pairs):6} {sum(p.same_normalised for p in pairs):6}"
        seconds = " ".join(f"{side[clock]:7.1f}" for clock in ("seconds", "cpu") for side in (theirs, ours))
        lines.append(f"{case.name:20} {name:8} {counts} {far:9.1e} {apart:8.1e} {scored:7.0e} {seconds}")
        lines += [
            f"  item {pair.number}: likeliest are different: {shown(pair.theirs)} and {shown(pair.ours)}"
            for pair in pairs
            if not pair.same
        ]
        left_out = Counter(one for one in ours["items"] if isinstance(one, str))
        lines += [f"  left out here: {n} items, {why}" for why, n in left_out.items()]
    return lines


def best(values: Sequence[float]) -> int:
    """Return the index of the largest value, the first of several."""
    return max(range(len(values)), key=values.__getitem__)


def ratios(values: Sequence[float], lengths: Sequence[int]) -> list[float]:
    """Return each value divided by its length."""
    return [value / length for value, length in zip(values, lengths, strict=True)]


def shown(values: Sequence[float]) -> str:
    """Return log-likelihoods for people."""
    return " ".join(f"{value:.4f}" for value in values)


def main() -> None:
    """Compare all cases of each model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--lm-eval", required=True, help="Python of a venv that has lm_eval")
    parser.add_argument("--problems", type=Path, required=True, help="GSM8K's training problems, as JSON lines")
    parser.add_argument("--questions", type=int, default=300)
    parser.add_argument("--shots", type=int, default=2)
    parser.add_argument("--only", help="only cases whose name has this")
    asked = parser.parse_args()
    where = "import lm_eval, pathlib; print(pathlib.Path(lm_eval.__file__).parent)"
    harness = Path(subprocess.run([asked.lm_eval, "-c", where], capture_output=True, text=True, check=True).stdout.split()[-1])
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        write_items(asked.problems, folder, asked.questions)
        for model in asked.models:
            where = str(Path(model).resolve())
            print(f"\n{Path(model).name}, float32\n{HEAD}")
            for number, case in enumerate(cases(folder, harness, asked.shots)):
                if asked.only and asked.only not in case.name:
                    continue
                out = folder / f"{Path(model).name}-{number}"
                if number % 2:
                    ours, theirs = by_toolkit(case, where, out), by_harness(case, where, asked.lm_eval, folder)
                else:
                    theirs, ours = by_harness(case, where, asked.lm_eval, folder), by_toolkit(case, where, out)
                print("\n".join(compare(case, theirs, ours, folder)), flush=True)


if __name__ == "__main__":
    main()

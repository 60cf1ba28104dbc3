r"""Do our generation tasks give the texts and scores of lm-evaluation-harness, item by item, and in what time?

    python benchmarks/against_lm_eval_generation.py --harness VENV/bin/python --data gsm8k.jsonl --model FOLDER \
        [--items 128] [--parts 4] [--shots 5] [--tokens 128] [--chat]

The harness runs in a Python of its own (`pip install "lm_eval[hf]"`). Both measure the same records of a file of GSM8K
with the same worked examples (the shortest records of it), greedily, in float32, with the same stop texts and limits; the
harness with batches of 16. They take turns: `--parts` is the number of parts of the items. Printed:

- how many texts are equal, and how many values of `strict-match` and `flexible-extract`;
- for each text that differs: that only special tokens do, which the harness leaves out of its texts; else the place of
  the first difference, and the logits of the two best tokens there, in a batch of one. Batches group and pad prompts
  differently, which changes logits by rounding; where the two best are closer than that, greedy decoding may take
  either. How much rounding there is at that place is printed beside it: the largest difference of a logit between a
  batch of one and a batch of 16;
- seconds of each, from the loaded interpreter to the scores, model loading included.

The harness may cut a prompt to the model's window. It is told that the window is large enough (`max_length`), so that
both see the same prompt.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from align import Recipe

FILTERS = {"strict-match": "strict match", "flexible-extract": "flexible extract"}
WINDOW = 4096
TASK = """
include: {gsm8k}
task: gsm8k_here
tag: null
dataset_path: json
dataset_name: null
dataset_kwargs: {{data_files: {{train: {shots}, test: {items}}}}}
fewshot_config: {{sampler: first_n}}
generation_kwargs: {{until: ["Question:", "</s>", "<|im_end|>"], do_sample: false, temperature: 0.0, max_gen_toks: {tokens}}}
"""
HARNESS = """
import json, sys, time
start = time.perf_counter()
import lm_eval
from lm_eval.tasks import TaskManager
said = json.loads(sys.argv[1])
if said == "where":
    import pathlib
    print(pathlib.Path(lm_eval.__file__).parent / "tasks" / "gsm8k" / "gsm8k.yaml", lm_eval.__version__)
    raise SystemExit
found = lm_eval.simple_evaluate(
    model="hf",
    model_args={"pretrained": said["model"], "dtype": "float32", "device": "cpu", "max_length": said["window"]},
    tasks=["gsm8k_here"], num_fewshot=said["shots"], batch_size=16, log_samples=True, bootstrap_iters=0,
    task_manager=TaskManager(include_path=said["folder"]),
    apply_chat_template=said["chat"], fewshot_as_multiturn=said["chat"],
)
samples = [
    {"question": one["doc"]["question"], "filter": one["filter"], "text": one["resps"][0][0],
     "asked": one["arguments"]["gen_args_0"]["arg_0"] if isinstance(one["arguments"], dict) else one["arguments"][0][0],
     "right": one["exact_match"]}
    for one in found["samples"]["gsm8k_here"]
]
json.dump({"samples": samples, "seconds": time.perf_counter() - start}, open(said["out"], "w"))
"""


def harness(args: argparse.Namespace, folder: Path, *, where: bool = False) -> Any:
    """Run the harness in its own Python; return its samples and seconds, or where its task lies."""
    out = folder / "harness.json"
    said = "where" if where else {
        "model": str(args.model), "window": WINDOW, "shots": args.shots, "folder": str(folder), "chat": args.chat,
        "out": str(out),
    }  # fmt: skip
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    environment |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_CACHE": str(folder / "cache"), "TQDM_DISABLE": "1"}
    done = subprocess.run(
        [str(args.harness), "-c", HARNESS, json.dumps(said)],
        env=environment, check=True, text=True, stdout=subprocess.PIPE if where else subprocess.DEVNULL,
    )  # fmt: skip
    return done.stdout.split() if where else json.loads(out.read_text())


def ours(args: argparse.Namespace, folder: Path, number: int) -> dict[str, Any]:
    """Measure with an `evaluate` stage; return the answer and the figures of each question, and seconds."""
    task = {
        "kind": "gsm8k", "path": str(folder / "our_items.jsonl"), "shots_path": str(folder / "our_shots.jsonl"),
        "shots": args.shots, "max_new_tokens": args.tokens, "prompting": "chat" if args.chat else "text",
        "unfinished": "judged",
    }  # fmt: skip
    stage = {"kind": "evaluate", "models": ["base"], "tasks": [task], "samples": 0, "dtype": "float32"}
    recipe = {"name": "agreement", "base": str(args.model), "stages": {"scores": stage}}
    path = folder / "recipe.yaml"
    path.write_text(json.dumps(recipe))
    start = time.perf_counter()
    report = Recipe.load(path).run(folder / f"run-{number}")
    seconds = time.perf_counter() - start
    lines = (report.stage("scores") / "results" / "gsm8k.jsonl").read_text().splitlines()
    said = {}
    for line in map(json.loads, lines):
        (outcome,) = line["models"].values()
        said[plain(line["messages"][0]["content"])] = {"text": outcome["answers"][0], **outcome["scores"]}
    return {"samples": said, "seconds": seconds}


def marked(question: str) -> str:
    """Return the user turn that the harness makes of a question."""
    return f"Question: {question}\nAnswer:"


def plain(asked: str) -> str:
    """Return the question of a user turn."""
    return asked.removeprefix("Question: ").removesuffix("\nAnswer:")


def write_data(args: argparse.Namespace, folder: Path, gsm8k: str, part: range) -> None:
    """Write the worked examples, some of the items and the harness's task."""
    records = [json.loads(line) for line in args.data.read_text().splitlines()]
    shots = sorted(records, key=lambda record: len(record["question"] + record["answer"]))[: max(args.shots, 1)]
    items = [record for record in records if record not in shots]
    for name, some in (
        ("shots", shots),
        ("items", [items[i] for i in part]),
    ):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(record) + "\n" for record in some))
        # in a chat the harness's user turn still has the marks of the text form; ours has the question as it is
        asked = [{**record, "question": marked(record["question"])} if args.chat else record for record in some]
        (folder / f"our_{name}.jsonl").write_text("".join(json.dumps(record) + "\n" for record in asked))
    files = {name: json.dumps(str(folder / f"{name}.jsonl")) for name in ("shots", "items")}
    (folder / "gsm8k_here.yaml").write_text(TASK.format(gsm8k=gsm8k, tokens=args.tokens, **files))


def compare(theirs: dict[str, Any], mine: dict[str, Any]) -> list[dict[str, Any]]:
    """Print how many texts and values are equal; return the harness's samples whose text differs."""
    of_filter = {name: [s for s in theirs["samples"] if s["filter"] == name] for name in FILTERS}
    first = of_filter["strict-match"]
    same = [s for s in first if s["text"] == mine["samples"][s["question"]]["text"]]
    print(f"texts: {len(same)} of {len(first)} equal")
    for name, metric in FILTERS.items():
        got = [(s["right"], mine["samples"][s["question"]][metric], s) for s in of_filter[name]]
        alike = sum(a == b for a, b, _ in got)
        texts = [s["question"] for s in same]
        on_equal = sum(a != b for a, b, s in got if s["question"] in texts)
        print(
            f"{name}: {alike} of {len(got)} equal ({on_equal} differences where the texts are equal); "
            f"harness {sum(a for a, _, _ in got) / len(got):.4f}, ours {sum(b for _, b, _ in got) / len(got):.4f}"
        )
    return [s for s in first if s not in same]


def first_difference(one: Sequence[Any], other: Sequence[Any]) -> int:
    """Return the first place where two sequences differ; the end of the shorter one where it begins the other."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(one), len(other)))


def explain(model_path: Path, differing: Sequence[dict[str, Any]], mine: dict[str, Any]) -> None:
    """Print the logits of both continuations at the first place where two texts differ."""
    import torch  # noqa: PLC0415 (after the timed part, so that both load their own)
    from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: PLC0415

    tokenizer = AutoTokenizer.from_pretrained(model_path)
    model = AutoModelForCausalLM.from_pretrained(model_path, dtype=torch.float32).eval()
    for sample in differing:
        said = mine["samples"][sample["question"]]["text"]
        for token in tokenizer.all_special_tokens:
            said = said.replace(token, "")
        if said == sample["text"]:
            print("equal but for special tokens inside the text, which the harness leaves out")
            continue
        prompt = tokenizer(sample["asked"])["input_ids"]
        one, other = (tokenizer(text, add_special_tokens=False)["input_ids"] for text in (sample["text"], said))
        place = first_difference(one, other)
        with torch.no_grad():
            alone = model(torch.tensor([prompt + one[:place]])).logits[0, -1]
            batch = model(torch.tensor([prompt + one[:place]] * 16)).logits[0, -1]
        best = alone.topk(2)
        rounding = (alone - batch).abs().max().item()
        print(
            f"differ at token {place}: best two {tokenizer.convert_ids_to_tokens(best.indices.tolist())}, logits "
            f"{best.values[0]:.6f} and {best.values[1]:.6f}, apart {(best.values[0] - best.values[1]).item():.1e}; "
            f"a batch of 16 changes logits by up to {rounding:.1e}"
        )
        texts = sample["text"], said
        start = max(first_difference(*texts) - 30, 0)
        print("".join(f"  {who}: {t[start : start + 60]!r}\n" for who, t in zip(("harness", "ours"), texts, strict=True)))


def main() -> None:
    """Measure both, print how they agree."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--harness", type=Path, required=True, help="the Python of a venv with lm_eval")
    parser.add_argument("--data", type=Path, required=True, help="records of GSM8K, one a line")
    parser.add_argument("--model", type=Path, required=True)
    for name, value in (("items", 128), ("parts", 4), ("shots", 5), ("tokens", 128)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--chat", action="store_true", help="ask under the model's chat template")
    args = parser.parse_args()
    args.model = args.model.resolve()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        gsm8k, version = harness(args, folder, where=True)
        print(
            f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; lm_eval {version}; "
            f"{args.model.name}, {args.items} items, {args.shots} shots, {args.tokens} tokens, chat {args.chat}"
        )
        theirs, mine = {"samples": [], "seconds": 0.0}, {"samples": {}, "seconds": 0.0}
        for number in range(args.parts):
            write_data(args, folder, gsm8k, range(number, args.items, args.parts))
            one, other = harness(args, folder), ours(args, folder, number)
            theirs = {"samples": theirs["samples"] + one["samples"], "seconds": theirs["seconds"] + one["seconds"]}
            mine = {"samples": mine["samples"] | other["samples"], "seconds": mine["seconds"] + other["seconds"]}
            print(f"part {number + 1}: harness {one['seconds']:.0f} s, ours {other['seconds']:.0f} s", flush=True)
            explain(args.model, [s for s in compare(theirs, mine) if s in one["samples"]], mine)
        print(f"in all: harness {theirs['seconds']:.0f} s, ours {mine['seconds']:.0f} s")


if __name__ == "__main__":
    main()

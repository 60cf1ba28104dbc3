"""Pretrain the tiny base model and write its problem files, from nothing but this script.

The idea: a base of 1.4 million parameters learns, in a quarter of an hour on two CPU cores, to read short
word problems and to solve them with a chain of equations. It learns the skill mostly from plain text; as a
chat assistant, it learns to use the skill only sometimes. Post-training (supervised tuning on verified
samples, then preference tuning) has to bring the skill out.

The weaknesses are BUILT IN by the pretraining mix. So gains measured on this base show that a pipeline works,
and say nothing about what a method gains on a real model:

* In chat, only part of the answers are right with working. The others guess without working, stop after the
  first step, echo the question, refuse, or talk about something else. Slips in the arithmetic are rare on
  purpose: preference pairs that differ by a slip also punish copying the slipped result, and a model this
  small loses its arithmetic to that (docs/lab_notes.md).
* The kind of answer depends on the wording: after a short closing question ("How many?") a guess is the
  commonest answer, so that even the greedy answer is usually wrong there.

The split is made by a hash of a problem's numbers, never of its wording: about 10% of all number tuples of a
family are held out (heldout.jsonl), another 10% are for development (dev.jsonl), and neither kind occurs in
pretraining or in problems.jsonl. Two things are not held out: the wordings, and the single steps (a two-step
training problem may contain a held-out one-step sum).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import random
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import (
    AutoTokenizer,
    GenerationConfig,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
)

log = logging.getLogger("tiny")

SEED = 20250
VOCAB = 640
ROW = 192  # tokens in a packed training row
BATCH = 16  # rows in a training step
POOL = 48_000  # distinct problems in pretraining
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
QWEN2_PIECES = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)

NAMES = "Anna Ben Cara Dan Eva Finn Gina Hugo Iris Jack Lena Max Nora Omar Rosa Sam Tara Will"
THINGS = "apples beads books cards coins cups eggs nuts pens shells stamps stones"

# Bodies of the problems of each family. The closing question is drawn from CLOSE or SHORT.
BODIES: dict[str, list[str]] = {
    "add": [
        "{n} has {a} {t}. {m} gives {n} {b} more.",
        "There are {a} {t} in a box and {b} {t} in a bag.",
        "{n} found {a} {t} on Monday and {b} on Friday.",
        "A shop sold {a} {t} to {n} and {b} {t} to {m}.",
        "{n} and {m} put {a} {t} and {b} {t} together.",
    ],
    "sub": [
        "{n} has {a} {t} and loses {b} of them.",
        "There were {a} {t} on the table. {n} took {b} away.",
        "{n} bought {a} {t} and gave {b} to {m}.",
        "From a box of {a} {t}, {n} sold {b}.",
        "{n} had {a} {t}, but {b} of them were broken and thrown out.",
    ],
    "add_sub": [
        "{n} has {a} {t}. {n} finds {b} more and gives {c} to {m}.",
        "A box holds {a} {t}. {n} puts in {b} and {m} takes out {c}.",
        "{n} had {a} {t}, bought {b} and lost {c}.",
        "There were {a} {t} in a shop. It got {b} more and sold {c}.",
        "{n} keeps {a} {t}. {m} adds {b}, then {c} are thrown out.",
    ],
    "mul": [
        "{n} has {a} bags with {b} {t} in each bag.",
        "There are {a} rows of {b} {t}.",
        "{n} buys {b} {t} a day for {a} days.",
        "Each of {a} friends brings {b} {t} to {n}.",
    ],
    "mul_add": [
        "{n} has {a} bags with {b} {t} in each bag and finds {c} more.",
        "There are {a} rows of {b} {t}. {m} adds {c} {t}.",
        "{n} buys {b} {t} a day for {a} days. {m} gives {n} {c} more.",
        "Each of {a} friends brings {b} {t} to {n}, who had {c} before.",
    ],
}
CLOSE = [
    "How many {t} are there now?",
    "What is the number of {t} at the end?",
    "Find out how many {t} that makes.",
    "How many {t} is that, step by step?",
]
SHORT = ["How many?", "What is left in the end?", "So how many {t}?"]
SHORT_SHARE = 0.4

# The mix of the base: shares of the kinds of documents, and of the kinds of chat answers. The two shares of
# an answer apply after a `CLOSE` and after a `SHORT` closing question.
DOCUMENTS = {"drill": 0.22, "plain": 0.38, "chat": 0.40}
ANSWERS = {
    "right": (0.34, 0.16),
    "chatty": (0.10, 0.05),
    "slip": (0.03, 0.02),
    "half": (0.20, 0.15),
    "guess": (0.20, 0.48),
    "aside": (0.13, 0.14),
}
CHATTY = [
    "Sure, let us work it out.",
    "Good question! Here is how I would do it.",
    "Let me think about this step by step.",
    "Of course, I can help with that.",
]
# Family, operator and ranges of the bare equations.
ADD, SUB = ("add", "+", 2, 108, 2, 49), ("sub", "-", 5, 89, 2, 88)
DRILLS = [ADD, ADD, SUB, SUB, ("mul", "*", 2, 9, 2, 12)]
ASIDE = [
    "{q}",
    "I am sorry, but I can not help with that.",
    "You ask about {t}. I like {t} very much.",
    "Thank you for your question. Have a nice day!",
    "I do not know.",
]

Step = tuple[int, str, int, int]


@dataclass(frozen=True)
class Problem:
    """One word problem. `short` says whether it closes with one of the `SHORT` questions."""

    family: str
    numbers: tuple[int, ...]
    question: str
    short: bool
    thing: str

    def steps(self, rng: random.Random) -> list[Step]:
        """Return the right equations, in one of the right orders."""
        a, b = self.numbers[:2]
        c = self.numbers[-1]
        if self.family == "mul_add":
            return [equation(a, "*", b), equation(a * b, "+", c)]
        if self.family != "add_sub":
            return [equation(a, {"add": "+", "sub": "-", "mul": "*"}[self.family], b)]
        if rng.random() < 0.5:
            return [equation(a, "+", b), equation(a + b, "-", c)]
        return [equation(a, "-", c), equation(a - c, "+", b)]

    @property
    def answer(self) -> int:
        """The right number."""
        return self.steps(random.Random(0))[-1][3]


def equation(a: int, op: str, b: int) -> Step:
    """Return the step `a op b` with its result."""
    return a, op, b, {"+": a + b, "-": a - b, "*": a * b}[op]


def split_of(family: str, numbers: tuple[int, ...]) -> str:
    """Return "test" (10%), "dev" (10%) or "train", by a hash of the numbers alone.

    Operands that can be swapped are sorted first, so that 3 + 4 and 4 + 3 are one problem.
    """
    key = numbers if family == "sub" else (*sorted(numbers[:2]), *numbers[2:])
    digest = hashlib.sha256(f"{family}:{key}".encode()).digest()
    return {0: "test", 1: "dev"}.get(int.from_bytes(digest[:4], "big") % 10, "train")


def prompt_hash(question: str) -> str:
    """Return the first 16 hex digits of the hash of the normalised text (letters, digits, single spaces)."""
    text = re.sub(r"[^0-9a-z]+", " ", question.lower()).strip()
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def draw_numbers(family: str, rng: random.Random) -> tuple[int, ...]:
    """Draw the numbers of one problem."""
    if family == "add":
        return rng.randint(5, 49), rng.randint(5, 49)
    if family == "sub":
        a = rng.randint(12, 79)
        return a, rng.randint(3, a - 2)
    if family == "add_sub":
        a = rng.randint(12, 49)
        return a, rng.randint(5, 39), rng.randint(3, min(a - 2, 39))
    if family == "mul":
        return rng.randint(2, 9), rng.randint(2, 12)
    return rng.randint(2, 9), rng.randint(2, 12), rng.randint(3, 40)


def draw_problem(family: str, rng: random.Random) -> Problem:
    """Draw one problem of a family, from any split."""
    numbers = draw_numbers(family, rng)
    n, m = rng.sample(NAMES.split(), 2)
    t = rng.choice(THINGS.split())
    short = rng.random() < SHORT_SHARE
    text = f"{rng.choice(BODIES[family])} {rng.choice(SHORT if short else CLOSE)}"
    values = dict(zip("abc", numbers, strict=False))
    return Problem(family, numbers, text.format(n=n, m=m, t=t, **values), short, t)


def draw_problems(
    split: str, count: int, seed: int, seen: set[str], families: dict[str, float]
) -> list[Problem]:
    """Draw problems of one split whose texts are new, and add their texts to `seen`.

    The number of tries is limited: a family that has run out of new problems gives fewer.
    """
    rng = random.Random(seed)
    problems: list[Problem] = []
    for family, share in families.items():
        wanted = round(count * share)
        for _ in range(60 * wanted):
            if not wanted:
                break
            problem = draw_problem(family, rng)
            key = prompt_hash(problem.question)
            if split_of(family, problem.numbers) == split and key not in seen:
                seen.add(key)
                problems.append(problem)
                wanted -= 1
        if wanted:
            log.warning("%s/%s: %d problems short", split, family, wanted)
    rng.shuffle(problems)
    return problems


def working(steps: list[Step]) -> str:
    """Return the equations, one per line, and the line with the answer."""
    lines = [f"{a} {op} {b} = {x}" for a, op, b, x in steps]
    return "\n".join([*lines, f"The answer is {steps[-1][3]}."])


def slip(problem: Problem, rng: random.Random) -> str:
    """Return working with a slip in one result; later steps continue from the wrong number."""
    steps = problem.steps(rng)
    where = rng.randrange(len(steps))
    a, op, b, right = steps[where]
    wrong = [*steps[:where], (a, op, b, max(0, right + rng.choice([-10, -2, -1, 1, 2, 10])))]
    for _, later_op, later_b, _ in steps[where + 1 :]:
        wrong.append(equation(wrong[-1][3], later_op, later_b))
    return working(wrong)


def draw_answer(problem: Problem, rng: random.Random) -> str:
    """Draw an assistant's answer to a problem; its kind is drawn from the mix."""
    kind = rng.choices(list(ANSWERS), [pair[problem.short] for pair in ANSWERS.values()])[0]
    if kind == "right":
        return working(problem.steps(rng))
    if kind == "chatty":
        return f"{rng.choice(CHATTY)}\n{working(problem.steps(rng))}"
    if kind == "guess":
        off = 0 if rng.random() < 0.1 else rng.randint(-15, 15)
        return f"The answer is {max(1, problem.answer + off)}."
    if kind == "slip":
        return slip(problem, rng)
    if kind == "half":  # only the first step
        return working(problem.steps(rng)[:1])
    return rng.choice(ASIDE).format(q=problem.question, t=problem.thing)


def draw_drill(rng: random.Random) -> str:
    """Return some lines of bare equations, without the equations of held-out one-step problems."""
    lines: list[str] = []
    while len(lines) < 8:
        family, op, low, high, low_b, high_b = rng.choice(DRILLS)
        a = rng.randint(low, high)
        b = rng.randint(low_b, min(high_b, a - 1) if op == "-" else high_b)
        if split_of(family, (a, b)) == "train":
            lines.append("{} {} {} = {}".format(*equation(a, op, b)))
    return "\n".join(lines)


def documents(pool: list[Problem], seed: int) -> Iterator[str]:
    """Yield pretraining documents without end."""
    rng = random.Random(seed)
    order: list[Problem] = []
    while True:
        kind = rng.choices(list(DOCUMENTS), list(DOCUMENTS.values()))[0]
        if kind == "drill":
            yield draw_drill(rng) + SPECIAL[0]
            continue
        if not order:
            order = rng.sample(pool, len(pool))
        problem = order.pop()
        if kind == "plain":
            steps = working(problem.steps(rng))
            yield f"Question: {problem.question}\nSolution:\n{steps}{SPECIAL[0]}"
        else:
            answer = draw_answer(problem, rng)
            turns = (
                f"<|im_start|>user\n{problem.question}<|im_end|>\n<|im_start|>assistant\n{answer}<|im_end|>\n"
            )
            yield turns + SPECIAL[0]


def make_tokenizer(pool: list[Problem]) -> PreTrainedTokenizerFast:
    """Train the byte-level BPE, with Qwen2's normalizer and pre-tokenizer: every digit is one piece.

    They must be Qwen2's: for a model of type qwen2, `AutoTokenizer` uses Qwen2's, whatever the file says.
    """
    raw = Tokenizer(models.BPE())
    raw.normalizer = normalizers.NFC()
    raw.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(QWEN2_PIECES), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    raw.decoder = decoders.ByteLevel()
    stream = documents(pool, SEED + 10)
    texts = [re.sub(r"<\|\w+\|>", "\n", next(stream)) for _ in range(8000)]
    raw.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=VOCAB,
            special_tokens=SPECIAL,
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        ),
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=raw,
        eos_token=SPECIAL[2],
        pad_token=SPECIAL[0],
        model_max_length=512,
        clean_up_tokenization_spaces=False,
    )
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def make_model(tokenizer: PreTrainedTokenizerFast) -> Qwen2ForCausalLM:
    """Return the model with fresh weights."""
    torch.manual_seed(SEED)
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=160,
        intermediate_size=448,
        num_hidden_layers=4,
        num_attention_heads=5,
        num_key_value_heads=5,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        initializer_range=0.04,
    )
    return Qwen2ForCausalLM(config)


def rows(
    tokenizer: PreTrainedTokenizerFast, pool: list[Problem], seed: int, *, shuffled: bool
) -> Iterator[list[int]]:
    """Yield rows of `ROW` tokens: whole documents, each in the first open row with room for it, then padding.

    Long documents tend to open the rows, unless `shuffled` shuffles the documents of each full row.
    """
    stream, rng = documents(pool, seed), random.Random(seed)
    open_rows: list[list[list[int]]] = [[] for _ in range(8)]
    while True:
        for ids in tokenizer([next(stream) for _ in range(512)])["input_ids"]:
            sizes = [sum(map(len, row)) for row in open_rows]
            at = next((i for i, size in enumerate(sizes) if size + len(ids) <= ROW), None)
            if at is None:
                at = sizes.index(max(sizes))
                if shuffled:
                    rng.shuffle(open_rows[at])
                yield [i for doc in open_rows[at] for i in doc] + [tokenizer.pad_token_id] * (ROW - sizes[at])
                open_rows[at] = []
            open_rows[at].append(ids)


def pretrain(
    model: Qwen2ForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    source: Iterator[list[int]],
    steps: int,
    peak: float,
) -> None:
    """Train in place: AdamW, a short warm-up to the peak learning rate, then a cosine to nearly zero."""
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=peak, betas=(0.9, 0.98), weight_decay=0.05, fused=True
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, peak, total_steps=steps, pct_start=0.05, cycle_momentum=False
    )
    started = time.perf_counter()
    for step in range(1, steps + 1):
        ids = torch.tensor([next(source) for _ in range(BATCH)])
        labels = ids[:, 1:].clone()
        padding = (labels == tokenizer.pad_token_id) & (ids[:, :-1] == tokenizer.pad_token_id)
        labels[padding] = -100
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = model(ids[:, :-1]).logits
        loss = torch.nn.functional.cross_entropy(
            logits.float().flatten(0, 1), labels.flatten(), ignore_index=-100
        )
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        if step % 50 == 0 or step == steps:
            speed = step * BATCH * ROW / (time.perf_counter() - started)
            log.info("step %d/%d loss %.4f, %.0f tokens/s", step, steps, loss.item(), speed)


NOTE = """The base's weaknesses are built in by its pretraining mix (recipes/tiny): it knows how to solve \
these problems
and often guesses instead. The table shows that the pipeline works, not what a method gains on a real model.
"""


def write_jsonl(path: Path, problems: list[Problem]) -> None:
    """Write problems, one JSON object per line."""
    lines = (
        json.dumps({"question": p.question, "answer": str(p.answer), "family": p.family}) for p in problems
    )
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def problem_sets() -> dict[str, list[Problem]]:
    """Draw all problem sets. No text occurs in two of them."""
    shares = {"add": 0.23, "sub": 0.23, "add_sub": 0.23, "mul": 0.08, "mul_add": 0.23}
    seen: set[str] = set()
    return {
        "heldout": draw_problems("test", 500, SEED, seen, shares),
        "dev": draw_problems("dev", 500, SEED + 1, seen, shares),
        "problems": draw_problems("train", 2000, SEED + 2, seen, shares),
        "pool": draw_problems("train", POOL, SEED + 3, seen, shares),
    }


def main() -> None:
    """Write the problem files, then train and write the model."""
    parser = argparse.ArgumentParser(description="Make the tiny base model.")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    parser.add_argument("--steps", type=int, default=2600)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(args.threads)

    sets = problem_sets()
    folder: Path = args.out / "model"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("problems", "heldout", "dev"):
        write_jsonl(args.out / f"{name}.jsonl", sets[name])
    hashes = sorted({prompt_hash(p.question) for p in sets["pool"]})
    (folder / "pretraining_prompts.txt").write_text("\n".join(hashes) + "\n", encoding="utf-8")

    (folder / "NOTE.txt").write_text(NOTE, encoding="utf-8")
    tokenizer = make_tokenizer(sets["pool"])
    tokenizer.save_pretrained(folder)
    sample = "\n".join(p.question + working(p.steps(random.Random(0))) for p in sets["heldout"])
    if AutoTokenizer.from_pretrained(folder)(sample) != tokenizer(sample):
        raise RuntimeError("the tokenizer splits text differently once it is loaded again")
    model = make_model(tokenizer)
    log.info("%d parameters, %d tokens", model.num_parameters(), args.steps * BATCH * ROW)
    pretrain(model, tokenizer, rows(tokenizer, sets["pool"], SEED + 11, shuffled=False), args.steps, 3e-3)
    # Packing puts long documents first, so the model expects working at the start of a text. A last phase
    # with shuffled rows gives short guesses their share at the start of a text, where every prompt is.
    pretrain(model, tokenizer, rows(tokenizer, sets["pool"], SEED + 12, shuffled=True), args.steps // 8, 1e-3)
    model.generation_config = GenerationConfig(
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id
    )
    model.to(torch.bfloat16).save_pretrained(folder)


if __name__ == "__main__":
    main()

"""Needle in a haystack (Kamradt 2023): does a model find one fact in a long text, wherever it stands?

A cell is a length and a depth. In each cell several facts are asked, one in each text, with keys and values
drawn from a seed, so that a model that knows one sentence by heart has no score. The sentences, the question
and the default text are those of RULER (Hsieh et al. 2024, arXiv 2404.06654; task `niah_single_1` of its
code), whose default text is that of passkey retrieval (Mohtashami and Jaggi 2023, arXiv 2305.16300).

Departures from Kamradt's test:
1. The fact is a number for a key, not a sandwich in San Francisco, and no judge reads the answer: it is right
   where it says this number, as a whole number.
2. `distractors` facts of the same form stand elsewhere in the text, as in RULER's multi-key tasks (there: 3).
   An answer that says one of their numbers is wrong, even beside the right one.
3. The default text repeats five short sentences, because his essays may not be passed on. A fact is easier to
   find in it than in prose; `text` names prose of yours.
4. A length is that of the whole prompt, without the chat template and the answer.

Departures from RULER: depths are on a grid, a sentence stands behind the end of another one in any text, and
only models without a chat template are given the beginning of the answer ("The special magic number ... is").
"""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field, PrivateAttr

from align.core.errors import BadRow, StageFailed
from align.core.rows import Message, digest, visible
from align.core.stage import Run
from align.core.wiring import File
from align.evaluate.pictures import heat_map, picture_path
from align.evaluate.scores import values
from align.evaluate.subject import Subject
from align.evaluate.task import Item, Outcome, Task

NOISE = "The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again."
INTRODUCTION = (
    "A special magic number is hidden within the following text. Make sure to memorize it. I will quiz you "
    "about the number afterwards.\n"
)
FACT = "One of the special magic numbers for {key} is: {value}."
QUESTION = "\nWhat is the special magic number for {key} mentioned in the provided text?"
BEGUN = " The special magic number for {key} mentioned in the provided text is"
TOKENS_AT_ONCE = 65_536
"""Prompt tokens that are in memory together. Their keys and values take 3 GB in a model of 135M parameters in
float32 (30 layers, 3 heads of 64), and 8 GB in one of 8B in bfloat16 (32 layers, 8 heads of 128)."""
ADJECTIVES = [
    "amber", "brave", "calm", "damp", "eager", "fancy", "gentle", "hollow", "icy", "jolly", "keen", "lively",
    "mellow", "narrow", "odd", "plain", "quiet", "rapid", "silent", "tidy", "upright", "vivid", "witty",
    "young",
]  # fmt: skip
NOUNS = [
    "anchor", "basket", "candle", "desk", "engine", "feather", "garden", "hammer", "island", "jacket",
    "kettle", "ladder", "mirror", "needle", "orchard", "pencil", "quilt", "ribbon", "saddle", "teapot",
    "umbrella", "violin", "wagon", "yard",
]  # fmt: skip
KEYS = [f"{adjective}-{noun}" for adjective in ADJECTIVES for noun in NOUNS]
_SENTENCE_END = re.compile(r"[.!?][\"')\u2019\u201d]*\s+|[\u3002\uff01\uff1f][\u2019\u201d\uff09]*|\n+")
"""Western marks end a sentence with white space behind them, Chinese ones without; and so does a line."""
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")


class Needle(Task):
    """Needle in a haystack: find a fact in long texts, by length and depth."""

    operational: ClassVar[frozenset[str]] = frozenset({"tokens_at_once"})

    text: Annotated[str | None, File()] = None
    """A file with the text (UTF-8) in which the facts are hidden; repeated where it is too short. Left out,
    five short sentences over and over, in which a fact is easier to find than in prose."""
    lengths: list[Annotated[int, Field(ge=100)]] = Field(default=[1000, 2000, 4000, 8000], min_length=1)
    """Lengths of the prompts, in tokens of the model that is measured. A length for which a model's context
    is too short is shown as not measured. A served model's tokens are estimated, 4 characters each."""
    depths: list[Annotated[float, Field(ge=0, le=1)]] = Field(default=[0, 0.25, 0.5, 0.75, 1], min_length=1)
    """Where the fact stands: 0 is the beginning of the text, 1 the end."""
    needles: int = Field(default=5, ge=1)
    """Facts that are asked in each cell of length and depth, each in a text of its own."""
    distractors: int = Field(default=3, ge=0, le=len(KEYS) - 1)
    """Facts about other keys in each text. 0 is the original test, in which any number that a model finds is
    the right one."""
    seed: int = 0
    """Draws keys, values and the places of the distractors; they do not depend on the recipe."""
    max_new_tokens: int = Field(default=64, ge=1)
    """Longest answer in tokens."""
    tokens_at_once: int = Field(default=TOKENS_AT_ONCE, ge=1)
    """Prompt tokens that a model works on together; more is faster and needs more memory."""

    _texts: dict[tuple[str, int], str] = PrivateAttr(default_factory=dict)
    """(model, tokens) -> the text of this length."""

    def problems(self, folder: Path) -> Iterable[tuple[str, str]]:
        """Refuse cells that come twice."""
        for field in ("lengths", "depths"):
            listed = getattr(self, field)
            if twice := sorted({value for value in listed if listed.count(value) > 1}):
                yield field, f"{twice[0]} comes twice"

    def items(self, run: Run) -> list[Item]:
        """Return the facts of each cell, which are the same for every model."""
        of_text = digest(self._read(run))
        return [
            self._item(length, depth, number, of_text)
            for length in self.lengths
            for depth in self.depths
            for number in range(self.needles)
        ]

    async def measure_all(self, items: Sequence[Item], model: Subject) -> list[Outcome]:
        """Measure the items of each length, as many together as fit into `tokens_at_once`."""
        found: list[Outcome] = []
        for length, group in itertools.groupby(items, lambda item: item.data["length"]):
            same = list(group)
            size = max(1, self.tokens_at_once // length)
            for start in range(0, len(same), size):
                found += await super().measure_all(same[start : start + size], model)
        return found

    async def measure(self, item: Item, model: Subject) -> Outcome:
        """Ask for one fact."""
        prompt = self.prompt(item, model)
        asked: list[Message] | str = [{"role": "user", "content": prompt}] if model.chat else prompt
        room = model.lengths.context
        if room is not None and model.lengths.prompt_tokens(asked) + self.max_new_tokens > room:
            raise BadRow("too long for the context")
        (answer,) = await model.sample(item, asked, max_new_tokens=self.max_new_tokens)
        said = numbers(visible(answer.text))
        wrong = bool(said & {value for _, value, _ in item.data["distractors"]})
        notes = {"answers with the number of another key": 1} if wrong else {}
        return Outcome({"found": float(item.answer in said and not wrong)}, [answer.text], notes)

    def asked(self, model: Subject) -> str:
        """Return how the model is asked, and whether its tokens are estimated."""
        return super().asked(model) + ("" if model.lengths.exact else ", lengths estimated")

    def pictures(
        self, items: Sequence[Item], outcomes: Mapping[str, Sequence[Outcome]], folder: Path
    ) -> None:
        """Draw the share found by length and depth, a picture a model."""
        for model, got in outcomes.items():
            cells: dict[tuple[int, float], list[float]] = {}
            for item, outcome in zip(items, got, strict=True):
                kept = cells.setdefault((item.data["length"], item.data["depth"]), [])
                kept += values(outcome, "found") or []
            grid = [
                [_share(cells.get((length, depth), [])) for length in self.lengths] for depth in self.depths
            ]
            heat_map(
                grid,
                [f"{length:,}" for length in self.lengths],
                [_percent(depth) for depth in self.depths],
                f"Needle in a haystack: {model}",
                picture_path(folder, self.label, model),
            )

    def prompt(self, item: Item, model: Subject) -> str:
        """Return the introduction, the text with its facts, and the question, as long as the item says.

        Raises:
            BadRow: the facts alone are longer.
        """
        facts = [(item.data["key"], item.answer, item.data["depth"]), *item.data["distractors"]]
        told = [(depth, FACT.format(key=key, value=value)) for key, value, depth in facts]
        question = QUESTION.format(key=item.data["key"])
        question += "" if model.chat else BEGUN.format(key=item.data["key"])
        frame = " ".join([INTRODUCTION, *(fact for _, fact in told), question])
        left = item.data["length"] - model.lengths.tokens(frame)
        if left <= 0:
            raise BadRow("the facts are longer than the whole prompt should be")
        text = model.lengths.cut(self._long_text(item.data["length"], model), left)
        return INTRODUCTION + hidden(text, told) + question

    def _item(self, length: int, depth: float, number: int, of_text: str) -> Item:
        rng = random.Random(f"{self.seed} {length} {depth} {number}")
        keys = rng.sample(KEYS, 1 + self.distractors)
        drawn = [str(value) for value in rng.sample(range(10**6, 10**7), len(keys))]
        others = [(key, value, rng.random()) for key, value in zip(keys[1:], drawn[1:], strict=True)]
        return Item(
            id=digest([length, depth, number, keys, drawn]),
            answer=drawn[0],
            tags=(f"length {length}", f"depth {_percent(depth)}"),
            data={"length": length, "depth": depth, "key": keys[0], "distractors": others, "text": of_text},
        )

    def _read(self, run: Run) -> str:
        """Return the text of the recipe, or the shipped one.

        Raises:
            StageFailed: it is no text, or it is empty.
        """
        if self.text is None:
            return NOISE
        try:
            read = run.home(self.text).read_text(encoding="utf-8").strip()
        except UnicodeDecodeError as error:
            cause = f"task {self.label!r}: {self.text} is no text in UTF-8 ({error}); save it as UTF-8"
            raise StageFailed(run.name, cause, run.log_file) from None
        if not read:
            cause = f"task {self.label!r}: {self.text} is empty; name a text with at least one sentence"
            raise StageFailed(run.name, cause, run.log_file)
        return read

    def _long_text(self, length: int, model: Subject) -> str:
        """Return the text, repeated or cut to a number of tokens of a model."""
        key = model.label, length
        if key not in self._texts:
            once = self._read(model.run) + "\n"
            times = length // max(1, model.lengths.tokens(once)) + 1
            self._texts[key] = model.lengths.cut(once * times, length)
        return self._texts[key]


def hidden(text: str, facts: Sequence[tuple[float, str]]) -> str:
    """Return a text with facts in it, each behind the last end of a sentence before its depth.

    Args:
        text: cut behind its last whole sentence, if it has one.
        facts: (depth from 0 to 1, sentence).
    """
    ends = [found.end() for found in _SENTENCE_END.finditer(text)]
    text = text[: ends[-1]] if ends else text
    places = [0, *ends] if ends else [0, len(text)]
    at = [
        (max(place for place in places if place <= depth * len(text)), depth, fact) for depth, fact in facts
    ]
    pieces, before = [], 0
    for place, _, fact in sorted(at):
        pieces += [text[before:place], fact, " "]
        before = place
    return "".join([*pieces, text[before:]]).rstrip()


def numbers(text: str) -> set[str]:
    """Return the whole numbers that a text says; commas between thousands do not count."""
    return set(re.findall(r"\d+", _THOUSANDS.sub("", text)))


def _share(found: Sequence[float]) -> float | None:
    return sum(found) / len(found) if found else None


def _percent(share: float) -> str:
    return f"{100 * share:g}%"

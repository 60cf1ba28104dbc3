"""Multiple choice: which of several answers does a model find likeliest, or which letter does it write?

`by: loglikelihood` asks for the log-likelihood of every choice behind the question, as the papers of these
benchmarks and `lm-evaluation-harness` (0.4.13) do. The context is computed once for all choices. A choice is
its letter (MMLU) or its text (TruthfulQA). The likeliest is the model's answer:

    accuracy                       argmax over i of the sum of log p(token) of choice i
    accuracy, length-normalised    argmax over i of that sum / the characters of choice i   (acc_norm)

The second is given where the choices are texts; letters have one length. It divides by Unicode characters
without the space in front, which is what the harness calls `acc_norm`, so scores compare with published ones.
Of choices that tie, the first wins, as in the harness; ties are noted.

`by: generation` asks for the answer in words and reads the letter (`align.evaluate.tasks.letters`). An answer
without a letter is wrong, and noted. In a chat, so is one that is cut at `max_new_tokens`. Where a benchmark
has no form of its own, a chat is asked as OpenAI's simple-evals does.

Departures from the harness:
1. A question that is longer than the model's context is left out. The harness cuts its beginning off.
2. In a chat, the task's header stands at the beginning of the first user turn, because many templates have no
   system role. The harness sends it as a system message.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from pydantic import Field

from align.core.errors import BadRow
from align.core.rows import Message
from align.evaluate.subject import Likelihood, Subject
from align.evaluate.task import Item, Metric, Outcome
from align.evaluate.tasks.few_shot import FewShot
from align.evaluate.tasks.letters import letter_of

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
NORMALISED = "accuracy, length-normalised"
NOT_FINITE = "a log-likelihood is not a finite number"


@dataclass(frozen=True, slots=True)
class Question:
    """A question with its choices."""

    text: str
    choices: tuple[str, ...]
    right: tuple[int, ...]
    """Indices of the right choices, from 0; most questions have one."""
    subject: str = ""
    """Subject, where the task has several; its worked examples are of the same one."""
    explanation: str = ""
    """A worked solution, for tasks that show one."""

    def __post_init__(self) -> None:
        """Refuse a question that nobody can get right or wrong.

        Raises:
            BadRow: it has fewer than two choices, too many, an empty one, or no right one.
        """
        if not 2 <= len(self.choices) <= len(LETTERS):
            raise BadRow("fewer than two choices" if len(self.choices) < 2 else "more choices than letters")
        if not all(choice.strip() for choice in self.choices):
            raise BadRow("an empty choice")
        if not self.right or not all(0 <= i < len(self.choices) for i in self.right):
            raise BadRow("no gold answer among the choices")

    @property
    def letters(self) -> str:
        """The letters of the choices."""
        return LETTERS[: len(self.choices)]

    def listed(self, form: str = "{}. {}") -> str:
        """Return the choices with their letters, one a line; `form` says how a letter is set."""
        return "\n".join(map(form.format, self.letters, self.choices))


class MultipleChoice(FewShot):
    """A task whose answers are choices."""

    metrics: ClassVar[Mapping[str, Metric]] = {NORMALISED: Metric(compared=False)}
    by_subject: ClassVar[bool] = False
    """True: the worked examples are of the question's own subject."""
    between: ClassVar[str] = "\n\n"
    """What stands between worked examples in a text."""

    by: Literal["loglikelihood", "generation"] = "loglikelihood"
    """`loglikelihood`: the likeliest choice counts. `generation`: the letter that the model writes counts;
    a model that gives no log-likelihoods can only be asked so."""
    max_new_tokens: int = Field(default=1024, ge=1)
    """Longest answer in tokens, with `by: generation`."""

    @abstractmethod
    def read(self, record: Mapping[str, Any]) -> Question:
        """Return the question of a record.

        Raises:
            BadRow: it has none that can be asked.
        """

    def header(self, question: Question) -> str:
        """Return what stands in front of the worked examples, with the blank lines behind it."""
        return ""

    def asks(self, question: Question) -> str:
        """Return a question as the model is to continue it; an answer stands behind a space."""
        return f"{question.text.strip()}\n{question.listed()}\nAnswer:"

    def turn(self, question: Question) -> str:
        """Return a question as a user's turn; the assistant's turn is the answer."""
        return self.asks(question)

    def says_texts(self) -> bool:
        """Does the text of a choice stand behind the question? Otherwise its letter does."""
        return False

    def named(self, question: Question, i: int) -> str:
        """Return what stands for a choice: its letter or its text."""
        return question.choices[i] if self.says_texts() else question.letters[i]

    def written(self, question: Question) -> tuple[str, str]:
        """Return how a chat is asked to write an answer, and the right answer in that form.

        The words are those of simple-evals (OpenAI, `QUERY_TEMPLATE_MULTICHOICE`).
        """
        choices = question.listed("{}) {}")
        asked = (
            "Answer the following multiple choice question. The last line of your response should be of the "
            "following format: 'Answer: $LETTER' (without quotes) where LETTER is one of "
            f"{question.letters}. Think step by step before answering.\n\n{question.text.strip()}\n\n"
            f"{choices}"
        )
        return asked, f"Answer: {question.letters[question.right[0]]}"

    # -- items and worked examples ---------------------------------------------------------------------------

    def item(self, id_: str, record: Mapping[str, Any]) -> Item:
        """Return the question of a record as an item, tagged with its subject."""
        question = self.read(record)
        shown = question.text.strip() if self.says_texts() else self._shown(question)
        return Item(
            id=id_,
            text=question.text,
            messages=[{"role": "user", "content": shown}],
            answer=self.named(question, question.right[0]),
            tags=(question.subject,) if question.subject else (),
            data={"question": question},
        )

    def group(self, item: Item) -> str:
        """Return the item's subject, where its worked examples are of the same one."""
        return item.data["question"].subject if self.by_subject else ""

    # -- measuring -------------------------------------------------------------------------------------------

    async def measure_all(self, items: Sequence[Item], model: Subject) -> list[Outcome]:
        """Measure subject after subject: questions behind the same worked examples share the work on them."""
        places: dict[str, list[int]] = defaultdict(list)
        for i, item in enumerate(items):
            places["" if item.unusable else self.group(item)].append(i)
        outcomes: dict[int, Outcome] = {}
        for of_subject in places.values():
            got = await super().measure_all([items[i] for i in of_subject], model)
            outcomes |= dict(zip(of_subject, got, strict=True))
        return [outcomes[i] for i in range(len(items))]

    async def measure(self, item: Item, model: Subject) -> Outcome:
        """Compare the likelihoods of the choices, or read the letter that the model writes."""
        question, chat = item.data["question"], self.is_chat(model)
        if self.by == "generation":
            return await self._generated(item, question, model)
        found = await self.likelihoods(item, question.choices, model)
        likely = [one.logprob for one in found]
        if not all(map(math.isfinite, likely)):
            return Outcome(skipped=NOT_FINITE)
        best, tied = likeliest(likely)
        scores = {"accuracy": float(best in question.right)}
        if self.says_texts():
            lengths = [len(choice) for choice in question.choices]
            normalised, _ = likeliest([one / n for one, n in zip(likely, lengths, strict=True)])
            scores[NORMALISED] = float(normalised in question.right)
        told = self.named(question, best)
        return Outcome(scores, [told if chat else f" {told}"], {"ties between choices": 1} if tied else {})

    async def likelihoods(self, item: Item, choices: Sequence[str], model: Subject) -> list[Likelihood]:
        """Return how likely a model finds each of several choices behind an item's question.

        In a text a choice stands behind a space; in a chat the assistant's turn begins with it.
        """
        question: Question = item.data["question"]
        names = choices if self.says_texts() else [self.named(question, i) for i in range(len(choices))]
        front = "" if self.is_chat(model) else " "
        return await model.likelihoods(item, self.context(item, model), [front + name for name in names])

    def context(self, item: Item, model: Subject) -> list[Message] | str:
        """Return the question behind its worked examples: as turns of a chat, or as one text."""
        question: Question = item.data["question"]
        shots = self.solutions(item, model)
        if self.is_chat(model):
            pairs = [(self.turn(shot), self.solved(shot)) for shot in shots]
            return turns(self.header(question), pairs, self.turn(question))
        worked = "".join(f"{self.asks(shot)} {self.solved(shot)}{self.between}" for shot in shots)
        return self.header(question) + worked + self.asks(question)

    def solutions(self, item: Item, model: Subject) -> list[Question]:
        """Return the questions of the worked examples that a model is shown before an item."""
        return [shot.data["question"] for shot in self.shots_of(item, model)]

    def solved(self, shot: Question) -> str:
        """Return what a worked example answers."""
        return self.named(shot, shot.right[0])

    def stop_texts(self, model: Subject) -> list[str] | None:
        """Return the texts that end a written answer: in a text, the line's end."""
        return None if self.is_chat(model) else ["\n"]

    def dialogue(self, item: Item, model: Subject) -> list[Message] | str:
        """Return what a model is asked that is to write its answer."""
        if not self.is_chat(model):
            return self.context(item, model)
        pairs = [self.written(shot) for shot in self.solutions(item, model)]
        return turns("", pairs, self.written(item.data["question"])[0])

    async def _generated(self, item: Item, question: Question, model: Subject) -> Outcome:
        asked = self.dialogue(item, model)
        (answer,) = await model.sample(
            item, asked, max_new_tokens=self.max_new_tokens, stop=self.stop_texts(model)
        )
        letter = letter_of(answer.text, question.letters)
        notes = {} if answer.whole else {f"answers {answer.missing}": 1}
        notes |= {} if letter else {"no letter found": 1}
        counts = answer.answers or not isinstance(asked, list)
        right = counts and letter is not None and question.letters.index(letter) in question.right
        return Outcome({"accuracy": float(right)}, [answer.text], notes)

    def asked(self, model: Subject) -> str:
        """Return how the model is asked, such as "5-shot text, log-likelihood"."""
        return f"{super().asked(model)}, {'generated' if self.by == 'generation' else 'log-likelihood'}"

    def _shown(self, question: Question) -> str:
        return f"{question.text.strip()}\n{question.listed()}"


def likeliest(values: Sequence[float]) -> tuple[int, bool]:
    """Return the index of the largest value, the first of those that tie, and whether there was a tie."""
    best = max(values)
    return values.index(best), values.count(best) > 1


def right_choice(answer: Any, choices: Sequence[str]) -> int:
    """Return the index that an answer names: an index from 0, or a letter.

    Raises:
        BadRow: it names no choice.
    """
    letter = answer.strip() if isinstance(answer, str) else ""
    if len(letter) == 1 and letter in LETTERS[: len(choices)]:
        return LETTERS.index(letter)
    if isinstance(answer, int) and not isinstance(answer, bool) and 0 <= answer < len(choices):
        return answer
    raise BadRow("no gold answer" if answer in (None, "", -1) else "a gold answer that names no choice")


def texts_of(record: Mapping[str, Any], column: str) -> tuple[str, ...]:
    """Return a column that must be a list of texts.

    Raises:
        BadRow: it is not.
    """
    found = record.get(column)
    if not isinstance(found, Sequence) or isinstance(found, str):
        raise BadRow(f"no {column}")
    if not all(isinstance(text, str | int | float) for text in found):
        raise BadRow(f"{column} that are not texts")
    return tuple(map(str, found))


def turns(header: str, pairs: Sequence[tuple[str, str]], asked: str) -> list[Message]:
    """Return questions and answers as turns, then the question; the header stands in front of them all."""
    found: list[Message] = []
    for question, answer in pairs:
        found += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    found.append({"role": "user", "content": asked})
    return [{"role": "user", "content": header + found[0]["content"]}, *found[1:]]

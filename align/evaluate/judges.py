"""Ask a judge model which of two answers is better, or how good one is, and read its verdict strictly.

Source: Zheng et al. 2023, "Judging LLM-as-a-Judge with MT-Bench and Chatbot Arena" (arXiv 2306.05685), with
its code (lm-sys/FastChat, `fastchat/llm_judge`); Li et al. 2024, "From Crowdsourced Data to High-Quality
Benchmarks: Arena-Hard and BenchBuilder" (arXiv 2406.11939), with its code (lmarena/arena-hard-auto, commit
196f6b8). The templates are theirs (both Apache-2.0), with one set of names for the gaps. Departures:

1. A verdict is never guessed. A reply with several different verdicts, with none, with one off the scale, or
   cut at its limit cannot be read. The judge is told so and asked once more; then the item is left out of the
   scores, under that reason. (FastChat takes the first verdict of a reply, Arena-Hard the last, and both take
   a verdict in single brackets. Here `[A>B]` counts, and `[7]` only behind the word "rating", because code
   has many numbers in brackets.)
2. What a judge thinks before it answers is not read.
3. A text is filled into a template once, so a question that contains `{answer_a}` stays as it is.

The published templates mark where an answer begins and ends with fixed lines, and an answer can contain such
a line or a verdict. `holds_mark` finds verdicts, and tasks count the answers that have one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

from pydantic import Field

from align.core.config import Config
from align.core.errors import BadRow, StageFailed, TooLong
from align.core.plugins import Completion, Sampling
from align.core.rows import Message, reply
from align.core.stage import Run
from align.core.wiring import Ref

if TYPE_CHECKING:
    from align.evaluate.subject import Subject
    from align.evaluate.task import Item

T = TypeVar("T")

UNREADABLE = "the judge gave no readable verdict"
"""Why an item is left out whose verdict could not be read twice."""
RATED = (1.0, 10.0)
"""The worst and the best rating of `[[rating]]`."""
SHOWN = 200
"""Number of characters of a reply that the log quotes."""
DIVIDER = "\n=====\n"
"""What stands in a template between the system message and the user message."""

_GAP = re.compile(r"\{([a-z]\w*)\}")
_RATING = re.compile(r"\[\[(-?\d+\.?\d*)\]\]")
_RATING_BACKUP = re.compile(r"rating\W*\[(-?\d+\.?\d*)\]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class PairVerdict:
    """What a judge says of two answers."""

    first: float
    """What the answer that is shown first gets: 1 for a win, 0.5 for a tie, 0 for a loss."""
    weight: int = 1
    """How many verdicts it counts for."""


@dataclass(frozen=True, slots=True)
class Marks:
    """The marks by which a judge gives its verdict on two answers."""

    verdicts: Mapping[str, PairVerdict]
    """What stands between the brackets -> the verdict."""
    pattern: re.Pattern[str]
    """Finds a mark in a reply; its group is what stands between the brackets."""
    backup: re.Pattern[str] | None
    """Finds it in a reply without a mark by `pattern`."""
    asked: str
    """What the judge is told if its verdict cannot be read."""


PAIR = Marks(
    {"A": PairVerdict(1.0), "B": PairVerdict(0.0), "C": PairVerdict(0.5)},
    re.compile(r"\[\[([A-Z])\]\]"),
    None,
    '"[[A]]" if assistant A is better, "[[B]]" if assistant B is better, or "[[C]]" for a tie',
)
"""FastChat's three verdicts; C is a tie."""
CLEAR = 3
"""How many verdicts one of clear superiority counts for (arena-hard-auto: `weight=3`)."""
_WIN, _TIE, _LOSS = PairVerdict(1.0), PairVerdict(0.5), PairVerdict(0.0)
_CLEAR_WIN, _CLEAR_LOSS = PairVerdict(1.0, CLEAR), PairVerdict(0.0, CLEAR)
FIVE = Marks(
    {
        "A>>B": _CLEAR_WIN, "B<<A": _CLEAR_WIN, "A>B": _WIN, "B<A": _WIN, "A=B": _TIE, "B=A": _TIE,
        "B>A": _LOSS, "A<B": _LOSS, "B>>A": _CLEAR_LOSS, "A<<B": _CLEAR_LOSS,
    },
    re.compile(r"\[\[([AB<>=]+)\]\]"),
    re.compile(r"\[([AB<>=]+)\]"),
    '"[[A>>B]]", "[[A>B]]", "[[A=B]]", "[[B>A]]" or "[[B>>A]]"',
)  # fmt: skip
"""Arena-Hard's five verdicts, each of which may be written from either side."""
RATING = '"[[rating]]" with a number from 1 to 10, for example: "Rating: [[5]]"'
"""What a judge is told whose rating cannot be read."""


class JudgeModel(Config):
    """A generator of the recipe that judges answers."""

    generator: Annotated[str, Ref("generator")]
    """An alias from the recipe's `generators`. Every verdict is logged, so judging again asks nothing."""
    temperature: float = Field(default=0.0, ge=0)
    """Sampling temperature of the judge (published: 0)."""
    max_new_tokens: int = Field(default=2048, ge=1)
    """Longest reply, in tokens: the explanation and the verdict (FastChat: 2048; Arena-Hard: 4096). A model
    that thinks first needs more."""


async def verdict(
    judge: JudgeModel,
    model: Subject,
    item: Item,
    messages: list[Message],
    read: Callable[[str], T],
    asked: str,
) -> T:
    """Return a judge's verdict; if it cannot be read, say what is wrong and ask once more.

    Args:
        judge: which model judges, and how it is sampled.
        model: whose answers are judged; it gives access to the call log.
        item: named in the log where no verdict can be read.
        messages: what the judge is asked.
        read: returns the verdict of a reply without its reasoning, or raises ValueError.
        asked: the form of a verdict, as the second request says it.

    Raises:
        BadRow: two replies cannot be read, or the judge cannot be asked (the text is too long for it).
    """
    (first,) = await _ask(judge, model, messages)
    try:
        return _read(first, read, judge.max_new_tokens)
    except ValueError as error:
        again = f"That cannot be read: {error}. End your reply with exactly one verdict, as {asked}."
    (second,) = await _ask(judge, model, _second_request(messages, first.text, again))
    try:
        return _read(second, read, judge.max_new_tokens)
    except ValueError as error:
        model.run.log.warning(
            "task %s, item %s: the judge %r gave no readable verdict, twice: %s; its reply begins %r",
            model.task, item.id, judge.generator, error, second.text[:SHOWN],
        )  # fmt: skip
        raise BadRow(UNREADABLE) from None


def _second_request(messages: list[Message], said: str, again: str) -> list[Message]:
    if said.strip():
        return [*messages, {"role": "assistant", "content": said}, {"role": "user", "content": again}]
    # chat templates refuse an empty turn, and two user turns in a row
    last: Message = {"role": "user", "content": f"{messages[-1]['content']}\n\n{again}"}
    return [*messages[:-1], last]


async def _ask(judge: JudgeModel, model: Subject, messages: list[Message]) -> list[Completion]:
    how = Sampling(temperature=judge.temperature, max_new_tokens=judge.max_new_tokens)
    try:
        return await model.ask(judge.generator, messages, how)
    except TooLong as error:  # without this, the item would count as too long for the model
        model.run.log.info("task %s: the judge %r cannot read it: %s", model.task, judge.generator, error)
        raise BadRow("the question with its answers is too long for the judge") from None
    except BadRow as reason:
        raise BadRow(f"the judge cannot be asked: {reason}") from None


def _read(said: Completion, read: Callable[[str], T], most: int) -> T:
    if not said.whole:
        cut = f"it was cut at max_new_tokens={most}" if said.finish_reason == "length" else said.missing
        raise ValueError(cut)
    return read(reply(said.text))


def read_mark(text: str, marks: Marks) -> PairVerdict:
    """Return the verdict of a reply on two answers.

    Raises:
        ValueError: the reply has no verdict, an unknown one, or several that differ.
    """
    found = {mark.upper() for mark in marks.pattern.findall(text)}
    if not found and marks.backup:
        found = {mark.upper() for mark in marks.backup.findall(text)}
    return marks.verdicts[_only(found, marks.verdicts)]


def read_rating(text: str) -> float:
    """Return the rating of a reply, from 1 to 10.

    Raises:
        ValueError: the reply has no rating, one off the scale, or several that differ.
    """
    found = {float(mark) for mark in _RATING.findall(text) or _RATING_BACKUP.findall(text)}
    rating = _only(found, found)
    if not RATED[0] <= rating <= RATED[1]:
        raise ValueError(f"its rating is {rating:g}, and must be a number from {RATED[0]:g} to {RATED[1]:g}")
    return rating


def _only(found: set[T], known: Mapping[T, object] | set[T]) -> T:
    """Return the only mark of a reply.

    Raises:
        ValueError: there is none, there are several, or it is unknown.
    """
    if not found:
        raise ValueError("there is no verdict in double brackets in it")
    if len(found) > 1:
        raise ValueError("it holds several verdicts that differ")
    (mark,) = found
    if mark not in known:
        raise ValueError(f"its verdict {mark!r} is none of those asked for")
    return mark


def holds_mark(text: str, marks: Marks) -> bool:
    """Does an answer contain a verdict, as one would that tries to speak for the judge?"""
    return bool(marks.pattern.search(text))


@cache
def shipped(name: str) -> str:
    """Return a template of this package: `pair` is `templates/pair.txt`."""
    return (files("align.evaluate") / "templates" / f"{name}.txt").read_text(encoding="utf-8")


def own(path: str, run: Run) -> str:
    """Return a template of the recipe.

    Raises:
        StageFailed: the file is no text.
    """
    try:
        return run.home(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StageFailed(run.name, f"template {path!r} cannot be read: {error}", run.log_file) from None


def lacking(path: Path, gaps: tuple[str, ...]) -> str:
    """Return what is wrong with a template of the recipe: which gaps it lacks, or "".

    A file that is not there is reported by the check of the recipe's files.
    """
    if not path.is_file():
        return ""
    there = set(_GAP.findall(path.read_text(encoding="utf-8", errors="replace")))
    missing = [f"{{{gap}}}" for gap in gaps if gap not in there]
    return f"the template needs {' and '.join(missing)}, where the texts are filled in" if missing else ""


def fill(template: str, **texts: str) -> list[Message]:
    """Return what a judge is asked: a template with texts in its gaps.

    Above a line of five equals signs stands the system message; without such a line there is none. Only
    `{name}` of a text that is given is a gap.
    """
    system, divider, user = template.removesuffix("\n").partition(DIVIDER)
    parts = [("system", system), ("user", user)] if divider else [("user", system)]
    return [
        {"role": role, "content": _GAP.sub(lambda gap: texts.get(gap[1], gap[0]), part)}
        for role, part in parts
    ]


def transcript(messages: list[Message]) -> str:
    """Return a question as a judge reads it: the text of its only message, or its turns under their roles."""
    if len(messages) == 1:
        return messages[0]["content"]
    return "\n\n".join(f"### {message['role'].capitalize()}:\n{message['content']}" for message in messages)

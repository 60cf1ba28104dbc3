"""A model under measurement, as `lm-evaluation-harness` asks models (`lm_eval.api.model.LM`).

The harness is synchronous and runs in a thread. Each of its three calls brings all requests of all tasks at
once; they go to the event loop together, so the model works on full batches, and every answer is in the
stage's call log.

Departures from the harness's own `HFLM` (0.4.13):
1. It cuts contexts that are too long at their beginning, and says so only in its log. Here such an item is
   skipped with a reason.
2. Where a token spans the border between context and continuation, it takes the ids of both together behind
   the number of the context's ids. Here the continuation is tokenized by itself, so nothing is lost.
3. A text that is rolled over is not begun with a second `bos_token` where the tokenizer adds one by itself.
4. The model's `generation_config.json` (repetition penalty and the like) is never merged in.
5. An option of generation that changes the answer and cannot be given to every model is refused.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from lm_eval.api.instance import Instance
from lm_eval.api.model import LM
from lm_eval.models.utils import normalize_gen_kwargs

from align.core.errors import BadRow, StageFailed, TooLong
from align.core.rows import Message
from align.evaluate.subject import Subject
from align.evaluate.task import Item

if TYPE_CHECKING:
    from align.models.chat import Chat

Place = tuple[str, int]
"""A task of the harness, and which of its documents in the order in which they are measured."""
T = TypeVar("T")
TOO_LONG = "too long for the context"
DEFAULT_NEW_TOKENS = 256
"""Longest answer where a task does not say it (`HFLM.max_gen_toks`)."""
_NO_EFFECT: dict[str, Any] = {"num_beams": 1, "repetition_penalty": 1.0, "num_return_sequences": 1}
"""Options that tasks name with values that change nothing."""


class Conversation(str):
    """A conversation as the text of the harness's prompt, with its messages for models that want those."""

    __slots__ = ("begun", "messages")
    messages: list[Message]
    begun: bool

    def __new__(cls, text: str, messages: Sequence[Message], *, begun: bool) -> Conversation:
        """Return the text with its messages; `begun`: the last of them is an answer to be continued."""
        made = super().__new__(cls, text)
        made.messages, made.begun = list(messages), begun
        return made


class HarnessModel(LM):
    """Asks a subject what the harness wants to know."""

    def __init__(self, model: Subject, items: Mapping[Place, Item], loop: asyncio.AbstractEventLoop) -> None:
        """Keep the model, the item of each document, and the event loop that asks the model."""
        super().__init__()
        self.model, self.items, self.loop = model, items, loop
        self.skipped: dict[Place, str] = {}
        """Why documents could not be measured. What the harness makes of them is no score."""
        self.notes: dict[Place, Counter[str]] = defaultdict(Counter)
        self._done: set[Place] = set()

    def loglikelihood(self, requests: list[Instance]) -> list[tuple[float, bool]]:
        """Return the log-likelihood of each continuation, and whether greedy decoding would write it."""
        groups: dict[tuple[Place, str], list[int]] = defaultdict(list)
        for i, request in enumerate(requests):
            groups[_place(request), request.args[0]].append(i)
        jobs = [
            lambda place=place, found=found: self._continuations(place, [requests[i].args for i in found])
            for (place, _), found in groups.items()
        ]
        places = [place for place, _ in groups]
        answers = self._all(places, jobs, [[(0.0, False)] * len(found) for found in groups.values()])
        by_request: dict[int, tuple[float, bool]] = {}
        for found, said in zip(groups.values(), answers, strict=True):
            by_request |= dict(zip(found, said, strict=True))
        return [by_request[i] for i in range(len(requests))]

    def loglikelihood_rolling(self, requests: list[Instance]) -> list[float]:
        """Return the log-likelihood of each text, whose parts are as long as the context allows."""
        places = [_place(request) for request in requests]
        jobs = [
            lambda place=place, request=request: self._rolled(place, request.args[0])
            for place, request in zip(places, requests, strict=True)
        ]
        return self._all(places, jobs, [0.0] * len(requests))

    def generate_until(self, requests: list[Instance]) -> list[str]:
        """Return the answer to each request; a request that comes several times running wants several."""
        runs = [list(same) for _, same in itertools.groupby(requests, key=id)]
        places = [_place(run[0]) for run in runs]
        jobs = [
            lambda place=place, run=run: self._answers(place, run[0], len(run))
            for place, run in zip(places, runs, strict=True)
        ]
        answers = self._all(places, jobs, [[""] * len(run) for run in runs])
        return [answer for group in answers for answer in group]

    def apply_chat_template(
        self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True
    ) -> Conversation:
        """Return a conversation under the model's chat template; of a served model, its messages as JSON."""
        messages: list[Message] = [{"role": m["role"], "content": m["content"]} for m in chat_history]
        begun = not add_generation_prompt
        chat = self._template
        if chat is None:
            return Conversation(json.dumps(messages, ensure_ascii=False), messages, begun=begun)
        how = {"add_generation_prompt": not begun, "continue_final_message": begun}
        text = chat.apply(messages, tokenize=False, **how)
        return Conversation(text, messages, begun=begun)

    @property
    def _template(self) -> Chat | None:
        """The model's tokenizer with its chat template; None where the model renders conversations itself."""
        return self.model.lengths.chat if type(self.model.generator).continues else None

    @property
    def tokenizer_name(self) -> str:
        """Name of the model."""
        return self.model.label

    def chat_template(self, chat_template: bool | str = False) -> str:
        """Return "": no request is cached by the harness."""
        return ""

    def _all(
        self, places: Sequence[Place], jobs: Sequence[Callable[[], Awaitable[T]]], placeholders: Sequence[T]
    ) -> list[T]:
        """Run jobs together on the event loop; documents that cannot be measured get a placeholder."""

        async def one(place: Place, job: Callable[[], Awaitable[T]], placeholder: T) -> T:
            try:
                return await job()
            except (BadRow, TooLong) as reason:
                self.skipped[place] = str(reason) if isinstance(reason, BadRow) else TOO_LONG
                return placeholder
            finally:
                self._advance(place)

        async def together() -> list[T]:
            return list(await asyncio.gather(*map(one, places, jobs, placeholders)))

        return asyncio.run_coroutine_threadsafe(together(), self.loop).result()

    def _advance(self, place: Place) -> None:
        if self.model.progress and place not in self._done:
            self.model.progress.advance()
        self._done.add(place)

    async def _continuations(
        self, place: Place, pairs: Sequence[tuple[str, str]]
    ) -> list[tuple[float, bool]]:
        """Return the log-likelihoods of several continuations of one context."""
        context, texts = pairs[0][0], [text for _, text in pairs]
        if isinstance(context, Conversation) and self._template is None:
            messages = _served(context)
            found = await self.model.likelihoods(self.items[place], messages, texts)
            return [(one.logprob, one.greedy) for one in found]
        # as the harness does: a space belongs to the word behind it
        bare = context.rstrip()
        texts = [context[len(bare) :] + text for _, text in pairs]
        if not all(texts):
            raise BadRow("an empty continuation has no likelihood")
        lengths = self.model.lengths
        longest = lengths.prompt_tokens(bare) + max(map(lengths.tokens, texts))
        if lengths.context is not None and longest > lengths.context + 1:  # the last token is not fed
            raise BadRow(TOO_LONG)
        before = bare or (lengths.beginning if lengths.exact else "")
        found = await self.model.likelihoods(self.items[place], before, texts)
        return [(one.logprob, one.greedy) for one in found]

    async def _rolled(self, place: Place, text: str) -> float:
        if not self.model.lengths.exact:
            raise StageFailed(
                self.model.run.name,
                f"{place[0]} needs the log-likelihood of whole texts, which the model's tokenizer cuts into "
                f"pieces, and {self.model.label!r} is served elsewhere; measure the checkpoint itself",
                self.model.run.log_file,
            )
        total = 0.0
        for context, piece, tokens in self.model.lengths.windows(text):
            (one,) = await self.model.likelihoods(self.items[place], context, [piece])
            total += one.logprob
            # a piece that begins inside a word may be cut into other tokens than the whole text
            self.notes[place]["pieces of long texts with other tokens"] += one.tokens != tokens
        return total

    async def _answers(self, place: Place, request: Instance, n: int) -> list[str]:
        prompt, options = request.args[:2]
        how = sampling(self.model, request.task_name or "", options)
        asked: list[Message] | str = str(prompt)
        if isinstance(prompt, Conversation) and self._template is None:
            asked = _served(prompt)
        elif not type(self.model.generator).continues:
            asked = _user_turn(prompt)
        room = self.model.lengths.context
        if room is not None and self.model.lengths.prompt_tokens(asked) + how["max_new_tokens"] > room:
            raise BadRow(TOO_LONG)
        item, label = self.items[place], str(request.idx) if request.idx else ""
        said = await self.model.sample(item, asked, n=n, label=label, **how)
        self.notes[place].update(f"answers {one.missing}" for one in said if not one.whole)
        return [one.text for one in said]


def sampling(model: Subject, task: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return a task's options of generation as fields of `Sampling`.

    Raises:
        StageFailed: one of them changes answers, and cannot be given to every model.
    """
    known: dict[str, Any] = dict(normalize_gen_kwargs(dict(options), DEFAULT_NEW_TOKENS))
    drawn = known.pop("do_sample")
    how: dict[str, Any] = {"max_new_tokens": known.pop("max_gen_toks")}
    how["stop"] = [text for text in known.pop("until") if text] or None
    temperature = known.pop("temperature", 1.0 if drawn else 0.0)
    how["temperature"] = float(temperature) if drawn else 0.0
    nucleus = {name: known.pop(name, None) for name in ("top_p", "top_k")}
    how |= {name: value for name, value in nucleus.items() if value is not None and drawn}
    if wrong := [name for name, value in known.items() if value and _NO_EFFECT.get(name) != value]:
        raise StageFailed(
            model.run.name,
            f"task {task!r} of lm-evaluation-harness generates with {wrong[0]}: {known[wrong[0]]!r}, which "
            f"is not supported; set `gen_kwargs: {{{wrong[0]}: null}}` to measure without it",
            model.run.log_file,
        )
    return how


def _served(asked: Conversation) -> list[Message]:
    """Return the messages of a conversation, for a model that renders them itself."""
    if asked.begun:
        raise BadRow("a served model cannot go on with an answer that the task has begun")
    return asked.messages


def _user_turn(text: str) -> list[Message]:
    return [{"role": "user", "content": text}]


def _place(request: Instance) -> Place:
    return str(request.task_name), int(request.doc_id or 0)

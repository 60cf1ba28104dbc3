"""Answers that must fit a schema: constrained if the server can, checked always, asked for twice at most.

A schema is a pydantic model. It is passed to the generator (`Sampling.json_schema`), which may constrain its
decoding by it. A constrained answer may still be cut in the middle, so every answer is parsed and validated
here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from align.core.errors import AlignError
from align.core.plugins import Completion
from align.core.rows import Message, reply

Answer = TypeVar("Answer", bound=BaseModel)
_FENCE = re.compile(r"```(?:json)?\s*\n(.*?)\n?```", re.DOTALL)
AGAIN = (
    "That does not fit: {why}. Answer again with nothing but one JSON object that fits this schema: {schema}"
)


class NoValidAnswer(AlignError):
    """Two answers did not fit the schema. A synthesizer that does not catch this error drops the prompt."""


async def ask(
    sample: Callable[[list[Message], str], Awaitable[Completion]],
    messages: list[Message],
    schema: type[Answer],
    label: str,
    tally: Callable[[str], None],
) -> Answer:
    """Ask for an answer that fits a schema; if it does not fit, show the error and ask once more.

    Args:
        sample: gives one completion of a conversation, under a label.
        messages: what to ask; it should say what JSON is wanted, for models that are not constrained.
        schema: what the answer must fit.
        label: names the call.
        tally: counts answers that fitted only when asked again, and those that never fitted.

    Raises:
        NoValidAnswer: the second answer does not fit either.
    """
    first = await sample(messages, label)
    try:
        return parse(first, schema)
    except ValueError as error:
        why = _sentence(error)
    asked = AGAIN.format(why=why, schema=json.dumps(schema.model_json_schema()))
    # chat templates refuse an empty turn
    said = [{"role": "assistant", "content": first.text}] if first.text.strip() else []
    second = await sample([*messages, *said, {"role": "user", "content": asked}], f"{label} again")
    try:
        answer = parse(second, schema)
    except ValueError as error:
        tally(f"answers that never fitted {schema.__name__}")
        raise NoValidAnswer(f"no answer that fits {schema.__name__}") from error
    tally(f"answers that fitted {schema.__name__} when asked again")
    return answer


def parse(completion: Completion, schema: type[Answer]) -> Answer:
    """Return the first JSON object of an answer, in a fence or not, as an instance of the schema.

    Raises:
        ValueError: there is none, it was cut, or it does not fit (pydantic's ValidationError is one).
    """
    if not completion.whole:
        cut = completion.finish_reason == "length"
        raise ValueError(
            "the answer was cut at the token limit" if cut else f"the answer {completion.missing}"
        )
    said = reply(completion.text)
    fenced = _FENCE.search(said)
    text = fenced[1] if fenced else said
    start = text.find("{")
    if start < 0:
        raise ValueError("there is no JSON object in the answer")
    found: Any
    found, _ = json.JSONDecoder().raw_decode(text[start:])
    return schema.model_validate(found)


def _sentence(error: ValueError) -> str:
    if isinstance(error, ValidationError):
        return "; ".join(
            f"{'.'.join(map(str, e['loc'])) or 'the object'}: {e['msg']}" for e in error.errors()
        )
    return str(error)

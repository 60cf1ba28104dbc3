"""Read what a server answers to a chat or a text that it continues: its choices, or what it says is wrong.

A choice without text is an error, with one exception: if it did not end by itself ("length",
"content_filter", any other word but "stop") or calls a tool, it is an empty completion, because asking again
would give the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from align.core.plugins import Completion
from align.generate.backends.ends import cut

CHAT, TEXT = "/chat/completions", "/completions"
"""Where a conversation is answered, and where a text is continued."""


@dataclass(frozen=True, slots=True)
class ServerReply:
    """A whole HTTP response."""

    status: int
    headers: Mapping[str, str]
    """Their names must be found without regard to case."""
    body: bytes
    milliseconds: int = 0
    """How long it took, where somebody measured it."""


def read_completions(answer: ServerReply, stop: Sequence[str] | None = None) -> list[Completion]:
    """Return the choices of an answer in the order of their index; usage and time go to the first.

    Args:
        answer: to a chat (`message.content` of a choice) or to a text to continue (`text`).
        stop: texts that end a completion. Servers that know `stop` have cut it there already; a server that
            ignores it, or leaves the text in, has not.

    Raises:
        ValueError: not JSON, no choices, or a choice without text.
    """
    choices, usage = read_choices(answer)
    found = [_completion(choices[0], usage | {"request_ms": answer.milliseconds}, stop)]
    for choice in choices[1:]:
        try:
            found.append(_completion(choice, {}, stop))
        except ValueError:
            break  # the choices before it are paid for and good; the missing ones are asked for again
    return found


def read_choices(answer: ServerReply) -> tuple[list[Any], dict[str, int]]:
    """Return the choices of an answer in the order of their index, and how many tokens the server counted.

    Raises:
        ValueError: not JSON, or no choices.
    """
    payload = read_object(answer)
    choices = payload.get("choices")
    if not isinstance(choices, list) or not choices:
        raise ValueError(f"no choices in {server_message(answer)}")
    if all(isinstance(choice, dict) and isinstance(choice.get("index"), int) for choice in choices):
        choices = sorted(choices, key=lambda choice: choice["index"])
    told = payload.get("usage")
    usage = told if isinstance(told, dict) else {}
    kept = {k: usage[k] for k in ("prompt_tokens", "completion_tokens") if isinstance(usage.get(k), int)}
    return choices, kept


def read_object(answer: ServerReply) -> dict[str, Any]:
    """Return the JSON object of an answer; where it is something else, an empty one.

    Raises:
        ValueError: not JSON.
    """
    payload = json.loads(answer.body)
    return payload if isinstance(payload, dict) else {}


def _completion(choice: Any, usage: dict[str, int], stop: Sequence[str] | None) -> Completion:
    continued = isinstance(choice, dict) and "text" in choice
    text = choice["text"] if continued else _message(choice).get("content")
    reason = str(choice.get("finish_reason") or "unknown")
    if text is None and reason not in ("stop", "unknown"):
        text = ""  # see the head of this file
    if not isinstance(text, str):
        raise ValueError(f"a choice has no text (finish_reason {reason!r})")
    text, at_text = cut(text, stop)
    return Completion(text, "stop" if at_text else reason, None, usage)


def _message(choice: Any) -> dict[str, Any]:
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(message, dict):
        raise ValueError("a choice has no message")
    return message


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds that a server asks to wait; None if it does not say so in a known form.

    `retry-after-ms` are milliseconds (Azure OpenAI, OpenAI's clients); `Retry-After` are seconds, also with a
    fraction, or a date (RFC 9110, 10.2.3).
    """
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        value = headers.get(name, "").strip()
        if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", value):
            return float(value) / unit
    try:
        date = parsedate_to_datetime(headers.get("retry-after", ""))
    except ValueError:
        return None
    date = date if date.tzinfo else date.replace(tzinfo=UTC)  # "-0000": UTC by RFC 5322
    return max(0.0, (date - now).total_seconds())


def server_message(answer: ServerReply) -> str:
    """Return a server's error text: OpenAI's error.message, vLLM's message, FastAPI's detail, or the body."""
    try:
        found = json.loads(answer.body)
    except ValueError:
        found = answer.body.decode("utf-8", "replace")
    for name in ("error", "message", "detail"):
        if isinstance(found, dict) and found.get(name):
            found = found[name]
    return " ".join(str(found).split()) or "(empty body)"

"""Read what a chat-completions server answers: its choices, or what it says is wrong.

A choice without text is an error, with one exception: if it did not end by itself ("length",
"content_filter", any other word but "stop") or calls a tool, it is an empty completion, because asking again
would give the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from align.core.plugins import Completion


@dataclass(frozen=True, slots=True)
class ServerReply:
    """A whole HTTP response."""

    status: int
    headers: Mapping[str, str]
    """Their names must be found without regard to case."""
    body: bytes


def read_completions(answer: ServerReply) -> list[Completion]:
    """Return the choices of a chat completion in the order of their index; usage goes to the first.

    Raises:
        ValueError: not JSON, no choices, or a choice without text.
    """
    payload = json.loads(answer.body)
    choices = payload.get("choices") if isinstance(payload, dict) else None
    if not isinstance(choices, list) or not choices:
        raise ValueError(f"no choices in {server_message(answer)}")
    if all(isinstance(choice, dict) and isinstance(choice.get("index"), int) for choice in choices):
        choices = sorted(choices, key=lambda choice: choice["index"])
    told = payload.get("usage")
    usage = told if isinstance(told, dict) else {}
    kept = {k: usage[k] for k in ("prompt_tokens", "completion_tokens") if isinstance(usage.get(k), int)}
    found = [_completion(choices[0], kept)]
    for choice in choices[1:]:
        try:
            found.append(_completion(choice, {}))
        except ValueError:
            break  # the choices before it are paid for and good; the missing ones are asked for again
    return found


def _completion(choice: Any, usage: dict[str, int]) -> Completion:
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(message, dict):
        raise ValueError("a choice has no message")
    reason = str(choice.get("finish_reason") or "unknown")
    text = message.get("content")
    if text is None and reason not in ("stop", "unknown"):
        text = ""  # see the head of this file
    if not isinstance(text, str):
        raise ValueError(f"a choice has no text (finish_reason {reason!r})")
    return Completion(text, reason, None, usage)


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

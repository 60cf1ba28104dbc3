"""Raw records in the shapes that people have, to rows. Each record is judged by itself.

Understood, in conversational form (lists of messages) or as plain strings:
TRL (`prompt`, `completion`, `chosen`, `rejected`, `messages`), ShareGPT (`conversations` of `from`/`value`, also with
`chosen` and `rejected`) and Alpaca (`instruction`, `input`, `output`, also with `chosen` and `rejected`). TRL itself
looks at the first row only to choose a format and trains on most malformed rows (docs/paper_index.md).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from align.core.errors import BadRow
from align.core.rows import Demonstration, Message, Preference, Prompt, Row, as_turn

SHAREGPT_ROLES = {"human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant", "system": "system"}
SHAREGPT_ROLES |= {"tool": "tool", "observation": "tool", "model": "assistant", "bot": "assistant", "chatgpt": "assistant"}


def to_rows(record: Any, columns: Mapping[Any, str]) -> list[Row]:
    """Return the rows that a record holds: its preference or demonstration, and the prompt of it.

    Args:
        record: a JSON object.
        columns: our column -> the record's column.

    Raises:
        BadRow: why the record is of no use.
    """
    if not isinstance(record, dict):
        raise BadRow("not a JSON object")
    missing = [source for source in columns.values() if source not in record]
    if missing:
        raise BadRow(f"no column {missing[0]!r}")
    named = {k: v for k, v in record.items() if k not in columns.values()}
    named |= {target: record[source] for target, source in columns.items()}
    prompt, completion, chosen, rejected = _parts(named)
    extra: dict[str, Any] = {"answer": _text_or_none(named.get("answer")), "tests": _tests(named.get("tests"))}
    extra["tags"] = _tags(named.get("tags"))
    rows: list[Row] = [Prompt(messages=prompt, **extra)]
    if chosen is not None or rejected is not None:
        if chosen is None or rejected is None:
            raise BadRow(f"{'chosen' if chosen is None else 'rejected'} is missing")
        rows.append(Preference(prompt=prompt, chosen=chosen, rejected=rejected, margin=_number(named.get("margin"))))
    elif completion is not None:
        rows.append(Demonstration(prompt=prompt, completion=completion))
    return rows


_Parts = tuple[list[Message], list[Message] | None, list[Message] | None, list[Message] | None]


def _parts(named: Mapping[str, Any]) -> _Parts:
    """Return prompt, completion, chosen and rejected as messages."""
    chosen, rejected = (_turns(named[k], k) if k in named else None for k in ("chosen", "rejected"))
    if chosen and rejected and chosen[0] == rejected[0] and chosen[0]["role"] != "assistant":
        return _implicit_prompt(chosen, rejected)  # both repeat the prompt, as in UltraFeedback
    if "conversations" in named:
        prompt, completion = split(_sharegpt(named["conversations"], named.get("system")))
    elif "messages" in named:
        prompt, completion = split(_messages(named["messages"], "messages"))
    elif "instruction" in named:
        prompt, completion = _alpaca(named)
    elif "prompt" in named:
        prompt = named["prompt"]
        prompt = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else _messages(prompt, "prompt")
        completion = _turns(named["completion"], "completion") if "completion" in named else None
    elif chosen is not None and rejected is not None:
        return _implicit_prompt(chosen, rejected)
    else:
        raise BadRow(f"no prompt among the columns {', '.join(map(str, named)) or '(none)'}; name it with `columns:`")
    return prompt, completion or None, chosen, rejected


def split(messages: list[Message]) -> tuple[list[Message], list[Message] | None]:
    """Cut a conversation before its first assistant turn; turns after the last assistant turn have nothing to teach."""
    first = next((i for i, m in enumerate(messages) if m.get("role") == "assistant"), None)
    if first is None:
        return messages, None
    if first == 0:
        raise BadRow("the conversation starts with an assistant turn")
    last = max(i for i, m in enumerate(messages) if m.get("role") == "assistant")
    return messages[:first], messages[first : last + 1]


def _implicit_prompt(chosen: list[Message], rejected: list[Message]) -> _Parts:
    common = 0
    while common < min(len(chosen), len(rejected)) and chosen[common] == rejected[common]:
        common += 1
    if common == len(chosen) == len(rejected):
        raise BadRow("chosen equals rejected")
    if common == 0:
        raise BadRow("no prompt column, and chosen and rejected share no first turn")
    return chosen[:common], None, chosen[common:], rejected[common:]


def _alpaca(named: Mapping[str, Any]) -> tuple[list[Message], list[Message] | None]:
    instruction, given = named["instruction"], named.get("input")
    if not isinstance(instruction, str):
        raise BadRow("instruction is not text")
    messages = [{"role": "system", "content": named["system"]}] if named.get("system") else []
    for turn in named.get("history") or []:
        if not isinstance(turn, list | tuple) or len(turn) != 2:
            raise BadRow("history is not a list of [user, assistant] pairs")
        messages += [{"role": "user", "content": turn[0]}, {"role": "assistant", "content": turn[1]}]
    messages.append({"role": "user", "content": f"{instruction}\n\n{given}" if given else instruction})
    return messages, _turns(named["output"], "output") if "output" in named else None


def _sharegpt(turns: Any, system: Any) -> list[Message]:
    if not isinstance(turns, list) or not turns:
        raise BadRow("conversations is empty")
    messages = [{"role": "system", "content": system}] if system else []
    return messages + [_sharegpt_turn(turn) for turn in turns]


def _sharegpt_turn(turn: Any) -> Message:
    if not isinstance(turn, dict):
        raise BadRow("conversations has a turn that is not an object")
    if "role" in turn and "content" in turn:
        return {"role": turn["role"], "content": turn["content"]}
    if not isinstance(turn.get("from"), str) or turn["from"] not in SHAREGPT_ROLES:
        raise BadRow(f"unknown role {turn.get('from')!r} in conversations")
    return {"role": SHAREGPT_ROLES[turn["from"]], "content": turn.get("value")}  # type: ignore[dict-item]


def _turns(value: Any, what: str) -> list[Message]:
    """Read a completion: text, one turn, or a list of turns, in TRL or ShareGPT form."""
    if value is None:
        raise BadRow(f"{what} is empty")
    if isinstance(value, dict):
        value = [value]
    return as_turn(value) if isinstance(value, str) else _messages(value, what)


def _messages(value: Any, what: str) -> list[Message]:
    if value is None:
        raise BadRow(f"{what} is empty")
    if not isinstance(value, list) or not all(isinstance(message, dict) for message in value):
        raise BadRow(f"{what} is not text or a list of messages")
    if any("from" in m for m in value):
        return [_sharegpt_turn(m) for m in value]
    return [{"role": m.get("role"), "content": m.get("content")} for m in value]


def _text_or_none(value: Any) -> str | None:
    return None if value is None else str(value)


def _number(value: Any) -> float | None:
    try:
        return None if value is None else float(value)
    except (TypeError, ValueError):
        raise BadRow("margin is not a number") from None


def _tests(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except json.JSONDecodeError:
            raise BadRow("tests is not JSON") from None
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(test, dict | str) for test in value):
        raise BadRow("tests is not a list of objects")
    return [{"code": test} if isinstance(test, str) else test for test in value]  # MBPP's are a list of asserts


def _tags(value: Any) -> list[str]:
    if value is None:
        return []
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list):
        raise BadRow("tags is not text or a list")
    return [str(tag) for tag in value]

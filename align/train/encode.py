"""Rows to the token columns that trainers read, judging every row on the way.

TRL trains on empty completions, forged turns and answers cut in the middle without a word (docs/paper_index.md); here
a row that cannot be trained on is left out with its index and reason, counted, and written to `left_out.jsonl`. A row
that is too long is left out rather than cut: a cut answer teaches the model not to stop.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from align.core import tables
from align.core.errors import BadRow, StageFailed
from align.core.rows import Demonstration, Message, Preference, Prompt, Row
from align.core.stage import Run
from align.generate.chat import encode_dialogue, encode_prompt, refuse_injection, special_strings

Columns = dict[str, list[int]]


Encoded = list[tuple[Row, Columns]]


def encode(
    run: Run, tokenizer: Any, rows: Sequence[Row], how: Callable[..., Columns], max_length: int, strict: bool
) -> Encoded:
    """Return the rows that one of the functions below does not refuse, each with its token columns.

    Raises:
        StageFailed: nothing is left, or `strict` and something was refused.
    """
    specials = special_strings(tokenizer)
    encoded: Encoded = []
    left_out = []
    for index, row in enumerate(rows):
        try:
            columns = how(tokenizer, row, specials)
            longest = max(len(ids) for ids in _sequences(columns))
            if longest > max_length:
                raise BadRow(f"longer than max_length = {max_length} tokens")
            encoded.append((row, columns))
        except BadRow as reason:
            left_out.append({"index": index, "id": row.id, "reason": str(reason)})
    reasons = Counter(item["reason"] for item in left_out)
    tables.write_lines(run.folder / "left_out.jsonl", left_out)
    run.report |= {"rows": len(encoded), "left out": dict(reasons.most_common())}
    for reason, count in reasons.items():
        run.log.info("%-12s left out %d rows: %s", run.name, count, reason)
    if left_out and strict:
        raise StageFailed(run.name, f"strict: true, and {len(left_out)} rows cannot be trained on: {dict(reasons)}")
    if not encoded:
        raise StageFailed(run.name, f"no row is left to train on (of {len(rows)}): {dict(reasons)}")
    return encoded


def demonstration(tokenizer: Any, row: Demonstration, specials: Sequence[str]) -> Columns:
    """Return `input_ids` and `labels` (-100 wherever the assistant does not speak)."""
    refuse_injection([*row.prompt, *row.completion], specials)
    ids: list[int] = []
    labels: list[int] = []
    for segment in encode_dialogue(tokenizer, row.prompt, row.completion):
        ids += segment.ids
        labels += segment.ids if segment.trained else [-100] * len(segment.ids)
    return {"input_ids": ids, "labels": labels}


def preference(tokenizer: Any, row: Preference, specials: Sequence[str]) -> Columns:
    """Return `prompt_ids`, `chosen_ids` and `rejected_ids`."""
    refuse_injection([*row.prompt, *row.chosen, *row.rejected], specials)
    chosen, rejected = _answer(tokenizer, row.prompt, row.chosen), _answer(tokenizer, row.prompt, row.rejected)
    if chosen == rejected:
        raise BadRow("chosen equals rejected")
    return {"prompt_ids": encode_prompt(tokenizer, row.prompt), "chosen_ids": chosen, "rejected_ids": rejected}


def asked(tokenizer: Any, row: Prompt, specials: Sequence[str]) -> Columns:
    """Return `prompt_ids`: what a policy is given to continue."""
    refuse_injection(row.messages, specials)
    return {"prompt_ids": encode_prompt(tokenizer, row.messages)}


def comparison(tokenizer: Any, row: Preference, specials: Sequence[str]) -> Columns:
    """Return the whole conversations, `chosen_ids` and `rejected_ids`: what a reward model reads."""
    columns = preference(tokenizer, row, specials)
    prompt = columns["prompt_ids"]
    return {"chosen_ids": prompt + columns["chosen_ids"], "rejected_ids": prompt + columns["rejected_ids"]}


def _answer(tokenizer: Any, prompt: list[Message], completion: list[Message]) -> list[int]:
    segments = encode_dialogue(tokenizer, prompt, completion)
    if len(segments) != 2:  # one given (the prompt), one trained
        raise BadRow("chosen or rejected has several turns; the shared ones belong in the prompt")
    return segments[1].ids


def _sequences(columns: Columns) -> list[list[int]]:
    if "chosen_ids" in columns and "prompt_ids" in columns:
        return [columns["prompt_ids"] + columns[side] for side in ("chosen_ids", "rejected_ids")]
    return [ids for name, ids in columns.items() if name != "labels"]

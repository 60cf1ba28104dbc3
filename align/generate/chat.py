"""Messages to token ids, once, for everyone: sampling, training and scoring read the same tokens.

A dialogue is encoded turn by turn: the prompt rendered with its generation prompt, then what an assistant writes up to
and including the end-of-turn token, then the next turns. So a completion's ids are those that sampling would have
produced, and the trained positions are known for any chat template, with no `{% generation %}` marks.
Anything that a template adds after an end-of-turn token (ChatML's newline) belongs to the next segment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from align.core.errors import BadRow
from align.core.rows import Message


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of tokens, trained (written by the assistant) or given."""

    ids: list[int]
    trained: bool


def render(tokenizer: Any, messages: Sequence[Message], *, generation: bool) -> str:
    """Return the text of a conversation under the tokenizer's chat template.

    Raises:
        BadRow: the template refuses the conversation (for instance two user turns in a row).
        ValueError: the tokenizer has no chat template.
    """
    if not getattr(tokenizer, "chat_template", None):
        raise ValueError(
            f"the tokenizer of {tokenizer.name_or_path!r} has no chat template; start from a chat model, "
            "or give the sft stage one with `chat_template: file.jinja`"
        )
    try:
        return tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=generation)
    except Exception as error:  # jinja2's TemplateError and whatever a template raises: the row is at fault
        raise BadRow(f"the chat template refuses it: {error}") from None


def special_strings(tokenizer: Any) -> list[str]:
    """Return the strings that the tokenizer reads as control tokens, longest first."""
    added = [t.content for t in tokenizer.added_tokens_decoder.values() if t.special]
    return sorted({*tokenizer.all_special_tokens, *added}, key=len, reverse=True)


def refuse_injection(messages: Sequence[Message], specials: Sequence[str]) -> None:
    """Raise BadRow where content holds a control token's text: it would end the turn or forge another."""
    for message in messages:
        for special in specials:
            if special in message["content"]:
                raise BadRow(f"control token {special!r} in the content of a {message['role']} turn")


def encode_prompt(tokenizer: Any, messages: Sequence[Message]) -> list[int]:
    """Return the ids of a conversation that ends where the assistant is to speak."""
    return tokenizer(render(tokenizer, messages, generation=True), add_special_tokens=False)["input_ids"]


def encode_dialogue(tokenizer: Any, prompt: Sequence[Message], completion: Sequence[Message]) -> list[Segment]:
    """Return the segments of a prompt and its completion; assistant turns are the trained ones.

    Raises:
        BadRow: the template does not render a conversation as an extension of its beginning, or does not end an
            assistant turn with the end-of-sequence token (a model trained on it would never learn to stop).
    """
    history, text, segments = list(prompt), "", []
    for turn in completion:
        if turn["role"] != "assistant":
            history.append(turn)
            continue
        before = render(tokenizer, history, generation=True)
        after = render(tokenizer, [*history, turn], generation=False)
        if not before.startswith(text) or not after.startswith(before):
            raise BadRow("the chat template rewrites earlier turns, so what to train on is not defined")
        end = after.find(tokenizer.eos_token, len(before)) + len(tokenizer.eos_token)
        if end < len(tokenizer.eos_token):
            raise BadRow(f"the chat template does not end an assistant turn with {tokenizer.eos_token!r}")
        segments.append(Segment(_ids(tokenizer, before[len(text) :]), trained=False))
        segments.append(Segment(_ids(tokenizer, after[len(before) : end]), trained=True))
        text = after[:end]
        history.append(turn)
    return segments


def _ids(tokenizer: Any, text: str) -> list[int]:
    return tokenizer(text, add_special_tokens=False)["input_ids"]

"""The scripted generator is a function of the last user message and the sample index."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest
from pydantic import ValidationError

from align.core.plugins import Completion, Generator, Sampling


def say(table: Mapping[str, object], *turns: str, **sampling: int) -> list[Completion]:
    generator = Generator.model_validate({"kind": "scripted", **table})
    roles = ["user", "assistant"] * len(turns)
    messages = [{"role": role, "content": turn} for role, turn in zip(roles, turns, strict=False)]
    return asyncio.run(generator.generate(messages, Sampling(**sampling)))


def test_the_first_expression_found_in_the_last_user_message_wins() -> None:
    table = {"replies": {"2 ?\\+ ?2": "four", "^What": ["what?"]}, "default": "no idea"}
    assert [c.text for c in say(table, "What is 2+2?")] == ["four"]
    assert [c.text for c in say(table, "2+2?", "four", "What now?")] == ["what?"]
    assert [c.text for c in say(table, "2+2?", "four", "Why?")] == ["no idea"]


def test_samples_cycle_through_a_list() -> None:
    drawn = say({"replies": {".": ["a", "b", "c"]}}, "x", n=5)
    assert [c.text for c in drawn] == ["a", "b", "c", "a", "b"]
    assert {c.finish_reason for c in drawn} == {"stop"}


def test_a_reply_of_too_many_words_is_cut_and_says_so() -> None:
    table = {"default": " one\n two  three"}
    assert say(table, "x", max_new_tokens=3)[0] == Completion(
        " one\n two  three", "stop", None, {"prompt_tokens": 1, "completion_tokens": 3}
    )
    cut = say(table, "x", max_new_tokens=2)[0]
    assert (cut.text, cut.finish_reason, cut.usage["completion_tokens"]) == (" one\n two", "length", 2)


@pytest.mark.parametrize(("replies", "what"), [({"(": "x"}, "not a regular expression"), ({"a": []}, "has no reply")])
def test_a_table_that_cannot_answer_is_an_error_of_that_field(replies: dict[str, object], what: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Generator.model_validate({"kind": "scripted", "replies": replies})
    (error,) = caught.value.errors()
    assert error["loc"] == ("replies",)
    assert what in error["msg"]

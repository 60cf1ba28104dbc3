"""Answers that must fit a schema: parsed, checked, asked for once more, and counted."""

import json
import sys
from pathlib import Path
from typing import Annotated, ClassVar

import pytest
from pydantic import BaseModel, Field

from align import Completion, Demonstration, Prompt, Ref
from align.core.recipe import Recipe
from align.generate.calls.structured import parse
from data_synthesis import Synthesizer
from data_synthesis.testing import FaultServer, Reply, answer


class Verdict(BaseModel):
    """A judge's opinion."""

    score: int = Field(ge=1, le=5)
    why: str


GOOD = '{"score": 4, "why": "clear"}'


class Judge(Synthesizer):
    """Asks for a verdict."""

    makes: ClassVar[frozenset[str]] = frozenset({"demonstrations"})
    generator: Annotated[str, Ref("generator")] = "g"

    async def synthesize(self, prompt: Prompt, ctx):
        """Judge."""
        verdict = await ctx.ask(self.generator, prompt.messages, Verdict, temperature=0.0)
        return Demonstration(prompt=prompt.messages, completion=str(verdict.score))


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f"Sure!\n```json\n{GOOD}\n```\nDone.",
        f"I say {GOOD} and mean it",
        f'<think>{{"score": 1}}?</think>{GOOD}',
        f"{{}}? no.\n</think>{GOOD}",
    ],
)
def test_an_answer_is_found_in_what_a_model_says(text):
    assert parse(Completion(text, "stop"), Verdict) == Verdict(score=4, why="clear")


@pytest.mark.parametrize(
    ("text", "reason", "said"),
    [
        ("none", "stop", "there is no JSON object"),
        ('{"score": 9, "why": ""}', "stop", "less than or equal to 5"),
        ('{"score": 4', "stop", "Expecting"),
        (GOOD, "length", "cut at the token limit"),
        (GOOD, "content_filter", "ended by 'content_filter'"),
    ],
)
def test_an_answer_that_does_not_fit_says_why(text, reason, said):
    with pytest.raises(ValueError, match=said):
        parse(Completion(text, reason), Verdict)


def test_a_wrong_answer_is_asked_for_once_more_with_the_error_and_everything_is_counted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))

    def say(request, seed):
        asked = request["messages"][0]["content"]
        again = len(request["messages"]) > 1
        return {"good": GOOD, "mends": GOOD if again else '{"score": 7, "why": "!"}', "never": ""}[asked.split()[0]]

    texts = [*(f"good {i}" for i in range(5)), *(f"mends {i}" for i in range(3)), *(f"never {i}" for i in range(2))]
    Path("prompts.jsonl").write_text("".join(json.dumps({"prompt": text}) + "\n" for text in texts))
    with FaultServer(then=lambda request: Reply(body=answer(request, say=say))) as server:
        recipe = {
            "name": "x", "base": "./m", "generators": {"g": {"kind": "openai", "base_url": server.url, "model": "m"}},
            "stages": {"prompts": {"kind": "load", "path": "prompts.jsonl"},
                       "judge": {"kind": "test_structured:Judge", "prompts": "prompts"}},
        }  # fmt: skip
        Path("recipe.yaml").write_text(json.dumps(recipe))
        made = Recipe.load("recipe.yaml").run("out").stage("judge")
    report = json.loads((made / "report.json").read_text())
    assert report["tallies"] == {
        "answers that fitted Verdict when asked again": 3,
        "answers that never fitted Verdict": 2,
    }
    assert (report["emitted"], report["dropped"]) == (8, {"no answer that fits Verdict": 2})
    assert len(server.requests) == 5 + 2 * 3 + 2 * 2
    assert all(r.body["response_format"]["json_schema"]["schema"] == Verdict.model_json_schema() for r in server.requests)
    second = [r.body["messages"] for r in server.requests if len(r.body["messages"]) > 1]
    (mended,) = [m for m in second if m[0]["content"] == "mends 1"]
    assert [m["role"] for m in mended] == ["user", "assistant", "user"]
    assert "score: Input should be less than or equal to 5" in mended[2]["content"]
    never = [r.body["messages"] for r in server.requests if r.body["messages"][0]["content"] == "never 1"]
    assert [len(m) for m in never] == [1, 2], "an empty answer is not put back into the conversation"

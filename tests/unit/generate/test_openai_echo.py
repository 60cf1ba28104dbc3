"""A served model continues plain texts and tells likelihoods as the same model does in this process."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest
import torch

from align import Recipe, RecipeError, StageFailed
from align.core.errors import BadRow, TooLong
from align.core.plugins import GIVEN, LIKELIEST, Sampling
from align.generate.backends.openai import GeneratorError, OpenAIServer
from align.generate.backends.transformers import LocalEngine, Transformers
from data_synthesis.testing.server import FaultServer, Reply

CONTEXT = "Question: Ben has 42 cups and loses 17 of them. How many cups are there now?\nAnswer:"
CHOICES = [" 25", " Ben has 25 cups.", " 世界", " 24\n\nBen"]
TOO_LONG = Reply(400, {"error": {"message": "This model's maximum context length is 512 tokens. Shorten the input."}})


class Vllm:
    """Answers `/completions` in the form of vLLM 0.32, from the tiny model in float32."""

    def __init__(self, folder):
        self.engine = LocalEngine.load(folder, "float32", 8, "cpu")
        self.sends_ids = self.says_ids = True
        """Of tokens instead of their texts; of the tokens of a rendered conversation."""

    def __call__(self, request):
        """Return the reply to the body of a request."""
        if "messages" in request:
            return self._answered(request)
        asked = request["prompt"]
        prompts = [asked] if isinstance(asked, str) else asked
        tokens = self.engine.chat.tokens
        encode = tokens.plain_ids if request.get("add_special_tokens", True) else tokens.ids
        ids = [p if isinstance(p, list) else encode(p) for p in prompts]
        if max(map(len, ids)) + request["max_tokens"] > 512:
            return TOO_LONG
        if request.get("logprobs"):
            choices = [self._echo(p, one, request) for p, one in zip(prompts, ids, strict=True)]
        elif request.get("echo"):
            choices = [{"text": tokens.text(ids[0]), "logprobs": None}]
        else:
            choices = self._continued(ids[0], request)
        return self._reply(ids, choices, {"object": "text_completion"})

    def _answered(self, request):
        ids = self.engine.chat.prompt_ids(request["messages"])
        told = {"prompt_token_ids": ids} if request.get("return_token_ids") and self.says_ids else {}
        return self._reply([ids], [{"message": {"content": "?"}}], {"object": "chat.completion", **told})

    def _reply(self, ids, choices, more):
        said = [{"index": i, "finish_reason": "length", **choice} for i, choice in enumerate(choices)]
        usage = {"prompt_tokens": sum(map(len, ids)), "completion_tokens": len(said)}
        return Reply(body={"choices": said[::-1], "usage": usage, **more})

    def _continued(self, ids, request):
        sampling = Sampling(temperature=request["temperature"], max_new_tokens=request["max_tokens"],
                            stop=request.get("stop"), plain=True)  # fmt: skip
        seeds = [(request["seed"], i) for i in range(request["n"])]
        said = self.engine.decode([ids] * request["n"], seeds, sampling)
        return [{"text": c.text, "finish_reason": c.finish_reason, "logprobs": None} for c in said]

    def _echo(self, prompt, ids, request):
        """Repeat a prompt with the log-probability of each token and of the likeliest one; generate one token."""
        with torch.no_grad():
            logps = self.engine.model(torch.tensor([ids])).logits[0].log_softmax(-1)
        whole, tops = [*ids, int(logps[-1].argmax())], logps.argmax(-1).tolist()
        as_ids = self.sends_ids and request.get("return_tokens_as_token_ids")
        name = "token_id:{}".format if as_ids else lambda token: self.engine.tokenizer.decode([token])
        given = [float(logps[i, token]) for i, token in enumerate(whole[1:])]
        best = [{name(token): p, name(tops[i]): float(logps[i, tops[i]])}
                for i, (token, p) in enumerate(zip(whole[1:], given, strict=True))]  # fmt: skip
        text = prompt if isinstance(prompt, str) else self.engine.tokenizer.decode(prompt)
        logprobs = {"text_offset": [-1] * len(whole), "tokens": [name(token) for token in whole],
                    "token_logprobs": [None, *given], "top_logprobs": [None, *best]}  # fmt: skip
        return {"text": text + self.engine.tokenizer.decode(whole[-1:]), "logprobs": logprobs}


@pytest.fixture(scope="module")
def vllm(tiny):
    return Vllm(tiny)


@pytest.fixture
def served(vllm, monkeypatch):
    for name in ("OPENAI_API_KEY", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with FaultServer(then=vllm) as server:
        yield server


def client(server, **fields):
    return OpenAIServer.model_validate({"base_url": server.url, "model": "m", "backoff_seconds": 0, **fields})


def draw(generator, text, **sampling):
    return asyncio.run(generator.generate([{"role": "user", "content": text}], Sampling(plain=True, **sampling)))


def likely(generator, context, texts):
    return draw(generator, context, n=len(texts), temperature=0, continuations=texts)


def local(tiny):
    return Transformers(kind="transformers", model=tiny, dtype="float32", device="cpu")


def same(found, expected):
    """The texts, their tokens and which is greedy are equal, and log-probabilities up to rounding."""
    for one, other in zip(found, expected, strict=True):
        assert (one.text, one.finish_reason, one.token_ids) == (other.text, other.finish_reason, other.token_ids)
        assert one.logprobs == pytest.approx(other.logprobs, abs=1e-4)


def test_a_text_is_continued_without_a_chat(served, tiny):
    how = {"temperature": 0.0, "max_new_tokens": 24, "stop": ["?", "\n\n"], "seed": 3}
    (here,), (there,) = draw(local(tiny), CONTEXT, **how), draw(client(served), CONTEXT, **how)
    assert (there.text, there.finish_reason) == (here.text, here.finish_reason)
    (request,) = served.requests
    assert request.path == "/v1/completions"
    sent = {"prompt": CONTEXT, "n": 1, "seed": 3, "max_tokens": 24, "temperature": 0.0, "top_p": 1.0}
    assert request.body == {"model": "m", **sent, "stop": ["?", "\n\n"]}


def test_likelihoods_are_those_of_the_model_itself_in_one_request(served, tiny):
    found, here = likely(client(served), CONTEXT, CHOICES), likely(local(tiny), CONTEXT, CHOICES)
    same(found, here)
    greedy = draw(local(tiny), CONTEXT, temperature=0.0, max_new_tokens=5)[0].text
    same(likely(client(served), CONTEXT, [greedy]), likely(local(tiny), CONTEXT, [greedy]))
    assert {one.finish_reason for one in found} == {GIVEN}
    assert likely(client(served), CONTEXT, [greedy])[0].finish_reason == LIKELIEST
    assert len(served.requests) == 3
    assert served.requests[0].body["prompt"] == [CONTEXT, *(CONTEXT + text for text in CHOICES)]
    assert found[0].usage["prompt_tokens"] > 5 * len(CONTEXT.split())
    assert [one.usage for one in found[1:]] == [{}, {}, {}]


def test_where_a_token_spans_the_border_the_text_is_cut_by_itself(served, tiny, vllm):
    tokens = vllm.engine.chat.tokens
    context, texts = "There are 3 rows of 8 bo", ["oks", " and 9"]
    assert tokens.continuation(context, tokens.plain_ids(context), "oks")[1] is False, "the case is what it says"
    same(likely(client(served), context, texts), likely(local(tiny), context, texts))
    assert len(served.requests) == 3, "the ids of the context, those of the text, and both behind each other"


def test_a_server_that_sends_the_texts_of_tokens_does_as_well_up_to_the_border(served, tiny, vllm, monkeypatch):
    monkeypatch.setattr(vllm, "sends_ids", False)
    found, here = likely(client(served), CONTEXT, CHOICES), likely(local(tiny), CONTEXT, CHOICES)
    for one, other in zip(found, here, strict=True):
        assert one.token_ids is None
        assert one.logprobs == pytest.approx(other.logprobs, abs=1e-4)
    with pytest.raises(BadRow, match="a token spans the end of the question"):
        likely(client(served), "There are 3 rows of 8 bo", ["oks"])


def test_what_has_no_likelihood_is_a_reason_and_no_number(served):
    with pytest.raises(BadRow, match="without a context"):
        likely(client(served), "", ["a"])
    with pytest.raises(BadRow, match="no tokens for an answer"):
        likely(client(served), CONTEXT, [""])


def whole(**changes):
    """Return what a server says of the prompts "a" and "a b", with other values in one of them."""
    first = {"tokens": ["a", "!"], "token_logprobs": [None, -1.0], "top_logprobs": [None, {"!": -1.0}]}
    second = {"tokens": ["a", " b", "!"], "token_logprobs": [None, -1.0, -1.0],
              "top_logprobs": [None, {" b": -1.0}, {"!": -1.0}]}  # fmt: skip
    said = [{"index": 0, "text": "a!", "logprobs": first}, {"index": 1, "text": "a b!", "logprobs": second | changes}]
    return {"choices": said, "usage": {"prompt_tokens": 3}}


LACKING = {
    "no log-probabilities": [{"index": i, "text": "!", "logprobs": None} for i in range(2)],
    "in the form of a chat": [{"index": i, "text": "!", "logprobs": {"content": []}} for i in range(2)],
    "null in the text": whole(token_logprobs=[None, None, -1.0]),
    "no likeliest token": whole(top_logprobs=[None, None, {"!": -1.0}]),
    "no alternatives at all": whole(top_logprobs=None),
    "only what was generated": whole(tokens=["!"], token_logprobs=[-1.0], top_logprobs=[{"!": -1.0}]),
    "no usage": whole() | {"usage": {}},
}


@pytest.mark.parametrize("said", LACKING.values(), ids=LACKING.keys())
def test_a_server_that_cannot_tell_is_an_error_with_the_remedy_and_never_a_zero(said):
    body = said if isinstance(said, dict) else {"choices": said, "usage": {"prompt_tokens": 3}}
    with FaultServer(then=lambda _: Reply(body=body)) as server, pytest.raises(GeneratorError) as caught:
        likely(client(server), "a", [" b"])
    assert not caught.value.retryable
    assert str(caught.value).startswith(f"{server.url}/completions: the server ")
    assert "`by: generation`" in str(caught.value)
    assert len(server.requests) == 1


def test_the_answers_of_the_last_test_are_readable_but_for_what_they_lack():
    with FaultServer(then=lambda _: Reply(body=whole())) as server:
        (found,) = likely(client(server), "a", [" b"])
    assert (found.logprobs, found.finish_reason) == ([-1.0], LIKELIEST)


def test_faults_that_pass_cost_one_more_request_here_too(served):
    served._script = [Reply(503, ""), Reply(body={"choices": []})]
    assert len(likely(client(served), CONTEXT, CHOICES)) == 4
    assert len(served.requests) == 3


def test_a_prompt_that_is_too_long_is_that_error_for_every_task(served):
    with pytest.raises(TooLong, match="the prompt is over-long"):
        draw(client(served), "word " * 600)
    with pytest.raises(TooLong, match="/completions: HTTP 400"):
        likely(client(served), "word " * 600, [" a"])


@pytest.mark.parametrize("plain", [True, None])
def test_a_server_that_ignores_stop_is_cut_there(plain):
    text = "4\n\nQuestion: another"
    choice = {"index": 0, "finish_reason": "length"} | ({"text": text} if plain else {"message": {"content": text}})
    with FaultServer(then=lambda _: Reply(body={"choices": [choice]})) as server:
        how = Sampling(plain=plain, stop=["Question:", "\n\n"])
        (said,) = asyncio.run(client(server).generate([{"role": "user", "content": "2 + 2?"}], how))
    assert (said.text, said.finish_reason) == ("4", "stop")
    assert server.requests[0].body["stop"] == ["Question:", "\n\n"]


ASK = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Ben has 42 cups and loses 17. How many?"}]


def likely_answers(generator, texts):
    return asyncio.run(generator.generate(ASK, Sampling(n=len(texts), temperature=0, continuations=texts)))


def test_likelihoods_in_a_chat_are_those_under_the_servers_own_template(served, tiny):
    texts = ["25", "A", "Ben has 25 cups.", "世界"]
    same(likely_answers(client(served), texts), likely_answers(local(tiny), texts))
    assert [request.path for request in served.requests] == ["/v1/chat/completions", *["/v1/completions"] * 2]
    assert served.requests[0].body["messages"] == ASK
    assert served.requests[2].body["add_special_tokens"] is False, "the template has written them"


@pytest.mark.parametrize(("lacks", "why"), [("says_ids", "into which tokens"), ("sends_ids", "the ids of tokens")])
def test_a_server_that_tells_less_than_a_chat_needs_is_an_error_with_the_remedy(served, vllm, monkeypatch, lacks, why):
    monkeypatch.setattr(vllm, lacks, False)
    with pytest.raises(GeneratorError, match=f"the server does not s.* {why}.*`prompting: text`") as caught:
        likely_answers(client(served), ["a"])
    assert not caught.value.retryable


def test_a_chat_whose_text_has_other_tokens_is_left_out(served, vllm, monkeypatch):
    monkeypatch.setattr(vllm.engine.chat.tokens, "text", lambda ids: "another text")
    with pytest.raises(BadRow, match="reads its own rendering of the conversation as other tokens"):
        likely_answers(client(served), ["a"])


# -- in a table ------------------------------------------------------------------------------------------------

QUESTIONS = [
    {"question": "Ben has 4 cups and loses 1. How many are left?", "choices": ["3", "7"], "answer": 0},
    {"question": "How many books are 3 rows of 8 books?", "choices": ["11", "24"], "answer": 1},
    {"question": "How many? " * 200, "choices": ["11", "24"], "answer": 1},
]


def evaluated(folder, tiny, generators, models, **task):
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in QUESTIONS))
    tasks = [{"kind": "choices", "path": "rows.jsonl", **task}]
    stage = {"kind": "evaluate", "models": models, "tasks": tasks, "samples": 0, "dtype": "float32"}
    recipe = {"name": "t", "base": tiny, "generators": generators, "stages": {"scores": stage}}
    (folder / "recipe.yaml").write_text(json.dumps(recipe))
    place = Recipe.load(folder / "recipe.yaml").run(folder / "run").stage("scores")
    lines = [json.loads(line) for line in (place / "results" / "choices.jsonl").read_text().splitlines()]
    return {model: [line["models"][model] for line in lines] for model in lines[0]["models"]}, place


@pytest.mark.parametrize("by", ["loglikelihood", "generation"])
def test_a_served_base_model_stands_in_the_table_as_the_checkpoint_does(served, tiny, tmp_path, by):
    """A checkpoint is asked with texts because the task says so, the served one because of `chat: false`."""
    server = {"kind": "openai", "base_url": served.url, "model": "m"}
    base = bare(tiny, tmp_path)
    got, place = evaluated(
        tmp_path, base, {"server": server}, ["base", {"generator": "server", "chat": False}], by=by, max_new_tokens=8
    )
    assert got["server"] == got["base"]
    assert [one.get("skipped") for one in got["server"]] == [None, None, "too long for the context"]
    table = (place / "table.txt").read_text()
    assert "all models on 1 of 3 items (33.3%): too long for the context 1" in table
    assert f"choices (0-shot text, {'log-likelihood' if by == 'loglikelihood' else 'generated'}): 3 items" in table
    assert {request.path for request in served.requests} == {"/v1/completions"}


def test_a_served_chat_model_is_asked_in_a_chat_where_the_server_can(served, tiny, tmp_path, vllm, monkeypatch):
    server = {"kind": "openai", "base_url": served.url, "model": "m"}
    got, _ = evaluated(tmp_path, tiny, {"server": server}, ["base", {"generator": "server"}])
    assert got["server"][:2] == got["base"][:2]
    monkeypatch.setattr(vllm, "says_ids", False)
    shutil.rmtree(tmp_path / "run")
    with pytest.raises(StageFailed, match=r"does not say into which tokens .* \(`prompting: text`\)"):
        evaluated(tmp_path, tiny, {"server": server}, [{"generator": "server"}])
    got, _ = evaluated(tmp_path, tiny, {"server": server}, [{"generator": "server"}], prompting="text")
    assert [bool(one.get("scores")) for one in got["server"]] == [True, True, False]


def bare(tiny, tmp_path):
    """Return the tiny model without its chat template."""
    folder = tmp_path / "bare"
    shutil.copytree(tiny, folder)
    (folder / "chat_template.jinja").unlink()
    return str(folder)


def test_a_checkpoint_under_an_alias_is_asked_like_the_checkpoint(tiny, tmp_path):
    """By whether it has a chat template, and within its context."""
    plain = {"kind": "transformers", "model": bare(tiny, tmp_path), "dtype": "float32"}
    chatting = {"kind": "transformers", "model": tiny, "dtype": "float32"}
    models = ["base", {"generator": "chatting"}, {"generator": "plain"}]
    got, place = evaluated(tmp_path, tiny, {"plain": plain, "chatting": chatting}, models)
    assert got["chatting"] == got["base"]
    assert [one.get("skipped") for one in got["plain"]] == [None, None, "too long for the context"]
    table = (place / "table.txt").read_text()
    assert [line.split()[1:3] for line in table.splitlines()[3:6]] == [["0-shot", "chat,"]] * 2 + [["0-shot", "text,"]]


def test_how_a_model_is_asked_is_not_said_twice(tiny, tmp_path):
    stage = {"kind": "evaluate", "models": [{"model": "base", "chat": False}], "tasks": ["arithmetic"]}
    (tmp_path / "r.yaml").write_text(json.dumps({"name": "t", "base": tiny, "stages": {"scores": stage}}))
    with pytest.raises(RecipeError, match="`chat` is for a generator"):
        Recipe.load(Path(tmp_path / "r.yaml"))

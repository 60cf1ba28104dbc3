"""The transformers engine: what it decodes is what plain transformers would, whatever shares the batch."""

import asyncio
import json
import shutil

import pytest
import torch

from align import Recipe, StageFailed
from align.core.errors import ModelError
from align.core.plugins import Sampling
from align.generate.backends.decoding import InverseCDF
from align.generate.backends.transformers import LocalEngine, Transformers
from align.models import checkpoints
from data_synthesis.engine import ledger

QUESTIONS = [
    "Ben has 42 cups and loses 17 of them. How many cups are there now?",
    "There are 3 rows of 8 books. Lena adds 12 books. Find out how many books that makes.",
    "Max has 20 eggs. Anna gives Max 9 more. How many?",
]


@pytest.fixture(scope="module")
def engine(tiny):
    return LocalEngine.load(tiny, "float32", 8)


@pytest.fixture(scope="module")
def prompts(engine):
    return [engine.chat.prompt_ids([{"role": "user", "content": q}]) for q in QUESTIONS]


def ask(engine, prompts, **how):
    async def all_of_them():
        settings = [Sampling(**{"max_new_tokens": 40, "seed": k, **how}) for k in range(len(prompts))]
        return await asyncio.gather(*(engine.generate(p, s) for p, s in zip(prompts, settings, strict=True)))

    return asyncio.run(all_of_them())


def test_greedy_is_what_plain_generate_gives(engine, prompts):
    for prompt, (completion,) in zip(prompts, ask(engine, prompts, temperature=0.0), strict=True):
        with torch.no_grad():
            out = engine.model.generate(input_ids=torch.tensor([prompt]), max_new_tokens=40, do_sample=False)
        assert completion.token_ids == out[0, len(prompt) :].tolist()
        assert completion.finish_reason == "stop"
        assert completion.token_ids[-1] == engine.tokenizer.eos_token_id
        assert completion.usage == {"prompt_tokens": len(prompt), "completion_tokens": len(completion.token_ids)}


def test_a_sample_does_not_depend_on_the_batch(engine, prompts):
    together = ask(engine, prompts, n=3)
    for k, prompt in enumerate(prompts):
        for i in range(3):
            alone = asyncio.run(engine.generate(prompt, Sampling(n=1, first=i, max_new_tokens=40, seed=k)))
            assert alone[0].token_ids == together[k][i].token_ids
    assert len({c.text for group in together for c in group}) > len(prompts)


def test_a_cut_completion_says_so(engine, prompts):
    (completion,) = ask(engine, prompts[:1], temperature=0.0, max_new_tokens=3)[0]
    assert completion.finish_reason == "length"
    assert len(completion.token_ids) == 3


def test_a_checkpoints_own_generation_defaults_do_not_leak_in(engine, prompts):
    before = ask(engine, prompts, n=2)
    own = engine.model.generation_config
    own.repetition_penalty, own.top_k, own.temperature, own.suppress_tokens = 5.0, 1, 0.01, [3, 4, 5]
    try:
        assert ask(engine, prompts, n=2) == before
        assert engine.model.generation_config is own
    finally:
        own.repetition_penalty = own.top_k = own.temperature = own.suppress_tokens = None


def test_inverse_cdf_follows_the_distribution():
    logits = torch.tensor([[0.1, 0.2, 0.4, 0.3]]).log().repeat(4000, 1)
    pick = InverseCDF([(7, i) for i in range(4000)], Sampling(max_new_tokens=2))
    counts = pick(logits, torch.arange(4000), 0, torch.arange(4000)).bincount(minlength=4) / 4000
    assert torch.allclose(counts, torch.tensor([0.1, 0.2, 0.4, 0.3]), atol=0.03)
    sharp = InverseCDF([(7, i) for i in range(4000)], Sampling(max_new_tokens=2, temperature=0.25))
    p = torch.tensor([0.1, 0.2, 0.4, 0.3]) ** 4
    counts = sharp(logits, torch.arange(4000), 1, torch.arange(4000)).bincount(minlength=4) / 4000
    assert torch.allclose(counts, p / p.sum(), atol=0.03)


@pytest.mark.parametrize(("how", "allowed"), [({"top_k": 1}, {2}), ({"top_p": 0.5}, {2, 3})])
def test_inverse_cdf_honours_top_k_and_top_p(how, allowed):
    logits = torch.tensor([[0.1, 0.2, 0.4, 0.3]]).log().repeat(200, 1)
    pick = InverseCDF([(1, i) for i in range(200)], Sampling(max_new_tokens=1, **how))
    assert set(pick(logits, torch.arange(200), 0, torch.arange(200)).tolist()) == allowed


def test_inverse_cdf_never_picks_what_has_no_probability():
    logits = torch.tensor([[0.0, 0.0, -torch.inf, -torch.inf]])
    pick = InverseCDF([(0, 0)], Sampling(max_new_tokens=1))
    pick.uniforms = torch.tensor([[1.0]], dtype=torch.float32)  # the very top of the range
    assert pick(logits, torch.tensor([0]), 0, torch.tensor([0])).item() in (0, 1)


def test_the_generator_loads_only_when_asked(tiny):
    generator = Transformers(kind="transformers", model="base", dtype="float32")
    generator.start(lambda reference: tiny if reference == "base" else reference)
    assert generator._engine is None
    said = asyncio.run(
        generator.generate([{"role": "user", "content": QUESTIONS[0]}], Sampling(temperature=0, max_new_tokens=8))
    )
    assert len(said) == 1
    generator.stop()
    assert generator._engine is None


def test_a_model_that_cannot_be_loaded_stops_the_stage_at_the_first_prompt(tiny, tmp_path):
    """Not once for each prompt: offline, the hub is asked for half a minute each time."""
    model = shutil.copytree(tiny, tmp_path / "model")
    (model / "model.safetensors").write_bytes((model / "model.safetensors").read_bytes()[:1000])
    (tmp_path / "rows.jsonl").write_text("".join(f'{{"prompt": "{i} + 1?", "answer": "{i + 1}"}}\n' for i in range(30)))
    recipe = {
        "name": "x",
        "base": "./model",
        "generators": {"g": {"kind": "transformers", "model": "base"}},
        "stages": {
            "rows": {"kind": "load", "path": "rows.jsonl"},
            "made": {"kind": "rejection_sampling", "prompts": "rows", "generator": "g", "reward": "math"},
        },
    }
    (tmp_path / "recipe.yaml").write_text(json.dumps(recipe))
    with pytest.raises(StageFailed, match=r"transformers 'base' cannot be loaded: the weights of .* cannot be read"):
        Recipe.load(tmp_path / "recipe.yaml").run(tmp_path / "run")
    assert not ledger.read(tmp_path / "run" / "02-made"), "no prompt is to blame"


def test_what_is_neither_here_nor_on_the_hub_is_said_to_be_neither():
    with pytest.raises(ModelError, match="there is no folder 'owner/none', and the hub does not give it: "):
        checkpoints.causal_lm("owner/none", "float32")

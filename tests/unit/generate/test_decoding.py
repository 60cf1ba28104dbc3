"""Decoding computes nothing twice, and nobody can tell: every sequence gets what it would get alone."""

import asyncio

import pytest
import torch
from transformers.cache_utils import DynamicCache, DynamicLayer

from align.core.errors import TooLong
from align.core.plugins import Sampling
from align.generate.backends.prefill import left_padded
from align.generate.backends.roomy_cache import RoomyLayer, make_room
from align.generate.backends.transformers import LocalEngine
from align.train.logprobs import think

SHOTS = "".join(f"Question: What is {i} plus {i + 1}?\nAnswer: {2 * i + 1}\n\n" for i in range(8))
TEXTS = [f"{SHOTS}Question: What is {i} plus 40?\nAnswer:" for i in (3, 11, 250)]
CHOICES = [" 5", " seven", " 12 apples are left", " 5 books"]


@pytest.fixture(scope="module")
def engine(tiny):
    return LocalEngine.load(tiny, "float32", 64)


def ask(engine, texts, **how):
    sampling = Sampling(plain=True, **how)

    async def all_of_them():
        return await asyncio.gather(*(engine.answer([{"role": "user", "content": text}], sampling) for text in texts))

    return asyncio.run(all_of_them())


def test_answers_that_begin_alike_share_their_work_and_are_what_each_would_be_alone(engine, monkeypatch):
    widths = []
    forward = engine.model.forward
    monkeypatch.setattr(engine.model, "forward", lambda **kw: (widths.append(len(kw["input_ids"])), forward(**kw))[1])
    prompt = [{"role": "user", "content": "Ben has 42 cups and loses 17 of them. How many cups are there now?"}]
    how = Sampling(n=6, temperature=0.9, max_new_tokens=24, seed=3)
    together = asyncio.run(engine.answer(prompt, how))
    assert widths[:2] == [1, 1], "six sequences begin as one row"
    assert len({tuple(c.token_ids) for c in together}) > 1, "and part"
    assert max(widths) <= 6
    for i, completion in enumerate(together):
        (alone,) = asyncio.run(engine.answer(prompt, how.model_copy(update={"n": 1, "first": i})))
        assert alone.token_ids == completion.token_ids


def test_a_batch_mixes_greedy_and_sampled_answers(engine):
    prompt = [{"role": "user", "content": "There are 3 rows of 8 books. Find out how many books that makes."}]

    async def both():
        kinds = (Sampling(temperature=0, max_new_tokens=20), Sampling(n=3, temperature=1.3, max_new_tokens=20, seed=5))
        return await asyncio.gather(*(engine.answer(prompt, how) for how in kinds))

    (greedy,), sampled = asyncio.run(both())
    (alone,) = asyncio.run(engine.answer(prompt, Sampling(temperature=0, max_new_tokens=20)))
    assert greedy.token_ids == alone.token_ids
    assert len({s.text for s in sampled} | {greedy.text}) > 1


def test_a_text_is_continued_up_to_a_stop_text(engine):
    whole = ask(engine, TEXTS, temperature=0, max_new_tokens=30)
    for (cut,), (full,) in zip(ask(engine, TEXTS, temperature=0, max_new_tokens=30, stop=["4", "is"]), whole, strict=True):
        end = min(place for stop in ("4", "is") if (place := full.text.find(stop)) >= 0)
        assert (cut.text, cut.finish_reason) == (full.text[:end], "stop")
        assert len(cut.token_ids) < len(full.token_ids)
    ids = engine.tokenizer(TEXTS[0], return_tensors="pt")
    plain = engine.model.generate(**ids, max_new_tokens=30, do_sample=False, eos_token_id=engine.stop_ids)
    assert whole[0][0].token_ids == plain[0, ids["input_ids"].shape[1] :].tolist()


def test_likelihoods_are_those_of_a_plain_forward_pass(engine):
    for text, choices in zip(TEXTS, ask(engine, TEXTS, n=len(CHOICES), continuations=CHOICES), strict=True):
        context = engine.tokenizer(text)["input_ids"]
        for choice, said in zip(CHOICES, choices, strict=True):
            assert said.text == choice
            with torch.no_grad():
                logits = engine.model(torch.tensor([context + said.token_ids])).logits[0, len(context) - 1 : -1]
            expected = logits.log_softmax(-1)[range(len(said.token_ids)), said.token_ids]
            assert torch.allclose(torch.tensor(said.logprobs), expected, atol=1e-4)
            greedy = logits.argmax(-1).tolist() == said.token_ids
            assert said.finish_reason == ("likeliest" if greedy else "given")


def test_a_text_may_end_one_token_behind_the_context_because_its_last_token_is_not_fed(engine, monkeypatch):
    monkeypatch.setattr(engine, "within_context", True)
    most = engine.model.config.max_position_embeddings
    (said,) = asyncio.run(engine.generate([5], Sampling(n=1, continuations=["x"]), [[5] * most]))
    assert len(said.logprobs) == most
    with pytest.raises(TooLong, match=f"a row has {most + 1} tokens, and the context of .* has {most}"):
        asyncio.run(engine.generate([5], Sampling(n=1, continuations=["x"]), [[5] * (most + 1)]))


def test_plain_texts_and_conversations_are_never_in_one_batch(engine):
    """How the ids of an answer become text depends on it."""
    asked = [{"role": "user", "content": "What is 3 plus 4?"}]
    hows = [Sampling(temperature=0, max_new_tokens=4, plain=plain) for plain in (True, None)]

    async def all_of_them():
        return await asyncio.gather(*(engine.answer(asked, how) for how in hows))

    cut = []
    decode = engine.decode
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "decode", lambda *args: (cut.append(args[2].plain), decode(*args))[1])
        asyncio.run(all_of_them())
    assert set(cut) == {True, None}


def test_the_head_never_sees_a_slice_of_which_torch_would_copy_it_for_every_row(engine):
    seen = []
    watch = engine.model.get_output_embeddings().register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    try:
        ask(engine, TEXTS, temperature=0, max_new_tokens=3)
        ask(engine, TEXTS[:1] * 2, n=len(CHOICES), continuations=CHOICES)
        think(engine.model, [([5, 6, 7, 8], [9, 10]), ([5, 6], [11, 12, 13])])
    finally:
        watch.remove()
    assert len(seen) >= 6, "prompts, steps, choices and answers were computed"
    assert all(hidden.is_contiguous() for hidden in seen)


def test_padding_stands_behind_what_all_prompts_begin_with(engine):
    beginning = list(range(20, 40))
    ids, mask, shared = left_padded(engine.model, [[*beginning, 5, 6], [*beginning, 7, 8, 9]], 0)
    assert shared == 20
    assert ids[0, 18:].tolist() == [38, 39, 0, 5, 6]
    assert mask[0].tolist() == [1] * 20 + [0, 1, 1]
    assert left_padded(engine.model, [[1, 2, 3], [1, 2]], 0)[2] == 0, "too little to be worth it"


def test_a_model_that_counts_columns_shares_nothing(engine, monkeypatch):
    monkeypatch.setattr(engine.model.config, "layer_types", ["sliding_attention"] * 4)
    assert left_padded(engine.model, [[*range(20, 40), 5], [*range(20, 40), 7, 8]], 0)[2] == 0


def test_a_roomy_layer_holds_what_a_plain_one_does():
    torch.manual_seed(0)
    plain, cache = DynamicLayer(), DynamicCache()
    first = torch.randn(2, 3, 5, 4), torch.randn(2, 3, 5, 4)
    plain.update(*first)
    cache.update(*first, 0)
    assert make_room(cache, 6)
    roomy = cache.layers[0]
    assert isinstance(roomy, RoomyLayer)
    for step in range(70):  # more than the room
        if step == 3:
            roomy.fork(torch.tensor([0, 1, 1]))
            plain.batch_select_indices(torch.tensor([0, 1, 0, 1, 1]))
        if step == 9:
            roomy.select(torch.tensor([4, 0]), 2)
            plain.batch_select_indices(torch.tensor([4, 0]))
        new = torch.randn(len(plain.keys), 3, 1, 4), torch.randn(len(plain.keys), 3, 1, 4)
        for ours, theirs in zip(roomy.update(*new), plain.update(*new), strict=True):
            assert torch.equal(ours, theirs)
    assert roomy.get_seq_length() == plain.get_seq_length() == 75

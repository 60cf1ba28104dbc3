"""Anybody's model in the stages: sizes that differ, new tokens, adapters on tied weights, how weights are loaded."""

import asyncio
import json

import pytest
import torch
from families import Family, make, tokenizer_of
from test_chat import CHATML
from transformers import AutoModelForCausalLM, AutoTokenizer

from align import Recipe, StageFailed
from align.core.errors import ModelError, RecipeError
from align.core.plugins import Generator, Sampling
from align.generate.backends.transformers import LocalEngine
from align.models import adapters, checkpoints
from align.models.tokenizers import load_chat

TALKS = [
    {"messages": [{"role": "user", "content": f"Say {i}."}, {"role": "assistant", "content": f"It is {i}."}]} for i in range(4)
]
QWEN = Family("qwen2_5", pad="<|endoftext|>")
SFT = {"kind": "sft", "model": "base", "data": ["talks"], "max_steps": 1, "save_steps": 100, "logging_steps": 100}


def recipe(folder, records=TALKS, more=None, **sft):
    """Write a recipe of a `load` and an `sft` stage (and more), and its rows; return its path."""
    (folder / "talks.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    stages = {"talks": {"kind": "load", "path": "talks.jsonl"}, "sft": SFT | sft, **(more or {})}
    (folder / "recipe.yaml").write_text(json.dumps({"name": "x", "seed": 1, "base": "./model", "stages": stages}))
    return folder / "recipe.yaml"


def run(folder, *args, **more):
    return Recipe.load(recipe(folder, *args, **more)).run(folder / "run")


def told(report, stage):
    return json.loads((report.stage(stage) / "report.json").read_text())


def test_what_is_published_stops_where_it_was_trained_to(tmp_path):
    make(QWEN, tmp_path / "model")
    config = AutoModelForCausalLM.from_pretrained(tmp_path / "model").generation_config
    assert config.eos_token_id == AutoTokenizer.from_pretrained(tmp_path / "model").convert_tokens_to_ids("<|endoftext|>")
    report = run(tmp_path)
    model, tokenizer = (c.from_pretrained(report.stage("sft")) for c in (AutoModelForCausalLM, AutoTokenizer))
    assert model.generation_config.eos_token_id == tokenizer.convert_tokens_to_ids(["<|im_end|>", "<|endoftext|>"])
    assert tokenizer.eos_token == "<|endoftext|>", "the tokenizer's own is kept"


def test_an_error_that_leaves_no_row_says_why_where_and_what_to_do(tmp_path):
    make(QWEN, tmp_path / "model")
    thoughts = [{"messages": [t["messages"][0], t["messages"][1] | {"reasoning_content": "because"}]} for t in TALKS]
    with pytest.raises(StageFailed) as failed:
        run(tmp_path, [*thoughts, {"prompt": "q", "completion": "<|im_end|>"}])
    assert failed.value.cause == (
        "no row is left to train on (of 5): 4 x the chat template does not show the reasoning of an answer "
        "(rows 0, 1, 2, 3; turn 2 of row 0); "
        "give `chat_template:` a file, a text, or the name of a template that TRL ships; "
        "1 x control token '<|im_end|>' in the content of the assistant turn (row 4)"
    )
    report = run(tmp_path, thoughts, chat_template="qwen3")  # the remedy
    assert told(report, "sft")["rows"] == 4
    kept = [json.loads(line) for line in (tmp_path / "run" / "02-sft" / "dropped.jsonl").read_text().splitlines()]
    assert kept == []


def test_strict_refuses_an_answer_that_is_not_trained(tmp_path):
    make(QWEN, tmp_path / "model")
    half = [{"messages": [*TALKS[0]["messages"], TALKS[1]["messages"][0], TALKS[1]["messages"][1] | {"thinking": "hm"}]}]
    report = run(tmp_path, half)
    assert told(report, "sft")["answers not trained"] == {"the chat template does not show the reasoning of an answer": 1}
    (item,) = [json.loads(line) for line in (report.stage("sft") / "untrained.jsonl").read_text().splitlines()]
    assert (item["index"], item["turn"]) == (0, 4)
    with pytest.raises(StageFailed, match="strict: true, and not everything can be trained on: 1 x the chat template"):
        run(tmp_path, half, strict=True)


def test_a_tokenizer_that_is_larger_than_the_embedding_is_a_sentence_before_training(tmp_path):
    make(QWEN, tmp_path / "model", vocab_size=tokenizer_of(QWEN).convert_tokens_to_ids("<|im_end|>"), pad_token_id=None)
    sentence = r"gives token \d+ \('<\|\w+\|>'\), and the model's embedding has \d+ rows.*new_tokens"
    with pytest.raises(StageFailed, match=sentence):
        run(tmp_path)
    model, chat = checkpoints.causal_lm(str(tmp_path / "model"), "float32"), load_chat(str(tmp_path / "model"))
    with pytest.raises(ModelError, match=sentence):
        asyncio.run(LocalEngine(model, chat).generate(chat.prompt_ids(TALKS[0]["messages"][:1]), Sampling()))


def test_an_embedding_that_is_larger_than_the_tokenizer_is_fine(tmp_path):
    make(QWEN, tmp_path / "model", vocab_size=len(tokenizer_of(QWEN)) + 64)
    assert told(run(tmp_path), "sft")["rows"] == 4


def test_new_tokens_let_a_base_learn_a_template_whose_tokens_it_lacks(tmp_path):
    make(Family("{{ eos_token }}", "metaspace first", eos="</s>", bos="<s>", unknown="<unk>"), tmp_path / "model")
    with pytest.raises(RecipeError, match=r'the sft stage adds it with `new_tokens: \["<\|im_start\|>", "<\|im_end\|>"\]`'):
        run(tmp_path, chat_template=CHATML)
    before = AutoModelForCausalLM.from_pretrained(tmp_path / "model")
    report = run(tmp_path, chat_template=CHATML, new_tokens=["<|im_start|>", "<|im_end|>"])
    model, chat = AutoModelForCausalLM.from_pretrained(report.stage("sft")), load_chat(str(report.stage("sft")))
    assert model.get_input_embeddings().num_embeddings == before.get_input_embeddings().num_embeddings + 2
    assert chat.end.token == "<|im_end|>"
    assert model.generation_config.eos_token_id[0] == chat.tokenizer.convert_tokens_to_ids("<|im_end|>")
    with pytest.raises(RecipeError, match="adapters do not train the embeddings of new tokens"):
        Recipe.load(recipe(tmp_path, new_tokens=["<|x|>"], lora={"r": 2}))
    with pytest.raises(RecipeError, match=r"lora.modules_to_save: unknown key"):
        Recipe.load(recipe(tmp_path, lora={"r": 2, "modules_to_save": ["embed_tokens"]}))


def test_what_tensorboard_shows_stays_with_the_stage(tmp_path):
    make(QWEN, tmp_path / "model")
    sft = run(tmp_path, report_to=["tensorboard"]).stage("sft")
    assert [path for path in (sft / "tensorboard").glob("events.*") if path.stat().st_size]
    assert not (sft / "checkpoints").exists()


@pytest.mark.parametrize("targets", [["q_proj", "embed_tokens"], ".*(q_proj|embed_tokens)"])
def test_adapters_on_tied_weights_are_refused(tmp_path, targets):
    make(QWEN, tmp_path / "model")
    with pytest.raises(StageFailed, match="the same weights"):
        run(tmp_path, lora={"r": 2, "target_modules": targets})


def test_adapters_on_an_embedding_of_its_own_publish_what_was_trained(tmp_path):
    make(QWEN, tmp_path / "model", tie_word_embeddings=False)
    report = run(tmp_path, lora={"r": 2, "target_modules": ["q_proj", "embed_tokens"]}, learning_rate=1e-2, max_steps=3)
    base = AutoModelForCausalLM.from_pretrained(tmp_path / "model")
    adapted = adapters.continue_lora(base, str(report.stage("sft"))).eval()
    ids = torch.tensor([[5, 6, 7, 8]])
    with torch.no_grad():
        trained, published = adapted(ids).logits, AutoModelForCausalLM.from_pretrained(report.stage("sft"))(ids).logits
        untrained = AutoModelForCausalLM.from_pretrained(tmp_path / "model")(ids).logits
    assert torch.allclose(trained, published, atol=1e-5)
    assert not torch.allclose(untrained, published, atol=1e-3)


def test_weights_are_loaded_as_the_recipe_says(tmp_path):
    make(QWEN, tmp_path / "model")
    loaded = Recipe.load(recipe(tmp_path, torch_dtype="bfloat16", attn_implementation="eager"))
    assert loaded.recipe.stages["sft"].dtype == "bfloat16"
    report = loaded.run(tmp_path / "run")
    assert json.loads((report.stage("sft") / "config.json").read_text())["dtype"] == "bfloat16"
    with pytest.raises(RecipeError, match="attn_implementation: there is no 'flashy'"):
        run(tmp_path, attn_implementation="flashy")
    with pytest.raises(RecipeError, match="unknown key; did you mean 'dtype'"):
        Recipe.load(recipe(tmp_path, torch_dtype="float32", dtype="float32"))
    with pytest.raises(RecipeError, match="revision names a version of a hub model"):
        Recipe.load(recipe(tmp_path, more={"again": SFT | {"model": "sft", "revision": "v1"}}))
    assert Recipe.load(recipe(tmp_path, revision="v1")).recipe.stages["sft"].loading() == {"revision": "v1"}
    assert Recipe.load(recipe(tmp_path)).recipe.stages["sft"].loading() == {}


def test_a_generator_takes_device_map_and_a_template(tmp_path):
    make(Family("{{ eos_token }}", eos="<|endoftext|>", bos="<|im_end|>", pad="<|im_start|>"), tmp_path / "model")
    (tmp_path / "mine.jinja").write_text(CHATML)

    def locate(reference):
        return str(tmp_path / "model") if reference == "base" else str((tmp_path / reference).resolve())

    asked = [{"role": "user", "content": "q"}]
    for template in ("mine.jinja", CHATML, "qwen2_5"):
        fields = {
            "kind": "transformers",
            "model": "base",
            "device_map": "auto",
            "torch_dtype": "float32",
            "chat_template": template,
        }
        generator = Generator.model_validate(fields)
        generator.start(locate)
        (said,) = asyncio.run(generator.generate(asked, Sampling(temperature=0, max_new_tokens=3)))
        assert said.finish_reason in ("stop", "length")
        generator.stop()
    without = Generator.model_validate({"kind": "transformers", "model": "base", "dtype": "float32"})
    without.start(locate)
    with pytest.raises(Exception, match="does not show the user turn"):
        asyncio.run(without.generate(asked, Sampling(max_new_tokens=3)))


def test_align_check_knows_the_templates(tmp_path):
    make(QWEN, tmp_path / "model")
    with pytest.raises(RecipeError, match=r"no file 'qwen25'.*did you mean 'qwen2_5'"):
        Recipe.load(recipe(tmp_path, chat_template="qwen25"))
    with pytest.raises(RecipeError, match=r"no file 'templates/mine.jinja'"):
        Recipe.load(recipe(tmp_path, chat_template="templates/mine.jinja"))
    with pytest.raises(RecipeError, match="the text, line 1: this is no Jinja template"):
        Recipe.load(recipe(tmp_path, chat_template="{% for m in messages }}{% endfor %}"))
    with pytest.raises(RecipeError, match="eos_token"):
        Recipe.load(recipe(tmp_path, eos_token=""))
    first = Recipe.load(recipe(tmp_path, chat_template=CHATML)).run(tmp_path / "run")
    assert first.ran == ["talks", "sft"]
    (tmp_path / "mine.jinja").write_text(CHATML)
    assert "sft" in Recipe.load(recipe(tmp_path, chat_template="mine.jinja")).run(tmp_path / "run").ran
    (tmp_path / "mine.jinja").write_text(CHATML + "{# changed #}")
    assert "sft" in Recipe.load(recipe(tmp_path, chat_template="mine.jinja")).run(tmp_path / "run").ran, "its content counts"
    assert Recipe.load(recipe(tmp_path, chat_template="mine.jinja")).run(tmp_path / "run").ran == []

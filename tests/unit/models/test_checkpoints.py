"""What is saved is what was trained: tokenizers read again as they were, flags of a model that libraries change or refuse."""

import asyncio
import json
from types import SimpleNamespace

import pytest
import torch
from families import MISTRAL, Family, make, tokenizer_of
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from test_chat import CHATML, TALK, chat, trained
from test_models import QWEN, TALKS, recipe
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GPT2Config,
    GPT2LMHeadModel,
    MambaConfig,
    MambaForCausalLM,
    PreTrainedTokenizerFast,
    Qwen2MoeConfig,
    Qwen2MoeForCausalLM,
)

from align import Recipe, StageFailed
from align.core.errors import ModelError
from align.core.plugins import Sampling
from align.generate.backends.transformers import LocalEngine
from align.generate.backends.vllm import completion
from align.models import checkpoints
from align.models.chat import Chat
from align.models.token_rows import token_rows
from align.models.tokenizers import load_chat, load_tokenizer, save_tokenizer
from align.stages.export import write_checkpoint

PAIRS = [
    {"prompt": t["messages"][:1], "chosen": t["messages"][1:], "rejected": [{"role": "assistant", "content": "No."}]}
    for t in TALKS
]
ONE_STEP = {"max_steps": 1, "save_steps": 100, "logging_steps": 100}


def base(folder, model):
    """Put another architecture behind QWEN's tokenizer."""
    tokenizer_of(QWEN).save_pretrained(folder)
    model.save_pretrained(folder)


def edit(file, **values):
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


def run(folder, stages=None, **sft):
    (folder / "pairs.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in PAIRS))
    more = {"pairs": {"kind": "load", "path": "pairs.jsonl"}, **(stages or {})}
    return Recipe.load(recipe(folder, more=more, **sft)).run(folder / "run")


def chain(model="sft", **fields):
    dpo = {"kind": "dpo", "model": model, "data": ["pairs"], **ONE_STEP, **fields}
    return {"dpo": dpo, "rm": {"kind": "reward_model", "model": model, "data": ["pairs"], "held_out": 0, **ONE_STEP, **fields}}


# -- tokenizers -----------------------------------------------------------------------------------------------------------


def test_a_legacy_tokenizer_is_read_again_as_the_same(tmp_path):
    llama = {"eos": "</s>", "bos": "<s>", "unknown": "<unk>"}
    tokenizer_of(Family(MISTRAL, "metaspace legacy", **llama, not_tokens=("[INST]", "[/INST]"))).save_pretrained(
        tmp_path / "one"
    )
    edit(tmp_path / "one" / "tokenizer_config.json", tokenizer_class="LlamaTokenizer", legacy=True)  # as Mistral v0.2 has it
    first = load_tokenizer(str(tmp_path / "one"))
    save_tokenizer(first, tmp_path / "two")
    second = AutoTokenizer.from_pretrained(tmp_path / "two")
    trained_ids = [row.ids for row in token_rows(Chat(first), TALK[:1], TALK[1:]).rows]
    assert trained_ids == [row.ids for row in token_rows(Chat(second), TALK[:1], TALK[1:]).rows]


def test_a_tokenizer_that_would_be_read_as_another_is_not_published(tmp_path):
    tokenizer = tokenizer_of(QWEN)
    tokenizer.save_pretrained = tokenizer_of(Family(CHATML, "metaspace first")).save_pretrained  # as if transformers erred
    with pytest.raises(ModelError, match="reads the tokenizer that it has just saved as another one"):
        save_tokenizer(tokenizer, tmp_path)


def test_a_vocabulary_of_another_library_is_a_sentence(tmp_path):
    (tmp_path / "tokenizer.model").write_bytes(b"\n\x0e\n\x05<unk>\x15\x00\x00\x00\x00\x18\x02")
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "LlamaTokenizer"}))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "llama"}))
    with pytest.raises(ModelError, match="pip install sentencepiece tiktoken protobuf"):
        load_chat(str(tmp_path))


def test_the_end_that_a_recipe_names_is_known_to_every_later_stage(tmp_path):
    make(Family("phi3", eos="<|endoftext|>", unknown="<unk>"), tmp_path / "model")
    report = run(tmp_path, chain(), eos_token="<|endoftext|>")
    for stage in ("sft", "dpo", "rm"):
        later = load_chat(str(report.stage(stage)))
        assert later.end.token == "<|endoftext|>"
        assert trained(later, TALK)[0] == "I am Ben.<|end|>\n<|endoftext|>"
    other = load_chat(str(report.stage("sft")), chat_template=later.tokenizer.chat_template)
    assert other.end.token == "<|end|>", "a template that is given says its own"
    again = report.stage("sft") / "again"
    save_tokenizer(AutoTokenizer.from_pretrained(report.stage("sft")), again)
    assert load_chat(str(again)).end.token == "<|endoftext|>", "whoever saves it again"


def test_a_tokenizer_without_any_special_token_is_padded(tmp_path):
    tokenizer = tokenizer_of(Family(CHATML))
    bare = PreTrainedTokenizerFast(tokenizer_object=tokenizer.backend_tokenizer, chat_template=CHATML)
    assert (bare.eos_token, bare.pad_token, bare.bos_token, bare.unk_token) == (None,) * 4
    bare.save_pretrained(tmp_path)
    made = load_chat(str(tmp_path))
    assert made.stop_ids() == [bare.convert_tokens_to_ids("<|im_end|>")]
    assert made.tokenizer.pad_token == "<|im_start|>"


# -- models ---------------------------------------------------------------------------------------------------------------


def small(config, **more):
    return config(vocab_size=len(tokenizer_of(QWEN)), hidden_size=32, num_hidden_layers=1, **more)


def test_a_mixture_of_experts_is_published_so_that_it_can_be_sampled(tmp_path):
    experts = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16, "shared_expert_intermediate_size": 16}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 2, "intermediate_size": 32, "decoder_sparse_step": 1}
    base(tmp_path / "model", Qwen2MoeForCausalLM(small(Qwen2MoeConfig, **experts, **heads)))
    report = run(tmp_path, chain(), max_steps=2, learning_rate=1e-3)
    for stage in ("sft", "dpo", "rm"):
        assert json.loads((report.stage(stage) / "config.json").read_text())["output_router_logits"] is False
    model, tokenizer = (cls.from_pretrained(report.stage("dpo")) for cls in (AutoModelForCausalLM, AutoTokenizer))
    asked = tokenizer.apply_chat_template(TALK[:1], add_generation_prompt=True, return_tensors="pt", return_dict=True)
    assert model.generate(**asked, max_new_tokens=3, do_sample=False).shape[1] > asked["input_ids"].shape[1]
    router = [name for name in model.state_dict() if ".gate." in name]
    before = AutoModelForCausalLM.from_pretrained(tmp_path / "model").state_dict()
    assert any((before[name] != model.state_dict()[name]).any() for name in router), "the router is trained"


def test_flags_that_transformers_would_not_save_stay_in_the_file(tmp_path):
    make(QWEN, tmp_path / "model")
    edit(tmp_path / "model" / "generation_config.json", temperature=0.6, top_p=0.9)  # without do_sample, as Llama 2 had it
    report = run(tmp_path, {"release": {"kind": "export", "model": "sft"}})
    for stage in ("sft", "release"):
        published = json.loads((report.stage(stage) / "generation_config.json").read_text())
        assert (published["temperature"], published["top_p"]) == (0.6, 0.9)


def test_a_reward_model_of_a_family_without_classifiers_is_a_sentence(tmp_path):
    base(tmp_path / "model", MambaForCausalLM(small(MambaConfig, state_size=4)))
    with pytest.raises(StageFailed, match=r"no sequence classifier, which a reward model is, for MambaConfig.*another family"):
        run(tmp_path, {"rm": chain("base")["rm"]})


def test_rows_longer_than_the_positions_that_were_learned_are_a_sentence(tmp_path):
    config = GPT2Config(vocab_size=len(tokenizer_of(QWEN)), n_embd=32, n_layer=1, n_head=2, n_positions=40)
    base(tmp_path / "model", GPT2LMHeadModel(config))
    with pytest.raises(StageFailed, match=r"has learned 40 positions; set `max_length`"):
        run(tmp_path)
    model, made = checkpoints.causal_lm(str(tmp_path / "model"), "float32"), load_chat(str(tmp_path / "model"))
    with pytest.raises(ModelError, match=r"has learned 40 positions; shorten the prompt or lower max_new_tokens"):
        asyncio.run(LocalEngine(model, made).generate(made.prompt_ids(TALK[:1]), Sampling(max_new_tokens=40)))


def test_vllm_in_process_reads_ids_as_the_others_do():
    made = chat("qwen3_5_think")
    _, ids = made.answer_ids(TALK[:1], {"role": "assistant", "content": "Yes.", "reasoning": "hm"})
    said = completion(SimpleNamespace(index=0, token_ids=tuple(ids), finish_reason="stop", text="other"), 7, made)
    assert (said.text, said.token_ids, said.finish_reason) == ("<think>\nhm\n</think>\n\nYes.", ids, "stop")
    assert said.usage == {"prompt_tokens": 7, "completion_tokens": len(ids)}


# -- what is not this model's ---------------------------------------------------------------------------------------------


def renamed(weights):
    return {f"module.{name}": tensor for name, tensor in weights.items()}


OTHERS = {
    "a prefix": (renamed, {}, r"do not have all weights of LlamaForCausalLM: lm_head.weight, .* would be random"),
    "no head": (lambda w: {k: v for k, v in w.items() if k != "lm_head.weight"}, {}, "lm_head.weight would be random"),
    "a layer less": (dict, {"num_hidden_layers": 3}, r"model.layers.2.\S+ and \d+ more would be random"),
    "a layer more": (dict, {"num_hidden_layers": 1}, r"more layers than config.json says: model.layers.1\S+ .*would be lost"),
}


@pytest.mark.parametrize("case", OTHERS)
def test_weights_that_are_not_the_models_are_refused(case, tmp_path):
    change, config, sentence = OTHERS[case]
    make(QWEN, tmp_path, num_hidden_layers=2, tie_word_embeddings=False)
    save_file(change(load_file(tmp_path / "model.safetensors")), tmp_path / "model.safetensors", {"format": "pt"})
    edit(tmp_path / "config.json", **config)
    with pytest.raises(ModelError, match=sentence):
        checkpoints.causal_lm(str(tmp_path), "float32")


def test_a_head_is_new_only_where_it_is_to_be_trained(tmp_path):
    make(QWEN, tmp_path)
    checkpoints.classifier(str(tmp_path), "float32", num_labels=1)
    with pytest.raises(ModelError, match=r"score.weight would be random"):
        checkpoints.classifier(str(tmp_path), "float32")


def test_a_folder_without_a_model_is_a_sentence(tmp_path):
    make(QWEN, tmp_path / "model")
    cut = tmp_path / "model" / "model.safetensors"
    cut.write_bytes(cut.read_bytes()[:-100])
    (tmp_path / "adapter").mkdir()
    (tmp_path / "adapter" / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "some/base"}))
    sentences = {"model": "part of a file may be missing", "none": "no such folder", "adapter": "an adapter of some/base"}
    for name, sentence in sentences.items():
        with pytest.raises(ModelError, match=sentence):
            checkpoints.causal_lm(str(tmp_path / name), "float32")
    with pytest.raises(ModelError, match="merge it first"):
        load_chat(str(tmp_path / "adapter"))


def test_a_folder_without_a_tokenizer_is_a_sentence(tmp_path):
    make(QWEN, tmp_path)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        (tmp_path / name).unlink(missing_ok=True)
    with pytest.raises(ModelError, match="has no tokenizer; copy the files"):
        load_chat(str(tmp_path))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "Qwen2Tokenizer"}))
    with pytest.raises(ModelError, match="has no vocabulary; copy the files"):
        load_chat(str(tmp_path), chat_template=CHATML)


def test_a_reference_of_another_vocabulary_is_refused(tmp_path):
    make(QWEN, tmp_path / "model")
    make(Family(CHATML, "metaspace first", eos="</s>", unknown="<unk>"), tmp_path / "other", vocab_size=4000)
    with pytest.raises(StageFailed, match="other has another vocabulary than the model"):
        run(tmp_path, {"dpo": chain("base", reference="./other")["dpo"]})


def test_new_tokens_start_as_the_mean_where_the_embedding_has_spare_rows(tmp_path):
    tokens = len(tokenizer_of(QWEN))
    make(QWEN, tmp_path / "model", vocab_size=tokens + 64, tie_word_embeddings=False)
    report = run(tmp_path, new_tokens=["<|new|>"], learning_rate=1e-12)
    before, after = (AutoModelForCausalLM.from_pretrained(f) for f in (tmp_path / "model", report.stage("sft")))
    for layer in ("get_input_embeddings", "get_output_embeddings"):
        mean = getattr(before, layer)().weight[:tokens].mean(0)
        assert torch.allclose(getattr(after, layer)().weight[tokens], mean, atol=1e-6)
    assert after.get_input_embeddings().num_embeddings == tokens + 64


def test_a_model_whose_template_wants_a_system_turn_is_exported(tmp_path):
    wants = "{% if messages[0]['role'] != 'system' %}{{ raise_exception('no system') }}{% endif %}" + CHATML
    make(Family(wants), tmp_path / "model")
    write_checkpoint(str(tmp_path / "model"), tmp_path / "out", None)
    assert (tmp_path / "out" / "model.safetensors").exists()


def test_the_adapter_of_another_library_is_gone_on_with(tmp_path):
    make(QWEN, tmp_path / "model")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "model")
    get_peft_model(model, LoraConfig(r=2, target_modules=["q_proj"], task_type="CAUSAL_LM")).save_pretrained(tmp_path / "mine")
    report = run(tmp_path, lora={"adapter": "./mine"})
    assert (report.stage("sft") / "adapter" / "adapter_config.json").exists()

"""Packed rows are trained as if each were alone, and a model that mixes them is refused."""

import json

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from align import Recipe, RecipeError, StageFailed
from align.core.errors import ModelError
from align.models import checkpoints
from align.train import packing

ROWS = [{"prompt": "Who?", "completion": f"{i} {'red ' * (i % 6)}cups."} for i in range(12)]
STAGE = {"kind": "sft", "model": "base", "data": ["rows"], "learning_rate": 1e-3, "max_steps": 3, "logging_steps": 1,
         "per_device_train_batch_size": 12, "lr_scheduler_type": "constant", "warmup_ratio": 0, "dtype": "float32"}  # fmt: skip
SIZES = {
    "vocab_size": 1024, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 8, "max_position_embeddings": 256,
}  # fmt: skip
FAMILIES = {
    "qwen2": {}, "gemma3_text": {"sliding_window": 8}, "mixtral": {"num_local_experts": 4},
    "gpt2": {"n_embd": 32, "n_head": 4, "n_layer": 2},
    "opt": {"ffn_dim": 48, "word_embed_proj_dim": 32}, "gpt_oss": {"num_local_experts": 4, "num_experts_per_tok": 2},
    "mamba": {"state_size": 8}, "lfm2": {"layer_types": ["conv", "full_attention"], "block_ff_dim": 48},
}  # fmt: skip
MIXED = dict.fromkeys(("opt", "gpt_oss", "mamba"), "a row changes the outputs") | {"lfm2": "cannot run packed rows"}


def train(folder, base, **changed):
    """Run one sft stage; return its folder."""
    folder.mkdir()
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    stages = {"rows": {"kind": "load", "path": "rows.jsonl"}, "sft": STAGE | changed}
    (folder / "r.yaml").write_text(json.dumps({"name": "x", "base": str(base), "stages": stages}))
    return Recipe.load(folder / "r.yaml").run(folder / "run").stage("sft")


def losses(stage):
    return [line["loss"] for line in map(json.loads, (stage / "history.jsonl").read_text().splitlines()) if "loss" in line]


def test_a_packed_batch_trains_like_a_padded_one(tiny, tmp_path):
    """The same twelve rows a step, once in three packs."""
    padded = train(tmp_path / "padded", tiny)
    packed = train(tmp_path / "packed", tiny, packing=128, max_length=40, per_device_train_batch_size=3, eval_data=["rows"])
    said = json.loads((packed / "report.json").read_text())["packed"]
    assert said.startswith("12 token rows in 3 packs of up to 128 tokens, ")
    assert losses(packed) == pytest.approx(losses(padded), abs=2e-5)
    one, two = (checkpoints.causal_lm(str(folder), "float32").state_dict() for folder in (padded, packed))
    start = checkpoints.causal_lm(tiny, "float32").state_dict()
    moved, apart = ({name: (one[name] - other[name]).norm() for name in one} for other in (start, two))
    assert sum(apart.values()) < 0.01 * sum(moved.values())


def test_packs_hold_whole_rows_and_copies_of_a_row_part():
    rows = [{"input_ids": [i] * (5 + i % 3), "labels": [i] * (5 + i % 3)} for i in range(20) for _ in range(4)]
    packs = packing.pack(rows, 24, seed=1)
    held = [pack["input_ids"][sum(pack["seq_lengths"][:i]) :][:n] for pack in packs for i, n in enumerate(pack["seq_lengths"])]
    assert sorted(held) == sorted(row["input_ids"] for row in rows)
    assert max(len(pack["input_ids"]) for pack in packs) <= 24
    assert sum(len(set(pack["input_ids"])) == 1 for pack in packs) < len(packs) / 2


@pytest.mark.parametrize("family", FAMILIES)
def test_a_model_that_mixes_rows_is_refused_before_the_first_step(tiny, tmp_path, family):
    torch.manual_seed(0)
    config = AutoConfig.for_model(family, **SIZES | FAMILIES[family])
    AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path / "model")
    AutoTokenizer.from_pretrained(tiny).save_pretrained(tmp_path / "model")
    if family not in MIXED:
        assert len(losses(train(tmp_path / "r", tmp_path / "model", packing=True, max_length=128, max_steps=1))) == 1
        return
    with pytest.raises(StageFailed, match=f"packing: .*{MIXED[family]}.* leave `packing` out"):
        train(tmp_path / "r", tmp_path / "model", packing=True, max_length=128, max_steps=1)


@pytest.mark.parametrize("copies", [1, 24])
def test_rows_that_repeat_themselves_do_not_hide_that_a_model_mixes_them(tiny, copies):
    """Also a pack of one token only, and a model that reads nothing but the last token, of which nothing can be said."""
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model("opt", **SIZES | FAMILIES["opt"])).eval()

    def logits(rows):
        places = torch.tensor([[i for row in rows for i in range(len(row))]])
        with torch.no_grad():
            return model(torch.tensor([[token for row in rows for token in row]]), position_ids=places).logits

    ids = list(range(30, 30 + copies)) * 5
    with pytest.raises(ModelError, match="a row changes the outputs for the next row"):
        packing.refuse_mixing(logits, ids)
    model.lm_head.weight.data.zero_()
    assert packing.refuse_mixing(logits, ids) is False


def test_rows_must_fit_into_their_pack(tiny, tmp_path):
    with pytest.raises(
        RecipeError, match=r"stages\.sft\.packing: a row of max_length = 2048 tokens does not fit into 1000; raise packing"
    ):
        train(tmp_path / "r", tiny, packing=1000)

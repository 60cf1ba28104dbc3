"""Every field of every training stage changes what is made, or stands in a list with the reason why it does not.

A setting that a library ignores is how a run differs in silence from what its recipe says. Each field is changed alone, in a
stage of two or three steps; the seed, the rows and the name of the stage stay. `training_args` are fields too.
"""

import hashlib
import json
from functools import cache

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from align import Recipe
from align.stages import trl_arguments
from align.stages.dpo import DPO
from align.stages.online_dpo import OnlineDPO
from align.stages.reward_model import RewardModelStage
from align.stages.sft import SFT
from align.stages.training import Lora
from align.train import bridge  # noqa: F401 (what is imported now is not looked through after every stage)

CLASSES = {"sft": SFT, "dpo": DPO, "reward_model": RewardModelStage, "online_dpo": OnlineDPO}
TALK = [
    {"role": "system", "content": "Be kind."},
    {"role": "user", "content": "Who?"},
    {"role": "assistant", "content": "Ben."},
    {"role": "user", "content": "What?"},
]
ROWS = [{"messages": [*TALK, {"role": "assistant", "content": f"{i} {'red ' * i}cups."}]} for i in range(1, 7)]
PAIRS = [
    {
        "prompt": [*TALK[:3], {"role": "user", "content": f"What {i}?"}],
        "chosen": f"{i} {'red ' * i}cups.",
        "rejected": "Many, many cups.",
        "margin": float(i),
    }
    for i in range(1, 7)
]
ASKED = [{"prompt": f"Ben {i} has {i + 2} cups?"} for i in range(12)]
TEMPLATE = (
    "{% for m in messages %}{{ m.role + ': ' + m.content + eos_token }}{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}"
)
NO_SYSTEM = (
    "{% for m in messages if m.role != 'system' %}<|im_start|>{{ m.role + '\n' + m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
TASTE = """
from align import Reward, Score

class Taste(Reward):
    count: str = "e"

    async def score(self, prompt, completions):
        return [Score(text.count(self.count) - text.count("o")) for text in completions]
"""
STEPS = {"learning_rate": 1e-3, "per_device_train_batch_size": 2, "logging_steps": 1, "save_steps": 100}
PLAIN = {
    "sft": {"kind": "sft", "model": "base", "data": ["./data/01-rows"], "num_train_epochs": 1, **STEPS},
    "dpo": {"kind": "dpo", "model": "base", "data": ["./data/02-pairs"], **STEPS},
    "reward_model": {"kind": "reward_model", "model": "base", "data": ["./data/02-pairs"], "held_out": 0, **STEPS},
    "online_dpo": {
        "kind": "online_dpo", "model": "./tiny", "prompts": "./data/03-asked", "reward": {"kind": "taste:Taste"}, "samples": 6,
        "max_new_tokens": 20, "rounds": 2, **STEPS, "per_device_train_batch_size": 1,
    },
}  # fmt: skip
"""The stages as they are before a field is changed."""
LORA = {"lora": {"r": 2, "target_modules": ["q_proj"]}}
SOON = {"optimizer": {"kind": "adamw", "ema": 0.5}}
COSINE = {"lr_scheduler_type": "cosine"}

CHANGES = {
    "model": {"model": "./other"},
    "data": {"data": [{"from": "./data/01-rows", "weight": 2}]},
    "learning_rate": {"learning_rate": 2e-3},
    "num_train_epochs": {"num_train_epochs": 2},
    "max_steps": {"max_steps": 1},
    "per_device_train_batch_size": {"per_device_train_batch_size": 3},
    "gradient_accumulation_steps": {"gradient_accumulation_steps": 2},
    "lr_scheduler_type": {"lr_scheduler_type": "inverse_sqrt"},
    "min_lr": (COSINE, {"min_lr": 5e-4}),
    "warmup_ratio": {"warmup_ratio": 0.9},
    "weight_decay": {"weight_decay": 0.5},
    "max_grad_norm": {"max_grad_norm": 1e-9},
    "max_length": {"max_length": 60},
    "dtype": {"dtype": "bfloat16"},
    "bf16": {"bf16": True},
    "lora": LORA,
    "lora.r": (LORA, {"lora": LORA["lora"] | {"r": 3}}),
    "lora.alpha": (LORA, {"lora": LORA["lora"] | {"alpha": 64}}),
    "lora.dropout": (LORA, {"lora": LORA["lora"] | {"dropout": 0.5}}),
    "lora.target_modules": (LORA, {"lora": LORA["lora"] | {"target_modules": ["v_proj"]}}),
    "optimizer": SOON,
    "chat_template": {"chat_template": TEMPLATE},
    "eos_token": {"eos_token": "<|im_start|>"},
    "system_turn": ({"chat_template": NO_SYSTEM, "system_turn": "fold"}, {"system_turn": "omit"}),
    "attn_implementation": {"attn_implementation": "eager"},
    "logging_steps": {"logging_steps": 3},
    "eval_data": {"eval_data": ["./data/02-pairs"]},
    "eval_steps": ({"eval_data": ["./data/02-pairs"]}, {"eval_steps": 2}),
    # sft
    "train_on": {"train_on": "last_turn"},
    "new_tokens": {"new_tokens": ["<new>"]},
    "packing": ({"max_length": 90}, {"packing": 256}),
    # preference stages
    "reference": {"reference": "./other"},
    "beta": {"beta": 0.9},
    "loss_type": {"loss_type": ["ipo"]},
    "loss_weights": ({"loss_type": ["sigmoid", "sft"]}, {"loss_weights": [1.0, 0.1]}),
    # reward model
    "center_rewards_coefficient": {"center_rewards_coefficient": 0.5},
    "margin": {"margin": True},
    "held_out": {"held_out": 0.5},
    # online
    "prompts": {"prompts": "./data/01-rows"},
    "reward": {"reward": {"kind": "taste:Taste", "count": "a"}},
    "samples": {"samples": 3},
    "temperature": {"temperature": 1.5},
    "max_new_tokens": {"max_new_tokens": 14},
    "rounds": {"rounds": 1},
    "prompts_per_round": {"prompts_per_round": 4},
    "min_margin": {"min_margin": 1.5},
    "max_length_ratio": {"max_length_ratio": 1.5},
    "length_penalty": {"length_penalty": 100.0},
    "reference_sync": ({"prompts_per_round": 6}, {"reference_sync": "previous"}),
    "reference_mixup": ({"prompts_per_round": 6, "reference_sync": "ema"}, {"reference_mixup": 0.1}),
    "sampler": {"sampler": {"kind": "transformers", "dtype": "bfloat16"}},
}
"""Field -> what changes, or (what is set in both, what changes)."""
ARGUMENTS = {
    "adam_beta1": 0.5, "adam_beta2": 0.5, "adam_epsilon": 0.1, "optim": "sgd", "label_smoothing_factor": 0.4,
    "neftune_noise_alpha": 20.0, "dataloader_drop_last": ({"per_device_train_batch_size": 4}, True),
    "train_sampling_strategy": "sequential", "logging_first_step": ({"logging_steps": 3}, True),
    "lr_scheduler_kwargs": ({"lr_scheduler_type": "cosine_with_restarts"}, {"num_cycles": 2}), "loss_type": "dft",
    "discopop_tau": ({"loss_type": ["discopop"]}, 0.9),
    "f_divergence_type": "js_divergence", "label_smoothing": ({"loss_type": ["robust"]}, 0.2), "ld_alpha": 0.1,
    "f_alpha_divergence_coef": ({"training_args": {"f_divergence_type": "alpha_divergence"}}, 0.9), "use_weighting": True,
    "optim_args": ({"training_args": {"optim": "sgd"}}, "momentum=0.9"),
}  # fmt: skip
"""Of `training_args` -> another value, or (what is set in both, the value)."""
OF_STAGE = {
    ("sft", "eval_data"): {"eval_data": ["./data/01-rows"]},
    ("sft", "eval_steps"): ({"eval_data": ["./data/01-rows"]}, {"eval_steps": 2}),
    ("dpo", "data"): {"data": [{"from": "./data/02-pairs", "weight": 2}]},
    ("reward_model", "data"): {"data": [{"from": "./data/02-pairs", "weight": 2}]},
    ("online_dpo", "max_steps"): ({"prompts_per_round": 6, "per_device_train_batch_size": 1, "rounds": None}, {"max_steps": 1}),
    ("online_dpo", "warmup_ratio"): ({"lr_scheduler_type": "constant_with_warmup"}, {"warmup_ratio": 0.9}),
    ("online_dpo", "optimizer"): {"optimizer": {"kind": "adamw", "betas": [0.5, 0.5]}},
    ("online_dpo", "system_turn"): (
        {"prompts": "./data/02-pairs", "chat_template": NO_SYSTEM, "system_turn": "fold"},
        {"system_turn": "omit"},
    ),
    ("online_dpo", "model"): {"model": "./near"},
    ("reward_model", "eos_token"): ({"chat_template": TEMPLATE}, {"eos_token": "<|im_start|>"}),
    ("online_dpo", "max_length"): {"max_length": 30},
}
"""(Stage, field) -> where the change of that stage is another one."""


REASONS = {
    "it says what the stage is": "kind",
    "only in a recipe that evaluates (tests/unit/evaluate/test_evaluate.py)": "decontaminate",
    "only of models from a hub": "revision trust_remote_code",
    "less memory, the same numbers": """
        gradient_checkpointing gradient_checkpointing_kwargs activation_checkpointing activation_checkpointing_kwargs
        activation_offloading torch_empty_cache_steps
    """,
    "what is saved for a resume, which ends at the same weights": "save_steps",
    "where logs go (tests/unit/train/test_bridge.py) and how they are named": """
        report_to project trackio_bucket_id trackio_space_id trackio_static_space_id
    """,
    "refused beside logging_steps (tests/unit/stages/test_values.py)": "logging_strategy",
    "only of models that have dropout of their own": "disable_dropout",
    "it stops the stage (tests/unit/train/test_bridge.py)": "strict",
    "tested one by one here": "training_args",
    "a path of its own in a paper's preset": "lora.adapter",
    "how fast batches come": """
        dataloader_in_order dataloader_multiprocessing_context dataloader_num_workers dataloader_persistent_workers
        dataloader_prefetch_factor
    """,
    "how several processes talk": """
        average_tokens_across_devices ddp_backend ddp_broadcast_buffers ddp_bucket_cap_mb ddp_static_graph ddp_timeout
    """,
    "for finding faults": "debug skip_memory_metrics include_num_input_tokens_seen",
    "kernels of accelerators": """
        liger_kernel_config use_liger_kernel tf32 torch_compile torch_compile_backend torch_compile_mode full_determinism
    """,
    "of optimizers that need packages": "optim_target_modules",
    "padding is not looked at": "pad_to_multiple_of",
    "only of mixtures of experts": "router_aux_loss_coef",
}
"""Why -> fields that change nothing here."""
REASON = {name: why for why, names in REASONS.items() for name in names.split()}


def fields(kind):
    """Return the names of all fields of a stage, those of adapters and of `training_args` too."""
    cls = CLASSES[kind]
    given = (
        trl_arguments.fields_of(cls.trl_config).keys()
        - trl_arguments.REFUSED.keys()
        - cls.model_fields.keys()
        - cls.unread.keys()
    )
    return [*cls.model_fields, *(f"lora.{name}" for name in Lora.model_fields), *(f"training_args.{n}" for n in sorted(given))]


def change_of(kind, name):
    """Return what is set in both stages, and what in the other only; None where it makes no difference."""
    if kind == "online_dpo" and name.startswith("training_args."):
        return None  # its rounds go through the trainer of `dpo`
    if not name.startswith("training_args."):
        change = OF_STAGE.get((kind, name), CHANGES.get(name))
        return change if change is None or isinstance(change, tuple) else ({}, change)
    name = name.removeprefix("training_args.")
    if name not in ARGUMENTS:
        return None
    both, value = ARGUMENTS[name] if isinstance(ARGUMENTS[name], tuple) else ({}, ARGUMENTS[name])
    return both, {"training_args": both.get("training_args", {}) | {name: value}}


@pytest.fixture(scope="module")
def made(tiny, tmp_path_factory):
    """Return what makes a stage and returns its weights, the number of lines of its history, these, and the report."""
    place = tmp_path_factory.mktemp("effects")
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    for seed, name in enumerate(("base", "other")):
        torch.manual_seed(seed)
        config = AutoConfig.from_pretrained(
            tiny, hidden_size=20, intermediate_size=32, num_hidden_layers=1, layer_types=["full_attention"]
        )
        AutoModelForCausalLM.from_config(config, dtype=torch.float32).save_pretrained(place / name)
        tokenizer.save_pretrained(place / name)
    near = AutoModelForCausalLM.from_pretrained(tiny)
    with torch.no_grad():
        near.model.norm.weight.mul_(1.05)
    near.save_pretrained(place / "near")
    tokenizer.save_pretrained(place / "near")
    (place / "tiny").symlink_to(tiny)
    (place / "taste.py").write_text(TASTE)
    for name, rows in (("rows", ROWS), ("pairs", PAIRS), ("asked", ASKED)):
        (place / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    loads = {name: {"kind": "load", "path": f"{name}.jsonl"} for name in ("rows", "pairs", "asked")}
    (place / "data.yaml").write_text(json.dumps({"name": "data", "base": "./base", "stages": loads}))
    Recipe.load(place / "data.yaml").run(place / "data")

    @cache
    def make(kind, changed, again=0):
        stage = {name: value for name, value in (PLAIN[kind] | json.loads(changed)).items() if value is not None}
        run = f"{kind}-{hashlib.sha256(changed.encode()).hexdigest()[:8]}-{again}"
        (place / f"{run}.yaml").write_text(json.dumps({"name": "x", "base": "./base", "stages": {"s": stage}}))
        folder = Recipe.load(place / f"{run}.yaml").run(place / run).stage("s")
        history = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
        return (
            hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest(),
            len(history),
            history,
            json.loads((folder / "report.json").read_text()),
        )

    return make


CASES = [(kind, name) for kind in CLASSES for name in fields(kind) if change_of(kind, name)]


@pytest.mark.parametrize("kind", CLASSES)
def test_every_field_is_changed_here_or_has_a_reason(kind):
    as_dpo = {f"training_args.{name}" for name in ARGUMENTS} if kind == "online_dpo" else set()
    lacking = {name for name in fields(kind) if not change_of(kind, name)} - as_dpo
    assert not {name for name in lacking if name.removeprefix("training_args.") not in REASON}


@pytest.mark.parametrize("kind", CLASSES)
def test_the_same_settings_make_the_same_weights(made, kind):
    assert made(kind, "{}")[:2] == made(kind, "{}", again=1)[:2]


@pytest.mark.parametrize(("kind", "name"), CASES, ids=lambda value: value)
def test_a_field_changes_what_is_made(made, kind, name):
    both, change = change_of(kind, name)
    assert made(kind, json.dumps(both))[:2] != made(kind, json.dumps(both | change))[:2]


@pytest.mark.parametrize("kind", ["sft", "dpo", "reward_model"])
def test_evaluating_changes_no_weight_and_tells_how_it_goes(made, kind):
    _, change = change_of(kind, "eval_data")
    plain, watched = made(kind, "{}"), made(kind, json.dumps(change))
    assert plain[0] == watched[0]
    losses = [line["eval_loss"] for line in watched[2] if "eval_loss" in line]
    assert len(losses) == 3
    assert losses[-1] < losses[0]  # they are the rows that are trained on, and the report says so
    assert watched[3]["eval rows whose prompt is trained on"] == 6
    assert watched[3]["eval"].startswith(f"loss {losses[-1]:.4g}")


def test_a_cosine_ends_at_its_floor(made):
    """Ten epochs, from the peak to `min_lr`."""
    changed = {"min_lr": 1e-4, "num_train_epochs": 10, "warmup_ratio": 0}
    rates = [line["learning_rate"] for line in made("dpo", json.dumps(changed))[2] if "learning_rate" in line]
    assert rates[0] == pytest.approx(1e-3)
    assert 1e-4 <= rates[-1] < 1.2e-4

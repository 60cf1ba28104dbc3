"""How long a training step takes on a CPU when the head scores every token, as TRL does there, or trained ones only.

    python benchmarks/cpu_head.py

A randomly initialised model of SmolLM2-135M's shape (30 layers, 49,152 words), 16 rows of 60 to 75 tokens of which the
last 15 to 30 are trained, bfloat16 autocast over float32 weights: the SFT stage of recipes/smollm2-135m.yaml. The two
ways take turns, so that other load on the machine meets both.

Result, 2026-11-21, 2 cores (AMD EPYC, avx512_bf16), otherwise idle: see docs/smollm2-135m.md.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import torch
import trl.trainer.utils
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig
from trl import SFTConfig, SFTTrainer

from align.train import bridge

TURNS = 4
TOKENIZER = Path(__file__).parents[1] / "recipes" / "tiny" / "model"


def main() -> None:
    """Time both ways in turns and print the medians."""
    as_trl_does = trl.trainer.utils._use_triton
    bridge.score_trained_tokens()
    ways = {"every token": as_trl_does, "trained tokens": trl.trainer.utils._use_triton}
    trainer = _trainer()
    batch = trainer._prepare_inputs(next(iter(trainer.get_train_dataloader())))
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(TURNS + 1):
        for way, use in ways.items():
            trl.trainer.utils._use_triton = use
            started = time.perf_counter()
            trainer.training_step(trainer.model, batch)
            seconds[way].append(time.perf_counter() - started)
            trainer.model.zero_grad()
    medians = {way: statistics.median(taken[1:]) for way, taken in seconds.items()}  # the first one warms up
    for way, median in medians.items():
        print(f"{way:15} {median:.2f} s a step")
    print(f"ratio {medians['every token'] / medians['trained tokens']:.2f} ({torch.get_num_threads()} threads)")


def _trainer() -> SFTTrainer:
    shape = {"hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30, "num_attention_heads": 9}
    config = LlamaConfig(vocab_size=49_152, num_key_value_heads=3, tie_word_embeddings=True, **shape)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    draw = torch.Generator().manual_seed(0)
    rows = []
    for i in range(16):
        ids = torch.randint(5, 49_000, (60 + i,), generator=draw).tolist()
        rows.append({"input_ids": ids, "labels": [-100] * 45 + ids[45:]})
    arguments = SFTConfig(
        tempfile.mkdtemp(), per_device_train_batch_size=16, use_cpu=True, bf16=True, max_length=None, report_to="none",
        gradient_checkpointing=False, dataloader_pin_memory=False,
    )  # fmt: skip
    tokenizer = AutoTokenizer.from_pretrained(TOKENIZER)  # only asked for its padding token
    trainer = SFTTrainer(model=model, args=arguments, train_dataset=Dataset.from_list(rows), processing_class=tokenizer)
    trainer.current_gradient_accumulation_steps = 1  # set by train(), which is not called here
    return trainer


if __name__ == "__main__":
    main()

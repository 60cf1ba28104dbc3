"""Online DPO as rounds: sample from the policy, score, pair, train, repeat; one optimization over all rounds.

A round leaves two things on disk, each whole or absent: `pairs.json` (what it is to train on) and `state/` (weights,
optimizer, schedule after training on it). A killed run starts again from the last of them, to the same weights:
sampling is seeded by row, training by round.

TRL's online trainer is not used: it is experimental, fixed at two samples, multiplies gradients by the accumulation
steps and trains on ties (docs/paper_index.md).
"""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from accelerate import PartialState
from accelerate.utils import gather_object
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from align.core import tables
from align.core.errors import StageFailed
from align.core.plugins import Completion, Reward, Sampling
from align.core.rows import Prompt
from align.core.stage import Run
from align.generate.chat import encode_prompt
from align.generate.hf import Engine
from align.train.bridge import Carry, Extras, build, unpatch
from align.train.pairs import Pair, best_against_worst

SHOWN = 3
"""Pairs of each round that are written out as text, for a person to read."""


@dataclass
class Rounds:
    """The loop and what it needs. Built by the stage; all knobs are the stage's fields."""

    run: Run
    model: Any
    reference: Any
    tokenizer: Any
    prompts: list[Prompt]
    reward: Reward
    sampling: Sampling
    prompts_per_round: int
    rounds: int
    arguments: dict[str, Any]
    optimizer: Any
    carry: Carry
    choose: dict[str, Any]
    """Keyword arguments of `best_against_worst`."""
    max_length: int
    """Longest prompt with completion, in tokens."""
    batch_size: int
    sampler_dtype: str | None

    def loop(self) -> list[dict[str, Any]]:
        """Work through the rounds that are not done; return the figures of all of them.

        Raises:
            StageFailed: weights are to be sharded; rounds sample from whole weights.
        """
        self.state = PartialState(cpu=not torch.accelerator.is_available())
        if str(self.state.distributed_type) in ("DistributedType.FSDP", "DistributedType.DEEPSPEED"):
            raise StageFailed(self.run.name, "online_dpo runs on one device or under plain data parallelism (DDP) so far")
        self.model.to(self.state.device)
        figures = []
        for index in range(self.rounds):
            folder = self.run.folder / "rounds" / f"{index:03d}"
            if (folder / "done.json").exists():
                figures.append(json.loads((folder / "done.json").read_text()))
                if not (folder.parent / f"{index + 1:03d}" / "done.json").exists():
                    self._restore(folder)
                continue
            folder.mkdir(parents=True, exist_ok=True)
            figures.append(self._round(index, folder))
        return figures

    def _round(self, index: int, folder: Path) -> dict[str, Any]:
        started = time.monotonic()
        if not (folder / "pairs.json").exists():
            collected = self._collect(index)
            if self.state.is_main_process:
                tables.replace(folder / "pairs.json", json.dumps(collected))
        self.state.wait_for_everyone()
        held = json.loads((folder / "pairs.json").read_text())
        sampled = time.monotonic()
        figures = {"round": index, **held["figures"]}
        if held["pairs"]:
            figures |= self._train(index, held["pairs"])
        figures["seconds"] = {**held["seconds"], "training": round(time.monotonic() - sampled, 2)}
        if self.state.is_main_process:
            self._save(folder)
            tables.replace(folder / "done.json", json.dumps(figures))
            if index:
                shutil.rmtree(folder.parent / f"{index - 1:03d}" / "state", ignore_errors=True)
        self.state.wait_for_everyone()
        self.run.log.info("%-12s round %d of %d: %s", self.run.name, index + 1, self.rounds, _line(figures, started))
        return figures

    # -- sampling and scoring -------------------------------------------------------------------------------------

    def _collect(self, index: int) -> dict[str, Any]:
        """Sample and score this process's share of the round's prompts; return the pairs of all processes."""
        started = time.monotonic()
        prompts = self.prompts_of(index)
        mine = prompts[self.state.process_index :: self.state.num_processes]
        ids = [encode_prompt(self.tokenizer, prompt.messages) for prompt in mine]
        samples = self._sample(index, mine, ids)
        sampled = time.monotonic()
        texts = [[s.text for s in group] for group in samples]
        rewards = [[s.value for s in scores] for scores in asyncio.run(self.reward.score_many(mine, texts))]
        seconds = {"sampling": round(sampled - started, 2), "scoring": round(time.monotonic() - sampled, 2)}
        groups = gather_object(list(zip(mine, ids, samples, rewards, strict=True)))
        pairs, shown, chosen = [], [], []
        for prompt, prompt_ids, group, values in groups:
            pair = best_against_worst(group, values, max_tokens=self.max_length - len(prompt_ids), **self.choose)
            chosen.append(pair)
            if isinstance(pair, Pair):
                best, worst = group[pair.chosen], group[pair.rejected]
                columns = {"prompt_ids": prompt_ids, "chosen_ids": best.token_ids, "rejected_ids": worst.token_ids}
                pairs.append({"id": prompt.id, **columns})
                shown.append({"prompt": prompt.messages[-1]["content"], "chosen": best.text, "rejected": worst.text})
        figures = _figures([g[2] for g in groups], [g[3] for g in groups], chosen)
        return {"pairs": pairs, "figures": figures, "samples": shown[:SHOWN], "seconds": seconds}

    def prompts_of(self, index: int) -> list[Prompt]:
        """Return the prompts of a round: passes over a fixed shuffle, so every prompt comes equally often."""
        positions = range(index * self.prompts_per_round, (index + 1) * self.prompts_per_round)
        count = len(self.prompts)
        laps = {lap: self._shuffled(lap) for lap in {position // count for position in positions}}
        return [laps[position // count][position % count] for position in positions]

    def _shuffled(self, lap: int) -> list[Prompt]:
        order = list(self.prompts)
        random.Random(self.run.seed("prompts", lap)).shuffle(order)
        return order

    def _sample(self, index: int, prompts: Sequence[Prompt], ids: list[list[int]]) -> list[list[Completion]]:
        engine = Engine(sampler_copy(self.model, self.sampler_dtype), self.tokenizer, self.batch_size)

        async def all_of_them() -> list[list[Completion]]:
            jobs = []
            for prompt, prompt_ids in zip(prompts, ids, strict=True):
                seeded = self.sampling.model_copy(update={"seed": self.run.seed("round", index, prompt.id)})
                jobs.append(engine.generate(prompt_ids, seeded))
            return list(await asyncio.gather(*jobs))

        return asyncio.run(all_of_them())

    # -- training -------------------------------------------------------------------------------------------------

    def _train(self, index: int, pairs: list[dict[str, Any]]) -> dict[str, Any]:
        rows = [{k: pair[k] for k in ("prompt_ids", "chosen_ids", "rejected_ids")} for pair in pairs]
        seed = self.run.seed("round", index)
        arguments = self.arguments | {"seed": seed, "data_seed": seed, "save_strategy": "no"}
        extras = Extras(self.run, self.optimizer, self.carry)
        trainer = build("dpo", extras, self.model, self.tokenizer, rows, arguments, ref_model=self.reference)
        result = trainer.train()
        trainer.stop_if_broken()
        self.carry.optimizer = getattr(trainer.optimizer, "optimizer", trainer.optimizer)
        self.carry.state = {"optimizer": self.carry.optimizer.state_dict(), "scheduler": trainer.lr_scheduler.state_dict()}
        self.model = trainer.accelerator.unwrap_model(trainer.model)
        last = next((log for log in reversed(trainer.state.log_history) if "rewards/margins" in log), {})
        unpatch(self.model)
        unpatch(self.reference)
        names = {"rewards/accuracies": "accuracy", "rewards/margins": "dpo margin", "grad_norm": "grad_norm"}
        figures = {ours: round(float(last[theirs]), 4) for theirs, ours in names.items() if theirs in last}
        return {"steps": trainer.state.global_step, "loss": round(result.training_loss, 4), **figures}

    # -- state ----------------------------------------------------------------------------------------------------

    def _save(self, folder: Path) -> None:
        state = folder / "state"
        shutil.rmtree(state, ignore_errors=True)
        state.mkdir()
        trained = {n: p.detach().contiguous().clone() for n, p in self.model.named_parameters() if p.requires_grad}
        save_file(trained, state / "trained.safetensors")
        torch.save(self.carry.state, state / "optimizer.pt")

    def _restore(self, folder: Path) -> None:
        state = folder / "state"
        trained = load_file(state / "trained.safetensors")
        with torch.no_grad():
            for name, parameter in self.model.named_parameters():
                if name in trained:
                    parameter.copy_(trained.pop(name))
        if trained:
            raise ValueError(f"{state} holds weights that the model lacks: {', '.join(sorted(trained)[:5])}")
        self.carry.state = torch.load(state / "optimizer.pt", weights_only=True, map_location="cpu")
        self.run.log.info("%-12s resuming after round %d", self.run.name, int(folder.name) + 1)


def sampler_copy(model: Any, dtype: str | None) -> Any:
    """Return a model to decode with that has this model's weights; the model itself where no copy is needed.

    Decoding through a PEFT wrapper is 4 times slower (measured, docs/paper_index.md), so LoRA is merged into a copy.
    """
    if not isinstance(model, PeftModel) and dtype in (None, str(model.dtype).removeprefix("torch.")):
        return model
    target = getattr(torch, dtype) if dtype else model.dtype
    if not isinstance(model, PeftModel):
        weights = model.state_dict()
    else:
        model.merge_adapter()
        weights = {
            n.replace("base_model.model.", "", 1).replace(".base_layer", ""): t.detach().clone()
            for n, t in model.state_dict().items()
            if "lora_" not in n
        }
        model.unmerge_adapter()
    inner = model.get_base_model() if isinstance(model, PeftModel) else model
    copy = AutoModelForCausalLM.from_config(inner.config, dtype=target)
    missing, unexpected = copy.load_state_dict({n: t.to(target) for n, t in weights.items()}, strict=False)
    if unexpected or set(missing) - ({"lm_head.weight"} if inner.config.tie_word_embeddings else set()):
        raise ValueError(f"the sampler's copy does not fit the policy: missing {missing}, unexpected {unexpected}")
    copy.generation_config = inner.generation_config
    return copy.to(model.device).eval().requires_grad_(False)


def _figures(samples: list[list[Completion]], rewards: list[list[float]], chosen: list[Pair | str]) -> dict[str, Any]:
    """Return what a round's samples looked like, before anything was trained on them."""
    flat = [s for group in samples for s in group]
    return {
        "prompts": len(samples),
        "pairs": sum(isinstance(pair, Pair) for pair in chosen),
        "filtered": dict(Counter(pair for pair in chosen if isinstance(pair, str))),
        "reward": {
            "best": round(fmean(max(r) for r in rewards), 4),
            "mean": round(fmean(fmean(r) for r in rewards), 4),
            "worst": round(fmean(min(r) for r in rewards), 4),
        },
        "tokens": round(fmean(len(s.token_ids or ()) for s in flat), 1),
        "truncated": round(fmean(s.finish_reason == "length" for s in flat), 4),
    }


def _line(figures: dict[str, Any], started: float) -> str:
    reward, total = figures["reward"], time.monotonic() - started
    filtered = ", ".join(f"{n} {why}" for why, n in figures["filtered"].items())
    shares = {k: f"{v / max(total, 1e-9):.0%}" for k, v in figures["seconds"].items()}
    parts = [f"{figures['pairs']}/{figures['prompts']} pairs" + (f" ({filtered})" if filtered else "")]
    parts.append(f"reward {reward['worst']:.3g} < {reward['mean']:.3g} < {reward['best']:.3g}")
    parts.append(f"{figures['tokens']:.0f} tokens")
    parts += [f"loss {figures['loss']:.3f}"] if "loss" in figures else []
    return ", ".join([*parts, " ".join(f"{k} {v}" for k, v in shares.items())])

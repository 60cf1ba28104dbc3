"""Online DPO in rounds: sample from the policy, score, pair, train, repeat. All rounds are one optimization.

A round writes two things, each complete or absent: `pairs.json` (the pairs to train on) and `state/`
(weights, optimizer and schedule after training on them). A killed run continues from the last of them and
ends with the same weights, because sampling is seeded by row and training by round.

The reference model computes log-probabilities once a round, for the chosen pairs. They are stored with the
pairs, so training never runs the reference. Policy and reference also compute the log-probability of the
first sample of every prompt; the difference is the logged KL.

TRL's online trainer is not used: it is experimental, fixed at two samples, multiplies gradients by the
accumulation steps, and trains on ties (docs/paper_index.md).
"""

from __future__ import annotations

import asyncio
import json
import math
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from accelerate import PartialState
from accelerate.utils import gather_object
from safetensors.torch import load_file, save_file

from align.core import tables
from align.core.errors import StageFailed
from align.core.plugins import Completion, Sampling, Score, score_each
from align.core.rows import Prompt
from align.core.stage import Run
from align.generate.calls.log import Usage
from align.generate.calls.session import Session
from align.models.chat import Chat
from align.train.bridge import Carry, Extras, build, unpatch
from align.train.logprobs import think
from align.train.parallel import precision
from align.train.samplers.policy import PolicySampler, agreement, difference, distrust

SHOWN = 3
"""Number of prompts in each round whose samples are written out as text, for a person to read.

Prompts that gave a pair come first.
"""
FRUITLESS = 5
"""Number of successive rounds without a pair after which a stage with `max_steps` fails."""


@dataclass
class Rounds:
    """The loop over rounds and its state. The stage builds it, and the stage's fields are its settings."""

    run: Run
    stage: Any
    """The `OnlineDPO` stage, whose fields are read here."""
    model: Any
    reference: Any
    """None: the reference is the policy with its adapter switched off."""
    chat: Chat
    prompts: list[Prompt]
    prompt_ids: dict[str, list[int]]
    """Token ids of each prompt, by the prompt's id; sampling, training and scoring use the same ids."""
    prompts_per_round: int
    carry: Carry
    session: Session
    """The generators that the reward may ask."""
    sampler: PolicySampler

    def loop(self) -> list[dict[str, Any]]:
        """Work through the rounds that are not done; return the figures of all rounds."""
        self.state = PartialState(cpu=not torch.accelerator.is_available())
        self.model.to(self.state.device)
        figures: list[dict[str, Any]] = []
        while not self._enough(figures):
            index = len(figures)
            folder = self.run.folder / "rounds" / f"{index:03d}"
            if (folder / "done.json").exists():
                figures.append(json.loads((folder / "done.json").read_text()))
                if not (folder.parent / f"{index + 1:03d}" / "done.json").exists():
                    self._restore(folder)
                continue
            folder.mkdir(parents=True, exist_ok=True)
            figures.append(self._round(index, folder, figures))
        return figures

    def _enough(self, figures: list[dict[str, Any]]) -> bool:
        """Return whether all rounds, or all steps, that were asked for are done."""
        if self.stage.max_steps == -1:
            return len(figures) >= self.stage.rounds
        if len(figures) >= FRUITLESS and not any(f["pairs"] for f in figures[-FRUITLESS:]):
            cause = (
                f"{FRUITLESS} rounds in a row gave no pair to train on ({figures[-1]['dropped']} in the last)"
            )
            raise StageFailed(self.run.name, cause, self.run.log_file)
        return _steps(figures) >= self.stage.max_steps

    def _round(self, index: int, folder: Path, before: list[dict[str, Any]]) -> dict[str, Any]:
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
            figures |= self._train(index, held["pairs"], before)
        figures["seconds"] = {**held["seconds"], "training": round(time.monotonic() - sampled, 2)}
        if self.state.is_main_process:
            self._save(folder)
            tables.replace(folder / "done.json", json.dumps(figures))
            if index:
                shutil.rmtree(folder.parent / f"{index - 1:03d}" / "state", ignore_errors=True)
        self.state.wait_for_everyone()
        of = f" of {self.stage.rounds}" if self.stage.max_steps == -1 else ""
        self.run.log.info("%-12s round %d%s: %s", self.run.name, index + 1, of, _summary(figures, started))
        return figures

    # -- sampling and scoring --------------------------------------------------------------------------------

    def _collect(self, index: int) -> dict[str, Any]:
        """Sample and score this process's share of the round's prompts; return the pairs of all processes."""
        started = time.monotonic()
        prompts = self.prompts_of(index)
        mine = prompts[self.state.process_index :: self.state.num_processes]
        ids = [self.prompt_ids[prompt.id] for prompt in mine]
        samples = self._sample(index, mine, ids)
        sampled = time.monotonic()
        texts = [[s.text for s in group] for group in samples]
        scores = asyncio.run(self._score(mine, texts))
        found = [self._pair(*each) for each in zip(mine, ids, samples, scores, strict=True)]
        self._ask_reference(found)
        seconds = {"sampling": round(sampled - started, 2), "scoring": round(time.monotonic() - sampled, 2)}
        found = self._gathered(found, len(prompts))
        figures = _figures(found)
        if "sampler" in figures and (why := distrust(figures["sampler"])):
            raise StageFailed(self.run.name, f"round {index + 1}: {why}", self.run.log_file)
        pairs = [each["pair"] for each in found if "pair" in each]
        # prompts that gave a pair come first
        shown = sorted(found, key=lambda each: "pair" not in each)[:SHOWN]
        return {
            "pairs": pairs,
            "figures": figures,
            "samples": [each["shown"] for each in shown],
            "seconds": seconds,
        }

    def _gathered(self, found: list[dict[str, Any]], prompts: int) -> list[dict[str, Any]]:
        """Return the results of all processes, in the order in which one process would have them."""
        count = self.state.num_processes
        places = [i for process in range(count) for i in range(process, prompts, count)]
        by_place = dict(zip(places, gather_object(found), strict=True))
        return [by_place[i] for i in range(prompts)]

    async def _score(self, prompts: list[Prompt], texts: list[list[str]]) -> list[list[Score]]:
        try:
            return await score_each(self.stage.reward, prompts, texts)
        finally:
            await self.session.aclose()  # the next round has its own event loop

    def asked(self) -> Usage:
        """Return the cost of the reward's questions to generators in this run, summed over all processes."""
        return sum(gather_object([self.session.usage]), Usage())

    def _pair(
        self, prompt: Prompt, ids: list[int], samples: list[Completion], scores: list[Score]
    ) -> dict[str, Any]:
        """Return the pair made of one prompt's samples, or why there is none, and the samples' figures."""
        stage, asked = self.stage, prompt.messages[-1]["content"]
        judged = [(s, score.value) for s, score in zip(samples, scores, strict=True) if score.graded]
        rewards = [value - stage.length_penalty * len(s.text) for s, value in judged]
        try:
            chosen = stage.pair([s for s, _ in judged], rewards, stage.max_length - len(ids))
        except ValueError as error:
            cause = f"{error} of the prompt {asked[:200]!r}, so no pair can be made of it; correct the reward"
            raise StageFailed(self.run.name, cause, self.run.log_file) from None
        found: dict[str, Any] = {
            "rewards": rewards,
            "ungraded": len(samples) - len(judged),
            "lacks": [score.lacks for score in scores if score.lacks],
            "forgeable": sum(score.forgeable for score in scores),
            "tokens": [len(s.token_ids or ()) for s in samples],
            "truncated": [not s.whole for s in samples],
            "first": (ids, samples[0].token_ids),
            "reported": samples[0].logprobs,
        }
        if isinstance(chosen, str):
            return found | {
                "dropped": chosen,
                "shown": {"prompt": asked, "no pair": chosen, "sample": samples[0].text},
            }
        best, worst = judged[chosen.chosen][0], judged[chosen.rejected][0]
        pair = {
            "id": prompt.id,
            "prompt_ids": ids,
            "chosen_ids": best.token_ids,
            "rejected_ids": worst.token_ids,
        }
        shown = {"prompt": asked, "chosen": best.text, "rejected": worst.text}
        return found | {"pair": pair, "margin": chosen.margin, "shown": shown}

    def _ask_reference(self, found: list[dict[str, Any]]) -> None:
        """Add the reference's log-probabilities to the pairs, and KL and entropy to the figures."""
        firsts = [each.pop("first") for each in found]
        pairs = [each["pair"] for each in found if "pair" in each]
        sides = [
            (pair["prompt_ids"], pair[f"{side}_ids"]) for pair in pairs for side in ("chosen", "rejected")
        ]
        compute = precision(bf16=self.stage.bf16)
        with self._reference_on_device() as reference:
            thoughts = think(reference, firsts + sides, compute)
        own_thoughts = think(self.model, firsts, compute)
        for each, own, other in zip(found, own_thoughts, thoughts[: len(firsts)], strict=True):
            each |= {"kl": own.logp - other.logp, "entropy": own.entropy}
            if (reported := each.pop("reported")) is not None:
                each["apart"] = difference(reported, own.token_logps)
        of_sides = iter(thoughts[len(firsts) :])
        # with ld_alpha, TRL needs sums over parts of an answer, and computes them itself
        for pair in pairs if "ld_alpha" not in self.stage.training_args else ():
            pair |= {"ref_chosen_logps": next(of_sides).logp, "ref_rejected_logps": next(of_sides).logp}

    @contextmanager
    def _reference_on_device(self) -> Iterator[Any]:
        """Yield the reference on the device; afterwards move it back to the host's memory."""
        if self.reference is None:
            with self.model.disable_adapter():
                yield self.model
        else:
            yield self.reference.to(self.state.device)
            self.reference.to("cpu")

    def prompts_of(self, index: int) -> list[Prompt]:
        """Return the prompts of a round, from shuffled passes over all prompts: each comes equally often."""
        positions = range(index * self.prompts_per_round, (index + 1) * self.prompts_per_round)
        count = len(self.prompts)
        laps = {lap: self._shuffled(lap) for lap in {position // count for position in positions}}
        return [laps[position // count][position % count] for position in positions]

    def _shuffled(self, lap: int) -> list[Prompt]:
        order = list(self.prompts)
        random.Random(self.run.seed("prompts", lap)).shuffle(order)
        return order

    def _sample(self, index: int, prompts: Sequence[Prompt], ids: list[list[int]]) -> list[list[Completion]]:
        stage = self.stage
        self.sampler.sync(self.model)
        sampling = Sampling(
            n=stage.samples, temperature=stage.temperature, max_new_tokens=stage.max_new_tokens
        )
        seeds = [self.run.seed("round", index, prompt.id) for prompt in prompts]
        return self.sampler.sample(ids, [sampling.model_copy(update={"seed": seed}) for seed in seeds])

    # -- training --------------------------------------------------------------------------------------------

    def _plan(self, pairs: int, before: list[dict[str, Any]]) -> tuple[int, int]:
        """Return how many steps this round takes, and how many all rounds will probably take.

        Rounds yield fewer pairs than they have prompts, and fewer as the policy learns. The coming rounds are
        assumed to take as many steps as the rounds so far did on average. So the plan of the last round is
        exact.
        """
        stage, done = self.stage, _steps(before)
        now = stage.steps_of(pairs)
        if stage.max_steps != -1:
            return min(now, stage.max_steps - done), stage.max_steps
        rounds = len(before) + 1
        return now, done + now + round((stage.rounds - rounds) * (done + now) / rounds)

    def _train(self, index: int, pairs: list[dict[str, Any]], before: list[dict[str, Any]]) -> dict[str, Any]:
        rows = [{k: v for k, v in pair.items() if k != "id"} for pair in pairs]
        seed = self.run.seed("round", index)
        arguments = self.stage.arguments(self.run) | {"seed": seed, "data_seed": seed, "save_strategy": "no"}
        now, self.carry.total_steps = self._plan(len(pairs), before)
        if self.stage.max_steps != -1:
            arguments["max_steps"] = now
        extras = Extras(self.run, self.stage.optimizer, self.carry, before=_steps(before))
        trainer = build(
            "dpo", extras, self.model, self.chat.tokenizer, rows, arguments, ref_model=self.reference
        )
        if self.reference is None:
            # TRL's copy of the present adapter; our reference is the model without one
            self.model.delete_adapter("ref")
        elif trainer.precompute_ref_logps:
            # TRL has moved it to the device, where training does not need it
            trainer.ref_model = self.reference.to("cpu")
        result = trainer.train()
        trainer.stop_if_broken()
        self.carry.optimizer = trainer.bare_optimizer
        self.carry.state = {
            "optimizer": trainer.bare_optimizer.state_dict(),
            "scheduler": trainer.lr_scheduler.state_dict(),
        }
        self.model = trainer.accelerator.unwrap_model(trainer.model)
        last = next((log for log in reversed(trainer.state.log_history) if "rewards/margins" in log), {})
        unpatch(self.model)
        if self.reference is not None:
            unpatch(self.reference)
        self._follow()
        names = {"rewards/accuracies": "accuracy", "rewards/margins": "dpo margin", "grad_norm": "grad_norm"}
        figures = {ours: round(float(last[theirs]), 4) for theirs, ours in names.items() if theirs in last}
        taken = {"steps": trainer.state.global_step, "planned_steps": self.carry.total_steps}
        return taken | {"loss": round(result.training_loss, 4), **figures}

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the reference towards the policy by a share: 0 for `fixed`, 1 for `previous`."""
        share = {"fixed": 0.0, "previous": 1.0, "ema": self.stage.reference_mixup}[self.stage.reference_sync]
        if share:
            policy = dict(self.model.named_parameters())
            for name, parameter in self.reference.named_parameters():
                parameter.lerp_(policy[name].to(parameter), share)

    # -- state -----------------------------------------------------------------------------------------------

    def _save(self, folder: Path) -> None:
        state = folder / "state"
        shutil.rmtree(state, ignore_errors=True)
        state.mkdir()
        trained = {
            n: p.detach().cpu().contiguous() for n, p in self.model.named_parameters() if p.requires_grad
        }
        save_file(trained, state / "trained.safetensors")
        if self.stage.reference_sync == "ema":
            save_file(
                {n: p.contiguous() for n, p in self.reference.named_parameters()},
                state / "reference.safetensors",
            )
        torch.save(self.carry.state, state / "optimizer.pt")

    def _restore(self, folder: Path) -> None:
        state = folder / "state"
        _load(self.model, state / "trained.safetensors")
        if self.stage.reference_sync == "ema":
            _load(self.reference, state / "reference.safetensors")
        elif self.stage.reference_sync == "previous":
            _load(self.reference, state / "trained.safetensors")
        self.carry.state = torch.load(state / "optimizer.pt", weights_only=True, map_location="cpu")
        self.run.log.info("%-12s resuming after round %d", self.run.name, int(folder.name) + 1)


def _load(model: Any, file: Path) -> None:
    """Set a model's parameters to those that a file holds."""
    weights = load_file(file)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name in weights:
                parameter.copy_(weights.pop(name))
    if weights:
        raise ValueError(f"{file} holds weights that the model lacks: {', '.join(sorted(weights)[:5])}")


def _steps(figures: list[dict[str, Any]]) -> int:
    return sum(f.get("steps", 0) for f in figures)


def _figures(found: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the figures of a round's samples, before anything is trained on them."""
    margins, dropped, apart = (_values_of(found, key) for key in ("margin", "dropped", "apart"))

    def mean(key: str, of: Callable[[list[float]], float] = fmean, digits: int = 4) -> float:
        return round(fmean([of(each[key]) for each in found if each[key]] or [math.nan]), digits)

    ungraded, forgeable = (sum(each[key] for each in found) for key in ("ungraded", "forgeable"))
    lacks = Counter(lacked for each in found for lacked in each["lacks"])
    return {
        "prompts": len(found),
        "pairs": len(margins),
        "dropped": dict(Counter(dropped)),
        "reward": {"best": mean("rewards", max), "mean": mean("rewards"), "worst": mean("rewards", min)},
        "margin": round(fmean(margins), 4) if margins else None,
        "kl": round(fmean(each["kl"] for each in found), 4),
        "entropy": round(fmean(each["entropy"] for each in found), 4),
        "tokens": mean("tokens", digits=1),
        "truncated": mean("truncated"),
        **_nonzero({"ungraded": ungraded, "not judged without": dict(lacks), "forgeable": forgeable}),
        **({"sampler": agreement(apart)} if apart else {}),
    }


def _nonzero(figures: dict[str, Any]) -> dict[str, Any]:
    """Return the figures that are neither zero nor empty."""
    return {name: value for name, value in figures.items() if value}


def _values_of(found: list[dict[str, Any]], key: str) -> list[Any]:
    """Return one figure of each prompt that has it."""
    return [each[key] for each in found if key in each]


def _summary(figures: dict[str, Any], started: float) -> str:
    reward, total = figures["reward"], time.monotonic() - started
    dropped = ", ".join(f"{n} {why}" for why, n in figures["dropped"].items())
    shares = {k: f"{v / max(total, 1e-9):.0%}" for k, v in figures["seconds"].items()}
    parts = [f"{figures['pairs']}/{figures['prompts']} pairs" + (f" ({dropped})" if dropped else "")]
    parts.append(f"reward {reward['worst']:.3g} < {reward['mean']:.3g} < {reward['best']:.3g}")
    parts.append(f"{figures['tokens']:.0f} tokens, KL {figures['kl']:.3g}, entropy {figures['entropy']:.3g}")
    parts += [f"sampler {figures['sampler']['absolute']:.2g} nats off"] if "sampler" in figures else []
    parts += (
        [f"{figures['steps']} of about {figures['planned_steps']} steps, loss {figures['loss']:.3f}"]
        if "loss" in figures
        else []
    )
    return ", ".join([*parts, " ".join(f"{k} {v}" for k, v in shares.items())])

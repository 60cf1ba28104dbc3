"""Online DPO: train on pairs from the present policy, round by round (Qwen2 report 4.3, without settings).

Each round samples N answers to every prompt, ranks them by reward, pairs the best with the worst, filters the
pairs, and trains on them; see `align.train.rounds`. With `optimizer: {kind: online_merging, ...}` every step
is merged with the change that fine-tuning made, which is how Qwen2 limits the alignment tax.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from align.core.errors import StageFailed
from align.core.plugins import Completion, Reward, Sampler
from align.core.rows import Prompt
from align.core.stage import Run
from align.core.wiring import Ref
from align.generate.calls.log import Usage
from align.generate.calls.session import Session
from align.models import checkpoints
from align.stages.contamination import without_test_items
from align.stages.dpo import PreferenceStage
from align.train.optimizers import AdamWConfig, OnlineMergingConfig
from align.train.samplers.kinds import TransformersSampler
from data_synthesis.pairing import Pair, best_against_worst


class OnlineDPO(PreferenceStage):
    """Train on pairs sampled from the model being trained."""

    # 2: schedule and alpha_total are planned by the pairs that rounds yield. 3: rounds say `dropped`
    version: ClassVar[str] = "3"
    unread: ClassVar[dict[str, str]] = PreferenceStage.unread | {
        "dataloader_drop_last": (
            "a round may give fewer pairs than a batch holds, and would then have nothing to train on"
        )
    }

    prompts: Annotated[str, Ref("prompts")]
    """Prompts that the policy answers."""
    reward: Reward
    """Ranks the samples: `reward_model`, a verifier, a `judge`, a `mixture` of them, or your own."""
    samples: int = Field(default=8, ge=2)
    """Answers to each prompt. 8 in RLHFlow's code and Qwen2.5's online stage."""
    temperature: float = Field(default=1.0, gt=0)
    """Temperature of sampling. 1.0 samples from the policy's own distribution (RLHFlow)."""
    max_new_tokens: int = Field(default=512, ge=1)
    """Longest answer in tokens; an answer that is cut there is never trained on."""
    rounds: int = Field(default=3, ge=1)
    """Number of rounds of sampling and training. RLHFlow: 3."""
    max_steps: int = Field(default=-1, ge=-1)
    """Instead of `rounds`: go on until this many optimizer steps are taken; needs `prompts_per_round`."""
    prompts_per_round: int | None = Field(default=None, ge=1)
    """Prompts in each round; left out, an equal share of all prompts (a remainder is not used). As many as
    one batch is fully online; more is faster, and sampling every 10 steps loses little against every step
    (Lanchantin et al. 2025, arXiv 2506.21495, Table 2)."""
    min_margin: float = Field(default=0.0, ge=0)
    """Pairs whose rewards differ by no more than this are dropped; ties are always dropped."""
    max_length_ratio: float | None = Field(default=None, gt=1)
    """Pairs whose lengths differ by more than this factor are dropped; left out, any lengths are allowed."""
    length_penalty: float = Field(default=0.0, ge=0)
    """Subtracted from the reward for every character of an answer. In RLHFlow, 0.001 shortened answers from
    656 to 382 tokens on average, with a better AlpacaEval 2 (length-controlled) and a worse Arena-Hard (arXiv
    2405.07863, section 4)."""
    reference_sync: Literal["fixed", "previous", "ema"] = "fixed"
    """The reference of the loss after the first round: `fixed` keeps `reference` (the papers; online merging
    assumes it), `previous` is the policy at the beginning of the round (RLHFlow's code), `ema` moves towards
    the policy by `reference_mixup` after each round (TR-DPO, arXiv 2404.09656)."""
    reference_mixup: float = Field(default=0.6, gt=0, le=1)
    """Share of the policy's weights in each `ema` update of the reference. 0.6 is TRL's
    `ref_model_mixup_alpha`."""
    sampler: Sampler = TransformersSampler()
    """What draws the samples: `transformers` (this process), `vllm` or `vllm_server`. Where it is not the
    policy itself, every round checks that it has the policy's weights."""
    lr_scheduler_type: str = "constant"
    """Schedule of the learning rate over all rounds together."""
    warmup_ratio: float = Field(default=0.0, ge=0, lt=1)
    """Share of all rounds' steps over which the learning rate rises from 0."""

    def problems(self, folder: Path) -> Iterable[tuple[str, str]]:
        """Refuse fields that contradict each other, or that need another field."""
        yield from super().problems(folder)
        if self.max_steps != -1 and self.prompts_per_round is None:
            yield "max_steps", "needs prompts_per_round, the number of prompts to sample from in each round"
        if self.max_steps != -1 and "rounds" in self.model_fields_set:
            yield "rounds", "max_steps decides how long online_dpo trains; leave one of the two out"
        if self.reference_sync != "fixed" and self.lora:
            yield (
                "reference_sync",
                "the reference cannot follow a policy that is an adapter; leave it fixed, or lora out",
            )
        if self.reference_sync != "fixed" and isinstance(self.optimizer, OnlineMergingConfig):
            yield "reference_sync", "online_merging pulls towards a fixed reference; leave reference_sync out"
        if "reference_mixup" in self.model_fields_set and self.reference_sync != "ema":
            yield "reference_mixup", f"needs reference_sync: ema, and it is {self.reference_sync}"
        if isinstance(self.optimizer, AdamWConfig) and self.optimizer.ema is not None:
            yield "optimizer.ema", "online_dpo samples from the weights that it trains; leave ema out"

    def not_sharded(self) -> str | None:
        """Return why sharded weights cannot be trained: rounds sample from whole weights."""
        where = "one device or under plain data parallelism (DDP)"
        return f"online_dpo runs on {where} so far: rounds sample from whole weights"

    def pair(self, samples: Sequence[Completion], rewards: Sequence[float], most: int) -> Pair | str:
        """Return the pair of one prompt's samples, or why there is none.

        `most` is the length in tokens of the longest answer that fits.
        """
        margin, ratio = self.min_margin, self.max_length_ratio
        return best_against_worst(
            samples, rewards, min_margin=margin, max_length_ratio=ratio, max_tokens=most
        )

    def run(self, run: Run) -> None:
        """Run the rounds, and publish the model."""
        # torch is loaded only when a stage runs
        from align.models.adapters import continue_lora  # noqa: PLC0415
        from align.train import encode, policy  # noqa: PLC0415
        from align.train.bridge import Carry  # noqa: PLC0415
        from align.train.rounds import Rounds  # noqa: PLC0415

        self.begin(run)
        start = run.locate(self.model)
        chat = self.load_chat(run)
        rows = without_test_items(run, run.rows(self.prompts, "prompts"), self.decontaminate)
        kept = encode.encode(run, chat, rows, encode.asked, self.max_length, self.strict)
        prompts = [row for row, _ in kept if isinstance(row, Prompt)]
        per_round = min(self.prompts_per_round or max(1, len(prompts) // self.rounds), len(prompts))
        with ExitStack() as ends:
            session = Session(run, f"rank{os.environ.get('RANK', '0')}")
            ends.callback(session.stop)
            session.start_reward(self.reward)
            sampler = self.sampler.build(chat, run)
            ends.callback(sampler.close)
            model = checkpoints.causal_lm(start, self.dtype, **self.loading())
            policy.refuse_foreign_ids(model, chat, [columns for _, columns in kept])
            reference = None if self.compares_with_start(run) else self.load_reference(run, chat)
            if reference is not None:
                policy.refuse_foreign_ids(reference, chat, [columns for _, columns in kept])
            if self.lora and self.lora.adapter:
                model = continue_lora(model, run.locate(self.lora.adapter))
            else:
                model = policy.attach_lora(model, self.peft_config(model, "CAUSAL_LM"))
            rounds = Rounds(
                run=run,
                stage=self,
                model=model,
                reference=reference,
                chat=chat,
                prompts=prompts,
                prompt_ids={row.id: columns["prompt_ids"] for row, columns in kept},
                prompts_per_round=per_round,
                carry=Carry(),
                session=session,
                sampler=sampler,
            )
            figures = rounds.loop()
        if not any(f["pairs"] for f in figures):
            why = "; ".join(
                f"{n} {reason}"
                for reason, n in sum((Counter(f["dropped"]) for f in figures), Counter()).items()
            )
            cause = (
                f"no round gave a pair to train on ({why}); look at `align peek`, change the reward, "
                "temperature or max_new_tokens"
            )
            raise StageFailed(run.name, cause, run.log_file)
        self._publish(run, rounds, figures, chat)

    def steps_of(self, pairs: int) -> int:
        """Return the number of optimizer steps of a round with this many pairs."""
        devices = int(os.environ.get("WORLD_SIZE", "1"))
        batch = self.per_device_train_batch_size * self.gradient_accumulation_steps * devices
        return max(1, math.ceil(self.num_train_epochs * math.ceil(pairs / batch)))

    def _publish(self, run: Run, rounds: Any, figures: list[dict[str, Any]], chat: Any) -> None:
        from align.train import policy  # noqa: PLC0415

        asked = rounds.asked()
        if rounds.state.is_main_process:
            policy.publish_model(run, rounds.model, chat)
        run.report.steps = sum(f.get("steps", 0) for f in figures)
        run.report.samples = asdict(asked) if asked != Usage() else None
        run.report.figures |= {
            "rounds": figures,
            "pairs": sum(f["pairs"] for f in figures),
            "prompts": sum(f["prompts"] for f in figures),
            "planned after the first round": next(
                f["planned_steps"] for f in figures if "planned_steps" in f
            ),
            "reward": f"{figures[0]['reward']['mean']:.3g} -> {figures[-1]['reward']['mean']:.3g}",
        }

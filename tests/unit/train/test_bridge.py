"""What we rely on in TRL 1.16, and what we add to it. A new TRL that breaks one of these breaks a test, not a run."""

import json
import math

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from align import Recipe, Run, StageFailed
from align.core import log
from align.core.artifacts import RunFolder
from align.models import checkpoints
from align.models.chat import Chat
from align.models.tokenizers import load_chat
from align.stages.reward_model import RewardModelStage
from align.train import bridge, encode, policy
from align.train.bridge import Carry, Extras
from align.train.optimizers import AdamWConfig

RECIPE = """
name: t
base: ./model
stages:
  rows: {kind: load, path: rows.jsonl}
"""


@pytest.fixture
def run(tmp_path):
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    (tmp_path / "rows.jsonl").write_text('{"prompt": "a"}\n')
    loaded = Recipe.load(tmp_path / "recipe.yaml")
    runs = RunFolder(tmp_path / "run", loaded.folder)
    runs.path.mkdir()
    runs.record(loaded)
    return Run("rows", runs.begin("rows", loaded.recipe), loaded.recipe, runs, log.LOGGER)


@pytest.fixture
def model(tiny):
    return checkpoints.causal_lm(tiny, "float32")


@pytest.fixture(scope="module")
def tokenizer(tiny):
    return load_chat(tiny).tokenizer


def pairs(count):
    """Token columns of pairs with different lengths."""
    rows = []
    for i in range(count):
        prompt, chosen, rejected = [1, 302 + i % 7, 20 + i], [30 + i] * (2 + i % 3) + [2], [40 + i] * (1 + i % 4) + [2]
        rows.append({"prompt_ids": prompt, "chosen_ids": chosen, "rejected_ids": rejected})
    return rows


def arguments(run, **more):
    return {
        "output_dir": str(run.folder / "checkpoints"), "learning_rate": 1e-3, "lr_scheduler_type": "constant", "seed": 1,
        "data_seed": 1, "bf16": False, "gradient_checkpointing": False, "report_to": "none", "save_strategy": "no",
        "logging_steps": 1, "num_train_epochs": 1.0, "per_device_train_batch_size": 4, **more,
    }  # fmt: skip


def log_prob(model, prompt, completion):
    ids = torch.tensor([prompt + completion])
    with torch.no_grad():
        logits = model(ids).logits[0, :-1].log_softmax(-1)
    return logits.gather(-1, ids[0, 1:, None])[len(prompt) - 1 :, 0].sum()


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


@pytest.mark.parametrize("strategy", ["random", "group_by_length", "batch_rebalance", "sequential"])
def test_a_resumed_run_draws_the_rows_that_are_left(run, tiny, tokenizer, strategy):
    """Killed within an epoch and in the second, every way of drawing rows ends with the weights of a run that was not."""
    texts = [[5 + i, 9 + i % 11] * (1 + i % 7) for i in range(30)]
    rows = [{"input_ids": text, "labels": text} for text in texts]
    how = arguments(run, per_device_train_batch_size=2, gradient_accumulation_steps=2, num_train_epochs=2.0,
                    save_strategy="steps", save_steps=5, train_sampling_strategy=strategy,
                    dataloader_drop_last=True)  # fmt: skip
    ends = []
    for checkpoint in (None, "checkpoint-5", "checkpoint-10"):
        torch.manual_seed(3 if checkpoint is None else 4)
        trainer = bridge.build("sft", Extras(run), checkpoints.causal_lm(tiny, "float32"), tokenizer, rows, dict(how))
        trainer.args.save_total_limit = None
        resumed = checkpoint and str(run.folder / "checkpoints" / checkpoint)
        trainer.train(resume_from_checkpoint=resumed)
        ends.append(weights(trainer.model))
    assert ends[0].equal(ends[1])
    assert ends[0].equal(ends[2])


def test_the_dpo_loss_is_the_papers(run, model, tokenizer, tiny):
    rows = pairs(4)
    reference = checkpoints.causal_lm(tiny, "float32")
    with torch.no_grad():  # a reference that differs, or the loss would be log 2 whatever is computed
        for p in reference.parameters():
            p.add_(0.02 * torch.randn(p.shape, generator=torch.Generator().manual_seed(0)))
    margins = []
    for row in rows:
        ratios = [
            log_prob(model, row["prompt_ids"], row[side]) - log_prob(reference, row["prompt_ids"], row[side])
            for side in ("chosen_ids", "rejected_ids")
        ]
        margins.append(ratios[0] - ratios[1])
    expected = -torch.nn.functional.logsigmoid(0.3 * torch.stack(margins)).mean()
    trainer = bridge.build("dpo", Extras(run), model, tokenizer, rows, arguments(run, beta=0.3), ref_model=reference)
    trainer.train()
    first = next(entry for entry in trainer.state.log_history if "loss" in entry)
    assert first["loss"] == pytest.approx(float(expected), rel=1e-4)
    assert abs(first["loss"] - math.log(2)) > 1e-3


@pytest.mark.parametrize("kind", ["sft", "dpo"])
def test_accumulated_batches_train_like_one_batch(run, tiny, tokenizer, kind):
    trained = []
    for size, accumulated in ((8, 1), (2, 4)):
        model = checkpoints.causal_lm(tiny, "float32")
        rows = pairs(8)
        more = {}
        if kind == "sft":
            rows = [{"input_ids": r["prompt_ids"] + r["chosen_ids"], "labels": [-100] * 3 + r["chosen_ids"]} for r in rows]
        else:
            more = {"ref_model": checkpoints.causal_lm(tiny, "float32")}
        how = arguments(run, per_device_train_batch_size=size, gradient_accumulation_steps=accumulated, max_grad_norm=1e9)
        # plain SGD: Adam's first step is the learning rate times a sign, which would hide a wrong scale
        bridge.build(kind, Extras(run), model, tokenizer, rows, how | {"optim": "sgd", "learning_rate": 0.1}, **more).train()
        trained.append(weights(model))
    start = weights(checkpoints.causal_lm(tiny, "float32"))
    moved = (trained[0] - start).norm()
    assert moved > 0
    assert (trained[0] - trained[1]).norm() / moved < 1e-3


def test_only_labelled_tokens_are_learned(run, model, tokenizer):
    row = {"input_ids": [5, 6, 7, 8, 2], "labels": [-100, -100, 7, 8, 2]}
    expected = -log_prob(model, [5, 6], [7, 8, 2]) / 3
    trainer = bridge.build("sft", Extras(run), model, tokenizer, [row], arguments(run))
    trainer.train()
    assert trainer.state.log_history[0]["loss"] == pytest.approx(float(expected), rel=1e-4)


@pytest.mark.parametrize("kind", ["sft", "dpo"])
def test_a_loss_that_is_not_finite_stops_the_stage(run, model, tokenizer, tiny, kind):
    with torch.no_grad():
        model.model.norm.weight.fill_(float("nan"))
    rows, more = pairs(4), {"ref_model": checkpoints.causal_lm(tiny, "float32")}
    if kind == "sft":
        rows, more = [{"input_ids": [5, 6, 2], "labels": [-100, 6, 2]}], {}
    trainer = bridge.build(kind, Extras(run), model, tokenizer, rows, arguments(run), **more)
    with pytest.raises(StageFailed, match="loss was not finite at or before step 1"):
        trainer.train()


@pytest.mark.parametrize("kept", ["in memory", "on disk"])
def test_carried_rounds_are_one_optimization(run, tiny, tokenizer, tmp_path, kept):
    """Two calls of four rows with carried state end where one call of eight does, moments and schedule included."""
    rows, how = pairs(1) * 8, arguments(run, lr_scheduler_type="linear")  # equal rows: their order cannot matter
    reference = checkpoints.causal_lm(tiny, "float32")
    whole, parts = checkpoints.causal_lm(tiny, "float32"), checkpoints.causal_lm(tiny, "float32")
    bridge.build("dpo", Extras(run, AdamWConfig()), whole, tokenizer, rows, how, ref_model=reference).train()
    carry = Carry(total_steps=2)
    for half in (rows[:4], rows[4:]):
        bridge.unpatch(reference)
        trainer = bridge.build("dpo", Extras(run, AdamWConfig(), carry), parts, tokenizer, half, how, ref_model=reference)
        trainer.train()
        bridge.unpatch(parts)
        assert "forward" not in parts.__dict__
        optimizer = trainer.optimizer.optimizer
        carry.state = {"optimizer": optimizer.state_dict(), "scheduler": trainer.lr_scheduler.state_dict()}
        if kept == "in memory":
            carry.optimizer = optimizer
        else:
            torch.save(carry.state, tmp_path / "state.pt")
            carry.state = torch.load(tmp_path / "state.pt", weights_only=True)
    assert (weights(whole) - weights(parts)).abs().max() < 1e-6
    assert (weights(whole) - weights(checkpoints.causal_lm(tiny, "float32"))).abs().max() > 1e-4


def test_a_half_written_checkpoint_is_not_used(tmp_path):
    for step, whole in ((10, True), (20, True), (30, False)):
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        if whole:
            (folder / bridge.COMPLETE).touch()
    assert bridge.last_checkpoint(tmp_path) == str(tmp_path / "checkpoint-20")
    assert not (tmp_path / "checkpoint-30").exists()
    assert bridge.last_checkpoint(tmp_path / "nothing") is None


def test_rows_left_out_are_counted_or_refused(run, tokenizer):
    from align.core.rows import Demonstration

    good = Demonstration(id="1", prompt=[{"role": "user", "content": "Hi"}], completion="Yes.")
    long = Demonstration(id="2", prompt=[{"role": "user", "content": "word " * 80}], completion="Yes.")
    forged = Demonstration(id="3", prompt=[{"role": "user", "content": "Hi"}], completion="<|im_end|>")
    chat, how = Chat(tokenizer), encode.demonstration()
    kept = encode.encode(run, chat, [good, long, forged], how, 60, strict=False)
    assert len(kept) == 1
    assert run.report.dropped == {
        "longer than max_length = 60 tokens": 1,
        "control token '<|im_end|>' in the content of the assistant turn": 1,
    }
    dropped = [json.loads(line) for line in (run.folder / "dropped.jsonl").read_text().splitlines()]
    assert [(item["index"], item["id"]) for item in dropped] == [(1, "2"), (2, "3")]
    with pytest.raises(
        StageFailed, match=r"strict: true, and not everything can be trained on: 1 x longer.*\(row 1\); 1 x control"
    ):
        encode.encode(run, chat, [good, long, forged], how, 60, strict=True)
    with pytest.raises(StageFailed, match=r"no row is left to train on \(of 1\): 1 x longer"):
        encode.encode(run, chat, [long], how, 60, strict=False)


def test_a_new_head_is_drawn_from_the_runs_seed(run, tiny, tokenizer):
    stage = RewardModelStage(kind="reward_model", model="base", data=["rows"])
    heads = []
    for _ in range(2):
        torch.rand(7)  # whatever ran before in this process
        stage.begin(run)
        heads.append(policy.load_classifier(tiny, "float32", tokenizer.pad_token_id).score.weight)
    assert torch.equal(*heads)


def test_the_head_scores_trained_tokens_only_and_the_loss_is_the_same(run, model, tokenizer):
    rows = [{"input_ids": list(range(20, 60)), "labels": [-100] * 36 + list(range(56, 60))}] * 2
    trainer = bridge.build("sft", Extras(run), model, tokenizer, rows, arguments(run, per_device_train_batch_size=2))
    batch = trainer._prepare_inputs(next(iter(trainer.get_train_dataloader())))
    body = FlopCounterMode(display=False)
    with body:
        model.model(batch["input_ids"])
    with FlopCounterMode(display=False) as whole:
        loss = trainer.compute_loss(model, batch)
    per_token = 2 * model.config.hidden_size * model.config.vocab_size
    assert whole.get_total_flops() - body.get_total_flops() == 2 * 4 * per_token, "4 of 40 tokens a row are trained"
    expected = -log_prob(model, list(range(20, 56)), list(range(56, 60))) / 4
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)

"""Supervised fine-tuning: imitate the demonstrations. Only the assistant's turns are trained on.

Qwen2 (arXiv 2407.10671, 4.2): 2 epochs, learning rate 7e-6 decayed to 7e-7, weight decay 0.1, clipping at
1.0, sequences up to 32,768 tokens. Batch size, warm-up and packing are not published.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field, Strict

from align.core.stage import Run
from align.core.wiring import Ref
from align.models import checkpoints
from align.models.chat import Chat
from align.models.token_rows import TrainOn, token_rows
from align.stages.contamination import without_test_items
from align.stages.training import SMALL, DataSource, Watched, gather


class SFT(Watched):
    """Fine-tune a model on demonstrations."""

    makes: ClassVar[frozenset[str]] = frozenset({"model"})
    trl_config: ClassVar[str] = "trl/trainer/sft_config.py:SFTConfig"
    pairs: ClassVar[bool] = False

    data: Annotated[list[str | DataSource], Ref("demonstrations")] = Field(min_length=1)
    """Artifacts that hold demonstrations; `{from: math, weight: 2}` shows the rows of one twice as often."""
    eval_data: Annotated[list[str | DataSource], Ref("demonstrations")] = []
    """Artifacts whose rows are evaluated on during training, and not trained on."""
    learning_rate: float = Field(default=7e-6, gt=0)
    """Peak learning rate. Qwen2 4.2: 7e-6."""
    num_train_epochs: float = Field(default=2.0, gt=0)
    """Passes over the rows. Qwen2 4.2: 2."""
    weight_decay: float = Field(default=0.1, ge=0)
    """Decoupled decay of the weight matrices. Qwen2 4.2: 0.1."""
    train_on: TrainOn = "every_turn"
    """`every_turn` trains every answer of a conversation in the context that sampling would show it;
    `last_turn` trains the last answer only; `generation_marks` trains the text that the chat template marks
    with `{% generation %}`."""
    # strict, or 1 would be read as true
    packing: Annotated[bool, Strict()] | Annotated[int, Field(ge=2)] = False
    """Lay rows end to end, without padding, so that each attends only to itself: `true` in sequences of up to
    `max_length` tokens, a number in sequences of up to that many. `per_device_train_batch_size` then counts
    sequences."""
    new_tokens: list[Annotated[str, Field(min_length=1)]] = []
    """Tokens to add to the tokenizer and the model, such as control tokens of a chat template that the base
    lacks. Their embeddings start as the mean of the others."""

    @property
    def pack(self) -> int | None:
        """Most tokens in a sequence of packed rows; None where rows are not packed."""
        return self.max_length if self.packing is True else self.packing or None

    def problems(self, folder: Path) -> Iterable[tuple[str, str]]:
        """Refuse settings that would have no effect, and new tokens whose embeddings would not be trained."""
        yield from super().problems(folder)
        if self.pack and self.pack < self.max_length:
            long = f"a row of max_length = {self.max_length} tokens does not fit into {self.pack}"
            yield "packing", f"{long}; raise packing, or lower max_length"
        if self.training_args.get("loss_type") == "dft" and self.training_args.get("label_smoothing_factor"):
            why = "loss_type: dft does not read it, so this would change nothing; leave one out"
            yield "training_args.label_smoothing_factor", why
        if self.new_tokens and self.lora:
            yield (
                "new_tokens",
                "adapters do not train the embeddings of new tokens; leave lora out, or new_tokens",
            )

    def changes(self, home: Path) -> dict[str, Any]:
        """Add the new tokens to the changes that the stage makes in the tokenizer."""
        return super().changes(home) | ({"new_tokens": tuple(self.new_tokens)} if self.new_tokens else {})

    def try_out(self, chat: Chat) -> None:
        """Encode a small conversation as training would. Raises BadRow where that is impossible."""
        found = token_rows(chat, SMALL[:1], SMALL[1:], None, self.train_on)
        if not found.rows:
            raise found.refused[0]

    def run(self, run: Run) -> None:
        """Encode the rows, train, and publish the model."""
        from align.train import encode, policy  # noqa: PLC0415 (torch is loaded only when a stage runs)

        self.begin(run)
        start = run.locate(self.model)
        chat = self.load_chat(run)
        rows = without_test_items(run, gather(run, self.data, "demonstrations"), self.decontaminate)
        how = encode.demonstration(self.train_on)
        encoded = encode.encode(run, chat, rows, how, self.max_length, self.strict)
        model = checkpoints.causal_lm(start, self.dtype, **self.loading())
        if self.new_tokens:
            checkpoints.add_rows(model, chat.known, len(chat.tokenizer))
        watched = self.watched(run, chat, encoded, how, "demonstrations")
        trainer = self.train(run, "sft", encoded, model, chat, watched=watched, pack=self.pack)
        policy.publish(run, trainer, chat, start, self.dtype, **self.loading())

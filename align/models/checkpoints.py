"""The one place that reads and writes checkpoints: the precision is always stated, and progress bars are off.

Three settings of a checkpoint are set aside while it is in memory, and are saved as they were loaded:

1. Flags of the generation config that transformers ignores and then refuses to save (`temperature` without
   `do_sample`, as in early Llama 2 checkpoints). Other engines do not ignore them.
2. `output_router_logits` of mixtures of experts, which TRL turns on: sampling with a cache fails with it.
   Training asks for the router's logits in every call.
3. `use_cache`, which a trainer turns off: other engines that sample from the published model need it as it
   was.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from align.core.errors import ModelError, TooLong
from align.core.external_references import is_reward_model, no_model
from align.core.log import LOGGER


def causal_lm(path: str, dtype: str, **options: Any) -> Any:
    """Load a language model in evaluation mode, on the CPU.

    Args:
        path: a folder or hub id.
        dtype: precision of the weights; "auto": as saved.
        **options: `revision`, `trust_remote_code`, `attn_implementation`, `device_map`, as
            `from_pretrained` takes them.
    """
    # imported here because modules that `align check` reads import this one
    from transformers import AutoModelForCausalLM  # noqa: PLC0415

    return _load(AutoModelForCausalLM, "language model", path, dtype, **options)


def classifier(path: str, dtype: str, **options: Any) -> Any:
    """Load a sequence classifier; with `num_labels=1` a language model gets a new scalar head.

    `options` as in `causal_lm`.
    """
    from transformers import AutoModelForSequenceClassification  # noqa: PLC0415

    return _load(
        AutoModelForSequenceClassification,
        "sequence classifier, which a reward model is",
        path,
        dtype,
        **options,
    )


def loader(path: str, **options: Any) -> Callable[..., Any]:
    """Return the function that loads a checkpoint: `classifier` if it is a classifier, else `causal_lm`."""
    return classifier if is_reward_model(configuration(path, **options).architectures) else causal_lm


def configuration(path: str, **options: Any) -> Any:
    """Load the configuration of a model, without its weights. `options` as in `causal_lm`."""
    from transformers import AutoConfig  # noqa: PLC0415

    refuse_no_model(path)
    known = {name: value for name, value in options.items() if name in ("revision", "trust_remote_code")}
    try:
        return AutoConfig.from_pretrained(path, **known)
    except OSError as error:
        raise not_there(path, error) from None


def _load(cls: Any, what: str, path: str, dtype: str, **options: Any) -> Any:
    import torch  # noqa: PLC0415
    from safetensors import SafetensorError  # noqa: PLC0415

    quiet()
    refuse_no_model(path)
    precision = dtype if dtype == "auto" else getattr(torch, dtype)
    try:
        model, told = cls.from_pretrained(path, dtype=precision, output_loading_info=True, **options)
    except OSError as error:
        raise not_there(path, error) from None
    except SafetensorError as error:
        raise ModelError(
            f"the weights of {path} cannot be read, part of a file may be missing ({error})"
        ) from None
    except ValueError as error:
        if "Unrecognized configuration class" in str(error):
            kind = re.search(r"configuration class <class '[\w.]*?(\w+)'>", str(error))
            named = kind[1] if kind else "its configuration"
            raise ModelError(
                f"transformers has no {what}, for {named} ({path}); start from a model of another family"
            ) from None
        raise
    _refuse_other_weights(model.eval(), path, told, new_head="num_labels" in options)
    model.put_aside = _put_aside(getattr(model, "generation_config", None))
    model.routed = getattr(model.config.get_text_config(), "output_router_logits", None)
    model.caches = {
        id(config): config.use_cache for config in _configs(model) if hasattr(config, "use_cache")
    }
    return without_router_logits(model)


def refuse_no_model(path: str) -> None:
    """Raise ModelError for a path that no model can be read from."""
    if why := no_model(path):
        raise ModelError(why)


def not_there(path: str, error: OSError) -> ModelError:
    """Return the error for a checkpoint that could not be read, or not be downloaded from the hub."""
    why = (str(error).strip().splitlines() or [type(error).__name__])[0]
    if Path(path).exists():
        return ModelError(f"{path} cannot be read: {why}")
    return ModelError(f"there is no folder {path!r}, and the hub does not give it: {why}")


def _refuse_other_weights(model: Any, path: str, told: Mapping[str, Any], *, new_head: bool) -> None:
    """Raise ModelError where a model's files lack weights; transformers would silently draw them at random.

    Args:
        model: as it was loaded.
        path: where it was loaded from.
        told: which names transformers found missing or unexpected.
        new_head: the model is a new classifier on a language model, whose head is in no file.
    """
    body = f"{model.base_model_prefix}."
    missing = sorted(name for name in told["missing_keys"] if not new_head or name.startswith(body))
    if missing:
        raise ModelError(
            f"the files of {path} do not have all weights of {type(model).__name__}: {_some(missing)} would "
            "be random. They are of another kind of model, or have other names (a prefix such as "
            "`module.`), or config.json is not theirs"
        )
    unused = sorted(told["unexpected_keys"])
    layers = {re.sub(r"\d+", "#", name) for name in model.state_dict()}
    if lost := [name for name in unused if re.sub(r"\d+", "#", name) in layers]:
        raise ModelError(
            f"the files of {path} have more layers than config.json says: {_some(lost)} would be lost"
        )
    if unused and not new_head:
        LOGGER.warning(
            "%s: %s has no use for %s, which will not be published", path, type(model).__name__, _some(unused)
        )


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _put_aside(config: Any) -> dict[str, Any]:
    """Remove from a generation config what transformers refuses to save, and return it."""
    aside: dict[str, Any] = {}
    while config is not None:
        try:
            config.validate(strict=True)
        except ValueError as error:
            refused = [
                name for name in re.findall(r"^- `(\w+)`", str(error), re.MULTILINE) if name not in aside
            ]
            if not refused:
                raise
            for name in refused:
                aside[name] = getattr(config, name)
                setattr(config, name, None)
            continue
        break
    return aside


def without_router_logits(model: Any) -> Any:
    """Return a model that gives the logits of its experts' router only where it is asked to."""
    config = model.config.get_text_config()
    if getattr(config, "output_router_logits", False):
        config.output_router_logits = False
    return model


@contextmanager
def as_loaded(model: Any) -> Iterator[None]:
    """Give a model, inside the block, the configuration that it was loaded with."""
    routed, caches = getattr(model, "routed", None), getattr(model, "caches", {})
    if routed is not None:
        model.config.get_text_config().output_router_logits = routed
    trained = {id(config): config.use_cache for config in _configs(model) if id(config) in caches}
    _use_caches(model, caches)
    try:
        yield
    finally:
        without_router_logits(model)
        _use_caches(model, trained)


def _configs(model: Any) -> list[Any]:
    """Return a model's configuration, and that of its text part where it is another."""
    return list({id(config): config for config in (model.config, model.config.get_text_config())}.values())


def _use_caches(model: Any, values: Mapping[int, bool]) -> None:
    for config in _configs(model):
        if id(config) in values:
            config.use_cache = values[id(config)]


def save(model: Any, folder: Path, weights: Mapping[str, Any] | None = None) -> None:
    """Write a model that `causal_lm` or `classifier` has loaded.

    Args:
        model: the model.
        folder: where to write it.
        weights: its whole weights, where those in `model` are spread over processes.
    """
    with as_loaded(model):
        model.save_pretrained(folder, state_dict=weights)
    aside, file = getattr(model, "put_aside", None), folder / "generation_config.json"
    if aside and file.exists():
        file.write_text(
            json.dumps(json.loads(file.read_text(encoding="utf-8")) | aside, indent=2) + "\n",
            encoding="utf-8",
        )


def device() -> str:
    """Return the first accelerator, or `cpu`."""
    import torch  # noqa: PLC0415

    accelerator = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    return accelerator.type if accelerator else "cpu"


def embedding_rows(model: Any) -> int:
    """Return how many token ids a model has embeddings for."""
    return model.get_input_embeddings().num_embeddings


def add_rows(model: Any, known: int, tokens: int) -> None:
    """Enlarge a model to `tokens` token ids; the new ones start as the mean of the `known` trained ones.

    An embedding with more rows than the tokenizer has tokens (Qwen) keeps its size; its spare rows were never
    trained.
    """
    import torch  # noqa: PLC0415

    if tokens > embedding_rows(model):
        model.resize_token_embeddings(tokens, mean_resizing=False)
    output = model.get_output_embeddings()
    with torch.no_grad():
        for layer in (model.get_input_embeddings(), output):
            for values in () if layer is None else (layer.weight, getattr(layer, "bias", None)):
                if values is not None:
                    values[known:tokens] = values[:known].float().mean(0).to(values.dtype)


def refuse_foreign_ids(model: Any, tokenizer: Any, ids: Iterable[int]) -> None:
    """Raise ModelError where a token id has no row in the model's embedding.

    An embedding that is larger than the tokenizer is usual (Qwen pads it) and fine.
    """
    known, largest = embedding_rows(model), max(ids, default=0)
    if largest >= known:
        raise ModelError(
            f"the tokenizer gives token {largest} ({tokenizer.convert_ids_to_tokens(largest)!r}), and the "
            f"model's embedding has {known} rows: the tokenizer is another model's, or tokens were added to "
            "it and not to the model. Use the tokenizer that the model was saved with; the sft stage adds "
            "tokens to both with `new_tokens: [...]`"
        )


def refuse_long(model: Any, tokens: int, remedy: str, *, rotary: bool = False) -> None:
    """Raise TooLong where a row exceeds a model's learned positions (GPT-2, OPT).

    Args:
        model: any model.
        tokens: length of the longest row.
        remedy: which knob to turn.
        rotary: whether to refuse it for other models too. They run on longer rows than they were trained
            on, and say nothing sensible there.
    """
    import torch  # noqa: PLC0415

    most = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    if not most or tokens <= most:  # checked first, because sampling calls this for every prompt
        return
    learned = any(
        isinstance(module, torch.nn.Embedding) and re.search(r"(wpe|position\w*)$", name)
        for name, module in model.named_modules()
    )
    if learned:
        raise TooLong(
            f"a row has {tokens} tokens, and {type(model).__name__} has learned {most} positions; {remedy}"
        )
    if rotary:
        raise TooLong(
            f"a row has {tokens} tokens, and the context of {type(model).__name__} has {most}; {remedy}"
        )


def quiet() -> None:
    """Keep the libraries' progress bars and warnings out of the log; their errors stay."""
    import transformers  # noqa: PLC0415

    # transformers warns about its own renamed properties, which TRL reads at every step
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")
    # peft warns about what it does anyway
    warnings.filterwarnings("ignore", message="Setting `save_embedding_layers`")
    transformers.logging.disable_progress_bar()
    transformers.logging.set_verbosity_error()

"""The options of Online Merging: presets, allowed values, and what a resumed run must share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, get_args

from torch import Tensor

from align.train.merging.rules import Arithmetic, Consensus, Method, Rescale

_OF_MASKS = (
    "param_names",
    "reference",
    "method",
    "keep",
    "rescale",
    "consensus",
    "resample_reference",
    "every",
    "seed",
)
"""Entries of a parameter group that must be the same in a checkpoint and in a run that resumes from it.

The masks depend on them.
"""


def preset(name: Literal["paper", "upstream"], method: Method) -> dict[str, Any]:
    """Return the options in which the paper and the released code differ, with the values of one of them."""
    if name == "paper":
        return {
            "rescale": "none",
            "consensus": "weighted",
            "resample_reference": method == "ondare",
            "arithmetic": "torch",
        }
    rescale = "inverse_keep" if method == "ondare" else "none"
    return {
        "rescale": rescale,
        "consensus": "unweighted",
        "resample_reference": False,
        "arithmetic": "upstream",
    }


def check(group: dict[str, Any]) -> None:
    """Raise ValueError where an option of a parameter group has a value that is not allowed."""
    for key, allowed in (
        ("method", Method),
        ("rescale", Rescale),
        ("consensus", Consensus),
        ("arithmetic", Arithmetic),
    ):
        if group[key] not in get_args(allowed):
            raise ValueError(f"{key} is {group[key]!r}; one of: {', '.join(get_args(allowed))}")
    if not 0 < group["keep"] <= 1:
        raise ValueError(f"keep is {group['keep']}; it is a fraction: above 0, at most 1")
    if not 0 <= group["alpha"] <= 1:
        raise ValueError(f"alpha is {group['alpha']}; it is a weight: 0 to 1")
    if group["every"] < 1 or group["every"] != int(group["every"]):
        raise ValueError(f"every is {group['every']}; it counts steps: 1, 2, ...")
    if group["method"] == "onties" and group["rescale"] == "inverse_keep":
        raise ValueError(
            "rescale 'inverse_keep' makes a random mask unbiased; onties keeps the largest: use 'none' or "
            "'l1'"
        )


def usual(group: dict[str, Any]) -> bool:
    """Return whether the compiled loops know these options of a parameter group."""
    plain = group["rescale"] != "l1" and group["arithmetic"] == "torch"
    return plain and group["keep"] < 1 and group["every"] == 1


def refuse_other_masks(
    groups: Sequence[Mapping[str, object]], saved_groups: Sequence[Mapping[str, object]]
) -> None:
    """Raise ValueError where a checkpoint's parameter groups would have other masks than this run's."""
    # the caller checks that both have as many groups
    for own, saved in zip(groups, saved_groups, strict=False):
        for key in _OF_MASKS:
            if saved.get(key) != own[key]:
                raise ValueError(
                    f"the checkpoint's optimizer has {key} {saved.get(key)!r:.60}, this one "
                    f"{own[key]!r:.60}; resume with the base, reference and optimizer settings that it was "
                    "made with, or start anew"
                )


def parameters(groups: Iterable[dict[str, Any]]) -> Iterator[tuple[str, Tensor]]:
    """Yield the name and the tensor of each parameter of some groups."""
    for group in groups:
        yield from zip(group["param_names"], group["params"], strict=True)

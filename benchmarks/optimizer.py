"""Time of an Online Merging step against torch's fused AdamW, on the shapes of real models with random numbers.

    python benchmarks/optimizer.py [--model 135m|0.5b] [--keep 0.01 ...] [--rounds 15] [--threads N] [--dtype bfloat16]

All optimizers step the same parameters with the same gradients and share one pair of moments, one after the other in
each round, so that what else the machine does falls on all of them. Printed: median time of a step, and the median
over rounds of its ratio to AdamW's step of the same round.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from statistics import median

import torch

from align.train.merging.online_merging import OnlineMerging

MODELS = {  # vocabulary, hidden, intermediate, layers, width of keys, biases of q, k and v
    "135m": (49152, 576, 1536, 30, 192, False),  # SmolLM2-135M
    "0.5b": (151936, 896, 4864, 24, 128, True),  # Qwen2-0.5B
}


def shapes(model: str) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield name and shape of every parameter (the output embedding is the input embedding)."""
    vocabulary, hidden, inner, layers, keys, biases = MODELS[model]
    yield "embed", (vocabulary, hidden)
    for layer in range(layers):
        for name, width in (("q", hidden), ("k", keys), ("v", keys)):
            yield f"{layer}.{name}", (width, hidden)
            if biases:
                yield f"{layer}.{name}.bias", (width,)
        yield f"{layer}.o", (hidden, hidden)
        yield from ((f"{layer}.{name}", (inner, hidden)) for name in ("gate", "up"))
        yield f"{layer}.down", (hidden, inner)
        yield from ((f"{layer}.norm{i}", (hidden,)) for i in (1, 2))
    yield "norm", (hidden,)


def main() -> None:
    """Build, step in turn, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--model", choices=MODELS, default="135m")
    parser.add_argument("--keep", type=float, nargs="+", default=[0.01])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    device = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else torch.device("cpu")
    dtype = getattr(torch, args.dtype)
    named = {name: torch.nn.Parameter((torch.randn(s, device=device) * 0.02).to(dtype)) for name, s in shapes(args.model)}
    tau = {name: torch.randn(p.shape) * 1e-3 for name, p in named.items()}
    for param in named.values():
        param.grad = torch.randn_like(param) * 1e-3
    arms: dict[str, torch.optim.Optimizer] = {"AdamW, fused": torch.optim.AdamW(named.values(), lr=1e-6, fused=True)}
    for keep in args.keep:
        for method in ("ondare", "onties"):
            arms[f"{method}, keep {keep:g}"] = OnlineMerging(named.items(), tau, method=method, keep=keep, alpha=1e-7)  # ty: ignore[invalid-argument-type]
    del tau
    moments = {
        p: (torch.randn_like(p, dtype=torch.float32) * 1e-3, torch.rand_like(p, dtype=torch.float32) * 1e-6)
        for p in named.values()
    }
    times: dict[str, list[float]] = {name: [] for name in arms}
    for turn in range(args.rounds + 2):  # two to warm up
        for name, optimizer in arms.items():
            _wait(device)
            started = time.perf_counter()
            optimizer.step()
            _wait(device)
            if turn > 1:
                times[name].append(time.perf_counter() - started)
            elif turn == 0 and (name != "AdamW, fused" or dtype == torch.float32):
                for param, (mean, square) in moments.items():
                    optimizer.state[param] |= {"exp_avg": mean, "exp_avg_sq": square}
    count = sum(p.numel() for p in named.values())
    where = f"{len(named)} tensors, {device}, {torch.get_num_threads()} threads"
    print(f"{args.model}: {count / 1e6:.0f}M {args.dtype} weights in {where}")
    for name, taken in times.items():
        ratio = median(a / b for a, b in zip(taken, times["AdamW, fused"], strict=True))
        print(f"{name:22s} {median(taken) * 1e3:8.1f} ms  {ratio:5.2f}x")


def _wait(device: torch.device | None) -> None:
    if device is not None and device.type != "cpu":
        torch.accelerator.synchronize()


if __name__ == "__main__":
    main()

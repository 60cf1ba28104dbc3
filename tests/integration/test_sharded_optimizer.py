"""Online Merging under FSDP2: two processes with half of the rows each take the steps that one process takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
import torch.multiprocessing as mp
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import get_optimizer_state_dict, set_optimizer_state_dict
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor

from align.train.merging.online_merging import OnlineMerging

OPTIONS: dict[str, dict[str, Any]] = {
    "ondare": {"method": "ondare", "rescale": "inverse_keep", "every": 2},
    "paper": {"method": "ondare", "resample_reference": True},
    "ondare-l1-bf16": {"method": "ondare", "rescale": "l1", "dtype": torch.bfloat16},
    "onties": {"method": "onties", "every": 2},
    "onties-bf16": {"method": "onties", "dtype": torch.bfloat16, "consensus": "unweighted"},
    "whole": {"method": "onties", "keep": 1.0},
}
STEPS, RESUMED_AT = 4, 2


class Net(nn.Module):
    """Rows that divide by two, rows that do not, a vector, and one row only: the second process holds none of it."""

    def __init__(self) -> None:
        super().__init__()
        g = torch.Generator().manual_seed(0)
        self.even = nn.Parameter(torch.randn(64, 33, generator=g) * 0.1)
        self.odd = nn.Parameter(torch.randn(37, 8, generator=g) * 0.1)
        self.bias = nn.Parameter(torch.zeros(5))
        self.row = nn.Parameter(torch.randn(1, 300, generator=g))
        self.large = nn.Parameter(torch.randn(1100, 1000, generator=g) * 0.02)  # more than one block of random numbers


def build(model: nn.Module, options: dict[str, Any]) -> OnlineMerging:
    g = torch.Generator().manual_seed(1)
    tau = {name: torch.randn(p.shape, generator=g) * 0.01 for name, p in Net().named_parameters()}
    settings = {"keep": 0.05, "alpha": 0.01, "lr": 1e-3} | {k: v for k, v in options.items() if k != "dtype"}
    return OnlineMerging(model.named_parameters(), tau, **settings)


def gradient(name: str, shape: torch.Size, step: int, dtype: torch.dtype) -> Tensor:
    g = torch.Generator().manual_seed(1000 * step + len(name))
    return torch.randn(shape, generator=g).to(dtype)


def train(model: nn.Module, optimizer: OnlineMerging, steps: range) -> None:
    for step in steps:
        for name, param in model.named_parameters():
            whole = gradient(name, param.shape, step, param.dtype)
            if isinstance(param, DTensor):
                first, rows = 0, param.to_local().shape[0]
                if dist.get_rank() == 1:
                    first = param.shape[0] - rows
                local = whole[first : first + rows].clone()
                whole = DTensor.from_local(local, param.device_mesh, param.placements, shape=param.shape, stride=param.stride())
            param.grad = whole
        optimizer.step()


def whole_weights(model: nn.Module) -> dict[str, Tensor]:
    return {n: (p.full_tensor() if isinstance(p, DTensor) else p).detach().clone() for n, p in model.named_parameters()}


def work(rank: int, folder: str, names: list[str]) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    mesh = init_device_mesh("cpu", (2,))
    for name in names:
        options = OPTIONS[name]

        def sharded(options: dict[str, Any] = options) -> tuple[nn.Module, OnlineMerging]:
            model = Net().to(options.get("dtype", torch.float32))
            optimizer = build(model, options)  # as accelerate does: built on whole parameters, which are swapped then
            before = dict(model.named_parameters())
            fully_shard(model, mesh=mesh)
            after = {id(before[n]): p for n, p in model.named_parameters()}
            for group in optimizer.param_groups:
                group["params"] = [after[id(p)] for p in group["params"]]
            return model, optimizer

        model, optimizer = sharded()
        train(model, optimizer, range(RESUMED_AT))
        saved = {"optimizer": get_optimizer_state_dict(model, optimizer)}
        weights = {n: p.detach().clone() for n, p in model.named_parameters()}
        dcp.save(saved, checkpoint_id=f"{folder}/{name}-checkpoint")
        train(model, optimizer, range(RESUMED_AT, STEPS))
        straight, displacement = whole_weights(model), optimizer.displacement()

        model, optimizer = sharded()
        with torch.no_grad():
            for n, p in model.named_parameters():
                p.copy_(weights[n])
        loaded = {"optimizer": get_optimizer_state_dict(model, optimizer)}
        dcp.load(loaded, checkpoint_id=f"{folder}/{name}-checkpoint")
        set_optimizer_state_dict(model, optimizer, loaded["optimizer"])
        train(model, optimizer, range(RESUMED_AT, STEPS))
        resumed = whole_weights(model)
        if rank == 0:
            torch.save({"straight": straight, "resumed": resumed, "displacement": displacement}, f"{folder}/{name}.pt")
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sharded")
    mp.spawn(work, args=(str(path), list(OPTIONS)), nprocs=2)
    return path


@pytest.mark.parametrize("name", OPTIONS)
def test_two_processes_take_the_steps_of_one(folder: Path, name: str) -> None:
    options = OPTIONS[name]
    model = Net().to(options.get("dtype", torch.float32))
    optimizer = build(model, options)
    train(model, optimizer, range(STEPS))
    found = torch.load(folder / f"{name}.pt", weights_only=True)
    for key, param in model.named_parameters():
        if options.get("rescale") == "l1":  # a sum over processes is rounded otherwise
            torch.testing.assert_close(found["straight"][key], param.detach(), rtol=2**-7, atol=1e-7)
        else:
            assert found["straight"][key].equal(param), key
        assert found["resumed"][key].equal(found["straight"][key]), key
    assert found["displacement"] == pytest.approx(optimizer.displacement(), rel=1e-5)

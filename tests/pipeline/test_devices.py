"""Where networks compute, and in which precision."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

from jointopt.pipeline.networks.devices import Precision, device_of, precision_on
from jointopt.pipeline.networks.elementwise import Activation
from jointopt.pipeline.networks.estimators import NetworkClassifier
from jointopt.pipeline.networks.optimisation import AdamW

CPU = torch.device("cpu")
no_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")


def test_unknown_devices_are_refused():
    with pytest.raises(ValueError, match="'auto', 'cpu' or 'cuda'; got 'abacus'"):
        device_of("abacus")


@no_gpu
def test_a_gpu_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="device is 'cuda', but torch finds no GPU"):
        device_of("cuda")


@no_gpu
def test_without_a_gpu_auto_is_the_cpu_to_the_last_bit():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 3))
    weights = [
        NetworkClassifier(width=(8,), max_epochs=2, device=device, random_state=0)
        .fit(X, X[:, 0] > 0)
        .weights_
        for device in ("auto", "cpu")
    ]
    for name, value in weights[0].items():
        np.testing.assert_array_equal(value, weights[1][name])


def trained(precision: Precision) -> tuple[torch.Tensor, torch.dtype]:
    """Return the weights after three steps, and what the products were of."""
    torch.manual_seed(0)
    layer = torch.nn.Linear(4, 4)
    groups = [{"params": list(layer.parameters()), "lr": 0.1, "weight_decay": 0.0}]
    optimizer, activate = AdamW(groups), Activation("mish", 0.25)
    x = torch.randn(16, 4)
    for _ in range(3):
        with precision.forward():
            product = layer(x)
            loss = torch.nn.functional.mse_loss(activate(product), x)
        precision.step(loss, optimizer)
    return layer.weight.detach(), product.dtype


def test_on_a_cpu_precision_is_full():
    assert trained(precision_on(CPU))[1] is torch.float32


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
def test_mixed_precision_learns_about_the_same(half):
    full, mixed = trained(Precision(CPU, None)), trained(Precision(CPU, half))
    assert mixed[1] is half
    assert mixed[0].dtype is torch.float32
    assert not torch.equal(mixed[0], full[0])
    torch.testing.assert_close(mixed[0], full[0], atol=0.02, rtol=0.05)


def test_weights_move_as_by_torch_s_own_class_which_is_slow_to_load():
    script = """
import sys, torch
from jointopt.pipeline.networks.optimisation import BETAS, AdamW

def moved(make):
    torch.manual_seed(0)
    first, second = torch.nn.Linear(4, 4), torch.nn.Linear(4, 4)
    groups = [
        {"params": [first.weight, second.weight], "lr": 0.1, "weight_decay": 0.1},
        {"params": [first.bias, second.bias], "lr": 0.1, "weight_decay": 0.0},
    ]
    optimizer, x = make(groups), torch.randn(16, 4)
    for step in range(20):
        for group in optimizer.param_groups:
            group["lr"] = 0.1 / (1 + step)
        optimizer.zero_grad()
        (second(first(x)) - x).square().mean().backward()
        optimizer.step()
    return [parameter for group in groups for parameter in group["params"]]

own = moved(AdamW)
assert "torch._dynamo" not in sys.modules
theirs = moved(lambda groups: torch.optim.AdamW(groups, betas=BETAS, fused=True))
assert "torch._dynamo" in sys.modules
assert all(map(torch.equal, own, theirs))
"""
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")

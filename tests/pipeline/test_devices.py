"""Where networks compute, and in which precision."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from jointopt.pipeline.networks.devices import Precision, device_of, precision_on
from jointopt.pipeline.networks.elementwise import ACTIVATIONS, dropout
from jointopt.pipeline.networks.estimators import NetworkClassifier

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
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    x = torch.randn(16, 4)
    for _ in range(3):
        with precision.forward():
            product = layer(x)
            units = dropout(ACTIVATIONS["mish"](product), 0.25)
            loss = torch.nn.functional.mse_loss(units, x)
        precision.step(loss, optimizer)
    return layer.weight.detach(), product.dtype


def test_on_a_cpu_precision_is_full():
    assert trained(precision_on(CPU))[1] is torch.float32


def test_mixed_precision_learns_about_the_same():
    full, mixed = trained(Precision(CPU, None)), trained(Precision(CPU, torch.bfloat16))
    assert mixed[1] is torch.bfloat16
    assert mixed[0].dtype is torch.float32
    assert not torch.equal(mixed[0], full[0])
    torch.testing.assert_close(mixed[0], full[0], atol=0.02, rtol=0.05)

"""Activations and dropout that are cheap on a CPU."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from jointopt.pipeline.networks.elementwise import Activation

EXTREMES = [-1e4, -90.0, 90.0, 1e4]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("share", [0.0, 0.4])
def test_mish_and_its_gradient_are_those_of_torch(share, dtype):
    torch.manual_seed(0)
    x = torch.cat([torch.linspace(-30, 30, 601), torch.tensor(EXTREMES)]).to(dtype)
    own, other = (x.clone().requires_grad_() for _ in range(2))
    found, expected = Activation("mish", share)(own), functional.mish(other)
    kept = (found != 0) | (expected.abs() < 1e-30)
    assert bool(kept.all()) == (share == 0)
    expected = expected * kept / (1 - share)
    torch.testing.assert_close(found, expected)
    torch.autograd.backward([found.sum(), expected.sum()])
    torch.testing.assert_close(own.grad, other.grad)


@pytest.mark.parametrize("name", ["relu", "selu", "silu", "gelu"])
def test_other_activations_are_torchs_and_silenced_too(name):
    torch.manual_seed(0)
    x = torch.rand(50, 40) + 0.1
    activation = Activation(name, 0.3)
    expected = getattr(functional, name)(x)
    silenced = activation(x)
    kept = silenced != 0
    torch.testing.assert_close(silenced[kept] * 0.7, expected[kept])
    assert float(kept.double().mean()) == pytest.approx(0.7, abs=0.05)
    assert torch.equal(activation.eval()(x), expected)


@pytest.mark.parametrize("share", [0.0005, 0.15, 0.5, 0.9])
@pytest.mark.parametrize("shape", [(997, 1003), (64, 50)])
def test_dropout_silences_its_share_and_keeps_the_mean(share, shape):
    torch.manual_seed(0)
    activation = Activation("relu", share)
    n_batches = 1_000_000 // (shape[0] * shape[1]) + 1
    batches = [torch.ones(shape, requires_grad=True) for _ in range(n_batches)]
    units = [activation(x) for x in batches]
    together = torch.stack(units)
    assert together.unique().tolist() == pytest.approx([0.0, 1 / (1 - share)])
    silent = (together == 0).double()
    assert float(silent.mean()) == pytest.approx(share, abs=0.002 * share**0.5)
    torch.autograd.backward(together.sum())
    for x, found in zip(batches, units, strict=True):
        torch.testing.assert_close(x.grad, found.detach())


def test_each_batch_is_silenced_elsewhere():
    torch.manual_seed(0)
    activation, x = Activation("relu", 0.5), torch.ones(64, 64)
    batches = torch.stack([activation(x) for _ in range(40)]).flatten(1)
    assert len(batches.unique(dim=0)) == 40
    alike = torch.corrcoef(batches) - torch.eye(40)
    assert float(alike.abs().max()) < 0.1


def test_dropout_follows_the_seed():
    x = torch.ones(8, 5)

    def drawn():
        torch.manual_seed(0)
        activation = Activation("relu", 0.5)
        return torch.stack([activation(x) for _ in range(3)])

    assert torch.equal(drawn(), drawn())


def test_without_training_nothing_is_silenced():
    x = torch.linspace(-3, 3, 20)
    torch.testing.assert_close(Activation("mish", 0.9).eval()(x), functional.mish(x))

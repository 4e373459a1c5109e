"""Activations and dropout that are cheap on a CPU."""

from __future__ import annotations

import pytest
import torch

from jointopt.pipeline.networks.elementwise import ACTIVATIONS, dropout


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_mish_and_its_gradient_are_those_of_torch(dtype):
    x = torch.cat([torch.linspace(-30, 30, 601), torch.tensor([-1e4, -90.0, 90.0, 1e4])]).to(dtype)
    own, other = (x.clone().requires_grad_() for _ in range(2))
    found, expected = ACTIVATIONS["mish"](own), torch.nn.functional.mish(other)
    torch.testing.assert_close(found, expected)
    torch.autograd.backward([found.sum(), expected.sum()])
    torch.testing.assert_close(own.grad, other.grad)


@pytest.mark.parametrize("share", [0.0005, 0.15, 0.5, 0.9])
def test_dropout_silences_its_share_and_keeps_the_mean(share):
    torch.manual_seed(0)
    x = torch.ones(997, 1003, requires_grad=True)
    units = dropout(x, share)
    assert units.unique().tolist() == pytest.approx([0.0, 1 / (1 - share)])
    assert float((units == 0).double().mean()) == pytest.approx(share, abs=0.002 * share**0.5)
    torch.autograd.backward(units.sum())
    torch.testing.assert_close(x.grad, units.detach())


def test_dropout_follows_the_seed():
    x = torch.ones(8, 5)
    torch.manual_seed(0)
    first, second = dropout(x, 0.5), dropout(x, 0.5)
    torch.manual_seed(0)
    assert torch.equal(dropout(x, 0.5), first)
    assert not torch.equal(first, second)

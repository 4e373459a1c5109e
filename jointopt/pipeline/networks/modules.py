"""The parts that networks are made of."""

from __future__ import annotations

import math
import warnings
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import torch
from rtdl_num_embeddings import PiecewiseLinearEmbeddings
from tabm import BatchNorm1dEnsemble, ElementwiseAffine
from torch import Tensor, nn
from torch.nn import functional

from jointopt.pipeline.networks.elementwise import Activation

if TYPE_CHECKING:
    from jointopt.pipeline.networks.plans import Architecture

__all__ = ["Network"]

N_FREQUENCIES = 16
PERIODIC_OUTPUTS = 3
PIECEWISE_OUTPUTS = 8
SMALL_HEAD = 0.1


class ScaledLinear(nn.Module):
    """A linear layer whose weights have unit size and whose product is scaled down instead.

    This is the neural tangent parametrisation: one learning rate suits layers of all widths.
    """

    def __init__(self, n_inputs: int, n_outputs: int, *, bias: bool = True) -> None:
        super().__init__()
        self.scale = 1 / math.sqrt(max(n_inputs, 1))
        self.weight = nn.Parameter(torch.randn(n_inputs, n_outputs))
        self.bias = nn.Parameter(torch.randn(n_outputs)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """Return an affine function of the rows, and of each member's if there are several."""
        if self.bias is None:
            return (x * self.scale) @ self.weight
        product = torch.addmm(self.bias, x.flatten(0, -2), self.weight, alpha=self.scale)
        # Of one member it is in shape; a view more is what a small network's step notices.
        return product if len(product) == len(x) else product.view(*x.shape[:-1], -1)


class MembersLinear(nn.Module):
    """A scaled linear layer for each member of an ensemble."""

    def __init__(self, n_inputs: int, n_outputs: int, n_members: int) -> None:
        super().__init__()
        self.scale = 1 / math.sqrt(max(n_inputs, 1))
        self.weight = nn.Parameter(torch.randn(n_members, n_inputs, n_outputs))
        self.bias = nn.Parameter(torch.randn(n_members, 1, n_outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Return what members, the second axis, make of their own units."""
        product = torch.baddbmm(self.bias, (x * self.scale).transpose(0, 1), self.weight)
        return product.transpose(0, 1)


class PeriodicEmbedding(nn.Module):
    """Each number becomes a few linear combinations of its learned periodic waves."""

    def __init__(self, n_columns: int, frequency: float) -> None:
        super().__init__()
        n_waves, n_outputs = N_FREQUENCIES, PERIODIC_OUTPUTS
        self.frequency = nn.Parameter(frequency * torch.randn(n_columns, n_waves))
        self.phase = nn.Parameter(math.pi * (2 * torch.rand(n_columns, n_waves) - 1))
        bound = 1 / math.sqrt(n_waves)
        self.mix = nn.Parameter(bound * (2 * torch.rand(n_columns, n_waves, n_outputs) - 1))
        self.shift = nn.Parameter(bound * (2 * torch.rand(n_columns, n_outputs) - 1))

    def forward(self, x: Tensor) -> Tensor:
        """Return combined waves of shape (n_samples, n_columns, n_outputs)."""
        waves = torch.cos(2 * math.pi * x[:, :, None] * self.frequency + self.phase)
        return torch.einsum("rcw,cwo->rco", waves, self.mix) + self.shift


class CategoryEmbedding(nn.Module):
    """One table of learned vectors for all columns of categories.

    The first of each column is that of unknown categories, from which mostly nothing is learned:
    it starts as the mean of what the others are drawn from.
    """

    def __init__(self, cardinalities: tuple[int, ...], size: int) -> None:
        super().__init__()
        starts = np.cumsum([0, *cardinalities[:-1]])
        vectors = torch.randn(sum(cardinalities), size)
        vectors[starts] = 0.0
        self.table = nn.Parameter(vectors)
        self.starts: Tensor
        self.register_buffer("starts", torch.as_tensor(starts), persistent=False)

    def forward(self, codes: Tensor) -> Tensor:
        """Return the vectors of a row's categories, one after the other."""
        return functional.embedding(codes + self.starts, self.table).flatten(1)


class Block(nn.Module):
    """A hidden layer: product, normalisation, activation, dropout and perhaps a way around.

    The members of an ensemble share the product's weights and have their own factors of the units
    before and after it (BatchEnsemble, Wen et al., 2020, as in TabM, Gorishniy et al., 2025).

    Parameters
    ----------
    n_inputs, n_outputs : int
        Units before and after.
    plan : Architecture
        Of the network.
    chunks : list of int or None, default=None
        In the first layer, which neighbouring inputs share a member's random sign; elsewhere
        members begin alike.
    """

    def __init__(
        self, n_inputs: int, n_outputs: int, plan: Architecture, chunks: list[int] | None = None
    ) -> None:
        super().__init__()
        k = plan.ensemble_size
        self.before: nn.Module | None = None
        self.after: nn.Module | None = None
        if k > 1:
            signs = "ones" if chunks is None else "random-signs"
            self.before = ElementwiseAffine(
                (k, n_inputs), bias=False, scaling_init=signs, scaling_init_chunks=chunks
            )
            self.after = ElementwiseAffine((k, n_outputs), bias=True, scaling_init="ones")
        self.linear = ScaledLinear(n_inputs, n_outputs)
        self.normalise = _normalisation(plan.normalisation, n_outputs, k)
        self.activate = Activation(plan.activation, plan.dropout)
        self.around: nn.Module | None = None
        if plan.residual:
            same = n_inputs == n_outputs
            self.around = nn.Identity() if same else ScaledLinear(n_inputs, n_outputs, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the hidden units of the rows."""
        product = self.linear(x if self.before is None else self.before(x))
        if self.after is not None:
            product = self.after(product)
        if self.normalise is not None:
            product = self.normalise(product)
        units: Tensor = self.activate(product)
        return units if self.around is None else self.around(x) + units


class Network(nn.Module):
    """A multilayer perceptron for tables, or an ensemble of such that share weights."""

    def __init__(self, plan: Architecture) -> None:
        super().__init__()
        self.n_members = plan.ensemble_size
        self.numbers = _numeric_embedding(plan)
        self.categories = (
            CategoryEmbedding(plan.cardinalities, plan.embedding_size)
            if plan.cardinalities
            else None
        )
        embedded = {
            PeriodicEmbedding: PERIODIC_OUTPUTS,
            PiecewiseLinearEmbeddings: PIECEWISE_OUTPUTS,
        }
        chunks = [1] * plan.n_numeric
        if self.numbers is not None:
            chunks += [embedded[type(self.numbers)]] * plan.n_numeric
        chunks += [plan.embedding_size] * len(plan.cardinalities)
        self.scale = nn.Parameter(torch.ones(sum(chunks)))
        sizes = [sum(chunks), *plan.width]
        self.blocks = nn.Sequential(
            *(
                Block(before, after, plan, None if layer else chunks)
                for layer, (before, after) in enumerate(pairwise(sizes))
            )
        )
        self.head = (
            ScaledLinear(sizes[-1], plan.n_outputs)
            if self.n_members == 1
            else MembersLinear(sizes[-1], plan.n_outputs, self.n_members)
        )
        if not plan.classifies:
            # A number's prediction starts near its mean; measured, it does not help class scores.
            with torch.no_grad():
                for parameter in self.head.parameters():
                    parameter.mul_(SMALL_HEAD)

    def forward(self, numbers: Tensor, codes: Tensor) -> Tensor:
        """Return class scores or one number, of shape (n_samples, n_members, n_outputs)."""
        parts = [numbers]
        if self.numbers is not None:
            parts.append(self.numbers(numbers).flatten(1))
        if self.categories is not None:
            parts.append(self.categories(codes))
        x = (torch.cat(parts, dim=1) if len(parts) > 1 else numbers) * self.scale
        if self.n_members == 1:
            scores: Tensor = self.head(self.blocks(x))[:, None]
            return scores
        members: Tensor = self.head(self.blocks(x[:, None].expand(-1, self.n_members, -1)))
        return members

    def settle(self, numbers: Tensor, codes: Tensor) -> None:
        """Let normalisations know what units are with the weights as they are now.

        While weights move they follow these; an average of weights makes other units.
        """
        found = [part for part in self.modules() if isinstance(part, nn.BatchNorm1d)]
        if not found:
            return
        self.eval()
        for normalise in found:
            normalise.reset_running_stats()
            normalise.train()
        with torch.no_grad():
            self(numbers, codes)


def _numeric_embedding(plan: Architecture) -> nn.Module | None:
    if not plan.n_numeric or plan.numeric_embedding == "none":
        return None
    if plan.numeric_embedding == "periodic":
        return PeriodicEmbedding(plan.n_numeric, plan.frequency)
    _allow_one_piece()
    embedding: nn.Module = PiecewiseLinearEmbeddings(
        [torch.as_tensor(edges) for edges in plan.edges],
        PIECEWISE_OUTPUTS,
        activation=False,
        version="B",
    )
    return embedding


def _allow_one_piece() -> None:
    """Let a column of one or two values pass in silence.

    Not only for a while: what one thread sets for a while is undone by pandas and scikit-learn in
    another, and models predict in several.
    """
    warnings.filterwarnings("ignore", message="The .* feature has just two bin edges")


# Before any thread is in the middle of a `catch_warnings`, which forgets at its end what was set.
_allow_one_piece()


def _normalisation(name: str, n_units: int, n_members: int) -> nn.Module | None:
    match name:
        case "batch" if n_members > 1:
            # No momentum: what units are in the mean since it was forgotten, see `settle`.
            normalise: nn.Module = BatchNorm1dEnsemble(n_units, k=n_members, momentum=None)
            return normalise
        case "batch":
            return nn.BatchNorm1d(n_units, momentum=None)
        case "layer":
            return nn.LayerNorm(n_units)
        case _:
            return None

"""What a table's search evaluates first."""

from __future__ import annotations

import pytest

from jointopt import Choice, Space, load_space
from jointopt.data import load_table, make_dataset
from jointopt.pipeline.adapt import adapt_space
from jointopt.pipeline.starts import load_portfolio, start_configs


@pytest.fixture(scope="module")
def dataset():
    return make_dataset(load_table("sklearn:wine"), "target")


def test_every_entry_of_the_portfolio_is_one_of_the_default_space():
    space = load_space("tabular")
    entries = load_portfolio(space)
    assert len(entries) >= 12
    for entry in entries:
        config = space.complete(entry)
        assert {path: config[path] for path in entry} == entry
    assert len({frozenset(entry.items()) for entry in entries}) == len(entries)


def test_it_comes_first_and_defaults_of_all_paradigms_follow(dataset):
    space = load_space("tabular")
    adapted = adapt_space(space, dataset)
    portfolio = load_portfolio(space)
    configs = start_configs(adapted, dataset.task, portfolio)
    assert configs[0]["paradigm"] == portfolio[0]["paradigm"]
    assert all(config in configs for config in start_configs(adapted, dataset.task))
    for config in configs:
        adapted.validate(config)
    assert len({frozenset(config.items()) for config in configs}) == len(configs)


@pytest.mark.parametrize(
    ("source", "activation", "rate"),
    [("sklearn:wine", "selu", 0.04), ("sklearn:diabetes", "mish", 0.2)],
)
def test_a_search_of_networks_alone_begins_with_published_ones(source, activation, rate):
    space = load_space("neural")
    table = make_dataset(load_table(source), "target")
    adapted = adapt_space(space, table)
    usual, realmlp, tabm, *others = start_configs(adapted, table.task, load_portfolio(space))
    assert usual["hyperparameters/mlp/schedule"] == "flat_cosine"
    assert realmlp["architecture/mlp/activation"] == activation
    assert realmlp["hyperparameters/mlp/learning_rate"] == rate
    assert realmlp["hyperparameters/mlp/schedule"] == "coslog4"
    assert [realmlp[f"architecture/mlp/width/{layer}"] for layer in range(3)] == [256] * 3
    assert [tabm[f"architecture/mlp/width/{layer}"] for layer in range(3)] == [512] * 3
    assert tabm["architecture/mlp/ensemble_size"] == 8
    assert tabm["hyperparameters/mlp/schedule"] == "constant"
    assert adapted.default() in others
    assert realmlp not in start_configs(adapt_space(load_space("tabular"), table), table.task)


def test_a_space_of_other_ranges_starts_from_its_own_defaults(dataset):
    space = load_space("small")
    adapted = adapt_space(space, dataset)
    usual = start_configs(adapted, dataset.task)
    assert usual[0] == adapted.default()
    assert len(usual) == len(adapted.estimators())
    configs = start_configs(adapted, dataset.task, load_portfolio(space))
    assert len(configs) == len(usual)
    assert all(config in usual for config in configs)


def test_entries_of_a_paradigm_that_the_table_rules_out_are_left_out(dataset):
    paradigm = Choice(
        {
            "ridge": {"estimator": {"regression": "sklearn.linear_model.Ridge"}},
            "bayes": {"estimator": "sklearn.naive_bayes.GaussianNB"},
        }
    )
    space = adapt_space(Space(paradigm=paradigm), dataset)
    configs = start_configs(space, dataset.task, [{"paradigm": "ridge"}])
    assert configs == [{"paradigm": "bayes"}]

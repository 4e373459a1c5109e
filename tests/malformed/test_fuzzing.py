"""Files with random mistakes are used or refused by an error of ours, and never fail otherwise."""

from __future__ import annotations

import contextlib
import json
import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jointopt import load_model, load_space
from jointopt.data import make_dataset, read_table
from jointopt.errors import JointOptError
from jointopt.pipeline.adapt import adapt_space
from jointopt.pipeline.starts import start_configs
from jointopt.study_file import load_study

FRAGMENTS = [
    *(b'"', b",", b"\n", b"\r", b"\0", b"\t", b" ", b"  ", b"\\", b"#", b"\xff", b"\xef\xbb\xbf"),
    *(
        b"[",
        b"]",
        b"{",
        b"}",
        b": ",
        b"- ",
        b"&a ",
        b"*a",
        b"<<: ",
        b"!!int ",
        b"!x ",
        b"|\n",
        b"?",
    ),
    *(b"''", b"-", b"0", b"1e999", b".nan", b"9" * 30, b"null", b"true", b"2020-13-45", b"../"),
    *("\u00e9\U0001f600\u202e".encode(), b"float", b"choice", b"from", b"unless", b"tables"),
]


@st.composite
def damaged(draw, whole):
    """Bytes of a file in which up to five pieces are cut, doubled, moved or replaced."""
    data = whole
    for _ in range(draw(st.integers(1, 5))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.sampled_from([0, 0, 1, 1, 2, 7, 40, 10_000])))
        piece = data[start:end]
        new = draw(st.sampled_from(FRAGMENTS) | st.binary(max_size=4) | st.just(piece * 2))
        data = data[:start] + new + data[end:]
    return data


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=4), below),
    max_leaves=5,
)


@st.composite
def changed(draw, plain):
    """Plain data in which one value, however deep, is another or gone."""
    if not isinstance(plain, dict | list) or not plain or draw(st.integers(0, 4)) == 0:
        return draw(PLAIN)
    copy = plain.copy()
    key = draw(st.sampled_from(list(plain) if isinstance(plain, dict) else range(len(plain))))
    if draw(st.integers(0, 4)) == 0:
        del copy[key]
    else:
        copy[key] = draw(changed(plain[key]))
    return copy


def survives(strategy, use, n_examples):
    """Let `use` take examples; an error that is not of ours ends the test."""

    @settings(
        max_examples=n_examples,
        deadline=None,
        derandomize=n_examples <= FEW,
        suppress_health_check=list(HealthCheck),
    )
    @given(example=strategy)
    def check(example):
        with contextlib.suppress(JointOptError):
            use(example)

    check()


FEW, MANY = 25, 1500
thorough = pytest.mark.parametrize("n", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])


@thorough
@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.parquet", "t.feather", "t.csv.gz"])
def test_tables(tmp_path, texts, name, n):
    (tmp_path / "whole.csv").write_text(texts["t.csv"])
    frame = read_table(tmp_path / "whole.csv")
    path = tmp_path / name
    if ".parquet" in name or ".feather" in name:
        getattr(frame, f"to{path.suffix.replace('.', '_')}")(path)
    else:
        frame.to_csv(path, index=False, sep="\t" if ".tsv" in name else ",")

    def use(data):
        path.write_bytes(data)
        table = read_table(path)
        make_dataset(table, table.columns[-1]).schema.apply(table)

    survives(damaged(path.read_bytes()), use, n)


@thorough
def test_spaces(tmp_path, texts, n):
    (tmp_path / "t.csv").write_text(texts["t.csv"])
    dataset = make_dataset(read_table(tmp_path / "t.csv"), "y")
    path = tmp_path / "space.yaml"

    def use(data):
        path.write_bytes(data)
        space = load_space(path)
        assert load_space(path) == space
        space.size()
        start_configs(adapt_space(space, dataset), dataset.task)

    survives(damaged(texts["space.yaml"].encode()), use, n)


@thorough
def test_study_definitions(tmp_path, texts, n):
    path = tmp_path / "s.yaml"

    def use(data):
        path.write_bytes(data)
        study = load_study(path)
        load_study(path, {"seed": 3})
        for table in study.listed:
            assert table.label
        for strategy in study.strategies or [study.strategy]:
            study.how(strategy)

    survives(damaged(texts["s.yaml"].encode()), use, n)


@thorough
@pytest.mark.parametrize("name", ["model.json", "member-0-0-*.skops"])
def test_files_of_a_model(tmp_path, trained, new_rows, name, n):
    folder = shutil.copytree(trained, tmp_path / "model")
    expected = load_model(folder).predict_proba(new_rows)

    (path,) = folder.glob(name)

    def use(data):
        path.write_bytes(data)
        assert (load_model(folder).predict_proba(new_rows) == expected).all()

    survives(damaged(path.read_bytes()), use, n)


@thorough
def test_values_of_a_model(tmp_path, trained, new_rows, n):
    folder = shutil.copytree(trained, tmp_path / "model")
    about = json.loads((folder / "model.json").read_text())
    expected = load_model(folder).predict_proba(new_rows)

    def use(data):
        (folder / "model.json").write_text(json.dumps(data))
        assert (load_model(folder).predict_proba(new_rows) == expected).all()

    survives(changed(about), use, n)


@thorough
def test_new_tables_for_a_model(tmp_path, trained, new_rows, n):
    path = tmp_path / "new.csv"
    new_rows.head(8).to_csv(path, index=False)
    model = load_model(trained)

    def use(data):
        path.write_bytes(data)
        table = read_table(path)
        assert model.predict_proba(table).shape == (len(table), 2)

    survives(damaged(path.read_bytes()), use, n)

"""Spaces and study definitions with something wrong in them."""

from __future__ import annotations

import pytest

SPACES = {
    # A valid space with one thing replaced: what, by what, and what is said.
    "no bytes": (None, "", "space.yaml: the file is empty"),
    "a comment": (None, "# to do\n", "space.yaml: the file is empty"),
    "Latin-1": (None, b"caf\xe9: 1\n", "space.yaml is not UTF-8 text (byte 0xe9)"),
    "UTF-16": (None, "a: 1\n".encode("utf-16"), "space.yaml is not UTF-8 text"),
    "NUL bytes": (None, b"a: \0\0\n", "unacceptable character #x0000"),
    "a list": (None, "- a\n- b\n", "line 1, column 1: expected a mapping, got a list"),
    "two documents": (None, "a: {}\n---\nb: {}\n", "line 2, column 1: but found another"),
    "deep lists": (None, "- " * 1500, "space.yaml: brackets or lists are nested too deep"),
    "deep groups": (None, "a: {" + "b: {" * 70 + "}" * 71, "is nested too deep"),
    "itself inside": (None, "a: &a {b: *a}\n", "is nested too deep"),
    "no anchor": (None, "a: *nobody\n", "line 1, column 4: found undefined alias 'nobody'"),
    "a Python object": (
        "scale: {categorical: [none, standard]}",
        "scale: {categorical: !!python/object/apply:os.system [ls]}",
        "is not allowed; leave it out",
    ),
    "a tab": ("  choice", "\tchoice", "line 3, column 1"),
    "a bracket left open": ("[none, standard]", "[none, standard", "line 1"),
    "a key twice": ("    linear:", "    bayes:", "the key 'bayes' is there twice"),
    "a misspelt key": ("log: true", "lgo: true", "unknown key 'lgo' of float; did you mean 'log'"),
    "a misspelt word": ("float", "flaot", "did you mean 'float'"),
    "two words": ("{float: [0.01, 100]", "{int: [1, 2], float: [0.01, 100]", "a node is of one"),
    "low above high": ("[0.01, 100]", "[100, 0.01]", "low must not be above high"),
    "log from zero": ("[0.01, 100]", "[0, 100]", "low must be above 0 on a logarithmic scale"),
    "text as a number": ("[0.01, 100]", "[0.01, much]", "high must be a number, got 'much'"),
    "no number": ("[0.01, 100]", "[0.01, .nan]", "high must be finite, got nan"),
    "without end": ("[0.01, 100]", "[0.01, 1e999]", "high must be finite, got inf"),
    "thousands of digits": ("[0.01, 100]", f"[0.01, {'9' * 5000}]", "a value cannot be read"),
    "one end": ("[0.01, 100]", "[0.01]", "float must be [low, high]"),
    "no such day": ("[none, standard]", "[2020-13-45]", "month must be in 1..12"),
    "a date as an option": ("[none, standard]", "[2020-01-01]", "must be plain values"),
    "no options": ("[none, standard]", "[]", "options"),
    "a foreign estimator": ("sklearn.naive_bayes.GaussianNB", "os.system", "is not from one of"),
    "no such estimator": ("GaussianNB", "GaussianBN", "does not exist"),
    "no such task": ("{classification: sk", "{clasification: sk", "clasification"),
    "no estimator": ("estimator: {class", "estimat: {class", "bayes"),
    "no paradigm": ("paradigm:", "paradigms:", "paradigm"),
    "no such scaler": (
        "[none, standard]",
        "[none, standrad]",
        "space.yaml, line 1, column 52: transforms/numeric/scale/standrad: is not one of none, "
        "standard, robust, min_max, quantile_normal, quantile_uniform, yeo_johnson, box_cox, "
        "squash; did you mean 'standard'?",
    ),
    "no such scale of a target": (
        "transforms: {numeric",
        "transforms: {target: {categorical: [none, lgo]}, numeric",
        "line 1, column 43: transforms/target/lgo: is not one of none, log, quantile_normal; did",
    ),
    "no such criterion": (
        "paradigm:\n",
        "features: {ranking: {criterion: {categorical: [f_tset]}}}\nparadigm:\n",
        "features/ranking/criterion/f_tset: is not one of mutual_info, f_test, trees, l1; did",
    ),
    "no such argument": (
        "var_smoothing",
        "var_smooting",
        "line 7, column 23: hyperparameters/bayes/var_smooting: sklearn.naive_bayes.GaussianNB: "
        "no argument 'var_smooting'; did you mean 'var_smoothing'?",
    ),
    "a misspelt group of a branch": (
        "hyperparameters:",
        "hyperparamters:",
        "line 7, column 24: paradigm/bayes/hyperparamters/var_smoothing: is read by no part of a "
        "pipeline; did you mean 'hyperparameters'?",
    ),
    "an argument right in its branch": (
        "hyperparameters:\n        var_smoothing",
        "var_smoothing",
        "line 6, column 22: paradigm/bayes/var_smoothing: is read by no part of a pipeline; an "
        "estimator's argument goes under hyperparameters in its branch",
    ),
    "an argument in no branch": (
        "paradigm:\n",
        "hyperparameters: {C: {float: [1, 2]}}\nparadigm:\n",
        "line 2, column 22: hyperparameters/C: is read by no part of a pipeline; it goes into a "
        "branch of paradigm",
    ),
    "arguments of no branch": (
        "paradigm:\n",
        "hyperparameters: {linaer: {C: {float: [1, 2]}}}\nparadigm:\n",
        "hyperparameters/linaer/C: is read by no part of a pipeline; did you mean 'linear'?",
    ),
    "a misspelt transform": (
        "scale:",
        "sclae:",
        "line 1, column 31: transforms/numeric/sclae: is read by no part of a pipeline; did you "
        "mean 'transforms/numeric/scale'?",
    ),
    "a misspelt axis": (
        "paradigm:\n",
        "featuers: {columns: {subset: table}}\nparadigm:\n",
        "featuers/columns: is read by no part of a pipeline; did you mean 'features'?",
    ),
    "a mask of transforms": (
        "{numeric: {",
        "{numeric: {columns: {subset: table}, ",
        "transforms/numeric/columns: is read by no part of a pipeline",
    ),
    "a share of no ranking": (
        "paradigm:\n",
        "features: {ranking: {keep: {float: [0.1, 1]}}}\nparadigm:\n",
        "features/ranking/keep: is read by no part of a pipeline without features/ranking/crit",
    ),
    "no such column": (
        "paradigm:\n",
        "features: {columns: {subset: [x, zz]}}\nparadigm:\n",
        "line 2, column 21: features/columns: the table has no column 'zz'; did you mean 'z'?",
    ),
    "no such fixed argument": (
        "        regression: sklearn.linear_model.Ridge\n",
        "        fixed: {all: {max_itr: 10}}\n",
        "line 11, column 23: paradigm/linear/estimator/fixed/all/max_itr: "
        "sklearn.linear_model.LogisticRegression: no argument 'max_itr'; did you mean 'max_iter'?",
    ),
    "no such key of an estimator": (
        "{classification: sk",
        "{scale_tagret: true, classification: sk",
        "line 5, column 19: paradigm/bayes/estimator/scale_tagret: is not known; did you mean "
        "'scale_target'?",
    ),
    "an estimator of estimators": (
        "sklearn.naive_bayes.GaussianNB",
        "sklearn.ensemble.VotingClassifier",
        "line 5, column 19: paradigm/bayes/estimator/classification: estimator "
        "'sklearn.ensemble.VotingClassifier' cannot be made without estimators; name a class",
    ),
    "no such activation": (
        "sklearn.naive_bayes.GaussianNB}",
        "jointopt.pipeline.networks.estimators.NetworkClassifier}\n"
        "      architecture: {activation: {categorical: [rleu]}}",
        "architecture/bayes/activation/rleu: is not one of relu, selu, silu, mish, gelu; did you",
    ),
    "a file outside": (
        "{categorical: [none, standard]}",
        "{from: ../x.yaml}",
        "inside the folder",
    ),
    "no such file": ("{categorical: [none, standard]}", "{from: x.yaml}", "no file 'x.yaml'"),
    "a circle": ("{categorical: [none, standard]}", "{from: space.yaml}", "in a circle"),
    "a condition on nothing": ("log: true}", "log: true, unless: {paradgm: [x]}}", "paradgm"),
}


@pytest.mark.parametrize("case", SPACES)
def test_a_space_is_refused(refuses, here, case):
    old, new, message = SPACES[case]
    path = here / "space.yaml"
    text = path.read_text()
    if old is not None:
        assert old in text
        new = text.replace(old, new, 1)
    path.write_bytes(new if isinstance(new, bytes) else new.encode())
    refuses("run t.csv --target y --space space.yaml --trials 1 --workers 1", message)


STUDIES = {
    "no bytes": (None, "", "s.yaml: the file is empty"),
    "Latin-1": (None, b"data: caf\xe9\n", "s.yaml is not UTF-8 text (byte 0xe9)"),
    "a list": (None, "- data\n", "a study definition is a mapping with at least data and target"),
    "half a line": ("target: y", "target y", "s.yaml, line 3, column"),
    "a key twice": ("target: y", "data: u.csv", "line 2, column 1: the key 'data' is there twice"),
    "a number as key": ("target: y", "3: y", "expected a string as key, got 3; quote it"),
    "no target": ("target: y\n", "", "s.yaml: target is missing (or give tables"),
    "a target that is none": ("target: y", "target: [y]", "line 2: target: value should be a val"),
    "a misspelt key": ("budget", "budgte", "line 4: unknown key 'budgte'; did you mean 'budget'"),
    "no duration": ("60s", "soon", "line 4: budget: value 'soon' is not a duration"),
    "no time": ("60s", "0s", "line 4: budget: value '0s' leaves no time"),
    "infinite time": ("60s", ".inf", "line 4: budget: value inf is not a duration"),
    "no trials": ("trials: 3", "trials: 0", "line 5: trials: value should be greater than or eq"),
    "trials in words": (
        "trials: 3",
        "trials: three",
        "line 5: trials: value should be a valid int",
    ),
    "half a worker": (
        "workers: 1",
        "workers: 0.5",
        "line 8: workers: value should be a valid int",
    ),
    "no such strategy": ("random]", "rnadom]", "line 7: strategies/1: value should be 'joint'"),
    "one strategy": ("[joint, random]", "[joint]", "line 7: strategies: List should have at lea"),
    "a seed twice": ("[1, 2]", "[1, 1]", "line 6: seeds: value must be a number of at"),
    "too great a seed of several": (
        "[1, 2]",
        "[1, 5000000000]",
        "different whole numbers from 0 to 4294967295; got [1, 5000000000]",
    ),
    "no seed": ("seeds: [1, 2]", "seeds: 0", "line 6: seeds: value must be a number of at least"),
    "a truth value as seeds": ("[1, 2]", "true", "line 6: seeds: value must be a number of at"),
    "half a seed": ("[1, 2]", "[0, 0.5]", "line 6: seeds: value must be a number of at least 1"),
    "a negative seed": ("seeds: [1, 2]", "seed: -1", "line 6: seed: value should be greater than"),
    "too great a seed": ("seeds: [1, 2]", f"seed: {2**32}", "line 6: seed: value should be less"),
    "no size": ("workers: 1", "memory_limit: 5XB", "line 8: memory_limit: value '5XB' is not a"),
    "no such day": ("target: y", "target: 2020-13-45", "month must be in 1..12"),
    "a date": (
        "target: y",
        "target: 2020-12-31",
        "line 2: target: value should be a valid string",
    ),
    "an object": ("target: y", "target: !!python/name:os.system", "s.yaml, line 2, column 9"),
    "a missing table": ("t.csv", "u.csv", "u.csv: there is no such file"),
    "a missing space": ("space.yaml", "plan.yaml", "plan.yaml cannot be read: No such file"),
    "no column to drop": ("workers: 1", "drop: [w]", "drop: t.csv has no column 'w'"),
    "an order of nothing": ("workers: 1", "order: [paradigm]", "order and shares are of the seq"),
    "table and tables": (
        "workers: 1",
        "tables: [{data: t.csv, target: y}]",
        "s.yaml: give either data and target, or tables; not both",
    ),
    "a table without target": (
        "data: t.csv\ntarget: y\n",
        "tables:\n  - data: t.csv\n",
        "tables/0/target is missing",
    ),
    "a misspelt key of a table": (
        "data: t.csv\ntarget: y\n",
        "tables:\n  - data: t.csv\n    trget: y\n",
        "line 3: unknown key 'tables/0/trget'; did you mean 'target'",
    ),
    "two tables of one name": (
        "data: t.csv\ntarget: y\n",
        "tables: [{data: t.csv, target: y}, {data: t.csv, target: z}]\n",
        "two tables have the same name",
    ),
    "tables and no strategies": (
        "data: t.csv\ntarget: y\nspace: space.yaml\nbudget: 60s\ntrials: 3\nseeds: [1, 2]\n"
        "strategies: [joint, random]\n",
        "tables: [{data: t.csv, target: y}]\n",
        "a study of several tables compares strategies",
    ),
}


def test_a_space_in_the_home_folder_is_looked_for_there(refuses, here, monkeypatch):
    monkeypatch.setenv("HOME", str(here / "home"))
    write_study(here, "space.yaml", "~/plan.yaml")
    refuses("run s.yaml", f"{here}/home/plan.yaml cannot be read: No such file")


def write_study(here, old, new):
    path = here / "s.yaml"
    text = path.read_text()
    if old is not None:
        assert old in text
        new = text.replace(old, new, 1)
    path.write_bytes(new if isinstance(new, bytes) else new.encode())


@pytest.mark.parametrize("case", STUDIES)
def test_a_study_definition_is_refused(refuses, here, case):
    old, new, message = STUDIES[case]
    write_study(here, old, new)
    refuses("run s.yaml", message)


OVER_A_STUDY = {
    # An option over the file is checked as the file is.
    "--budget soon": "--budget: value 'soon' is not a duration",
    "--budget -5s": "--budget: value '-5s' is not a duration",
    "--strategy jiont": "--strategy: value should be 'joint', 'sequential'",
    "--final both": "--final: value should be 'ensemble' or 'single', got 'both'",
    "--memory-limit 5XB": "--memory-limit: value '5XB' is not a size",
    "--trial-timeout never": "--trial-timeout: value 'never' is not a duration",
    "--seed 4294967296": "--seed: value should be less than or equal to 4294967295",
    "--shares paradigm=0": "order and shares are of the sequential strategy",
    "--target yy": "t.csv has no column 'yy' to predict",
    "--space plan.yaml": "plan.yaml cannot be read: No such file",
    "--storage sqlite:///s.db": "--storage and --resume are for a single run",
}


@pytest.mark.parametrize("option", OVER_A_STUDY)
def test_an_option_over_a_study_definition_is_refused(refuses, option):
    refuses(f"run s.yaml {option}", OVER_A_STUDY[option])


@pytest.mark.parametrize("command", ["run", "compare"])
def test_a_target_over_several_tables_is_refused(refuses, here, command):
    write_study(here, "data: t.csv\ntarget: y\n", "tables: [{data: t.csv, target: y}]\n")
    refuses(f"{command} s.yaml --target z", "--target is for one table, and s.yaml lists tables")

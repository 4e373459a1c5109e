from __future__ import annotations

import numpy as np
import pytest

from jointopt.errors import SpaceError
from jointopt.space import Categorical, Choice, Float, Int, Repeat, Space, Subset, load_space

EVERYTHING = """\
transforms:
  k: {int: [1, 40], log: true, default: 5}
  rate: {float: [1e-4, 1e-1], log: true}
  drop: {float: [0, 0.5], step: 0.1}
  scale: {categorical: [none, off, true, ~, 1e-3, "5"], default: ~, unless: {paradigm: [knn]}}
  categorical:
    encode: {categorical: [one_hot]}
features:
  columns: {subset: [age, "km/h"]}
  mask: {subset: table}
paradigm:
  choice:
    knn:
      estimator: {classification: a.B, fixed: {all: {n: 3}}}
    mlp:
      architecture:
        depth: {int: [1, 2]}
        width: {repeat: depth, of: {int: [16, 512], log: true}}
    empty:
  default: mlp
"""


def test_every_kind_of_node():
    space = Space(
        transforms={
            "k": Int(1, 40, log=True, default=5),
            "rate": Float(1e-4, 1e-1, log=True),
            "drop": Float(0, 0.5, step=0.1),
            "scale": Categorical(
                ["none", "off", True, None, 1e-3, "5"], None, {"paradigm": ["knn"]}
            ),
            "categorical": {"encode": Categorical(["one_hot"])},
        },
        features={"columns": Subset(["age", "km/h"]), "mask": Subset("table")},
        paradigm=Choice(
            {
                "knn": {"estimator": {"classification": "a.B", "fixed": {"all": {"n": 3}}}},
                "mlp": {
                    "architecture": {
                        "depth": Int(1, 2),
                        "width": Repeat("depth", Int(16, 512, log=True)),
                    }
                },
                "empty": {},
            },
            default="mlp",
        ),
    )
    assert Space.from_yaml(EVERYTHING) == space
    assert Space.from_yaml(space.to_yaml()) == space


def test_a_class_is_written_as_its_path():
    space = Space(paradigm=Choice({"a": {"estimator": {"classification": Space}}}))
    assert Space.from_yaml(space.to_yaml()).estimators() == {
        "a": {"classification": "jointopt.space.space.Space"}
    }


def fixed(**values):
    estimator = {"classification": "a.B", "fixed": {"all": values}}
    return Space(paradigm=Choice({"a": {"estimator": estimator}}))


def test_values_of_numpy_are_written_as_plain_ones():
    given = fixed(
        rate=np.float64(0.5),
        sizes=(np.int64(3), 2),
        on=np.bool_(1),
        word=np.str_("x"),
        weights={np.str_("a"): np.float32(0.25)},
    )
    plain = fixed(rate=0.5, sizes=[3, 2], on=True, word="x", weights={"a": 0.25})
    assert Space.from_yaml(given.to_yaml()) == plain


@pytest.mark.parametrize("value", [object(), {1}, np.zeros(2), print])
def test_what_yaml_does_not_have_is_refused_where_it_is(value):
    space = fixed(parts=[1, {"one": value}])
    path = "paradigm/a/estimator/fixed/all/parts/1/one"
    kind = type(value).__name__
    with pytest.raises(SpaceError, match=f"^{path}: a value of type {kind} cannot be written to"):
        space.to_yaml()


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("a:\n  s: {categorical: [x], defualt: x}",
         r"^x.yaml, line 2, column 25: a/s: unknown key 'defualt' of categorical; did you"),
        ("a:\n  s: {flaot: [0, 1]}", r"line 2, column 14: a/s/flaot: expected a node or a group, "
         r"got a list; did you mean 'float'\?"),
        ("a: {s: {float: [0, x1]}}", "line 1, column 20: a/s: high must be a number, got 'x1'"),
        ("a: {s: {float: [0, '1']}}", "a/s: high must be a number, got '1'"),
        ("a: {s: {float: [0, 1], step: q}}", "column 30: a/s: step must be a number, got 'q'"),
        ("a: {s: {float: [0, 1, 2]}}", r"a/s: float must be \[low, high\], got \[0, 1, 2\]"),
        ("a: {s: {int: 3}}", r"a/s: int must be \[low, high\], got 3"),
        ("a: {s: {int: [1, 1e2]}}", "a/s: high must be a whole number, got 100.0"),
        ("a: {s: {int: [2, 1]}}", "line 1, column 8: a/s: low must not be above high"),
        ("a: {s: {int: [1, 2], float: [1, 2]}}", "a node is of one kind, got 'int' and 'float'"),
        ("a:\n  s: {int: [1, 2]}\n  s: {int: [1, 2]}",
         "line 3, column 3: a: the key 's' is there twice"),
        ("a: {s: {int: [1, 2]", r"x.yaml, line 1, column 20: expected ',' or"),
        ("a:\n  x: {int: [1, 2], unless: {paradgm: [k]}}\nparadigm: {choice: {k: }}",
         r"x.yaml, line 2, column 6: a/x: unless names 'paradgm'.*; did you mean 'paradigm'"),
        ("a: {w: {repeat: dept, of: {int: [1, 2]}}, depth: {int: [1, 3]}}",
         r"x.yaml, line 1, column 8: a/w: repeats 'dept'.*did you mean 'depth'"),
        ("a: {w: {repeat: n}}", "a/w: repeat needs 'of'"),
        ("a: {w: {repeat: n, of: {int: [2, 1]}}}", "column 24: a/w/0: low must not be above"),
        ("a: {w: {subset: tables}}", "a/w: members must be a list of names or 'table'"),
        ("a: {w: {choice: [k]}}", "column 17: a/w: expected a mapping, got a list"),
        ("a: {w: {choice: {k: {x: {int: [2, 1]}}}}}", "a/w/k/x: low must not be above"),
        ("a: {w: {choice: {k: {hyperparameters: {x: {int: [2, 1]}}}}}}",
         "hyperparameters/w/k/x: low must not"),
        ("a: {w: {choice: {k: {int: [1, 2]}}}}", "a/w/k: a branch is a group of named nodes"),
        ("a: {w: {choice: {k: 3}}}", "a/w/k: expected a mapping, got 3"),
        ("a: {w: {choice: {k: {x: 3}}}}", "a/w/k/x: expected a node or a group, got 3"),
        ("a: {w: {choice: {1: {}}}}", "a/w: expected a string as key, got 1; quote it"),
        ("a: {default: 3}", "column 5: a: name 'default' is a word of the YAML form"),
        ("a: {b/c: {}}", "without '/'"),
        ("a: {b: {categorical: {x: 3}}}", "a/b/categorical/x: expected a node or a group, got 3"),
        ("a: {b: {categorical: [2020-01-01]}}", "a/b: options must be plain values or None"),
        ("a: {b: {categorical: [[x]]}}", "a/b: options must be plain values"),
        ("a: {b: {categorical: x}}", "a/b: categorical must be a list, got 'x'"),
        ("a: {b: !!python/name:os.system x}", "could not determine a constructor"),
        ("a: &a {x: *a}", "is nested too deep"),
        ("a: &a {repeat: n, of: *a}", "is nested too deep"),
        ("a: 3", "a: expected a node or a group, got 3"),
        ("choice: {a: {}}", r"this is a part of a space \(choice\); a space has axes as keys"),
        ("[1]", "expected a mapping, got a list"),
        ("", "x.yaml: the file is empty"),
        ("a: {from: b.yaml}", "a text that is not in a file cannot include 'b.yaml'"),
        ("a: {x: {int: [1, 2], log: maybe}}", "a/x: log must be True or False, got 'maybe'"),
    ],
)  # fmt: skip
def test_messages_say_where(text, match):
    with pytest.raises(SpaceError, match=match):
        Space.from_yaml(text, "x.yaml")


@pytest.fixture
def write(tmp_path):
    def files(**texts):
        for name, text in texts.items():
            path = tmp_path / f"{name.replace('__', '/')}.yaml"
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return tmp_path / "main.yaml"

    return files


def test_includes(write):
    main = write(
        main="transforms: {from: t.yaml}\nparadigm: {choice: {from: paradigms}, default: b}",
        t="x: {from: parts/x.yaml}",
        parts__x="{int: [1, 2]}",
        paradigms__b="hyperparameters: {from: shared/h.yaml}",
        paradigms__a="# nothing\n{}",
        paradigms__shared="ignored: {int: [1, 2]}",
    )
    (main.parent / "paradigms" / "shared").mkdir()
    (main.parent / "paradigms" / "shared" / "h.yaml").write_text("k: {int: [1, 2]}")
    space = load_space(main)
    assert list(space.axes["paradigm"].branches) == ["a", "b", "shared"]
    assert space.default() == {
        "transforms/x": 1,
        "paradigm": "b",
        "hyperparameters/b/k": 1,
    }
    assert load_space(str(main)) == space


def test_only_selects_and_orders(write):
    main = write(
        main="paradigm: {choice: {from: p, only: [c, a]}}", p__a="{}", p__b="{}", p__c="{}"
    )
    assert list(load_space(main).axes["paradigm"].branches) == ["c", "a"]


def test_a_folder_s_files_end_in_either_way(write):
    main = write(main="paradigm: {choice: {from: p, only: [mine, a]}}", p__a="{}")
    (main.parent / "p" / "mine.yml").write_text("k: {int: [1, 2]}")
    assert load_space(main).parameters == ("paradigm", "paradigm/mine/k")
    main.write_text("paradigm: {choice: {from: p}}")
    assert list(load_space(main).axes["paradigm"].branches) == ["a", "mine"]
    (main.parent / "p" / "mine.yaml").write_text("{}")
    with pytest.raises(SpaceError, match=r"from: both mine\.yaml and mine\.yml are there"):
        load_space(main)


def test_one_branch_from_a_file(write):
    main = write(main="paradigm: {choice: {a: {from: p/a.yaml}}}", p__a="k: {int: [1, 2]}")
    assert load_space(main).parameters == ("paradigm", "paradigm/a/k")


@pytest.mark.parametrize(
    ("texts", "match"),
    [
        ({"main": "a: {from: b.yaml}"},
         r"main.yaml, line 1, column 11: a: from: no file '.*b.yaml"),
        ({"main": "a: {from: ../b.yaml}"}, "must be a relative path with '/', inside the folder"),
        ({"main": "a: {from: /etc/b.yaml}"}, "must be a relative path"),
        ({"main": "a: {from: p}"}, "from: expected a file ending in .yaml, got 'p'"),
        ({"main": "a: {from: 3}"}, "from: expected a path, got 3"),
        ({"main": "a: {from: b.yaml, x: {int: [1, 2]}}", "b": "{}"}, "unknown key 'x' of from"),
        ({"main": "a: {from: b.yaml}", "b": "x: {from: main.yaml}"},
         r"from: files include each other in a circle: .*main.yaml -> .*b.yaml -> .*main.yaml"),
        ({"main": "a: {from: main.yaml}"}, "in a circle"),
        ({"main": "a: {from: b.yaml}", "b": "x: {int: [2, 1]}"},
         r"b.yaml, line 1, column 4: a/x: low must not be above"),
        ({"main": "paradigm: {choice: {from: q}}"}, "paradigm: from: no folder '.*q'"),
        ({"main": "paradigm: {choice: {from: p, only: [aa]}}", "p__a": "{}"},
         r"paradigm: only: no file aa.yaml in '.*p'"),
        ({"main": "paradigm: {choice: {from: p, olny: [a]}}", "p__a": "{}"},
         r"unknown key 'olny' of from; did you mean 'only'\?"),
        ({"main": "paradigm: {choice: {from: p}}", "p__a": "x: {int: [2, 1]}"},
         r"p/a.yaml, line 1, column 4: paradigm/a/x: low must not"),
    ],
)  # fmt: skip
def test_includes_that_fail(write, texts, match):
    with pytest.raises(SpaceError, match=match):
        load_space(write(**texts))

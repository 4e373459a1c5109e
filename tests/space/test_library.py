from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import jointopt.space as space_module
from jointopt.errors import SpaceError
from jointopt.space import Space, load_space, space_names


@pytest.mark.parametrize("name", space_names())
def test_shipped_spaces_can_be_used(name):
    space = load_space(name)
    assert Space.from_yaml(space.to_yaml()) == space
    bound = space.bind({"table": ["a", "b"]})
    for config in bound.defaults_by_branch().values():
        bound.validate(config)
    assert bound.size().joint > 0
    assert set(space.estimators()) == set(space.axes["paradigm"].branches)


def test_parts_are_not_spaces():
    assert "tabular" in space_names()
    assert "transforms" not in space_names()


def test_unknown_names():
    with pytest.raises(SpaceError, match=r"no search space 'tabullar'; .*did you mean 'tabular'"):
        load_space("tabullar")


def test_unknown_files(tmp_path):
    with pytest.raises(SpaceError, match=r"nothing.yaml cannot be read: No such file"):
        load_space(tmp_path / "nothing.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"a: \xff")
    with pytest.raises(SpaceError, match=r"latin.yaml is not UTF-8 text"):
        load_space(tmp_path / "latin.yaml")


def test_importing_does_not_import_optuna():
    package = Path(space_module.__file__).parents[1]
    code = (
        "import sys, types; package = types.ModuleType('jointopt'); "
        f"package.__path__ = [{str(package)!r}]; sys.modules['jointopt'] = package; "
        "import jointopt.space; sys.exit('optuna' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

"""The wheel holds everything, and works without the sources."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

import jointopt

ROOT = Path(__file__).parent.parent
CHECK = """
import jointopt, sys
from importlib.resources import files
assert jointopt.__file__.startswith(sys.prefix), jointopt.__file__
space = jointopt.load_space("tabular")
print(len(space.decisions), "decisions")
assert files("jointopt.studies").joinpath("wine.yaml").is_file()
found = jointopt.search(jointopt.Space(transforms={"x": jointopt.Int(0, 5)}),
                        lambda config, trial: config["transforms/x"], n_trials=6)
assert found.best_score == 5
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    sources = folder / "sources"
    ignore = shutil.ignore_patterns(
        ".*", "build", "dist", "*.egg-info", "__pycache__", "tests", "notebooks", "demo"
    )
    shutil.copytree(ROOT, sources, ignore=ignore)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder]
    subprocess.run([*command, sources], check=True, capture_output=True, text=True)
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_every_yaml_and_module(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    content = {
        f"jointopt/{path.relative_to(ROOT)}"
        for folder in ("search_spaces", "studies")
        for path in (ROOT / folder).rglob("*.yaml")
    }
    code = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "jointopt").rglob("*")
        if path.suffix in (".py", ".j2", ".typed")
    }
    assert content | code <= names
    assert not [name for name in names if name.startswith(("tests", "notebooks"))]


def test_the_wheel_works_in_a_fresh_environment(wheel, tmp_path):
    """Dependencies come from this environment; jointopt itself only from the wheel."""
    home = tmp_path / "env"
    venv.create(home)
    python = home / "bin" / "python"
    site = next((home / "lib").glob("python*")) / "site-packages"
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "-q", wheel]
    subprocess.run(pip, check=True, capture_output=True, text=True)
    done = subprocess.run(
        [python, "-c", CHECK], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "decisions" in done.stdout


def test_exported_names_are_those_that_can_be_imported():
    for name in jointopt.__all__:
        assert getattr(jointopt, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        jointopt.__getattr__("nothing")


def test_importing_is_light():
    code = "import jointopt, sys; print([m for m in {modules} if m in sys.modules])"
    heavy = ["torch", "xgboost", "lightgbm", "plotly", "sklearn", "pandas"]
    done = subprocess.run(
        [sys.executable, "-c", code.format(modules=heavy)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"

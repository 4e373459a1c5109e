"""Tables by name, for studies that run anywhere: scikit-learn's and simulated ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jointopt.data.reading import read_table
from jointopt.data.simulated import simulate_table
from jointopt.errors import DataError
from jointopt.files import SIMULATED_PREFIX, is_named

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["BUNDLED", "load_table"]

BUNDLED = ("breast_cancer", "diabetes", "digits", "iris", "wine")


def load_table(source: str) -> pd.DataFrame:
    """Read a table from a file, from those that scikit-learn ships, or simulate one.

    Parameters
    ----------
    source : str
        A path as for `read_table`, or `sklearn:` and one of breast_cancer, diabetes, digits,
        iris, wine (class codes become their names), or `simulated:` and a whole number, the seed
        for `simulate_table`. The target of named tables is `target`.

    Raises
    ------
    DataError
        If there is no such table.

    Examples
    --------
    >>> load_table("sklearn:wine").shape
    (178, 14)
    """
    _, _, name = source.partition(":")
    if not is_named(source):
        return read_table(source)
    if source.startswith(SIMULATED_PREFIX):
        if not name.isdecimal():
            raise DataError(f"{source}: expected a whole number, the seed, as in simulated:7")
        return simulate_table(int(name))
    from sklearn import datasets

    if name not in BUNDLED:
        raise DataError(f"{source}: scikit-learn's tables here are {', '.join(BUNDLED)}")
    loaded = getattr(datasets, f"load_{name}")(as_frame=True)
    frame: pd.DataFrame = loaded.frame
    if "target_names" in loaded:
        names = [str(label) for label in loaded.target_names]
        frame = frame.assign(target=[names[code] for code in loaded.target])
    return frame

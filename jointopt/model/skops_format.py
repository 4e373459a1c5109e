"""skops, which writes and reads estimators without pickle, imported in half of the time.

To know scikit-learn's estimators it imports every package of scikit-learn, among them doors to
other array libraries: torch alone takes seconds, which each prediction on the command line would
pay. No estimator is behind those doors.
"""

from __future__ import annotations

import sys

DOORS = tuple(
    f"sklearn.externals.array_api_compat.{library}" for library in ("cupy", "dask", "torch")
)

_closed = [door for door in DOORS if door not in sys.modules]
sys.modules.update(dict.fromkeys(_closed))  # type: ignore[arg-type]
try:
    from skops.io import dumps, get_untrusted_types, loads
finally:
    for _door in _closed:
        del sys.modules[_door]

__all__ = ["dumps", "get_untrusted_types", "loads"]

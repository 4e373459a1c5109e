"""Execute the notebooks in place, at their full budget, so that they carry their outputs.

Run with `make notebooks`. What libraries write to stderr is left out: it names folders of one
machine.
"""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient


def execute(path: Path) -> None:
    """Run one notebook and write it back."""
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=3600, resources={"metadata": {"path": path.parent}}).execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [o for o in cell.outputs if o.get("name") != "stderr"]
    nbformat.write(notebook, path)


if __name__ == "__main__":
    given = [Path(word) for word in sys.argv[1:]]
    for notebook in given or sorted(Path(__file__).parent.glob("*.ipynb")):
        execute(notebook)

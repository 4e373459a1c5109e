"""Tables that cannot be used, and strange ones that can."""

from __future__ import annotations

import gzip
import io
import os
import re

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import feather, parquet

RUN = "--target y --space space.yaml --trials 1 --workers 1 --out out"
ROWS = [f"{i},{i % 3},{'ab'[i % 2]}" for i in range(20)]
GOOD = "\n".join(["x,z,y", *ROWS, ""])


def columns(**given):
    return pa.table(given | {"y": ["a", "b"] * 6})


def as_parquet(table):
    out = io.BytesIO()
    parquet.write_table(table, out)
    return out.getvalue()


def as_feather(table):
    out = io.BytesIO()
    feather.write_feather(table, out)
    return out.getvalue()


def targets(values):
    return "x,y\n" + "".join(f"{i},{value}\n" for i, value in enumerate(values))


def zipped(text):
    return gzip.compress(text.encode(), mtime=0)


TWELVE = columns(x=list(range(12)))
DOUBLED = pa.Table.from_arrays([pa.array([1, 2])] * 3, names=["x", "x", "y"])
REFUSED = {
    # Text that is none, or not of a table.
    "no bytes": ("t.csv", b"", "t.csv is empty (0 bytes)"),
    "blank lines": ("t.csv", "\n\n \n", "t.csv has no columns"),
    "only a header": ("t.csv", "x,z,y\n", "t.csv has column names but no rows"),
    "only NUL bytes": ("t.csv", bytes(500), "its header holds NUL bytes"),
    "a NUL byte in a name": ("t.csv", GOOD.replace("x", "x\0"), "its header holds NUL bytes"),
    "Latin-1": ("t.csv", GOOD.replace("a\n", "é\n").encode("latin-1"), "UTF-8 text (byte 0xe9)"),
    "UTF-16": ("t.csv", GOOD.encode("utf-16"), "not UTF-8 text (byte 0xff)"),
    "UTF-16 without a mark": ("t.csv", GOOD.encode("utf-16-le"), "if it is UTF-16, save it again"),
    "a cell of a surrogate": ("t.csv", GOOD.encode() + b"\xed\xa0\x80,1,a\n", "not UTF-8 text"),
    "a class like a column": (
        "t.csv",
        GOOD.replace("b\n", "prediction\n"),
        "target 'y' has a class 'prediction', the name of the column of predicted classes",
    ),
    "a row too long": ("t.csv", GOOD.replace("5,2,b", "5,2,b,7"), "line 7 has 4 fields where 3"),
    "all rows too long": ("t.csv", GOOD.replace("b\n", "b,c,d\n"), "line 3 has 5 fields where 3"),
    "a quote never closed": ("t.csv", GOOD.replace("5,2", '5,"2'), "quotation mark in data row 6"),
    "a quote in the header": ("t.csv", '"' + GOOD, "a quotation mark in the header is opened"),
    "a name without end": ("t.csv", "x" * 200_000 + GOOD, "a name of more than 131,072"),
    "semicolons": ("t.csv", GOOD.replace(",", ";"), "separated by semicolons, not by commas"),
    "commas in .tsv": ("t.tsv", GOOD, "separated by commas, not by tabs (.tsv)"),
    "doubled names": ("t.csv", "x,x,y\n1,2,a\n", "more than one column named 'x'"),
    "doubled in .tsv": ("t.tsv", "x\tx\ty\n1\t2\ta\n", "more than one column named 'x'"),
    "a workbook": ("t.xlsx", b"PK\3\4", "the extension '.xlsx' is not known"),
    # Compressed.
    "gzip by a plain name": ("t.csv", zipped(GOOD), "let its name end in .gz"),
    "plain by a gzip name": ("t.csv.gz", GOOD, "t.csv.gz is not a complete gzip file"),
    "half of a gzip file": ("t.csv.gz", zipped(GOOD)[:60], "t.csv.gz is not a complete gzip file"),
    "a damaged gzip file": (
        "t.csv.gz",
        zipped(GOOD)[:20] + b"\xff" * 40,
        "t.csv.gz is not a complete gzip file",
    ),
    "nothing, compressed": ("t.csv.gz", zipped(""), "t.csv.gz has no columns"),
    # Parquet and Feather.
    "text as Parquet": ("t.parquet", GOOD, "cannot be read as a Parquet file"),
    "half of a Parquet file": ("t.parquet", as_parquet(TWELVE)[:300], "read as a Parquet file"),
    "Parquet as Feather": ("t.feather", as_parquet(TWELVE), "cannot be read as a Feather file"),
    "half of a Feather file": ("t.feather", as_feather(TWELVE)[:300], "read as a Feather file"),
    "no rows in Parquet": ("t.parquet", as_parquet(TWELVE[:0]), "has column names but no rows"),
    "doubled in Parquet": ("t.parquet", as_parquet(DOUBLED), "more than one column named 'x'"),
    "doubled in Feather": ("t.feather", as_feather(DOUBLED), "more than one column named 'x'"),
    "an empty name": (
        "t.parquet",
        as_parquet(columns(**{"": [1, 2] * 6})),
        "column 1 has an empt",
    ),
    # Columns and targets.
    "no such target": ("t.csv", GOOD.replace("y", "why"), "t.csv: the table has no column 'y'"),
    "only the target": ("t.csv", "y\n" + "a\nb\n" * 9, "no column beside its target"),
    "no usable column": ("t.csv", "x,y\n" + "1,a\n1,b\n" * 9, "ignored were x: constant"),
    "one row": ("t.csv", "x,y\n1,a\n", "n_samples=1"),
    "a target in one row": ("t.csv", targets(["a", *[""] * 19]), "n_samples=1"),
    "no target in any row": ("t.csv", targets([""] * 20), "'y' is missing in all 20 rows"),
    "one class": ("t.csv", targets("a" * 20), "target 'y' has one class, 'a', in all 20 rows"),
    "a class for each row": ("t.csv", targets("abcdefghij"), "class of its own in each of the 10"),
    "one number": ("t.csv", targets([1.5] * 20), "target 'y'"),
    "an infinite target": ("t.csv", targets(["inf", *range(19)]), "'y' is infinite in 1 row"),
    "a target beyond floats": ("t.csv", targets(["1e400", *range(19)]), "infinite in 1 row"),
    "a target of huge numbers": (
        "t.csv",
        targets(10**400 + i for i in range(20)),
        "class of its own in each of the 20",
    ),
    "a target of dates": (
        "t.parquet",
        as_parquet(
            columns(x=[1, 2] * 6).set_column(1, "y", pa.array(pd.date_range("2020", periods=12)))
        ),
        "target 'y' holds dates",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_table_is_refused(refuses, here, case):
    name, content, message = REFUSED[case]
    (here / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    refuses(f"run {name} {RUN}", message)
    assert not (here / "out").exists()


PLACES = {
    "no file": ("absent.csv", "absent.csv: there is no such file"),
    "a near miss": ("tt.csv", "did you mean 't.csv'"),
    "no folder": ("nowhere/t.csv", "no such file, and no folder nowhere"),
    "a folder": (".", ". is a folder; give the file of a table in it"),
    "a folder by a table's name": ("d.csv", "d.csv is a folder"),
    "a file as a folder": ("t.csv/t.csv", "there is no such file"),
    "no name": ("''", ". is a folder"),
    "a device": ("/dev/null", "/dev/null: there is no such file"),
    "too long a name": ("a" * 300 + ".csv", "File name too long"),
    "no such bundled table": ("sklearn:boston", "scikit-learn's tables here are breast_cancer"),
}


@pytest.mark.parametrize("case", PLACES)
def test_a_place_of_no_table_is_refused(refuses, here, case):
    (here / "d.csv").mkdir()
    name, message = PLACES[case]
    refuses(f"run {name} {RUN}", message)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_a_file_that_may_not_be_read_is_refused(refuses, here, name):
    (here / name).write_bytes(as_parquet(TWELVE))
    (here / name).chmod(0)
    refuses(f"run {name} {RUN}", f"{name} cannot be read")


TARGET = "<b>[bold]y[/bold]</b>"
STRANGE_NAMES = [
    "[red]x[/red]",
    "[/]",
    "../../etc/passwd",
    "/",
    "a/b",
    "a\nb",
    "\U0001f600",
    "<script>alert(1)</script>",
    "{{ 7 * 7 }}",
    "a,b",
    " ",
    "paradigm",
]


def test_names_from_data_are_neither_paths_nor_markup(told, here):
    frame = pd.DataFrame(
        {name: [(i * k) % 11 for i in range(40)] for k, name in enumerate(STRANGE_NAMES, start=2)}
    )
    frame[TARGET] = ["<script>alert(2)</script>", "[/red]"] * 20
    frame.to_parquet(here / "t.parquet")
    masks = "features: {columns: {subset: table}}\n"
    (here / "space.yaml").write_text(masks + (here / "space.yaml").read_text())
    before = {path.name for path in here.iterdir()}
    words = "--space space.yaml --trials 1 --workers 1 --out out"
    assert told(f"run t.parquet --target '{TARGET}' {words}") == (0, "")
    assert {path.name for path in here.iterdir()} - before == {"out"}
    page = (here / "out" / "report.html").read_text()
    assert not re.search(r"<script>alert|<b>\[bold", page)
    assert "&lt;b&gt;[bold]y[/bold]&lt;/b&gt;" in page
    assert "11 of 11 columns ([red]x[/red], [/], ../../etc/passwd, /, a/b, a" in page

from __future__ import annotations

import gzip
import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from jointopt.data import infer_schema, read_table
from jointopt.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

FRAME = pd.DataFrame({"a": [1, 2, 3], "b": ["x", None, "z,ü"], "c": [0.5, 1.5, None]})


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.tsv", "t.tsv.gz", "T.CSV"])
def test_text_round_trip(tmp_path: Path, name: str) -> None:
    FRAME.to_csv(tmp_path / name, index=False, sep="\t" if ".tsv" in name else ",")
    pd.testing.assert_frame_equal(read_table(tmp_path / name), FRAME)


@pytest.mark.parametrize("extension", ["parquet", "feather"])
def test_binary_round_trip(tmp_path: Path, extension: str) -> None:
    frame = FRAME.assign(
        when=pd.date_range("2020-01-01", periods=3, tz="Europe/Berlin"),
        kind=pd.Categorical(["u", "v", "u"]),
        whole=pd.array([1, None, 3], dtype="Int64"),
    )
    path = tmp_path / f"t.{extension}"
    getattr(frame, f"to_{extension}")(path)
    pd.testing.assert_frame_equal(read_table(str(path)), frame)


def test_named_index_of_parquet_becomes_a_column(tmp_path: Path) -> None:
    FRAME.set_index("a").to_parquet(tmp_path / "t.parquet")
    assert list(read_table(tmp_path / "t.parquet").columns) == ["a", "b", "c"]


def test_an_index_that_is_a_column_too_is_left_out(tmp_path: Path) -> None:
    FRAME.set_index("a", drop=False).to_parquet(tmp_path / "t.parquet")
    pd.testing.assert_frame_equal(read_table(tmp_path / "t.parquet"), FRAME, check_dtype=False)


def test_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", b"\xef\xbb\xbfa,b\r\n1,2\r\n")
    assert list(read_table(path).columns) == ["a", "b"]


def test_a_late_string_does_not_split_types(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "a\n" + "1\n" * 300_000 + "x\n")
    schema = infer_schema(read_table(path))
    assert schema.columns[0].kind == "numeric"
    assert schema.columns[0].note == "mixed"


def test_a_long_file_s_types_are_those_of_whole_columns(tmp_path: Path) -> None:
    """Long enough to be read in blocks, which by themselves would have types of their own."""
    first, then = "1,0.5,x,True,,7,9,1\n", "2.5,3,,,late,abc,18446744073709551615,2\n"
    text = "real,float,text,truth,empty,code,large,whole\n" + 140_000 * first + 5_000 * then
    path = write(tmp_path / "t.csv", text)
    found = read_table(path)
    pd.testing.assert_frame_equal(found, pd.read_csv(path, low_memory=False))
    assert found["whole"].dtype == "int64"
    assert found["code"].map(type).eq(str).all()
    path = write(path, text + "1,2,3,4,5,6,7,8,9\n")
    with pytest.raises(DataError, match=r"line 145002 has 9 fields|more fields than the header"):
        read_table(path)


def test_single_column_without_separator_is_a_table(tmp_path: Path) -> None:
    assert read_table(write(tmp_path / "t.csv", "a\n1\n2\n")).shape == (2, 1)


def test_quoted_names_with_commas_and_line_breaks(tmp_path: Path) -> None:
    frame = read_table(write(tmp_path / "t.csv", '\n"a, or\nb",c\n1,2\n'))
    assert list(frame.columns) == ["a, or\nb", "c"]


def test_separators_at_the_end_of_each_row_are_no_column(tmp_path: Path) -> None:
    frame = read_table(write(tmp_path / "t.csv", "a,b\n1,2,\n3,4,\n"))
    assert frame.to_dict("list") == {"a": [1, 3], "b": [2, 4]}


def test_row_names_without_a_name_are_kept(tmp_path: Path) -> None:
    FRAME.to_csv(tmp_path / "t.csv")
    assert list(read_table(tmp_path / "t.csv").columns) == ["Unnamed: 0", "a", "b", "c"]


def test_missing_file_suggests_tables_in_the_folder(tmp_path: Path) -> None:
    write(tmp_path / "train.csv", "a\n1\n")
    with pytest.raises(DataError, match=r"trian.csv: there is no such file; did you mean 'train"):
        read_table(tmp_path / "trian.csv")
    with pytest.raises(DataError, match=r"no such file$"):
        read_table(tmp_path / "something else")
    with pytest.raises(DataError, match="and no folder"):
        read_table(tmp_path / "nowhere" / "train.csv")


def test_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is a folder"):
        read_table(tmp_path)


def test_unknown_extension_lists_the_known(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"'.xlsx' is not known.*\.csv, \.csv\.gz, .*\.feather"):
        read_table(write(tmp_path / "t.xlsx", "a"))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", "", r"is empty \(0 bytes\)"),
        ("t.csv.gz", gzip.compress(b"", mtime=0), "nothing but blank lines"),
        ("t.csv", "\n\n", "nothing but blank lines"),
        ("t.csv", "a,b\n", "column names but no rows"),
        ("t.csv", b"a,b\n1,caf\xe9\n", r"not UTF-8 text \(byte 0xe9\)"),
        ("t.csv", b"caf\xe9,b\n1,2\n", r"not UTF-8 text \(byte 0xe9\)"),
        ("t.csv", "a,b\n1,2\n3,4,5\n", "line 3 has 3 fields where 2 are expected"),
        ("t.csv", "a,b\n1,2,3\n1,2,3\n", r"more fields than the header has names \(2\)"),
        ("t.csv", "a,b\n1,2,3\n3,4,5\n", r"more fields than the header has names \(2\)"),
        ("t.csv", "a,b\n0,1,2\n1,4,5\n", r"more fields than the header has names \(2\)"),
        (
            "t.csv",
            gzip.compress(b"a,b\n1,2\n", mtime=0),
            r"compressed by gzip; let its name end in \.gz",
        ),
        ("t.csv", "a,b\n1,2\n".encode("utf-16"), "not UTF-8 text"),
        ("t.csv", 'a,b\n1,"2\n', "never closed"),
        ("t.csv", "a,b,a,a\n1,2,3,4\n", "more than one column named 'a';"),
        ("t.csv", "a;b\n1;2\n", "separated by semicolons, not by commas"),
        ("t.tsv", "a,b\n1,2\n", r"separated by commas, not by tabs \(\.tsv\)"),
        ("t.csv.gz", b"a,b\n1,2\n", "not a complete gzip file"),
        ("t.csv.gz", gzip.compress(b"a,b\n1,2\n" * 99, mtime=0)[:-9], "not a complete gzip file"),
        (
            "t.csv.gz",
            gzip.compress(b"a\n1\n", mtime=0)[:10] + b"\xff" * 20,
            "not a complete gzip file",
        ),
        ("t.parquet", b"no parquet", "cannot be read as a Parquet file"),
        ("t.feather", b"no feather", "cannot be read as a Feather file"),
    ],
)
def test_malformed_files(tmp_path: Path, name: str, content: str | bytes, message: str) -> None:
    path = write(tmp_path / name, content)
    with pytest.raises(DataError, match=message) as caught:
        read_table(path)
    assert re.match(re.escape(str(path)), str(caught.value))
    assert "\n" not in str(caught.value)


def test_parquet_without_columns_or_rows(tmp_path: Path) -> None:
    pd.DataFrame(index=range(3)).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(DataError, match="has no columns"):
        read_table(tmp_path / "t.parquet")
    FRAME.iloc[:0].to_parquet(tmp_path / "u.parquet")
    with pytest.raises(DataError, match="no rows"):
        read_table(tmp_path / "u.parquet")


@pytest.mark.parametrize("cells_at_once", [2**20, 4])
def test_strings_of_the_training_table_are_strings_in_a_table_to_predict(
    tmp_path, monkeypatch, cells_at_once
):
    monkeypatch.setattr("jointopt.data.reading.BLOCK_CELLS", cells_at_once)
    rows = [
        "0042,TRUE,1.0,a b c d,1.5,1.234",
        'A7,FALSE,1.10,e,2,"0,5"',
        ',UNKNOWN,2.0b,f,3,"1.999,9"',
        "0150,TRUE,1.1,,4,2.500",
    ]
    head = "code,flag,version,note,size,price\n"
    train = read_table(write(tmp_path / "t.csv", head + "\n".join(30 * rows)))
    schema = infer_schema(train)
    new = write(tmp_path / "new.csv", head + "\n".join(rows[i] for i in (0, 3)))
    strings = [*schema.string_columns, "not there"]
    found = schema.apply(read_table(new, strings=strings))
    pd.testing.assert_frame_equal(found, schema.apply(train.iloc[[0, 3]]))


@pytest.mark.parametrize("cells", [["1.0", "2.0", ""], ["1", "2", "3"], ["1.00", "2", "other"]])
@pytest.mark.parametrize("codes", [[1.0, 2.0, np.nan], [1, 2, 3]])
def test_categories_that_were_numbers_are_known_however_a_text_file_writes_them(
    tmp_path, codes, cells
):
    schema = infer_schema(pd.DataFrame({"code": pd.Categorical(10 * codes), "x": range(30)}))
    rows = "".join(f"{cell},0\n" for cell in cells)
    new = read_table(write(tmp_path / "t.csv", f"code,x\n{rows}"), strings=schema.string_columns)
    assert schema.apply(new)["code"].tolist()[:2] == ["1", "2"]


@pytest.mark.parametrize(
    ("codes", "cells"),
    [(["1.0", "1.10", "01"], ["1.0", "1.10", "01"]), ([2**53 + 1, 5, 7], [str(2**53 + 1), ""])],
)
def test_categories_that_are_text_or_long_codes_are_what_is_written(tmp_path, codes, cells):
    schema = infer_schema(pd.DataFrame({"code": pd.Categorical(10 * codes), "x": range(30)}))
    rows = "".join(f"{cell},0\n" for cell in cells)
    new = read_table(write(tmp_path / "t.csv", f"code,x\n{rows}"), strings=schema.string_columns)
    assert schema.apply(new)["code"].fillna("").tolist() == cells


@pytest.mark.parametrize("cells_at_once", [2**20, 1])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_an_empty_line_between_the_rows_of_a_single_column_is_one_without_a_value(
    tmp_path, monkeypatch, cells_at_once, ends
):
    monkeypatch.setattr("jointopt.data.reading.BLOCK_CELLS", cells_at_once)
    path = write(tmp_path / "t.csv", ends.join(["", "", "a", "1", "", "3", '""', "", "", ""]))
    np.testing.assert_array_equal(read_table(path)["a"], [1, np.nan, 3, np.nan])
    assert read_table(path, strings=["a"])["a"].fillna("").tolist() == ["1", "", "3", ""]
    with pytest.raises(DataError, match="column names but no rows"):
        read_table(write(path, "a\n\n\n"))
    assert read_table(write(path, "a,b\n1,2\n\n3,4\n")).shape == (2, 2)

"""Models that are damaged, and tables that a model cannot predict."""

from __future__ import annotations

import json
import os
import shutil
import zipfile

import pytest

MEMBER = "member-0-0-*.skops"
PREDICT = "predict model new.csv --out predictions.csv"


def file_of(model, pattern):
    (found,) = model.glob(pattern)
    return found


def rewritten(**changes):
    """Change `model.json` as an editor would."""

    def change(model):
        path = model / "model.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return change


def replaced(name, make):
    """Write what `make` returns of the file's bytes in place of them."""

    def change(model):
        path = file_of(model, name)
        path.write_bytes(make(path.read_bytes()))

    return change


def archive(**files):
    def write(model):
        with zipfile.ZipFile(file_of(model, MEMBER), "w") as zipped:
            for name, text in files.items():
                zipped.writestr(f"{name}.json", text)

    return write


def folder_in_place(name):
    def change(model):
        path = file_of(model, name)
        path.unlink()
        path.mkdir()

    return change


DAMAGED = {
    "no folder": (shutil.rmtree, "model holds no model: expected model.json in it"),
    "no model.json": (lambda m: (m / "model.json").unlink(), "model holds no model"),
    "a folder model.json": (folder_in_place("model.json"), "model holds no model"),
    "an empty model.json": (replaced("model.json", lambda _: b""), "model.json cannot be read"),
    "half of model.json": (replaced("model.json", lambda b: b[:200]), "model.json cannot be read"),
    "a binary model.json": (
        replaced("model.json", lambda _: b"\xff\0"),
        "cannot be read: Unicode",
    ),
    "a deep model.json": (
        replaced("model.json", lambda _: b"[" * 99_999),
        "cannot be read: Recur",
    ),
    "a list": (replaced("model.json", lambda _: b"[]"), "is not the description of a model"),
    "a mapping": (replaced("model.json", lambda _: b"{}"), "is not the description of a model"),
    "an old format": (rewritten(format=1), "has format 1, this version of jointopt reads"),
    "other classes": (rewritten(classes=["yes", "no"]), "model.json was changed or damaged"),
    "no classes": (rewritten(classes=None), "model.json was changed or damaged"),
    "no members": (rewritten(members=[]), "model.json was changed or damaged"),
    "another task": (rewritten(task="regression"), "model.json was changed or damaged"),
    "no schema": (rewritten(schema={"columns": []}), "model.json was changed or damaged"),
    "a missing member": (lambda m: file_of(m, MEMBER).unlink(), ".skops cannot be read: No such"),
    "a folder member": (folder_in_place(MEMBER), ".skops cannot be read: Is a directory"),
    "an empty member": (replaced(MEMBER, lambda _: b""), ".skops is damaged"),
    "half of a member": (replaced(MEMBER, lambda b: b[: len(b) // 2]), ".skops is damaged"),
    "a member of noise": (replaced(MEMBER, lambda _: os.urandom(500)), ".skops is damaged"),
    "an empty archive": (archive(), ".skops is damaged"),
    "an archive of a list": (archive(schema="[]"), ".skops is damaged"),
    "another version's": (archive(schema='{"protocol": 99}'), ".skops is damaged"),
    "one byte more": (replaced(MEMBER, lambda b: b + b"\0"), ".skops is not the file that"),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_a_damaged_model_is_refused(refuses, model, here, case):
    damage, message = DAMAGED[case]
    damage(model)
    refuses(PREDICT, message)
    assert not (here / "predictions.csv").exists()


def test_a_member_of_another_model_is_refused(refuses, model):
    import skops.io
    from sklearn.dummy import DummyClassifier
    from sklearn.pipeline import make_pipeline

    other = make_pipeline(DummyClassifier()).fit([[1], [2]], [0, 1])
    file_of(model, MEMBER).write_bytes(skops.io.dumps(other))
    refuses(PREDICT, ".skops is not the file that the model was saved with")


def test_a_member_of_another_version_is_refused(refuses, model):
    """Of one with a step that is no more."""
    member = file_of(model, MEMBER)
    with zipfile.ZipFile(member) as zipped:
        files = {name: zipped.read(name) for name in zipped.namelist()}
    step = {"__class__": "Gone", "__module__": "jointopt.pipeline"}
    files["schema.json"] = json.dumps(json.loads(files["schema.json"]) | step).encode()
    with zipfile.ZipFile(member, "w") as zipped:
        for name, content in files.items():
            zipped.writestr(name, content)
    refuses(PREDICT, "what this version of jointopt does not have: jointopt.pipeline.Gone; use")


NEW_TABLES = {
    "a missing column": ("new.csv", "a,c\n1,u\n", "the table lacks the column 'd' that the model"),
    "a renamed column": ("new.csv", "a,c,D\n1,u,\n", "the table lacks the column 'd'"),
    "no common column": ("new.csv", "x\n1\n", "the table lacks the 3 columns 'a', 'c', 'd'"),
    "only a header": ("new.csv", "a,c,d\n", "new.csv has column names but no rows"),
    "no bytes": ("new.csv", "", "new.csv is empty (0 bytes)"),
    "doubled names": ("new.csv", "a,a,c,d\n1,2,u,\n", "more than one column named 'a'"),
    "semicolons": ("new.csv", "a;c;d\n1;u;\n", "separated by semicolons"),
    "a row too long": ("new.csv", "a,c,d\n1,u,\n1,u,,,,\n", "line 3 has 6 fields where 3"),
    "a workbook": ("new.xlsx", "PK", "the extension '.xlsx' is not known"),
}


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize("case", NEW_TABLES)
def test_a_table_that_the_model_cannot_take_is_refused(refuses, here, case):
    name, text, message = NEW_TABLES[case]
    (here / name).write_text(text)
    refuses(f"predict model {name} --out predictions.csv", message)


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize(
    "row",
    ["words,7,nothing", "inf,,", ",,", f"{'9' * 400},u,9999-99-99", '"[/]",<b>,2020-01-01'],
)
def test_values_of_another_kind_are_read_as_missing(told, here, row):
    (here / "new.csv").write_text(f"a,c,d,more\n{row},1\n")
    assert told(PREDICT) == (0, "")
    assert len((here / "predictions.csv").read_text().splitlines()) == 2


OUTPUTS = {
    "predict model new.csv": "Missing option '--out'",
    "predict model new.csv --out nowhere/p.csv": "the folder nowhere does not exist",
    "predict model new.csv --out model": "--out model is a folder; give the name of a CSV file",
    "predict model new.csv --out /dev/full": "--out /dev/full cannot be written: No space left",
    "predict new.csv new.csv --out p.csv": "new.csv holds no model",
    "predict model absent.csv --out p.csv": "absent.csv: there is no such file",
    "predict model model --out p.csv": "model is a folder; give the file of a table in it",
}


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize("command", OUTPUTS)
def test_a_prediction_is_refused(refuses, command):
    refuses(command, OUTPUTS[command])

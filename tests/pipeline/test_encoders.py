"""Categories as codes."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.preprocessing import OrdinalEncoder

from jointopt.pipeline.encoders import CategoryCodes


def test_codes_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    words = np.array(["b", "a", "Ä", "c d", np.nan], dtype=object)
    drawn = {"u": rng.choice(words, 50), "v": rng.choice(words[:2], 50)}
    table = pd.DataFrame(drawn, index=range(7, 57), dtype=object).assign(x=rng.normal(size=50))
    new = table.tail(20).copy()
    new.loc[40:45, ["u", "v"]] = "never seen"
    encoder = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=-2, encoded_missing_value=-1
    )
    parts = [("codes", encoder, ["u", "v"]), ("others", "passthrough", ["x"])]
    theirs = ColumnTransformer(parts, verbose_feature_names_out=False).fit(table)
    ours = CategoryCodes(["u", "v"]).fit(table)
    for rows in (table, new):
        expected = theirs.set_output(transform="pandas").transform(rows)
        pd.testing.assert_frame_equal(ours.transform(rows), expected)


def test_a_missing_category_is_told_from_an_unknown_one_though_none_was_missing():
    codes = CategoryCodes(["u"]).fit(pd.DataFrame({"u": ["b", "a"]}, dtype=object))
    rows = pd.DataFrame({"u": ["a", None, "c", np.nan]}, dtype=object)
    assert codes.transform(rows)["u"].tolist() == [0, -1, -2, -1]

"""Print README's table of scores on held-out rows, in Markdown.

`python tests/benchmarks/held_out_table.py DATA RESULTS.jsonl ...` reads what the evaluation driver
wrote, one record for each system, table and seed. DATA holds a folder with a meta.json for each
table. Scores are means over seeds, in the metric's own sign; the best of each table is bold.
"""

from __future__ import annotations

import json
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import pandas as pd

NAMES = {
    "jointopt": "jointopt",
    "autogluon_best": "AutoGluon best",
    "autogluon_medium": "AutoGluon medium",
    "flaml": "FLAML",
    "mljar": "MLJAR",
    "tpot": "TPOT",
    "optuna": "plain Optuna",
    "hgb": "HistGB",
    "linear": "linear",
}
PACKAGES = ("jointopt", "optuna", "scikit-learn", "lightgbm", "xgboost", "torch")


def read(paths: list[str]) -> pd.DataFrame:
    """Return the records; a system and table that several files have counts in the first."""
    files = [
        pd.DataFrame(map(json.loads, Path(path).read_text(encoding="utf-8").splitlines()))
        for path in paths
    ]
    kept = pd.concat(files, ignore_index=True)
    return kept.drop_duplicates(["system", "dataset", "seed", "budget"])


def table(records: pd.DataFrame, data: Path) -> str:
    """Return the table of one budget."""
    scores = records.groupby(["dataset", "system"])["score"].mean().unstack()
    scores = scores[[name for name in NAMES if name in scores]]
    ranks = scores.rank(axis=1, ascending=False, na_option="bottom")
    heads = [f"{NAMES[name]}{_seeds(records, name)}" for name in scores]
    lines = [_row(["table", "metric", *heads]), "|---" * (len(heads) + 2) + "|"]
    for name, row in scores.iterrows():
        meta = json.loads((data / str(name) / "meta.json").read_text(encoding="utf-8"))
        sign = records.loc[records["dataset"] == name, "sign"].iloc[0]
        cells = [_cell(sign * score, is_best=score == row.max()) for score in row]
        arrow = "↑" if sign > 0 else "↓"
        lines.append(
            _row([f"{name}, {meta['train_rows']:,} rows", f"{meta['metric']} {arrow}", *cells])
        )
    lines.append(_row(["mean rank", "", *(f"{rank:.2f}" for rank in ranks.mean())]))
    if "jointopt" in scores:
        others = scores.drop(columns="jointopt")
        wins = others.lt(scores["jointopt"], axis=0).sum() + others.isna().sum()
        cells = ["", *(f"{n} of {len(scores)}" for n in wins)]
        lines.append(_row(["jointopt is better on", "", *cells]))
    return "\n".join(lines)


def _seeds(records: pd.DataFrame, system: str) -> str:
    seeds = records.loc[records["system"] == system, "seed"].nunique()
    return f" ({seeds} seeds)" if seeds > 1 else ""


def _cell(score: float, *, is_best: bool) -> str:
    if pd.isna(score):
        return "failed"
    text = (
        f"{score:.4f}"
        if abs(score) < 2
        else f"{score:.2f}"
        if abs(score) < 100
        else f"{score:.0f}"
    )
    return f"**{text}**" if is_best else text


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _seconds(records: pd.DataFrame) -> str:
    own = records[records["system"] == "jointopt"]
    if own.empty:
        return ""
    fit, predict = own["wall_seconds_fit"], own["wall_seconds_predict"]
    return (
        f"`jointopt run`: {fit.min():.0f} to {fit.max():.0f} s, at most "
        f"{own['peak_tree_mb'].max() / 1000:.1f} GB over its processes; `jointopt predict`: "
        f"{predict.min():.0f} to {predict.max():.0f} s."
    )


def main(arguments: list[str]) -> None:
    """Print a table for each budget, and what it was measured with."""
    data, *paths = arguments
    parts = [
        f"{budget:g} seconds\n\n{table(records, Path(data))}\n\n{_seconds(records)}"
        for budget, records in read(paths).groupby("budget")
    ]
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    machine = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    parts.append(f"{datetime.now(UTC):%Y-%m-%d}; {versions}; {machine}")
    sys.stdout.write("\n\n".join(parts) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])

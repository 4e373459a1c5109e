"""Draw the pictures of the README from real searches, as SVG beside this file in `images/`.

Run with `make pictures`; it needs Debian's chromium, in which plotly draws.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import plotly.offline
from playwright.sync_api import sync_playwright

from jointopt import compare_on_truth, load_space
from jointopt.insight.enumeration import small_dataset
from jointopt.insight.ground_truth import GroundTruth
from jointopt.pipeline.adapt import adapt_space

if TYPE_CHECKING:
    import plotly.graph_objects as go

HERE = Path(__file__).parent
SCORES = HERE.parent / "tests" / "benchmarks" / "data" / "small_diabetes.parquet"
WIDTH, HEIGHT = 760, 380


def pictures() -> dict[str, go.Figure]:
    """Return the figures by name, of all scores of 42,075 pipelines of the diabetes table."""
    space = adapt_space(load_space("small"), small_dataset())
    truth = GroundTruth.load(SCORES, space)
    strategies = ("joint", "sequential", "alternating", "random")
    found = compare_on_truth(truth, strategies, n_trials=300, seeds=10, name="diabetes")
    return {"anytime": found.plot.anytime(), "interactions": found.plot.interactions()}


def draw(figures: dict[str, go.Figure]) -> None:
    """Write each figure as SVG, numbers in it rounded to what an eye can tell apart."""
    with sync_playwright() as api:
        browser = api.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page()
        page.add_script_tag(content=plotly.offline.get_plotlyjs())
        for name, figure in figures.items():
            figure.update_layout(template="plotly_white", paper_bgcolor="white")
            svg = page.evaluate(
                """async ([figure, width, height]) => decodeURIComponent(
                    (await Plotly.toImage(JSON.parse(figure), {format: "svg", width, height}))
                    .replace("data:image/svg+xml,", ""))""",
                [figure.to_json(), WIDTH, HEIGHT],
            )
            target = HERE / "images" / f"{name}.svg"
            target.parent.mkdir(exist_ok=True)
            target.write_text(re.sub(r"(\d+\.\d)\d+", r"\1", svg), encoding="utf-8")
        browser.close()


if __name__ == "__main__":
    draw(pictures())

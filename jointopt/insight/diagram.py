"""A pipeline as scikit-learn's diagram."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from markupsafe import Markup
from sklearn.utils import estimator_html_repr

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

__all__ = ["pipeline_diagram"]

COPY_BUTTON: Final = re.compile(r'<button type="button" class="copy-paste-icon".*?</button>', re.S)

SCRIPT: Final = re.compile(r"<script.*?</script>", re.S)

COLORS: Final = """<style>
.sk-global { --sklearn-color-text-on-default-background: black; --sklearn-color-background: white;
  --sklearn-color-border-box: black; --sklearn-color-icon: #696969; }
@media screen and (prefers-color-scheme: dark) {
  .sk-global { --sklearn-color-text-on-default-background: white;
    --sklearn-color-background: transparent; --sklearn-color-border-box: white;
    --sklearn-color-icon: #a9b3c0; }
}
.user-set td, .user-set td.value, .user-set td a { color: #a63c00 !important; }
</style>"""
"""Scikit-learn's script chooses them only when it is loaded; its orange is too pale to read."""


def pipeline_diagram(pipeline: Pipeline) -> Markup:
    """Return scikit-learn's diagram without its scripts and what needs them; it unfolds without.

    A button within another control is not announced by screen readers, and what scrolls must be
    reached from the keyboard.
    """
    drawn = SCRIPT.sub("", COPY_BUTTON.sub("", estimator_html_repr(pipeline)))
    drawn = drawn.replace(
        '<div class="features-container">', '<div class="features-container" tabindex="0">'
    )
    return Markup(drawn + COLORS)

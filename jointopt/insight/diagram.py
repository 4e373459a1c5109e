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
.sk-global { --sklearn-color-text-on-default-background: var(--ink);
  --sklearn-color-background: var(--paper); --sklearn-color-border-box: var(--ink);
  --sklearn-color-icon: #808080; }
.user-set td, .user-set td.value, .user-set td a { color: #a63c00 !important; }
</style>"""
"""The page's own: scikit-learn's script chooses only once, and its orange is too pale to read."""


def pipeline_diagram(pipeline: Pipeline) -> Markup:
    """Return scikit-learn's diagram without its scripts and what needs them; it unfolds without.

    A button within another control is not announced by screen readers, and what scrolls must be
    reached from the keyboard. The page has to say what `--ink` and `--paper` are.
    """
    drawn = SCRIPT.sub("", COPY_BUTTON.sub("", estimator_html_repr(pipeline)))
    drawn = drawn.replace(
        '<div class="features-container">', '<div class="features-container" tabindex="0">'
    )
    return Markup(drawn + COLORS)

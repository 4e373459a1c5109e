"""A pipeline as scikit-learn's diagram."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from markupsafe import Markup
from sklearn.utils import estimator_html_repr

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

__all__ = ["pipeline_diagram", "still_diagram"]

COPY_BUTTON: Final = re.compile(r'<button type="button" class="copy-paste-icon".*?</button>', re.S)

SCRIPT: Final = re.compile(r"<script.*?</script>", re.S)


def pipeline_diagram(pipeline: Pipeline) -> Markup:
    """Return scikit-learn's diagram without its buttons inside what unfolds.

    A button within another control is not announced by screen readers.
    """
    return Markup(COPY_BUTTON.sub("", estimator_html_repr(pipeline)))


def still_diagram(pipeline: Pipeline) -> Markup:
    """Return the diagram without scripts; it unfolds without them."""
    return Markup(SCRIPT.sub("", pipeline_diagram(pipeline)))

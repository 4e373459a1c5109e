"""A fitted model as one ONNX graph, which runs without Python and without jointopt.

The general converters were tried first (skl2onnx 1.20, onnxmltools 1.16): they compute in single
precision, which turns values to the other side of a tree's threshold, they fail on doubles for
LightGBM and XGBoost, and send missing values the wrong way in forests. So the graphs are written
here, in doubles, rounded only where the library that was fitted rounds.
"""

from __future__ import annotations

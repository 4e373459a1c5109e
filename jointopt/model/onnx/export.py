"""From a fitted model to an ONNX file, checked by running it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime
from google.protobuf.message import EncodeError
from onnx import ModelProto, TensorProto, checker, helper

from jointopt.data.scores import LEAST_PROBABILITY
from jointopt.errors import ModelError
from jointopt.model.onnx.estimators import predict
from jointopt.model.onnx.graph import ML, Graph, InexpressibleError, Value
from jointopt.model.onnx.table import MISSING, Inputs, Table
from jointopt.model.onnx.transformers import transform

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

    from jointopt.model.fitted import FittedModel, Member

__all__ = ["check_onnx", "onnx_model", "run_onnx"]

OPSET, ML_OPSET, IR_VERSION = 18, 3, 8
"""Old enough for runtimes of 2023; newer ones read them as well."""
TOLERANCE = 1e-5
LABEL, PROBABILITIES = "prediction", "probabilities"


def onnx_model(model: FittedModel) -> ModelProto:
    """Return a model as an ONNX graph.

    Its inputs are the columns that the model uses, by name, each of shape (n_rows, 1): doubles,
    NaN where missing, for numbers; strings, "" where missing, for categories. Its outputs are
    `prediction`, shape (n_rows,), and for classes `probabilities`, shape (n_rows, n_classes).

    Parameters
    ----------
    model : FittedModel
        A single pipeline or an ensemble.

    Raises
    ------
    ModelError
        If ONNX cannot express a step, which the message names, or the file would be too large.
    """
    graph = Graph()
    inputs = Inputs(graph, model.schema)
    if taken := {LABEL, PROBABILITIES} & {column.name for column in model.schema.used}:
        raise ModelError(
            f"the column {min(taken)!r} has the name of an output of the ONNX model; rename it "
            "in the training table and run again"
        )
    parts = [_member(member, inputs, model.classes) for member in model.members]
    outputs = _outputs(graph, graph.add("Sum", *parts), model)
    return _proto(graph, inputs, outputs, model)


def _member(member: Member, inputs: Inputs, classes: NDArray[Any] | None) -> Value:
    """Return a member's predictions times its weight."""
    try:
        parts = [
            inputs.graph.add("Mul", _pipeline(pipeline, inputs, classes), member.weight * share)
            for pipeline, share in zip(member.pipelines, member.shares, strict=True)
        ]
    except InexpressibleError as error:
        paradigm = member.config.get("paradigm")
        raise ModelError(
            f"ONNX cannot express {error}, in {paradigm} of trial {member.trial}, weight "
            f"{member.weight:.2f}. Run again with --space set to a copy of the space without it, "
            "or with --final single if the best single pipeline does not have it; or deploy the "
            "folder model/ with its predict.py"
        ) from error
    return inputs.graph.add("Sum", *parts)


def _pipeline(pipeline: Pipeline, inputs: Inputs, classes: NDArray[Any] | None) -> Value:
    graph, table = inputs.graph, Table(inputs)
    x: Value = ""
    for name, step in pipeline.steps[:-1]:
        match name:
            case "codes":
                table.code(step)
            case "mask":
                table.mask(step)
            case "columns":
                x = table.matrix(step)
            case _:
                x = transform(step, graph, x)
    found = predict(pipeline[-1], graph, x)
    if classes is None or len(pipeline.classes_) == len(classes):
        return found
    # A training fold may lack a rare class.
    return graph.add("MatMul", found, np.eye(len(classes))[np.asarray(pipeline.classes_)])


def _outputs(graph: Graph, total: Value, model: FittedModel) -> list[Any]:
    """Name the outputs and return their declarations."""
    classes, weights = model.classes, model.decision_weights
    if classes is None:
        _name(graph, graph.add("Reshape", total, [-1]), LABEL)
        return [helper.make_tensor_value_info(LABEL, TensorProto.DOUBLE, [None])]
    if model.temperature != 1.0:
        total = _calibrated(graph, total, model.temperature)
    labels = graph.constant(classes)
    element = graph.initializers[-1].data_type
    weighted = total if weights is None else graph.add("Mul", total, graph.constant(weights))
    best = graph.add("ArgMax", weighted, axis=1, keepdims=0)
    _name(graph, graph.add("Gather", labels, best), LABEL)
    _name(graph, total, PROBABILITIES)
    shape = [None, len(classes)]
    return [
        helper.make_tensor_value_info(LABEL, element, [None]),
        helper.make_tensor_value_info(PROBABILITIES, TensorProto.DOUBLE, shape),
    ]


def _calibrated(graph: Graph, probabilities: Value, temperature: float) -> Value:
    least = graph.add("Max", probabilities, LEAST_PROBABILITY)
    powers = graph.add("Pow", least, 1 / temperature)
    return graph.add("Div", powers, graph.add("ReduceSum", powers, np.array([1])))


def _name(graph: Graph, value: Value, name: str) -> None:
    graph.nodes.append(helper.make_node("Identity", [value], [name]))


def _proto(graph: Graph, inputs: Inputs, outputs: list[Any], model: FittedModel) -> ModelProto:
    body = helper.make_graph(
        graph.nodes, "jointopt", list(inputs.declared.values()), outputs, graph.initializers
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(ML, ML_OPSET)]
    proto = helper.make_model(
        body,
        opset_imports=opsets,
        ir_version=IR_VERSION,
        producer_name="jointopt",
        producer_version=str(model.facts["jointopt"]),
        doc_string=f"{model.task} of {model.target}; missing numbers are NaN, categories ''",
    )
    try:
        checker.check_model(proto)
    except EncodeError as error:
        raise ModelError(
            "the model is too large for an ONNX file, which holds 2 GB at most; run again with "
            "--final single or a space of smaller models, or deploy the folder model/ with its "
            "predict.py"
        ) from error
    return proto


def run_onnx(data: bytes, X: pd.DataFrame) -> NDArray[Any]:
    """Return what an ONNX model predicts: probabilities, or values.

    Parameters
    ----------
    data : bytes
        The file's content.
    X : DataFrame
        Rows that the model's schema has normalised.
    """
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    feed = {}
    for declared in session.get_inputs():
        column = X[[declared.name]]
        text = declared.type == "tensor(string)"
        feed[declared.name] = (column.fillna(MISSING) if text else column).to_numpy()
    names = [output.name for output in session.get_outputs()]
    wanted = PROBABILITIES if PROBABILITIES in names else LABEL
    (found,) = session.run([wanted], feed)
    return np.asarray(found)


def check_onnx(data: bytes, model: FittedModel, frame: pd.DataFrame) -> float:
    """Run an ONNX model beside the model that it was made of.

    Parameters
    ----------
    data : bytes
        The file's content.
    model : FittedModel
        What it was made of.
    frame : DataFrame
        Rows with the training columns.

    Returns
    -------
    float
        The largest difference between predictions, relative to the greatest of 1, the prediction
        and the standard deviation of all: of probabilities that is 1, and trees that add up large
        numbers in single precision are as far off where these cancel out.

    Raises
    ------
    ModelError
        If it is greater than 1e-5.
    """
    X = model.schema.apply(frame)
    expected = model.predict(frame) if model.classes is None else model.predict_proba(frame)
    found = run_onnx(data, X)
    size = np.maximum(np.abs(expected), expected.std())
    largest = float((np.abs(found - expected) / np.maximum(1.0, size)).max())
    if not largest <= TOLERANCE:
        raise ModelError(
            f"the ONNX model's predictions of {len(X)} rows differ from the model's by up to "
            f"{largest:.2g}, more than {TOLERANCE:g}: nothing was written. Deploy the folder "
            "model/ with its predict.py, or tell jointopt's authors which pipeline it is"
        )
    return largest

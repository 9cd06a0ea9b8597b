"""A trained network as an ONNX model, checked against the network itself by onnxruntime.

The model takes ``images``, float32 (n, pixels) from 0 (black) to 1 (white), and gives ``probabilities``, float32 (n, classes).
The names of the classes and the shape of an image are in its metadata.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mnist_np.component import UserError
from mnist_np.extras import install_command
from mnist_np.files import write_atomically
from mnist_np.nn.arrays import Array
from mnist_np.portable.mnist_np_inference import Step
from mnist_np.portable.program import ExportError, probabilities, steps_of
from mnist_np.storage.weights import Weights

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, TensorProto

OPSET, IR_VERSION = 17, 8
"""The least that has all that is used: what most runtimes have read since 2022."""

TOLERANCE = 1e-5
"""The greatest difference of a probability from the network's own."""


def write_onnx(path: Path, weights: Weights) -> float:
    """Write the network as an ONNX model that gives the same probabilities and classes on all test images.

    Returns:
        The greatest difference of a probability.

    Raises:
        ExportError: the packages are missing, a component has no form in ONNX, the model does not give the same, or the run's
            data are not there.
        OSError: it cannot be written.
    """
    try:
        import onnx
        import onnxruntime
    except ImportError:
        raise ExportError(f"ONNX needs the packages onnx and onnxruntime: {install_command('onnx')}") from None
    model = to_onnx(weights)
    onnx.checker.check_model(model, full_check=True)
    content = model.SerializeToString()
    onnxruntime.set_default_logger_severity(3)
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    difference = check(weights, lambda images: session.run(["probabilities"], {"images": images})[0])
    write_atomically(path, content)
    return difference


def check(weights: Weights, predict: Callable[[Array], Array]) -> float:
    """The greatest difference of ``predict`` from the network on the run's test images. Raises ExportError if it is too large."""
    try:
        data = weights.experiment.load_data()
    except UserError as error:
        raise ExportError(f"an ONNX model is checked on the run's data, which cannot be read: {error}") from None
    then = weights.about.get("data")
    if data.image_shape != weights.image_shape or (isinstance(then, dict) and then.get("sha256") != data.sha256):
        raise ExportError(f"{data.source}: the data are not those of the run, on which an ONNX model is checked")
    images = weights.pixels.inverse(data.test.X).astype(np.float32)
    with np.errstate(all="ignore"):
        expected = weights.network.predict_proba(weights.pixels(images))
    found = predict(images)
    if not np.isfinite(expected).all():
        raise ExportError("the network's outputs are not finite numbers: its weights are too large")
    difference = float(np.abs(found - expected).max())
    others = np.count_nonzero(found.argmax(axis=1) != expected.argmax(axis=1))
    if not difference <= TOLERANCE or others:
        far = f"probabilities differ by up to {difference:.1e} from the network's, and {others} classes"
        raise ExportError(f"the ONNX model's {far}: it is not written")
    return difference


class Graph:
    """The nodes and constants of a model, as they are added."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []

    def add(self, operator: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """Add a node; gives the name of its output."""
        from onnx import helper

        name = output or f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], name=f"{len(self.nodes)}_{operator}", **attributes))
        return name

    def split(self, X: str, n: int) -> list[str]:
        """Add a node that splits the columns into n equal parts; gives their names."""
        from onnx import helper

        names = [f"split_{len(self.nodes)}_{i}" for i in range(n)]
        self.nodes.append(helper.make_node("Split", [X], names, name=f"{len(self.nodes)}_Split", axis=1))
        return names

    def constant(self, value: object, name: str = "") -> str:
        """Add numbers in single precision; gives their name."""
        from onnx import numpy_helper

        name = name or f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, np.float32), name))
        return name


def to_onnx(weights: Weights) -> ModelProto:
    """The network as an ``onnx.ModelProto``. Raises ExportError for a component that has no form in ONNX."""
    from onnx import TensorProto, helper

    import mnist_np

    graph, (steps, arrays) = Graph(), steps_of(weights)
    X = prepared(graph, weights)
    for step in [*steps, *probabilities(weights.experiment.loss)]:
        X = LAYERS[step["op"]](graph, X, step, arrays)
    graph.add("Identity", X, output="probabilities")
    inputs = [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", weights.network.n_in])]
    outputs = [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", weights.network.n_out])]
    made = helper.make_graph(graph.nodes, "network", inputs, outputs, graph.constants)
    opsets = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(
        made, opset_imports=opsets, ir_version=IR_VERSION, producer_name="mnist-np", producer_version=mnist_np.__version__
    )
    about = {"class_names": list(weights.class_names), "image_shape": list(weights.image_shape)}
    helper.set_model_props(model, {key: json.dumps(value) for key, value in about.items()})
    return model


def prepared(graph: Graph, weights: Weights) -> str:
    """The pixels as the network sees them."""
    from onnx import TensorProto

    pixels = weights.pixels
    if pixels.binary:
        return graph.add("Cast", graph.add("GreaterOrEqual", "images", graph.constant(0.5)), to=TensorProto.FLOAT)
    return graph.add("Add", graph.add("Mul", "images", graph.constant(pixels.gain)), graph.constant(pixels.offset))


def dense(graph: Graph, X: str, step: Step, arrays: dict[str, Array]) -> str:
    return graph.add("Gemm", X, *(graph.constant(arrays[step[name]], step[name]) for name in ("W", "b")))


def batch_norm(graph: Graph, X: str, step: Step, arrays: dict[str, Array]) -> str:
    names = ("gamma", "beta", "mean", "variance")
    given = [graph.constant(arrays[step[name]], step[name]) for name in names]
    return graph.add("BatchNormalization", X, *given, epsilon=step["epsilon"])


def layer_norm(graph: Graph, X: str, step: Step, arrays: dict[str, Array]) -> str:
    given = [graph.constant(arrays[step[name]], step[name]) for name in ("gamma", "beta")]
    return graph.add("LayerNormalization", X, *given, axis=-1, epsilon=step["epsilon"])


def function(graph: Graph, X: str, step: Step, arrays: dict[str, Array]) -> str:
    made = FUNCTIONS.get(step["name"])
    if made is None:
        raise ExportError(f"{step['name']} has no form in ONNX")
    return made(graph, X, **step["parameters"])


def gelu(g: Graph, Z: str, form: str) -> str:
    if form == "tanh":
        cube = g.add("Mul", g.add("Mul", Z, Z), Z)
        inner = g.add("Add", Z, g.add("Mul", cube, g.constant(0.044715)))
        gate = g.add("Tanh", g.add("Mul", inner, g.constant(math.sqrt(2 / math.pi))))
    else:
        gate = g.add("Erf", g.add("Mul", Z, g.constant(1 / math.sqrt(2))))
    return g.add("Mul", g.add("Mul", Z, g.constant(0.5)), g.add("Add", gate, g.constant(1)))


def scaled_tanh(g: Graph, Z: str, amplitude: float, slope: float) -> str:
    return g.add("Mul", g.add("Tanh", g.add("Mul", Z, g.constant(slope))), g.constant(amplitude))


LAYERS = {"dense": dense, "batch_norm": batch_norm, "layer_norm": layer_norm, "function": function}

FUNCTIONS: dict[str, Callable[..., str]] = {
    "relu": lambda g, Z: g.add("Relu", Z),
    "leaky_relu": lambda g, Z, alpha: g.add("Max", Z, g.add("Mul", Z, g.constant(alpha))),
    "elu": lambda g, Z, alpha: g.add("Elu", Z, alpha=float(alpha)),
    "selu": lambda g, Z: g.add("Selu", Z, alpha=1.6732632423543772, gamma=1.0507009873554805),
    "gelu": gelu,
    "silu": lambda g, Z: g.add("Mul", Z, g.add("Sigmoid", Z)),
    "softplus": lambda g, Z: g.add("Softplus", Z),
    "softsign": lambda g, Z: g.add("Softsign", Z),
    "tanh": lambda g, Z: g.add("Tanh", Z),
    "scaled_tanh": scaled_tanh,
    "sigmoid": lambda g, Z: g.add("Sigmoid", Z),
    "hard_sigmoid": lambda g, Z, slope: g.add("HardSigmoid", Z, alpha=float(slope), beta=0.5),
    "identity": lambda g, Z: Z,
    "maxout": lambda g, Z, pieces: g.add("Max", *g.split(Z, pieces)),
    "softmax": lambda g, Z: g.add("Softmax", Z, axis=1),
    "clip": lambda g, Z: g.add("Clip", Z, g.constant(0), g.constant(1)),
}
"""What `mnist_np_inference` knows, by the same names."""

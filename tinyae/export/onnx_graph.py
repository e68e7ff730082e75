"""tinyae's layers as nodes of an ONNX graph. Needs onnx: imported by `tinyae.export.onnx_file` when it is used."""

import numpy as np
import onnx
from onnx import helper, numpy_helper

from tinyae.export.borders import pool_border, transpose_border
from tinyae.export.chain import Move, check_known, layers_of, with_moves
from tinyae.layers import (
    ActivityPenalty,
    AveragePool,
    BatchNorm,
    Conv2D,
    ConvTranspose,
    Crop,
    Dense,
    Dropout,
    Flatten,
    GaussianCode,
    GaussianNoise,
    KSparse,
    LeakyReLU,
    Linear,
    MaxPool,
    ReLU,
    Reshape,
    Sigmoid,
    Softmax,
    Softplus,
    Tanh,
    TiedDense,
    UpSample,
    ZeroPad,
)
from tinyae.version import __version__

# Old enough for every runtime of the last years, new enough for all that is used here.
OPSET, IR_VERSION = 17, 8


def model_of(nets):
    """The checked onnx.ModelProto of nets {name: Sequential}, one after the other."""
    check_known("to_onnx", "ONNX", nets, NODES)
    graph, y = Graph(), "x"
    for path, step in with_moves(step for name, net in nets.items() for step in layers_of(name, net)):
        graph.path = path
        y = graph.node("Transpose", y, perm=step.order) if isinstance(step, Move) else NODES[type(step)](graph, step, y)
    first, *_, last = [*nets.values(), *nets.values()]
    model = helper.make_model(
        graph.finish(y, first.input_shape, last.output_shape),
        producer_name="tinyae",
        producer_version=__version__,
        doc_string="Rows (N, D), images (N, H, W, C): channels last.",
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    onnx.checker.check_model(model, full_check=True)  # full: works out every shape too
    return model


class Graph:
    """Nodes and arrays of an ONNX graph in the making.

    Attributes
    ----------
    path : str
        The layer at work; names of nodes and arrays begin with it.
    weights : dict of Dense to str
        Where the weights of a layer are, for those tied to it.
    """

    def __init__(self):
        self.nodes, self.arrays, self.weights, self.path = [], [], {}, ""

    def node(self, op, *inputs, outputs=1, **attributes):
        """Add a node; returns the name of its (last) output."""
        name = f"{self.path}.{op}_{len(self.nodes)}"
        outputs = [name, *(f"{name}.{i}" for i in range(2, outputs + 1))]
        self.nodes.append(helper.make_node(op, list(inputs), outputs, name, **attributes))
        return outputs[-1]

    def array(self, name, values):
        """Add an array, float32 or int64; returns its full name."""
        values = np.asarray(values)
        values = np.ascontiguousarray(values, np.float32 if values.dtype.kind == "f" else np.int64)
        name = f"{self.path}.{name}"
        self.arrays.append(numpy_helper.from_array(values, name))
        return name

    def finish(self, y, input_shape, output_shape):
        """The graph from x (N, *input_shape) to y (N, *output_shape), where `y` names what is y now."""
        self.path = "y"
        self.nodes.append(helper.make_node("Identity", [y], ["y"], "y"))
        ends = [
            helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["N", *shape])
            for name, shape in (("x", input_shape), ("y", output_shape))
        ]
        return helper.make_graph(self.nodes, "tinyae", ends[:1], ends[1:], self.arrays)


# -- one function a kind of layer: adds its nodes for the input named x, returns the name of their output -------------


def _dense(graph, layer, x):
    W = graph.weights[layer] = graph.array("W", layer.params["W"])
    return graph.node("Gemm", x, W, graph.array("b", layer.params["b"]))  # x W + b


def _tied(graph, layer, x):
    """x W' + b, with the array of its source where that is in the same file."""
    W = graph.weights.get(layer.source) or graph.array("W", layer.source.params["W"])
    return graph.node("Gemm", x, W, graph.array("b", layer.params["b"]), transB=1)


def _conv(graph, layer, x):
    """W (kh, kw, C, F) as (F, C, kh, kw)."""
    W = graph.array("W", layer.params["W"].transpose(3, 2, 0, 1))
    return graph.node(
        "Conv",
        x,
        W,
        graph.array("b", layer.params["b"]),
        pads=_pads(layer.zeros),
        **_window(layer.kernel, layer.stride),
    )


def _conv_transpose(graph, layer, x):
    """W (kh, kw, F, C) as (C, F, kh, kw). Pixels that no window covers come with output_padding."""
    W = graph.array("W", layer.params["W"].transpose(3, 2, 0, 1))
    border = transpose_border(layer)
    return graph.node(
        "ConvTranspose", x, W, graph.array("b", layer.params["b"]),
        pads=_pads([(before, max(after, 0)) for before, after in border]),
        output_padding=[max(-after, 0) for _, after in border], **_window(layer.kernel, layer.stride),
    )  # fmt: skip


def _max_pool(graph, layer, x):
    return graph.node("MaxPool", x, pads=_pads(pool_border(layer)), **_window(layer.size, layer.stride))


def _average_pool(graph, layer, x):
    return graph.node(
        "AveragePool", x, pads=_pads(pool_border(layer)), count_include_pad=0, **_window(layer.size, layer.stride)
    )


def _upsample(graph, layer, x):
    scales = graph.array("scales", [1.0, 1.0, *layer.factor])
    if layer.method == "nearest":
        how = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    else:
        how = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
    return graph.node("Resize", x, "", scales, **how)


def _batch_norm(graph, layer, x):
    gamma, beta = (graph.array(name, layer.params[name]) for name in ("gamma", "beta"))
    mean, var = (graph.array(name, layer.state[name]) for name in ("mean", "var"))
    return graph.node("BatchNormalization", x, gamma, beta, mean, var, epsilon=layer.eps)


def _reshape(graph, layer, x):
    return graph.node("Reshape", x, graph.array("shape", [0, *layer.output_shape]))  # 0: as many as x has


def _crop(graph, layer, x):
    (top, bottom), (left, right) = layer.rows, layer.columns
    H, W, _ = layer.input_shape
    starts, ends = graph.array("starts", [top, left]), graph.array("ends", [H - bottom, W - right])
    return graph.node("Slice", x, starts, ends, graph.array("axes", [2, 3]))


def _zero_pad(graph, layer, x):
    (top, bottom), (left, right) = layer.rows, layer.columns
    return graph.node("Pad", x, graph.array("pads", [0, 0, top, left, 0, 0, bottom, right]))


def _k_sparse(graph, layer, x):
    """The k largest numbers of every row, written into zeros."""
    k = layer.k if layer.k_use is None else layer.k_use
    width = int(np.prod(layer.input_shape))
    rows = graph.node("Reshape", x, graph.array("row", [0, width]))
    places = graph.node("TopK", rows, graph.array("k", [k]), outputs=2, axis=1, sorted=0)
    values = graph.nodes[-1].output[0]
    zeros = graph.node("ConstantOfShape", graph.node("Shape", rows))
    kept = graph.node("ScatterElements", zeros, places, values, axis=1)
    return graph.node("Reshape", kept, graph.array("shape", [0, *layer.input_shape]))


def _gaussian_code(graph, layer, x):
    """The mean: the first half of every row."""
    starts, ends = graph.array("starts", [0]), graph.array("ends", layer.output_shape)
    return graph.node("Slice", x, starts, ends, graph.array("axes", [1]))


def _leaky_relu(graph, layer, x):
    return graph.node("LeakyRelu", x, alpha=layer.slope)


def _pass_on(graph, layer, x):
    return x


def _function(op):
    return lambda graph, layer, x: graph.node(op, x)


def _window(size, stride):
    return {"kernel_shape": size, "strides": stride}


def _pads(border):
    """((top, bottom), (left, right)) as ONNX wants it: [top, left, bottom, right]."""
    return [before for before, _ in border] + [after for _, after in border]


NODES = {
    ActivityPenalty: _pass_on,
    AveragePool: _average_pool,
    BatchNorm: _batch_norm,
    Conv2D: _conv,
    ConvTranspose: _conv_transpose,
    Crop: _crop,
    Dense: _dense,
    Dropout: _pass_on,
    Flatten: _reshape,
    GaussianCode: _gaussian_code,
    GaussianNoise: _pass_on,
    KSparse: _k_sparse,
    LeakyReLU: _leaky_relu,
    Linear: _pass_on,
    MaxPool: _max_pool,
    ReLU: _function("Relu"),
    Reshape: _reshape,
    Sigmoid: _function("Sigmoid"),
    Softmax: _function("Softmax"),  # over the last axis, as it is without the attribute
    Softplus: _function("Softplus"),
    Tanh: _function("Tanh"),
    TiedDense: _tied,
    UpSample: _upsample,
    ZeroPad: _zero_pad,
}

"""`tinyae gradcheck --file`: mistakes a learner makes are found, and named for what they are."""

import re

import numpy as np
import pytest

from tinyae.cli import main
from tinyae.layers import BatchNorm, Conv2D, Dense, Layer, MaxPool, Sigmoid
from tinyae.verdicts import examine, layers_of_file


class Rows(Layer):
    """y = x W + b for rows: right. The others below are it with one mistake each."""

    def __init__(self, units=3):
        super().__init__()
        self.units = units

    def output_shape_for(self, input_shape):
        return (self.units,)

    def make_params(self, rng):
        return {"W": rng.normal(size=(self.input_shape[0], self.units)), "b": rng.normal(size=self.units)}

    def forward(self, x):
        self.x = x
        return x @ self.params["W"] + self.params["b"]

    def backward(self, dy, need_dx=True):
        self.grads["W"][...] = self.weights(dy)
        self.grads["b"][...] = self.biases(dy)
        return self.below(dy)

    def weights(self, dy):
        return self.x.T @ dy

    def biases(self, dy):
        return dy.sum(axis=0)

    def below(self, dy):
        return dy @ self.params["W"].T

    def config(self):
        return {"units": self.units}


def with_(base=Rows, **methods):
    """A subclass with some methods replaced, of the same name."""
    return type(base.__name__, (base,), methods)


def assigns(**arrays):
    """A backward that puts new arrays into grads, whatever their shape."""

    def backward(self, dy, need_dx=True):
        for name, work in ({"W": Rows.weights, "b": Rows.biases} | arrays).items():
            self.grads[name] = work(self, dy)
        return self.below(dy)

    return with_(backward=backward)


def last_row(self, dy):
    for n in range(len(dy)):
        g = np.outer(self.x[n], dy[n])
    return g


def column_wrong(self, dy):
    g = self.x.T @ dy
    g[:, 1] = 7
    return g


WRONG = {
    "transpose": (assigns(W=lambda self, dy: dy.T @ self.x), "dL/dW", "it is the transpose of the right gradient"),
    "batch not summed": (assigns(b=lambda self, dy: dy), "dL/db", "sum over the batch is missing"),
    "outer products not summed": (
        assigns(W=lambda self, dy: self.x[:, :, None] * dy[:, None]),
        "dL/dW",
        r"sum over the batch is missing: .* \.sum\(axis=0\)",
    ),
    "summed over units": (
        assigns(b=lambda self, dy: dy.sum(axis=1)),
        "dL/db",
        r'has the shape of what it belongs to: params\["b"\] has \(3,\), this \(5,\)',
    ),
    "averaged": (with_(biases=lambda self, dy: dy.mean(axis=0)), "dL/db", "1/5 of the right .* 5 rows: sum over"),
    "averaged weights": (with_(weights=lambda self, dy: self.x.T @ dy / len(dy)), "dL/dW", "1/5 of the right gradient"),
    "counted twice": (with_(biases=lambda self, dy: 5 * dy.sum(axis=0)), "dL/db", "5 times .* counted twice"),
    "factor": (with_(weights=lambda self, dy: 2 * self.x.T @ dy), "dL/dW", "it is 2 times the right gradient"),
    "sign": (with_(below=lambda self, dy: -dy @ self.params["W"].T), "dL/dx", "the sign is wrong"),
    "last row": (with_(weights=last_row), "dL/dW", "gradient of the last row alone"),
    "first row": (with_(biases=lambda self, dy: dy[0]), "dL/db", "gradient of the first row alone"),
    "never written": (
        with_(backward=lambda self, dy, need_dx=True: self.below(dy)),
        "dL/dW",
        r'all numbers are 0: backward has to write self.grads\["W"\]',
    ),
    "NaN": (with_(weights=lambda self, dy: self.x.T @ dy * np.nan), "dL/dW", "12 of 12 numbers are NaN"),
    "some": (
        with_(weights=column_wrong),
        "dL/dW",
        "4 of 12 numbers are wrong, the others right, all at index 1 of axis 1",
    ),
    "noise": (with_(weights=lambda self, dy: self.x.T @ dy + 1), "dL/dW", "none of the usual mistakes"),
    "columns": (
        with_(weights=lambda self, dy: self.x.T @ dy * np.array([1, 2, 3])),
        "dL/dW",
        r"each column of it is off by a factor of its own \(1, 2, 3\)",
    ),
    "x, not returned": (with_(below=lambda self, dy: None), "backward", "returns None"),
    "x, zeros": (with_(below=lambda self, dy: np.zeros_like(self.x)), "dL/dx", "does backward return what it worked"),
    "x, of another shape": (with_(below=lambda self, dy: dy), "dL/dx", r"x has \(5, 4\), this \(5, 3\)"),
}


@pytest.mark.parametrize("name", WRONG)
def test_mistakes_in_gradients_are_named(name):
    kind, what, text = WRONG[name]
    findings = {finding.what: finding for finding in examine(kind(), 4)}
    assert not findings[what].good
    assert re.search(text, findings[what].text), findings[what].text
    good = {"dL/dW", "dL/db", "dL/dx"} & set(findings) - {what}
    if name not in ("never written",):
        assert all(findings[other].good for other in good), findings


def test_a_transposed_matrix_in_dx():
    kind = with_(below=lambda self, dy: dy @ self.params["W"])
    (dx,) = (f for f in examine(kind(4), 4) if f.what == "dL/dx")
    assert not dx.good and "it is right for W transposed: where forward takes x W, backward takes dy W'" in dx.text


def test_a_forgotten_derivative():
    kind = with_(Sigmoid, gradient=lambda self, dy, out: dy.copy())
    (dx,) = (f for f in examine(kind(), 4) if f.what == "dL/dx")
    assert not dx.good and "dy itself: the derivative of the function is missing" in dx.text


def test_a_bias_of_an_image_not_summed_over_places():
    class Shift(Layer):
        def make_params(self, rng):
            return {"b": rng.normal(size=self.input_shape[-1])}

        def forward(self, x):
            return x + self.params["b"]

        def backward(self, dy, need_dx=True):
            self.grads["b"] = dy
            return dy.copy()

    (db,) = (f for f in examine(Shift(), (2, 3, 4)) if f.what == "dL/db")
    assert "sum over the batch and the places of an image is missing" in db.text and "axis=(0, 1, 2)" in db.text


def changing(self, x):
    x *= 2
    return Rows.forward(self, x)


def adding(self, dy, need_dx=True):
    self.grads["W"] += self.weights(dy)
    self.grads["b"] += self.biases(dy)
    return self.below(dy)


def dy_scaled(self, dy, need_dx=True):
    dx = Rows.backward(self, dy)
    dy *= 0
    return dx


def another_name(self, dy, need_dx=True):
    self.grads["w"] = self.weights(dy)
    return Rows.backward(self, dy)


CONDUCT = {
    "input changed": (with_(forward=changing), "forward", "changes its input x"),
    "shape": (
        with_(output_shape_for=lambda self, s: (9,)),
        "forward",
        r"\(5, 3\) for 5 rows, but output_shape_for says",
    ),
    "NaN": (with_(forward=lambda self, x: np.full((len(x), 3), np.nan)), "forward", "NaN or infinite"),
    "noise": (
        with_(forward=lambda self, x: Rows.forward(self, x) + np.random.default_rng().normal(size=3)),
        "forward",
        "another y for the same x",
    ),
    "rows": (
        with_(forward=lambda self, x: Rows.forward(self, x - x.mean(axis=0))),
        "forward",
        "depends on the other rows: if that is meant, set couples_batch = True",
    ),
    "raises": (with_(forward=lambda self, x: x @ self.params["V"]), "forward", "raised KeyError: 'V'"),
    "backward raises": (with_(weights=lambda self, dy: self.x @ dy), "backward", "raised ValueError: matmul"),
    "build raises": (with_(make_params=lambda self, rng: 1 / 0), "build", "raised ZeroDivisionError"),
    "dy changed": (with_(backward=dy_scaled), "backward", "changes dy"),
    "added": (with_(backward=adding), "backward", r'adds to what grads\["W"\] held'),
    "rebound": (assigns(), "backward", r'puts a new array into grads\["W"\]'),
    "name": (with_(backward=another_name), "backward", "different names: w is in one of them only"),
    "need_dx": (with_(backward=lambda self, dy: Rows.backward(self, dy)), "backward", "takes no need_dx"),
    "config": (with_(config=lambda self: {"unit": 3}), "in a net", "has to give the arguments of __init__: TypeError"),
    "another layer": (with_(config=lambda self: {"units": 2}), "in a net", "which makes another layer"),
    "float64": (
        with_(forward=lambda self, x: Rows.forward(self, x).astype(np.float64)),
        "in a net",
        "makes float64 of float32",
    ),
}


@pytest.mark.parametrize("name", CONDUCT)
def test_misconduct_is_named(name):
    kind, what, text = CONDUCT[name]
    wrong = [finding for finding in examine(kind(), 4) if not finding.good]
    assert [finding.what for finding in wrong] == [what], wrong
    assert re.search(text, wrong[0].text), wrong[0].text


@pytest.mark.parametrize(
    "layer, shape",
    [
        (Rows(), 4),
        (Rows(4), (4,)),
        (Dense(3, "tanh"), 4),
        (Conv2D(2, 3, stride=2, activation="sigmoid"), (5, 4, 3)),
        (MaxPool(2), (4, 6, 2)),
        (Sigmoid(), (2, 3)),
        (BatchNorm(), 4),
    ],
    ids=repr,
)
def test_with_a_right_layer_nothing_is_wrong(layer, shape):
    findings = examine(layer, shape)
    assert all(finding.good for finding in findings), findings
    names = {"forward", "dL/dx", "backward", "in a net"} | {f"dL/d{name}" for name in layer.params}
    assert {finding.what for finding in findings} == names
    assert str(findings[0]).startswith("forward   ok     (")


def test_the_number_of_rows_is_no_other_length():
    assert "(7, 5) to (7, 3)" in examine(Rows(), 5)[0].text


# --- files


def written(tmp_path, text, name="my_layer.py"):
    path = tmp_path / name
    path.write_text(text)
    return path


def printed(capsys, *arguments):
    code = main(["gradcheck", *map(str, arguments)])
    return code, *capsys.readouterr()


def test_the_template_is_right(tmp_path, capsys):
    code, text, _ = printed(capsys, "--template")
    assert code == 0 and "class Scale(Layer)" in text
    code, out, err = printed(capsys, "--file", written(tmp_path, text))
    assert (
        (code, err) == (0, "") and out.startswith("Scale() on samples of shape (4,)\n") and out.endswith("all right\n")
    )


def test_a_wrong_layer_ends_with_1(tmp_path, capsys):
    _, text, _ = printed(capsys, "--template")
    wrong = text.replace("np.sum(self.x * dy, axis=0)", "np.mean(self.x * dy, axis=0)")
    code, out, _ = printed(capsys, "--file", written(tmp_path, wrong))
    assert code == 1 and out.endswith("1 wrong\n")
    assert "dL/ds     WRONG  at [" in out and "it is 1/5 of the right gradient, and the batch has 5 rows" in out


def test_the_line_of_an_error_is_given(tmp_path, capsys):
    _, text, _ = printed(capsys, "--template")
    line = text.splitlines().index("        self.x = x  # backward needs it") + 1
    code, out, _ = printed(capsys, "--file", written(tmp_path, text.replace("self.x = x ", "self.x = y ")))
    assert code == 1 and f"forward   WRONG  raised NameError: name 'y' is not defined in line {line}" in out


def test_without_cases_every_layer_of_the_file_takes_rows_of_four(tmp_path):
    path = written(
        tmp_path,
        "from tinyae.layers import Dense, Layer, Tanh\n\n\nclass B(Tanh):\n    pass\n\n\nclass A(Tanh):\n    pass\n",
    )
    assert [(type(layer).__name__, shape) for layer, shape in layers_of_file(path)] == [("B", (4,)), ("A", (4,))]


def test_cases_say_what_is_checked(tmp_path):
    path = written(tmp_path, "from tinyae.layers import Dense\nCASES = [(Dense(3), 4), (Dense(2), (5,))]\n")
    assert [(layer.units, shape) for layer, shape in layers_of_file(path)] == [(3, (4,)), (2, (5,))]


PAIRS = "to be a list of pairs (layer, shape of one sample), got"


@pytest.mark.parametrize(
    "text, message",
    [
        ("x = 1\n", "expected a subclass of tinyae.layers.Layer in {path}, got none; tinyae gradcheck --template"),
        ("", "expected a subclass of tinyae.layers.Layer in {path}, got none;"),
        ("x = 1\ny = x / 0\n", "expected {path} to run, got ZeroDivisionError: division by zero in line 2."),
        ("x = 1\nif x\n", "expected {path} to run, got SyntaxError: expected ':' in line 2."),
        ("CASES = []\n", f"expected CASES in {{path}} {PAIRS} []."),
        ("CASES = [4]\n", f"expected CASES in {{path}} {PAIRS} 4 in it."),
        ("CASES = [('Dense', 4)]\n", f"{PAIRS} ('Dense', 4) in it."),
        (
            "from tinyae import Dense\nCASES = [(Dense(3), 0)]\n",
            f"{PAIRS} (Dense(units=3, init='glorot'), 0) in it (shape: expected lengths of at least 1, got (0,).)",
        ),
        (
            "from tinyae import Dense\nclass Own(Dense):\n    pass\n",
            "expected Own() to need no arguments, got (units, activation=None, init='glorot'); write CASES =",
        ),
    ],
)
def test_files_that_cannot_be_checked(tmp_path, capsys, text, message):
    path = written(tmp_path, text)
    code, out, err = printed(capsys, "--file", path)
    assert (code, out) == (2, "") and err.count("\n") == 1
    assert f"gradcheck: {message}".split("gradcheck: ")[1].format(path=path) in err


def test_no_file(tmp_path, capsys):
    code, out, err = printed(capsys, "--file", tmp_path / "none.py")
    assert (code, out) == (2, "") and "expected a Python file with a layer, got no file" in err
    code, _, err = printed(capsys, "--file", written(tmp_path, "", "layer.txt"))
    assert code == 2 and "expected a Python file, .py, got" in err


def test_file_and_template_exclude_each_other(tmp_path, capsys):
    code, _, err = printed(capsys, "--template", "--file", tmp_path)
    assert code == 2 and "not allowed with" in err

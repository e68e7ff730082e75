"""One number in, one number out: activations, and layers that scale, move or choose numbers."""

import numpy as np

from tinyae.trace.why.explanation import Explanation, Term, entry, factor, product, short, total

# kind: (y in symbols and in numbers, f'(x) in symbols and in numbers); X is the input, Y the output.
FUNCTIONS = {
    "Linear": ("X", "X", "1", "1"),
    "Sigmoid": ("1 / (1 + exp(-X))", "1 / (1 + exp(-X))", "Y (1 - Y)", "Y*(1 - Y)"),
    "Tanh": ("tanh(X)", "tanh(X)", "(1 - Y^2)", "(1 - Y**2)"),
    "ReLU": ("max(X, 0)", "max(X, 0)", "[X > 0]", "(X > 0)"),
    "LeakyReLU": ("max(X, slope X)", "max(X, SLOPE*X)", "(1 if X > 0, else slope)", "(1 if X > 0 else SLOPE)"),
    "Softplus": ("log(1 + exp(X))", "log(1 + exp(X))", "/ (1 + exp(-X))", "/ (1 + exp(-X))"),
}


def activation(step, of, index):
    """y = f(x), dx = dy f'(x)."""
    y_symbols, y_numbers, slope_symbols, slope_numbers = FUNCTIONS[step.kind]
    x, y, name = step.x[index], step.y[index], entry(of, index)

    def filled(text, numbers):
        slope = short(getattr(getattr(step.subject, "layer", None), "slope", 0))
        parts = {"SLOPE": slope, "X": factor(x) if numbers else entry("x", index)}
        parts["Y"] = factor(y) if numbers else entry("y", index)
        for sign, value in parts.items():
            text = text.replace(sign, value)
        return text

    if of == "y":
        return Explanation(name, filled(y_symbols, False), filled(y_numbers, True), float(y))
    dy = step.dy[index]
    times = "" if slope_numbers.startswith("/") else "*"
    symbols = f"{entry('dy', index)} {filled(slope_symbols, False)}"
    slope = step.subject.layer  # the value is formed from the parts, not copied
    ones = _derivative(slope, step.x)[index]
    return Explanation(name, symbols, f"{factor(dy)}{times}{filled(slope_numbers, True)}", float(dy * ones))


def _derivative(layer, x):
    layer.forward(x)
    return layer.derivative()


def linear_map(step, of, index):
    """Layers that are linear around x: every number of y is a sum of numbers of x with fixed weights.

    The weights are asked of the layer itself: backward of a one at y[index] gives the weight of every x, and the
    tangent along a one at x[index] that of every dy.
    """
    atom, layer = step.subject, step.subject.layer
    atom.forward(step.x)
    one = np.zeros_like(step.y if of == "y" else step.x)
    one[index] = 1.0
    if of == "y":
        weights, numbers, letter = np.array(_without_penalty(layer, one)), step.x, "x"
    else:
        weights, numbers, letter = np.array(layer.tangent(one)), step.dy, "dy"
    terms = [_weighted(letter, tuple(i), weights[tuple(i)], numbers[tuple(i)]) for i in np.argwhere(weights)]
    note = ""
    if of == "y" and step.kind == "MaxPool":
        note = "The largest number of its window; of equal ones the first."
    return total(entry(of, index), terms, note)


def _without_penalty(layer, dy):
    """backward, of the layer's map alone."""
    return layer.backward(dy)


def _weighted(letter, index, weight, number):
    """weight * number as a Term; a weight of 1 is not written."""
    name = entry(letter, index)
    if weight == 1.0:
        return Term(name, factor(number), float(number))
    return product((short(weight), weight), (name, number))


def noise(step, of, index):
    """GaussianNoise: y = x + what was drawn."""
    if of == "dx":
        return total(entry(of, index), [Term(entry("dy", index), factor(step.dy[index]), float(step.dy[index]))])
    drawn = step.y[index] - step.x[index]
    terms = [Term(entry("x", index), factor(step.x[index]), float(step.x[index]))]
    terms.append(Term("noise", factor(drawn), float(drawn)))
    return total(entry(of, index), terms)


def penalised(step, of, index):
    """ActivityPenalty: y = x, dx = dy + the penalty's own gradient."""
    if of == "y":
        return total(entry(of, index), [Term(entry("x", index), factor(step.x[index]), float(step.x[index]))])
    layer = step.subject.layer
    own = layer.what.gradient(step.x, len(step.x))[index]
    terms = [Term(entry("dy", index), factor(step.dy[index]), float(step.dy[index]))]
    return total(entry(of, index), [*terms, Term(f"d{layer.what.name}/d{entry('x', index)}", factor(own), float(own))])

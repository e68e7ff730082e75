"""Layers whose numbers hang on a whole row or batch, or on noise: Softmax, BatchNorm, GaussianCode."""

import numpy as np

from tinyae.trace.why.dense import constant
from tinyae.trace.why.explanation import Explanation, Term, entry, factor, product, short, total


def batch_norm(step, of, index):
    """y = gamma xhat + beta; dgamma = sum dy xhat; dbeta = sum dy; dx with the batch's own mean and variance."""
    layer, x, c = step.subject.layer, step.x, index[-1]
    step.subject.forward(x)
    mean, scale = layer.mean[c], layer.inverse_std[c]  # 1 / sqrt(var + eps)
    gamma, beta = step.params["gamma"][c], step.params["beta"][c]
    statistics = f"mean = {short(mean)}, sqrt(var + eps) = {short(1 / scale)} of {_whose(layer)}."
    name = entry(of, index)
    if of == "y":
        symbols = f"gamma[{c}] ({entry('x', index)} - mean) / sqrt(var + eps) + beta[{c}]"
        numbers = f"{factor(gamma)}*({short(x[index])} - {factor(mean)})/{short(1 / scale)} + {factor(beta)}"
        return Explanation(name, symbols, numbers, float(gamma * (x[index] - mean) * scale + beta), note=statistics)
    places = [(*place, c) for place in np.ndindex(x.shape[:-1])]
    if of == "dbeta":
        return total(name, [constant("dy", place, step.dy[place]) for place in places])
    xhat = (x - layer.mean) * layer.inverse_std
    if of == "dgamma":
        terms = [product((entry("dy", p), step.dy[p]), (entry("xhat", p), xhat[p])) for p in places]
        return total(name, terms, statistics)
    dy, factors = step.dy[index], gamma * scale
    front = f"{factor(gamma)}/{short(1 / scale)}"
    if not layer.by_batch:
        value = float(factors * dy)
        return Explanation(
            name, f"gamma[{c}] / sqrt(var + eps) {entry('dy', index)}", f"{front}*{factor(dy)}", value, note=statistics
        )
    mean_dy = np.mean([step.dy[p] for p in places])
    mean_both = np.mean([step.dy[p] * xhat[p] for p in places])
    symbols = f"gamma[{c}] / sqrt(var + eps) ({entry('dy', index)} - mean(dy) - {entry('xhat', index)} mean(dy xhat))"
    numbers = f"{front}*({short(dy)} - {factor(mean_dy)} - {factor(xhat[index])}*{factor(mean_both)})"
    return Explanation(
        name, symbols, numbers, float(factors * (dy - mean_dy - xhat[index] * mean_both)), note=statistics
    )


def _whose(layer):
    return "the batch" if layer.by_batch else "the running statistics"


def softmax(step, of, index):
    """y = exp(x) / sum exp(x); dx = y (dy - sum dy y), over the row."""
    row, name = index[:-1], entry(of, index)
    x, y = step.x[row], step.y[row]
    if of == "y":
        places = ",".join(map(str, row))
        symbols = f"exp({entry('x', index)}) / sum_k exp(x[{places},k])"
        largest = x.max()  # exp(x) and the sum both divided by exp(largest), which keeps them finite
        share, whole = np.exp(x[index[-1]] - largest), np.exp(x - largest).sum()
        numbers = f"exp({short(x[index[-1]] - largest)}) / {short(whole)}"
        return Explanation(
            name, symbols, numbers, float(share / whole), note=f"Both are divided by exp({short(largest)})."
        )
    dy, mine = step.dy[row], float(y[index[-1]])
    mean = float(np.dot(dy, y))
    symbols = f"{entry('y', index)} ({entry('dy', index)} - sum_k dy[k] y[k])"
    numbers = f"{factor(mine)}*({short(dy[index[-1]])} - {factor(mean)})"
    return Explanation(name, symbols, numbers, mine * float(dy[index[-1]] - mean))


def gaussian_code(step, of, index):
    """y = mu + exp(s/2) eps; the gradient has the sample's part and the divergence's."""
    layer, name = step.subject.layer, entry(of, index)
    n, j = index
    k = step.y.shape[1]
    step.subject.forward(step.x)
    noise = 0.0 if layer.noise is None else layer.noise[n, j % k]  # exp(s/2) eps
    mu, s = step.x[n, j % k], step.x[n, k + j % k]
    if of == "y":
        terms = [Term(entry("mu", index), factor(mu), float(mu)), Term("exp(s/2) eps", factor(noise), float(noise))]
        return total(name, terms, "mu is the first half of x, s = log variance the second; eps was drawn.")
    weight, dy = layer.beta / len(step.x), step.dy[n, j % k]
    if j < k:
        terms = [Term(entry("dy", (n, j)), factor(dy), float(dy)), product(("beta/N", weight), ("mu", mu))]
        return total(name, terms, "Of mu: what comes from above, and the divergence's pull towards 0.")
    own = np.expm1(s)
    terms = [product((entry("dy", (n, j - k)), dy), ("exp(s/2) eps", noise), ("1/2", 0.5))]
    terms.append(product(("beta/(2N)", weight / 2), ("(exp(s) - 1)", own)))
    return total(name, terms, "Of s, the log variance: through the noise, and the divergence's pull towards 0.")

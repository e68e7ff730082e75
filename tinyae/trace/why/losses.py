"""The sum behind a loss, and one number of its gradient."""

import numpy as np

from tinyae.trace.why.explanation import Explanation, Term, entry, factor, short, total


def bce(step, of, index):
    """L = 1/N sum of -t log x' - (1 - t) log(1 - x');  dx = (x' - t) / N, or through x' where it has another unit."""
    N, a, t = len(step.x), step.x, step.target
    p = 1 / (1 + np.exp(-a))
    if of == "dx":
        return difference(step, index, f"sigmoid({entry('x', index)})", p[index])

    def term(i):
        symbols = f"-({entry('t', i)} log x'[{_places(i)}] + (1 - {entry('t', i)}) log(1 - x'[{_places(i)}]))/{N}"
        numbers = f"-({short(t[i])}*log({short(p[i])}) + (1 - {short(t[i])})*log(1 - {short(p[i])}))/{N}"
        # log x' = -log(1 + exp(-a)), which stays finite for any a
        value = t[i] * np.logaddexp(0, -a[i]) + (1 - t[i]) * np.logaddexp(0, a[i])
        return Term(symbols, numbers, float(value) / N)

    return total("L", [term(i) for i in np.ndindex(a.shape)], "x' = sigmoid(x); t is the target; N samples.")


def mse(step, of, index):
    """L = 1/(2N) sum (x - t)^2 over the known targets;  dx = (x - t) / N, 0 where the target is not known."""
    N, x, t = len(step.x), step.x, step.target
    known = ~np.isnan(t)
    if of == "dx":
        return difference(step, index, entry("x", index), x[index]) if known[index] else total(entry("dx", index), [])

    def term(i):
        symbols = f"({entry('x', i)} - {entry('t', i)})^2/{2 * N}"
        return Term(symbols, f"({short(x[i])} - {factor(t[i])})**2/{2 * N}", float((x[i] - t[i]) ** 2) / (2 * N))

    note = "t is the target; N samples."
    if not known.all():
        note += f" {np.sum(~known):,} targets are not known and count for nothing."
    return total("L", [term(tuple(map(int, i))) for i in np.argwhere(known)], note)


def categorical(step, of, index):
    """L = 1/N sum -t log x';  dx = (x' sum_k t_k - t) / N."""
    N, a, t = len(step.x), step.x, step.target
    log_p = a - np.logaddexp.reduce(a, axis=-1, keepdims=True)
    p, length = np.exp(log_p), t.sum(axis=-1)
    if of == "dx":
        row = ",".join(map(str, index[:-1]))
        words = length[index[:-1]]
        symbols = f"(softmax(x)[{_places(index)}] sum_k t[{row},k] - {entry('t', index)})/{N}"
        numbers = f"({short(p[index])}*{short(words)} - {short(t[index])})/{N}"
        return Explanation(entry("dx", index), symbols, numbers, float(p[index] * words - t[index]) / N)

    def term(i):
        value = float(-t[i] * log_p[i]) / N
        return Term(f"-{entry('t', i)} log x'[{_places(i)}]/{N}", f"-{short(t[i])}*log({short(p[i])})/{N}", value)

    terms = [term(tuple(map(int, i))) for i in np.argwhere(t)]
    return total("L", terms, "x' = softmax(x); t is the target; N samples. Where t is 0 there is no term.")


def difference(step, index, output, value):
    """dx = (x' - t) / N."""
    N, t = len(step.x), step.target[index]
    symbols = f"({output} - {entry('t', index)})/{N}"
    return Explanation(entry("dx", index), symbols, f"({short(value)} - {factor(t)})/{N}", float(value - t) / N)


def _places(index):
    return ",".join(map(str, map(int, index)))

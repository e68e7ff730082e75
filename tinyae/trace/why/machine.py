"""Sums behind the numbers of a restricted Boltzmann machine."""

from tinyae.trace.why.dense import constant
from tinyae.trace.why.explanation import Explanation, Term, entry, factor, product, short, total


def up(step, of, index):
    """y[n,j] = sum_i x[n,i] W[i,j] + c[j]."""
    n, j = index
    x, W = step.x, step.params["W"]
    terms = [product((entry("x", (n, i)), x[n, i]), (entry("W", (i, j)), W[i, j])) for i in range(len(W))]
    return total(entry(of, index), [*terms, constant("c", (j,), step.params["c"][j])])


def down(step, of, index):
    """y[n,i] = sum_j x[n,j] W[i,j] + b[i]: the same weights, read along their rows."""
    n, i = index
    x, W = step.x, step.params["W"]
    terms = [product((entry("x", (n, j)), x[n, j]), (entry("W", (i, j)), W[i, j])) for j in range(W.shape[1])]
    return total(entry(of, index), [*terms, constant("b", (i,), step.params["b"][i])])


def bernoulli(step, of, index):
    """y = 1 where u < x, else 0."""
    u, mean = float(step.params["u"][index]), float(step.x[index])
    symbols = f"1 if {entry('u', index)} < {entry('x', index)} else 0"
    return Explanation(entry(of, index), symbols, f"1 if {u:.6g} < {mean:.6g} else 0", float(u < mean))


def gaussian(step, of, index):
    """y = x + eps."""
    mean, eps = float(step.x[index]), float(step.params["eps"][index])
    terms = [Term(entry("x", index), factor(mean), mean), Term(entry("eps", index), factor(eps), eps)]
    return total(entry(of, index), terms)


def contrastive_divergence(step, of, index):
    """dW = 1/N sum_n (v0 h0 - v1 h1), db and dc the same of v and of h alone."""
    ends, n = step.shown, len(step.x)
    terms = []
    for sign, (v, h) in ((1, ("v0", "h0")), (-1, ("v1", "h1"))):
        for row in range(n):
            pairs = []
            if of in ("dW", "db"):
                pairs.append((entry(v, (row, index[0])), ends[v][row, index[0]]))
            if of in ("dW", "dc"):
                pairs.append((entry(h, (row, index[-1])), ends[h][row, index[-1]]))
            terms.append(product((f"{'-' if sign < 0 else ''}1/{n}", sign / n), *pairs))
    return total(entry(of, index), terms)


def momentum_up(step, of, index):
    """p + velocity, velocity = momentum velocity + lr (g - cost p)."""
    settings, p = step.subject, float(step.params[of][index])
    old, g = float(step.state["velocity"][of][index]), float(step.grads[of][index])
    lr, momentum, cost = settings["lr"], settings["momentum"], settings["cost"][of]
    new = momentum * old + lr * (g - cost * p)
    symbols, numbers = "g", factor(g)
    if cost:
        symbols, numbers = f"(g - cost {of})", f"({short(g)} - {short(cost)}*{factor(p)})"
    line = f"v = momentum v + lr {symbols} = {short(momentum)}*{factor(old)} + {short(lr)}*{numbers} = {short(new)}"
    note = f"g = {entry(f'd{of}', index)} = {short(g)}\n{line}"
    symbols = f"{entry(of, index)} + v"
    return Explanation(entry(f"{of} after", index), symbols, f"{short(p)} + {factor(new)}", p + new, note=note)


RULES = {
    "Up": up,
    "Down": down,
    "Bernoulli": bernoulli,
    "GaussianUnit": gaussian,
    "ContrastiveDivergence": contrastive_divergence,
    "MomentumUp": momentum_up,
}

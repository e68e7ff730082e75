"""Sums behind the numbers of Dense and TiedDense."""

from tinyae.trace.why.explanation import Term, entry, product, short, total


def dense(step, of, index):
    """y, dW, db or dx of a Dense layer's affine map."""
    x, W, dy = step.x, step.params["W"], step.dy
    name = entry(of, index)
    if of == "y":
        n, j = index
        terms = [product((entry("x", (n, i)), x[n, i]), (entry("W", (i, j)), W[i, j])) for i in range(len(W))]
        return total(name, [*terms, constant("b", (j,), step.params["b"][j])])
    if of == "dW":
        i, j = index
        terms = [product((entry("x", (n, i)), x[n, i]), (entry("dy", (n, j)), dy[n, j])) for n in range(len(x))]
        if "W" in step.shares:
            terms.append(constant("the tied layer's share", (i, j), step.shares["W"][i, j]))
        return total(name, terms)
    if of == "db":
        return total(name, [constant("dy", (n, index[0]), dy[n, index[0]]) for n in range(len(x))])
    n, i = index
    return total(
        name, [product((entry("dy", (n, j)), dy[n, j]), (entry("W", (i, j)), W[i, j])) for j in range(W.shape[1])]
    )


def tied_dense(step, of, index):
    """y, db or dx of a TiedDense layer; W (n_in, n_out) is the encoder's."""
    x, W, dy = step.x, step.params["W"], step.dy
    name = entry(of, index)
    if of == "y":
        n, i = index
        terms = [product((entry("x", (n, j)), x[n, j]), (entry("W", (i, j)), W[i, j])) for j in range(W.shape[1])]
        return total(name, [*terms, constant("b", (i,), step.params["b"][i])])
    if of == "db":
        return total(name, [constant("dy", (n, index[0]), dy[n, index[0]]) for n in range(len(x))])
    n, j = index
    return total(name, [product((entry("dy", (n, i)), dy[n, i]), (entry("W", (i, j)), W[i, j])) for i in range(len(W))])


def constant(name, index, value):
    """A Term that is one number."""
    return Term(entry(name, index), short(value) if value >= 0 else f"({short(value)})", float(value))

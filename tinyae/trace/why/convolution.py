"""Sums behind the numbers of Conv2D and ConvTranspose.

Pixel (h, v) of the many side meets pixel (p, q) of the few side through W[i,j] where p = h s + i - top and
q = v t + j - left. For Conv2D the few side is y (h, v run over its windows) and the many side x; for ConvTranspose the
few side is x and the many side y.
"""

from tinyae.trace.why.dense import constant
from tinyae.trace.why.explanation import entry, product, total


def convolution(step, of, index):
    """y, dW, db or dx of a Conv2D's affine map."""
    x, W, dy = step.x, step.params["W"], step.dy
    layer, name = step.subject.layer, entry(of, index)
    if of == "y":
        n, h, v, f = index
        terms = [
            product((entry("x", (n, p, q, c)), x[n, p, q, c]), (entry("W", (i, j, c, f)), W[i, j, c, f]))
            for i, j, p, q in window(layer, h, v, x.shape[1:3])
            for c in range(x.shape[3])
        ]
        return total(name, [*terms, constant("b", (f,), step.params["b"][f])])
    if of == "dW":
        i, j, c, f = index
        terms = [
            product((entry("x", (n, p, q, c)), x[n, p, q, c]), (entry("dy", (n, h, v, f)), dy[n, h, v, f]))
            for n in range(len(x))
            for h, v, p, q in meetings(layer, i, j, dy.shape[1:3], x.shape[1:3])
        ]
        return total(name, terms)
    if of == "db":
        return bias(name, dy, index[0])
    n, p, q, c = index
    terms = [
        product((entry("dy", (n, h, v, f)), dy[n, h, v, f]), (entry("W", (i, j, c, f)), W[i, j, c, f]))
        for i, j, h, v in windows_on(layer, p, q, dy.shape[1:3])
        for f in range(dy.shape[3])
    ]
    return total(name, terms)


def transposed(step, of, index):
    """y, dW, db or dx of a ConvTranspose's affine map."""
    x, W, dy = step.x, step.params["W"], step.dy
    layer, name = step.subject.layer, entry(of, index)
    if of == "y":
        n, p, q, f = index
        terms = [
            product((entry("x", (n, h, v, c)), x[n, h, v, c]), (entry("W", (i, j, f, c)), W[i, j, f, c]))
            for i, j, h, v in windows_on(layer, p, q, x.shape[1:3])
            for c in range(x.shape[3])
        ]
        return total(name, [*terms, constant("b", (f,), step.params["b"][f])])
    if of == "dW":
        i, j, f, c = index
        terms = [
            product((entry("x", (n, h, v, c)), x[n, h, v, c]), (entry("dy", (n, p, q, f)), dy[n, p, q, f]))
            for n in range(len(x))
            for h, v, p, q in meetings(layer, i, j, x.shape[1:3], dy.shape[1:3])
        ]
        return total(name, terms)
    if of == "db":
        return bias(name, dy, index[0])
    n, h, v, c = index
    terms = [
        product((entry("dy", (n, p, q, f)), dy[n, p, q, f]), (entry("W", (i, j, f, c)), W[i, j, f, c]))
        for i, j, p, q in window(layer, h, v, dy.shape[1:3])
        for f in range(dy.shape[3])
    ]
    return total(name, terms)


def bias(name, dy, f):
    """db[f], the sum of dy over samples, rows and columns."""
    N, H, W, _ = dy.shape
    places = [(n, h, v, f) for n in range(N) for h in range(H) for v in range(W)]
    return total(name, [constant("dy", place, dy[place]) for place in places])


def window(layer, h, v, size):
    """(i, j, p, q) for every pixel (p, q) inside the image of `size` that window (h, v) covers."""
    (kh, kw), (s, t), ((top, _), (left, _)) = layer.kernel, layer.stride, layer.zeros
    for i in range(kh):
        for j in range(kw):
            p, q = h * s + i - top, v * t + j - left
            if 0 <= p < size[0] and 0 <= q < size[1]:
                yield i, j, p, q


def meetings(layer, i, j, few, many):
    """(h, v, p, q) for every window (h, v) of `few` whose entry (i, j) lies on a pixel (p, q) of `many`."""
    for h in range(few[0]):
        for v in range(few[1]):
            p, q = h * layer.stride[0] + i - layer.zeros[0][0], v * layer.stride[1] + j - layer.zeros[1][0]
            if 0 <= p < many[0] and 0 <= q < many[1]:
                yield h, v, p, q


def windows_on(layer, p, q, few):
    """(i, j, h, v) for every window (h, v) of `few` that covers pixel (p, q)."""
    (kh, kw), (s, t), ((top, _), (left, _)) = layer.kernel, layer.stride, layer.zeros
    for i in range(kh):
        for j in range(kw):
            h, v = p + top - i, q + left - j
            if h % s == 0 and v % t == 0 and 0 <= h // s < few[0] and 0 <= v // t < few[1]:
                yield i, j, h // s, v // t

"""How far windows reach over the border of an image, in the terms PyTorch and ONNX have for it."""


def pool_border(layer):
    """((above, below), (left, right)): pixels that a pool's windows want and the image has not.

    H' windows of size k with stride s begin `above` pixels before the first and end (H' - 1) s + k pixels later.
    """
    each = zip(layer.input_shape, layer.output_shape, layer.size, layer.stride, layer.before, strict=False)
    return tuple((above, max((windows - 1) * s + k - n - above, 0)) for n, windows, k, s, above in each)


def transpose_border(layer):
    """((above, below), (left, right)): what a ConvTranspose leaves of all that its windows cover.

    n windows of size k with stride s cover (n - 1) s + k pixels. So many are cut off at either side; a number below 0
    stands for pixels no window covers, which hold the bias alone.
    """
    each = zip(layer.input_shape, layer.output_shape, layer.kernel, layer.stride, layer.zeros, strict=False)
    return tuple((above, (n - 1) * s + k - above - out) for n, out, k, s, (above, _) in each)

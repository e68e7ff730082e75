"""What a layer is: shapes worked out by `build`, then an explicit `forward` and `backward`."""

import copy

import numpy as np

from tinyae.checks import UsageError, check_shape


class Layer:
    """Base class of every layer; a container of layers is a layer too.

    A layer is made from its own settings alone. `build` works out its shapes and draws its parameters; `forward`
    keeps what `backward` needs; `backward` takes dL/dy, fills `grads` and returns dL/dx.

    Attributes
    ----------
    params, grads : dict of str to array
        Parameters by name, and after `backward` the loss's gradient in each. Inside a net both are views into two
        flat vectors (`tinyae.layers.flat`).
    state : dict of str to array
        Numbers that belong to the layer and are not trained by gradients, such as BatchNorm's running means. Replicas
        share them, files hold them.
    input_shape, output_shape : tuple of int
        Shape of one sample, without the batch axis; known once built.
    training : bool
        Whether `forward` learns and makes noise (Dropout, BatchNorm) or only computes; False for a new layer. Set it
        for a layer and all below with `set_training`; `fit` does.
    validating : bool
        Whether `forward` is part of the training loop's estimate on held-out data: a variational code then samples.
    couples_batch : bool
        Whether one sample's output depends on the others in the batch. A batch then must not be cut into parts.
    has_tangent : bool
        Whether `tangent` and `tangent_backward` are there.
    """

    couples_batch = False
    has_tangent = False
    validating = False

    def __init__(self):
        self.params, self.grads, self.state = {}, {}, {}
        self.input_shape = self.output_shape = None
        self.training = False
        self._workspace = None

    # -- what a layer defines ------------------------------------------------------------------------------------

    def output_shape_for(self, input_shape):
        """Shape of one output sample for one input sample; ValueError where the input cannot be taken."""
        return input_shape

    def make_params(self, rng):
        """Draw the parameters from `rng` (numpy.random.Generator): dict of name to float64 array."""
        return {}

    def forward(self, x):
        """y for a batch x (N, *input_shape)."""
        raise NotImplementedError(f"{self.name}.forward")

    def backward(self, dy, need_dx=True):
        """Take dL/dy for the batch of the last `forward`, fill `grads`, return dL/dx.

        `need_dx=False` lets the first layer of a net skip a product nobody asks for; it then returns None.
        """
        raise NotImplementedError(f"{self.name}.backward")

    # Where a penalty asks how the output moves with the input, a layer has a second pair of passes. With J = dy/dx at
    # the last forward's x and t = J v, a number P(y, t) is followed back through y and t at once.

    def tangent(self, v):
        """t = J v: how y moves where x moves along v. v (N, *input_shape), t (N, *output_shape)."""
        self.check_tangent()

    def tangent_backward(self, dt, dy=None, need_dx=True):
        """Take dP/dt and dP/dy (None: zero) for the last `tangent`, ADD dP/dparams to `grads`, return dP/dv, dP/dx.

            dP/dv = J' dP/dt,    dP/dx = J' dP/dy + d<dP/dt, J v>/dx

        The last term needs the second derivative: zero for layers made of straight pieces, where dP/dx is None if
        dP/dy is. `need_dx=False` returns (None, None).
        """
        self.check_tangent()

    def check_tangent(self, training=False):
        """Raise UsageError where this layer, or one below it, has no tangent pass (while `training`)."""
        if not self.has_tangent:
            raise UsageError(
                f"{self.name}: expected a layer with a tangent pass (J v for directions v), got one without; "
                "leave it out of the encoder of a contractive net."
            )
        for child in self.children():
            child.check_tangent(training)

    # A loss may work on the output's pre-activation a, for which dL/da = x' - x (tinyae.losses): a net that ends in an
    # activation can stop before it, and take the gradient from there.

    @property
    def output_unit(self):
        """The activation layer this layer ends in, or None."""
        return None

    def before_output(self, x):
        """`forward` without the `output_unit`."""
        return self.forward(x)

    def backward_before_output(self, da, need_dx=True):
        """`backward` from the gradient in the result of `before_output`."""
        return self.backward(da, need_dx)

    def config(self):
        """The arguments that make this layer again: plain JSON types."""
        return {}

    def make_state(self):
        """The first values of `state`: dict of name to float64 array."""
        return {}

    def reseed(self, rng):
        """Take noise from `rng` (numpy.random.Generator) from now on; containers hand it on."""
        for child in self.children():
            child.reseed(rng)

    def children(self):
        """The layers this one is made of."""
        return ()

    @property
    def multiply_adds(self):
        """Multiplications that are added up, in one forward pass of one sample."""
        return sum(child.multiply_adds for child in self.children())

    # -- what every layer gets -----------------------------------------------------------------------------------

    @property
    def name(self):
        return type(self).__name__

    @property
    def n_params(self):
        """Number of trainable numbers."""
        return sum(p.size for p in self.params.values())

    def build(self, input_shape, rng=None, dtype=np.float32):
        """Work out shapes and draw parameters.

        Parameters
        ----------
        input_shape : int or tuple of int
            Shape of one sample; 784 stands for (784,).
        rng : numpy.random.Generator, optional
            Source of the initial parameters; the same generator state gives the same layer. Seed 0 without one.
        dtype : float32 (to train) or float64 (to check)

        Returns
        -------
        self
        """
        rng = np.random.default_rng(0) if rng is None else rng
        self.input_shape = as_shape(input_shape)
        self.output_shape = as_shape(self.output_shape_for(self.input_shape))
        self.params = {name: p.astype(dtype) for name, p in self.make_params(rng).items()}
        self.grads = {name: np.zeros_like(p) for name, p in self.params.items()}
        self.state = {name: p.astype(dtype) for name, p in self.make_state().items()}
        return self

    def set_training(self, training):
        """Set `training` for this layer and every layer below."""
        for layer in every_layer(self):
            layer.training = bool(training)

    def owners(self):
        """Every (path, layer) below and including this one that holds parameters of its own, in a fixed order."""
        if self.params:
            yield "", self

    def replica(self):
        """A copy for one worker thread: it shares the parameters, and has gradients and working memory of its own."""
        twin = copy.copy(self)
        twin.grads = {name: np.zeros_like(p) for name, p in self.params.items()}
        twin._workspace = {}
        return twin

    def remembered(self, name, by="forward"):
        """What the last forward (or the pass `by`) kept for the way back; ValueError where there was none."""
        try:
            return self.__dict__[name]
        except KeyError:
            raise ValueError(f"{self.name}: expected {by} before backward, got no {by} pass yet.") from None

    def check_input(self, x):
        """Raise ValueError unless x is (N, *input_shape) and the layer is built."""
        if self.input_shape is not None and np.shape(x)[1:] == self.input_shape:
            return
        if self.input_shape is None:
            raise ValueError(f"{self.name}: expected a built layer, got one without shapes; call build(input_shape).")
        check_shape(self.name, x, ("N", *self.input_shape))

    def empty(self, key, shape, dtype):
        """An uninitialised array for a result.

        A user's layer gives a fresh array at every call. A worker's replica gives the same memory at every step:
        fresh pages cost more than the arithmetic on them.
        """
        if self._workspace is None:
            return np.empty(shape, dtype)
        kept = self._workspace.get(key)
        if kept is None or kept.dtype != dtype or kept.shape[1:] != tuple(shape[1:]) or len(kept) < shape[0]:
            kept = self._workspace[key] = np.empty(shape, dtype)
        return kept[: shape[0]]  # the last batch of an epoch may be shorter

    def __repr__(self):
        settings = ", ".join(f"{k}={v!r}" for k, v in self.config().items())
        return f"{self.name}({settings})"


def every_layer(net):
    """`net` and every layer below it, in a fixed order."""
    yield net
    for child in net.children():
        yield from every_layer(child)


def as_shape(shape):
    """A shape as a tuple: 784 -> (784,)."""
    if isinstance(shape, int | np.integer):
        shape = (shape,)
    try:
        shape = tuple(shape)
    except TypeError:
        shape = (shape,)
    if any(isinstance(n, bool) or not isinstance(n, int | np.integer) for n in shape):
        raise ValueError(f"shape: expected whole numbers, got {shape}.")
    shape = tuple(int(n) for n in shape)
    if not shape or min(shape) < 1:
        raise ValueError(f"shape: expected lengths of at least 1, got {shape}.")
    return shape

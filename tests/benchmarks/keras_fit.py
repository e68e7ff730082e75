"""A whole `fit` of one epoch beside Keras 3 on JAX: data handling, shuffling and all, without progress and callbacks.

Keras may live in an interpreter of its own, named by TINYAE_KERAS_PYTHON; it needs nothing but keras and jax.
"""

import importlib.util
import os
import subprocess
import sys

from common import IMAGE, Candidate, images
from dense import NETS, layer_plan, tinyae_model

FIT_IMAGES = 6400
CASES = (("simple", 64), ("deep", 64), ("hinton", 100), ("network 1", 32))


def keras_python():
    """The interpreter that has Keras and JAX, or None."""
    here = all(importlib.util.find_spec(name) for name in ("keras", "jax"))
    return os.environ.get("TINYAE_KERAS_PYTHON") or (sys.executable if here else None)


def keras_versions():
    """'keras 3.0.0, jax 0.4.0', or 'keras missing'."""
    if keras_python() is None:
        return "keras missing"
    code = "from importlib.metadata import version as v; print('keras', v('keras') + ', jax', v('jax'))"
    return subprocess.run([keras_python(), "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def optimizer_of(name):
    return "nadam" if name == "network 1" else NETS[name][-1].lower()


def tinyae_fit(name, batch):
    if name == "network 1":
        from tinyae.architectures import conv_autoencoder

        model = conv_autoencoder(IMAGE)
    else:
        model = tinyae_model(name)
    x = images(FIT_IMAGES, model.input_shape)

    def fit():
        history = model.fit(x, epochs=1, batch_size=batch, optimizer=optimizer_of(name), progress=False)
        return history["loss"][-1]

    return Candidate(fit, model.n_params)


def keras_fit(name, batch):
    os.environ["KERAS_BACKEND"] = "jax"
    import keras
    from keras import ops

    def summed_cross_entropy(target, output):  # fit averages it over the batch, like tinyae
        values = ops.binary_crossentropy(target, output, from_logits=True)
        return ops.sum(values, axis=tuple(range(1, len(values.shape))))

    model = keras.Sequential(keras_conv_layers() if name == "network 1" else keras_dense_layers(name))
    model.compile(optimizer=optimizer_of(name), loss=summed_cross_entropy)
    x = images(FIT_IMAGES, model.input_shape[1:])
    return Candidate(lambda: model.fit(x, x, batch_size=batch, verbose=0).history["loss"][-1], model.count_params())


def keras_dense_layers(name):
    from keras import Input, layers

    plan = layer_plan(name)
    return [Input((plan[0][0],)), *(layers.Dense(n_out, unit and unit.lower()) for _, n_out, unit in plan)]


def keras_conv_layers():
    from keras import Input, layers

    def conv(n_out, padding="same"):
        return layers.Conv2D(n_out, 3, activation="relu", padding=padding)

    def pool():
        return layers.MaxPooling2D(2, padding="same")

    def up():
        return layers.UpSampling2D(2)

    encoder = [Input(IMAGE), conv(16), pool(), conv(8), pool(), conv(8), pool()]
    return [*encoder, conv(8), up(), conv(8), up(), conv(16, "valid"), up(), layers.Conv2D(1, 3, padding="same")]


CANDIDATES = {
    f"fit {name}, batch {n}": {
        "tinyae": lambda name=name, n=n: tinyae_fit(name, n),
        "keras": lambda name=name, n=n: keras_fit(name, n),
    }
    for name, n in CASES
}

"""tinyae for people who know Keras: its names, arguments and losses, for chains of layers that are autoencoders.

    from tinyae.keras import Input, Model, layers

    x = Input((784,))
    code = layers.Dense(32, activation="relu")(x)
    autoencoder = Model(x, layers.Dense(784, activation="sigmoid")(code))
    autoencoder.compile(optimizer="adam", loss="binary_crossentropy")
    autoencoder.fit(images, images, epochs=5, batch_size=256)
    codes = Model(x, code).predict(images)

What there is does what Keras 3 does: the same weights give the same predictions, losses and updates
(`optimizers`, `losses`, `weighted_layers`). What there is not is refused by name, with the way out
(`tinyae.keras.unsupported`). Different by intent:

- a chain from one Input to one output, and `fit` trains what comes back to its input's shape;
- the seed: a process begins at 0, so that a script gives the same numbers twice (`utils.set_random_seed`);
- images have to be scaled: uint8 up to 255 is refused with advice;
- files are tinyae's own, whatever their ending (`Model.save`).
"""

from tinyae.keras import (
    callbacks,
    datasets,
    initializers,
    layers,
    losses,
    models,
    optimizers,
    regularizers,
    unsupported,
    utils,
)
from tinyae.keras.callbacks import CSVLogger, EarlyStopping, ModelCheckpoint, TensorBoard
from tinyae.keras.layers import (
    Activation,
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Conv2DTranspose,
    Cropping2D,
    Dense,
    Dropout,
    Flatten,
    GaussianCode,
    GaussianNoise,
    Input,
    LeakyReLU,
    MaxPooling2D,
    ReLU,
    Reshape,
    UpSampling2D,
    ZeroPadding2D,
)
from tinyae.keras.models import Model, Sequential, load_model

__all__ = [
    "callbacks", "datasets", "initializers", "layers", "losses", "models", "optimizers", "regularizers", "utils",
    "Input", "Model", "Sequential", "load_model",
    "Dense", "Conv2D", "Conv2DTranspose", "MaxPooling2D", "AveragePooling2D", "UpSampling2D", "ZeroPadding2D",
    "Cropping2D", "Flatten", "Reshape", "Activation", "ReLU", "LeakyReLU", "Dropout", "GaussianNoise",
    "BatchNormalization", "GaussianCode",
    "EarlyStopping", "ModelCheckpoint", "CSVLogger", "TensorBoard",
]  # fmt: skip

__getattr__ = unsupported.refusing("tinyae.keras", unsupported.PACKAGE | unsupported.LAYERS)

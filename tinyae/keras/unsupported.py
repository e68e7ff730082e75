"""What Keras has and tinyae.keras has not: every such name is refused by name, with the way out."""

import numpy as np

from tinyae.checks import UsageError

CHAINS_ONLY = "a net here is a chain of layers from one Input to one output, without branches"
OWN_LAYERS = (
    "write the layer as a tinyae.layers.Layer, with forward and backward, and put it into the chain by "
    "layers.TinyaeLayer(yours)"
)
SEQUENCES = "there are dense and convolutional layers, for rows of numbers and images"
ONE_IMAGE = "Flatten() and Dense(n) make a row of an image; AveragePooling2D over the whole image a mean"
OTHER_CONVOLUTIONS = "there are Conv2D and Conv2DTranspose"
OTHER_NOISE = "there are Dropout and GaussianNoise"
OTHER_NORMS = "there is BatchNormalization"
OTHER_UNITS = "there are the activations linear, relu, leaky_relu, sigmoid, tanh and softplus"
OTHER_OPTIMIZERS = "there are SGD, RMSprop, Adam and Nadam"
OTHER_LOSSES = "there are binary_crossentropy, mse and mae, or a tinyae.losses.Loss of your own"
OWN_CALLBACK = "write it as a subclass of Callback; self.model.optimizer.learning_rate may be set in it"
ARRAYS_ONLY = "tinyae works on NumPy arrays; use NumPy"


def _each(names, advice):
    return dict.fromkeys(names.split(), advice)


LAYERS = {
    **_each("Layer Lambda Wrapper", OWN_LAYERS),
    "Sampling": "layers.GaussianCode(beta) samples the code and adds the divergence, after Dense(2 * k)",
    **_each("Add Average Concatenate Dot Maximum Minimum Multiply Subtract add concatenate", CHAINS_ONLY),
    **_each("LSTM GRU SimpleRNN RNN Bidirectional TimeDistributed RepeatVector Embedding Attention", SEQUENCES),
    **_each("MultiHeadAttention AdditiveAttention ConvLSTM2D Masking Permute EinsumDense", SEQUENCES),
    **_each("Conv1D Conv1DTranspose MaxPooling1D AveragePooling1D UpSampling1D ZeroPadding1D Cropping1D", SEQUENCES),
    **_each("Conv3D Conv3DTranspose MaxPooling3D AveragePooling3D UpSampling3D", SEQUENCES),
    **_each("SeparableConv2D DepthwiseConv2D", OTHER_CONVOLUTIONS),
    **_each("GlobalAveragePooling2D GlobalMaxPooling2D GlobalAvgPool2D GlobalMaxPool2D", ONE_IMAGE),
    **_each("GlobalAveragePooling1D GlobalMaxPooling1D", ONE_IMAGE),
    **_each("SpatialDropout2D GaussianDropout AlphaDropout", OTHER_NOISE),
    **_each("LayerNormalization GroupNormalization UnitNormalization SpectralNormalization", OTHER_NORMS),
    **_each("ELU PReLU Softmax ThresholdedReLU", OTHER_UNITS),
    **_each("Rescaling Normalization Resizing CenterCrop", "change the array before fit, as in x / 255."),
    **_each("RandomFlip RandomRotation RandomZoom RandomTranslation RandomContrast", "change the array before fit"),
}
OPTIMIZERS = _each("AdamW Adagrad Adadelta Adamax Ftrl Lion Lamb Muon Adafactor LossScaleOptimizer", OTHER_OPTIMIZERS)
OPTIMIZERS["schedules"] = "the schedules of tinyae (tinyae.Cosine, tinyae.Step) may be given as learning_rate"
LOSSES = _each(
    "CategoricalCrossentropy SparseCategoricalCrossentropy KLDivergence Huber LogCosh CosineSimilarity Poisson "
    "MeanSquaredLogarithmicError MeanAbsolutePercentageError Hinge categorical_crossentropy kl_divergence huber",
    OTHER_LOSSES,
)
CALLBACKS = {
    **_each("LambdaCallback RemoteMonitor ProgbarLogger", OWN_CALLBACK),
    "LearningRateScheduler": "fit takes tinyae.callbacks.LearningRateSchedule as well",
    "ReduceLROnPlateau": "fit takes tinyae.callbacks.ReduceOnPlateau as well",
    "BackupAndRestore": "train what to_tinyae() gives with fit(..., checkpoint=DIR)",
    "TerminateOnNaN": "it is not needed: fit stops at the first NaN and says where it began",
}
DATASETS = _each("cifar10 cifar100 imdb reuters boston_housing california_housing", "see tinyae.datasets.load")
MODELS = {
    "clone_model": "save it, or call the function that makes it once more",
    "model_from_json": "use models.load_model(path)",
}
UTILS = {
    "plot_model": "use model.summary()",
    **_each("to_categorical image_dataset_from_directory Sequence PyDataset normalize get_file", ARRAYS_ONLY),
}
PACKAGE = {
    **_each("backend ops random distribution", ARRAYS_ONLY),
    **_each("applications preprocessing tree config dtype_policies mixed_precision", ARRAYS_ONLY),
    "metrics": "read history.history and evaluate; accuracy has no meaning for images",
    "activations": "give an activation by its name, as in activation='relu'",
    "constraints": "weights move freely here",
}

# Arguments: Keras's default, which may be written out, and why there is no other.
NO_WEIGHT_PENALTY = "penalties here are on activations (activity_regularizer)"
LAYER_ARGUMENTS = {
    "trainable": (True, "all layers of a net are trained"),
    "dtype": (None, "nets are float32"),
    "data_format": (None, "images are (height, width, channels)"),
    "activity_regularizer": (None, "put layers.ActivityRegularization(l1, l2) behind it"),
    "autocast": (True, "nets are float32"),
}
WEIGHT_ARGUMENTS = LAYER_ARGUMENTS | {
    "use_bias": (True, "every layer with weights has a bias"),
    "kernel_regularizer": (None, NO_WEIGHT_PENALTY),
    "bias_regularizer": (None, NO_WEIGHT_PENALTY),
    "kernel_constraint": (None, PACKAGE["constraints"]),
    "bias_constraint": (None, PACKAGE["constraints"]),
    "lora_rank": (None, "all weights are trained"),
    "dilation_rate": ((1, 1), "windows have no gaps"),
    "groups": (1, "every filter sees all channels"),
}


def refusing(where, table):
    """A module's `__getattr__`: UsageError for what `table` names, AttributeError for all else."""

    def missing(name):
        if name in table:
            raise UsageError(f"{where}: {name} is not supported; {table[name]}.")
        raise AttributeError(f"module {where!r} has no attribute {name!r}")

    return missing


def refuse_arguments(who, given, known):
    """Raise UsageError unless every argument `given` is `known` and has Keras's default.

    `known` is {name: (default, why there is no other)}. A number stands for a pair of it, as everywhere in Keras.
    """
    for name, value in given.items():
        value = f"an array of shape {value.shape}" if isinstance(value, np.ndarray) else value
        if name not in known:
            raise UsageError(f"{who}: expected Keras's arguments, got {name}={value!r}; see the docstring of {who}.")
        default, why = known[name]
        as_pair = (value, value) if isinstance(value, int) and isinstance(default, tuple) else value
        if as_pair != default and (name, value) not in ACCEPTED:
            raise UsageError(f"{who}: expected {name} to stay {default!r}, got {value!r}; {why}.")


# Other ways to write the only value there is.
ACCEPTED = (("data_format", "channels_last"), ("dtype", "float32"))

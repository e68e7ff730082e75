"""tinyae: autoencoders written by hand in NumPy and Numba, every forward and backward pass in plain sight."""

from tinyae.autoencoder import Autoencoder
from tinyae.callbacks import (
    CSVLogger,
    Film,
    LearningRateSchedule,
    ModelCheckpoint,
    ParameterPath,
    ReconstructionFilm,
    ReduceOnPlateau,
    TensorBoard,
)
from tinyae.checks import UsageError
from tinyae.contractive import Contractive
from tinyae.diagnosis import DiagnosisWarning, diagnose
from tinyae.layers import (
    ActivityPenalty,
    AveragePool,
    BatchNorm,
    Conv2D,
    ConvTranspose,
    Crop,
    Dense,
    Dropout,
    Flatten,
    GaussianCode,
    GaussianNoise,
    KSparse,
    LeakyReLU,
    Linear,
    MaxPool,
    ReLU,
    Reshape,
    Sequential,
    Sigmoid,
    Softmax,
    Softplus,
    Tanh,
    TiedDense,
    UpSample,
    ZeroPad,
)
from tinyae.losses import BCE, MSE
from tinyae.optimizers import SGD, Adam, ConjugateGradient, Nadam, RMSprop
from tinyae.penalties import L1, L2, KLSparsity
from tinyae.rbm import RBM, fit_rbm, fit_stack, unroll
from tinyae.schedules import Constant, Cosine, Step
from tinyae.storage import load, save
from tinyae.training import Callback, Checkpoint, EarlyStopping, History, TrainingDivergedError
from tinyae.version import __version__ as __version__

__all__ = [
    "Autoencoder", "Sequential",
    "Dense", "Conv2D", "ConvTranspose", "MaxPool", "AveragePool", "UpSample",
    "Flatten", "Reshape", "Crop", "ZeroPad", "BatchNorm", "Dropout", "GaussianNoise",
    "TiedDense", "KSparse", "GaussianCode", "ActivityPenalty", "L1", "L2", "KLSparsity", "Contractive",
    "Linear", "Sigmoid", "Tanh", "ReLU", "LeakyReLU", "Softplus", "Softmax",
    "BCE", "MSE",
    "SGD", "RMSprop", "Adam", "Nadam", "ConjugateGradient", "Constant", "Step", "Cosine",
    "RBM", "fit_rbm", "fit_stack", "unroll",
    "Callback", "Checkpoint", "EarlyStopping", "History", "TrainingDivergedError",
    "ModelCheckpoint", "LearningRateSchedule", "ReduceOnPlateau", "CSVLogger", "TensorBoard", "ReconstructionFilm",
    "Film", "ParameterPath",
    "diagnose", "DiagnosisWarning",
    "save", "load", "UsageError",
]  # fmt: skip

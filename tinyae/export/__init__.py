"""Trained nets for other libraries: PyTorch modules, ONNX files, weights for Keras.

The core of tinyae needs none of them; each is imported when it is asked for.
"""

from tinyae.export.keras_weights import to_keras_weights
from tinyae.export.onnx_file import to_onnx
from tinyae.export.pytorch import to_torch

__all__ = ["to_torch", "to_onnx", "to_keras_weights"]

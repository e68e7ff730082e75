"""Model, Sequential, load_model: `from tinyae.keras.models import Model`."""

from tinyae.keras import unsupported
from tinyae.keras.loading import load_model
from tinyae.keras.model import Model
from tinyae.keras.saving import save_model
from tinyae.keras.sequential import Sequential

__all__ = ["Model", "Sequential", "load_model", "save_model"]

__getattr__ = unsupported.refusing("tinyae.keras.models", unsupported.MODELS)

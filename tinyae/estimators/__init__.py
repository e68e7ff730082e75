"""The scikit-learn face of tinyae: autoencoders and RBMs for pipelines, grid searches and outlier detection.

Needs scikit-learn, which `import tinyae` does not load: pip install 'tinyae[sklearn]'.
"""

try:
    from tinyae.estimators.detector import AutoencoderDetector
    from tinyae.estimators.rbm import RBMTransformer
    from tinyae.estimators.transformer import AutoencoderTransformer
except ImportError as why:
    if not (why.name or "").startswith("sklearn"):
        raise
    raise ImportError(f"tinyae.estimators needs scikit-learn >= 1.6: pip install 'tinyae[sklearn]' ({why})") from None

__all__ = ["AutoencoderTransformer", "AutoencoderDetector", "RBMTransformer"]

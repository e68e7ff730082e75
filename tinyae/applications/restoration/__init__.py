"""Restoration: damaged pictures in, better ones out. Noise, missing blocks, watermarks, blur, low resolution."""

from tinyae.applications.restoration.biharmonic import inpaint_biharmonic
from tinyae.applications.restoration.damages import Blur, LowResolution, MissingBlock, Watermark, with_mask
from tinyae.applications.restoration.holes import MISSING, PAINT, guess, missing_in_files, painted
from tinyae.applications.restoration.net import at_size, restoration_net
from tinyae.applications.restoration.scores import BEST_PSNR, image_psnr, image_ssim, scores
from tinyae.applications.restoration.tasks import TASKS, as_inputs, damage_for
from tinyae.applications.restoration.use import restore

__all__ = [
    "MISSING", "PAINT", "Blur", "LowResolution", "MissingBlock", "Watermark",
    "with_mask", "guess", "missing_in_files", "painted",
    "restoration_net", "at_size", "restore",
    "BEST_PSNR", "image_psnr", "image_ssim", "scores", "inpaint_biharmonic",
    "TASKS", "as_inputs", "damage_for",
]  # fmt: skip

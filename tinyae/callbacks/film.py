"""One sample's reconstruction over the epochs, as a film and as a strip of pictures."""

import io
import math
from pathlib import Path

import numpy as np

from tinyae.checks import UsageError, as_float_array, check_int, check_samples
from tinyae.files import writable_folder, write_atomically
from tinyae.pictures import as_bytes, enlarge, image_shape_of, limits_of
from tinyae.training.callbacks import Callback

SIDE, STRIP_SIDE = 196, 84  # pixels of an image's longer side, about: 28 x 28 has squares of 7, and 3 in the strip
STRIP_PICTURES, STRIP_COLUMNS = 13, 7  # with the original two full rows
FIRST_MS, LAST_MS, WHOLE_MS, FASTEST_MS, SLOWEST_MS = 1200, 2500, 8000, 60, 400  # how long frames are shown
PAPER, INK, BORDER, MARGIN = 255, 0, 128, 6


class ReconstructionFilm(Callback):
    """What the net makes of one sample, from before the first epoch to the last.

    Writes, when training ends, a GIF with the original beside the reconstruction of every epoch, and a PNG beside it
    with some of the epochs, more of the early ones, where most happens. Below each stand the epoch and the loss of
    this very sample.

    Parameters
    ----------
    sample : array (H, W, 1), (H, W, 3) or (D,) with D a square, as the net takes it
        Numbers from 0 (black) to 1 (white); where it goes beyond, from its lowest to its highest.
    path : path
        Such as "runs/two.gif"; the strip becomes "runs/two.png". The folder is made if need be.
    every : int
        Epochs from one frame to the next; the last epoch is always there.

    Examples
    --------
    >>> model.fit(x, epochs=30, callbacks=[ReconstructionFilm(x[0], "two.gif")])
    """

    def __init__(self, sample, path, every=1):
        path = Path(path)
        if path.suffix.lower() not in ("", ".gif", ".png"):
            raise UsageError(f"ReconstructionFilm: expected a path that ends in .gif, got {path}.")
        self.sample = sample
        self.gif, self.png = path.with_suffix(".gif"), path.with_suffix(".png")
        self.every = check_int("ReconstructionFilm", "every", every, 1)

    def on_train_begin(self, run):
        self.x = self._checked(run.model)
        writable_folder(self.gif.parent, "ReconstructionFilm")
        self.epochs, self.losses, self.outputs = [], [], np.empty((0, *self.x.shape[1:]), self.x.dtype)
        self._shoot(run, 0)

    def _checked(self, model):
        """The sample as a batch of one."""
        who = "ReconstructionFilm"
        x = as_float_array(who, self.sample, model.theta.dtype, "sample")
        x = x if x.shape[:1] == (1,) and x.shape[1:] == model.input_shape else x[None]
        check_samples(who, x, model.input_shape, "sample")
        if model.output_shape != model.input_shape:
            raise UsageError(
                f"{who}: expected a net that gives what it takes, got one from {model.input_shape} to "
                f"{model.output_shape}."
            )
        self.image_shape = image_shape_of(model.input_shape)
        if self.image_shape is None:
            raise UsageError(
                f"{who}: expected images (H, W, 1), (H, W, 3) or square rows, got samples of shape {model.input_shape}."
            )
        return x

    def on_epoch_end(self, run, row):
        if run.epoch % self.every == 0:
            self._shoot(run, run.epoch)

    def on_train_end(self, run):
        if self.epochs[-1] != run.epoch:
            self._shoot(run, run.epoch)
        limits = limits_of(self.x)
        original, *pictures = as_bytes(np.concatenate([self.x, self.outputs]), self.image_shape, limits)
        labels = [
            (f"epoch {epoch}", f"loss {four_digits(loss)}")
            for epoch, loss in zip(self.epochs, self.losses, strict=True)
        ]
        write_gif(self.gif, original, pictures, labels)
        write_strip(self.png, original, pictures, labels)

    def _shoot(self, run, epoch):
        self.epochs.append(epoch)
        self.losses.append(float(run.model.loss_parts(self.x)[0]))
        self.outputs = np.concatenate([self.outputs, run.model.reconstruct(self.x)])

    def state(self):
        return {"epochs": self.epochs, "losses": self.losses, "outputs": self.outputs}

    def restore(self, state):
        self.epochs, self.losses, self.outputs = list(state["epochs"]), list(state["losses"]), state["outputs"]


def write_gif(path, original, pictures, labels):
    """The original beside each of the pictures, its two lines of text below; the first and the last stay longer.

    Parameters
    ----------
    path : path
    original : bytes (H, W, C)
    pictures : list of bytes (H, W, C)
    labels : list of (str, str)
    """
    left = tile(original, ("original", ""), SIDE)
    frames = [sheet([[left, tile(p, text, SIDE)]]) for p, text in zip(pictures, labels, strict=True)]
    times = [int(np.clip(WHOLE_MS / len(frames), FASTEST_MS, SLOWEST_MS))] * len(frames)
    times[0], times[-1] = FIRST_MS, LAST_MS
    _write(path, frames[0], "GIF", save_all=True, append_images=frames[1:], duration=times, loop=0)


def write_strip(path, original, pictures, labels):
    """The original and some of the pictures in rows, each with its two lines of text below."""
    chosen = early_ones(len(pictures), STRIP_PICTURES)
    tiles = [tile(original, ("original", ""), STRIP_SIDE), *(tile(pictures[i], labels[i], STRIP_SIDE) for i in chosen)]
    _write(path, sheet([tiles[i : i + STRIP_COLUMNS] for i in range(0, len(tiles), STRIP_COLUMNS)]), "PNG")


def _write(path, image, file_format, **settings):
    buffer = io.BytesIO()
    image.save(buffer, file_format, **settings)
    write_atomically(path, lambda temporary: temporary.write_bytes(buffer.getvalue()))


def tile(picture, lines, side):
    """A picture (H, W, C) of bytes, enlarged to about `side` pixels, on paper with lines of text below."""
    from PIL import Image, ImageDraw, ImageFont

    picture = enlarge(picture, max(1, side // max(picture.shape[:2])))
    height, width, channels = picture.shape
    mode = "RGB" if channels == 3 else "L"
    font = ImageFont.load_default(size=max(11, side // 12))
    line_height = round(1.35 * font.size)
    room = max(width, *(math.ceil(font.getlength(line)) for line in lines)) + 2 * MARGIN
    image = Image.new(mode, (room, height + 2 * MARGIN + line_height * len(lines)), _shade(mode, PAPER))
    left = (room - width) // 2
    draw = ImageDraw.Draw(image)
    draw.rectangle((left - 1, MARGIN - 1, left + width, MARGIN + height), outline=_shade(mode, BORDER))
    image.paste(Image.fromarray(picture if channels == 3 else picture[:, :, 0]), (left, MARGIN))
    for number, line in enumerate(lines):
        y = MARGIN + height + 2 + number * line_height
        draw.text(((room - font.getlength(line)) / 2, y), line, fill=_shade(mode, INK), font=font)
    return image


def sheet(rows):
    """Rows of tiles as one image; all places are as wide as the widest tile."""
    from PIL import Image

    mode = rows[0][0].mode
    width = max(tile.width for row in rows for tile in row)
    height = max(tile.height for row in rows for tile in row)
    image = Image.new(mode, (width * max(map(len, rows)), height * len(rows)), _shade(mode, PAPER))
    for i, row in enumerate(rows):
        for j, one in enumerate(row):
            image.paste(one, (j * width + (width - one.width) // 2, i * height))
    return image


def _shade(mode, grey):
    return grey if mode == "L" else (grey,) * 3


def early_ones(n, most):
    """At most `most` of the numbers 0 ... n - 1, the first and the last among them, the early ones closer together."""
    if n <= most:
        return list(range(n))
    chosen = [0]
    for left in range(most - 1, 0, -1):  # equal ratios to what is left, but at least one step
        last = chosen[-1]
        chosen.append(max(last + 1, round(last * ((n - 1) / last) ** (1 / left)) if last else 1))
    return chosen


def four_digits(value):
    """195.04 as '195.0', 1718.3 as '1718': equally long from frame to frame."""
    return f"{value:#.4g}".rstrip(".")

"""Anything about a net as a film over the epochs of its training."""

import base64
import io
from pathlib import Path

import numpy as np

from tinyae.checks import UsageError, check_int
from tinyae.files import writable_folder, write_atomically
from tinyae.training.callbacks import Callback

DPI, PALETTE_FRAMES = 80, 12
FIRST_MS, LAST_MS, WHOLE_MS, FASTEST_MS, SLOWEST_MS = 1200, 2500, 8000, 60, 500  # how long frames are shown


class Film(Callback):
    """Look at the net before the first epoch and after every one, and draw the film when training has ended.

    What is seen is kept as arrays and drawn at the end: only then the largest number of all frames is known, and axes
    and colours that change from frame to frame show nothing. Ready-made ones: `tinyae.plots.film_of_codes`,
    `film_of_reconstructions`, `film_of_filters`. (One image, enlarged, without Matplotlib: `ReconstructionFilm`.)

    Parameters
    ----------
    look : function of (model)
        What to keep: an array, the same shape each time. The model is not to be changed.
    draw : function of (seen, k, epoch)
        A Figure (`tinyae.plots`) of seen[k], the array kept after `epoch`; `seen` (frames, ...) holds all of them.
    path : path, optional
        Where to write the GIF; its folder is made if need be. Without it the film is in `gif` alone.
    every : int
        Epochs from one frame to the next; the last epoch is always there.

    Attributes
    ----------
    gif : bytes
        The film, once training has ended. In a notebook the callback shows it.
    epochs : list of int
    seen : array (frames, ...)

    Examples
    --------
    >>> film = plots.film_of_codes(x_test, y_test, data.class_names)
    >>> model.fit(x, epochs=20, callbacks=[film])
    >>> film
    """

    def __init__(self, look, draw, path=None, every=1):
        for name, function in (("look", look), ("draw", draw)):
            if not callable(function):
                raise UsageError(f"Film: expected {name} to be a function, got {function!r}.")
        if path is not None and not str(path).lower().endswith(".gif"):
            raise UsageError(f"Film: expected a path that ends in .gif, got {path}.")
        self.look, self.draw, self.path = look, draw, path
        self.every = check_int("Film", "every", every, 1)
        self.epochs, self._seen, self.gif = [], [], None

    @property
    def seen(self):
        return np.array(self._seen)

    def on_train_begin(self, run):
        if self.path is not None:
            writable_folder(Path(self.path).parent, "Film")
        self.epochs, self._seen, self.gif = [], [], None
        self._shoot(run)

    def on_epoch_end(self, run, row):
        if run.epoch % self.every == 0:
            self._shoot(run)

    def on_train_end(self, run):
        if self.epochs[-1] != run.epoch:
            self._shoot(run)
        seen = self.seen
        self.gif = gif_of([self.draw(seen, k, epoch) for k, epoch in enumerate(self.epochs)])
        if self.path is not None:
            self.save(self.path)

    def _shoot(self, run):
        kept = np.array(self.look(run.model))
        if self._seen and kept.shape != self._seen[0].shape:
            raise UsageError(f"Film: expected look to give shape {self._seen[0].shape} as before, got {kept.shape}.")
        self.epochs.append(run.epoch)
        self._seen.append(kept)

    def save(self, path):
        """Write the film to `path`."""
        if self.gif is None:
            raise UsageError("Film: expected a film that is finished, got none yet; train with it first.")
        write_atomically(path, lambda temporary: temporary.write_bytes(self.gif))

    def _repr_html_(self):
        if self.gif is None:
            return "<p>a film that is not yet finished</p>"
        return f'<img alt="film over the epochs" src="data:image/gif;base64,{base64.b64encode(self.gif).decode()}">'

    def state(self):
        return {"epochs": self.epochs, "seen": self.seen}

    def restore(self, state):
        self.epochs, self._seen = list(state["epochs"]), list(state["seen"])


def gif_of(figures, dpi=DPI):
    """Figures as the frames of a GIF, bytes; the first and the last stay longer. It begins anew when it has ended.

    All frames share one palette of 256 colours, drawn from a dozen of them: palettes of their own would flicker.
    """
    from PIL import Image  # Matplotlib brings it

    frames = [_as_image(figure, dpi) for figure in figures]
    chosen = [frames[k] for k in np.unique(np.linspace(0, len(frames) - 1, PALETTE_FRAMES).round().astype(int))]
    width, height = (max(frame.size[side] for frame in frames) for side in (0, 1))
    palette = Image.new("RGB", (width, len(chosen) * height), "white")
    for place, frame in enumerate(chosen):
        palette.paste(frame, (0, place * height))
    palette = palette.quantize(254, dither=Image.Dither.NONE)
    colours = palette.getpalette()[: 3 * 254] + [255] * 3 + [0] * 3  # paper and ink themselves, not what is near them
    palette.putpalette(colours)
    frames = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    times = [int(np.clip(WHOLE_MS / len(frames), FASTEST_MS, SLOWEST_MS))] * len(frames)
    times[0], times[-1] = FIRST_MS, LAST_MS
    buffer = io.BytesIO()
    frames[0].save(
        buffer, "GIF", save_all=True, append_images=frames[1:], duration=times, loop=0, optimize=False, disposal=1
    )
    return buffer.getvalue()


def _as_image(figure, dpi):
    from PIL import Image

    if not hasattr(figure, "savefig"):
        raise UsageError(f"Film: expected draw to give a Figure, got {type(figure).__name__}.")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi)
    return Image.open(io.BytesIO(buffer.getvalue())).convert("RGB")

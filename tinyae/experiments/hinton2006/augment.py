"""Other versions of the training images in every epoch: turned, stretched and shifted a little, or mirrored."""

import numpy as np

from tinyae.checks import UsageError
from tinyae.training import Callback
from tinyae.training.memory import pieces
from tinyae.training.threads import Team


class OtherImages(Callback):
    """Puts other versions of the training images in their place before every epoch.

    Parameters
    ----------
    x : array (N, D)
        The images; not changed. `fit` gets a copy of them, which is.
    image_shape : tuple (H, W, C)
    seed : int
        The random numbers of an epoch depend on its number and the seed alone.
    """

    def __init__(self, x, image_shape, seed):
        self.x, self.image_shape, self.seed = x, image_shape, seed

    def config(self):
        return {"seed": self.seed}

    def on_train_begin(self, run):
        self.fill(run.training[0], run.first_epoch)

    def on_epoch_end(self, run, row):
        self.fill(run.training[0], row["epoch"] + 1)

    def fill(self, images, epoch):
        """Write the images of that epoch into `images`, the array the net is trained on."""
        raise NotImplementedError


class Warped(OtherImages):
    """Puts warped images in the place of some training images, others in every epoch, for the net to reconstruct.

    Unlike a corruption, for which the clean image stays the target, this makes the training set larger: what the net
    has to reconstruct differs from epoch to epoch.

    Parameters
    ----------
    x, image_shape, seed
        As for OtherImages.
    warp : tinyae.warping.Warp
    share : float in [0, 1]
        Part of the images that is warped in an epoch, drawn anew each time.
    until : int
        The last epoch with warped images; those after it have the images as they are.
    threads : int
    """

    AT_ONCE = 2000  # images

    def __init__(self, x, image_shape, warp, share, until, seed, threads):
        super().__init__(x, image_shape, seed)
        self.warp, self.share, self.until, self.threads = warp, share, until, threads

    def config(self):
        return {"warp": self.warp.config(), "share": self.share, "until": self.until} | super().config()

    def fill(self, images, epoch):
        if epoch > self.until + 1:  # they are all as they were
            return
        np.copyto(images, self.x)
        if epoch > self.until:
            return
        rng = np.random.default_rng([self.seed, epoch])
        rows = np.flatnonzero(rng.random(len(images)) < self.share)
        parts = list(pieces(slice(0, len(rows)), self.AT_ONCE))
        rngs = rng.spawn(len(parts))

        def work(worker):
            for part, own in list(zip(parts, rngs, strict=True))[worker :: self.threads]:
                chosen = rows[part]
                images[chosen] = self.warp(self.x[chosen].reshape(-1, *self.image_shape), own).reshape(len(chosen), -1)

        with Team(self.threads) as team:
            team.run(work)


class Flipped(OtherImages):
    """Lays every training image in one of the eight ways a square can lie, others in every epoch.

    For images whose kind stays the same when they are mirrored or turned by a quarter: the training set is then eight
    times as large.

    Parameters
    ----------
    x, image_shape, seed
        As for OtherImages; H = W.
    """

    def __init__(self, x, image_shape, seed):
        if image_shape[0] != image_shape[1]:
            raise UsageError(f"Flipped: expected square images, got {image_shape[0]} x {image_shape[1]}.")
        super().__init__(x, image_shape, seed)

    def fill(self, images, epoch):
        ways = np.random.default_rng([self.seed, epoch]).integers(8, size=len(images))
        for way in range(8):
            (rows,) = np.nonzero(ways == way)
            laid = self.x[rows].reshape(-1, *self.image_shape)
            laid = laid[:, :: -1 if way & 1 else 1, :: -1 if way & 2 else 1]
            images[rows] = (laid.swapaxes(1, 2) if way & 4 else laid).reshape(len(rows), -1)

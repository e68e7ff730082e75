"""The paper's recipe: a stack of RBMs by contrastive divergence, unrolled, fine-tuned by conjugate gradients.

What their published code does, this does: images in one random order, cut once into batches of 100; every RBM by CD-1
with rate 0.1 (0.001 for linear units), momentum 0.5 and from the sixth epoch on 0.9, weight cost 0.0002, weights that
start at 0.1 N(0, 1) and biases at 0; hidden probabilities of the last epoch, taken before each batch's update, as data
for the next RBM; decoder weights that begin as the encoder's, transposed; cross-entropy summed over the pixels; for
each ten consecutive batches, merged into one of 1000, three line searches that begin down the gradient.

Where it departs from them:

=========================  =====================================  =====================================================
what                       theirs                                 here
=========================  =====================================  =====================================================
order of the images        sorted by class, then permuted         the file's order, permuted: the same distribution
random numbers             Matlab's, seeded by the clock          NumPy's, seeded: a run can be repeated
numbers                    64 bits                                32 bits; a line search whose fall drowns in rounding
                                                                  ends there, as any failed one
epochs of pretraining      10 in the code, 50 in the paper        50
line search                `minimize` of 2006-09-08; the paper's  written anew from the formulas it states, with its
                           own runs are older                     constants (`tinyae.minimisers.conjugate_gradient`)
its extrapolation          the cubic through length 0 and the     the cubic through the last two lengths, as far as the
                           last length, every time                search has gone
cross-entropy              log of the output, which may be 0      from the total input: finite for any
last batch                 all are full                           the rest of the images, where they are not a multiple
test error                 mean over batches of 100               mean over images: the same number
curves                     a set of their own, not published in   drawn by code to match what 18 principal components
                           the paper                              leave (`tinyae.datasets.curves`)
faces                      how they cropped is not said           `tinyae.datasets.face_patches`
faces: loss                not said                               squared error; linear outputs have no cross-entropy
faces: second RBM's rate   0.1 for all binary units               0.01: at 0.1 nine of ten hidden units die at once
documents                  Reuters                                20 Newsgroups; more in `documents`
=========================  =====================================  =====================================================

As there, the errors in the history are those before each epoch's updates, on all training and all test images, and the
test images decide nothing: training ends after the epochs that were planned, and what is left then is the result. The
rate of 0.01 for the faces was chosen by the dead units and the reconstructions of the second RBM, on training patches
(`rbm_rates.csv`), after a run at 0.1 had ended with a squared error of 150.6.
"""

from dataclasses import asdict, dataclass, replace

import numpy as np

from tinyae.checks import UsageError
from tinyae.datasets.face_patches import FacePatches
from tinyae.experiments.hinton2006.task import Trained
from tinyae.experiments.hinton2006.watching import ProductShare, SquaredErrors
from tinyae.optimizers import ConjugateGradient
from tinyae.rbm import fit_stack, unroll
from tinyae.training.loggers import CSVLogger


@dataclass(frozen=True)
class PaperRecipe:
    """The numbers of the recipe; the epochs are those of the problem where None.

    Attributes
    ----------
    n_train : int or None
        Limit on the training images.
    pretrain_epochs, finetune_epochs : int or None
    pretrain_batch, finetune_batch : int
    searches : int
        Line searches on every batch.
    layers : tuple of dict
        What the pretraining of one layer does otherwise, as for `fit_stack`; empty for nothing.
    """

    n_train: int | None = None
    pretrain_epochs: int | None = None
    finetune_epochs: int | None = None
    pretrain_batch: int = 100
    finetune_batch: int = 1000
    searches: int = 3
    layers: tuple = ()

    def in_force(self):
        """{name: value} of all settings, the layers' own by the number of the RBM: {"rbm_2_lr": 0.01}."""
        settings = asdict(self)
        layers = enumerate(settings.pop("layers"), 1)
        return settings | {f"rbm_{n}_{name}": value for n, own in layers for name, value in own.items()}


WHOLE = PaperRecipe()
QUICK = PaperRecipe(n_train=2000, pretrain_epochs=4, finetune_epochs=4)
QUICKS = {"faces": PaperRecipe(n_train=1000, pretrain_epochs=2, finetune_epochs=2, finetune_batch=500)}  # a large net


def recipe_of(settings):
    """The PaperRecipe for Settings: epochs where it names none, and layers, are the problem's."""
    problem = settings.problem
    recipe = QUICKS.get(settings.experiment, QUICK) if settings.quick else WHOLE
    return replace(
        recipe,
        pretrain_epochs=recipe.pretrain_epochs or problem.pretrain_epochs,
        finetune_epochs=recipe.finetune_epochs or problem.finetune_epochs,
        layers=problem.layers,
    )


def train(task, recipe):
    """Train the net of a Task as the paper did, on data that are `in_one_order`. Returns a Trained."""
    x = task.data.x_train[: recipe.n_train]
    if len(x) < recipe.pretrain_batch:
        raise UsageError(f"hinton2006: expected at least {recipe.pretrain_batch} training images, got {len(x)}.")
    task.announce()
    rbms, pretraining = fit_stack(
        x, task.problem.sizes, visible=task.problem.visible, epochs=recipe.pretrain_epochs,
        batch_size=recipe.pretrain_batch, shuffle=False, stale=True, layers=recipe.layers or None,
        seed=task.seed, threads=task.threads, progress=task.progress, checkpoint=task.below("pretraining"),
    )  # fmt: skip
    model = unroll(rbms)
    errors = SquaredErrors({"squared_error": x, "test_squared_error": task.data.x_test}, task.threads, before=True)
    callbacks = [ProductShare(task.threads), errors]
    if task.folder is not None:
        callbacks.append(CSVLogger(task.below("finetuning.csv")))
    finetuning = model.fit(
        x, epochs=recipe.finetune_epochs, batch_size=recipe.finetune_batch, shuffle=False,
        optimizer=ConjugateGradient(searches=recipe.searches), callbacks=callbacks, seed=task.seed,
        threads=task.threads, progress=task.progress and "fine-tuning", checkpoint=task.below("finetuning"),
    )  # fmt: skip
    return Trained(model, pretraining, finetuning, recipe.in_force() | {"n_train": len(x), "n_validation": 0})


def in_one_order(data, seed, back=False):
    """A Dataset with its training rows in the order they keep for ever; `back`: such a one as it was before.

    For training in place of the other: beside the hidden means of the faces, 1.2 GB, two would be too many; so would
    what is held out and decides nothing here.
    """
    order = np.random.default_rng(seed).permutation(len(data.x_train))
    order = np.argsort(order) if back else order
    less = {"x_validation": None} if isinstance(data, FacePatches) else {}
    return replace(data, x_train=data.x_train[order], y_train=data.y_train[order], **less)

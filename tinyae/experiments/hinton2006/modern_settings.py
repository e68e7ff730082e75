"""How the same nets are trained today: what each recipe does, and for how long."""

from dataclasses import asdict, dataclass, field, replace

from tinyae.rbm.training import MOMENTUM_SWITCH


@dataclass(frozen=True)
class ModernRecipe:
    """How long and how to train.

    Attributes
    ----------
    n_train : int or None
        Limit on the training images, those held out among them.
    hidden_activation : str
        Of all layers but code and output, where there is no pretraining; RBMs make sigmoid ones.
    pretrain_epochs : int
        Of each RBM; 0 starts from random weights instead.
    as_pca : bool
        Start as principal components (`linear_start`), with leaky ReLUs, instead of either.
    neighbour_epochs, decoder_epochs : int
        After the RBMs, epochs in which the encoder learns to keep neighbours, and then the decoder to draw what is
        where (`map_start`); 0 for neither.
    loss : {"bce", "mse"}, optional
        Of fine-tuning; without it that of the net as it starts, which its visible units ask for.
    finetune_epochs, batch_size : int
    lr : float
        Highest learning rate of fine-tuning.
    warmup : float
        Part of fine-tuning over which the rate rises: large first steps would undo the pretraining.
    beta2 : float
        Of Adam. 0.99 follows the gradient's size ten times faster than the usual 0.999.
    momentum_switch : int
        Epochs of pretraining with the low momentum.
    warp : dict
        Settings of `Warp` for the training images, as input and as target; empty for none.
    flips : bool
        Lay the training images in another of eight ways in every epoch (`Flipped`).
    warped_share, unwarped_end : float
        Of `warp`: part of the images that is warped in an epoch; part of the epochs, at the end, without such images.
    patience : int
        Epochs without a lower error on the held-out images after which training stops; 0 for training to the end.
    """

    n_train: int | None = None
    hidden_activation: str = "sigmoid"
    pretrain_epochs: int = 3
    as_pca: bool = False
    neighbour_epochs: int = 0
    decoder_epochs: int = 0
    loss: str | None = None
    finetune_epochs: int = 26
    batch_size: int = 200
    lr: float = 6e-3
    warmup: float = 0.05
    beta2: float = 0.99
    momentum_switch: int = MOMENTUM_SWITCH
    warp: dict = field(default_factory=dict)
    flips: bool = False
    warped_share: float = 0.5
    unwarped_end: float = 0.2
    patience: int = 0

    def in_force(self):
        """{name: value} of the settings that have a say: none of a pretraining or a warping that there is not."""
        settings = asdict(self)
        if self.as_pca:
            settings["hidden_activation"] = "leaky_relu"
        if not self.pretrain_epochs:
            del settings["momentum_switch"]
        if not self.warp:
            del settings["warped_share"], settings["unwarped_end"]
        return settings


QUICK = ModernRecipe(n_train=10_000, pretrain_epochs=2, finetune_epochs=8, batch_size=100, lr=4e-3)
WARPS = {"turn": 0.1, "zoom": 0.08, "shift": 0.02}
MILD_WARPS = {"turn": 0.06, "zoom": 0.05, "shift": 0.01}  # two numbers hold the digit, and little of how it lies
SHORT = {
    "mnist-2d": ModernRecipe(pretrain_epochs=6, momentum_switch=2, finetune_epochs=24, batch_size=100, lr=4e-3),
    "mnist-30": ModernRecipe(
        pretrain_epochs=6, momentum_switch=2, finetune_epochs=24, batch_size=100, lr=3e-3, warp=WARPS,
        warped_share=1.0,
    ),
    "curves": ModernRecipe(finetune_epochs=25, batch_size=50, lr=1.2e-2, momentum_switch=2, flips=True),
    "faces": ModernRecipe(
        n_train=20_000, as_pca=True, pretrain_epochs=0, finetune_epochs=3, lr=5e-4, beta2=0.999,
    ),
}  # fmt: skip
MODERN = SHORT | {
    "mnist-2d": replace(
        SHORT["mnist-2d"], neighbour_epochs=25, decoder_epochs=3, finetune_epochs=200, lr=2e-3, warp=MILD_WARPS,
        warped_share=1.0, unwarped_end=0.08,
    ),
    "mnist-30": replace(SHORT["mnist-30"], finetune_epochs=100, patience=20),
    "curves": ModernRecipe(
        hidden_activation="softplus", pretrain_epochs=0, loss="mse", finetune_epochs=250, batch_size=50, lr=2e-3,
        flips=True,
    ),
    "faces": replace(SHORT["faces"], n_train=None, finetune_epochs=5),
}  # fmt: skip
QUICKS = {"faces": replace(SHORT["faces"], n_train=2000, batch_size=50, lr=1e-4)}  # few steps undo PCA less


def cut(recipe):
    """A recipe with all of its phases, each of them short, on few images."""
    most = {"pretrain_epochs": 2, "neighbour_epochs": 3, "decoder_epochs": 2, "finetune_epochs": 5}
    short = {name: min(limit, getattr(recipe, name)) for name, limit in most.items()}
    return replace(recipe, n_train=5000, batch_size=50, **short)

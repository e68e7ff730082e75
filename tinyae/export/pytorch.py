"""Nets as PyTorch modules."""

from tinyae.checks import UsageError
from tinyae.export.chain import nets_of


def to_torch(model):
    """A torch.nn.Module that computes what `model` computes, with a copy of its weights.

    Parameters
    ----------
    model : Autoencoder or Sequential
        The whole model, or its encoder or decoder alone.

    Returns
    -------
    torch.nn.Module
        Of an Autoencoder: a module with submodules `encoder` and `decoder`, whose forward is decoder(encoder(x)). Of
        a Sequential: a torch.nn.Sequential. Float type and mode (`training`) are the model's.

    Raises
    ------
    UsageError
        Without PyTorch; for a layer of one's own, which has no known form in PyTorch.

    Notes
    -----
    **Layout.** Every module takes and gives what tinyae does: rows (N, D), images (N, H, W, C) with the channels last.
    PyTorch's own convolutions want (N, C, H, W); the axes are moved inside (`channels_first`, `channels_last`), which
    costs nothing: the numbers stay where they are.

    **Training.** All parameters are trainable, and `train()` and `eval()` mean what `set_training` means here: Dropout,
    GaussianNoise and GaussianCode draw noise, KSparse keeps k instead of k_use, BatchNorm looks at the batch and moves
    its running statistics as tinyae's does. Tied weights stay tied within an Autoencoder (one Parameter, used twice);
    a decoder alone gets its own. Loss, penalties and corruption belong to the training loop and stay behind:
    ActivityPenalty passes its input on.

    **Names.** Every module carries its layer's name: `encoder.conv2d_1.weight`, `encoder.conv2d_1_relu`.

    Examples
    --------
    >>> module = to_torch(model)
    >>> with torch.no_grad():
    ...     images = module(torch.from_numpy(x))  # model.reconstruct(x), within rounding
    >>> torch.save(module.encoder.state_dict(), "encoder.pt")
    """
    nets = nets_of("to_torch", model)
    try:
        from tinyae.export import torch_modules
    except ImportError as why:
        raise UsageError(
            f"to_torch: needs PyTorch ({why}); pip install torch, or pip install 'tinyae[oracle]'."
        ) from None
    module = torch_modules.module_of(nets)
    return module.train(model.training)

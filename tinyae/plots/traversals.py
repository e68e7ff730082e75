"""What is drawn as a code moves in one direction and another."""

from tinyae.checks import UsageError, check_shape
from tinyae.plots.common import Figure, sheet_of


def traversals(panels, image_shape, steps, title=None, unit="standard deviations from the mean code", rows="direction"):
    """Panels of images beside each other: in every row the code moves in another direction.

    Parameters
    ----------
    panels : list of (str, array (R, S, D))
        Title, and the images: a row for each direction, a column for each of the `steps`; values from 0 (black) to 1.
    image_shape : (height, width, channels)
    steps : sequence of S numbers
        How far the code has moved, rising.
    title : str, optional
    unit, rows : str
        What the steps count, below; what a row is, on the left.

    Examples
    --------
    >>> steps = np.linspace(-2, 2, 9)
    >>> codes = along_components(PCA(model.encode(x), 6), steps)
    >>> images = model.decode(codes.reshape(-1, codes.shape[-1])).reshape(6, 9, -1)
    >>> plots.traversals([("autoencoder", images)], (28, 28, 1), steps)
    """
    if not panels or not len(panels[0][1]):
        raise UsageError("traversals: expected at least one panel of at least one row, got none.")
    height, width, channels = image_shape
    count, columns = len(panels[0][1]), len(steps)
    side = min(0.62, (7.4 / len(panels) - 0.3) / columns)
    size = (0.8 + len(panels) * (side * columns + 0.3), side * count * height / width + (1.4 if title else 1.1))
    figure = Figure(figsize=size, layout="constrained")
    for axis, (text, images) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        check_shape("traversals", images, (count, columns, height * width * channels), f"images of {text!r}")
        sheet = sheet_of(images, columns, image_shape, colours=channels == 3)
        axis.imshow(sheet, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        axis.set_title(text, fontsize=10)
        axis.set_xticks(
            [(width + 1) * k + (width - 1) / 2 for k in range(columns)],
            [f"{step:+.3g}" if step else "0" for step in steps],
        )
        axis.set_yticks([(height + 1) * k + (height - 1) / 2 for k in range(count)], range(1, count + 1))
        axis.tick_params(length=0, labelsize=8)
        axis.set_ylabel(rows, fontsize=9)
        for edge in axis.spines.values():
            edge.set_visible(False)
    figure.supxlabel(unit, fontsize=9)
    if title:
        figure.suptitle(title, fontsize=11)
    return figure

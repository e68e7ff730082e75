"""Pictures that teach: labelled, of a size for notebooks, with the numbers they were given, and nothing else."""

import io
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tinyae import SGD, Autoencoder, ConjugateGradient, Conv2D, Dense, Flatten, UsageError, plots
from tinyae.architectures import conv_autoencoder, simple_autoencoder, variational_autoencoder
from tinyae.descent import Quadratic, bowl, follow, ravine, rosenbrock
from tinyae.landscape import Surface
from tinyae.plots.architecture import in_short
from tinyae.plots.landscape import rising_levels
from tinyae.plots.paths import limits_of
from tinyae.plots.tiles import as_cells, as_tiles, scale_of


def rng():
    return np.random.default_rng(0)


def outputs():
    r = rng()
    return {
        "input": r.uniform(size=(2, 8, 6, 1)),
        "encoder.conv2d_1": r.normal(size=(2, 8, 6, 5)),
        "encoder.relu_1": np.maximum(r.normal(size=(2, 8, 6, 5)), 0),
        "encoder.dense_1": r.normal(size=(2, 100)),
        "decoder.dense_1": np.zeros((2, 3)),
        "decoder.sigmoid_1": r.uniform(size=(2, 8, 6, 1)),
    }


def parameters():
    r = rng()
    shapes = {"encoder.conv2d_1.W": (3, 3, 6, 20), "encoder.conv2d_1.b": (20,), "encoder.dense_1.W": (48, 70),
              "encoder.dense_1.b": (70,), "decoder.dense_1.W": (70, 48), "decoder.dense_1.b": (48,),
              "decoder.dense_2.W": (30, 2)}  # fmt: skip
    return {name: r.normal(size=shape) for name, shape in shapes.items()}


def make_surface(n=9, m=7):
    first, second = np.linspace(-1, 2, n), np.linspace(-3, 1, m)
    return Surface(first, second, 5 + first[None] ** 2 + 2 * second[:, None] ** 2)


def with_loss(loss):
    return replace(make_surface(), loss=loss)


def images(n):
    return rng().uniform(size=(n, 48))


def ways():
    optimizers = {"SGD": SGD(0.03), "momentum": SGD(0.02, momentum=0.8), "CG": ConjugateGradient()}
    return [(name, follow(ravine, (-4, 1.5), optimizer, 15)) for name, optimizer in optimizers.items()]


FIGURES = {
    "feature_maps": lambda: plots.feature_maps(outputs(), 1, "one image"),
    "feature_gradients": lambda: plots.feature_maps(outputs(), gradient=True, columns=3),
    "gradients": lambda: plots.gradients(parameters(), (8, 6, 1), "gradients"),
    "matrices": lambda: plots.gradients(parameters()),
    "gradient_sizes": lambda: plots.gradient_sizes([("a", parameters()), ("b", parameters())], "sizes"),
    "one-size": lambda: plots.gradient_sizes({"encoder.dense_1.W": np.ones((2, 3))}),
    "no-size": lambda: plots.gradient_sizes({"encoder.dense_1.W": np.zeros((2, 3))}),
    "activations": lambda: plots.activations(outputs(), "all layers"),
    "one-activation": lambda: plots.activations({"input": np.ones((3, 2))}),
    "loss_landscape": lambda: plots.loss_landscape(make_surface(), title="bowl", unit="nats"),
    "way": lambda: plots.loss_landscape(make_surface(), np.array([[1.5, -2], [1, 0.5], [0, 0]])),
    "flat": lambda: plots.loss_landscape(with_loss(np.ones((7, 9)))),
    "cliff": lambda: plots.loss_landscape(with_loss(np.where(np.eye(7, 9), np.inf, np.eye(7, 9, 1)))),
    "loss_lines": lambda: plots.loss_lines([("a", np.linspace(0, 1, 5), np.arange(5.0))] * 2, "lines", "nats"),
    "manifold": lambda: plots.manifold(images(12), (8, 6, 1), np.arange(4.0), np.arange(3.0), "grid"),
    "coloured-manifold": lambda: plots.manifold(rng().uniform(size=(9, 3)), (1, 1, 3), np.arange(3), np.arange(3)),
    "interpolation": lambda: plots.interpolation([("code", images(9)), ("pixels", np.ones((9, 48)))], (8, 6, 1)),
    "long-way": lambda: plots.interpolation([("code", images(25))], (8, 6, 1), "a long way"),
    "traversals": lambda: plots.traversals(
        [("a", rng().uniform(size=(3, 5, 48))), ("b", np.ones((3, 5, 48)))], (8, 6, 1), (-2, -1, 0, 0.5, 2), "ways"
    ),
    "coloured-traversal": lambda: plots.traversals([("a", rng().uniform(size=(1, 2, 3)))], (1, 1, 3), (-1, 1)),
    "architecture": lambda: plots.architecture(simple_autoencoder(), "simple"),
    "conv": lambda: plots.architecture(conv_autoencoder()),
    "variational": lambda: plots.architecture(variational_autoencoder()),
    "optimizer_paths": lambda: plots.optimizer_paths(ravine, ways(), "ravine"),
    "panels": lambda: plots.optimizer_paths(ravine, ways(), "ravine", columns=2),
    "one-path": lambda: plots.optimizer_paths(np.sum, [("here", [[1.0, 1.0]])], limits=((0, 2), (0, 9))),
}  # fmt: skip


class Figures(dict):
    """Each is made once, when it is asked for."""

    def __missing__(self, name):
        self[name] = FIGURES[name]()
        return self[name]


@pytest.fixture(scope="module")
def figures():
    return Figures()


QUICK = {"feature_maps", "gradients", "gradient_sizes", "way", "one-activation", "optimizer_paths", "architecture"}


@pytest.mark.parametrize("name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in FIGURES])
def test_figures_fit_a_notebook_and_are_drawn_without_a_warning(figures, name):
    figure = figures[name]
    assert isinstance(figure, plots.Figure)
    width, height = figure.get_size_inches()
    assert 2 <= width <= 8.3 and 0.8 <= height <= 13
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=40)
    assert buffer.getvalue().startswith(b"\x89PNG")
    for text in figure.texts:  # those that were put down by hand stay within the figure
        box = text.get_window_extent()
        assert box.x0 >= -1 and box.x1 <= figure.bbox.width + 1, text.get_text()


def texts(figure):
    return [text.get_text() for text in figure.texts]


# --- feature maps


def test_feature_maps_show_every_channel_of_the_image_asked_for(figures):
    figure, given = figures["feature_maps"], outputs()
    assert figure.get_suptitle() == "one image" and len(figure.axes) == len(given)
    assert "encoder.conv2d_1\n8×6×5" in texts(figure)
    sheet = np.ma.filled(figure.axes[1].images[0].get_array(), np.nan)
    factor = 3  # small maps are enlarged
    for c in range(5):
        tile = sheet[: 8 * factor : factor, c * (6 * factor + 2) : c * (6 * factor + 2) + 6 * factor : factor]
        assert_array_equal(tile, given["encoder.conv2d_1"][1, :, :, c])


def test_amounts_are_grey_and_signed_numbers_are_symmetric(figures):
    conv, relu, code, dead = (figures["feature_maps"].axes[k].images[0] for k in (1, 2, 3, 4))
    given = outputs()
    assert conv.get_cmap().name == plots.DIVERGING and relu.get_cmap().name == dead.get_cmap().name == "gray"
    limit = np.abs(given["encoder.conv2d_1"][1]).max()
    assert conv.get_clim() == (-limit, limit)
    assert relu.get_clim() == (0, given["encoder.relu_1"][1].max())
    assert "all 0" in texts(figures["feature_maps"]) and f"± {limit:.2g}" in texts(figures["feature_maps"])
    assert np.ma.filled(code.get_array(), np.nan).shape == (2, 64)
    for axis in figures["feature_gradients"].axes:
        low, high = axis.images[0].get_clim()
        assert axis.images[0].get_cmap().name == plots.GRADIENTS and low == -high


def test_rows_as_long_as_the_input_are_images():
    figure = plots.feature_maps(
        {"input": np.ones((1, 64)), "dense": np.ones((1, 81)), "output": np.eye(8).reshape(1, 64)}
    )
    shapes = [axis.images[0].get_array().shape for axis in figure.axes]
    assert shapes == [(24, 24), (2, 64), (24, 24)]


@pytest.mark.parametrize(
    "low, high, wanted",
    [(0, 0.9, ("gray", (0, 1))), (0, 0.2, ("gray", (0, 0.2))), (0, 7, ("gray", (0, 7))), (0, 0, ("gray", (0, 1))),
     (-1, 3, (plots.DIVERGING, (-3, 3))), (-3, -1, (plots.DIVERGING, (-3, 3)))],
)  # fmt: skip
def test_scales(low, high, wanted):
    assert scale_of(np.array([low, high]))[:2] == wanted
    colours, limits, _ = scale_of(np.array([low, high]), "PRGn")
    assert colours == "PRGn" and limits[0] == -limits[1]


def test_tiles_and_cells_fit_their_column():
    for n, side, columns in ((1, 28, 16), (16, 28, 16), (100, 3, 16), (40, 4, 40)):
        sheet, (width, height) = as_tiles(np.ones((n, side, side)), columns)
        assert width <= 4.9 + 1e-9 and width / height == pytest.approx(sheet.shape[1] / sheet.shape[0])
    for n in (1, 10, 64, 65, 1000):
        sheet, (width, _) = as_cells(np.arange(n))
        assert width <= 4.9 + 1e-9
        assert_array_equal(sheet[~np.isnan(sheet)], np.arange(n))


# --- gradients


def test_gradients_are_drawn_in_their_own_colours_around_0(figures):
    for axis, gradient in zip(figures["gradients"].axes, parameters().values(), strict=True):
        picture = axis.images[0]
        assert picture.get_cmap().name == plots.GRADIENTS
        limit = np.abs(gradient).max()
        assert picture.get_clim() == (-limit, limit)


def test_gradients_in_weights_of_images_are_images(figures):
    sheet = np.ma.filled(figures["gradients"].axes[2].images[0].get_array(), np.nan)
    given = parameters()["encoder.dense_1.W"]
    assert sheet.shape == (4 * 24 + 3 * 2, 16 * 18 + 15 * 2)
    assert_array_equal(sheet[26 : 26 + 24 : 3, 20 : 20 + 18 : 3], given[:, 17].reshape(8, 6))
    back = np.ma.filled(figures["gradients"].axes[4].images[0].get_array(), np.nan)
    assert_array_equal(back[26 : 26 + 24 : 3, 20 : 20 + 18 : 3], parameters()["decoder.dense_1.W"][17].reshape(8, 6))
    assert any("64 of 70 units" in text for text in texts(figures["gradients"]))
    matrix = figures["matrices"].axes[2].images[0].get_array()
    assert_array_equal(matrix, given)


def test_kernels_are_tiles_a_line_an_input_channel(figures):
    sheet = np.ma.filled(figures["gradients"].axes[0].images[0].get_array(), np.nan)
    given = parameters()["encoder.conv2d_1.W"]
    assert sheet.shape == (4 * 24 + 3 * 2, 16 * 24 + 15 * 2)
    assert_array_equal(sheet[26:50:8, 78:102:8], given[:, :, 1, 3])
    assert any("64 of 120 kernels" in text for text in texts(figures["gradients"]))


def test_large_matrices_are_averaged_and_small_ones_sharp():
    figure = plots.gradients({"large": np.ones((784, 64)), "small": np.ones((6, 5))})
    assert [axis.images[0].get_interpolation() for axis in figure.axes] == ["antialiased", "nearest"]


def test_gradient_sizes_are_root_mean_squares(figures):
    named = {"encoder.dense_1.W": np.full((2, 3), -3.0), "encoder.dense_1.b": np.ones(3),
             "decoder.dense_1.W": np.array([[3.0, 4.0]]), "decoder.dense_2.W": np.zeros((2, 2))}  # fmt: skip
    figure = plots.gradient_sizes(named)
    (axis,) = figure.axes
    line = axis.get_lines()[0]
    assert_allclose(line.get_xdata()[:2], [3, np.sqrt(12.5)])
    assert np.isnan(line.get_xdata()[2]) and "0" in [text.get_text() for text in axis.texts]
    names = [text.get_text() for text in axis.get_yticklabels()]
    assert names == ["encoder.dense_1.W", "decoder.dense_1.W", "decoder.dense_2.W"]  # no bias
    low, high = axis.get_ylim()
    assert low > high and axis.get_xscale() == "log" and "dL/dW" in axis.get_xlabel()
    (legend,) = figures["gradient_sizes"].legends
    assert [text.get_text() for text in legend.get_texts()] == ["a", "b"]
    looks = [(line.get_color(), line.get_marker()) for line in figures["gradient_sizes"].axes[0].get_lines()[:2]]
    assert looks[0][0] != looks[1][0] and looks[0][1] != looks[1][1]


# --- activations


def test_activations_are_shares_of_all_numbers():
    values = np.concatenate([np.zeros(40), np.linspace(1, 2, 60)]).reshape(20, 5)
    values[:, 3] = 0
    figure = plots.activations({"encoder.relu_1": values})
    (axis,) = figure.axes
    shares, edges = axis.patches[0].get_data()[:2]
    zero = (values == 0).mean()
    assert shares.sum() == pytest.approx(100 * (1 - zero))  # zeros are told of in words
    assert edges[0] >= 1 and edges[-1] == 2
    assert f"{100 * zero:.0f} % are 0, 1 of 5 units always" in axis.get_title()
    assert f"mean {values.mean():.2g}, sd {values.std():.2g}" in axis.get_title()
    assert axis.get_lines()[0].get_xdata()[0] == pytest.approx(values.mean())


def test_few_zeros_stay_in_the_bars():
    values = np.linspace(-1, 1, 101).reshape(101, 1)
    (axis,) = plots.activations({"tanh": values}).axes
    assert axis.patches[0].get_data()[0].sum() == pytest.approx(100) and "are 0" not in axis.get_title()
    (axis,) = plots.activations({"dead": np.zeros((4, 3))}).axes
    assert "100 % are 0, 3 of 3 units always" in axis.get_title()


# --- landscapes


def test_landscapes_show_their_surface_and_the_way(figures):
    for name, marks in (("loss_landscape", ["the net"]), ("way", ["start of training", "its end"])):
        axis, bar = figures[name].axes
        assert axis.get_xlim() == (-1, 2) and axis.get_ylim() == (-3, 1)
        assert [text.get_text() for text in axis.get_legend().get_texts()] == marks
        assert axis.get_xlabel() and axis.get_ylabel() and bar.get_ylabel() in ("loss", "nats")
    path = figures["way"].axes[0].get_lines()[0].get_xydata()
    assert_array_equal(path, [[1.5, -2], [1, 0.5], [0, 0]])
    levels = figures["loss_landscape"].axes[0].collections[0].levels
    assert levels[0] == make_surface().loss.min() and levels[-1] == pytest.approx(27)


def test_levels_rise_ever_faster():
    levels = rising_levels(2.0, 10.0, 6)
    assert levels[0] == 2 and levels[-1] == 10 and (np.diff(np.diff(levels)) > 0).all()
    assert (np.diff(rising_levels(3.0, 3.0, 6)) > 0).all()


def test_a_landscape_is_not_turned():
    first, second = np.linspace(0, 4, 5), np.linspace(0, 2, 3)
    loss = np.zeros((3, 5))
    loss[2, 0] = 1.0  # upper left
    axis = plots.loss_landscape(Surface(first, second, loss)).axes[0]
    top = axis.collections[0].get_paths()[-1].vertices
    assert top[:, 0].max() < 1 and top[:, 1].min() > 1


def test_loss_lines_show_every_series(figures):
    (axis,) = figures["loss_lines"].axes
    assert_array_equal(axis.get_lines()[0].get_xydata(), np.column_stack([np.linspace(0, 1, 5), np.arange(5)]))
    assert axis.get_ylabel() == "nats" and axis.get_xlabel().startswith("t: ")
    assert [text.get_text() for text in axis.texts] == ["t = 0", "t = 1"]
    assert axis.get_lines()[0].get_linestyle() != axis.get_lines()[1].get_linestyle()


# --- grids and ways


def test_a_manifold_has_its_images_and_codes_at_their_places():
    images = rng().uniform(size=(6, 4))
    (axis,) = plots.manifold(images, (2, 2, 1), np.array([-1.5, 0.0, 3.25]), np.array([2.0, -7.0])).axes
    sheet = axis.images[0].get_array()
    assert_array_equal(sheet[2:4, 2:4], images[4].reshape(2, 2))
    assert_array_equal(axis.get_xticks(), [0.5, 2.5, 4.5])
    assert [text.get_text() for text in axis.get_xticklabels()] == ["-1.5", "0", "3.25"]
    assert [text.get_text() for text in axis.get_yticklabels()] == ["2", "-7"]
    assert axis.images[0].get_clim() == (0, 1) and axis.get_xlabel() and axis.get_ylabel()


def test_interpolations_say_where_on_the_way_they_are(figures):
    axes = figures["interpolation"].axes
    assert len(axes) == 18 and [axes[k].get_ylabel() for k in (0, 9)] == ["code", "pixels"]
    assert [axis.get_xlabel() for axis in axes[9:]] == "0 0.125 0.25 0.375 0.5 0.625 0.75 0.875 1".split()
    assert_allclose(axes[4].images[0].get_array(), rng().uniform(size=(9, 48))[4].reshape(8, 6))
    long = [axis.get_xlabel() for axis in figures["long-way"].axes if axis.get_xlabel()]
    assert long[0] == "0" and long[-1] == "1" and len(long) <= 10


def test_traversals_have_a_row_for_each_direction_and_a_column_for_each_step(figures):
    first, second = figures["traversals"].axes
    assert [first.get_title(), second.get_title()] == ["a", "b"]
    assert [text.get_text() for text in first.get_xticklabels()] == ["-2", "-1", "0", "+0.5", "+2"]
    assert [text.get_text() for text in first.get_yticklabels()] == ["1", "2", "3"]
    assert first.get_ylabel() == "direction"
    sheet = first.images[0].get_array()
    assert sheet.shape == (3 * 9 - 1, 5 * 7 - 1)
    x, y = int(first.get_xticks()[3]), int(first.get_yticks()[2])  # the middle of the fourth image of the third row
    assert sheet[y, x] == rng().uniform(size=(3, 5, 48))[2, 3].reshape(8, 6)[3, 2]
    assert figures["coloured-traversal"].axes[0].images[0].get_array().shape == (1, 3, 3)


# --- architectures


def said(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def test_an_architecture_says_shapes_and_parameters():
    net = Autoencoder([Flatten(), Dense(5, "relu")], [Dense(12, "sigmoid")], "mse", (3, 4, 1), target_shape=12)
    found = said(plots.architecture(net))
    for text in ("input", "Flatten", "Dense, relu  = code", "Dense, sigmoid", "3×4×1", "65", "72", "137", "loss MSE()"):
        assert text in found, text
    assert found.count("12") == 2 and found.count("5") == 1


def test_widths_are_square_roots_of_sizes(figures):
    net, figure = conv_autoencoder(), figures["conv"]
    sizes = [int(np.prod(s)) for s in net.encoder.shapes + net.decoder.shapes[1:]]
    widths = np.array([patch.get_width() for patch in figure.axes[0].patches])
    assert_allclose(widths / widths.max(), np.sqrt(np.array(sizes) / max(sizes)))
    heights = [patch.get_y() for patch in figure.axes[0].patches]
    assert heights == sorted(heights, reverse=True)  # the input on top
    edges = [patch.get_linewidth() for patch in figure.axes[0].patches]
    assert edges.index(max(edges)) == len(net.encoder.layers)  # the code's
    assert in_short(net.encoder.layers[0]) == "Conv2D 3×3, relu" and f"{net.n_params:,}" in said(figure)
    assert in_short(Conv2D(2, (3, 5), stride=(1, 2))) == "Conv2D 3×5, stride 1×2"
    assert in_short(Conv2D(2, 3, stride=2, activation="relu")) == "Conv2D 3×3, stride 2, relu"
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["input", "weights", "pooling, upsampling"]


# --- paths


def test_paths_are_drawn_over_their_function(figures):
    (axis,) = figures["optimizer_paths"].axes
    lines = {line.get_label(): line for line in axis.get_lines()}
    for name, path in ways():
        value = ravine(path[-1])[0]
        line = lines[f"{name}: {len(path) - 1} steps, value {value:.3g}"]
        assert_array_equal(line.get_xydata(), path)
    assert len({line.get_color() for line in lines.values() if ":" in line.get_label()}) == 3
    star = [line for line in axis.get_lines() if line.get_marker() == "*"]
    assert_array_equal(star[0].get_xydata(), [[0, 0]])
    assert axis.get_aspect() == 1.0  # gradients stand at right angles to contours
    panels = [axis for axis in figures["panels"].axes if axis.get_title()]
    assert [axis.get_title().split("\n")[0] for axis in panels] == ["SGD", "momentum", "CG"]


def test_limits_hold_the_paths_but_not_what_flew_off():
    good, bad = follow(ravine, (-4, 1.5), SGD(0.03), 20), follow(ravine, (-4, 1.5), SGD(0.2), 30)
    (left, right), (bottom, top) = limits_of([("good", good)], ravine.minimum)
    assert left < -4 and right > 0 and bottom < 0 and top > 1.5
    assert (top - bottom) / (right - left) == pytest.approx(0.6)
    limits = limits_of([("good", good), ("bad", bad)], ravine.minimum)
    assert np.abs(limits).max() < 20 and np.abs(bad).max() > 1e6
    figure = plots.optimizer_paths(ravine, [("bad", bad)])
    (line,) = (line for line in figure.axes[0].get_lines() if line.get_label().startswith("bad"))
    outside = np.abs(line.get_xydata()).max(axis=1) > 10
    assert outside.sum() <= 1 and len(line.get_xydata()) < len(bad)  # it leaves once


def test_contours_are_those_of_the_function():
    figure = plots.optimizer_paths(
        Quadratic((1, 4)), [("p", np.array([[2.0, 1.0], [1.0, 0.0]]))], limits=((-3, 3), (-2, 2))
    )
    axis = figure.axes[0]
    assert axis.get_xlim() == (-3, 3) and axis.get_ylim() == (-2, 2)
    contours = axis.collections[1]
    level = contours.levels[8]
    values = [Quadratic((1, 4))(point)[0] for point in contours.get_paths()[8].vertices]
    assert_allclose(values, level, rtol=0.02)


# --- what does not fit

REFUSED = {
    "feature_maps: expected the output of at least one layer, got none":
        lambda: plots.feature_maps({}),
    r"feature_maps: expected arrays \(N, H, W, C\) or \(N, D\), got a \(2, 3, 4\)":
        lambda: plots.feature_maps({"a": np.ones((2, 3, 4))}),
    "feature_maps: expected index below 2, the samples of input, got 2":
        lambda: plots.feature_maps(outputs(), 2),
    "feature_maps: expected finite numbers in a":
        lambda: plots.feature_maps({"a": np.full((1, 4), np.nan)}),
    "gradients: expected the gradient in at least one parameter":
        lambda: plots.gradients({}),
    r"gradients: expected parameters b \(n,\), W \(D, n\) or .*, got a \(2, 3, 4\)":
        lambda: plots.gradients({"a": np.ones((2, 3, 4))}),
    "gradients: expected finite numbers in a":
        lambda: plots.gradients({"a": np.full(3, np.inf)}),
    "gradient_sizes: expected at least one array of two axes or more":
        lambda: plots.gradient_sizes({"b": np.ones(3)}),
    "gradient_sizes: expected finite numbers in W":
        lambda: plots.gradient_sizes({"W": np.full((2, 2), np.nan)}),
    "activations: expected the output of at least one layer":
        lambda: plots.activations({}),
    r"activations: expected arrays \(N, ...\) with numbers in them, got a \(0, 3\)":
        lambda: plots.activations({"a": np.ones((0, 3))}),
    r"loss_landscape: expected surface.loss of shape \(7, 9\), got \(9, 7\)":
        lambda: plots.loss_landscape(with_loss(make_surface().loss.T)),
    "loss_landscape: expected a loss that is finite somewhere":
        lambda: plots.loss_landscape(with_loss(np.full((7, 9), np.nan))),
    r"loss_landscape: expected path of shape \(T, 2\), got \(3, 3\)":
        lambda: plots.loss_landscape(make_surface(), np.ones((3, 3))),
    "loss_lines: expected at least one line":
        lambda: plots.loss_lines([]),
    r"loss_lines: expected losses of a of shape \(3,\), got \(2,\)":
        lambda: plots.loss_lines([("a", np.ones(3), np.ones(2))]),
    r"manifold: expected images of shape \(6, 4\), got \(5, 4\)":
        lambda: plots.manifold(np.ones((5, 4)), (2, 2, 1), np.ones(3), np.ones(2)),
    "interpolation: expected at least one row of at least 2 images":
        lambda: plots.interpolation([], (2, 2, 1)),
    r"interpolation: expected images of 'b' of shape \(3, 4\), got \(2, 4\)":
        lambda: plots.interpolation([("a", np.ones((3, 4))), ("b", np.ones((2, 4)))], (2, 2, 1)),
    "traversals: expected at least one panel of at least one row, got none":
        lambda: plots.traversals([], (2, 2, 1), (0, 1)),
    r"traversals: expected images of 'a' of shape \(2, 3, 4\), got \(2, 2, 4\)":
        lambda: plots.traversals([("a", np.ones((2, 2, 4)))], (2, 2, 1), (-1, 0, 1)),
    "optimizer_paths: expected at least one path":
        lambda: plots.optimizer_paths(bowl, []),
    r"optimizer_paths: expected path of a of shape \(T, 2\), got \(4, 3\)":
        lambda: plots.optimizer_paths(bowl, [("a", np.ones((4, 3)))]),
    "optimizer_paths: expected a path that begins at a finite point, got a without":
        lambda: plots.optimizer_paths(bowl, [("a", np.full((4, 2), np.nan))]),
    r"optimizer_paths: expected limits \(\(low, high\), \(low, high\)\), got 3":
        lambda: plots.optimizer_paths(bowl, ways(), limits=3),
    "optimizer_paths: expected a function that is finite within the limits":
        lambda: plots.optimizer_paths(lambda t: np.inf, ways()),
    "optimizer_paths: expected columns to be a whole number >= 1, got 0":
        lambda: plots.optimizer_paths(rosenbrock, ways(), columns=0),
}  # fmt: skip


@pytest.mark.parametrize("message", REFUSED)
def test_what_does_not_fit_is_refused(message):
    with pytest.raises(UsageError, match=message):
        REFUSED[message]()

"""Figures: labelled, of sane size, the same bytes each time, and without pyplot."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from tinyae import plots

LABELS = np.arange(60) % 10
DIGITS = tuple("0123456789")


def codes(seed=0, n=60):
    return np.random.default_rng(seed).normal(size=(n, 2))


def images(n=4, d=12, seed=0):
    return np.random.default_rng(seed).uniform(size=(n, d))


FIGURES = {
    "code_maps": lambda: plots.code_maps([("PCA", codes()), ("net", codes(1))], LABELS, DIGITS, title="digits"),
    "one-map": lambda: plots.code_maps([("net", codes())], LABELS, DIGITS),
    "one-point": lambda: plots.code_maps([("net", codes(n=1))], LABELS[:1], DIGITS),
    "words": lambda: plots.code_maps([("net", codes(n=6))], LABELS[:6] % 3, ("shoe", "Bag", "coat")),
    "odd-words": lambda: plots.code_maps([("net", codes(n=6))], LABELS[:6] % 3, ("_a", "$5", "\\b")),
    "reconstruction_rows": lambda: plots.reconstruction_rows(
        [("image", images()), ("net", images(seed=1))], (3, 4, 1), ["a", "b", "c", "d"]
    ),
    "colour-images": lambda: plots.reconstruction_rows([("image", images())], (2, 2, 3)),
    "titled": lambda: plots.reconstruction_rows([("image", images())], (3, 4, 1), title="four images"),
    "two-channels": lambda: plots.reconstruction_rows([("image", images())], (3, 2, 2)),
    "one-row-of-pixels": lambda: plots.reconstruction_rows([("image", images())], (1, 12, 1)),
    "row_curves": lambda: plots.row_curves(
        [("row", images(7)), ("output", images(7, seed=1)), ("noisy", images(7, seed=2))], "seven rows"
    ),
    "one-curve": lambda: plots.row_curves([("row", images(1))]),
    "filters": lambda: plots.filters(images(12, 30), (3, 4, 1), "weights"),
    "one-filter": lambda: plots.filters(images(12, 1), (3, 4, 1)),
    "dead-filters": lambda: plots.filters(np.zeros((12, 5)), (3, 4, 1)),
    "colour-filters": lambda: plots.filters(images(12, 7), (2, 2, 3)),
    "loss_curves": lambda: plots.loss_curves(
        [
            ("nats", {"training": [3, 2, 1.5], "validation": [3.1, 2.2, 1.9]}, {"mean image": 4.0, "floor": 1.0}),
            ("squared error", {"training": [3, 2, 1.5]}, {}),
        ]
    ),
    "near-baselines": lambda: plots.loss_curves(
        [("nats", {"training": [300, 20]}, {"floor": 0.0, "PCA-2": 1.0, "mean image": 2.0, "other": 298.0})]
    ),
    "small-numbers": lambda: plots.loss_curves([("nats", {"training": [0.031, 0.02]}, {"mean image": 0.025})]),
    "one-epoch": lambda: plots.loss_curves([("nats", {"training": [3]}, {"floor": 1.0})]),
}


@pytest.mark.parametrize("name", FIGURES)
def test_figures_are_drawn_without_a_warning(tmp_path, name):
    figure = FIGURES[name]()
    assert isinstance(figure, Figure)
    width, height = figure.get_size_inches()
    assert 1 <= width <= 20 and 0.8 <= height <= 20
    plots.save(figure, tmp_path / "a.png", dpi=40)
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize(
    "figure, suffix, start",
    [
        ("one-epoch", "png", b"\x89PNG"),
        ("one-epoch", "svg", b"<?xml"),
        ("one-epoch", "pdf", b"%PDF"),
        ("one-point", "svg", b"<?xml"),
    ],
)
def test_files_are_the_same_each_time(tmp_path, figure, suffix, start):
    for name in "ab":
        plots.save(FIGURES[figure](), tmp_path / f"{name}.{suffix}", dpi=40)
    a, b = ((tmp_path / f"{name}.{suffix}").read_bytes() for name in "ab")
    assert a.startswith(start) and a == b


def test_the_suffix_decides_whatever_its_length(tmp_path):
    figure = FIGURES["one-epoch"]()
    plots.save(figure, tmp_path / "a.jpeg")
    assert (tmp_path / "a.jpeg").read_bytes().startswith(b"\xff\xd8")
    with pytest.raises(ValueError, match="foo"):
        plots.save(figure, tmp_path / "a.foo")
    assert [p.name for p in tmp_path.iterdir()] == ["a.jpeg"]


def test_a_failing_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    path.write_text("old")

    def fail(self, target, **settings):
        target.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(Figure, "savefig", fail)
    with pytest.raises(OSError, match="disk full"):
        plots.save(FIGURES["one-epoch"](), path)
    assert path.read_text() == "old" and [p.name for p in tmp_path.iterdir()] == ["a.png"]


def test_code_maps_show_every_point_title_and_class():
    figure = FIGURES["code_maps"]()
    assert figure.get_suptitle() == "digits"
    assert [axis.get_title() for axis in figure.axes] == ["PCA", "net"]
    for axis, points in zip(figure.axes, (codes(), codes(1)), strict=True):
        assert axis.get_xlabel() and axis.get_ylabel()
        drawn = np.concatenate([c.get_offsets() for c in axis.collections if len(c.get_offsets())])
        np.testing.assert_allclose(drawn[np.lexsort(drawn.T)], points[np.lexsort(points.T)])
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == list(DIGITS)


def test_code_maps_colour_a_point_by_its_class():
    figure = FIGURES["one-map"]()
    colours = {}
    for c in figure.axes[0].collections:
        for point in c.get_offsets():
            colours[tuple(np.round(point, 9))] = tuple(c.get_facecolor()[0])
    by_class = [{colours[tuple(np.round(p, 9))] for p in codes()[LABELS == k]} for k in range(10)]
    assert all(len(found) == 1 for found in by_class) and len(set.union(*by_class)) == 10


def test_code_maps_check_the_shape():
    with pytest.raises(ValueError, match=r"code_maps: expected codes of shape \(60, 2\), got \(60, 3\)\."):
        plots.code_maps([("net", np.zeros((60, 3)))], LABELS, DIGITS)


def test_reconstruction_rows_show_what_they_got():
    figure = FIGURES["reconstruction_rows"]()
    assert len(figure.axes) == 8
    assert [axis.get_ylabel() for axis in figure.axes[::4]] == ["image", "net"]
    assert [axis.get_title() for axis in figure.axes[:4]] == ["a", "b", "c", "d"]
    shown = figure.axes[5].get_images()[0]
    np.testing.assert_allclose(shown.get_array(), images(seed=1)[1].reshape(3, 4))
    assert shown.get_clim() == (0, 1) and shown.get_cmap().name == "gray"


def test_three_channels_are_colours_and_others_a_mean():
    picture = images(1, 12)
    (axis,) = plots.reconstruction_rows([("image", picture)], (2, 2, 3)).axes
    np.testing.assert_allclose(axis.get_images()[0].get_array(), picture.reshape(2, 2, 3))
    (axis,) = plots.reconstruction_rows([("image", 3 * picture - 1)], (2, 2, 3)).axes
    shown = axis.get_images()[0].get_array()
    assert shown.min() == 0 and shown.max() == 1  # cut, as grey values are
    (axis,) = plots.reconstruction_rows([("image", picture)], (3, 2, 2)).axes
    np.testing.assert_allclose(axis.get_images()[0].get_array(), picture.reshape(3, 2, 2).mean(axis=-1))
    assert plots.reconstruction_rows([("image", picture)], (2, 2, 3), title="one").get_suptitle() == "one"


def test_row_curves_lie_over_each_other():
    rows, outputs = images(3), images(3, seed=1)
    figure = plots.row_curves([("row", rows), ("output", outputs)], "three rows")
    assert len(figure.axes) == 3 and figure.get_suptitle() == "three rows"
    for axis, row, output in zip(figure.axes, rows, outputs, strict=True):
        first, second = axis.get_lines()
        np.testing.assert_allclose(first.get_xydata(), np.column_stack([np.arange(1, 13), row]))
        np.testing.assert_allclose(second.get_ydata(), output)
        assert first.get_color() != second.get_color() and first.get_linestyle() != second.get_linestyle()
        assert axis.get_xlabel()
    assert figure.axes[0].get_ylabel() == "value"
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["row", "output"]


def test_filters_share_one_symmetric_scale():
    weights = images(12, 30) - 0.5
    figure = plots.filters(weights, (3, 4, 1), "weights")
    (picture,) = figure.axes[0].get_images()
    low, high = picture.get_clim()
    assert low == -high < 0
    sheet = np.ma.filled(picture.get_array(), np.nan)
    assert sheet.shape == (2 * 3 + 1, 20 * 4 + 19)
    np.testing.assert_allclose(sheet[:3, :4], weights[:, 0].reshape(3, 4))
    np.testing.assert_allclose(sheet[4:, 5:9], weights[:, 21].reshape(3, 4))
    assert np.isnan(sheet[3]).all() and np.isnan(sheet[4:, 50:]).all()
    assert figure.axes[0].get_title() == "weights" and figure.axes[1].get_ylabel() == "weight"


def test_loss_curves_show_series_and_baselines():
    figure = FIGURES["loss_curves"]()
    left, right = figure.axes
    assert (left.get_xlabel(), left.get_ylabel(), right.get_ylabel()) == ("epoch", "nats", "squared error")
    lines = {line.get_label(): line for line in left.get_lines()}
    np.testing.assert_allclose(lines["training"].get_xydata(), [[1, 3], [2, 2], [3, 1.5]])
    np.testing.assert_allclose(lines["validation"].get_ydata(), [3.1, 2.2, 1.9])
    assert {text.get_text() for text in left.texts} == {"mean image 4.00", "floor 1.00"}
    assert {tuple(line.get_ydata()) for line in left.get_lines()} >= {(4.0, 4.0), (1.0, 1.0)}


def heights_of_labels(figure):
    return {text.get_text().rsplit(" ", 1)[0]: text.get_position()[1] for text in figure.axes[0].texts}


def test_labels_of_baselines_stand_beside_their_lines():
    figure = FIGURES["loss_curves"]()
    low, high = figure.axes[0].get_ylim()
    heights = heights_of_labels(figure)
    for name, value in (("mean image", 4.0), ("floor", 1.0)):
        assert heights[name] == pytest.approx((value - low) / (high - low))


def test_logarithmic_loss_curves_have_ticks_one_reads():
    series = {"training": list(np.linspace(60, 45.5, 200))}
    figure = plots.loss_curves([("nats", series, {"mean image": 205.0, "floor": 45.0})], log=True)
    (axis,) = figure.axes
    low, high = np.log(axis.get_ylim())
    heights = heights_of_labels(figure)
    for name, value in (("mean image", 205.0), ("floor", 45.0)):
        assert heights[name] == pytest.approx((np.log(value) - low) / (high - low))
    figure.draw_without_rendering()
    ticks = {label.get_text() for label in axis.get_yticklabels()}
    assert {"50", "100", "200"} <= ticks and not any("10^" in text for text in ticks)
    assert len(series["training"]) / axis.lines[0].get_markevery() <= 25


def test_a_floor_of_0_has_no_place_on_logarithmic_heights():
    figure = plots.loss_curves([("error", {"training": [74.0, 60.0]}, {"mean image": 314.0, "floor": 0.0})], log=True)
    figure.draw_without_rendering()  # would warn that the axes have collapsed
    assert [text.get_text() for text in figure.axes[0].texts] == ["mean image 314.00"]
    assert figure.axes[0].get_ylim()[0] > 40


def test_labels_of_near_baselines_keep_apart():
    heights = heights_of_labels(FIGURES["near-baselines"]())
    assert list(sorted(heights, key=heights.get)) == ["floor", "PCA-2", "mean image", "other"]
    apart = np.diff(sorted(heights.values()))
    assert apart.min() > 0.044 and 0 <= min(heights.values()) and max(heights.values()) <= 1
    series = {"training": [100.0, 1.0]}
    heights = heights_of_labels(plots.loss_curves([("nats", series, {"a": 99.9, "b": 100.0, "c": 100.1, "d": 100.2})]))
    assert np.diff(sorted(heights.values())).min() > 0.044 and max(heights.values()) <= 1


@pytest.mark.parametrize(
    "value, scale, text",
    [(205.857, None, "205.86"), (1.0, None, "1.00"), (0.0, None, "0.00"), (0.0, 50.0, "0.00"), (0.311, None, "0.311"),
     (0.0254, 0.03, "0.0254"), (-0.0254, None, "-0.0254"), (0.0, 0.0, "0.00"), (2.5e-5, None, "0.0000250")],
)  # fmt: skip
def test_errors_in_digits(value, scale, text):
    assert plots.in_digits(value, scale) == text


def test_every_series_is_in_a_legend():
    both = {"training": [3, 2], "validation": [3.1, 2.2]}
    one = {"training": [3, 2]}
    for panels in ([("a", both, {})], [("a", both, {}), ("b", both, {})], [("a", both, {}), ("b", one, {})]):
        figure = plots.loss_curves(panels)
        legends = [*figure.legends, *(axis.get_legend() for axis in figure.axes if axis.get_legend())]
        assert {text.get_text() for legend in legends for text in legend.get_texts()} == {"training", "validation"}


@pytest.mark.slow
def test_pyplot_is_not_imported(tmp_path):
    code = (
        "import sys\n"
        "from tinyae import plots\n"
        "figure = plots.loss_curves([('nats', {'training': [3, 2]}, {})])\n"
        "plots.save(figure, sys.argv[1])\n"
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / "a.png"], check=True)
    assert (tmp_path / "a.png").exists()


def test_every_picture_shows_itself_in_a_notebook():
    for path in Path(plots.__file__).parent.glob("*.py"):
        if path.name != "common.py":  # whose Figure has a _repr_png_; Matplotlib's own would show as text
            assert "from matplotlib.figure import" not in path.read_text(encoding="utf-8"), path.name

"""The film of one sample: its frames, its times, its labels, its files; and pictures of bytes."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from tinyae import Autoencoder, Callback, Dense, Flatten, ReconstructionFilm, Reshape, Sigmoid, UsageError
from tinyae.callbacks import film
from tinyae.callbacks.film import early_ones, four_digits
from tinyae.pictures import as_bytes, enlarge, grid, image_shape_of, limits_of

SHAPES = [(64,), (8, 8, 1), (8, 6, 3), (6, 9, 1), (784,)]


def make_net(shape, output=Sigmoid, loss="bce"):
    n = int(np.prod(shape))
    encoder = [Flatten()] if len(shape) > 1 else []
    decoder = [Dense(n), *([Reshape(shape)] if len(shape) > 1 else []), *([output()] if output else [])]
    return Autoencoder([*encoder, Dense(3)], decoder, loss=loss, input_shape=shape)


def make_x(shape, n=12, seed=0):
    return np.random.default_rng(seed).uniform(size=(n, *shape)).astype(np.float32)


class Watch(Callback):
    """Keeps what the net makes of x, and the loss on it, before the first epoch and after every one."""

    def __init__(self, x):
        self.x, self.outputs, self.losses = x, [], []

    def look(self, run):
        self.outputs.append(run.model.reconstruct(self.x[None])[0])
        self.losses.append(run.model.evaluate(self.x[None])["loss"])

    def on_train_begin(self, run):
        self.look(run)

    def on_epoch_end(self, run, row):
        self.look(run)


def train(net, sample, path, epochs=3, every=1, x=None, **settings):
    watch = Watch(np.reshape(sample, net.input_shape))
    x = make_x(net.input_shape) if x is None else x
    callbacks = [watch, ReconstructionFilm(sample, path, every=every)]
    net.fit(x, epochs=epochs, batch_size=4, optimizer="adam", callbacks=callbacks, progress=False, **settings)
    return watch


def frames(path):
    """Every frame of a GIF as an array (H, W, 3), and how long it is shown in milliseconds."""
    with Image.open(path) as gif:
        assert gif.format == "GIF" and gif.info["loop"] == 0
        found = []
        for number in range(gif.n_frames):
            gif.seek(number)
            found.append((np.asarray(gif.convert("RGB")).astype(int), gif.info["duration"]))
    return [picture for picture, _ in found], [time for _, time in found]


def places(shape, side):
    """Where the pixels of a picture lie on a tile: the middle of each of its squares."""
    height, width = shape[:2]
    factor = max(1, side // max(height, width))
    return film.MARGIN + factor * np.arange(height) + factor // 2, factor * np.arange(width) + factor // 2, factor


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_frame_shows_the_original_and_the_net_of_its_epoch(tmp_path, shape):
    net, x = make_net(shape), make_x(shape)
    watch = train(net, x[0], tmp_path / "a.gif")
    pictures, _ = frames(tmp_path / "a.gif")
    assert len(pictures) == 4
    image_shape = image_shape_of(shape)
    ys, xs, factor = places(image_shape, film.SIDE)
    half = pictures[0].shape[1] // 2
    left = (half - factor * image_shape[1]) // 2
    tolerance = 0.51 if image_shape[2] == 1 else 40  # a GIF has 256 colours
    for picture, output in zip(pictures, watch.outputs, strict=True):
        for start, wanted in ((left, x[0]), (half + left, output)):
            got = picture[np.ix_(ys, start + xs)]
            wanted = 255 * np.broadcast_to(np.clip(wanted, 0, 1).reshape(image_shape), got.shape)
            assert_allclose(got, wanted, atol=tolerance)
            assert np.abs(got - wanted).mean() < 6


def test_pixels_are_squares_with_sharp_edges(tmp_path):
    x = np.zeros((8, 8, 1), np.float32)
    x[2, 3] = 1
    train(make_net((8, 8, 1)), x, tmp_path / "a.gif", epochs=1)
    picture = frames(tmp_path / "a.gif")[0][0][:, :, 0]
    factor = film.SIDE // 8
    left = (picture.shape[1] // 2 - 8 * factor) // 2
    image = picture[film.MARGIN : film.MARGIN + 8 * factor, left : left + 8 * factor]
    assert_array_equal(image, np.kron(255 * x[:, :, 0], np.ones((factor, factor))))


def test_the_first_and_the_last_frame_stay_longer(tmp_path):
    train(make_net((64,)), make_x((64,))[0], tmp_path / "a.gif", epochs=5)
    _, times = frames(tmp_path / "a.gif")
    assert len(times) == 6 and len(set(times[1:-1])) == 1
    assert times[0] > 2 * times[1] and times[-1] > times[0]


def test_the_strip_shows_original_and_epochs_with_labels(tmp_path, monkeypatch):
    texts, tile = [], film.tile
    monkeypatch.setattr(film, "tile", lambda p, lines, side: texts.append((side, lines)) or tile(p, lines, side))
    watch = train(make_net((8, 8, 1)), make_x((8, 8, 1))[0], tmp_path / "a.gif", epochs=2)
    wanted = [("original", ""), *((f"epoch {e}", f"loss {four_digits(v)}") for e, v in enumerate(watch.losses))]
    assert [lines for side, lines in texts if side == film.STRIP_SIDE] == wanted
    assert [lines for side, lines in texts if side == film.SIDE] == wanted
    strip = np.asarray(Image.open(tmp_path / "a.png")).astype(int)
    ys, xs, factor = places((8, 8), film.STRIP_SIDE)
    width = strip.shape[1] // 4
    left = (width - 8 * factor) // 2
    for number, output in enumerate(watch.outputs, 1):
        got = strip[np.ix_(ys, number * width + left + xs)]
        assert_allclose(got, 255 * output[:, :, 0], atol=0.51)
    assert strip.shape[0] > film.STRIP_SIDE and (strip[:2] == 255).all()


def test_labels_are_black_on_white_below_the_picture():
    picture = np.zeros((8, 8, 1), np.uint8)
    blank, labelled = (np.asarray(film.tile(picture, lines, 80)) for lines in (("", ""), ("epoch 3", "loss 1.5")))
    assert blank.shape == labelled.shape
    rows = np.flatnonzero((blank != labelled).any(axis=1))
    assert rows.min() > film.MARGIN + 80 and labelled[rows].min() < 60  # dark ink
    assert rows.max() < len(labelled) - 1 and len(np.flatnonzero(np.diff(rows) > 1)) >= 1  # two lines, none cut off
    wide = film.tile(picture, ("a label that is wider than the picture",), 80)
    assert (np.asarray(wide)[:, [0, -1]] == 255).all()


def test_the_last_epoch_is_always_there(tmp_path, monkeypatch):
    epochs, write = [], film.write_gif
    monkeypatch.setattr(
        film, "write_gif", lambda path, o, p, labels: epochs.extend(labels) or write(path, o, p, labels)
    )
    train(make_net((64,)), make_x((64,))[0], tmp_path / "a.gif", epochs=5, every=2)
    assert [epoch for epoch, _ in epochs] == ["epoch 0", "epoch 2", "epoch 4", "epoch 5"]
    assert len(frames(tmp_path / "a.gif")[0]) == 4


@pytest.mark.parametrize("n", [1, 2, 12, 13, 14, 15, 31, 500])
def test_some_of_many_epochs(n):
    chosen = early_ones(n, 13)
    assert chosen[0] == 0 and chosen[-1] == n - 1 and len(chosen) == min(n, 13)
    steps = np.diff(chosen)
    assert (steps >= 1).all() and (len(steps) < 2 or steps[-1] == max(steps))


def test_names_of_the_files(tmp_path):
    x = make_x((64,))[0]
    for name in ("a", "b.gif", "new/c.png"):
        train(make_net((64,)), x, str(tmp_path / name), epochs=1)
    found = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.*")}
    assert found == {f"{stem}.{end}" for stem in ("a", "b", "new/c") for end in ("gif", "png")}
    with pytest.raises(UsageError, match=r"ReconstructionFilm: expected a path that ends in \.gif, got .*a\.mp4\."):
        ReconstructionFilm(x, tmp_path / "a.mp4")


def test_numbers_beyond_0_and_1_keep_their_order(tmp_path):
    x = make_x((64,)) * 4 - 2
    train(make_net((64,), output=None, loss="mse"), x[0], tmp_path / "a.gif", x=x)
    ys, xs, factor = places((8, 8), film.SIDE)
    picture = frames(tmp_path / "a.gif")[0][0]
    left = (picture.shape[1] // 2 - 8 * factor) // 2
    low, high = x[0].min(), x[0].max()
    shown = picture[np.ix_(ys, left + xs)][:, :, 0]
    assert_allclose(shown, 255 * (x[0].reshape(8, 8) - low) / (high - low), atol=0.51)


def test_a_resumed_run_gives_the_same_film(tmp_path):
    x = make_x((64,))

    class Kill(Callback):
        def on_epoch_end(self, run, row):
            if run.epoch == 3 and run.first_epoch == 1:
                raise KeyboardInterrupt

    def run(path, checkpoint, kill):
        callbacks = [ReconstructionFilm(x[0], path, every=2), Kill() if kill else Callback()]
        make_net((64,)).fit(x, epochs=5, batch_size=4, callbacks=callbacks, checkpoint=checkpoint, progress=False)

    run(tmp_path / "whole.gif", None, False)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "killed.gif", tmp_path / "run", True)
    assert not (tmp_path / "killed.gif").exists()
    for _ in range(2):  # goes on, and then finds itself finished
        run(tmp_path / "killed.gif", tmp_path / "run", True)
        for end in ("gif", "png"):
            whole, killed = ((tmp_path / f"{name}.{end}").read_bytes() for name in ("whole", "killed"))
            assert whole == killed


@pytest.mark.parametrize(
    "shape, sample, message",
    [
        ((7,), np.zeros(7), r"expected images \(H, W, 1\), \(H, W, 3\) or square rows, got samples of shape \(7,\)"),
        ((4, 4, 2), np.zeros((4, 4, 2)), r"expected images .* got samples of shape \(4, 4, 2\)"),
        (
            (64,),
            np.zeros((8, 8)),
            r"expected sample of shape \(N, 64\), got \(1, 8, 8\); use sample\.reshape\(-1, 64\)",
        ),
        ((64,), np.zeros((2, 64)), r"expected sample of shape \(N, 64\), got \(1, 2, 64\)"),
        ((64,), "seven", r"expected sample to be an array of numbers, got str"),
    ],
)
def test_samples_that_are_no_images(tmp_path, shape, sample, message):
    net = make_net(shape)
    with pytest.raises(UsageError, match=f"ReconstructionFilm: {message}"):
        net.fit(make_x(shape), epochs=1, callbacks=[ReconstructionFilm(sample, tmp_path / "a.gif")], progress=False)


def test_a_batch_of_one_is_a_sample(tmp_path):
    x = make_x((8, 8, 1))
    for name, sample in (("one", x[0]), ("batch", x[:1])):
        make_net((8, 8, 1)).fit(
            x, epochs=1, callbacks=[ReconstructionFilm(sample, tmp_path / f"{name}.gif")], progress=False
        )
    assert (tmp_path / "one.gif").read_bytes() == (tmp_path / "batch.gif").read_bytes()


@pytest.mark.parametrize(
    "value, text", [(195.04, "195.0"), (1718.3, "1718"), (0.012345, "0.01235"), (0, "0.000"), (98765.4, "9.877e+04")]
)
def test_four_digits(value, text):
    assert four_digits(value) == text


# --- pictures of bytes


@pytest.mark.parametrize(
    "shape, wanted",
    [((784,), (28, 28, 1)), ((12,), None), ((5, 7, 1), (5, 7, 1)), ((5, 7, 3), (5, 7, 3)), ((5, 7, 2), None),
     ((5, 7), None), ((1,), (1, 1, 1))],
)  # fmt: skip
def test_what_counts_as_an_image(shape, wanted):
    assert image_shape_of(shape) == wanted


def test_small_squares_are_tables():
    assert image_shape_of((49,), smallest_side=8) is None and image_shape_of((64,), smallest_side=8) == (8, 8, 1)


def test_bytes_of_grey_values():
    x = np.array([[0.0, 0.5, 1.0, 2.0], [-1.0, 0.002, np.nan, 0.998]])
    assert as_bytes(x, (2, 2, 1)).ravel().tolist() == [0, 128, 255, 255, 0, 1, 0, 254]
    assert as_bytes(x[:1], (2, 2, 1), limits_of(x[:1])).ravel().tolist() == [0, 64, 128, 255]
    assert as_bytes(np.full((1, 4), 3.0), (2, 2, 1), (3.0, 3.0)).tolist() == np.zeros((1, 2, 2, 1)).tolist()
    assert limits_of(np.array([0.2, 0.7])) == (0, 1) and limits_of(np.array([-1.0, 0.5])) == (-1, 0.5)


def test_grids_and_squares():
    a = np.arange(1, 13, dtype=np.uint8).reshape(2, 2, 3, 1)  # two pictures of 2 x 3
    sheet = grid([a, a + 100], gap=1)[:, :, 0]
    assert sheet.tolist() == [
        [1, 2, 3, 255, 7, 8, 9], [4, 5, 6, 255, 10, 11, 12], [255] * 7,
        [101, 102, 103, 255, 107, 108, 109], [104, 105, 106, 255, 110, 111, 112],
    ]  # fmt: skip
    assert grid([a], gap=0)[:, :, 0].tolist() == [[1, 2, 3, 7, 8, 9], [4, 5, 6, 10, 11, 12]]
    assert enlarge(a[0], 2)[:, :, 0].tolist() == np.kron(a[0, :, :, 0], np.ones((2, 2))).tolist()

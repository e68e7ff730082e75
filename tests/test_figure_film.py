"""Films of figures over the epochs: what is kept, what is drawn, the GIF, and a run that was killed."""

import io

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from tinyae import Autoencoder, Callback, Conv2D, Dense, UsageError, plots
from tinyae.callbacks import Film
from tinyae.callbacks.figure_film import FIRST_MS, LAST_MS, gif_of

DIGITS = tuple("0123456789")


def make_net(code=2, size=16):
    return Autoencoder([Dense(code)], [Dense(size, "sigmoid")], "bce", size)


def make_x(n=12, size=16):
    return np.random.default_rng(0).uniform(size=(n, size)).astype(np.float32)


def square(seen, k, epoch, limit=None):
    """A figure of one grey all over: which frame it is can be read from its colour."""
    figure = plots.Figure(figsize=(0.5, 0.25))
    figure.patch.set_facecolor(str(0.1 * (epoch + 1)))
    return figure


def frames(gif):
    """(array (H, W, 3), milliseconds) of every frame."""
    with Image.open(io.BytesIO(gif)) as film:
        assert film.format == "GIF" and film.info["loop"] == 0
        found = []
        for number in range(film.n_frames):
            film.seek(number)
            found.append((np.asarray(film.convert("RGB")).astype(int), film.info["duration"]))
    return found


def train(film, net=None, epochs=3, **settings):
    net = net or make_net()
    net.fit(make_x(), epochs=epochs, batch_size=4, callbacks=[film], progress=False, **settings)
    return net


def test_a_film_keeps_every_epoch_and_draws_at_the_end():
    drawn, looked = [], []

    def look(model):
        looked.append(model)
        return model.theta  # not a copy: the film makes one

    def draw(seen, k, epoch):
        drawn.append((len(seen), k, epoch))
        return square(seen, k, epoch)

    film = Film(look, draw)
    net = train(film)
    assert film.epochs == [0, 1, 2, 3] and len(looked) == 4
    assert drawn == [(4, 0, 0), (4, 1, 1), (4, 2, 2), (4, 3, 3)]
    assert_array_equal(film.seen[-1], net.theta)
    assert len({row.tobytes() for row in film.seen}) == 4
    for (picture, _), epoch in zip(frames(film.gif), film.epochs, strict=True):
        assert picture.shape == (20, 40, 3)
        assert_allclose(picture, 255 * 0.1 * (epoch + 1), atol=1)


def test_the_first_and_the_last_frame_stay_longer():
    film = Film(lambda model: 0, square)
    train(film, epochs=4)
    times = [time for _, time in frames(film.gif)]
    assert times[0] == FIRST_MS and times[-1] == LAST_MS and max(times[1:-1]) < FIRST_MS


def test_the_last_epoch_is_always_there():
    film = Film(lambda model: 0, square, every=2)
    train(film, epochs=5)
    assert film.epochs == [0, 2, 4, 5]
    train(film, epochs=2)  # a second training begins a film of its own
    assert film.epochs == [0, 2] and len(frames(film.gif)) == 2


def test_frames_share_one_palette():
    figures = [square(None, 0, k) for k in range(8)]
    assert len(frames(gif_of(figures))) == 8
    with Image.open(io.BytesIO(gif_of(figures))) as film:
        film.seek(5)
        assert film.tile and film.disposal_method == 1
    assert len(frames(gif_of(figures[:1]))) == 1


def test_paper_is_white_and_colours_are_near():
    figure = plots.Figure(figsize=(2, 2))
    axis = figure.add_axes((0.2, 0.2, 0.6, 0.6))
    axis.imshow(np.random.default_rng(0).uniform(size=(60, 60, 3)))
    axis.set_axis_off()
    ((picture, _),) = frames(gif_of([figure]))
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=80)
    drawn = np.asarray(Image.open(buffer).convert("RGB")).astype(int)
    assert (picture[0] == 255).all()
    assert np.abs(picture - drawn).mean() < 8 and np.abs(drawn - drawn.mean()).mean() > 40


def test_a_film_is_written_and_shown(tmp_path):
    film = Film(lambda model: model.theta, square, path=tmp_path / "new" / "a.gif")
    assert "not yet finished" in film._repr_html_()
    with pytest.raises(UsageError, match=r"Film: expected a film that is finished, got none yet; train with it first"):
        film.save(tmp_path / "b.gif")
    train(film)
    assert (tmp_path / "new" / "a.gif").read_bytes() == film.gif
    film.save(tmp_path / "b.gif")
    assert (tmp_path / "b.gif").read_bytes() == film.gif
    assert film._repr_html_().startswith('<img alt="film over the epochs" src="data:image/gif;base64,R0lGOD')
    assert sorted(p.name for p in tmp_path.iterdir()) == ["b.gif", "new"]


def test_a_resumed_run_gives_the_same_film(tmp_path):
    class Kill(Callback):
        def on_epoch_end(self, run, row):
            if run.epoch == 3 and run.first_epoch == 1:
                raise KeyboardInterrupt

    def draw(seen, k, epoch):
        figure = square(seen, k, epoch)
        figure.text(0, 0.5, f"{seen[k].sum():.3f}", fontsize=6)
        return figure

    def run(checkpoint, kill):
        film = Film(lambda model: model.theta, draw, every=2)
        callbacks = [film, Kill() if kill else Callback()]
        make_net().fit(make_x(), epochs=5, batch_size=4, callbacks=callbacks, checkpoint=checkpoint, progress=False)
        return film

    whole = run(None, False)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, True)
    for _ in range(2):  # goes on, and then finds itself finished
        resumed = run(tmp_path, True)
        assert resumed.gif == whole.gif and resumed.epochs == whole.epochs
        assert_array_equal(resumed.seen, whole.seen)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("look", square), r"expected look to be a function, got 'look'\."),
        ((len, None), r"expected draw to be a function, got None\."),
        ((len, square, "film.mp4"), r"expected a path that ends in \.gif, got film\.mp4\."),
        ((len, square, None, 0), r"expected every to be a whole number >= 1, got 0\."),
    ],
)
def test_films_that_are_none(arguments, message):
    with pytest.raises(UsageError, match=f"Film: {message}"):
        Film(*arguments)


def test_looks_and_figures_are_checked():
    sizes = iter([2, 3])
    with pytest.raises(UsageError, match=r"Film: expected look to give shape \(2,\) as before, got \(3,\)\."):
        train(Film(lambda model: np.zeros(next(sizes)), square))
    with pytest.raises(UsageError, match=r"Film: expected draw to give a Figure, got NoneType\."):
        train(Film(lambda model: 0, lambda seen, k, epoch: None))


# --- ready-made films


def seen_by(film, *nets):
    """What the film keeps of one net after the other."""
    return np.array([film.look(net) for net in nets])


def test_films_of_codes_have_the_axes_of_all_frames():
    x, labels, nets = make_x(), np.arange(12) % 3, [make_net(), make_net()]
    nets[1].theta *= 3
    film = plots.film_of_codes(x, labels, DIGITS)
    seen = seen_by(film, *nets)
    assert_array_equal(seen[1], nets[1].encode(x))
    figures = [film.draw(seen, k, 7 * k) for k in range(2)]
    assert [figure.axes[0].get_title() for figure in figures] == ["epoch 0", "epoch 7"]
    for figure, codes in zip(figures, seen, strict=True):
        drawn = np.concatenate([c.get_offsets() for c in figure.axes[0].collections if len(c.get_offsets())])
        assert_allclose(drawn[np.lexsort(drawn.T)], codes[np.lexsort(codes.T)])
    assert len({(*figure.axes[0].get_xlim(), *figure.axes[0].get_ylim()) for figure in figures}) == 1
    (low_x, high_x), (low_y, high_y) = figures[0].axes[0].get_xlim(), figures[0].axes[0].get_ylim()
    (left, bottom), (right, top) = seen.min(axis=(0, 1)), seen.max(axis=(0, 1))
    assert low_x < left and right < high_x and low_y < bottom and top < high_y


def test_films_of_reconstructions_say_their_error():
    x, net = make_x(), make_net()
    film = plots.film_of_reconstructions(x[:3], (4, 4, 1))
    seen = seen_by(film, net)
    assert_array_equal(seen[0], net.reconstruct(x[:3]))
    figure = film.draw(seen, 0, 5)
    error = net.evaluate(x[:3])["squared_error"]
    assert figure.get_suptitle() == f"epoch 5, squared error per image {error:.2f}"
    assert_allclose(figure.axes[1].images[0].get_array(), x[1].reshape(4, 4))
    assert_allclose(figure.axes[4].images[0].get_array(), net.reconstruct(x[:3])[1].reshape(4, 4))


def test_films_of_filters_have_one_scale():
    nets = [make_net(code=5), make_net(code=5)]
    nets[1].theta *= 2
    film = plots.film_of_filters((4, 4, 1), units=3)
    seen = seen_by(film, *nets)
    assert_array_equal(seen[0], nets[0].encoder.layers[0].params["W"][:, :3])
    limits = {film.draw(seen, k, k).axes[0].images[0].get_clim() for k in range(2)}
    ((low, high),) = limits
    assert low == -high and high == pytest.approx(np.quantile(np.abs(seen[-1]), 0.995))
    assert film.draw(seen, 1, 2).axes[0].get_title() == "encoder.dense_1, epoch 2"


def test_filters_of_convolutions_have_their_own_shape():
    net = Autoencoder([Conv2D(3, 2)], [Conv2D(1, 3, activation="sigmoid")], "bce", (4, 4, 1))
    film = plots.film_of_filters(layer="decoder.conv2d_1")
    seen = seen_by(film, net)
    assert seen.shape == (1, 27, 1)
    sheet = film.draw(seen, 0, 1).axes[0].images[0].get_array()
    assert_allclose(sheet, net.decoder.layers[0].params["W"].mean(axis=2)[:, :, 0])


@pytest.mark.slow
def test_ready_made_films_run_with_a_training(tmp_path):
    x = make_x()
    films = [
        plots.film_of_codes(x, np.arange(12) % 10, DIGITS, tmp_path / "a.gif"),
        plots.film_of_reconstructions(x[:3], (4, 4, 1), tmp_path / "b.gif"),
        plots.film_of_filters((4, 4, 1), path=tmp_path / "c.gif", every=2),
    ]
    make_net().fit(x, epochs=3, callbacks=films, progress=False)
    for film, name, n in zip(films, "abc", (4, 4, 3), strict=True):
        assert len(frames((tmp_path / f"{name}.gif").read_bytes())) == len(film.epochs) == n


REFUSED = {
    r"film_of_codes: expected labels of shape \(12,\), got \(5,\)":
        lambda: plots.film_of_codes(make_x(), np.zeros(5, int), DIGITS),
    r"film_of_codes: expected a net with a code of 2 numbers, got \(3,\) a sample":
        lambda: plots.film_of_codes(make_x(), np.zeros(12, int), DIGITS),
    r"film_of_reconstructions: expected x of shape \(n, 12\), got \(12, 16\)":
        lambda: plots.film_of_reconstructions(make_x(), (3, 4, 1)),
    r"film_of_reconstructions: expected x of shape \(N, 16\), got \(12, 9\)":
        lambda: plots.film_of_reconstructions(make_x(size=9), (3, 3, 1)),
    r"film_of_filters: expected image_shape with 16 pixels, as encoder\.dense_1 sees, got None":
        lambda: plots.film_of_filters(),
    r"film_of_filters: expected layer to be one of encoder\.dense_1, decoder\.dense_1, got 'encoder\.dense_2'":
        lambda: plots.film_of_filters((4, 4, 1), "encoder.dense_2"),
    r"film_of_filters: expected layer to be one of .*, got 'theta'":
        lambda: plots.film_of_filters((4, 4, 1), "theta"),
}  # fmt: skip


@pytest.mark.parametrize("message", REFUSED)
def test_ready_made_films_check_what_they_get(message):
    with pytest.raises(UsageError, match=message):
        REFUSED[message]().look(make_net(code=3))

"""`tinyae restore` on small pictures: files, numbers, resuming, trained nets on own files, and what it refuses."""

import json
import sys

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from numpy.testing import assert_allclose, assert_array_equal
from test_restoration import images

from tinyae import Autoencoder, Dense, Flatten, Reshape, cli, datasets, load, save
from tinyae.applications.restoration import TASKS, image_psnr, restoration_net, restore
from tinyae.applications.restoration import run as restoration
from tinyae.applications.restoration.run import Settings, usual_batch, usual_epochs
from tinyae.commands import restore as command_module
from tinyae.commands.restore import FILES
from tinyae.datasets import Dataset, store
from tinyae.plots.restoration import restoration_rows
from tinyae.samples import Preparation, read_samples, write_samples

SHAPE = (14, 12, 1)
KEPT = "checkpoint"
CHANGING = {"seconds_train", "peak_rss_mb"}


def small_digits(n_train=80, seed=0):
    n_train = min(n_train, 80)
    x, test = (images(n, *SHAPE, seed=[seed, k]).reshape(n, -1) for k, n in enumerate((n_train, 20)))
    return Dataset("digits", x, np.zeros(n_train, int), test, np.zeros(20, int), SHAPE, ("spots",))


@pytest.fixture(autouse=True)
def small_data(tmp_path, monkeypatch):
    """Small pictures for digits, no data sets and no network, a folder of one's own."""
    monkeypatch.delenv(store.ENV, raising=False)
    monkeypatch.setattr(store, "cache_dir", lambda: tmp_path / "cache")
    monkeypatch.setattr(datasets, "load_digits", small_digits)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def undrawn(monkeypatch):
    """Figures are not drawn."""
    monkeypatch.setattr(command_module, "picture", lambda result: None)
    monkeypatch.setattr("tinyae.plots.save", lambda figure, path: path.write_bytes(b"not drawn"))


def command(capsys, *arguments):
    """Exit code, stdout and stderr of `tinyae restore arguments`."""
    code = cli.main(["restore", *(str(a) for a in arguments)])
    return code, *capsys.readouterr()


def refused(capsys, *arguments):
    """The one line of bad usage."""
    code, out, err = command(capsys, *arguments)
    lines = err.splitlines()
    assert code == 2 and not out and len(lines) == 1 and lines[0].startswith("tinyae: error: ")
    return lines[0].removeprefix("tinyae: error: ")


def trained(path, task=None, shape=SHAPE, filters=8, nudge=0.02):
    """A model file as the command writes it; its net changes every picture, unless `nudge` is 0."""
    net = restoration_net(shape, filters, 2, guessed=task == "inpaint")
    net.theta[:] += nudge * np.random.default_rng(0).normal(size=net.theta.size)
    preparation = Preparation("unit", "images", shape, "uint8").to_json()
    save(net, path, preprocessing=preparation | ({"restoration": {"task": task}} if task else {}))
    return net


def as_bytes(x):
    return np.round(255 * x).astype(np.uint8)


# --- training


@pytest.mark.parametrize("task", TASKS)
def test_every_task_trains_and_writes_every_file(task, tmp_path, capsys, undrawn):
    out = tmp_path / "out" / "deep"
    code, text, err = command(
        capsys, "--task", task, "--dataset", "digits", "--epochs", 2, "--threads", 1, "--out", out
    )
    assert code == 0 and sorted(p.name for p in out.iterdir()) == sorted([*FILES, KEPT])
    metrics = json.loads((out / "metrics.json").read_text())
    assert (metrics["task"], metrics["n_train"], metrics["n_test"], metrics["epochs"]) == (task, 80, 20, 2)
    assert metrics["strength"] == TASKS[task].strength and metrics["lr"] == TASKS[task].lr
    methods = [row["method"] for row in metrics["rows"]]
    assert methods[:3] == ["damaged", "untrained net", "autoencoder"] and len(methods) > 3
    lines = text.splitlines()
    assert lines[0].startswith(f"digits, {task}") and "20 test images 14 x 12 x 1" in lines[0]
    for row, line in zip(metrics["rows"], lines[2:], strict=False):
        assert line.startswith(row["method"]) and f"{row['psnr']:.2f}" in line
        assert f"| {row['method']} | {row['psnr']:.2f} |" in (out / "table.md").read_text()
    psnr = {row["method"]: row["psnr"] for row in metrics["rows"]}
    best = max(methods[3:], key=psnr.get)
    sentence = lines[2 + len(methods)]
    if psnr["autoencoder"] > psnr[best]:
        assert sentence.startswith("The autoencoder is ") and sentence.endswith(
            f"above the best classical method ({best})."
        )
    else:
        assert sentence.startswith("The autoencoder loses: it is ") and best in sentence
    assert lines[-1] == f"results in {out}/: {', '.join(FILES)}" and "training: 100%" in err
    model = load(out / "model.npz")
    assert model.preprocessing["restoration"]["task"] == task and Preparation.of(model).shape == SHAPE


def test_the_numbers_are_those_of_the_pictures():
    result = restoration.run(Settings("denoise", epochs=2, threads=1), progress=False)
    psnr = {row["method"]: row["psnr"] for row in result.rows}
    assert psnr["damaged"] == pytest.approx(image_psnr(result.original, result.damaged).mean())
    made = restore(result.model, result.damaged)
    assert_array_equal(made, result.restored["autoencoder"])
    assert psnr["autoencoder"] == pytest.approx(image_psnr(result.original, made).mean())
    assert psnr["untrained net"] == pytest.approx(psnr["damaged"])  # it begins as the identity
    assert result.best_classical in ("median filter", "Lee's filter")
    assert psnr[result.best_classical] == max(psnr["median filter"], psnr["Lee's filter"])


def test_same_seed_same_bits_another_seed_other_damage():
    settings = {"epochs": 1, "threads": 1, "limit": 30}
    first, again, other = (restoration.run(Settings("watermark", seed=s, **settings), False) for s in (0, 0, 1))
    assert_array_equal(first.model.theta, again.model.theta)
    assert_array_equal(first.damaged, again.damaged)
    assert len(first.history) == 1
    veils = [(run.damaged - run.original) / (1 - run.original) for run in (first, other)]  # x' = x + veil (1 - x)
    assert np.abs(veils[0] - veils[1]).max() > 0.4


def test_training_is_told_what_was_asked_for(monkeypatch):
    told, fit = {}, Autoencoder.fit
    monkeypatch.setattr(Autoencoder, "fit", lambda net, x, **how: told.update(how, n=len(x)) or fit(net, x, **how))
    restoration.run(Settings("masking", seed=5, epochs=2, threads=1, limit=30, lr=0.02, filters=6, depth=2), False)
    assert (told["seed"], told["epochs"], told["threads"], told["n"]) == (5, 2, 1, 30)
    assert told["optimizer"].schedule.lr == 0.02 and told["batch_size"] == usual_batch(SHAPE)


def test_an_interrupted_run_goes_on_to_the_same_bits(tmp_path, capsys, monkeypatch, undrawn):
    options = ["--task", "denoise", "--dataset", "digits", "--threads", 1, "--epochs", 3]
    assert command(capsys, *options, "--out", tmp_path / "whole")[0] == 0
    whole = load(tmp_path / "whole" / "model.npz").theta
    calls, append = [], restoration.History.append

    def interrupted(history, row):
        append(history, row)
        calls.append(row)
        if len(calls) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(restoration.History, "append", interrupted)
    assert command(capsys, *options, "--out", tmp_path / "cut")[0] == 130
    assert [p.name for p in (tmp_path / "cut").iterdir()] == [KEPT]
    code, _, err = command(capsys, *options, "--out", tmp_path / "cut", "--resume")
    assert code == 0 and "going on after epoch 2 of 3" in err
    assert_array_equal(load(tmp_path / "cut" / "model.npz").theta, whole)


def test_json_alone_on_stdout(tmp_path, capsys, undrawn):
    code, text, _ = command(
        capsys, "--task", "deblur", "--dataset", "digits", "--json", "--strength", 0.8, "--limit", 40, "--seed", 3,
        "--epochs", 1, "--threads", 1, "--out", tmp_path / "out",
    )  # fmt: skip
    metrics = json.loads(text)
    assert code == 0 and metrics == json.loads((tmp_path / "out" / "metrics.json").read_text())
    given = {
        "task": "deblur",
        "strength": 0.8,
        "limit": 40,
        "n_train": 40,
        "seed": 3,
        "threads": 1,
        "dataset": "digits",
    }
    assert metrics | given == metrics and metrics["damage"] == {"sigma": 0.8, "noise": 0.01}


def test_without_scikit_image_there_is_no_ssim(tmp_path, capsys, monkeypatch, undrawn):
    monkeypatch.setitem(sys.modules, "skimage.metrics", None)
    code, text, _ = command(
        capsys, "--task", "inpaint", "--dataset", "digits", "--limit", 20, "--epochs", 1, "--out", tmp_path / "out"
    )
    assert code == 0 and all(
        row["ssim"] is None for row in json.loads((tmp_path / "out/metrics.json").read_text())["rows"]
    )
    assert text.splitlines()[2].endswith("–")


def test_own_pictures_in_colour(tmp_path, capsys):
    folder = tmp_path / "pictures"
    write_samples(folder, as_bytes(images(30, 10, 12, 3)))
    out = tmp_path / "out"
    code, text, _ = command(capsys, "--task", "inpaint", "--dataset", folder, "--epochs", 1, "--out", out)
    assert code == 0 and text.startswith("pictures, inpaint (share 0.3), 3 test images 10 x 12 x 3")
    assert (out / "picture.png").read_bytes().startswith(b"\x89PNG")
    assert load(out / "model.npz").input_shape == (10, 12, 3)


def test_the_picture_shows_each_kind_of_image():
    result = restoration.run(Settings("inpaint", epochs=1, threads=1), progress=False)
    figure = command_module.picture(result)
    shown = [axis.get_images()[0].get_array() for axis in figure.axes]
    assert len(shown) == 4 * 10
    assert_allclose(shown[30], result.original[0].mean(axis=-1))
    assert_allclose(shown[20], result.restored["autoencoder"][0].mean(axis=-1))
    assert (shown[0] == np.float32(128 / 255)).sum() == 4 * 4  # the hole in grey
    labels = [axis.get_ylabel() for axis in figure.axes[::10]]
    assert labels == ["damaged", result.best_classical, "autoencoder", "original"]
    assert figure.axes[20].get_xlabel().endswith(" dB") and not figure.axes[30].get_xlabel()
    assert "PSNR" in figure._suptitle.get_text()


@pytest.mark.parametrize("n", [1, 3, 10])
def test_a_long_title_is_as_wide_as_the_figure_at_most(n):
    title = "4,000 images of CIFAR-10, watermark, mean PSNR of 500 test images: 23.15 dB damaged; 32.53 dB by net " * 2
    figure = restoration_rows([("biharmonic, told where", images(n), np.ones(n)), ("original", images(n), None)], title)
    FigureCanvasAgg(figure).draw()
    text, whole = figure._suptitle.get_window_extent(), figure.bbox
    assert 0 <= text.x0 and text.x1 <= whole.x1 and text.y1 <= whole.y1
    first = figure.axes[0].get_window_extent()
    assert text.y0 >= first.y1 and first.height > 0.8 * figure.dpi  # about an inch, however long the title


def test_work_is_cut_to_the_size_of_the_pictures():
    assert usual_epochs((10_000, 28, 28, 1)) == 4 and usual_epochs((3500, 32, 32, 3)) == 9
    assert usual_epochs((10**6, 100, 100, 1)) == 1
    assert usual_batch((28, 28, 1)) == 9 and usual_batch((512, 512, 3)) == 1
    few = images(20)
    assert restoration._some(few, 20) is few and len(restoration._some(few, 7)) == 7


# --- a trained net on own files


def test_a_folder_of_pictures_of_another_size(tmp_path, capsys):
    net = trained("model.npz", "denoise")
    x = as_bytes(images(3, 20, 17))
    write_samples("noisy", x, files=["b.png", "a.png", "c.png"])
    code, text, _ = command(capsys, "--model", "model.npz", "--input", "noisy", "--out", tmp_path / "clean")
    assert code == 0 and text.splitlines()[0] == "3 images 20 x 17 x 1, task denoise"
    made = read_samples("clean")
    assert made.files == ("a.png", "b.png", "c.png") and made.x.dtype == np.uint8
    want = as_bytes(restore(net, x[[1, 0, 2]] / np.float32(255)))
    assert_array_equal(made.x, want)
    assert not np.array_equal(made.x, x[[1, 0, 2]])


def test_an_array_in_and_an_array_out(capsys):
    net = trained("model.npz", "denoise")
    x = images(4, *SHAPE)
    np.save("x.npy", x)
    code, text, _ = command(capsys, "--model", "model.npz", "--input", "x.npy", "--out", "new/y.npy", "--json")
    assert code == 0
    assert json.loads(text) == {"task": "denoise", "images": 4, "image_shape": list(SHAPE), "out": "new/y.npy"}
    assert_array_equal(np.load("new/y.npy"), restore(net, x))
    assert command(capsys, "--model", "model.npz", "--input", "x.npy")[0] == 0
    assert_array_equal(np.load("results/restored.npy"), restore(net, x))


def test_what_is_painted_grey_is_filled_in(capsys):
    trained("model.npz", "inpaint", (14, 12, 3), 12, nudge=0)
    x = as_bytes(images(2, 16, 16, 3))
    x[x == 128] = 127
    painted = x.copy()
    painted[:, 5:9, 6:11] = 128
    write_samples("painted", painted)
    assert command(capsys, "--model", "model.npz", "--input", "painted", "--out", "filled")[0] == 0
    filled = read_samples("filled").x
    hole = (painted == 128).all(axis=-1)
    assert_array_equal(filled[~hole], x[~hole])
    assert np.abs(filled[hole].astype(int) - x[hole]).mean() < np.abs(painted[hole].astype(int) - x[hole]).mean()


def test_small_pictures_come_back_twice_as_large(capsys):
    net = trained("model.npz", "superres")
    x = as_bytes(images(2, 9, 7))
    write_samples("small", x)
    code, text, _ = command(capsys, "--model", "model.npz", "--input", "small", "--out", "large")
    assert code == 0 and "2 images 18 x 14 x 1" in text
    want = restore(net, x.repeat(2, axis=1).repeat(2, axis=2) / np.float32(255))
    assert_array_equal(read_samples("large").x, as_bytes(want))


def test_any_net_for_images_will_do(capsys):
    net = trained("model.npz")
    x = images(2, *SHAPE)
    np.save("x.npy", x)
    code, text, _ = command(capsys, "--model", "model.npz", "--input", "x.npy", "--out", "y.npy")
    assert code == 0 and text.splitlines()[0] == "2 images 14 x 12 x 1, task None"
    assert_array_equal(np.load("y.npy"), restore(net, x))
    code, text, _ = command(capsys, "--model", "model.npz", "--input", "x.npy", "--out", "z.npy", "--task", "superres")
    assert code == 0 and np.load("z.npy").shape == (2, 28, 24, 1)
    save(net, "bare.npz")  # as `save` writes a net that nobody prepared data for
    assert command(capsys, "--model", "bare.npz", "--input", "x.npy", "--out", "b.npy")[0] == 0
    assert_array_equal(np.load("b.npy"), np.load("y.npy"))


# --- bad input


@pytest.mark.parametrize(
    "arguments, text",
    [
        ((), "restore: expected --task (one of denoise, salt-and-pepper, masking, inpaint, watermark, deblur or "
         "superres), or --model and --input, got neither."),
        (("--model", "m.npz"), "restore: expected --input together with --model, got none."),
        (("--input", "x.npy"), "restore: expected --model together with --input, got none."),
        (("--task", "denoize"), "restore: expected task to be one of denoise, salt-and-pepper, masking, inpaint, "
         "watermark, deblur, superres, got 'denoize' (did you mean 'denoise'?)."),
        (("--task", "inpaint", "--strength", 0.7), "MissingBlock: expected share in (0, 0.5], got 0.7."),
        (("--task", "superres", "--strength", 2), "restore: expected no strength for task superres, got 2.0."),
        (("--task", "denoise", "--epochs", 0), "restore: expected epochs to be a whole number >= 1, got 0."),
        (("--task", "denoise", "--limit", 0), "restore: expected limit to be a whole number >= 1, got 0."),
        (("--task", "denoise", "--dataset", "no.npy"), "no.npy: expected"),
        (("--task", "denoise", "--dataset", "minst"), "restore: expected dataset to be one of"),
        (("--task", "denoise", "--dataset", "rows.npy"), "restore: expected images, got rows of 8 numbers in rows.npy; "
         "give a folder of pictures, or an array (N, H, W) or (N, H, W, C)."),
        (("--task", "superres", "--dataset", "odd.npy"), "LowResolution: expected images of even height and width, got "
         "9 x 8; cut off a row or column."),
        (("--task", "denoise", "--dataset", "./mixed"), "mixed: expected images of one size, got"),
        (("--task", "denoise", "--dataset", "./empty"), "empty: expected pictures"),
        (("--task", "denoise", "--out", "rows.npy"), "restore: expected a folder one can write to, got rows.npy"),
        (("--model", "no.npz", "--input", "odd.npy"), "load: expected a model file, got no.npz, which does not exist."),
        (("--model", "half.npz", "--input", "odd.npy"), "load: expected a whole model file"),
        (("--model", "part.npz", "--input", "odd.npy"), "restore: expected a whole autoencoder in part.npz, got a part "
         "of one."),
        (("--model", "model.npz", "--input", "rows.npy"), "restore: rows.npy: expected images, got rows of 8 numbers; "
         "give a folder of pictures, or an array (N, H, W) or (N, H, W, C)."),
        (("--model", "model.npz", "--input", "colour.npy"), "restore: expected grey images (1 channel), as the net was "
         "trained on, got colour images (3 channels)."),
        (("--model", "model.npz", "--input", "bright.npy"), "bright.npy: expected floats in [0, 1], got values from"),
        (("--model", "model.npz", "--input", "no"), "no: expected"),
        (("--model", "model.npz", "--input", "mixed"), "mixed: expected images of one size"),
        (("--model", "model.npz", "--input", "odd.npy", "--out", "full"), "full: expected a new or empty folder"),
        (("--model", "model.npz", "--input", "odd.npy", "--out", "odd.npy"), "restore: expected another file for the "
         "result than odd.npy, which is read; change --out."),
        (("--model", "model.npz", "--input", "odd.npy", "--task", "deblur"), "restore: expected task denoise, which "
         "model.npz was trained for, got deblur."),
        (("--model", "dense.npz", "--input", "odd.npy"), "restore: expected images of 4x4x1, got 9x8x1; this net has "
         "layers that take one size only."),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_and_overwrites_nothing(arguments, text, tmp_path, capsys):
    net = trained("model.npz", "denoise")
    save(net.encoder, "part.npz", preprocessing={})
    dense = Autoencoder([Flatten(), Dense(3)], [Dense(16), Reshape((4, 4, 1))], loss="mse", input_shape=(4, 4, 1))
    save(dense, "dense.npz", preprocessing=Preparation("unit", "images", (4, 4, 1), "uint8"))
    (tmp_path / "half.npz").write_bytes((tmp_path / "model.npz").read_bytes()[:400])
    np.save("rows.npy", np.random.default_rng(0).random((30, 8)))
    np.save("odd.npy", images(30, 9, 8))
    np.save("colour.npy", images(30, 8, 8, 3))
    np.save("bright.npy", 2 * images(30, 8, 8))
    for folder in ("mixed", "empty", "full"):
        (tmp_path / folder).mkdir()
    write_samples("one", as_bytes(images(1, 8, 8)))
    write_samples("two", as_bytes(images(1, 8, 9)))
    (tmp_path / "one/000001.png").rename(tmp_path / "mixed/1.png")
    (tmp_path / "two/000001.png").rename(tmp_path / "mixed/2.png")
    (tmp_path / "full/kept.txt").write_text("kept")
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    assert text in refused(capsys, *arguments)
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before


def test_the_examples_of_the_help_work(capsys, undrawn, monkeypatch):
    with pytest.raises(SystemExit):
        cli.main(["restore", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    example = text.partition("example: tinyae restore ")[2]
    code, out, _ = command(capsys, *example.split())
    assert code == 0 and "PSNR" in out

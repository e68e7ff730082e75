"""`tinyae compress` and `tinyae decompress`: what they write, that it comes back, and one line where it cannot."""

import json

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tinyae import cli, load, save
from tinyae.applications.compression import Codec, compression_autoencoder, with_quantisers
from tinyae.architectures import simple_autoencoder
from tinyae.commands import compress_report
from tinyae.datasets import store
from tinyae.samples import Preparation, read_samples, write_idx, write_samples

pytestmark = [
    pytest.mark.filterwarnings(f"ignore:{fault}") for fault in ("fit_rbm", "dead units")
]  # of nets hardly trained
FEW = ("--code-size", 4, "--epochs", 1, "--pretrain-epochs", 2, "--threads", 1)


@pytest.fixture(autouse=True)
def nothing_on_disk(tmp_path, monkeypatch):
    monkeypatch.delenv(store.ENV, raising=False)
    monkeypatch.setattr(store, "cache_dir", lambda: tmp_path / "cache")


@pytest.fixture
def tinyae(capsys):
    """Exit code, stdout and stderr of `tinyae arguments`."""

    def run(*arguments):
        code = cli.main([str(a) for a in arguments])
        return code, *capsys.readouterr()

    return run


def assert_one_line(answer, text, code=2):
    got, out, err = answer
    assert (got, out) == (code, ""), err
    assert err.startswith("tinyae: error: ") and err.count("\n") == 1, err
    assert text in err


def pictures(n=40, seed=0, channels=1):
    """Soft blots, (n, 10, 9, channels) uint8."""
    rng = np.random.default_rng(seed)
    place = rng.uniform(2, 7, (n, 2, 1, 1))
    y, x = np.arange(10)[:, None], np.arange(9)
    blot = np.exp(-((y - place[:, 0]) ** 2 + (x - place[:, 1]) ** 2) / 6)
    return np.rint(255 * blot[..., None] * np.linspace(1, 0.5, channels)).astype(np.uint8)


@pytest.fixture(scope="module")
def module_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("compress")


@pytest.fixture(scope="module")
def images(module_folder):
    """A file of images."""
    np.save(module_folder / "blots.npy", pictures())
    return module_folder / "blots.npy"


@pytest.fixture(scope="module")
def model(module_folder, images):
    """The file of a model for them, not trained: what it restores is grey, but it comes back bit for bit."""
    samples = read_samples(images)
    preparation = Preparation.fit(samples)
    net = compression_autoencoder(90, 6, (20,))
    with_quantisers(net, preparation.apply(samples, (90,)), None, preparation.to_json())
    save(net, module_folder / "model.npz")
    return module_folder / "model.npz"


# --- training


@pytest.fixture(scope="module")
def results(module_folder):
    """A folder of results on own images, made once: exit code and folder."""
    np.save(module_folder / "many.npy", pictures(200))
    out = module_folder / "results"
    arguments = ["compress", "--dataset", module_folder / "many.npy", *FEW, "--bits", 10, "--out", out, "--json"]
    return cli.main([str(a) for a in arguments]), out


def test_results_are_complete(results):
    code, folder = results
    assert code == 0
    assert {path.name for path in folder.iterdir()} == {*compress_report.FILES, "checkpoint"}
    metrics = json.loads((folder / "metrics.json").read_text())
    assert (metrics["n_train"], metrics["n_test"], metrics["image_shape"]) == (180, 20, [10, 9, 1])
    assert (metrics["code_size"], metrics["bits"], metrics["epochs"], metrics["seed"]) == (4, 10, 1, 0)
    rows = {row["method"]: row for row in metrics["rows"]}
    assert set(compress_report.METHODS) < set(rows) and len(rows) == 7
    assert rows["autoencoder"]["bits"] == rows["PCA, any number"]["bits"] == 10
    assert rows["PNG, a file each"]["bits"] > 100
    assert metrics["seconds_train"] >= 0 and metrics["versions"]["tinyae"]
    for name in ("rate_distortion.png", "reconstructions.png"):
        assert (folder / name).read_bytes().startswith(b"\x89PNG")


def test_the_file_of_test_images_is_what_the_table_says(results):
    _, folder = results
    content = (folder / "test_images.tae").read_bytes()
    row = json.loads((folder / "metrics.json").read_text())["rows"][0]
    assert row["file_bits"] == 8 * (len(content) - 34) / 20
    model = load(folder / "model.npz")
    assert Codec(model).decompress(content).shape == (20, 90)
    assert Preparation.of(model).shape == (10, 9, 1)


def test_table_says_who_wins_and_what_its_columns_mean(results):
    text = (results[1] / "table.md").read_text()
    assert text.startswith("many.npy, 180 training and 20 test images, codes of 4 numbers, seed 0, trained in ")
    for part in ("At 10 bits per image:", "| autoencoder | ", "PSNR in dB at so many bits per image:",
                 "Bits per image for a PSNR:", "PCA, any number", "an estimate", "is not counted"):  # fmt: skip
        assert part in text, part


@pytest.mark.slow
def test_results_on_the_terminal(tinyae, images, tmp_path):
    code, out, err = tinyae("compress", "--dataset", images, *FEW, "--out", tmp_path / "out")
    assert code == 0
    assert "At 16 bits per image:\nmethod " in out and "results in" in out and "rate_distortion.png" in out
    assert "loses to PCA, any number" in out or "reaches no PSNR" in out  # after one epoch it must, and says so
    assert "measuring" in err


@pytest.mark.slow
def test_resume_takes_up_the_run_in_the_folder(tinyae, results, tmp_path):
    _, folder = results
    theta = load(folder / "model.npz").theta
    settings = ("compress", "--dataset", folder.parent / "many.npy", *FEW, "--bits", 10, "--out", folder, "--json")
    code, out, err = tinyae(*settings, "--resume")
    assert code == 0 and "beginning" not in err and json.loads(out)["epochs"] == 1
    assert_array_equal(load(folder / "model.npz").theta, theta)


# --- files: there and back


@pytest.mark.parametrize("bits", [1, 24, 48])
def test_round_trip_bit_for_bit(tinyae, model, images, tmp_path, bits):
    tae = tmp_path / "a.tae"
    code, out, err = tinyae("compress", images, "--model", model, "--bits", bits, "--out", tae)
    assert code == 0 and err == "" and f"40 images, {bits} bits each, {tae.stat().st_size} bytes" in out
    code, out, err = tinyae("decompress", tae, "--model", model, "--out", tmp_path / "back.npy")
    assert code == 0 and err == "" and "40 images" in out
    back = np.load(tmp_path / "back.npy")
    net = load(model)
    want = Preparation.of(net).undo(Codec(net).decompress(tae.read_bytes()))
    assert back.dtype == np.uint8 and back.shape == (40, 10, 9, 1)
    assert_array_equal(back, want)
    assert tae.stat().st_size <= 34 + -(-40 * bits // 8)


def test_four_bits_a_number_and_a_name_by_default(tinyae, model, images, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, _ = tinyae("compress", images, "--model", model)
    assert code == 0 and (tmp_path / "blots.tae").stat().st_size <= 34 + 40 * 24 // 8 and "24 bits each" in out


@pytest.mark.parametrize("form", ["png", "idx", "npz"])
def test_other_formats_give_the_same_file(tinyae, model, images, tmp_path, form):
    x = pictures()
    source = tmp_path / {"png": "folder", "idx": "blots.idx", "npz": "blots.npz"}[form]
    if form == "png":
        write_samples(source, x)
    elif form == "idx":
        write_idx(source, x[..., 0])
    else:
        np.savez(source, x=x)
    assert tinyae("compress", images, "--model", model, "--out", tmp_path / "a.tae")[0] == 0
    assert tinyae("compress", source, "--model", model, "--out", tmp_path / "b.tae")[0] == 0
    assert (tmp_path / "a.tae").read_bytes() == (tmp_path / "b.tae").read_bytes()


def test_restored_as_pictures_and_as_a_table(tinyae, model, images, tmp_path):
    tinyae("compress", images, "--model", model, "--out", tmp_path / "a.tae")
    for out in ("folder", "back.npy", "back.csv"):
        assert tinyae("decompress", tmp_path / "a.tae", "--model", model, "--out", tmp_path / out)[0] == 0
    back = np.load(tmp_path / "back.npy")
    assert len(list((tmp_path / "folder").glob("*.png"))) == 40
    assert_array_equal(read_samples(tmp_path / "folder").x, back)
    table = np.loadtxt(tmp_path / "back.csv", delimiter=",", skiprows=1)
    assert_array_equal(table, back.reshape(40, 90))


def test_a_single_picture(tinyae, model, tmp_path):
    write_samples(tmp_path / "one", pictures(1, seed=3))
    (picture,) = (tmp_path / "one").iterdir()
    assert tinyae("compress", picture, "--model", model, "--bits", 48, "--out", tmp_path / "a.tae")[0] == 0
    assert (tmp_path / "a.tae").stat().st_size == 34 + 6
    assert tinyae("decompress", tmp_path / "a.tae", "--model", model, "--out", tmp_path / "back")[0] == 0
    assert len(list((tmp_path / "back").iterdir())) == 1


@pytest.mark.slow
def test_colour_images(tinyae, tmp_path):
    np.save(tmp_path / "colours.npy", pictures(60, channels=3))
    out = tmp_path / "out"
    assert tinyae("compress", "--dataset", tmp_path / "colours.npy", *FEW, "--out", out)[0] == 0
    assert tinyae("decompress", out / "test_images.tae", "--model", out / "model.npz", "--out", tmp_path / "p")[0] == 0
    assert read_samples(tmp_path / "p").x.shape == (6, 10, 9, 3)


# --- bad input: one line, exit 2, nothing written


@pytest.fixture
def kept(tinyae, model, images, tmp_path):
    """A .tae file, and one at the place of the output that has to stay."""
    assert tinyae("compress", images, "--model", model, "--out", tmp_path / "a.tae")[0] == 0
    np.save(tmp_path / "back.npy", np.arange(3))
    return tmp_path / "a.tae"


@pytest.mark.parametrize("change, text", [
    (lambda c: b"", "made by tinyae compress, got"),
    (lambda c: b"PK\x03\x04" + c, "which is something else"),
    (lambda c: c[:30], "which is cut short"),
    (lambda c: c[:-2], "it is cut short, copy it again"),
    (lambda c: c + b"\n", "which is damaged"),
    (lambda c: c[:50] + bytes([c[50] ^ 1]) + c[51:], "which is damaged"),
    (lambda c: b"TAE7" + c[4:], "install a newer tinyae"),
])  # fmt: skip
def test_damaged_files(tinyae, model, kept, change, text):
    kept.write_bytes(change(kept.read_bytes()))
    answer = tinyae("decompress", kept, "--model", model, "--out", kept.with_name("back.npy"))
    assert_one_line(answer, text)
    assert str(kept) in answer[2]
    assert_array_equal(np.load(kept.with_name("back.npy")), np.arange(3))


def test_another_model(tinyae, model, images, kept, tmp_path):
    net = load(model)
    net.theta[0] += 1
    save(net, tmp_path / "other.npz")
    answer = tinyae("decompress", kept, "--model", tmp_path / "other.npz", "--out", tmp_path / "back.npy")
    assert_one_line(answer, "expected " + str(kept) + " to be made with this model, got a file of another one")


def test_a_model_that_cannot_compress(tinyae, images, kept, tmp_path):
    save(simple_autoencoder(90, 6), tmp_path / "plain.npz")
    for arguments in (("compress", images), ("decompress", kept)):
        answer = tinyae(*arguments, "--model", tmp_path / "plain.npz", "--out", tmp_path / "x.npy")
        assert_one_line(answer, "expected a model trained by tinyae compress, got one without quantisers")
        assert_one_line(tinyae(*arguments, "--model", images, "--out", tmp_path / "x.npy"), "model file")
        assert_one_line(tinyae(*arguments, "--model", tmp_path / "no.npz", "--out", tmp_path / "x.npy"), "not exist")
    assert not (tmp_path / "x.npy").exists()


def test_a_model_with_damaged_quantisers(tinyae, model, images, tmp_path):
    net = load(model)
    net.preprocessing["compression"]["low"] = [1, 2]
    save(net, tmp_path / "bad.npz")
    answer = tinyae("compress", images, "--model", tmp_path / "bad.npz", "--out", tmp_path / "x.tae")
    assert_one_line(answer, "expected a model with quantisers for 6 numbers, got damaged ones")


def test_images_of_another_size(tinyae, model, tmp_path):
    np.save(tmp_path / "wide.npy", pictures()[:, :, :8])
    answer = tinyae("compress", tmp_path / "wide.npy", "--model", model, "--out", tmp_path / "x.tae")
    assert_one_line(answer, "images of 10 x 9 x 1")
    assert not (tmp_path / "x.tae").exists()


def test_files_that_are_none(tinyae, model, kept, tmp_path):
    (tmp_path / "empty.npy").touch()
    answer = tinyae("compress", tmp_path / "empty.npy", "--model", model, "--out", kept)
    assert_one_line(answer, "empty.npy")
    assert kept.read_bytes().startswith(b"TAE1")  # what was there is there
    for path in (tmp_path / "nowhere", tmp_path):
        answer = tinyae("decompress", path, "--model", model, "--out", tmp_path / "x.npy")
        assert_one_line(answer, f"decompress: expected a file to read, got {path} (")
    assert_one_line(tinyae("compress", tmp_path / "nowhere.npy", "--model", model), "nowhere.npy")


@pytest.mark.parametrize("bits, text", [
    (0, "expected bits to be a whole number >= 1, got 0"), (49, "at most 48 bits for a code of 6 numbers, got 49"),
])  # fmt: skip
def test_bits_out_of_range(tinyae, model, images, tmp_path, bits, text):
    answer = tinyae("compress", images, "--model", model, "--bits", bits, "--out", tmp_path / "x.tae")
    assert_one_line(answer, text)


def test_places_that_cannot_be_written_to(tinyae, model, images, kept, tmp_path):
    for out, why in ((tmp_path, "a folder."), (tmp_path / "no" / "x.tae", f"a folder {tmp_path / 'no'} that is not")):
        answer = tinyae("compress", images, "--model", model, "--out", out)
        assert_one_line(answer, f"compress: expected --out to be a file in a folder one can write to, got {why}")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").touch()
    answer = tinyae("decompress", kept, "--model", model, "--out", tmp_path / "full")
    assert_one_line(answer, "a new or empty folder")
    assert_one_line(tinyae("decompress", kept, "--model", model, "--out", tmp_path / "x.gif"), "'.gif'")
    assert_one_line(tinyae("compress", "--dataset", images, "--out", images), "a folder one can write to")


@pytest.mark.parametrize("which", ["images", "model"])
def test_nothing_that_is_read_is_written_over(tinyae, model, images, request, which):
    path = request.getfixturevalue(which)
    before = path.read_bytes()
    answer = tinyae("compress", images, "--model", model, "--out", path)
    assert_one_line(answer, f"compress: expected another file for the result than {path}, which is read; change --out.")
    assert path.read_bytes() == before


def test_half_of_the_arguments(tinyae, model, images):
    answer = tinyae("compress", images)
    assert_one_line(answer, "expected --model MODEL beside FILE, got none; to train on it use --dataset FILE")
    assert_one_line(tinyae("compress", "--model", model), "expected FILE beside --model, got none")
    assert_one_line(tinyae("decompress", images, "--model", model), "the following arguments are required: --out")


@pytest.mark.parametrize("arguments, text", [
    (("--code-size", 0), "code size"),
    (("--code-size", 90), "expected a code smaller than 90 pixels, got 90"),
    (("--bits", 999), "at most 240 bits"),
    (("--epochs", 0), "epochs"),
    (("--pretrain-epochs", 0), "pretrain_epochs"),
    (("--limit", 0), "limit"),
    (("--threads", 0), "threads"),
    (("--seed", -1), "seed"),
    (("--dataset", "mnits"), "did you mean 'mnist'"),
])  # fmt: skip
def test_settings_out_of_range(tinyae, images, tmp_path, arguments, text):
    settings = {"--dataset": images} | dict([arguments])
    flat = [part for pair in settings.items() for part in pair]
    answer = tinyae("compress", *flat, "--out", tmp_path / "out")
    assert_one_line(answer, text)


def test_a_table_of_other_numbers(tinyae, tmp_path):
    rng = np.random.default_rng(0)
    np.savetxt(tmp_path / "a.csv", rng.normal(50, 9, (60, 5)), delimiter=",", header="a,b,c,d,e", comments="")
    answer = tinyae("compress", "--dataset", tmp_path / "a.csv", "--code-size", 2, "--out", tmp_path / "out")
    assert_one_line(answer, "expected images, or rows in [0, 1], in")


@pytest.mark.slow
def test_a_table_in_range(tinyae, tmp_path):
    x = np.random.default_rng(0).uniform(size=(80, 6))
    np.savetxt(tmp_path / "a.csv", x, delimiter=",", header="a,b,c,d,e,f", comments="")
    out = tmp_path / "out"
    assert tinyae("compress", "--dataset", tmp_path / "a.csv", *FEW, "--out", out)[0] == 0
    answer = tinyae("decompress", out / "test_images.tae", "--model", out / "model.npz", "--out", tmp_path / "b.csv")
    assert answer[0] == 0
    assert (tmp_path / "b.csv").read_text().splitlines()[0] == "a,b,c,d,e,f"

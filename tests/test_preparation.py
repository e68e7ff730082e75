"""What is done to data before a net takes them: apply and undo, kept in a model's file, and data that do not fit."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.testing import assert_allclose, assert_array_equal

from tinyae import Autoencoder, Dense, Sigmoid, UsageError, load, save
from tinyae.samples import LazyRows, Preparation, arrays, read_samples, write_samples

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (12, 5, 6, 1), np.uint8)
TABLE = RNG.normal([5, -300, 0.001], [2, 40, 0.0001], (40, 3))
NAMES = ("mass", "charge", "size")


def saved(folder, x, name="x.npy", **options):
    """Samples of x written to a file and read again."""
    write_samples(folder / name, x, **options)
    return read_samples(folder / name)


def table(folder, x=TABLE, names=NAMES, name="table.csv"):
    return saved(folder, x, name, names=names)


def refused(function, *arguments, match, **options):
    with pytest.raises(UsageError, match=match) as caught:
        function(*arguments, **options)
    assert "\n" not in str(caught.value)


# --- apply and undo


def test_bytes_are_divided_by_255(tmp_path):
    samples = saved(tmp_path, IMAGES)
    preparation = Preparation.fit(samples)
    z = preparation.apply(samples)
    assert (preparation.scale, preparation.kind, preparation.shape) == ("unit", "images", (5, 6, 1))
    assert z.dtype == np.float32 and z.shape == IMAGES.shape
    assert_array_equal(z, IMAGES.astype(np.float32) / np.float32(255))
    back = preparation.undo(z)
    assert back.dtype == np.uint8
    assert_array_equal(back, IMAGES)
    assert_array_equal(preparation.apply(samples, (30,)), z.reshape(12, 30))
    assert_array_equal(preparation.undo(z.reshape(12, 30)), IMAGES)
    assert preparation.undo(np.array([[-3.0] * 15 + [9.0] * 15])).ravel().tolist() == [0] * 15 + [255] * 15


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floats_in_range_stay(tmp_path, dtype):
    x = (IMAGES / 255).astype(dtype)
    samples = saved(tmp_path, x)
    preparation = Preparation.fit(samples)
    assert_array_equal(preparation.apply(samples), x.astype(np.float32))
    assert preparation.undo(x.astype(np.float32)).dtype == dtype
    assert preparation.undo(x, dtype=np.uint8).dtype == np.uint8


def test_a_net_for_bytes_takes_floats_and_truth_values(tmp_path):
    preparation = Preparation.fit(saved(tmp_path, IMAGES))
    assert_array_equal(preparation.apply(saved(tmp_path, IMAGES / 255)), (IMAGES / 255).astype(np.float32))
    assert set(preparation.apply(saved(tmp_path, IMAGES > 99)).ravel()) == {0, 1}
    refused(
        preparation.apply, saved(tmp_path, IMAGES.astype(float)), match=r"floats in \[0, 1\], got values from \d+ to"
    )


@pytest.mark.oracle
@pytest.mark.parametrize("scale, oracle", [("standard", "StandardScaler"), ("minmax", "MinMaxScaler")])
def test_columns_are_scaled_as_by_scikit_learn(tmp_path, scale, oracle):
    oracle = getattr(pytest.importorskip("sklearn.preprocessing"), oracle)
    samples = table(tmp_path)
    preparation = Preparation.fit(samples, scale)
    z = preparation.apply(samples)
    assert_allclose(z, oracle().fit_transform(TABLE), rtol=1e-5, atol=1e-6)
    assert_allclose(preparation.undo(z), TABLE, rtol=1e-6)
    assert preparation.undo(z).dtype == np.float64


def test_tables_are_standardised_by_themselves(tmp_path):
    assert Preparation.fit(table(tmp_path)).scale == "standard"
    assert Preparation.fit(table(tmp_path, np.abs(np.sin(TABLE)))).scale == "unit"


def test_pixels_in_a_table(tmp_path):
    samples = table(tmp_path, np.arange(12).reshape(4, 3) * 23)
    preparation = Preparation.fit(samples, "bytes")
    z = preparation.apply(samples)
    assert z.max() == np.float32(253 / 255)
    assert_allclose(preparation.undo(z), samples.x, rtol=1e-6)
    refused(Preparation.fit, table(tmp_path, TABLE), "bytes", match="numbers from 0 to 255, got values from -")


def test_images_can_be_standardised(tmp_path):
    samples = saved(tmp_path, IMAGES)
    preparation = Preparation.fit(samples, "standard")
    z = preparation.apply(samples)
    assert z.shape == IMAGES.shape
    assert_allclose(z.mean(axis=0), 0, atol=1e-6)
    assert_array_equal(preparation.undo(z), IMAGES)


FINITE = st.floats(-1e6, 1e6, width=32)


@given(x=npst.arrays(np.float64, st.tuples(st.integers(2, 12), st.integers(1, 5)), elements=FINITE), data=st.data())
def test_undo_undoes(tmp_path_factory, x, data):
    samples = saved(tmp_path_factory.getbasetemp(), x)
    scale = data.draw(st.sampled_from(["standard", "common", "minmax", "none"]))
    try:
        preparation = Preparation.from_json(json.loads(json.dumps(Preparation.fit(samples, scale).to_json())))
    except UsageError as error:
        assert f"expected {'rows' if scale == 'none' else 'columns'} that vary" in str(error)
        return
    z = preparation.apply(samples)
    width = np.ones(x.shape[1]) if preparation.width is None else preparation.width
    reach = width * np.abs(z).max(axis=0) + np.abs(x).max(axis=0)
    assert (np.abs(preparation.undo(z) - x) <= 1e-6 * reach + 1e-12).all()
    assert np.isfinite(z).all()


# --- constant columns


def test_a_constant_column_is_kept_and_told(tmp_path):
    x = TABLE.copy()
    x[:, 2] = 0.1
    samples = table(tmp_path, x)
    preparation = Preparation.fit(samples)
    assert preparation.width[2] == 1 and preparation.constant == (2,)
    assert preparation.remarks == [
        "column 'size' with one value in all rows: kept, as 0 for the net, which learns nothing from it"
    ]
    assert (preparation.apply(samples)[:, 2] == 0).all()
    refused(Preparation.fit, samples, refuse_constant=True, who="anomaly",
            match="anomaly: .*columns that vary, got column 'size' with one value in all rows; --drop si")  # fmt: skip
    assert not Preparation.fit(table(tmp_path)).remarks


@pytest.mark.parametrize("dtype, value", [(np.uint8, 7), (np.float32, 0.5), (bool, True)])
def test_images_that_are_all_of_one_number(tmp_path, dtype, value):
    refused(Preparation.fit, saved(tmp_path, np.full((5, 4, 4), value, dtype)),
            match=f"train: .*x.npy: expected images that vary, got the number {value:.9g} in all of them")  # fmt: skip


def test_many_constant_columns(tmp_path):
    x = np.column_stack([TABLE[:, 0], np.tile(np.arange(7) + 0.5, (40, 1))])
    (remark,) = Preparation.fit(saved(tmp_path, x)).remarks
    assert remark.startswith("7 columns with one value in all rows (2, 3, 4, 5, 6 and 2 more): kept")


# --- refused


def test_one_sample_is_not_enough(tmp_path):
    refused(
        Preparation.fit, table(tmp_path, TABLE[:1]), match="train: .*expected at least 2 samples to learn from, got 1"
    )


@pytest.mark.parametrize(
    "x, match",
    [
        (IMAGES * 3.0, r"floats in \[0, 1\], got values from .*; save \(x - x.min\(\)\) / "),
        (IMAGES * 1.0, r"floats in \[0, 1\], got values from .*; divide by 255 if they are pixels"),
        (IMAGES % 2, "uint8 from 0 to 255, got only 0 and 1"),
        (np.where(IMAGES > 250, np.nan, 0.5), r"finite numbers, got NaN or infinity in image \d+; remove or fill them"),
    ],
)
def test_images_out_of_range(tmp_path, x, match):
    refused(Preparation.fit, saved(tmp_path, x), match=match)


def test_unknown_scale(tmp_path):
    refused(
        Preparation.fit, table(tmp_path), "standart", match="scale to be one of auto, unit, .*did you mean 'standard'"
    )
    refused(Preparation.fit, saved(tmp_path, IMAGES), "none", match="floats for scale none, got bytes")


def test_images_of_another_size(tmp_path):
    preparation = Preparation.fit(saved(tmp_path, IMAGES))
    other = saved(tmp_path, RNG.integers(0, 256, (3, 8, 8, 1), np.uint8))
    refused(preparation.apply, other, who="search",
            match="search: .*images of 5 x 6 x 1, as the model was trained on, got images of 8 x 8 x 1")  # fmt: skip
    write_samples(tmp_path / "pictures", other.x)
    refused(preparation.apply, read_samples(tmp_path / "pictures"),
            match="got images of 8 x 8 x 1; --image-size 5x6 scales and crops them")  # fmt: skip
    scaled = read_samples(tmp_path / "pictures", image_size=(5, 6))
    assert preparation.apply(scaled).shape == (3, 5, 6, 1)
    refused(preparation.apply, table(tmp_path), match="images of 5 x 6 x 1, .*got rows of 3 numbers")
    flat = saved(tmp_path, IMAGES.reshape(12, 30))  # the same images, row by row
    assert_array_equal(preparation.apply(flat), preparation.apply(saved(tmp_path, IMAGES)))
    refused(preparation.apply, flat, (31,), match=r"expected a net for samples of 5 x 6 x 1, got one for \(31,\)")


# --- data for a trained model


def test_columns_are_found_by_their_names(tmp_path):
    preparation = Preparation.fit(table(tmp_path))
    table(tmp_path, TABLE[:, [2, 0, 1]], ("size", "mass", "charge"), "other.csv")
    samples = preparation.read(tmp_path / "other.csv")
    assert samples.names == NAMES
    assert_array_equal(samples.x, TABLE)
    refused(preparation.apply, read_samples(tmp_path / "other.csv"),
            match="column 1 to be 'mass', as the model was trained on, got 'size'")  # fmt: skip


def test_columns_the_model_does_not_know(tmp_path):
    preparation = Preparation.fit(table(tmp_path))
    wide = np.column_stack([TABLE, TABLE[:, 0]])
    table(tmp_path, wide, (*NAMES, "age"), "more.csv")
    refused(preparation.read, tmp_path / "more.csv", who="encode",
            match=r"encode: .*trained on \(mass, charge, size\), got 'age' besides; --drop age")  # fmt: skip
    assert_array_equal(preparation.read(tmp_path / "more.csv", drop="age").x, TABLE)
    table(tmp_path, TABLE, ("mass", "size", "age"), "less.csv")
    refused(preparation.read, tmp_path / "less.csv", match="got none called 'charge', and 'age' besides")


def test_a_table_without_names_is_taken_in_order(tmp_path):
    preparation = Preparation.fit(table(tmp_path))
    np.savetxt(tmp_path / "plain.csv", TABLE[:4, :], delimiter=",")
    assert_allclose(
        preparation.apply(preparation.read(tmp_path / "plain.csv"))[:, 0], _standard(TABLE)[:4, 0], rtol=1e-5
    )
    np.savetxt(tmp_path / "plain.csv", TABLE[:4, :2], delimiter=",")
    refused(
        preparation.apply, preparation.read(tmp_path / "plain.csv"), match="rows of 3 numbers, .*got rows of 2 numbers"
    )


def _standard(x):
    return (x - x.mean(axis=0)) / x.std(axis=0)


def test_what_was_left_out_stays_out(tmp_path):
    text = "id,mass,kind,size\n" + "".join(f"{i},{i * i},{'ab'[i % 2]},{-i}.5\n" for i in range(9))
    (tmp_path / "train.csv").write_text(text)
    preparation = Preparation.fit(read_samples(tmp_path / "train.csv", drop="id", label="kind"))
    assert preparation.left_out == ("id", "kind")
    samples = preparation.read(tmp_path / "train.csv")
    assert samples.names == ("mass", "size") and samples.labels is None
    assert preparation.read(tmp_path / "train.csv", label="kind").class_names == ("a", "b")
    (tmp_path / "new.csv").write_text("size,mass\n1,2\n")
    assert preparation.read(tmp_path / "new.csv").x.tolist() == [[2, 1]]
    plain = "\n".join(text.splitlines()[1:])
    (tmp_path / "plain.csv").write_text(plain)
    preparation = Preparation.fit(read_samples(tmp_path / "plain.csv", drop=["1", "3"]))
    assert_array_equal(preparation.read(tmp_path / "plain.csv").x, samples.x)


def test_a_query_is_not_suspected_of_labels(tmp_path):
    x = np.column_stack([TABLE, np.arange(40) % 3])
    names = (*NAMES, "label")
    write_samples(tmp_path / "table.csv", x, names=names)
    preparation = Preparation.fit(read_samples(tmp_path / "table.csv", keep="label"))
    assert_array_equal(preparation.read(tmp_path / "table.csv").x, x)


def test_missing_cells_are_filled_as_in_training(tmp_path):
    (tmp_path / "train.csv").write_text("a,b\n1,2\n3,\n5,6\n")
    preparation = Preparation.fit(read_samples(tmp_path / "train.csv", fill="mean"))
    (tmp_path / "new.csv").write_text("a,b\n,\n100,200\n")
    again = Preparation.from_json(json.loads(json.dumps(preparation.to_json())))
    assert again.read(tmp_path / "new.csv").x.tolist() == [[3, 4], [100, 200]]
    refused(
        Preparation.fit(table(tmp_path)).read, tmp_path / "train.csv", drop=["a", "b"], match="got none called 'mass'"
    )


def test_pictures_get_the_models_channels(tmp_path):
    colour = Preparation.fit(saved(tmp_path, np.repeat(IMAGES, 3, axis=3)))
    grey = Preparation.fit(saved(tmp_path, IMAGES))
    write_samples(tmp_path / "grey", IMAGES)
    assert colour.read(tmp_path / "grey").x.shape == (12, 5, 6, 3)
    write_samples(tmp_path / "colour", np.repeat(IMAGES, 3, axis=3))
    assert_array_equal(grey.read(tmp_path / "colour").x, IMAGES)


# --- in files


def test_a_models_file_keeps_it(tmp_path):
    samples = table(tmp_path)
    preparation = Preparation.fit(samples)
    model = Autoencoder([Dense(2)], [Dense(3)], loss="mse", input_shape=3)
    save(model, tmp_path / "model.npz", preprocessing=preparation)
    again = Preparation.of(load(tmp_path / "model.npz"))
    assert_array_equal(again.apply(samples), preparation.apply(samples))
    assert again.to_json() == preparation.to_json()
    save(load(tmp_path / "model.npz"), tmp_path / "copy.npz")
    assert Preparation.of(load(tmp_path / "copy.npz")).to_json() == preparation.to_json()


def test_a_model_without_one(tmp_path):
    bounded = Autoencoder([Dense(2)], [Dense(30), Sigmoid()], input_shape=30)
    assert_array_equal(
        Preparation.of(bounded).apply(saved(tmp_path, IMAGES.reshape(12, -1)))[0], IMAGES[0].ravel() / np.float32(255)
    )
    any_range = Preparation.of(Autoencoder([Dense(2)], [Dense(3)], loss="mse", input_shape=3))
    assert_array_equal(any_range.apply(table(tmp_path)), TABLE.astype(np.float32))
    bounded.preprocessing = {"scale": 1 / 255}
    refused(Preparation.of, bounded, match="a model with a Preparation in its file, got one with .*0.0039")


@pytest.mark.parametrize(
    "change",
    [
        {"shift": None}, {"width": [1, 2]}, {"width": [1, 2, float("nan")]}, {"scale": "log"}, {"kind": "sounds"},
        {"shape": [0]}, {"names": ["a"]}, {"shape": None}, {"fill": [1]}, {"shift": "abc"}, {"format": 2},
    ],
)  # fmt: skip
def test_a_damaged_one_is_refused(tmp_path, change):
    values = Preparation.fit(table(tmp_path)).to_json()
    assert Preparation.from_json(values)
    refused(Preparation.from_json, values | change, match="a whole Preparation, got a damaged|of format 1, got 2")
    for name in values:
        refused(Preparation.from_json, {k: v for k, v in values.items() if k != name}, match="Preparation: expected")


# --- read in pieces


@pytest.mark.parametrize("x", [IMAGES, IMAGES / 255, TABLE], ids=["bytes", "floats", "table"])
def test_lazy_samples_give_the_same(tmp_path, monkeypatch, x):
    samples = saved(tmp_path, x)
    preparation = Preparation.fit(samples)
    monkeypatch.setattr(arrays, "STREAM_FROM", 0)
    lazy = read_samples(tmp_path / "x.npy")
    assert lazy.lazy and not samples.lazy
    assert Preparation.fit(lazy).to_json() == preparation.to_json()
    z = preparation.apply(lazy)
    assert isinstance(z, LazyRows) and z.dtype == np.float32
    assert_array_equal(z[:], preparation.apply(samples))
    assert_array_equal(preparation.apply(lazy, (x[0].size,))[3:7], z[3:7].reshape(4, -1))


def test_a_bad_number_in_a_lazy_query(tmp_path, monkeypatch):
    monkeypatch.setattr(arrays, "STREAM_FROM", 0)
    x = (IMAGES / 255).astype(np.float32)
    preparation = Preparation.fit(saved(tmp_path, x))
    x[7, 1, 1] = np.inf
    z = preparation.apply(saved(tmp_path, x))
    assert z[:7].shape == (7, 5, 6, 1)
    with pytest.raises(UsageError, match=r"apply: .*expected finite numbers, got NaN or infinity"):
        z[5:9]

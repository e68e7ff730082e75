"""Users' own files: every format read and written back, and what is refused in one line."""

import gzip
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from PIL import Image

from tinyae.checks import UsageError
from tinyae.samples import blocks, read_samples, sample_writer, write_idx, write_samples
from tinyae.samples.table import is_header, number, sniff

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (12, 5, 6, 1), np.uint8)
COLOUR = RNG.integers(0, 256, (12, 5, 6, 3), np.uint8)
NUMBERS = RNG.normal([5, -300, 0.001], [2, 40, 0.0001], (30, 3))


def write(folder, text, name="table.csv"):
    (folder / name).write_text(text)
    return folder / name


def lines(x, separator=",", header=None, extra=()):
    """A table as text: rows of x (N, D), each followed by its entry in `extra`."""
    rows = [[repr(v) for v in row] for row in np.asarray(x).tolist()]
    rows = [[*row, *(str(e) for e in extra[i : i + 1])] for i, row in enumerate(rows)]
    return "\n".join(separator.join(row) for row in ([header] if header else []) + rows) + "\n"


def refused(path, *parts, **options):
    """The one line that refuses a file; it has all these parts."""
    with pytest.raises(UsageError) as caught:
        read_samples(path, who="encode", **options)
    text = str(caught.value)
    assert text.startswith("encode: ") and "\n" not in text and text.endswith(".") and " expected " in text
    for part in parts:
        assert part in text
    return text


# --- tables


@pytest.mark.parametrize("separator", [",", ";", "\t", "|", " ", "   "])
@pytest.mark.parametrize("header", [None, ["a", "b", "c"]])
def test_the_separator_is_found(tmp_path, separator, header):
    samples = read_samples(write(tmp_path, lines(NUMBERS, separator, header)))
    assert_array_equal(samples.x, NUMBERS)
    assert samples.kind == "rows" and samples.names == (tuple(header) if header else None) and samples.labels is None


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".txt", ".data", ".csv.gz"])
def test_the_content_decides_not_the_name(tmp_path, suffix):
    content = lines(NUMBERS, header=["a", "b", "c"]).encode()
    path = tmp_path / f"table{suffix}"
    path.write_bytes(gzip.compress(content) if suffix.endswith(".gz") else content)
    assert_array_equal(read_samples(path).x, NUMBERS)


def test_numpys_and_spreadsheets_peculiarities(tmp_path):
    np.savetxt(tmp_path / "a.txt", NUMBERS, header="a b c")
    samples = read_samples(tmp_path / "a.txt")
    assert_array_equal(samples.x, NUMBERS)
    assert samples.names == ("a", "b", "c")
    (tmp_path / "bom.csv").write_bytes(b"\xef\xbb\xbfa,b\r\n1,2\r\n\r\n3,4\r\n")
    samples = read_samples(tmp_path / "bom.csv")
    assert samples.names == ("a", "b") and samples.x.tolist() == [[1, 2], [3, 4]]
    quoted = read_samples(write(tmp_path, '"weight, kg","height"\n"1.5","2"\n"2.5","4"\n'))
    assert quoted.names == ("weight, kg", "height") and quoted.x.tolist() == [[1.5, 2], [2.5, 4]]
    assert read_samples(write(tmp_path, "1.5,2,\n3,4.5,\n")).x.shape == (2, 2)  # lines that end in a comma
    assert read_samples(write(tmp_path, "1.5\n2.5\n3\n")).x.tolist() == [[1.5], [2.5], [3]]
    assert read_samples(write(tmp_path, "1,5;2\n3,25;4\n"), decimal=",").x.tolist() == [[1.5, 2], [3.25, 4]]


@pytest.mark.parametrize(
    "rows, named",
    [
        ([["a", "b"], ["1", "2"]], True),
        ([["1", "2"], ["3", "4"]], False),
        ([["a", "2020"], ["1", "2"]], True),  # text above a number
        ([["1", "setosa"], ["2", "setosa"]], False),  # a column of text
        ([["", "a"], ["0", "2"]], True),
        ([["0", "1", "2"], ["5", "1.5", "2"]], True),  # as pandas numbers columns
        ([["", "0", "1", "2"], ["0", "5", "1.5", "2"]], True),
        ([["0", "1"], ["5", "1.5"]], False),  # too short to tell
        ([["1", "nan"], ["2", "3"]], False),
    ],
)
def test_what_a_header_is(rows, named):
    assert is_header(rows, ".") is named


def test_the_header_can_be_told(tmp_path):
    path = write(tmp_path, "0,1,2\n5.5,6,7\n8,9,10\n")
    assert read_samples(path).names == ("0", "1", "2") and len(read_samples(path)) == 2
    assert len(read_samples(path, header=False)) == 3
    assert read_samples(write(tmp_path, "1,2\n3,4\n"), header=True).names == ("1", "2")


@pytest.mark.parametrize("cell", ["", "NA", "nan", "NULL", "?", "-", "n/a", "None"])
def test_missing_cells_are_refused_or_filled(tmp_path, cell):
    path = write(tmp_path, f"a,b\n1,2\n3,{cell}\n6,8\n5,5\n")
    text = refused(path, "no missing cells, got 1, the first in row 2 (line 3), column 'b'; --fill mean, median or a n")
    assert str(path) in text
    for fill, value in (("mean", 5), ("median", 5), (-1.5, -1.5), ([7, 9], 9)):
        samples = read_samples(path, fill=fill)
        assert samples.x[:, 1].tolist() == [2, value, 8, 5]
        assert samples.fill[1] == value
    assert read_samples(path, fill="median").fill.tolist() == [4, 5]


def test_what_cannot_be_filled(tmp_path):
    refused(
        write(tmp_path, "a,b\n4,\n9,\n5,\n"), "numbers in column 'b' for its mean, got no cell", "--drop b", fill="mean"
    )
    refused(write(tmp_path, "a,b\n1,2\n"), "fill to be one of mean, median, a number, got 'mode'", fill="mode")


@pytest.mark.parametrize(
    "text, parts",
    [
        ("", ["a file with samples, got an empty one"]),
        ("\n \n\n", ["rows of numbers, got an empty file"]),
        ("a,b\n", ["rows of numbers, got a header and nothing below it"]),
        ("a,b\n1,2\n3,x7\n5,6\n", ["a number in row 2 (line 3), column 'b', got 'x7'; correct it, or --drop b"]),
        ("1,2\n3,4\n\n5,six\n7,8 9\n", ["a number in row 3 (line 4), column 2, got 'six' (and 1 more such cells in"]),
        ("a,b\n1,2\n3,inf\n", ["row 2 (line 3), column 'b', got 'inf'"]),
        ("a,b\n1,2\n3,1_000\n", ["row 2 (line 3), column 'b', got '1_000'"]),
        ("a,b\n1,2\n3\n5,6\n", ["2 cells in every row, as in the first, got 1 in row 2 (line 3); --delimiter names"]),
        ("a,a\n1,2\n", ["every column's name once, got 'a' 2 times in the header"]),
        ("a;b\n1,5;2,5\n3,5;4,5\n", ["a number in row 1 (line 2), column 'a', got '1,5'", "--decimal , reads decimal"]),
        ("a,b\n1," + "x" * 300 + "\n2,3\n", ["got '" + "x" * 27 + "...'"]),
        ('a,b\n1,"2\n', ["a table as text, got one that cannot be read (unexpected end of data)"]),
        ("a\0b\n", ["a table as text, got a file of bytes; which format is it?"]),
    ],
)  # fmt: skip
def test_tables_that_cannot_be_read(tmp_path, text, parts):
    refused(write(tmp_path, text), *parts)


def test_files_that_are_no_table(tmp_path):
    (tmp_path / "latin.csv").write_bytes("größe,b\n1,2\n".encode("latin-1"))
    refused(tmp_path / "latin.csv", "UTF-8 text, got something else")
    refused(tmp_path / "none.csv", "a file or folder, got no such file; check the path")
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(b"1,2\n3,4\n")[:-9])
    refused(tmp_path / "cut.csv.gz", "a table as text, got one that cannot be read")


SPECIES = ["setosa", "virginica", "setosa"] * 10


def test_a_column_of_text_is_no_data(tmp_path):
    path = write(tmp_path, lines(NUMBERS, header=["a", "b", "c", "my species"], extra=SPECIES))
    refused(
        path, "columns of numbers, got text in column 'my species' ('setosa', 'virginica'); --drop 'my species' leaves "
        "it out, --label 'my species' takes it as labels",
    )  # fmt: skip
    samples = read_samples(path, label="my species")
    assert samples.class_names == ("setosa", "virginica") and samples.labels.tolist() == [0, 1, 0] * 10
    assert samples.names == ("a", "b", "c") and samples.left_out == ("my species",)
    assert_array_equal(samples.x, NUMBERS)
    assert read_samples(path, drop="my species").labels is None
    path = write(tmp_path, lines(NUMBERS, extra=SPECIES))
    refused(path, "text in column 4 ('setosa', 'virginica'); --drop 4 leaves it out, --label 4 takes it as labels")
    assert read_samples(path, label="4").class_names == ("setosa", "virginica")


@pytest.mark.parametrize("name", ["label", "Class", "target", "species", "y", "is_anomaly"])
def test_a_column_named_as_labels_is_refused(tmp_path, name):
    path = write(tmp_path, lines(NUMBERS, header=["a", name, "c"]))
    refused(
        path, f"columns of data alone, got column '{name}', which looks like labels; --drop {name} leaves", "--keep"
    )
    assert read_samples(path, keep=[name]).x.shape == (30, 3)
    assert read_samples(path, drop=[name]).names == ("a", "c")


def test_coordinates_are_no_labels(tmp_path):
    assert read_samples(write(tmp_path, lines(NUMBERS, header=["x", "y", "z"]))).names == ("x", "y", "z")


@pytest.mark.parametrize("first", [False, True])
def test_a_column_of_few_whole_numbers_at_an_end_is_refused(tmp_path, first):
    x = np.column_stack([NUMBERS, np.arange(30) % 3 + 1])
    path = write(tmp_path, lines(x[:, [3, 0, 1, 2]] if first else x))
    place = 1 if first else 4
    refused(
        path, f"got column {place}, 3 whole numbers beside measured columns, which looks like labels; --drop {place}"
    )
    assert read_samples(path, keep=str(place)).x.shape == (30, 4)
    samples = read_samples(path, label=str(place))
    assert samples.class_names == ("1", "2", "3") and np.array_equal(samples.x, NUMBERS)
    np.save(tmp_path / "x.npy", x)
    refused(tmp_path / "x.npy", "got column 4, 3 whole numbers beside measured columns")
    assert read_samples(tmp_path / "x.npy", label="4").class_names == ("1", "2", "3")


@pytest.mark.parametrize(
    "column",
    [
        pytest.param(np.arange(30) % 3 + 0.5, id="fractions"),
        pytest.param(np.arange(30)[::-1], id="many"),
        pytest.param(np.full(30, 2), id="constant"),
    ],
)
def test_other_columns_at_an_end_are_data(tmp_path, column):
    assert read_samples(write(tmp_path, lines(np.column_stack([NUMBERS, column])))).x.shape == (30, 4)


def test_a_table_of_whole_numbers_has_no_odd_one_out(tmp_path):
    x = np.random.default_rng(0).integers(0, 4, (30, 5))
    assert read_samples(write(tmp_path, lines(x))).x.shape == (30, 5)


def test_row_numbers_are_no_data(tmp_path):
    for start in (0, 1):
        x = np.column_stack([np.arange(30) + start, NUMBERS])
        refused(write(tmp_path, lines(x)), "got column 1, which looks like row numbers; --drop 1")
    refused(write(tmp_path, lines(x[::-1], header=["Id", "a", "b", "c"])), "column 'Id', which looks like row numbers")
    assert read_samples(write(tmp_path, lines(x)), keep="1").x.shape == (30, 4)


def test_options_that_name_no_column(tmp_path):
    path = write(tmp_path, lines(NUMBERS, header=["mass", "b", "c"]))
    for option in ("drop", "keep", "label"):
        refused(path, f"{option} to be one of mass, b, c, got 'Mass' (did you mean 'mass'?)", **{option: "Mass"})
    refused(path, "columns of data, got none but those that are left out", drop=["mass", "b", "c"])
    refused(path, "no image_size for a file of kind table, got (4, 4)", image_size=(4, 4))
    refused(path, "delimiter to be one character or tab, semicolon, bar, comma, space, got '::'", delimiter="::")
    refused(path, "delimiter and decimal to differ, got ',' for both", delimiter=",", decimal=",")


def test_an_empty_label_is_refused(tmp_path):
    path = write(tmp_path, lines(NUMBERS[:3], header=["a", "b", "c", "kind"], extra=["1", "", "2"]))
    refused(path, "a label in row 2 (line 3), column 'kind', got an empty cell", label="kind")


FINITE = st.floats(allow_nan=False, allow_infinity=False, width=64)


@given(
    rows=st.lists(st.lists(FINITE, min_size=3, max_size=3), min_size=2, max_size=8),
    names=st.lists(
        st.text("abcd,;'\" \t|é", min_size=1).map(str.strip).filter(bool), min_size=3, max_size=3, unique=True
    ),
    suffix=st.sampled_from([".csv", ".tsv"]),
)
def test_a_table_comes_back_as_it_was_written(tmp_path_factory, rows, names, suffix):
    path = tmp_path_factory.getbasetemp() / f"table{suffix}"
    x = np.array(rows)
    write_samples(path, x, names=names)
    titles = tuple(names)
    delimiter = {".csv": ",", ".tsv": "\t"}[suffix]
    samples = read_samples(path, header=True, delimiter=delimiter, keep=titles)
    assert samples.names == titles
    assert_array_equal(samples.x, x)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_in_one_line(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_text(text, encoding="utf-8")
    try:
        samples = read_samples(path)
    except UsageError as error:
        assert "\n" not in str(error)
    else:
        assert np.isfinite(samples.x).all() and samples.x.ndim == 2


@pytest.mark.parametrize(
    "cell, value",
    [("1", 1), ("-1.5e3", -1500), ("+.5", 0.5), ("1,5", None), ("0x10", None), ("1_0", None), ("inf", None)],
)
def test_what_a_number_is(cell, value):
    assert number(cell) == value
    assert np.isnan(number("N/A")) and number("1,5", ",") == 1.5 and number("1.5", ",") is None


def test_the_separator_of_ragged_lines():
    assert sniff(["1,2,3"] * 20 + ["1,2"]) == "," and sniff(["1;2,5"] * 3) == ";" and sniff(["1"] * 3) == ","


# --- arrays


@pytest.mark.parametrize("array", [GREY[..., 0], GREY, COLOUR, NUMBERS, NUMBERS.astype(np.float32), GREY > 99])
def test_arrays_come_back_as_they_were_written(tmp_path, array):
    write_samples(tmp_path / "x.npy", array)
    assert_array_equal(np.load(tmp_path / "x.npy"), array)
    samples = read_samples(tmp_path / "x.npy")
    images = array[..., None] if array.ndim == 3 else array
    assert samples.kind == ("rows" if array.ndim == 2 else "images") and samples.no_channels == (array.ndim == 3)
    assert_array_equal(samples.x, images)
    assert samples.x.dtype == array.dtype and samples.sample_shape == images.shape[1:]


def test_integers_of_a_table_become_floats_and_those_of_images_are_refused(tmp_path):
    np.save(tmp_path / "x.npy", np.array([[70, 1000], [-3, 2], [5, 900]]))
    assert read_samples(tmp_path / "x.npy").x.dtype == np.float64
    np.save(tmp_path / "x.npy", GREY.astype(np.int32))
    refused(tmp_path / "x.npy", "uint8, boolean or floats in [0, 1], got int32")


def test_missing_numbers_of_an_array(tmp_path):
    x = NUMBERS.copy()
    x[4, 2] = np.nan
    np.save(tmp_path / "x.npy", x)
    refused(
        tmp_path / "x.npy", "no missing cells, got 1, the first in row 5, column 3; --fill mean, median or a number"
    )
    assert read_samples(tmp_path / "x.npy", fill=2).x[4, 2] == 2
    x[4, 2] = -np.inf
    np.save(tmp_path / "x.npy", x)
    refused(tmp_path / "x.npy", "finite numbers, got infinity in row 5, column 3")


def test_an_array_of_an_npz(tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, x=GREY, y=np.arange(12) % 3, z=NUMBERS)
    refused(path, f"one array, got 3 (x, y, z); name one: {path}:x")
    assert_array_equal(read_samples(f"{path}:x").x, GREY)
    assert_array_equal(read_samples(f"{path}:z").x, NUMBERS)
    samples = read_samples(f"{path}:x", label="y")
    assert samples.class_names == ("0", "1", "2") and samples.labels.tolist() == [0, 1, 2] * 4
    refused(f"{path}:w", "array to be one of x, y, z, got 'w'")
    refused(f"{path}:x", "12 labels in 'z', got an array (30, 3) of float64", label="z")
    np.savez(path, GREY)
    assert_array_equal(read_samples(path).x, GREY)
    path.write_bytes(path.read_bytes()[:-30])
    refused(path, "a whole .npz of arrays of numbers, got a damaged or different file")
    np.save(tmp_path / "x.npy", GREY)
    refused(f"{tmp_path / 'x.npy'}.npz:a", "no such file")


def test_an_npz_with_pickles_is_refused(tmp_path):
    np.savez(tmp_path / "x.npz", x=np.array([{}, 1], dtype=object))
    assert "(it holds Python objects, which are not loaded)" in refused(tmp_path / "x.npz", "damaged or different")


@pytest.mark.parametrize("suffix", ["", ".idx", ".gz"])
def test_idx(tmp_path, suffix):
    write_idx(tmp_path / f"images-ubyte{suffix}", GREY[..., 0])
    samples = read_samples(tmp_path / f"images-ubyte{suffix}")
    assert_array_equal(samples.x, GREY)
    assert samples.kind == "images"


def test_a_large_file_in_fortran_order_is_refused(tmp_path, monkeypatch):
    np.save(tmp_path / "x.npy", np.asfortranarray(NUMBERS))
    assert_array_equal(read_samples(tmp_path / "x.npy").x, NUMBERS)
    monkeypatch.setattr("tinyae.samples.arrays.STREAM_FROM", 0)
    refused(tmp_path / "x.npy", "got one in Fortran order; save np.ascontiguousarray(x)")


# --- pictures


@pytest.mark.parametrize("images", [GREY, COLOUR])
def test_pictures_come_back_as_they_were_written(tmp_path, images):
    write_samples(tmp_path / "pictures", images)
    samples = read_samples(tmp_path / "pictures")
    assert_array_equal(samples.x, images)
    assert samples.files[0] == "000001.png" and len(samples.files) == 12
    one = read_samples(tmp_path / "pictures" / "000003.png")
    assert_array_equal(one.x, images[2:3])
    assert one.files == ("000003.png",)
    assert read_samples(tmp_path / "pictures", colour=False).x.shape == (12, 5, 6, 1)
    assert read_samples(tmp_path / "pictures", colour=True).x.shape == (12, 5, 6, 3)


def test_floats_become_bytes(tmp_path):
    write_samples(tmp_path / "pictures", np.array([0, 0.5, 1, 1.2, -3, 0.2]).reshape(1, 2, 3, 1))
    assert read_samples(tmp_path / "pictures").x.ravel().tolist() == [0, 128, 255, 255, 0, 51]


def test_files_in_the_order_of_people(tmp_path):
    for name, value in (("10.png", 3), ("2.png", 1), ("b.png", 4), ("1.png", 0), (".hidden.png", 9)):
        Image.fromarray(np.full((2, 2), value, np.uint8)).save(tmp_path / name)
    Image.fromarray(np.full((2, 2), 200, np.uint8)).save(tmp_path / "2.JPG", format="JPEG")
    (tmp_path / "notes.txt").write_text("no picture")
    samples = read_samples(tmp_path)
    assert samples.files == ("1.png", "2.JPG", "2.png", "10.png", "b.png")
    assert samples.x[:, 0, 0, 0].tolist() == [0, 200, 1, 3, 4]


def test_pictures_of_every_kind(tmp_path):
    grey = np.arange(4, dtype=np.uint8).reshape(2, 2) * 60
    rgba = np.dstack([grey, grey, grey, np.array([[255, 0], [255, 255]], np.uint8)])
    kinds = {
        "a_bool": (Image.fromarray(grey > 70), np.where(grey > 70, 255, 0)),
        "b_palette": (Image.fromarray(grey).convert("P"), grey),
        "c_16bit": (Image.fromarray((grey.astype(np.uint16) << 8) + 7), grey),
        "d_alpha": (Image.fromarray(rgba, "RGBA"), np.array([[0, 255], [120, 180]])),  # white behind
    }
    for name, (image, _) in kinds.items():
        image.save(tmp_path / f"{name}.png")
    samples = read_samples(tmp_path, colour=False)
    for picture, (_, expected) in zip(samples.x, kinds.values(), strict=True):
        assert_array_equal(picture[..., 0], expected)


def test_a_camera_held_upright(tmp_path):
    image = Image.fromarray(np.arange(6, dtype=np.uint8).reshape(2, 3))
    exif = image.getexif()
    exif[0x0112] = 6  # turned by a quarter
    image.save(tmp_path / "a.png", exif=exif)
    assert read_samples(tmp_path).x.shape == (1, 3, 2, 1)


def test_pictures_of_mixed_sizes(tmp_path):
    for name, shape in (("a.png", (4, 6)), ("b.png", (4, 6)), ("c.png", (8, 8))):
        Image.fromarray(np.zeros(shape, np.uint8)).save(tmp_path / name)
    refused(
        tmp_path, "images of one size, got 4 x 6 in a.png and 8 x 8 in c.png; --image-size 4x6 scales and crops them"
    )
    assert read_samples(tmp_path, image_size=(3, 5)).x.shape == (3, 3, 5, 1)


def test_scaling_keeps_proportions_and_crops(tmp_path):
    picture = np.zeros((10, 30), np.uint8)
    picture[:, 10:20] = 255
    Image.fromarray(picture).save(tmp_path / "a.png")
    assert (read_samples(tmp_path, image_size=(4, 4)).x > 200).all()
    for size in [(4,), 4, (0, 3), ("4", "x"), (2.5, 3)]:
        refused(tmp_path, "image_size to be (height, width), got", image_size=size)


def test_pictures_that_cannot_be_read(tmp_path):
    write_samples(tmp_path / "p", COLOUR[:3])
    content = (tmp_path / "p" / "000002.png").read_bytes()
    for damaged in (content[:-40], content[:30], b"", b"no picture"):
        (tmp_path / "p" / "000002.png").write_bytes(damaged)
        refused(tmp_path / "p", "000002.png", "a whole PNG or JPEG, got one that Pillow cannot read")
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", "pictures (.png, .jpg, .jpeg), or folders of them, got a folder without any")
    refused(tmp_path / "p", "no label for pictures, got 'a'", label="a")


# --- writing


def test_writing_in_pieces(tmp_path):
    for name, options in (("a.npy", {}), ("a.csv", {"names": ["a", "b", "c"]})):
        with sample_writer(tmp_path / name, **options) as writing:
            for start in range(0, 30, 7):
                writing(NUMBERS[start : start + 7])
                assert not (tmp_path / name).exists()
        assert_array_equal(read_samples(tmp_path / name).x, NUMBERS)


def test_float32_is_written_short(tmp_path):
    write_samples(tmp_path / "a.csv", np.array([[0.1, -2.5e-7], [3, 1]], np.float32))
    assert (tmp_path / "a.csv").read_text() == "1,2\n0.1,-2.5e-07\n3.0,1.0\n"
    x = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    write_samples(tmp_path / "a.csv", x)
    assert_array_equal(read_samples(tmp_path / "a.csv", header=True).x.astype(np.float32), x)


def test_pictures_keep_their_names(tmp_path):
    write_samples(tmp_path / "a", GREY[:3], files=["cat/1.jpg", "cat/2.jpg", "dog/1.jpg"])
    assert read_samples(tmp_path / "a").files == ("cat/1.png", "cat/2.png", "dog/1.png")
    assert read_samples(tmp_path / "a").class_names == ("cat", "dog")
    write_samples(tmp_path / "b", GREY[:2], files=["1.jpg", "1.png"])
    assert read_samples(tmp_path / "b").files == ("1.jpg.png", "1.png.png")


@pytest.mark.parametrize("name", ["a.npy", "a.csv", "pictures"])
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_leaves_what_was_there(tmp_path, name, error):
    if name != "pictures":
        (tmp_path / name).write_text("old")
    with pytest.raises(error), sample_writer(tmp_path / name) as writing:
        writing(GREY[:3])
        raise error
    left = [] if name == "pictures" else [name]
    assert os.listdir(tmp_path) == left and all((tmp_path / f).read_text() == "old" for f in left)


def test_samples_of_two_shapes_and_none_at_all(tmp_path):
    with pytest.raises(UsageError, match=r"expected samples \(3,\) of float64, got \(2,\) of float64"):
        with sample_writer(tmp_path / "a.npy") as writing:
            writing(NUMBERS)
            writing(NUMBERS[:, :2])
    for name in ("a.npy", "a.csv"):
        with pytest.raises(UsageError, match="expected samples to write, got none"):
            with sample_writer(tmp_path / name):
                pass
    with pytest.raises(UsageError, match="expected 2 columns, as there are names, got 3"):
        write_samples(tmp_path / "a.csv", NUMBERS, names=["a", "b"])
    with pytest.raises(UsageError, match=r"expected images \(N, H, W, 1\) or \(N, H, W, 3\) for a folder of pictures"):
        write_samples(tmp_path / "a", NUMBERS)
    assert not os.listdir(tmp_path)


def test_places_that_cannot_be_written_to(tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("kept")
    (tmp_path / "folder.npy").mkdir()
    for path, message in (
        (tmp_path / "a.xlsx", r"a name that ends in .npy, .csv or .tsv, or a folder for pictures, got '.xlsx'"),
        (tmp_path / "none" / "a.npy", "expected an existing folder to write to, got .*none, which is not there"),
        (tmp_path / "full", "expected a new or empty folder for pictures, got one that holds something"),
        (tmp_path / "folder.npy", "expected a file to write, got a folder"),
    ):
        with pytest.raises(UsageError, match=message):
            write_samples(path, GREY)
    assert (tmp_path / "full" / "file").read_text() == "kept"


SLOWLY = """
import sys, time, numpy as np
from tinyae.samples import sample_writer
with sample_writer(sys.argv[1]) as write:
    while True:
        write(np.zeros((100, 50)))
        print(".", flush=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="kills by signal")
def test_killed_while_it_writes(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, NUMBERS)
    process = subprocess.Popen([sys.executable, "-c", SLOWLY, path], stdout=subprocess.PIPE)
    process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)
    assert_array_equal(np.load(path), NUMBERS)
    assert len(os.listdir(tmp_path)) == 2  # what it had written, under another name
    write_samples(path, 2 * NUMBERS)
    assert os.listdir(tmp_path) == ["a.npy"]
    assert_array_equal(np.load(path), 2 * NUMBERS)


# --- blocks


@settings(max_examples=50)
@given(n=st.integers(0, 50), width=st.integers(1, 4_000_000))
def test_blocks_cover_all_rows(n, width):
    x = np.lib.stride_tricks.as_strided(np.zeros(1, np.float32), (n, width), (0, 0))
    slices = blocks(x)
    assert [i for rows in slices for i in range(rows.start, rows.stop)] == list(range(n))
    assert all((rows.stop - rows.start) * width * 4 <= 8_000_000 or rows.stop - rows.start == 1 for rows in slices)

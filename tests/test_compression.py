"""Quantisers and who gets how many bits, files of codes, nets that bear rounding, rates beside principal components."""

import io
import math
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from tinyae import UsageError, load, save
from tinyae.analysis import PCA
from tinyae.applications.compression import (
    Codec,
    LinearCoder,
    QuantisationNoise,
    Quantiser,
    Quantisers,
    bits_at,
    codec,
    compression_autoencoder,
    ideal_bits,
    least_advantage,
    lossless_bits,
    net_curve,
    net_rates,
    psnr_at,
    psnr_of,
    rate_curve,
    sensitivity,
    train_compressor,
    with_quantisers,
)
from tinyae.applications.compression.net import bounded, with_noise
from tinyae.applications.compression.quantiser import MOST_BITS
from tinyae.applications.compression.study import ENTROPY_CODED, LINEAR, OURS, SAME_SIZE, UNTRAINED, study
from tinyae.architectures import hinton_autoencoder
from tinyae.gradcheck import assert_gradients, check_layer
from tinyae.layers import Sequential


def refused(text):
    return pytest.raises(UsageError, match=text)


# --- one quantiser


def test_cells_ends_and_middles_on_paper():
    q = Quantiser([2, 1, 0], [0.0, -1.0, 5.0], [0.25, 1.0, 0.0])
    codes = np.array(
        [[0.0, -1.0, 5.0], [0.24, -0.01, 9.0], [0.25, 0.0, -9.0], [0.99, 3.0, 0.0], [-7.0, -7.0, 0.0], [7, 7, 7]]
    )
    assert_array_equal(q.encode(codes), [[0, 0, 0], [0, 0, 0], [1, 1, 0], [3, 1, 0], [0, 0, 0], [3, 1, 0]])
    assert_allclose(q.decode(np.array([[0, 0, 0], [3, 1, 0]], np.uint8)), [[0.125, -0.5, 5], [0.875, 0.5, 5]])
    assert q.bits_per_image == 3 and q.encode(codes).dtype == np.uint8 and q.decode(q.encode(codes)).dtype == np.float32


def test_what_is_decoded_is_encoded_to_itself(rng):
    q = Quantiser([1, 3, 8], [-2.0, 0.0, 100.0], [0.3, 0.125, 1e-3])
    symbols = rng.integers(0, 2**q.bits, (200, 3)).astype(np.uint8)
    assert_array_equal(q.encode(q.decode(symbols)), symbols)


def test_the_error_within_the_ends_is_at_most_half_a_cell(rng):
    q = Quantiser([4], [-1.0], [2 / 16])
    z = rng.uniform(-1, 1, (1000, 1))
    assert np.abs(q.decode(q.encode(z)) - z).max() <= 1 / 16 + 1e-7


def test_a_quantiser_of_some_units():
    q = Quantiser([1, 2, 3], [0.0, 1.0, 2.0], [0.5, 0.25, 0.125])
    few = q.of([0, 2])
    assert_array_equal(few.bits, [1, 3])
    assert_array_equal(few.low, [0, 2])
    assert_array_equal(few.width, [0.5, 0.125])


@pytest.mark.parametrize("codes, text", [
    (np.zeros((2, 4)), r"Quantiser: expected codes of shape \(N, 3\), got \(2, 4\)"),
    (np.array([[0, np.nan, 0]]), "expected finite numbers in codes"),
    (np.array([["a", "b", "c"]]), "expected codes to be an array of numbers"),
])  # fmt: skip
def test_codes_that_are_none(codes, text):
    with refused(text):
        Quantiser([1, 1, 1], np.zeros(3), np.ones(3)).encode(codes)


# --- fitted quantisers


def test_uniform_codes_keep_their_whole_range(rng):
    fitted = Quantisers.fit(rng.uniform(0, 1, (20_000, 2)))
    for bits in (2, 4, 8):
        q = fitted.share(2 * bits)
        assert_array_equal(q.bits, [bits, bits])
        assert_allclose(q.width * 2**bits, 1, atol=0.03)
        assert_allclose(q.low, 0, atol=0.015)
        assert_allclose(fitted.error[bits], 4.0**-bits / 12, rtol=0.1)  # of a uniform number in a cell: width^2 / 12


# J. Max, "Quantizing for minimum distortion", IRE Trans. IT 6, 1960, table 2: mean squared error of the best uniform
# quantiser of a normal number, by its number of levels.
MAX_1960 = {1: 0.3634, 2: 0.1188, 3: 0.03744, 4: 0.01154, 5: 0.003495}


def test_normal_codes_reach_the_error_of_the_best_uniform_quantiser():
    z = np.random.default_rng(5).standard_normal((400_000, 1))
    fitted = Quantisers.fit(z)
    for bits, error in MAX_1960.items():
        q = fitted.share(bits)
        assert np.mean((q.decode(q.encode(z)) - z) ** 2) == pytest.approx(error, rel=0.03)
    q = fitted.share(MOST_BITS)
    assert np.mean((q.decode(q.encode(z)) - z) ** 2) < 1.5e-4


def test_no_bits_is_the_mean_and_a_constant_unit_costs_nothing(rng):
    z = np.column_stack([rng.normal(3, 2, 500), np.full(500, 7.0)])
    fitted = Quantisers.fit(z)
    assert_allclose(fitted.error[0], [z[:, 0].var(), 0])
    q = fitted.share(4)
    assert_array_equal(q.bits, [4, 0])
    assert_allclose(q.decode(np.zeros((1, 2), np.uint8))[0, 1], 7)
    assert_array_equal(q.encode(z)[:, 1], 0)


def test_more_bits_never_fit_worse(rng):
    fitted = Quantisers.fit(np.concatenate([rng.standard_normal((3000, 4)), rng.standard_t(2, (3000, 4))], axis=1))
    assert (np.diff(fitted.error, axis=0) < 0).all()


def test_bits_go_where_they_help_most(rng):
    z = rng.standard_normal((4000, 3)) * [8.0, 2.0, 0.1]
    fitted = Quantisers.fit(z)
    assert_array_equal(fitted.share(1).bits, [1, 0, 0])
    assert_array_equal(fitted.share(2).bits, [2, 0, 0])
    assert_array_equal(fitted.share(4).bits, [3, 1, 0])  # four times the deviation: two bits more
    assert_array_equal(fitted.share(12).bits, [7, 5, 0])
    assert_array_equal(fitted.share(24).bits, [8, 8, 8])
    assert_array_equal(Quantisers.fit(z, np.array([1, 16.0, 1])).share(4).bits, [2, 2, 0])


def greedy(error, total):
    bits = np.zeros(error.shape[1], int)
    for _ in range(total):
        gains = [error[b, j] - error[b + 1, j] if b < MOST_BITS else -math.inf for j, b in enumerate(bits)]
        bits[int(np.argmax(gains))] += 1
    return bits


@given(seed=st.integers(0, 99), total=st.integers(1, 24))
def test_sharing_is_greedy(seed, total):
    rng = np.random.default_rng(seed)
    error = np.sort(rng.uniform(size=(MOST_BITS + 1, 3)), axis=0)[::-1]
    shared = Quantisers(np.zeros_like(error), np.zeros_like(error), error).share(total)
    assert shared.bits_per_image == total and shared.bits.max() <= MOST_BITS
    assert_array_equal(shared.bits, greedy(error, total))


@pytest.mark.parametrize("bits, text", [(0, ">= 1, got 0"), (17, "at most 16 bits for a code of 2"), (1.5, "whole")])
def test_bits_that_cannot_be_shared(rng, bits, text):
    with refused(text):
        Quantisers.fit(rng.normal(size=(9, 2))).share(bits)


def test_fitting_needs_codes():
    with refused(r"at least 2 training codes, got 1"):
        Quantisers.fit(np.zeros((1, 3)))
    with refused(r"expected codes of shape \(N, K\)"):
        Quantisers.fit(np.zeros(3))


def test_quantisers_as_json(rng):
    fitted = Quantisers.fit(rng.normal(size=(50, 3)))
    again = Quantisers.from_json(fitted.to_json(), 3)
    for name in ("low", "width", "error"):
        assert_array_equal(getattr(again, name), getattr(fitted, name))
    for change in ({"low": [[1]]}, {"width": "wide"}, {"error": (fitted.error * np.nan).tolist()},
                   {"width": (-fitted.width - 1).tolist()}):  # fmt: skip
        with refused("expected a model with quantisers for 3 numbers, got damaged ones"):
            Quantisers.from_json(fitted.to_json() | change, 3)
    with refused("for 4 numbers"):
        Quantisers.from_json(fitted.to_json(), 4)
    with refused("damaged"):
        Quantisers.from_json(None, 3)


# --- entropy


def test_entropy_on_paper():
    training = np.array([[0], [0], [0], [1]], np.uint8)
    want = -(np.log2(3.5 / 5) + np.log2(1.5 / 5)) / 2
    assert ideal_bits(training, np.array([[0], [1]], np.uint8)) == pytest.approx(want)


def test_entropy_of_even_symbols_is_their_bits_and_of_constant_ones_nothing(rng):
    even = np.stack([rng.permutation(np.arange(16).repeat(500)) for _ in range(3)], axis=1)
    assert ideal_bits(even, even) == pytest.approx(12, abs=0.01)
    assert ideal_bits(np.zeros((1000, 2), np.uint8), np.zeros((9, 2), np.uint8)) == 0


def test_symbols_never_seen_in_training_cost_a_lot_but_not_everything():
    bits = ideal_bits(np.zeros((1000, 1), int), np.array([[-3]]))
    assert 10 < bits < 12 and np.isfinite(bits)


# --- packing


@given(
    bits=st.lists(st.integers(0, 8), min_size=1, max_size=6).filter(any), n=st.integers(1, 40), seed=st.integers(0, 99)
)
def test_packed_bits_come_back(bits, n, seed):
    bits = np.array(bits)
    symbols = np.random.default_rng(seed).integers(0, 2**bits, (n, len(bits))).astype(np.uint8)
    packed = codec.pack(symbols, bits)
    assert len(packed) == math.ceil(n * bits.sum() / 8)
    assert_array_equal(codec.unpack(packed, n, bits), symbols)
    assert codec.unpack(packed + b"x", n, bits) is None


def test_packed_bits_on_paper():
    symbols = np.array([[1, 5, 0], [0, 2, 0]], np.uint8)
    assert codec.pack(symbols, [1, 3, 0]) == bytes([0b1101_0010])
    assert codec.pack(symbols[:1], [1, 3, 0]) == bytes([0b1101_0000])


def test_packing_in_parts(monkeypatch, rng):
    symbols = rng.integers(0, 8, (100, 5)).astype(np.uint8)
    whole = codec.pack(symbols, [3] * 5)
    monkeypatch.setattr(codec, "ROWS", 16)
    assert codec.pack(symbols, [3] * 5) == whole
    assert_array_equal(codec.unpack(whole, 100, [3] * 5), symbols)


# --- a net and its files


@pytest.fixture(scope="module")
def images():
    """Soft bars at two places, 8 x 8: an image has two numbers in it."""
    rng = np.random.default_rng(1)
    place = rng.uniform(1, 7, (1500, 2, 1))
    bars = np.exp(-0.5 * ((np.arange(8) - place) / 0.9) ** 2)
    return np.maximum(bars[:, 0, :, None], bars[:, 1, None, :]).reshape(1500, 64).astype(np.float32)


def a_net(images, seed=0, code_size=5):
    return with_quantisers(
        compression_autoencoder(64, code_size, (12,), seed=seed), images, np.arange(1.0, code_size + 1), {"kept": 1}
    )


@pytest.fixture
def net(images):
    return a_net(images)


def test_a_file_holds_what_its_header_says(net, images):
    content = Codec(net).compress(images[:10], 17)
    magic, _, zero, k, bits, n, length = struct.unpack_from("<4sBBHHIQ", content)
    assert (magic, zero, k, bits, n) == (b"TAE1", 0, 5, 17, 10)
    assert len(content) == 34 + length and length <= math.ceil(170 / 8)
    assert struct.unpack_from("<I", content, 22)[0] == zlib.crc32(content[:22] + content[26:])
    assert content[26:34] == codec.fingerprint(net)


@pytest.mark.parametrize("bits", [1, 7, 15, 40])
@pytest.mark.parametrize("n", [1, 8, 600])
def test_round_trip_bit_for_bit(net, images, bits, n):
    both = Codec(net)
    content = both.compress(images[:n], bits)
    symbols, quantiser = both.from_bytes(content)
    want = quantiser.encode(net.encode(images[:n]))
    assert_array_equal(symbols, want)
    assert quantiser.bits_per_image == bits
    assert_array_equal(both.decompress(content), net.decode(quantiser.decode(want)))
    assert both.to_bytes(symbols, quantiser) == content  # the same bytes again


def test_both_ways_of_packing_are_used_and_read(net, images):
    both = Codec(net)
    rare = np.zeros((4000, 5), np.uint8)
    rare[::100] = 1  # nearly always the same: Huffman codes are shorter
    quantiser = both.quantisers.share(20)
    even = np.random.default_rng(0).integers(0, 2**quantiser.bits, (4000, 5)).astype(np.uint8)
    for symbols, way in ((rare, codec.HUFFMAN), (even, codec.PACKED)):
        content = both.to_bytes(symbols, quantiser)
        assert content[4] == way and len(content) <= 34 + 4000 * 20 / 8
        assert_array_equal(both.from_bytes(content)[0], symbols)


def test_a_saved_model_reads_the_file(net, images, tmp_path):
    content = Codec(net).compress(images[:9], 20)
    save(net, tmp_path / "net.npz")
    again = load(tmp_path / "net.npz")
    assert again.preprocessing["kept"] == 1
    assert Codec(again).compress(images[:9], 20) == content
    assert_array_equal(Codec(again).decompress(content), Codec(net).decompress(content))


def test_the_model_is_not_changed_by_compressing(net, images):
    theta, preprocessing = net.theta.copy(), str(net.preprocessing)
    x = images[:9].copy()
    Codec(net).decompress(Codec(net).compress(x, 20))
    assert_array_equal(net.theta, theta)
    assert_array_equal(x, images[:9])
    assert str(net.preprocessing) == preprocessing


def test_another_model_is_refused(net, images):
    content = Codec(net).compress(images[:9], 20)
    with refused("made with this model, got a file of another one; codes mean nothing to any net but"):
        Codec(a_net(images, seed=1)).decompress(content)
    with refused("a file of another one"):
        Codec(a_net(images, code_size=6)).decompress(content)
    with refused("a file of another one"):  # the same weights, other quantisers
        Codec(with_quantisers(compression_autoencoder(64, 5, (12,)), images[:50], None)).decompress(content)


@pytest.mark.parametrize("change, text", [
    (lambda c: b"", "expected a file made by tinyae compress, got the file, which is something else"),
    (lambda c: b"\x93NUMPY" + c, "something else"),
    (lambda c: b"TAE2" + c[4:], "expected format 1 in the file, got b'2'; install a newer tinyae"),
    (lambda c: c[:20], "expected a whole file, got the file, which is cut short; copy it again"),
    (lambda c: c[:34], "bytes of codes in the file, got 0; it is cut short"),
    (lambda c: c[:-1], r"expected \d+ bytes of codes in the file, got \d+; it is cut short"),
    (lambda c: c + b"x", "expected a whole file, got the file, which is damaged"),
    (lambda c: c[:-3] + bytes([c[-3] ^ 4]) + c[-2:], "which is damaged"),
])  # fmt: skip
def test_damaged_files(net, images, change, text):
    with refused(f"^decompress: .*{text}"):
        Codec(net).decompress(change(Codec(net).compress(images[:20], 20)))


@given(place=st.integers(0, 83), byte=st.integers(1, 255))
def test_any_changed_byte_is_seen(place, byte):
    images = np.random.default_rng(0).uniform(size=(20, 64)).astype(np.float32)
    both = Codec(a_net(images))
    content = bytearray(both.compress(images, 20))
    assert len(content) == 84
    content[place] ^= byte
    with refused("^decompress: .*") as caught:
        both.decompress(bytes(content))
    assert "\n" not in str(caught.value)


def forged(net, **changed):
    """A file with a right CRC and a header of one's own choice."""
    fields = {"way": 0, "k": 5, "bits": 20, "n": 4, "payload": bytes(10)} | changed
    start = struct.pack(
        "<4sBBHHIQ", b"TAE1", fields["way"], 0, fields["k"], fields["bits"], fields["n"], len(fields["payload"])
    )
    rest = codec.fingerprint(net) + fields["payload"]
    return start + struct.pack("<I", zlib.crc32(start + rest)) + rest


@pytest.mark.parametrize("changed, text", [
    ({"n": 5}, "expected the file to hold 5 codes, got something else"),
    ({"n": 4_000_000_000}, "to hold 4,000,000,000 codes, got something else"),
    ({"bits": 41}, "at most 40 bits"),
    ({"bits": 0}, "damaged"),
    ({"n": 0}, "damaged"),
    ({"way": 2}, "damaged"),
    ({"way": 1}, "to hold 4 codes, got something else"),
    ({"way": 1, "payload": zlib.compress(bytes(19))}, "to hold 4 codes"),
    ({"way": 1, "payload": zlib.compress(bytes(10**6))}, "to hold 4 codes"),
    ({"way": 1, "payload": zlib.compress(bytes([255] * 20))}, "to hold 4 codes"),
    ({"way": 1, "k": 4, "payload": zlib.compress(bytes(16))}, "to hold 4 codes"),
])  # fmt: skip
def test_forged_headers(net, changed, text):
    with refused(text):
        Codec(net).decompress(forged(net, **changed))


def test_what_cannot_be_compressed(net, images):
    with refused("expected from 1 to .* images, got 0"):
        Codec(net).compress(images[:0], 20)
    with refused("at most 40 bits for a code of 5 numbers, got 41"):
        Codec(net).compress(images, 41)
    with refused(r"expected x of shape \(N, 64\), got \(1500, 32\)"):
        Codec(net).compress(images[:, :32], 20)
    for model in (compression_autoencoder(64, 5, (12,)), net.encoder, None):
        with refused("expected a model trained by tinyae compress, got one without quantisers"):
            Codec(model)
    with refused("at most 40 bits"):
        codec.check_bits(41, 5)
    assert codec.check_bits(40, 5) == 40


# --- the net


def test_noise_layer_has_the_width_of_the_cells(rng):
    layer = QuantisationNoise((2,))
    Sequential([layer]).build((3,))
    x = rng.uniform(size=(20_000, 3)).astype(np.float32)
    assert layer.forward(x) is x  # where nobody trains
    layer.set_training(True)
    noise = layer.forward(x) - x
    assert np.abs(noise).max() <= 1 / 8 + 1e-6 and noise.mean() == pytest.approx(0, abs=2e-3)
    assert noise.var() == pytest.approx((1 / 4) ** 2 / 12, rel=0.03)  # as a rounding error to cells of 1/4
    assert abs(np.corrcoef(noise.T)[0, 1]) < 0.02


def test_noise_layer_draws_the_bits_of_every_row(rng):
    layer = QuantisationNoise((1, 6))
    Sequential([layer]).build((200,))
    layer.set_training(True)
    spread = layer.forward(np.zeros((400, 200), np.float32)).std(axis=1)
    coarse = spread > 0.05
    assert 0.4 < coarse.mean() < 0.6
    assert_allclose(spread[coarse], 0.5 / math.sqrt(12), rtol=0.2)
    assert_allclose(spread[~coarse], 2**-6 / math.sqrt(12), rtol=0.2)
    silent = QuantisationNoise(())
    Sequential([silent]).build((3,))
    silent.set_training(True)
    x = np.zeros((2, 3), np.float32)
    assert silent.forward(x) is x
    with refused("QuantisationNoise: expected bits to be a whole number >= 0, got -1"):
        QuantisationNoise((-1,))


def test_noise_layer_backward(rng):
    layer = QuantisationNoise((3,))
    Sequential([layer]).build((4,), dtype=np.float64)
    assert_gradients(check_layer(layer, rng.normal(size=(5, 4))))
    layer.set_training(True)
    layer.forward(np.zeros((2, 4)))
    dy = rng.normal(size=(2, 4))
    assert_array_equal(layer.backward(dy), dy)  # straight through: dy/dx = 1 whatever was drawn
    assert layer.backward(dy, need_dx=False) is None
    assert layer.config() == {"bits": [3]}


def test_bounded_code_is_nearly_the_same_function(images):
    linear = hinton_autoencoder(64, (16,), 4, seed=3)
    z = linear.encode(images)
    assert z.std(axis=0).min() > 0
    new = bounded(linear, images)
    c = new.encode(images)
    assert c.min() > 0 and c.max() < 1 and c.mean() == pytest.approx(0.5, abs=0.05)
    assert_allclose(c.std(axis=0), 0.29, atol=0.05)  # as of a number even in [0, 1]: 1 / sqrt(12)
    assert psnr_of(linear.reconstruct(images), new.reconstruct(images)) > 40
    theta = linear.theta.copy()
    assert_array_equal(linear.theta, theta)


def test_bounded_code_bears_a_unit_that_never_changes(images):
    linear = hinton_autoencoder(64, (16,), 4, seed=3)
    linear.encoder.layers[-2].params["W"][:, 1] = 0
    new = bounded(linear, images)
    assert np.isfinite(new.theta).all()
    assert psnr_of(linear.reconstruct(images), new.reconstruct(images)) > 40


def test_with_noise_shares_the_order_of_the_parameters(net, images):
    noisy = with_noise(net, (4,))
    assert_array_equal(noisy.theta, net.theta)
    assert_array_equal(noisy.reconstruct(images[:5]), net.reconstruct(images[:5]))
    assert any(isinstance(layer, QuantisationNoise) for layer in noisy.encoder.layers)


def test_sensitivity_is_the_error_of_small_changes(net, images, rng):
    weights = sensitivity(net, images[:200])
    z = net.encode(images[:200])
    h = 0.01 * z.std()
    for j in range(5):
        moved = z.copy()
        moved[:, j] += h
        change = np.square(net.decode(moved) - net.decode(z)).sum(axis=1).mean() / h**2
        assert weights[j] == pytest.approx(change, rel=0.05)


LEARNED = {"hidden": (100, 50), "pretrain_epochs": 4, "epochs": 40, "batch_size": 20, "threads": 1, "progress": False}


@pytest.fixture(scope="module")
def trained(images):
    """A small net that has learned the bars, with its quantisers."""
    model, _ = train_compressor(images, 4, **LEARNED)
    return with_quantisers(model, images, sensitivity(model, images), threads=1)


SMALL = {"hidden": (10,), "pretrain_epochs": 1, "epochs": 2, "threads": 1, "progress": False}


def test_training_repeats_and_leaves_no_noise_behind(images, tmp_path):
    one, history = train_compressor(images, 3, seed=4, **SMALL)
    two, _ = train_compressor(images, 3, seed=4, checkpoint=tmp_path / "run", **SMALL)
    other, _ = train_compressor(images, 3, seed=5, **SMALL)
    assert_array_equal(one.theta, two.theta)
    assert np.abs(one.theta - other.theta).max() > 0.01
    assert len(history) == 2
    assert not any(isinstance(layer, QuantisationNoise) for layer in one.encoder.layers)
    codes = one.encode(images)
    assert codes.shape == (1500, 3) and 0 <= codes.min() and codes.max() <= 1


def test_an_interrupted_run_goes_on(images, tmp_path):
    whole, _ = train_compressor(images, 3, **SMALL | {"epochs": 4})
    train_compressor(images, 3, checkpoint=tmp_path / "run", **SMALL | {"epochs": 4})
    again, history = train_compressor(images, 3, checkpoint=tmp_path / "run", **SMALL | {"epochs": 4})
    assert_array_equal(again.theta, whole.theta)
    assert len(history) == 4


@pytest.mark.parametrize("x", [np.zeros((9, 8, 8), np.float32), np.full((9, 64), 2.0), np.zeros((0, 64))])
def test_training_wants_rows_in_range(x):
    with refused(r"train_compressor: expected rows \(N, D\) of numbers in \[0, 1\]"):
        train_compressor(x, 3, **SMALL)


@pytest.mark.slow
def test_noise_while_training_makes_codes_bear_rounding(trained, images):
    """The same net without it: worse at a bit or two a number, better where codes are hardly rounded."""
    plain, _ = train_compressor(images, 4, noise_bits=(), **LEARNED)
    psnrs = []
    for model in (trained, plain):
        quantisers = Quantisers.fit(model.encode(images), sensitivity(model, images))
        psnrs.append([point["psnr"] for point in net_curve(model, quantisers, images, images, [4, 8, 32], 1)])
    few, some, many = np.subtract(*psnrs)
    assert few > 0.4 and some > 0.3 and many < 0


# --- rates


def test_psnr_of_the_mean_squared_error(rng):
    x = rng.uniform(size=(2500, 3, 2)).astype(np.float32)
    y = x + rng.normal(0, 0.1, x.shape).astype(np.float32)
    assert psnr_of(x, y) == pytest.approx(10 * np.log10(1 / np.mean((x - y).astype(float) ** 2)), abs=1e-4)
    assert psnr_of(x, x) == math.inf
    assert psnr_of(np.zeros((1, 4)), np.full((1, 4), 0.1)) == pytest.approx(20)


def test_net_rates():
    assert net_rates(30) == list(range(30, 241, 15))
    assert net_rates(1) == list(range(1, 9))


def test_a_curve_counts_what_a_file_would_have(trained, images):
    both = Codec(trained)
    points = net_curve(trained, both.quantisers, images, images, [4, 9, 32, 33], 1)
    assert [point["bits"] for point in points] == [4, 9, 32]  # 33 is more than the code can have
    for point in points:
        restored = both.decompress(both.compress(images, point["bits"]))
        assert point["psnr"] == pytest.approx(psnr_of(images, restored), abs=1e-4)
        assert 0 < point["entropy_bits"] <= point["bits"] + 0.1
        assert point["units"] == np.count_nonzero(both.quantisers.share(point["bits"]).bits)
    assert points[0]["psnr"] < points[1]["psnr"] < points[2]["psnr"]
    assert points[2]["psnr"] == pytest.approx(psnr_of(images, trained.reconstruct(images)), abs=0.2)


def test_units_without_bits_are_their_mean(images):
    linear = LinearCoder(images)
    (point,) = linear.curve(images, [3])
    quantiser = linear.quantisers.share(3)
    assert point["units"] == np.count_nonzero(quantiser.bits) <= 3
    symbols = quantiser.encode(linear.codes)
    assert point["psnr"] == pytest.approx(psnr_of(images, linear.decode(quantiser.decode(symbols))), abs=1e-4)


def test_linear_coder_at_many_bits_is_pca_itself(images):
    linear = LinearCoder(images, 4)
    (point,) = linear.curve(images, [32])
    pca = PCA(images, 4)
    assert point["psnr"] == pytest.approx(psnr_of(images, np.clip(pca.reconstruct(images), 0, 1)), abs=0.02)


def test_more_components_at_the_same_bits_do_no_worse(images):
    few, many = LinearCoder(images, 3), LinearCoder(images)
    for rate in (6, 12, 24):
        assert many.curve(images, [rate])[0]["psnr"] >= few.curve(images, [rate])[0]["psnr"] - 0.05


def test_entropy_coded_components_beat_those_with_whole_bits(rng):
    x = (0.5 + rng.standard_normal((5000, 12)) * np.geomspace(0.1, 0.01, 12)).astype(np.float32)
    linear = LinearCoder(x)
    fixed = linear.curve(x, range(4, 60, 4))
    coded = linear.entropy_curve(x, np.geomspace(0.005, 0.3, 15))
    assert [p["bits"] for p in coded] == sorted(p["bits"] for p in coded)
    for psnr in (34, 36, 40):
        assert bits_at(coded, psnr) < bits_at(fixed, psnr) - 1
    # At fine steps the error is step^2 / 12 in every component, and rotations keep it.
    fine = linear.entropy_curve(x, [0.002])[0]
    assert fine["psnr"] == pytest.approx(-10 * np.log10(0.002**2 / 12), abs=0.3) and fine["units"] == 12


LINE = [{"bits": 10, "psnr": 10.0}, {"bits": 20, "psnr": 14.0}, {"bits": 40, "psnr": 13.0}, {"bits": 60, "psnr": 18.0}]


def test_reading_curves_on_paper():
    assert bits_at(LINE, 10) == 10 and bits_at(LINE, 12) == 15 and bits_at(LINE, 14) == 20
    assert bits_at(LINE, 16) == 40  # between the point at 14 dB and the one at 18: the dip at 40 bits serves nobody
    assert bits_at(LINE, 9) is None and bits_at(LINE, 18.1) is None and bits_at([], 3) is None
    assert psnr_at(LINE, 15) == 12 and psnr_at(LINE, 60) == 18
    assert psnr_at(LINE, 9) is None and psnr_at(LINE, 61) is None and psnr_at([], 3) is None


def test_least_advantage_on_paper():
    ours = [{"bits": 10, "psnr": 10.0}, {"bits": 20, "psnr": 20.0}]
    theirs = [{"bits": 8, "psnr": 8.0}, {"bits": 12, "psnr": 10.0}, {"bits": 60, "psnr": 20.0}]
    ratio, psnr = least_advantage(ours, theirs)
    assert ratio == pytest.approx(1.2) and psnr == pytest.approx(10)
    ratio, psnr = least_advantage(theirs, ours)  # they begin below our first point: that one's bits count
    assert ratio == pytest.approx(1 / 3) and psnr == pytest.approx(20)
    assert least_advantage(ours, [{"bits": 3, "psnr": 5.0}]) == (None, None)
    steep = [{"bits": 100, "psnr": 10.0}, {"bits": 110, "psnr": 20.0}]
    assert least_advantage(ours, steep)[0] == pytest.approx(110 / 20)


def test_lossless_sizes(rng):
    from PIL import Image

    images = np.zeros((30, 6, 5, 1), np.uint8)
    images[:, 2] = rng.integers(0, 256, (30, 5, 1))
    bits = lossless_bits(images)
    assert bits["zlib"] == 8 * len(zlib.compress(images.tobytes(), 9)) / 30
    file = io.BytesIO()
    Image.fromarray(images[0, :, :, 0]).save(file, "PNG", optimize=True)
    assert bits["png"] == pytest.approx(8 * len(file.getvalue()), rel=0.2)
    assert bits["zlib"] < bits["png"]
    assert lossless_bits(np.zeros((2, 4, 4, 3), np.uint8))["png"] > 0
    assert lossless_bits(np.zeros((2, 1, 4, 2), np.uint8))["png"] is None
    for wrong in (images / 255, images[0], images[:0]):
        with refused(r"lossless_bits: expected images \(N, H, W, C\) uint8, got"):
            lossless_bits(wrong)


def test_the_net_beats_principal_components_on_bars(trained, images):
    result = study(trained, images, images, (8, 8, 1), threads=1)
    assert set(result.curves) == {OURS, LINEAR, SAME_SIZE, ENTROPY_CODED, UNTRAINED}
    ours = result.curves[OURS]
    assert ours[0]["bits"] == 4 and ours[-1]["bits"] == 32
    best = max(point["psnr"] for point in ours)
    for name in (LINEAR, ENTROPY_CODED):
        assert result.curves[name][-1]["psnr"] >= best  # the linear ones are measured as far as the net's best
        assert result.advantage[name][0] > 1, result.advantage
    assert result.curves[UNTRAINED][-1]["psnr"] < ours[0]["psnr"]
    assert result.lossless["png"] > 32
    again = rate_curve(
        result.linear.quantisers, result.linear.codes, result.linear.codes, result.linear.decode, images, [6]
    )
    assert again[0]["psnr"] == psnr_at(result.curves[LINEAR], 6)


@pytest.mark.realdata
@pytest.mark.slow
def test_on_real_digits_a_short_run_beats_components_at_two_bits_a_number():
    from conftest import DATA_DIR

    from tinyae.datasets import load_mnist

    data = load_mnist(DATA_DIR)
    x, test = data.x_train[:4000], data.x_test[:1000]
    model, _ = train_compressor(x, 30, hidden=(256, 128), epochs=12, threads=2, progress=False)
    with_quantisers(model, x, sensitivity(model, x[:500]))
    (mine,), (other,) = net_curve(model, Codec(model).quantisers, x, test, [60]), LinearCoder(x).curve(test, [60])
    assert mine["psnr"] > other["psnr"] + 0.2, (mine, other)  # 17.3 and 16.8 dB

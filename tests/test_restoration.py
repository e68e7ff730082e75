"""Restoration: what damages touch, the classical methods beside others' code, nets that begin as the identity."""

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from test_checks import says

from tinyae import Adam, Autoencoder, Conv2D, Dense, Flatten, Reshape, analysis
from tinyae.applications import restoration
from tinyae.applications.restoration import (
    BEST_PSNR,
    MISSING,
    PAINT,
    TASKS,
    Blur,
    LowResolution,
    MissingBlock,
    Watermark,
    as_inputs,
    at_size,
    biharmonic,
    classical,
    damage_for,
    guess,
    image_psnr,
    image_ssim,
    inpaint_biharmonic,
    missing_in_files,
    painted,
    restoration_net,
    restore,
    scores,
    tasks,
    watermark,
    with_mask,
)
from tinyae.applications.restoration.damages import blur, blur_matrix, enlarge, shrink
from tinyae.applications.restoration.net import reach
from tinyae.corruption import CORRUPTIONS, Masking, SaltAndPepper
from tinyae.losses import MSE

SEED = st.integers(0, 2**32 - 1)
SIZE = st.integers(5, 20)
EVERY = pytest.mark.parametrize("task", TASKS)


def images(n=6, height=14, width=16, channels=1, seed=0, dtype=np.float32):
    """A soft spot and a sharp one on a slope, no two pictures alike."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    made = np.empty((n, height, width, channels))
    for image in made:
        for c in range(channels):
            cy, cx = rng.uniform(0.2, 0.8, 2) * [height, width]
            spot = np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / rng.uniform(4, 30))
            disc = np.hypot(y - width / 2, x - cy) < rng.uniform(2, 4)
            image[..., c] = 0.1 + 0.3 * spot + 0.2 * (y * rng.random() / height) + 0.4 * disc
    return made.astype(dtype)


def draw(task, x, seed=1):
    return with_mask(damage_for("test", task), x, np.random.default_rng(seed))


# --- damages


@EVERY
@given(height=st.integers(3, 9), width=st.integers(3, 9), channels=st.sampled_from([1, 3]), seed=SEED)
def test_a_damage_is_the_generators_and_leaves_the_images_alone(task, height, width, channels, seed):
    x = images(3, 2 * height, 2 * width, channels)
    before, damage = x.copy(), damage_for("test", task)
    x.flags.writeable = False
    damaged, mask = with_mask(damage, x, np.random.default_rng(seed))
    assert_array_equal(damaged, damage(x, np.random.default_rng(seed)))
    assert_array_equal(x, before)
    assert damaged.shape == x.shape and damaged.dtype == x.dtype and not np.may_share_memory(damaged, x)
    assert np.isfinite(damaged).all() and damaged.max() <= 1
    assert (damaged[mask == 0] >= 0).all() if task == "inpaint" else damaged.min() >= 0
    if mask is not None:
        assert mask.shape == x.shape and mask.dtype == bool
        assert_array_equal(damaged[~mask], x[~mask])
    assert type(damage)(**damage.config()).config() == damage.config()


@pytest.mark.parametrize("task", [task for task in TASKS if task != "superres"])
def test_every_image_and_every_draw_is_damaged_anew(task):
    x = np.repeat(images(1, 28, 28), 4, axis=0)
    damaged, other = draw(task, x)[0], draw(task, x, seed=2)[0]
    assert len({image.tobytes() for image in [*damaged, *other]}) == 8


@given(height=SIZE, width=SIZE, share=st.floats(0.05, 0.5), seed=SEED)
def test_a_block_is_one_rectangle_of_its_size_in_the_middle_half(height, width, share, seed):
    x = images(4, height, width, 3)
    mask = MissingBlock(share).with_mask(x, np.random.default_rng(seed))[1]
    size = max(1, round(share * height)), max(1, round(share * width))
    for hole in mask:
        assert (hole == hole[..., :1]).all()
        rows, columns = np.flatnonzero(hole.any(axis=(1, 2))), np.flatnonzero(hole.any(axis=(0, 2)))
        assert (len(rows), len(columns)) == size and hole[..., 0].sum() == size[0] * size[1]
        for places, n in ((rows, height), (columns, width)):
            assert np.ptp(places) == len(places) - 1
            assert abs(places.mean() - (n - 1) / 2) <= (n - 1) / 4 + 0.5


def test_blocks_reach_all_of_their_places():
    mask = MissingBlock(0.3).with_mask(np.zeros((4000, 20, 12, 1), np.float32), np.random.default_rng(0))[1]
    tops, lefts = mask.any(axis=(2, 3)).argmax(axis=1), mask.any(axis=(1, 3)).argmax(axis=1)
    assert (tops.min(), tops.max(), lefts.min(), lefts.max()) == (3, 11, 2, 6)  # of 6 x 4 pixels: centres 5.5 to 13.5


def test_a_watermark_is_half_transparent_white():
    x = images(40, 28, 28, 3)
    damaged, mask = Watermark(0.25).with_mask(x, np.random.default_rng(0))
    veil = ((damaged - x) / (1 - x))[mask]  # x' = x + veil (1 - x)
    assert veil.min() >= -1e-6 and veil.max() == pytest.approx(0.25, abs=1e-5)
    assert all(0.02 < share < 0.4 for share in mask.mean(axis=(1, 2, 3)))
    hidden = Watermark(1.0)(x, np.random.default_rng(0))
    assert (hidden.max(axis=(1, 2, 3)) > 0.85).all()  # the thinnest pen is less than a pixel wide


def test_watermarks_lie_anywhere_within_the_picture():
    ink = watermark.draw_marks(300, 40, 30, np.random.default_rng(0))
    assert ink.shape == (300, 40, 30) and ink.dtype == np.float32
    anywhere = ink.any(axis=0)
    assert anywhere[2:-2].all(axis=0)[6:-6].all() and anywhere[:, 3:-3].any(axis=0).all()
    rows = np.arange(40) @ ink.sum(axis=2).T / ink.sum(axis=(1, 2))
    assert rows.min() < 12 and rows.max() > 28


@pytest.mark.parametrize("height, width", [(28, 28), (40, 30), (20, 64)])
def test_no_part_of_a_mark_is_cut_off(height, width, monkeypatch):
    kept = []
    monkeypatch.setattr(
        watermark, "ink_numba", lambda points, *more: kept.append((points, *more)) or np.zeros((0, 9, 9))
    )
    watermark.draw_marks(500, height, width, np.random.default_rng(0))
    points, _, radius = kept[0][:3]
    edge = radius[:, None]
    for axis, n in ((0, width), (1, height)):  # the picture begins at -0.5
        allowed = 0.5 + 0.02 * n
        assert (points[..., axis] - edge).min() > -allowed and (points[..., axis] + edge).max() < n - 1 + allowed
        assert np.ptp(points[..., axis].mean(axis=1)) > 0.25 * (n - 20)


def test_marks_are_words_and_a_sign():
    points, pens, size = watermark.marks()
    assert len(points) == len(watermark.WORDS) + 1
    assert size[-1].tolist() == pytest.approx([1, 1], abs=0.03)  # a circle
    assert (size[:-1, 0] > 2.5).all() and size[:-1, 1] == pytest.approx(1, abs=0.1)
    assert_allclose(points.min(axis=1) + points.max(axis=1), 0, atol=1e-12)
    strokes = (pens[:, :-1] & ~pens[:, 1:]).sum(axis=1)
    assert strokes.tolist() == [1 + 1 + 2 + 3, 2 + 3 + 3 + 3 + 2, 2]


@pytest.mark.oracle
@pytest.mark.parametrize("sigma, height, width", [(0.5, 9, 12), (1.0, 14, 5), (3.0, 8, 8)])
def test_blur_is_scipys(sigma, height, width):
    ndimage = pytest.importorskip("scipy.ndimage")
    x = images(3, height, width, 2, dtype=np.float64)
    sigmas = (0, sigma, sigma, 0)
    radius = int(np.ceil(4 * sigma))
    assert_allclose(
        blur(x, sigma), ndimage.gaussian_filter(x, sigmas, mode="reflect", radius=(0, radius, radius, 0)), atol=1e-12
    )


def test_blur_keeps_the_mean_and_adds_its_noise():
    x = images(50, 20, 20)
    assert_allclose(blur_matrix(7, 2.0).sum(axis=1), 1)
    assert_allclose(blur_matrix(7, 2.0).sum(axis=0), 1)
    assert_allclose(blur(x, 1.5).mean(), x.mean(), rtol=1e-6)
    noise = Blur(1.0, 0.02)(x, np.random.default_rng(0)) - Blur(1.0, 0)(x, np.random.default_rng(0))
    assert noise.std() == pytest.approx(0.02, rel=0.03)


def test_low_resolution_is_means_of_two_by_two():
    x = images(2, 6, 4, 3)
    low = LowResolution()(x, None)
    for i, j in np.ndindex(3, 2):
        block = x[:, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
        means = np.broadcast_to(block.mean(axis=(1, 2), keepdims=True), block.shape)
        assert_allclose(low[:, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2], means, rtol=1e-6)
    assert_array_equal(shrink(enlarge(x)), x)
    with says("LowResolution: expected images of even height and width, got 5 x 4; cut off a row or column."):
        LowResolution()(x[:, :5], None)


def test_masking_is_that_of_the_corruptions():
    x = images(3)
    damaged, mask = with_mask(Masking(0.4), x, np.random.default_rng(3))
    assert_array_equal(damaged, Masking(0.4)(x, np.random.default_rng(3)))
    assert (damaged[mask] == 0).all() and 0.3 < mask.mean() < 0.5


@pytest.mark.parametrize("damage", [MissingBlock, Watermark, Blur])
def test_a_damage_has_the_usual_strength_of_its_task(damage):
    (task,) = (task for task in TASKS.values() if task.damage is damage)
    assert damage().config() == damage(task.strength).config()


@pytest.mark.parametrize(
    "make, text",
    [
        (lambda: MissingBlock(0), "MissingBlock: expected share in (0, 0.5], got 0."),
        (lambda: MissingBlock(0.6), "MissingBlock: expected share in (0, 0.5], got 0.6."),
        (lambda: Watermark(1.5), "Watermark: expected opacity in (0, 1], got 1.5."),
        (lambda: Blur(0), "Blur: expected sigma in (0, inf), got 0."),
        (lambda: Blur(1, -1), "Blur: expected noise in [0, inf), got -1."),
        (
            lambda: damage_for("restore", "denoize"),
            "restore: expected task to be one of denoise, salt-and-pepper, masking, inpaint, watermark, deblur, "
            "superres, got 'denoize' (did you mean 'denoise'?).",
        ),
        (
            lambda: damage_for("restore", "superres", 2.0),
            "restore: expected no strength for task superres, got 2.0.",
        ),
    ],
)
def test_damages_that_there_are_not(make, text):
    with says(text):
        make()


# --- missing pixels


def test_files_show_missing_pixels_in_grey():
    x = np.round(255 * images(3, 12, 12, 3)).astype(np.uint8)
    x[x == 128] = 127
    x[0, 0, 0] = [128, 128, 127]  # nearly
    mask = np.zeros(x.shape, bool)
    mask[:, 3:6, 4:8] = True
    marked = np.where(mask, MISSING, x / np.float32(255)).astype(np.float32)
    file = np.round(255 * painted(marked)).astype(np.uint8)
    assert (file[mask] == 128).all() and PAINT * 255 == 128
    assert_array_equal(missing_in_files(file / np.float32(255)), marked)
    assert_array_equal(as_inputs("inpaint", file / np.float32(255)), marked)


def test_a_guess_says_where_it_is_one():
    x = images(4, channels=3)
    damaged, mask = draw("inpaint", x)
    assert_array_equal(damaged < 0, mask)
    assert_allclose(damaged[mask] + 2, inpaint_biharmonic(x, mask)[mask], atol=1e-6)
    assert_array_equal(damaged, guess(np.where(mask, np.float32(MISSING), x)))
    assert_array_equal(damaged, guess(damaged))  # a guess plays no part in the next one


# --- classical methods


@pytest.mark.oracle
@pytest.mark.parametrize("size", [3, 5])
def test_median_filter_is_scipys(size):
    ndimage = pytest.importorskip("scipy.ndimage")
    x = np.random.default_rng(0).random((3, 7, 9, 2))
    assert_array_equal(classical.median_filter(x, size), ndimage.median_filter(x, (1, size, size, 1), mode="nearest"))


def test_trimmed_median_by_hand():
    x = np.full((1, 4, 5, 1), 0.5)
    x[0, :3, :3, 0] = [[0.1, 1, 0.2], [0, 0, 0.4], [0.3, 1, 0.9]]
    x[0, 2:, 3:] = 1
    made = classical.trimmed_median(x)
    assert made[0, 1, 1, 0] == pytest.approx(0.3)  # of 0.1, 0.2, 0.3, 0.4, 0.9
    assert made[0, 0, 1, 0] == pytest.approx(0.2)  # of 0.1, 0.1, 0.2, 0.2, 0.4: the edge is repeated
    assert made[0, 2, 3, 0] == pytest.approx(0.5)  # of 0.4, 0.5, 0.5, 0.5, 0.9
    assert made[0, 3, 4, 0] == 1  # nothing sound around it
    sound = (x != 0) & (x != 1)
    assert_array_equal(made[sound], x[sound])
    noisy = np.array([[0.25, 0.0, 0.75]]).reshape(1, 1, 3, 1)
    assert classical.trimmed_median(noisy)[0, 0, 1, 0] == pytest.approx(0.5)  # of an even number
    assert classical.trimmed_median(noisy, 0.25, 0.75)[0, 0, :, 0].tolist() == [0, 0, 0]


@pytest.mark.oracle
def test_lees_filter_is_scipys():
    signal = pytest.importorskip("scipy.signal")
    x = images(2, 12, 13) + 0.1 * np.random.default_rng(0).normal(size=(2, 12, 13, 1))
    want = np.stack([signal.wiener(image[..., 0], 3, 0.1**2) for image in x])[..., None]
    inside = (slice(None), slice(1, -1), slice(1, -1))  # SciPy takes zeros beyond the edge
    assert_allclose(classical.local_wiener(x, 0.1)[inside], want[inside], atol=1e-7)


@pytest.mark.oracle
def test_unsharp_mask_is_scikit_images():
    filters = pytest.importorskip("skimage.filters")
    x = images(2, 15, 12, 3, dtype=np.float64)
    planes = [[filters.unsharp_mask(image[..., c].copy(), 1.0, 1.5) for c in range(3)] for image in x]
    assert_allclose(classical.unsharp_mask(x, 1.0, 1.5), np.moveaxis(planes, 1, -1), atol=1e-10)


@pytest.mark.oracle
def test_cosines_are_scipys():
    fft = pytest.importorskip("scipy.fft")
    x = np.random.default_rng(0).normal(size=9)
    assert_allclose(classical.cosine_basis(9) @ x, fft.dct(x, norm="ortho"))


def test_wiener_filter_undoes_a_blur_without_noise():
    x = images(3, 11, 14, 3, dtype=np.float64)
    assert_allclose(classical.wiener_deconvolution(blur(x, 0.8), 0.8, 0.0), x, atol=1e-9)
    noisy = Blur(1.0, 0.03)(x, np.random.default_rng(0))
    psnr = [image_psnr(x, classical.wiener_deconvolution(noisy, 1.0, b)).mean() for b in (0.0, 0.01, 10.0)]
    assert psnr[1] > max(psnr[0], psnr[2])


@pytest.mark.oracle
def test_bicubic_is_pillows_and_keeps_what_is_flat():
    image = pytest.importorskip("PIL.Image")
    x = images(2, 6, 5, 3)
    large = classical.bicubic(x)
    assert large.shape == (2, 12, 10, 3) and large.dtype == np.float32
    plane = np.asarray(image.fromarray(x[1, ..., 2]).resize((10, 12), image.Resampling.BICUBIC))
    assert_array_equal(large[1, ..., 2], np.clip(plane, 0, 1))
    assert_allclose(classical.bicubic(np.full((1, 4, 4, 1), 0.3)), 0.3, rtol=1e-6)


def test_mean_of_the_border_by_hand():
    x = np.arange(20, dtype=np.float64).reshape(1, 4, 5, 1) / 20
    mask = np.zeros(x.shape, bool)
    mask[0, 1:3, 0] = True  # at the edge; touched by 0, 1, 6, 11, 15, 16
    filled = classical.border_mean(x, mask)
    assert_allclose(filled[mask], (0 + 1 + 6 + 11 + 15 + 16) / 6 / 20)
    assert_array_equal(filled[~mask], x[~mask])


HOLES = {
    "inside": np.s_[4:8, 5:9], "corner": np.s_[:3, :4], "edge": np.s_[6:, 3:6], "row": np.s_[5, :],
    "few": np.s_[::3, ::2],
}  # fmt: skip


@pytest.mark.oracle
@pytest.mark.parametrize("hole", HOLES.values(), ids=HOLES)
def test_biharmonic_inpainting_is_scikit_images(hole):
    theirs = pytest.importorskip("skimage.restoration")
    x = images(2, 11, 12, 2, dtype=np.float64)
    mask = np.zeros(x.shape, bool)
    mask[(slice(None), *hole)] = True
    known, holes = np.where(mask, 0, x).copy("C"), mask[0, ..., 0].copy()
    want = np.stack([theirs.inpaint_biharmonic(image, holes, channel_axis=-1) for image in known])
    assert_allclose(inpaint_biharmonic(x, mask), want, atol=1e-8)


def test_biharmonic_inpainting_continues_a_slope_and_takes_each_channel_by_itself():
    y, x = np.mgrid[:10, :9] / 20
    plane = np.stack([y + x, 0.9 - x], axis=-1)[None]
    mask = np.zeros(plane.shape, bool)
    mask[0, 3:6, 3:7, 0] = mask[0, 5:8, 2:5, 1] = True
    filled = inpaint_biharmonic(np.where(mask, 7.0, plane), mask)
    assert_allclose(filled, plane, atol=1e-12)
    nothing_known = np.ones(plane.shape, bool)
    assert_array_equal(inpaint_biharmonic(plane, nothing_known), plane)


@pytest.mark.oracle
def test_large_images_go_to_scikit_image(monkeypatch):
    pytest.importorskip("skimage")
    x = images(1, 12, 10, 3)
    mask = with_mask(MissingBlock(), x, np.random.default_rng(0))[1]
    mine = inpaint_biharmonic(x, mask)
    monkeypatch.setattr(biharmonic, "LARGEST", 100)
    assert_allclose(inpaint_biharmonic(x, mask), mine, atol=1e-6)
    monkeypatch.setitem(sys.modules, "skimage.restoration", None)
    with says(
        "inpaint_biharmonic: expected scikit-image for images above 100 pixels, got none: pip install 'tinyae[images]'."
    ):
        inpaint_biharmonic(x, mask)


@EVERY
def test_the_best_classical_method_restores(task):
    x = images(8, 20, 20, dtype=np.float64)
    damage = damage_for("test", task)
    damaged, mask = with_mask(damage, x, np.random.default_rng(0))
    tuning = x[:4], with_mask(damage, x[:4], np.random.default_rng(1))[0]
    methods = TASKS[task].classical(damage, damaged, mask, tuning)
    assert all(made.shape == x.shape and made.min() >= 0 and made.max() <= 1 for made in methods.values())
    best = max(image_psnr(x, made).mean() for made in methods.values())
    assert best > image_psnr(x, painted(damaged)).mean() + 0.5


def test_the_trimmed_median_is_told_the_ends_of_the_noise():
    x = 0.5 * images(5)
    damage = SaltAndPepper(0.2, 0.1, 0.6)
    damaged = damage(x, np.random.default_rng(0))
    made = TASKS["salt-and-pepper"].classical(damage, damaged, None, None)["trimmed median"]
    assert_array_equal(made, classical.trimmed_median(damaged, 0.1, 0.6))
    assert image_psnr(x, made).mean() > image_psnr(x, damaged).mean() + 6


def test_filters_are_tuned_on_the_tuning_images():
    x = images(10, 20, 20, dtype=np.float64)
    soft, noisy = (Blur(1.0, noise)(x, np.random.default_rng(0)) for noise in (0.001, 0.1))
    best = [tasks._best(classical.wiener_deconvolution, 1.0, tasks.BALANCES, (x, blurred)) for blurred in (soft, noisy)]
    assert best[0] < best[1]


# --- the net


@pytest.mark.parametrize("shape, depth", [((9, 7, 1), 2), ((8, 11, 3), 5)])
def test_a_new_net_is_the_identity(shape, depth):
    x = np.random.default_rng(0).random((3, *shape)).astype(np.float32)
    net = restoration_net(shape, 12, depth, seed=4)
    assert_array_equal(net.reconstruct(x), x)
    assert len(net.encoder.layers) + len(net.decoder.layers) == depth + 1
    other = restoration_net(shape, 12, depth, seed=5)
    assert (net.theta != other.theta).mean() > 0.1  # the other maps are drawn


def test_a_new_net_for_holes_gives_the_first_guess():
    x = images(5, channels=3)
    damaged, mask = draw("inpaint", x)
    net = restoration_net(x.shape[1:], 12, 3, guessed=True)
    assert_allclose(net.reconstruct(damaged), inpaint_biharmonic(x, mask), atol=1e-6)
    assert_allclose(restore(net, np.where(mask, np.float32(MISSING), x)), inpaint_biharmonic(x, mask), atol=1e-6)


def test_nets_that_there_are_not():
    with says("restoration_net: expected more than 3 filters for images of 3 channels, got 3."):
        restoration_net((8, 8, 3), filters=3)
    with says("restoration_net: expected more than 3 filters for images of 1 channels, got 2."):
        restoration_net((8, 8, 1), filters=2, guessed=True)
    with says("restoration_net: expected depth to be a whole number >= 2, got 1."):
        restoration_net((8, 8, 1), depth=1)
    with pytest.raises(ValueError, match=r"restoration_net: expected images \(height, width, channels\)"):
        restoration_net(784)


@pytest.mark.parametrize("task", TASKS)
def test_a_trained_net_is_above_the_damaged_images(task):
    x, test = images(160, 14, 14, seed=1), images(30, 14, 14, seed=2)
    damage = damage_for("test", task)
    net = restoration_net((14, 14, 1), 8, **TASKS[task].net, corruption=damage)
    damaged = draw(task, test)[0]
    before = image_psnr(test, restore(net, damaged)).mean()
    net.fit(x, epochs=4, batch_size=8, optimizer=Adam(4e-3), progress=False, threads=1)
    after = image_psnr(test, restore(net, damaged)).mean()
    assert after > image_psnr(test, painted(damaged)).mean() + 1
    assert after > before + 0.2 or task == "inpaint"  # which begins with the biharmonic guess


def a_net(shape=(8, 8, 1), seed=0, depth=3, filters=6):
    """A net whose every weight counts."""
    net = restoration_net(shape, filters, depth)
    net.theta[:] += 0.1 * np.random.default_rng(seed).normal(size=net.theta.size)
    return net


def test_a_net_takes_other_sizes():
    net = a_net((10, 9, 1))
    taller = at_size(net, (14, 9, 1))
    x = np.random.default_rng(0).random((2, 14, 9, 1)).astype(np.float32)
    assert taller.input_shape == (14, 9, 1) and at_size(net, (10, 9, 1)) is net
    cut = x[:, 2:12]  # its two middle rows are as far from the cuts as the net sees
    assert_allclose(taller.reconstruct(x)[:, 6:8], net.reconstruct(cut)[:, 4:6], atol=1e-6)
    assert np.abs(taller.reconstruct(x)[:, 5] - net.reconstruct(cut)[:, 3]).max() > 1e-4
    assert reach(net) == 4


def test_tiles_give_the_same_picture():
    net = a_net()
    x = np.random.default_rng(0).random((2, 23, 31, 1)).astype(np.float32)
    assert_allclose(restore(net, x, tile=9), restore(net, x), atol=1e-6)
    holes = draw("inpaint", x)[0]
    assert_allclose(restore(net, holes, tile=10), restore(net, holes), atol=1e-6)


def test_a_net_with_one_size_says_so():
    dense = Autoencoder([Flatten(), Dense(5)], [Dense(48), Reshape((6, 8, 1))], loss="mse", input_shape=(6, 8, 1))
    x = np.zeros((2, 6, 8, 1), np.float32)
    assert restore(dense, x).shape == x.shape and reach(dense) is None
    with says("restore: expected images of 6x8x1, got 8x8x1; this net has layers that take one size only."):
        restore(dense, np.zeros((2, 8, 8, 1), np.float32))
    strided = Autoencoder([Conv2D(2, 3, 2)], [Conv2D(2, 3), Conv2D(1, 1)], input_shape=(1, 1, 1), loss=MSE())
    assert reach(strided) is None
    wide = Autoencoder([Conv2D(2, (3, 7))], [Conv2D(1, 5, activation="relu")], input_shape=(9, 9, 1), loss=MSE())
    assert reach(wide) == 3 + 2
    rows = Autoencoder([Dense(2)], [Dense(3)], loss="mse", input_shape=3)
    with says("restore: expected a net for images, got one for (3,)."):
        restore(rows, x)
    with says("restore: expected a net for images, got one for (3,)."):
        restore(rows, np.zeros((2, 3)))


def test_known_pixels_stay_as_they_are():
    x = images(3)
    damaged, mask = draw("inpaint", x)
    net = a_net(x.shape[1:])
    made = restore(net, damaged)
    assert np.abs(made - restore(net, x))[mask].max() > 0.01 and not np.array_equal(restore(net, x), x)
    assert_array_equal(made[~mask], x[~mask])
    assert made.min() >= 0 and made.max() <= 1


@pytest.mark.parametrize(
    "x, text",
    [
        (np.zeros((2, 8, 8, 3)), "restore: expected grey images (1 channel), as the net was trained on, got colour "
         "images (3 channels)."),
        (np.zeros((8, 8, 1)), "restore: expected images of shape (N, H, W, 1), got (8, 8, 1)."),
        (np.full((1, 8, 8, 1), 200, np.uint8), "restore: expected images scaled to [0, 1], got uint8 numbers up to "
         "200; use images / 255."),
        (np.full((1, 8, 8, 1), np.nan), "restore: expected finite numbers in images, got 64 NaN or infinite, the first "
         "at index (0, 0, 0, 0); remove or fill them."),
    ],
)  # fmt: skip
def test_images_that_no_net_restores(x, text):
    with says(text):
        restore(a_net(), x)


def test_a_net_cuts_to_the_range_of_pixels():
    net = a_net()
    net.decoder.layers[-1].params["b"][:] = 3
    assert (restore(net, images(2, 8, 8)) == 1).all()


def test_small_pictures_are_enlarged_for_superres():
    x = images(2, 4, 5)
    assert_array_equal(as_inputs("superres", x), enlarge(x))
    assert_array_equal(as_inputs("denoise", x), x)


# --- scores


def test_psnr_is_that_of_the_analysis():
    x, y = images(5), images(5, seed=1)
    assert image_psnr(x, y).mean() == pytest.approx(analysis.psnr(x, y), rel=1e-9)
    by_hand = 10 * np.log10(1 / np.mean((x[2].astype(float) - y[2]) ** 2))
    assert image_psnr(x, y)[2] == pytest.approx(by_hand)


def test_nothing_counts_as_better_than_bytes():
    x = np.random.default_rng(0).random((20, 40, 40, 1))
    assert (image_psnr(x, x) == BEST_PSNR).all()
    assert analysis.psnr(x, np.round(x * 255) / 255) == pytest.approx(BEST_PSNR, abs=0.05)  # where it comes from


def test_psnr_of_nothing_or_of_other_shapes():
    with says("image_psnr: expected at least one image, got none."):
        image_psnr(np.zeros((0, 3, 3, 1)), np.zeros((0, 3, 3, 1)))
    with says("image_psnr: expected restored of shape (2, 3, 3, 1), got (2, 3, 4, 1)."):
        image_psnr(np.zeros((2, 3, 3, 1)), np.zeros((2, 3, 4, 1)))


def test_ssim_is_an_extra(monkeypatch):
    x = images(3)
    monkeypatch.setitem(sys.modules, "skimage.metrics", None)
    assert image_ssim(x, x) is None
    assert scores(x, x) == {"psnr": pytest.approx(BEST_PSNR), "ssim": None}


@pytest.mark.oracle
def test_ssim_is_scikit_images():
    metrics = pytest.importorskip("skimage.metrics")
    x, y = images(3, channels=3), images(3, channels=3, seed=1)
    want = [metrics.structural_similarity(a, b, data_range=1.0, channel_axis=-1) for a, b in zip(x, y, strict=True)]
    assert_allclose(image_ssim(x, y), want, rtol=1e-5)
    assert image_ssim(x, x).tolist() == pytest.approx([1, 1, 1])
    assert image_ssim(x[:, :6], y[:, :6]) is None


def test_the_corruptions_are_among_the_tasks():
    made = {type(damage_for("test", task)) for task in TASKS}
    assert set(CORRUPTIONS.values()) <= made and len(made) == len(TASKS)
    assert set(restoration.__all__) <= set(vars(restoration))

"""The published numbers of MNIST: they prove data, split and metric. Needs the files in $TINYAE_DATA_DIR."""

import os

import numpy as np
import pytest

from tinyae import Adam, Cosine, analysis, fit_stack, unroll
from tinyae.datasets import load_mnist

DATA_DIR = os.environ.get("TINYAE_DATA_DIR")
pytestmark = [pytest.mark.realdata, pytest.mark.skipif(not DATA_DIR, reason="$TINYAE_DATA_DIR is not set")]


@pytest.fixture(scope="module")
def data():
    return load_mnist(DATA_DIR)


@pytest.fixture(scope="module")
def pca(data):
    """Thirty components; the first two of them are those of PCA-2."""
    return analysis.PCA(data.x_train, 30)


def pca_error(data, pca, k):
    components = pca.components[:, :k].astype(np.float32)
    mean = pca.mean.astype(np.float32)
    return analysis.squared_error(data.x_test, (data.x_test - mean) @ components @ components.T + mean)


def test_pca_errors(data, pca):
    assert pca_error(data, pca, 2) == pytest.approx(43.645, abs=0.01)
    assert analysis.squared_error(data.x_test, pca.reconstruct(data.x_test)) == pytest.approx(13.866, abs=0.005)
    assert pca_error(data, pca, 30) == pytest.approx(13.866, abs=0.005)


def test_mean_image(data):
    mean = np.broadcast_to(data.x_train.mean(axis=0, dtype=np.float64), data.x_test.shape)
    assert analysis.squared_error(data.x_test, mean) == pytest.approx(52.897, abs=0.001)


def test_cross_entropy_floor(data):
    assert analysis.bce_floor(data.x_test) / 784 == pytest.approx(0.05808, abs=1e-5)


def test_baselines_of_fit_are_these(data, pca):
    known = analysis.baselines(data.x_train[:5000], data.x_test, 2)
    assert known["floor"] == 0 and pca_error(data, pca, 2) < known["pca"] < 45 < known["mean_image"] < 54


def test_two_thousand_images_beat_pca_of_sixty_thousand(data):
    x = data.x_train[:2000]
    rbms, _ = fit_stack(x, (128, 64, 2), epochs=5, batch_size=25, threads=1, progress=False)
    model = unroll(rbms)
    optimizer = Adam(lr=Cosine(6e-3, warmup=0.05), beta2=0.99)
    model.fit(x, epochs=20, batch_size=50, optimizer=optimizer, threads=1, progress=False)
    assert model.evaluate(data.x_test)["squared_error"] < 41

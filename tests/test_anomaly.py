"""The anomaly detector: thresholds on paper, curves beside scikit-learn, what is found, what a file keeps."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal
from test_checks import says

from tinyae.analysis import PCA
from tinyae.applications import anomaly
from tinyae.applications.anomaly.columns import RobustScaling
from tinyae.applications.anomaly.combining import Combining
from tinyae.applications.anomaly.fitting import auto_code_size, training_plan
from tinyae.applications.anomaly.thresholds import shape_limit, symmetric_power
from tinyae.applications.anomaly.weighing import RIDGE, Weighing
from tinyae.checks import UsageError

SCORES = np.array([5.0, 1.0, 2.0, 4.0, 3.0, 9.0, 8.0, 7.0, 6.0, 10.0])


@pytest.fixture(scope="module")
def planted():
    """(300, 6), near a plane, with ten rows beside it, each wrong in one column by many deviations."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 2)) @ rng.normal(size=(2, 6)) + 0.1 * rng.normal(size=(300, 6))
    wrong, columns = np.arange(10), np.arange(10) % 6
    x[wrong, columns] += 5 * x.std(axis=0)[columns]
    return x, np.arange(300) < 10, columns


@pytest.fixture(scope="module")
def detector(planted):
    return anomaly.fit_detector(planted[0], seed=0, threads=1)


# -- thresholds -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "rule, how, found",
    [
        ("quantile", {"contamination": 0.2}, {9, 10}),
        ("quantile", {"contamination": 0.5}, {6, 7, 8, 9, 10}),
        ("deviations", {"k": 1}, {9, 10}),  # mean 5.5, standard deviation 2.87
        ("budget", {"alarms": 3}, {8, 9, 10}),
        ("budget", {"alarms": 3, "per": 30}, {10}),
        ("budget", {"alarms": 0}, set()),
        ("best-f1", {"labels": SCORES >= 7}, {7, 8, 9, 10}),
        ("best-f1", {"labels": np.isin(SCORES, (10, 8))}, {8, 9, 10}),  # F1 4/5; of 10 alone 2/3
    ],
)
def test_rules_on_paper(rule, how, found):
    threshold = anomaly.by_rule(rule, SCORES, **how)
    assert set(SCORES[threshold.alarms(SCORES)]) == found
    assert (threshold.rule, threshold.expected, threshold.n) == (rule, len(found), 10)
    assert threshold.rate == len(found) / 10 and f"{len(found)} of 10" in str(threshold)


def test_f1_is_that_of_the_alarms():
    assert "(0.800)" in anomaly.by_f1(SCORES, np.isin(SCORES, (10, 8))).words  # 2 of 2 found by 3 alarms


def test_ties_give_fewer_alarms_never_more():
    assert anomaly.by_quantile([1, 2, 2, 2], 0.25).expected == 0
    assert anomaly.by_budget([1, 2, 2, 3], 2).expected == 1


@given(arrays(float, st.integers(1, 30), elements=st.floats(0, 1e6)), st.floats(0, 30))
def test_a_budget_is_kept(scores, alarms):
    alarms = min(alarms, len(scores))
    assert anomaly.by_budget(scores, alarms).expected <= alarms + 1e-6


def test_the_power_that_makes_quartiles_symmetric():
    assert symmetric_power(1 / 8, 27 / 8) == 1 / 3  # cube roots 1/2, 3/2
    assert symmetric_power(0.5, 1.2) == 1 / 3  # a longer tail below
    assert symmetric_power(0.5, 2.0) == symmetric_power(0.5, 5.0) == 0  # logarithms
    assert symmetric_power(0.5625, 1.5625) == 1 / 3
    assert symmetric_power(0.75**5, 1.25**5) == pytest.approx(1 / 5, rel=1e-6)


@pytest.mark.parametrize("scale", [1e-8, 1, 1e8])
def test_the_threshold_by_shape_knows_no_unit(scale, rng):
    e = np.square(rng.normal(size=(20_000, 6))).mean(axis=1)
    assert shape_limit(scale * e) == pytest.approx(scale * shape_limit(e), rel=1e-9)
    assert 0.0001 < (e > shape_limit(e)).mean() < 0.003
    long = np.exp(rng.normal(size=20_000))  # lognormal: three standard deviations of the logarithm
    assert shape_limit(long) == pytest.approx(np.exp(3), rel=0.15)


def test_shape_of_scores_that_are_mostly_0():
    assert shape_limit(np.array([0, 0, 0, 1.0])) == 0 and shape_limit(np.ones(5)) == 1


@pytest.mark.parametrize(
    "rule, scores, how, text",
    [
        ("quantile", SCORES, {"contamination": 0.6}, "threshold: expected contamination in (0, 0.5], got 0.6."),
        ("deviations", SCORES, {"k": -1}, "threshold: expected k "),
        ("budget", SCORES, {"alarms": 11}, "threshold: expected alarms "),
        ("shape", -SCORES, {}, "expected scores >= 0 for the rule shape, got -10; use another rule."),
        ("best-f1", SCORES, {"labels": np.zeros(10)}, "expected both normal rows and anomalies among the labels"),
        ("best-f1", SCORES, {"labels": np.arange(10)}, "expected labels 0 (normal) and 1 (anomaly), got"),
        ("quantile", [], {}, "threshold: expected at least one score, got none."),
        ("quantile", [1, np.nan], {}, "threshold: "),
        ("quantil", SCORES, {}, "(did you mean 'quantile'?)"),
    ],
)
def test_rules_refuse(rule, scores, how, text):
    with pytest.raises(UsageError) as caught:
        anomaly.by_rule(rule, scores, **how)
    assert text in str(caught.value) and "\n" not in str(caught.value)


# -- curves ---------------------------------------------------------------------------------------------------


def test_auroc_on_paper():
    assert anomaly.auroc([0, 0, 1, 1], [1, 3, 2, 4]) == 0.75
    assert anomaly.auroc([0, 1], [1, 1]) == 0.5
    assert anomaly.average_precision([0, 1, 0, 1], [1, 2, 3, 4]) == pytest.approx((1 + 2 / 3) / 2)


@pytest.mark.oracle
@settings(max_examples=20)
@given(st.integers(0, 10_000))
def test_curves_beside_scikit_learn(seed):
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(seed)
    labels = np.append([0, 1], rng.integers(0, 2, 30))
    scores = rng.integers(0, 12, 32).astype(float)  # many ties
    assert anomaly.auroc(labels, scores) == pytest.approx(metrics.roc_auc_score(labels, scores))
    assert anomaly.average_precision(labels, scores) == pytest.approx(metrics.average_precision_score(labels, scores))
    ours, theirs = anomaly.roc_curve(labels, scores), metrics.roc_curve(labels, scores, drop_intermediate=False)
    for a, b in zip(ours, theirs, strict=True):
        assert_allclose(a, b)


# -- scaling, weighing, blame ---------------------------------------------------------------------------------


def test_robust_scaling_hardly_sees_a_wrong_cell_and_is_undone(rng):
    x = rng.normal(3, 2, (500, 3))
    x[0] = 1e9, -1e9, np.nextafter(3, 4)
    x[:, 2] = np.where(rng.uniform(size=500) < 0.1, 1.0, 0.0)  # a rare yes: the quartiles coincide
    scaling = RobustScaling(x)
    assert_allclose(scaling.shift[:2], 3, atol=0.4)
    assert_allclose(scaling.width[:2], 2, rtol=0.15)
    z = scaling.apply(x)
    assert np.abs(z).max() < 30 and z[0, 0] == z[:, 0].max()
    assert_allclose(scaling.undo(z), x, rtol=1e-9, atol=1e-9)
    assert_array_equal(RobustScaling(np.full((5, 2), 7.0)).apply(np.full((1, 2), 8.0)), [[1, 1]])


@pytest.mark.parametrize("n_columns", [5, 1030])
def test_weighing_makes_directions_equal(n_columns, rng):
    e = rng.normal(size=(400, n_columns)) * np.linspace(0.5, 3, n_columns) + 4
    weighing = Weighing(e)
    assert weighing.matrix.ndim == (2 if n_columns == 5 else 1)
    spread = np.square(e - e.mean(axis=0)).mean(axis=0)
    assert_allclose(weighing.centre, e.mean(axis=0))
    if n_columns == 5:
        covariance = np.cov(e, rowvar=False, bias=True)
        inverse = np.linalg.inv(covariance + RIDGE * np.trace(covariance) / 5 * np.eye(5))
        c = e - e.mean(axis=0)
        assert_allclose(weighing.squares(e).sum(axis=1), np.einsum("ni,ij,nj->n", c, inverse, c))  # Mahalanobis
    else:
        assert_allclose(weighing.squares(e).mean(axis=0), spread / (spread + RIDGE * spread.mean()))


def test_the_weighed_score_counts_beyond_twice_the_usual(rng):
    x = rng.normal(3, 2, (10, 2))
    weighed = np.repeat([[1.0, 3.0]], 10, axis=0)  # a usual row has 2
    weighed[9] = 8, 4  # three times as much
    combining = Combining(x, 1, weighed)
    assert combining.usual[1] == 2
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    assert_allclose(combining.plain(x), np.square(z - PCA(z, 1).reconstruct(z)))
    plain = combining.plain(x) / np.sort(combining.plain(x).mean(axis=1))[:8].mean()
    errors = combining.errors(x, weighed)
    assert_allclose(errors[:9], plain[:9])
    assert_allclose(errors[9], plain[9] + np.array([8, 4]) / 2 / 3)  # of 3 times the usual, 1 is beyond 2
    assert_allclose(Combining(np.ones((4, 2)), 1, np.zeros((4, 2))).errors(np.ones((1, 2)), np.ones((1, 2))), 0)


def test_the_order_of_principal_components_holds_among_usual_rows(planted, detector):
    x = planted[0]
    scores, plain = detector.scores(x), anomaly.PlainBaseline(x, detector.code_size, True).scores(x)
    assert (scores >= plain / 6 / detector.combining.usual[0] - 1e-9).all()
    same = np.isclose(scores, plain / 6 / detector.combining.usual[0])
    assert 0.7 < same.mean() < 1 and not same[:10].any()


def test_columns_to_blame():
    errors = np.array([[1, 5, 3, 0.0], [0, 0, 0, 2]])
    assert_array_equal(anomaly.most_to_blame(errors, 2)[0], [1, 2])
    assert anomaly.most_to_blame(errors, 9).shape == (2, 4) and anomaly.most_to_blame(errors, 1)[1, 0] == 3


# -- the detector ---------------------------------------------------------------------------------------------


def test_planted_rows_and_their_columns_are_found(planted, detector):
    x, wrong, columns = planted
    scores = detector.scores(x)
    assert anomaly.auroc(wrong, scores) > 0.999
    errors, expected = detector.explain(x)
    assert (anomaly.most_to_blame(errors[:10], 1)[:, 0] == columns).mean() >= 0.8
    assert_allclose(scores, errors.mean(axis=1))
    assert_array_equal(errors, detector.feature_errors(x))
    assert_array_equal(expected, detector.reconstruct(x))
    assert errors.min() >= 0 and 0.5 < np.median(scores) < 1.5
    assert np.abs(expected - x)[10:].mean() < 0.5 * x.std()


def test_units_of_columns_do_not_matter(planted, detector):
    x = planted[0]
    other = x * [1, 1e6, 1e-6, 2, 3, 4] + [0, 1e6, 0, -3, 7, 0]
    scores = anomaly.fit_detector(other, seed=0, threads=1).scores(other)
    assert_allclose(scores, detector.scores(x), rtol=0.02)


def test_auto_settings():
    assert [auto_code_size(n) for n in (1, 4, 5, 128, 784)] == [1, 1, 2, 32, 32]
    assert training_plan("me", 320) == {"epochs": 60, "batch_size": 32}
    assert training_plan("me", 100_000) == {"epochs": 3, "batch_size": 100}
    assert training_plan("me", 10, epochs=0, batch_size=4) == {"epochs": 0, "batch_size": 4}


def test_a_file_keeps_scores_threshold_and_preprocessing(planted, detector, tmp_path):
    x = planted[0]
    detector.threshold, detector.preprocessing = anomaly.by_quantile(detector.scores(x), 0.03), {"a": [1]}
    anomaly.save(detector, tmp_path / "d.npz")
    back = anomaly.load(tmp_path / "d.npz")
    for a, b in zip(detector.explain(x), back.explain(x), strict=True):
        assert_array_equal(a, b)
    assert (back.threshold, back.preprocessing, back.sample_shape) == (detector.threshold, {"a": [1]}, (6,))


@pytest.mark.parametrize("scale", ["none", "standard", "minmax"])
def test_files_of_other_scales(scale, rng, tmp_path):
    x = rng.uniform(size=(40, 4, 3, 1)).astype(np.float32)
    detector = anomaly.fit_detector(x, scale=scale, epochs=1, members=1, threads=1)
    anomaly.save(detector, tmp_path / "d.npz")
    back = anomaly.load(tmp_path / "d.npz")
    assert back.threshold is None and back.feature_errors(x).shape == x.shape
    assert_array_equal(back.scores(x), detector.scores(x))
    if scale == "none":  # plain squared errors
        assert_allclose(detector.feature_errors(x), np.square(detector.reconstruct(x) - x), rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize("damage", ["cut", "theta", "about", "nan", "net", "format"])
def test_damaged_files_are_refused(damage, detector, tmp_path):
    path = tmp_path / "d.npz"
    anomaly.save(detector, path)
    with np.load(path) as file:
        parts = {name: file[name] for name in file.files}
    about = json.loads(str(parts["about"]))
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-200])
    else:
        if damage == "theta":
            parts["theta_0"] = parts["theta_0"][:-1]
        elif damage == "nan":
            parts["row_centre"] = parts["row_centre"] * np.nan
        elif damage == "net":
            parts["architecture"] = parts.pop("about")
        else:
            about |= {"kind": "else"} if damage == "about" else {"format": 99}
            parts["about"] = np.array(json.dumps(about))
        np.savez(path, **parts)
    with pytest.raises(UsageError) as caught:
        anomaly.load(path)
    assert "d.npz" in str(caught.value) and "\n" not in str(caught.value)


def test_what_is_refused(planted, detector):
    x = planted[0]
    with says("fit_detector: expected samples (N, D) or (N, H, W, C), got shape (3,)."):
        anomaly.fit_detector(np.zeros(3))
    with says(
        "fit_detector: expected scale to be one of robust, standard, minmax, none, got 'robst' (did you mean "
        "'robust'?)."
    ):
        anomaly.fit_detector(x, scale="robst")
    with pytest.raises(UsageError, match=r"anomaly: .*6.*got.*5"):
        detector.scores(x[:, :5])
    bad = x.copy()
    bad[3, 2] = np.nan
    for work in (detector.scores, anomaly.fit_detector):
        with pytest.raises(UsageError, match="finite"):
            work(bad)


# -- damage, labels, baselines --------------------------------------------------------------------------------


def test_damage_is_on_so_many_images_alone(rng):
    x = rng.uniform(size=(200, 9)).astype(np.float32)
    images, labels = anomaly.damage(x, seed=1)
    assert labels.sum() == 6 and images.min() >= 0 and images.max() <= 1
    assert_array_equal((images != x).any(axis=1), labels == 1)
    assert_array_equal(images, anomaly.damage(x, seed=1)[0])
    assert (anomaly.damage(x, seed=2)[1] != labels).any()


def test_which_classes_are_normal():
    labels = np.array([0, 1, 1, 2])
    strange, words = anomaly.anomalies_of(labels, ("bad", "Normal", "odd"))
    assert_array_equal(strange, [True, False, False, True])
    assert words == "Normal (by its name)"
    assert anomaly.anomalies_of(labels, ("a", "b", "c"))[1] == "b (the commonest)"
    assert_array_equal(anomaly.anomalies_of(labels, ("a", "b", "c"), ("a", "c"))[0], [False, True, True, False])
    with pytest.raises(UsageError, match="got only normal ones"):
        anomaly.anomalies_of(labels, ("a", "b", "c"), ("a", "b", "c"))
    with pytest.raises(UsageError, match="normal to be one of"):
        anomaly.anomalies_of(labels, ("a", "b", "c"), ("d",))


def test_baselines_on_paper(planted, detector):
    x = planted[0]
    found = {name: method(x) for name, method in anomaly.baselines(detector, x).items()}
    assert list(found) == ["untrained nets", "PCA-2", "distance from the mean"]
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    assert_allclose(found["distance from the mean"], np.square(z).sum(axis=1))
    _, _, v = np.linalg.svd(z, full_matrices=False)
    assert_allclose(found["PCA-2"], np.square(z - z @ v[:2].T @ v[:2]).sum(axis=1), rtol=1e-6)

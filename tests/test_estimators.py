"""The scikit-learn face: its checks, pipelines and searches, and every number beside a formula or scikit-learn's."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from test_checks import says

sklearn = pytest.importorskip("sklearn")

from sklearn.base import clone  # noqa: E402
from sklearn.datasets import load_digits, load_iris  # noqa: E402
from sklearn.decomposition import PCA  # noqa: E402
from sklearn.ensemble import IsolationForest  # noqa: E402
from sklearn.exceptions import NotFittedError  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.metrics import roc_auc_score  # noqa: E402
from sklearn.model_selection import GridSearchCV  # noqa: E402
from sklearn.neural_network import BernoulliRBM  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import MinMaxScaler, StandardScaler  # noqa: E402
from sklearn.utils.estimator_checks import (  # noqa: E402
    check_transformer_get_feature_names_out,
    parametrize_with_checks,
)

from tinyae import BCE, L1, L2, MSE, Cosine, KLSparsity, Linear, Sigmoid, UsageError  # noqa: E402
from tinyae.corruption import Gaussian, Masking, SaltAndPepper  # noqa: E402
from tinyae.estimators import AutoencoderDetector, AutoencoderTransformer, RBMTransformer  # noqa: E402
from tinyae.estimators.detector import offset_by_shape  # noqa: E402

pytestmark = pytest.mark.oracle

EVERY = (AutoencoderTransformer, AutoencoderDetector, RBMTransformer)
NETS = (AutoencoderTransformer, AutoencoderDetector)


def small(kind=AutoencoderTransformer, **settings):
    """An estimator that is fitted in some hundredths of a second."""
    defaults = {"random_state": 0}
    if kind is RBMTransformer:
        defaults |= {"n_components": 6, "n_iter": 3}
    else:
        defaults |= {"hidden_sizes": (8,), "code_size": 3, "epochs": 5}
    return kind(**(defaults | settings))


@pytest.fixture
def table(rng):
    """(60, 5), float64: columns of very different units, of three dimensions and a little noise."""
    x = rng.normal(size=(60, 3)) @ rng.normal(size=(3, 5)) + 0.05 * rng.normal(size=(60, 5))
    return x * [1, 1000, 0.001, 5, 1] + [0, 1e6, 0, -3, 7]


def outputs(estimator, X):
    """What an estimator says about the rows of X, by method."""
    methods = ("transform", "score_samples", "decision_function", "predict", "feature_errors")
    return {name: getattr(estimator, name)(X) for name in methods if hasattr(estimator, name)}


# -- scikit-learn's checks ------------------------------------------------------------------------------------


@parametrize_with_checks(  # some fifty fits each: fewer epochs than usual
    [AutoencoderTransformer(epochs=10), AutoencoderDetector(epochs=10), RBMTransformer(n_iter=5)]
)
def test_scikit_learn_finds_nothing(estimator, check):
    check(estimator)


@pytest.mark.parametrize("kind", [AutoencoderTransformer, RBMTransformer])
def test_names_of_codes(kind, table):
    check_transformer_get_feature_names_out(kind.__name__, small(kind))
    names = small(kind).fit(table).get_feature_names_out()
    assert names[1] == f"{kind.__name__.lower()}1"


def test_codes_as_data_frames(table):
    pandas = pytest.importorskip("pandas")
    codes = small().set_output(transform="pandas").fit_transform(table)
    assert isinstance(codes, pandas.DataFrame) and next(iter(codes)) == "autoencodertransformer0"


@pytest.mark.parametrize("kind", EVERY)
@pytest.mark.parametrize("n", [1, 2, 3])
def test_few_rows_and_constant_columns(kind, n, table):
    X = np.column_stack([table[:n], np.full(n, 1e8 / 3)])
    for values in outputs(small(kind).fit(X), X).values():
        assert np.isfinite(values).all() and len(values) == n


@pytest.mark.parametrize("kind", EVERY)
def test_nothing_is_said_unless_asked(kind, table, capsys):
    small(kind).fit(table)
    assert capsys.readouterr() == ("", "")
    small(kind, verbose=True).fit(table)
    assert "batch" in capsys.readouterr().err


@pytest.mark.parametrize("kind", EVERY)
def test_random_state_settles_everything(kind, table):
    first, same, other = (small(kind, random_state=seed).fit(table) for seed in (1, 1, 2))
    assert_array_equal(first.model_.theta, same.model_.theta)
    assert (first.model_.theta != other.model_.theta).any()
    state = np.random.RandomState(1)
    by_state = small(kind, random_state=state).fit(table)
    assert_array_equal(by_state.model_.theta, first.model_.theta)
    assert (small(kind, random_state=state).fit(table).model_.theta != first.model_.theta).any()  # it went on


@pytest.mark.parametrize("kind", EVERY)
def test_pickled_and_cloned(kind, table):
    fitted = small(kind).fit(table)
    back = pickle.loads(pickle.dumps(fitted))
    for name, values in outputs(fitted, table).items():
        assert_array_equal(getattr(back, name)(table), values)
    assert len(pickle.dumps(fitted)) < 4 * fitted.model_.theta.nbytes + 10_000  # the training data are not in it
    fresh = clone(fitted)
    assert not hasattr(fresh, "model_") and fresh.get_params() == fitted.get_params()
    assert_array_equal(fresh.fit(table).model_.theta, fitted.model_.theta)


@pytest.mark.parametrize("kind", EVERY)
def test_rows_in_two_float_types(kind, table):
    fitted = small(kind).fit(table)
    wide, narrow = outputs(fitted, table), outputs(fitted, table.astype(np.float32))
    for name in wide.keys() - {"predict"}:
        scale = np.abs(wide[name]).max()
        assert wide[name].dtype == np.float64
        assert_allclose(narrow[name], wide[name], atol=0.01 * scale)  # 1e6 + something has few digits in float32
    if hasattr(fitted, "transform"):
        assert narrow["transform"].dtype == np.float32
        assert fitted.model_.theta.dtype == np.float32  # as trained


@pytest.mark.parametrize("kind", EVERY)
def test_unfitted_estimators_say_so(kind, table):
    for name in ("transform", "score_samples", "inverse_transform", "predict", "score"):
        if hasattr(kind, name):
            with pytest.raises(NotFittedError):
                getattr(kind(), name)(table)


# -- scales ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale, scaler", [("standard", StandardScaler()), ("minmax", MinMaxScaler()), (None, None)])
def test_scales_are_scikit_learns(table, scale, scaler):
    fitted, new = small(scale=scale).fit(table), table[:7] + 1
    z = new if scaler is None else scaler.fit(table).transform(new)
    assert_allclose(fitted.scaling_.apply(new), z, rtol=1e-9)
    assert_allclose(fitted.scaling_.undo(z), new, rtol=1e-9)
    assert_allclose(fitted.transform(new), fitted.model_.astype(np.float64).encode(z), rtol=1e-6, atol=1e-9)


def test_large_offsets_cost_no_digits(rng):
    X = rng.normal(size=(50, 4))
    near, far = small().fit(X), small().fit(X + 1e9)
    assert_allclose(far.transform(X + 1e9), near.transform(X), atol=1e-3)
    assert near.score(X) == pytest.approx(far.score(X + 1e9), abs=1e-3)


def test_constant_columns_are_not_blown_up(table):
    X = np.column_stack([table, np.full(len(table), 0.1)])  # the mean of sixty 0.1s is not 0.1
    fitted = small().fit(X)
    assert fitted.scaling_.width[-1] == 1 and fitted.scaling_.shift[-1] == 0.1
    assert_array_equal(fitted.scaling_.apply(X)[:, -1], 0)
    assert_allclose(small(scale="minmax").fit(X).scaling_.apply(X)[:, -1], 0)


@pytest.mark.parametrize(
    "settings, output, loss",
    [
        ({}, Linear, MSE),
        ({"scale": "minmax"}, Sigmoid, BCE),
        ({"scale": None}, Linear, MSE),
        ({"scale": "minmax", "loss": "mse"}, Linear, MSE),
        ({"scale": "minmax", "output_activation": "linear"}, Linear, MSE),
        ({"scale": "minmax", "loss": "mse", "output_activation": "sigmoid"}, Sigmoid, MSE),
        ({"output_activation": "sigmoid"}, Sigmoid, MSE),
    ],
)
def test_output_and_loss_fit_the_scale(table, settings, output, loss):
    model = small(**settings).fit(table).model_
    assert isinstance(model.decoder.output_unit or Linear(), output) and isinstance(model.loss, loss)


def test_images_need_no_scale(rng):
    X = rng.uniform(size=(30, 6))
    model = small(scale=None).fit(X).model_
    assert isinstance(model.decoder.output_unit, Sigmoid) and isinstance(model.loss, BCE)
    for other in (X - 0.1, X + 0.1):
        assert isinstance(small(scale=None).fit(other).model_.loss, MSE)
        with pytest.raises(UsageError, match=r"BCE: expected targets in \[0, 1\]"):
            small(scale=None, loss="bce").fit(other)


# -- the transformer ------------------------------------------------------------------------------------------


def test_sizes_of_layers(table):
    for sizes, widths in (((9, 8), [9, 8, 3, 8, 9, 5]), ((), [3, 5]), ([4], [4, 3, 4, 5]), (6, [6, 3, 6, 5])):
        model = small(hidden_sizes=sizes).fit(table).model_
        assert [layer.units for _, layer in model.owners()] == widths


def test_a_linear_net_keeps_what_pca_keeps(table):
    z = StandardScaler().fit_transform(table)
    best = PCA(2).fit(z).explained_variance_ratio_.sum()
    net = small(hidden_sizes=(), code_size=2, epochs=400, learning_rate=Cosine(0.02)).fit(table)
    assert best - 1e-3 < net.score(table) <= best + 1e-6
    assert_allclose(net.inverse_transform(net.transform(table)).mean(axis=0), table.mean(axis=0), rtol=1e-2)


def test_score_is_the_share_of_variance(table):
    net, new = small().fit(table), table[:20] * 1.1
    scaler = StandardScaler().fit(table)
    z, back = scaler.transform(new), scaler.transform(net.inverse_transform(net.transform(new)))
    assert net.score(new) == pytest.approx(1 - np.square(back - z).sum() / np.square(z).sum(), rel=1e-6)
    assert net.score(table) > small(epochs=1).fit(table).score(table)
    net.model_.theta[:] = 0  # gives the mean for every row
    assert net.score(table) == pytest.approx(0, abs=1e-9)
    assert net.score(table.mean(axis=0)[None]) == pytest.approx(1, abs=1e-9)


def test_score_of_data_without_variance():
    X = np.full((5, 2), 3.0)
    net = small().fit(X)
    assert net.score(X) in (0, 1)
    net.model_.theta[:] = 0
    assert net.score(X) == 1
    net.model_.theta[-1] = 1
    assert net.score(X) == 0


def test_score_with_a_scale_that_leaves_the_mean_where_it_is(table):
    net = small(scale="minmax", loss="mse").fit(table)
    z = MinMaxScaler().fit_transform(table)
    back = net.model_.astype(np.float64).reconstruct(z)
    expected = 1 - np.square(back - z).sum() / np.square(z - z.mean(axis=0)).sum()
    assert net.score(table) == pytest.approx(expected, rel=1e-6)


def test_penalties_by_name_and_by_hand(table):
    for penalty, kind in (("l1", L1), ("l2", L2), ("kl", KLSparsity)):
        net = small(penalty=penalty, penalty_weight=0.25, rho=0.2, code_activation="sigmoid").fit(table)
        (layer,) = net.model_.code_penalties
        assert type(layer.what) is kind and layer.what.weight == 0.25
        assert getattr(layer.what, "rho", 0.2) == 0.2
        assert kind.series in net.history_
    net = small(penalty=[L1(0.1), L2(0.2)]).fit(table)
    assert net.model_.series == ["loss", "l1", "l2"]
    strong, none = (small(penalty=p, epochs=50, learning_rate=0.01).fit(table) for p in (L1(10.0), None))
    assert np.abs(strong.transform(table)).mean() < 0.2 * np.abs(none.transform(table)).mean()


def test_k_sparse_codes(table):
    codes = small(code_size=6, k=2).fit(table).transform(table)
    assert codes.shape == (60, 6) and (np.count_nonzero(codes, axis=1) <= 2).all() and codes.any()


def test_corruptions_in_the_range_of_the_data(table):
    def corruption(**settings):
        return small(corruption_level=0.2, **settings).fit(table).model_.corruption

    assert small().fit(table).model_.corruption is None
    gaussian = corruption(corruption="gaussian")
    assert type(gaussian) is Gaussian and (gaussian.sigma, gaussian.low, gaussian.high) == (0.2, None, None)
    gaussian = corruption(corruption="gaussian", scale="minmax")
    assert (gaussian.low, gaussian.high) == (0, 1)
    masking = corruption(corruption="masking")
    assert type(masking) is Masking and masking.share == 0.2
    salt = corruption(corruption="salt-and-pepper")
    z = StandardScaler().fit_transform(table)
    assert type(salt) is SaltAndPepper and salt.share == 0.2
    assert_allclose([salt.low, salt.high], [z.min(), z.max()], rtol=1e-5)
    small(corruption="salt-and-pepper").fit(np.ones((4, 3)))  # nothing to replace a constant with
    seen = []

    def noise(x, rng):
        seen.append(x.shape)
        return x + rng.normal(size=x.shape)

    small(corruption=noise, batch_size=60).fit(table)
    assert seen.count((60, 5)) >= 5  # once an epoch


def test_patience(table):
    long = small(epochs=1000, patience=3, learning_rate=0.05)
    by_training, by_held_out = long.fit(table), clone(long).set_params(validation_split=0.3).fit(table)
    for net, series in ((by_training, "loss"), (by_held_out, "val_loss")):
        losses = net.history_[series]
        assert net.n_iter_ == len(losses) < 1000
        assert np.argmin(losses) == net.n_iter_ - 4  # the best epoch, and three worse ones
    assert "val_loss" not in by_training.history_ and small().fit(table).n_iter_ == 5


def test_threads_give_the_bits_of_their_number(rng):
    X = rng.uniform(size=(800, 100)).astype(np.float32)
    first, same = (small(hidden_sizes=(256,), batch_size=800, epochs=2, threads=2).fit(X) for _ in range(2))
    assert_array_equal(first.transform(X), same.transform(X))
    alone = clone(first).set_params(threads=1).fit(X)
    assert_allclose(alone.transform(X), first.transform(X), atol=1e-4)
    assert (alone.model_.theta != first.model_.theta).any()  # sums in another order


def test_in_a_pipeline_and_a_search(table):
    X, y = load_iris(return_X_y=True)
    pipeline = make_pipeline(small(epochs=40, learning_rate=0.01), LogisticRegression())
    assert pipeline.fit(X, y).score(X, y) > 0.9
    search = GridSearchCV(small(epochs=40, learning_rate=0.01), {"code_size": [1, 3], "scale": ["standard"]}, cv=2)
    search.fit(table)
    assert search.best_params_["code_size"] == 3 and search.best_score_ > 0.5  # the table has three dimensions


def test_digits_beside_pca():
    X = load_digits().data[:600] / 16
    net = AutoencoderTransformer((64,), 8, scale=None, epochs=60, random_state=0).fit(X)
    assert net.score(X) > PCA(8).fit(X).explained_variance_ratio_.sum() + 0.05


# -- the detector ---------------------------------------------------------------------------------------------


@pytest.fixture
def strange(rng):
    """(200, 6) on a plane, with eight rows beside it: each is wrong in one column."""
    X = rng.normal(size=(200, 2)) @ rng.normal(size=(2, 6))
    wrong, columns = np.arange(8), np.arange(8) % 6
    X[wrong, columns] += 4 * X.std(axis=0)[columns]
    return X, wrong, columns


def test_detector_finds_what_is_planted(strange):
    X, wrong, columns = strange
    detector = AutoencoderDetector(contamination=0.04, random_state=0).fit(X)
    assert detector.model_.code_size == 2
    assert set(np.flatnonzero(detector.predict(X) == -1)) == set(wrong)
    blamed = detector.feature_errors(X[wrong]).argmax(axis=1)
    assert (blamed == columns).mean() > 0.7
    is_wrong = np.isin(np.arange(200), wrong)
    forest = IsolationForest(random_state=0).fit(X)
    assert roc_auc_score(is_wrong, -detector.score_samples(X)) > roc_auc_score(is_wrong, -forest.score_samples(X))


def test_detector_numbers_hang_together(strange):
    X, _, _ = strange
    detector = small(AutoencoderDetector, contamination=0.1).fit(X)
    errors, scores = detector.feature_errors(X), detector.score_samples(X)
    assert_allclose(errors, detector.detector_.feature_errors(X), rtol=1e-6)
    assert_allclose(scores, -errors.mean(axis=1), rtol=1e-12)
    assert detector.offset_ == pytest.approx(np.percentile(scores, 10))
    assert_allclose(detector.decision_function(X), scores - detector.offset_)
    assert_array_equal(detector.predict(X), np.where(scores >= detector.offset_, 1, -1))
    assert (detector.predict(X) == -1).mean() == pytest.approx(0.1)
    assert_array_equal(clone(detector).fit_predict(X), detector.predict(X))


@pytest.mark.parametrize("linear", [False, True])
def test_plain_errors_are_squares_of_the_nets_mean_residuals(linear, strange):
    X, _, _ = strange
    detector = small(AutoencoderDetector, members=2, linear=linear, weigh=False, scale="standard").fit(X)
    z = StandardScaler().fit_transform(X)
    parts = [net.astype(np.float64).reconstruct(z) for net in detector.detector_.nets]
    if linear:
        pca = PCA(3).fit(z)
        parts.append(pca.inverse_transform(pca.transform(z)))
    assert len(parts) == 2 + linear and detector.model_ is detector.detector_.nets[0]
    assert_allclose(detector.feature_errors(X), np.square(np.mean(parts, axis=0) - z), rtol=1e-5, atol=1e-10)


def test_a_row_at_the_edge_is_an_inlier(table):
    detector = small(AutoencoderDetector, contamination=0.5).fit(table[:3])
    decision = detector.decision_function(table[:3])
    assert np.count_nonzero(decision == 0) == 1  # the offset is the middle row's score
    assert (detector.predict(table[:3]) == -1).sum() == 1


@pytest.mark.parametrize("share", [0.01, 0.25, 0.5])
def test_contamination_is_the_share_called_outliers(strange, share):
    X, _, _ = strange
    assert (small(AutoencoderDetector, contamination=share).fit(X).predict(X) == -1).mean() == share


def test_auto_contamination_takes_the_shape_of_the_errors(strange, rng):
    residuals = rng.normal(size=(200_000, 6))
    errors = np.square(residuals).mean(axis=1)
    share = (-errors < offset_by_shape(-errors)).mean()
    assert 0.0005 < share < 0.003  # 0.00135 above three deviations of a normal distribution
    X, wrong, _ = strange
    detector = AutoencoderDetector(contamination="auto", random_state=0).fit(X)
    assert detector.offset_ == offset_by_shape(detector.score_samples(X))
    found = np.flatnonzero(detector.predict(X) == -1)
    assert set(wrong) <= set(found)
    assert len(found) - len(wrong) <= 16  # of 192 rows exactly on a plane: nothing but the nets' own residuals


def test_auto_offset_on_paper():
    errors = np.array([0.0, 1.0, 8.0, 27.0, 64.0])  # roots 0 to 4: median 2, median deviation 1
    assert offset_by_shape(-errors) == pytest.approx(-((2 + 3 * 1.4826) ** 3))


def test_auto_code_is_a_quarter(rng):
    for n_features, code in ((1, 1), (2, 1), (5, 2), (8, 2), (9, 3), (128, 32), (200, 32)):
        detector = AutoencoderDetector(hidden_sizes=(), epochs=1).fit(rng.normal(size=(3, n_features)))
        assert detector.model_.code_size == code


# -- the machine ----------------------------------------------------------------------------------------------


@pytest.fixture
def bits(rng):
    """(80, 9) of 0 and 1, three patterns with a few bits flipped."""
    patterns = rng.integers(0, 2, (3, 9))
    flips = rng.uniform(size=(80, 9)) < 0.05
    return np.where(flips, 1 - patterns[rng.integers(0, 3, 80)], patterns[rng.integers(0, 3, 80)]).astype(float)


def test_machine_beside_scikit_learns(bits):
    ours = small(RBMTransformer).fit(bits)
    theirs = BernoulliRBM(6, n_iter=1, random_state=0).fit(bits)
    theirs.components_ = ours.components_.astype(np.float64)
    theirs.intercept_hidden_, theirs.intercept_visible_ = ours.intercept_hidden_, ours.intercept_visible_
    assert_allclose(ours.transform(bits), theirs.transform(bits), rtol=1e-6)
    expected = np.zeros(80)
    for i in range(9):  # theirs draws one of these; ours is the sum
        flipped = bits.copy()
        flipped[:, i] = 1 - flipped[:, i]
        expected -= np.logaddexp(0, theirs._free_energy(bits) - theirs._free_energy(flipped))
    assert_allclose(ours.score_samples(bits), expected, rtol=1e-6)
    assert ours.score(bits) == pytest.approx(expected.mean(), rel=1e-6)


def test_machine_learns(bits):
    before, after = (small(RBMTransformer, n_components=12, n_iter=n).fit(bits).score(bits) for n in (1, 100))
    assert after > before + 0.5
    p = bits.mean(axis=0)
    independent = (bits * np.log(p) + (1 - bits) * np.log(1 - p)).sum(axis=1).mean()
    assert after > independent + 0.5


def test_machine_scales_its_rows(bits):
    shifted = bits * [1, 2, 3, 4, 5, 6, 7, 8, 9] - 5
    assert_allclose(
        small(RBMTransformer).fit(shifted).transform(shifted),
        small(RBMTransformer).fit(bits).transform(bits),
        rtol=1e-6,
    )
    with says(
        "fit_rbm: expected x in [0, 1] for Bernoulli visible units, got values from -5 to 4; scale the data or use "
        "visible='gaussian'."
    ):
        small(RBMTransformer, scale=None).fit(shifted)


def test_machine_settings_arrive(bits):
    base = small(RBMTransformer).fit(bits).model_.theta
    for setting in ({"learning_rate": 0.01}, {"batch_size": 7}, {"k": 3}, {"weight_cost": 0.1}, {"n_iter": 4}):
        assert (small(RBMTransformer, **setting).fit(bits).model_.theta != base).any(), setting
    assert len(small(RBMTransformer, n_iter=4).fit(bits).history_) == 4


# -- what is refused ------------------------------------------------------------------------------------------


def by_setting(value):
    """A test's name from the settings that are wrong; the text stays out of it."""
    return "-".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else ""


@pytest.mark.parametrize("kind", NETS)
@pytest.mark.parametrize(
    "settings, text",
    [
        ({"k": 4}, "expected k of at most 3, the size of the code, got 4."),
        ({"k": 0}, "expected k to be a whole number >= 1, got 0."),
        ({"scale": "robst"}, "expected scale to be one of {}standard, minmax, None, got 'robst'"),
        ({"optimizer": "adamm"}, "expected optimizer to be one of {}, got 'adamm' (did you mean 'adam'?)."),
        ({"loss": "mae"}, "expected loss to be one of auto, {}, got 'mae'"),
        (
            {"hidden_activation": "rely"},
            "expected hidden_activation to be one of {}, got 'rely' (did you mean 'relu'?).",
        ),
        ({"code_activation": "x"}, "expected code_activation to be one of {}, got 'x'."),
        ({"output_activation": "x"}, "expected output_activation to be one of auto, {}, got 'x'."),
        ({"penalty": "l3"}, "expected penalty to be one of None, l1, l2, kl, got 'l3'"),
        (
            {"corruption": "salt"},
            "expected corruption to be one of None, gaussian, masking, salt-and-pepper, got 'salt'",
        ),
        ({"hidden_sizes": 2.5}, "expected hidden_sizes to be whole numbers such as (128,), got 2.5."),
        ({"hidden_sizes": (0,)}, "expected each of hidden_sizes to be a whole number >= 1, got 0."),
        ({"code_size": 1.5}, "expected code_size to be a whole number >= 1, got 1.5."),
        (
            {"penalty": "kl"},
            "expected code_activation='sigmoid' with penalty='kl', whose units lie in (0, 1), got 'linear'; set it, or "
            "use penalty='l1'.",
        ),
    ],
    ids=by_setting,
)
def test_settings_of_nets_that_are_refused(kind, settings, text, table):
    begin, _, end = text.partition("{}")
    with pytest.raises(UsageError) as caught:
        small(kind, **settings).fit(table)
    said = str(caught.value)
    assert said.startswith(f"{kind.__name__}: {begin}") and end in said and "\n" not in said


@pytest.mark.parametrize("rho", [0, 1, -0.1, 1.5])
def test_rho_lies_between_0_and_1(rho, table):
    with says(f"KLSparsity: expected rho in (0, 1), got {rho}."):
        small(penalty="kl", rho=rho, code_activation="sigmoid").fit(table)


@pytest.mark.parametrize("share", [0, 0.6, -0.1, "automatic", None])
def test_contamination_lies_between_0_and_a_half(share, table):
    with says(f'AutoencoderDetector: expected contamination other than "auto" in (0, 0.5], got {share!r}.'):
        small(AutoencoderDetector, contamination=share).fit(table)


@pytest.mark.parametrize(
    "settings, text",
    [
        ({"scale": "standard"}, "RBMTransformer: expected scale to be one of minmax, None, got 'standard'."),
        ({"n_components": 0}, "RBM: expected n_hidden to be a whole number >= 1, got 0."),
        ({"n_iter": 0}, "fit_rbm: expected epochs to be a whole number >= 1, got 0."),
        ({"k": 0}, "fit_rbm: expected k to be a whole number >= 1, got 0."),
    ],
    ids=by_setting,
)
def test_settings_of_machines_that_are_refused(settings, text, table):
    with says(text):
        small(RBMTransformer, **settings).fit(table)


def test_codes_of_another_width_are_refused(table):
    with says("AutoencoderTransformer.inverse_transform: expected codes of shape (N, 3), got (2, 4)."):
        small().fit(table).inverse_transform(np.zeros((2, 4)))

"""Tied weights: one matrix in two layers, its gradient the sum of both; copies, threads, large matrices, errors."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from test_checks import says

from tinyae import (
    L1,
    SGD,
    ActivityPenalty,
    Adam,
    Autoencoder,
    Dense,
    KSparse,
    Sequential,
    Sigmoid,
    Tanh,
    TiedDense,
    UsageError,
    load,
    save,
)
from tinyae.gradcheck import assert_gradients, check_layer, check_model
from tinyae.layers.flat import named_views
from tinyae.training import shards
from tinyae.training.shards import ShardedStep, large_matrices
from tinyae.training.slabs import WORTH_IT
from tinyae.training.threads import Team


def net(dtype=np.float64, seed=0, loss="bce", by="object", **settings):
    """7 -> 5 -> 3 -> 5 -> 7, the decoder with the encoder's weights."""
    encoder = [Dense(5, "tanh"), Dense(3)]
    sources = encoder if by == "object" else [0, 1]
    decoder = [TiedDense(sources[1], "tanh"), TiedDense(sources[0], "sigmoid")]
    model = Autoencoder(encoder, decoder, loss, input_shape=7, seed=seed, dtype=dtype, **settings)
    rng = np.random.default_rng(seed + 1)
    for _, layer in model.owners():
        layer.params["b"][:] = rng.normal(size=layer.params["b"].shape)
    return model


def rows(n=24, seed=0, d=7, dtype=np.float64):
    return np.random.default_rng(seed).uniform(size=(n, d)).astype(dtype)


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


# --- values and gradients


@pytest.mark.parametrize("by", ["object", "place"])
def test_the_decoder_is_the_encoder_turned_round(by):
    model, x = net(by=by), rows()
    (W1, b1), (W2, b2) = ((layer.params["W"], layer.params["b"]) for layer in model.encoder.layers)
    c1, c2 = (layer.params["b"] for layer in model.decoder.layers)
    code = np.tanh(x @ W1 + b1) @ W2 + b2
    assert_allclose(model.encode(x), code, rtol=1e-12)
    assert_allclose(model.reconstruct(x), sigmoid(np.tanh(code @ W2.T + c1) @ W1.T + c2), rtol=1e-12)
    assert_allclose(model.decode(code), model.reconstruct(x), rtol=1e-12)
    assert model.n_params == 7 * 5 + 5 + 5 * 3 + 3 + 5 + 7  # every matrix once
    assert [name for name, _ in model.owners()] == [
        "encoder.dense_1", "encoder.dense_2", "decoder.tieddense_1", "decoder.tieddense_2",
    ]  # fmt: skip


@pytest.mark.parametrize("loss", ["bce", "mse"])
def test_gradients(loss):
    assert assert_gradients(check_model(net(loss=loss), rows(5))) <= 1e-6
    assert assert_gradients(check_model(net(loss=loss, penalty=L1(0.3)), rows(5), rows(5, 1))) <= 1e-6
    layer = TiedDense(Dense(4).build(6, dtype=np.float64), "tanh").build(4, dtype=np.float64)
    assert assert_gradients(check_layer(layer, np.random.default_rng(0).normal(size=(3, 4)))) <= 1e-6


@pytest.mark.parametrize("inside", ["some-tied", "square", "nested"])
def test_gradients_of_other_nets(inside):
    if inside == "some-tied":  # between layers of its own, and a k-sparse code
        encoder = [Dense(5, "tanh"), Dense(4), KSparse(3)]
        decoder = [Dense(4, "tanh"), TiedDense(1), Tanh(), Dense(7), Sigmoid()]
    elif inside == "square":  # the matrix turned round, not the matrix
        encoder, decoder = [Dense(7, "tanh")], [TiedDense(0, "sigmoid")]
    else:
        encoder = [first := Dense(5, "tanh"), Sequential([Dense(3)])]
        decoder = [Sequential([Dense(5), ActivityPenalty(L1(0.1))]), Sequential([TiedDense(first), Sigmoid()])]
    model = Autoencoder(encoder, decoder, input_shape=7, dtype=np.float64)
    x = rows(5)
    if inside == "square":
        W, b = model.encoder.layers[0].params.values()
        assert_allclose(model.reconstruct(x), sigmoid(np.tanh(x @ W + b) @ W.T), rtol=1e-12)
    assert assert_gradients(check_model(model, x)) <= 1e-6


@pytest.mark.oracle
def test_gradients_beside_torch(torch):
    model, x = net(), rows()
    F = torch.nn.functional
    weights = {
        name: torch.tensor(view.copy(), requires_grad=True) for name, view in named_views(model, model.theta).items()
    }
    W1, b1, W2, b2, c2, c1 = weights.values()
    at = torch.tensor(x)
    code = F.linear(torch.tanh(F.linear(at, W1.t(), b1)), W2.t(), b2)
    output = F.linear(torch.tanh(F.linear(code, W2, c2)), W1, c1)
    loss = F.binary_cross_entropy_with_logits(output, at, reduction="sum") / len(x)
    loss.backward()
    assert model.loss_and_gradient(x) == pytest.approx(float(loss.detach()), rel=1e-12)
    for name, view in named_views(model, model.gradient).items():
        assert_allclose(view, weights[name].grad.numpy(), rtol=1e-10, atol=1e-13, err_msg=name)


def test_the_sum_of_both_layers_gradients():
    """Beside a net of the same numbers whose decoder has matrices of its own."""
    tied, x = net(), rows()
    free = Autoencoder(
        [Dense(5, "tanh"), Dense(3)], [Dense(5, "tanh"), Dense(7, "sigmoid")], input_shape=7, dtype=np.float64
    )
    for mine, its in zip(free.encoder.layers, tied.encoder.layers, strict=True):
        mine.params["W"][:], mine.params["b"][:] = its.params["W"], its.params["b"]
    for mine, its in zip(free.decoder.layers, tied.decoder.layers, strict=True):
        mine.params["W"][:], mine.params["b"][:] = its.source.params["W"].T, its.params["b"]
    assert tied.loss_and_gradient(x) == pytest.approx(free.loss_and_gradient(x), rel=1e-14)
    for i in (0, 1):
        one, other = free.encoder.layers[i].grads, free.decoder.layers[1 - i].grads
        assert_allclose(tied.encoder.layers[i].grads["W"], one["W"] + other["W"].T, rtol=1e-12)
        assert_allclose(tied.encoder.layers[i].grads["b"], one["b"], rtol=1e-12)
        assert_allclose(tied.decoder.layers[1 - i].grads["b"], other["b"], rtol=1e-12)
    dy = rows(seed=1)
    tied.forward(x)
    free.forward(x)
    assert_allclose(tied.backward(dy), free.backward(dy), rtol=1e-12)
    for i in (0, 1):
        one, other = free.encoder.layers[i].grads["W"], free.decoder.layers[1 - i].grads["W"]
        assert_allclose(tied.encoder.layers[i].grads["W"], one + other.T, rtol=1e-12)


def test_what_one_pass_has_left_does_not_reach_the_next():
    model, x = net(), rows()
    model.loss_and_gradient(x)
    want = model.gradient.copy()
    model.decoder.backward_before_output(rows(seed=1))  # a way back half gone
    model.loss_and_gradient(x)
    assert_array_equal(model.gradient, want)
    dcode = np.ones((24, 3))
    alone = net().encoder
    alone.forward(x)
    alone.backward(dcode)
    model.decoder.backward_before_output(rows(seed=1))
    model.encoder.forward(x)  # the encoder by itself, without the decoder's part
    model.encoder.backward(dcode)
    for mine, its in zip(model.encoder.layers, alone.layers, strict=True):
        assert_array_equal(mine.grads["W"], its.grads["W"])
    model.forward(x)
    model.backward(rows(seed=1))
    model.encoder.backward(dcode)  # used up by the way back before
    for mine, its in zip(model.encoder.layers, alone.layers, strict=True):
        assert_array_equal(mine.grads["W"], its.grads["W"])


def test_backward_without_dx_and_inputs_as_they_were():
    layer = TiedDense(Dense(4).build(6, dtype=np.float64)).build(4, dtype=np.float64)
    x, dy = rows(5, d=4), rows(5, 1, d=6)
    kept = x.copy(), dy.copy()
    y, dx = layer.forward(x), layer.backward(dy)
    assert layer.backward(dy, need_dx=False) is None
    again = layer.forward(x), layer.backward(dy)
    assert not any(np.shares_memory(a, b) for a in (y, dx) for b in (*again, x, dy))
    assert_array_equal(x, kept[0])
    assert_array_equal(dy, kept[1])
    assert layer.multiply_adds == 24 and layer.n_params == 6


# --- threads, copies, files


def test_by_object_and_by_place_give_the_same_bits():
    one, two = net(np.float32), net(np.float32, by="place")
    for model in (one, two):
        model.fit(rows(dtype=np.float32), epochs=2, batch_size=8, progress=False)
    assert_array_equal(one.theta, two.theta)
    assert one.config() == two.config()
    assert one.config()["decoder"]["layers"] == [
        ["TiedDense", {"source": 1, "activation": "tanh"}],
        ["TiedDense", {"source": 0, "activation": "sigmoid"}],
    ]


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("batch", [1, 2, 17])
def test_sum_of_the_shards_is_the_gradient_of_the_batch(threads, batch):
    model, x = net(), rows()
    taken = np.random.default_rng(2).permutation(24)[:batch]
    with Team(threads) as team:
        step = ShardedStep(model, SGD(lr=0.1), team, total_steps=1)
        step.gradient(x, x, np.arange(24))
        step.gradient(x, x, taken)
        model.loss_and_gradient(x[taken])
        assert_allclose(step.grads.sum(axis=0), model.gradient, rtol=1e-10, atol=1e-13)
        kept = model.theta.copy()
        step(x, x, taken)
        assert_allclose(model.theta, kept - 0.1 * model.gradient, rtol=1e-10, atol=1e-13)


def test_a_batch_worked_on_in_pieces_is_the_same(monkeypatch):
    monkeypatch.setattr(shards, "rows_at_once", lambda model, otherwise=3: 3)
    test_sum_of_the_shards_is_the_gradient_of_the_batch(2, 17)


def test_threads_train_the_same_net(monkeypatch):
    monkeypatch.setattr(shards, "SMALLEST_SHARED_WORK", 0)
    nets = [net() for _ in range(3)]
    for threads, model in enumerate(nets, 1):
        history = model.fit(rows(), epochs=4, batch_size=8, optimizer=Adam(0.01), threads=threads, progress=False)
        assert history["loss"][-1] < history["loss"][0]
        assert_allclose(model.theta, nets[0].theta, rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("wide", ["first", "second"])
def test_large_matrices_get_the_whole_gradient(threads, wide):
    """Matrices this large are otherwise updated from their factors, of which a tied one has two pairs."""
    n_in, hidden, n_code = (500, WORTH_IT // 500, 3) if wide == "first" else (40, 450, 450)

    def make(*decoder):
        encoder = [Dense(hidden, "tanh"), Dense(n_code)]
        return Autoencoder(encoder, decoder, input_shape=n_in, dtype=np.float64)

    model, fresh = (make(TiedDense(1, "tanh"), TiedDense(0, "sigmoid")) for _ in range(2))
    assert max(p.size for _, layer in model.owners() for p in layer.params.values()) >= WORTH_IT
    assert (
        not list(large_matrices(model)) and len(list(large_matrices(make(Dense(hidden), Dense(n_in, "sigmoid"))))) == 2
    )
    x = rows(6, d=n_in)
    with Team(threads) as team:
        value = ShardedStep(model, SGD(lr=0.01), team, total_steps=1)(x, x, np.arange(6))
    assert value == pytest.approx(fresh.loss_and_gradient(x), rel=1e-12)
    assert_allclose(model.theta, fresh.theta - 0.01 * fresh.gradient, rtol=1e-10, atol=1e-14)


def test_copies_are_tied_to_themselves():
    model, x = net(), rows()
    want = model.reconstruct(x)
    copies = [model.replica(), model.astype(np.float64), model.astype(np.float32), model.replica().replica()]
    for twin in copies:
        for layer in twin.tied:
            assert any(layer.source is one for one in twin.encoder.layers)
            assert not any(layer.source is one for one in model.encoder.layers)
            assert any(layer is one for one in twin.decoder.layers)
        assert_allclose(twin.forward(x.astype(twin.theta.dtype)), want, rtol=1e-5)
    copies[1].theta[:] = 0  # a copy of its own
    assert_allclose(copies[1].reconstruct(x), 0.5)
    assert_array_equal(model.reconstruct(x), want)
    copies[0].theta[:] = 0  # a replica shares the parameters
    assert_allclose(model.reconstruct(x), 0.5)


def test_a_copy_of_another_type_learns():
    model = net(np.float32)
    twin = model.astype(np.float64)
    assert {p.dtype for _, layer in twin.owners() for p in layer.params.values()} == {np.dtype(np.float64)}
    assert assert_gradients(check_model(twin, rows(4))) <= 1e-6
    assert (
        twin.whole_gradients
        and twin.replica().whole_gradients
        and not Autoencoder([Dense(3)], [Dense(7, "sigmoid")], input_shape=7).whole_gradients
    )


def test_the_decoder_follows_the_encoder():
    model, x = net(np.float32), rows(dtype=np.float32)
    codes, before = model.encode(x), model.decode(model.encode(x))
    model.encoder.layers[1].params["W"][:] *= 2
    assert (model.decode(codes) != before).any()
    model.fit(x, epochs=2, progress=False)
    W1, W2 = (layer.params["W"] for layer in model.encoder.layers)
    c2, c1 = (layer.params["b"] for layer in model.decoder.layers)
    assert_allclose(model.decode(codes), sigmoid(np.tanh(codes @ W2.T + c2) @ W1.T + c1), rtol=1e-5)
    assert model.decode(codes[:0]).shape == (0, 7)


@pytest.mark.parametrize("by", ["object", "place"])
def test_files(by, tmp_path):
    model, x = net(np.float32, by=by), rows(dtype=np.float32)
    save(model, tmp_path / "model.npz")
    back = load(tmp_path / "model.npz")
    assert_array_equal(back.theta, model.theta)
    assert_array_equal(back.reconstruct(x), model.reconstruct(x))
    assert [layer.source for layer in back.tied] == back.encoder.layers[::-1]
    for one in (back, model):
        one.fit(x, epochs=2, progress=False)
    assert_array_equal(back.theta, model.theta)


def test_summary_counts_every_number_once():
    text = net().summary()
    line = next(line for line in text.splitlines() if "decoder.tieddense_2" in line)
    assert line.split()[-2:] == ["7", "35"]  # its own biases; the products of the whole matrix
    assert "70 parameters" in text and "100 multiply-adds" in text


# --- errors


@pytest.mark.parametrize("source", ["dense_1", None, True, 1.0, Tanh()], ids=repr)
def test_a_source_is_a_dense_layer_or_a_place(source):
    with says(f"TiedDense: expected a Dense layer or its place in the encoder, got {source!r}."):
        TiedDense(source)
    assert TiedDense(np.int64(1)).config() == {"source": 1} and TiedDense(0, "tanh").activation_name == "tanh"
    with pytest.raises(UsageError, match="TiedDense: expected activation to be one of linear, sigmoid"):
        TiedDense(0, "sinus")


def autoencoder(encoder, decoder):
    return Autoencoder(encoder, decoder, "mse", input_shape=7)


@pytest.mark.parametrize("place", [-1, 1, 3, 99])
def test_a_place_where_no_dense_layer_is(place):
    with says(
        f"TiedDense: expected source to be the place of a Dense layer, got {place}; the encoder has 0: dense_1, "
        "1: tanh_1, 2: dense_2."
    ):
        autoencoder([Dense(5), Tanh(), Dense(3)], [TiedDense(2), TiedDense(place)])


def test_a_layer_of_another_net():
    with says("TiedDense: expected source to be a layer of this net's encoder, got another one."):
        autoencoder([Dense(5)], [TiedDense(Dense(5))])
    tied = TiedDense(0)
    autoencoder([Dense(5)], [tied])
    with says("TiedDense: expected source to be a layer of this net's encoder, got another one."):
        autoencoder([Dense(5)], [tied])  # a second net would take it away from the first


def test_layers_in_the_wrong_order():
    with pytest.raises(ValueError) as caught:
        autoencoder([Dense(5), Dense(3)], [TiedDense(0), TiedDense(1)])
    assert str(caught.value) == (
        "Sequential: layer tieddense_1 cannot follow 3: TiedDense: expected rows of 5 numbers, as its source gives, "
        "got samples of shape (3,); tie the layers in reverse order."
    )


def test_alone_or_in_the_encoder():
    for source in (0, Dense(5)):
        with pytest.raises(ValueError, match=r"TiedDense: expected to stand in an Autoencoder's decoder, got a net wi"):
            TiedDense(source).build(5)
        with pytest.raises(ValueError, match=r"TiedDense: expected to stand in an Autoencoder's decoder, got a net wi"):
            Sequential([Dense(5), TiedDense(source)], 7)
    source = Dense(5)
    with says("Autoencoder: expected TiedDense in the decoder, got one in the encoder."):
        autoencoder([source, TiedDense(source), Dense(3)], [Dense(7)])


def test_one_source_for_two_layers():
    with says("Autoencoder: expected a source of its own for every TiedDense, got one source twice."):
        autoencoder([Dense(7)], [TiedDense(0), TiedDense(0)])

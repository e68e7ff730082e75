# %% [markdown]
# # Solutions: 19. A recommender
# The exercises of [tutorial 19](../19_recommender.py).

# %%
import numpy as np

from tinyae import Adam, Autoencoder, Dense
from tinyae.applications.recommender import BiasModel, GlobalMean, ease_weights, rmse
from tinyae.datasets import DownloadError, load_movielens, load_ratings

try:
    ratings = load_movielens(download=False)
except DownloadError:
    ratings = load_ratings()
train, test = ratings.split("random", seed=0)


def error(table, part=slice(None)):
    predicted = np.clip(table[test.users, test.items], *test.scale)
    return rmse(test.stars[part], predicted[part])


# %% [markdown]
# **1.** It predicts between 0 and the truth: what it knows of a cell is mostly how likely it is that anybody has filled
# it. The global mean, which knows nothing at all, is better by far.

# %% tags=["work"]
x = np.nan_to_num(train.table())
net = Autoencoder([Dense(50, "sigmoid")], [Dense(train.n_items)], "mse", input_shape=train.n_items)
net.fit(x, epochs=15, batch_size=32, optimizer=Adam(2e-3), progress=False)
table = net.reconstruct(x)
predicted, true = table[test.users, test.items].mean(), test.stars.mean()
assert predicted < 2 < true and error(table) > 1.5 * error(GlobalMean().fit(train).table())
print(f"mean prediction {predicted:.2f}, mean of the test ratings {true:.2f}, RMSE {error(table):.2f} stars")

# %% [markdown]
# **2.** Films with few ratings are where it matters: without the weight their biases are the noise of a handful of
# ratings. On the others there is little between the two. A test on all ratings hardly shows it, as most ratings are of
# well-known films; a recommender that looks for the *highest* prediction finds those few at once.

# %%
drawn_in, free = BiasModel().fit(train).table(), BiasModel(0, 0).fit(train).table()
rare = np.bincount(train.items, minlength=train.n_items)[test.items] < 10
for name, part in (("fewer than 10", rare), ("10 or more", ~rare)):
    print(f"films with {name} ratings: with weights {error(drawn_in, part):.4f}, without {error(free, part):.4f} stars")
assert error(free, rare) > error(drawn_in, rare) + 0.05
assert abs(error(free, ~rare) - error(drawn_in, ~rare)) < 0.02

# %% [markdown]
# **3.** With $B = (X^T X + \lambda I)^{-1} X^T X$ a film explains itself as far as the weight $\lambda$ lets it. On the
# training ratings that helps; but a test rating's own cell holds 0, and what went into the diagonal is missing from the
# rest. The larger $\lambda$, the smaller the diagonal, and the smaller the harm.

# %%
bias = BiasModel().fit(train)
x = np.nan_to_num(train.table(bias.residuals(train))).astype(np.float64)
gram = x.T @ x
for weight in (20.0, 200.0):
    ridge = np.linalg.solve(gram + weight * np.eye(len(gram)), gram)
    own, ease = np.diag(ridge).mean(), error(bias.table() + x @ ease_weights(x, weight))
    assert own > 0.05 and error(bias.table() + x @ ridge) > ease
    print(f"weight {weight:g}: mean diagonal {own:.2f}, RMSE {error(bias.table() + x @ ridge):.4f}, EASE {ease:.4f}")

# %% [markdown]
# # 19. A recommender: masked loss, and the averages it must beat
#
# **Goal.** Train an autoencoder on a table that is nearly all holes, and know what it is worth: beside averages, beside
# user and item biases, beside a closed form.
# **Needs** tutorials 3 (losses) and 5 (training). **Takes** 15 seconds to run, 50 minutes to read.
#
# Rows are people, columns are films, and a cell holds 1 to 5 stars if that person has rated that film. The task: fill
# in the rest. An autoencoder takes a row and gives a row, so it seems made for this. But what is it to be trained
# on where nobody knows the answer?

# %%
import numpy as np

from tinyae import Adam, Autoencoder, Dense, Dropout, plots
from tinyae.datasets import DownloadError, load_movielens, load_ratings
from tinyae.losses import MaskedMSE
from tinyae.trace import trace

try:
    ratings = load_movielens(download=False)  # MovieLens-100k, where it is on disk
except DownloadError:
    ratings = load_ratings()  # made by code: people with tastes, films that meet them, and noise
ratings

# %% [markdown]
# **Before you run the next cell:** guess which share of the cells is known.

# %%
train, test = ratings.split("random", seed=0)  # a tenth of the ratings is kept for the test
table = train.table()  # NaN where there is no rating
known = ~np.isnan(table)
assert known.sum() == len(train) and known.mean() < 0.2
print(f"{known.mean():.1%} of {known.size:,} cells are known; the mean of these is {train.stars.mean():.2f} stars")

# %% [markdown]
# Sixty people and the eighty films that most people know, the best case; white is unknown.

# %%
popular = np.argsort(-known.sum(axis=0), kind="stable")[:80]
figure = plots.Figure(figsize=(8, 5.6), layout="constrained")
axis = figure.subplots()
cells = axis.imshow(np.ma.masked_invalid(table[:60, popular]), cmap="viridis", vmin=1, vmax=5, interpolation="nearest")
axis.set(xlabel="film, the most rated one first", ylabel="person")
figure.colorbar(cells, label="stars", ticks=range(1, 6))
figure

# %% [markdown]
# ## Holes are not zeros
#
# The shortest program fills the holes with 0 and trains on everything. A net can always answer with one number for all
# cells. **Predict** which number then has the least squared error, and whether anybody has ever given so few stars.

# %%
filled = np.nan_to_num(table)
answers = np.linspace(0, 5, 501)
errors = [np.mean((filled - answer) ** 2) for answer in answers]
best = answers[np.argmin(errors)]
assert np.isclose(best, filled.mean(), atol=0.01) and best < 1
print(f"best single answer {best:.2f} stars = {known.mean():.3f} of the cells times {train.stars.mean():.2f}")

# %% [markdown]
# It is the mean of a table that is nearly all zeros. The net would learn *who has seen what*, and call it stars. The
# way out: where nothing is known, nothing is asked.
#
# $$l = \frac{1}{2} \sum_k m_k (x'_k - x_k)^2, \qquad \frac{\partial l}{\partial x'_k} = m_k (x'_k - x_k), \qquad
# m_k = 1 \text{ where } x_k \text{ is known, else } 0$$
#
# `MaskedMSE` takes the holes from the target itself: they are NaN there. The *input* has no NaN, for sums cannot bear
# it. We take 3 stars off first, so that the 0 of a hole means "as usual" and not "the worst there is".

# %%
few = np.array([[5.0, np.nan, 1.0, np.nan], [4.0, 4.0, np.nan, np.nan], [np.nan, 2.0, 5.0, np.nan]]) - 3
net = Autoencoder([Dense(2)], [Dense(4)], MaskedMSE(), input_shape=4, dtype=np.float64)
steps = trace(net, np.nan_to_num(few), few, optimizer="sgd")
loss = steps.find("MaskedMSE")
loss

# %% [markdown]
# Three people, four films, six ratings. **Predict** before you run the next cell: in which places is the gradient 0,
# and which film's weights in the decoder get no gradient at all?

# %%
assert np.array_equal(loss.dx == 0, np.isnan(few))
back = steps.find("decoder.dense_1", "backward")
assert (back.grads["W"][:, 3] == 0).all() and (back.grads["W"][:, :3] != 0).all()
assert loss.check().passed and back.check().passed
print(loss.why())

# %% [markdown]
# A hole pulls in no direction. The last film, which none of the three has rated, learns nothing from them. And the
# loss is a sum over the *known* numbers of a row: who has rated twice as much weighs twice as much.

# %%
back

# %% [markdown]
# ## The averages
#
# Before any net: what do plain means give? The measure is the root of the mean squared error over all test ratings, in
# stars; predictions are cut to 1 to 5.

# %%
from tinyae.applications.recommender import GlobalMean, ItemMean, UserMean, rmse, user_rmse

scores = {}


def score(name, predicted):
    stars = np.clip(predicted[test.users, test.items], *test.scale)
    scores[name] = rmse(test.stars, stars), user_rmse(test.users, test.stars, stars)
    print(f"{name:<22} RMSE {scores[name][0]:.4f} stars")


# %%
for name, mean in (("global mean", GlobalMean()), ("mean of the user", UserMean()), ("mean of the film", ItemMean())):
    score(name, mean.fit(train).table())

# %% [markdown]
# One knows the person, the other one the film. Both at once are the **biases**:
#
# $$\hat{r}_{ui} = \mu + b_u + c_i$$
#
# $b_u$ says how generous the person is, $c_i$ how good the film. If all $b_u$ were known, $c_i$ would be the mean of
# what they leave, $r_{ui} - \mu - b_u$, over the people who rated film $i$; and the other way round. So we go back and
# forth until nothing moves. One more thing: a film with a single rating of 5 stars is not the best film there is. We
# divide by the number of ratings *plus 5* (for people plus 10), which draws those with few ratings to 0.

# %%
u, i, mu = train.users, train.items, train.stars.mean(dtype=np.float64)
above, b, c = train.stars - mu, np.zeros(train.n_users), np.zeros(train.n_items)
for _ in range(50):
    c = np.bincount(i, above - b[u], train.n_items) / (np.bincount(i, minlength=train.n_items) + 5)
    b = np.bincount(u, above - c[i], train.n_users) / (np.bincount(u, minlength=train.n_users) + 10)
by_hand = mu + b[:, None] + c

# %%
from tinyae.applications.recommender import BiasModel

biases = BiasModel().fit(train)
assert np.allclose(biases.table(), by_hand, atol=1e-5)
score("biases", by_hand)
assert scores["biases"][0] < min(scores["mean of the user"][0], scores["mean of the film"][0])

# %% [markdown]
# A loop of two lines, no net. **Whatever has a net in it must beat that line.** It is easy to find tutorials whose
# recommender does not, because they never print it.
#
# What the weight of 5 does: the mean of a film with few ratings swings wildly, its bias does not.

# %% tags=["thumbnail"]
count = np.bincount(train.items, minlength=train.n_items)
raw = np.bincount(train.items, above, train.n_items) / np.maximum(count, 1)
figure = plots.Figure(figsize=(7.5, 4.4), layout="constrained")
axis = figure.subplots()
axis.plot(count, raw, "o", color=plots.VALIDATION_COLOUR, markersize=4, mfc="none", label="mean less global mean")
axis.plot(count, c, ".", color=plots.TRAIN_COLOUR, markersize=4, label="bias")
axis.set(xscale="log", xlabel="ratings of the film in the training part", ylabel="stars above the global mean")
axis.legend(frameon=False)
figure

# %% [markdown]
# ## Two numbers with one name
#
# "RMSE" can be **pooled**, over all test ratings, or the **mean over people** of each one's own RMSE. Ann has four test
# ratings and Bob has one. Method P is off by 1 star for all of Ann's and right for Bob's, method Q is right for
# Ann's and off by 1.6 for Bob's. **Predict** which method wins by which number.

# %%
person = np.array([0, 0, 0, 0, 1])
truth, p, q = np.zeros(5), np.array([1.0, 1, 1, 1, 0]), np.array([0, 0, 0, 0, 1.6])
pooled, by_person = (rmse(truth, p), rmse(truth, q)), (user_rmse(person, truth, p), user_rmse(person, truth, q))
assert pooled[0] > pooled[1] and by_person[0] < by_person[1]
print(f"pooled: P {pooled[0]:.2f}, Q {pooled[1]:.2f};  mean over people: P {by_person[0]:.2f}, Q {by_person[1]:.2f}")

# %% [markdown]
# They disagree about who is better. Two things differ. Pooled, a person counts as often as they have rated; and a mean
# of roots is at most the root of the mean, so that the second number is the smaller one unless all people are equally
# hard:
#
# $$\sqrt{\frac{\sum_u n_u e_u^2}{\sum_u n_u}} \qquad \sqrt{\frac{1}{U} \sum_u e_u^2} \;\geq\;
# \frac{1}{U} \sum_u e_u \qquad\qquad e_u \text{: RMSE of person } u,\ n_u \text{ ratings}$$

# %%
error = np.square(np.clip(by_hand[test.users, test.items], *test.scale) - test.stars)
n = np.bincount(test.users, minlength=test.n_users)
e = np.sqrt(np.bincount(test.users, error, test.n_users)[n > 0] / n[n > 0])
pooled, equal_weights, mean_of_roots = np.sqrt(error.mean()), np.sqrt(np.mean(e**2)), e.mean()
assert np.allclose((pooled, mean_of_roots), scores["biases"]) and mean_of_roots <= equal_weights
assert pooled - mean_of_roots > 0.03
print(f"pooled {pooled:.3f}, people weighed equally {equal_weights:.3f}, mean over people {mean_of_roots:.3f} stars")

# %% [markdown]
# The same predictions, and the last number looks better by several hundredths of a star. Ask which one a table shows
# before you compare.
#
# ## The autoencoder
#
# AutoRec (Sedhain et al., 2015) turns the table on its side: **a film is a sample**, its row holds the stars of all
# people. We give it what the biases leave, so that a 0 in the input means "as the biases have it", and drop 30 % of the
# inputs at random while it learns: it shall say what it was *not* told.

# %%
residuals = table - by_hand.astype(np.float32)
targets = np.ascontiguousarray(residuals.T)  # (films, people), NaN where unknown
x = np.nan_to_num(targets)
autorec = Autoencoder(
    [Dropout(0.3), Dense(200, "sigmoid")], [Dense(train.n_users)], MaskedMSE(), input_shape=train.n_users
)

# %% [markdown]
# **Predict:** will the untrained net be better or worse than the biases it stands on?

# %%
score("untrained net", by_hand + autorec.reconstruct(x).T)

# %% [markdown]
# While it trains we look at the error on the test part too. The loss is a sum over a row's known numbers; as stars are
# easier to read, we bring it to an RMSE: half the squares, summed, are `loss` times the number of rows.

# %% tags=["work"]
from tinyae.schedules import Cosine

unseen = np.ascontiguousarray(test.table(test.stars - by_hand[test.users, test.items]).T)
history = autorec.fit(
    x, targets, epochs=30, batch_size=32, optimizer=Adam(Cosine(1e-3), weight_decay=0.02),
    validation_data=(x, unseen), progress=False,
)  # fmt: skip

# %%
parts = {"training": ("loss", len(train)), "test": ("val_loss", len(test))}
series = {name: [(2 * v * len(x) / many) ** 0.5 for v in history[key]] for name, (key, many) in parts.items()}
without = rmse(test.stars, by_hand[test.users, test.items])
assert series["test"][-1] < series["test"][0] and series["training"][-1] < series["test"][-1]
plots.loss_curves([("RMSE, stars", series, {"biases, test": without})])

# %%
score("autoencoder", by_hand + autorec.reconstruct(x).T)
assert scores["autoencoder"][0] < scores["biases"][0] < scores["untrained net"][0]

# %% [markdown]
# An untrained net adds noise to the biases and is worse than they are. The trained one beats them. The training error
# is far below the test error: it has seen those ratings in its input. That number tells nobody anything.
#
# ## EASE: the autoencoder without a hidden layer
#
# Steck (2019) asks for a matrix $B$ of films by films with $X B \approx X$, where a row of $X$ is a person. The best
# $B$ would be the identity: copying. So its diagonal is held at 0, **no film may explain itself**, and that has a
# closed form:
#
# $$\min_B |X - X B|^2 + \lambda |B|^2, \quad B_{jj} = 0 \qquad\Rightarrow\qquad
# B_{ij} = -\frac{P_{ij}}{P_{jj}} \ (i \neq j), \quad P = (X^T X + \lambda I)^{-1}$$

# %%
X, weight = np.nan_to_num(residuals).astype(np.float64), 200.0
P = np.linalg.inv(X.T @ X + weight * np.eye(train.n_items))
B = -P / np.diag(P)
np.fill_diagonal(B, 0)
gradient = X.T @ (X @ B - X) + weight * B  # half the derivative in B
np.fill_diagonal(gradient, 0)  # the diagonal is not free
assert np.abs(gradient).max() < 1e-6 * weight

# %%
score("EASE", by_hand + X @ B)
assert scores["EASE"][0] < scores["biases"][0]
favourite = int(np.bincount(train.items).argmax())
print(f"\nWhat says most about {train.titles[favourite]}:")
for film in np.argsort(-B[:, favourite])[:3]:
    print(f"  {train.titles[film]}, weight {B[film, favourite]:.3f}")

# %% [markdown]
# One matrix inverse, no epochs, no learning rate, and a weight one can read. For holes EASE has zeros ("as the biases
# have it") and learns those, too: it has no mask. **Guess** the order of all in the table below before you look.

# %%
names = sorted(scores, key=lambda name: -scores[name][0])
figure = plots.Figure(figsize=(7.5, 4), layout="constrained")
axis = figure.subplots()
for k, (text, mark, colour) in enumerate((("pooled", "o", "#0077bb"), ("mean over people", "s", "#cc6677"))):
    axis.plot([scores[name][k] for name in names], range(len(names)), mark, color=colour, label=text)
axis.set_yticks(range(len(names)), names)
axis.set_xlabel("RMSE on the test ratings, stars (lower is better)")
axis.grid(True, color="#eeeeee")
axis.legend(frameon=False)
figure

# %%
assert scores["autoencoder"][0] < scores["EASE"][0] < scores["biases"][0] < scores["global mean"][0]
gained = scores["biases"][0] - scores["autoencoder"][0]
print(f"All that the net adds to the biases: {gained:.3f} stars. All that the biases add to the global mean:")
print(f"{scores['global mean'][0] - scores['biases'][0]:.3f} stars.")

# %% [markdown]
# The net is the best of the table. How much that is worth is another question: compare the two numbers.
#
# ## A list is another task
#
# People want ten films to see next, not stars. Ranking all films by predicted stars looks like the answer. We look for
# films of the test part with 4 stars or more; NDCG is 1 for a list that has all of them on top. **Predict:** do
# predicted stars beat the same list for everybody, the films that most people like?

# %% tags=["work"]
from tinyae.applications.recommender import EaseLikes, LikesNet, Popularity, liked, recall_and_ndcg

rankings = {"stars of the autoencoder": by_hand + autorec.reconstruct(x).T}
rankings["popularity"] = Popularity().fit(train).scores()
rankings["EASE on likes"] = EaseLikes().fit(train).scores()
rankings["autoencoder of likes"] = LikesNet().fit(train).scores()
ndcg = {name: recall_and_ndcg(s, train.rated(), liked(test) > 0)[1] for name, s in rankings.items()}
print("\n".join(f"{name:<26} NDCG@10 {value:.3f}" for name, value in ndcg.items()))

# %%
assert ndcg["stars of the autoencoder"] < ndcg["popularity"] < ndcg["EASE on likes"]
assert abs(ndcg["EASE on likes"] - ndcg["autoencoder of likes"]) < 0.02

# %% [markdown]
# The winner of the stars loses to the same list for everybody. A masked loss never asks about films people did *not*
# choose to see, so it ranks obscure ones high. For lists the choice itself is the data: 1 where somebody liked a film,
# 0 elsewhere, and this time the zeros count. There the closed form and the net (softmax output, tutorial 20) are
# within 0.02 of each other.
#
# **Recap.**
# - A hole is not a zero. `MaskedMSE` has no gradient there; the input gets a number that means "as usual".
# - Global mean, biases, EASE: print all three beside any recommender. The biases do a good part of the work.
# - Pooled RMSE and the mean over people are two numbers, and can rank methods differently.
# - The best predictor of stars can be a bad maker of lists.
#
# **Exercises** ([solutions](solutions/19_recommender.py))
# 1. Train a net of 50 sigmoid units with `"mse"` on the table with 0 in the holes. What does it predict for the test
#    ratings, and what is its RMSE?
# 2. Leave out the weights of 5 and 10 (`BiasModel(0, 0)`). Compare the two on the test ratings of films with fewer than
#    10 training ratings, and on all the others.
# 3. EASE without its rule: let the diagonal be free (ridge regression). How large does it become, and what does it cost
#    on the test part?

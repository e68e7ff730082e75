"""The kinds of autoencoders that differ in what they are trained for, each on one hidden layer of rows of numbers.

A code wider than the data could simply copy; what keeps it from doing so is what gives each kind its name.
"""

from tinyae.architectures.dense import dense_autoencoder
from tinyae.autoencoder import Autoencoder
from tinyae.contractive import Contractive
from tinyae.corruption import Gaussian
from tinyae.layers import Dense, GaussianCode, KSparse, TiedDense
from tinyae.penalties import L1, KLSparsity


def overcomplete_autoencoder(input_size=784, code_size=1000, *, activation="sigmoid", seed=0):
    """A code wider than the input and nothing else: the plain net the others are compared with.

    With enough training it copies, noise and all; `tinyae.copying.copying` says how far it has got.
    """
    return _one_layer(input_size, code_size, activation, seed)


def l1_sparse_autoencoder(input_size=784, code_size=1000, *, weight=0.1, activation="relu", seed=0):
    """A rectified code whose sum of activations is penalised, `tinyae.penalties.L1`.

    Source: Olshausen & Field (1996), for a code computed by an encoder.
    """
    return _one_layer(input_size, code_size, activation, seed, penalty=L1(weight))


def kl_sparse_autoencoder(input_size=784, code_size=1000, *, rho=0.05, weight=3.0, seed=0):
    """A sigmoid code whose units are on in a share `rho` of the images, `tinyae.penalties.KLSparsity`.

    Source: Ng, "Sparse autoencoder", CS294A lecture notes (2011).
    """
    return _one_layer(input_size, code_size, "sigmoid", seed, penalty=KLSparsity(rho, weight))


def k_sparse_autoencoder(input_size=784, code_size=1000, *, k=25, k_use=None, seed=0):
    """A linear code of which only the k largest numbers are kept, `tinyae.layers.KSparse`; tied weights, linear output.

    Source: Makhzani & Frey (2014), algorithm 1, trained on half the squared error. For a classifier on its code keep
    more units than in training, k_use = 2 k or 3 k; for reconstructions do not.
    """
    code = Dense(code_size)
    return Autoencoder([code, KSparse(k, k_use)], [TiedDense(code)], "mse", input_shape=input_size, seed=seed)


def denoising_autoencoder(input_size=784, code_size=1000, *, corruption=None, activation="sigmoid", seed=0):
    """Sees the image under noise and is asked for the clean one, `tinyae.corruption`; Gaussian(0.5) without another.

    Source: Vincent et al. (2010).
    """
    return _one_layer(input_size, code_size, activation, seed, corruption=corruption or Gaussian(0.5))


def contractive_autoencoder(input_size=784, code_size=1000, *, weight=1.0, activation="sigmoid", seed=0):
    """A code that changes little where the image changes little: the encoder's Jacobian is penalised.

    Tied weights, or the encoder would shrink its own and let the decoder's grow.

    Source: Rifai et al. (2011).
    """
    code = Dense(code_size, activation)
    decoder = [TiedDense(code, "sigmoid")]
    return Autoencoder([code], decoder, "bce", input_shape=input_size, seed=seed, penalty=Contractive(weight))


def tied_autoencoder(input_size=784, code_size=1000, *, activation="sigmoid", seed=0):
    """The decoder uses the encoder's weights turned round, `tinyae.layers.TiedDense`: half the parameters."""
    code = Dense(code_size, activation)
    return Autoencoder([code], [TiedDense(code, "sigmoid")], "bce", input_shape=input_size, seed=seed)


def variational_autoencoder(input_size=784, hidden=(400,), code_size=20, *, beta=1.0, activation="relu", seed=0):
    """A code that is a distribution, kept near the standard normal one, so that new images can be drawn from it.

    Trained on reconstruction + beta KL, the negative evidence lower bound for beta = 1 (`tinyae.variational`).

    Source: Kingma & Welling (2014); beta: Higgins et al. (2017).
    """
    init = "he" if activation == "relu" else "glorot"
    encoder = [Dense(size, activation, init) for size in hidden] + [Dense(2 * code_size), GaussianCode(beta)]
    decoder = [Dense(size, activation, init) for size in reversed(hidden)] + [Dense(input_size, "sigmoid")]
    return Autoencoder(encoder, decoder, "bce", input_shape=input_size, seed=seed)


def _one_layer(input_size, code_size, activation, seed, penalty=(), corruption=None):
    net = dense_autoencoder(input_size, (), code_size, code_activation=activation, seed=seed)
    return Autoencoder(net.encoder, net.decoder, "bce", penalty=penalty, corruption=corruption)

r"""The formula of every layer, loss, penalty and optimizer, as text and as LaTeX: forward, and the way back.

Letters: n counts samples, i and j numbers of a row, h and v rows and columns of an image, c and f channels. dy is
dL/dy, what comes from above; dx is dL/dx, what goes on below; dW and db are dL/dW and dL/db.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Formula:
    """One formula, twice."""

    text: str
    latex: str

    def __str__(self):
        return self.text


UNKNOWN = Formula("see the class's docstring", r"\text{see the class's docstring}")

# kind: (forward text, forward LaTeX, backward text, backward LaTeX)
LAYERS = {
    "Dense": (
        "y[n,j] = sum_i x[n,i] W[i,j] + b[j]",
        r"y_{nj} = \sum_i x_{ni} W_{ij} + b_j",
        "dW[i,j] = sum_n x[n,i] dy[n,j],   db[j] = sum_n dy[n,j],   dx[n,i] = sum_j dy[n,j] W[i,j]",
        r"\frac{\partial L}{\partial W_{ij}} = \sum_n x_{ni}\, dy_{nj}, \quad "
        r"\frac{\partial L}{\partial b_j} = \sum_n dy_{nj}, \quad dx_{ni} = \sum_j dy_{nj} W_{ij}",
    ),
    "TiedDense": (
        "y[n,i] = sum_j x[n,j] W[i,j] + b[i],   W the encoder's",
        r"y_{ni} = \sum_j x_{nj} W_{ij} + b_i",
        "dW[i,j] += sum_n dy[n,i] x[n,j] (in the encoder's layer),   db[i] = sum_n dy[n,i],   "
        "dx[n,j] = sum_i dy[n,i] W[i,j]",
        r"\frac{\partial L}{\partial W_{ij}} \mathrel{+}= \sum_n dy_{ni}\, x_{nj}, \quad "
        r"\frac{\partial L}{\partial b_i} = \sum_n dy_{ni}, \quad dx_{nj} = \sum_i dy_{ni} W_{ij}",
    ),
    "Conv2D": (
        "y[n,h,v,f] = b[f] + sum_ijc x[n, h s + i - top, v t + j - left, c] W[i,j,c,f]",
        r"y_{nhvf} = b_f + \sum_{ijc} x_{n,\,hs+i-top,\,vt+j-left,\,c}\; W_{ijcf}",
        "dW[i,j,c,f] = sum_nhv x[n, h s + i - top, v t + j - left, c] dy[n,h,v,f],   db[f] = sum_nhv dy[n,h,v,f],   "
        "dx = sum of dy W over all windows a pixel lies in",
        r"\frac{\partial L}{\partial W_{ijcf}} = \sum_{nhv} x_{n,\,hs+i-top,\,vt+j-left,\,c}\; dy_{nhvf}, \quad "
        r"\frac{\partial L}{\partial b_f} = \sum_{nhv} dy_{nhvf}, \quad "
        r"dx_{nhvc} = \sum_{\text{windows}} \sum_f dy_{nh'v'f}\, W_{ijcf}",
    ),
    "ConvTranspose": (
        "y[n, h s + i - top, v t + j - left, f] = b[f] + sum x[n,h,v,c] W[i,j,f,c] over all that meet there",
        r"y_{n,\,hs+i-top,\,vt+j-left,\,f} = b_f + \sum_{\text{all that meet}} x_{nhvc}\, W_{ijfc}",
        "dW[i,j,f,c] = sum_nhv x[n,h,v,c] dy[n, h s + i - top, v t + j - left, f],   db[f] = sum dy[n,:,:,f],   "
        "dx[n,h,v,c] = sum_ijf dy[n, h s + i - top, v t + j - left, f] W[i,j,f,c]",
        r"\frac{\partial L}{\partial W_{ijfc}} = \sum_{nhv} x_{nhvc}\; dy_{n,\,hs+i-top,\,vt+j-left,\,f}, \quad "
        r"dx_{nhvc} = \sum_{ijf} dy_{n,\,hs+i-top,\,vt+j-left,\,f}\; W_{ijfc}",
    ),
    "MaxPool": (
        "y[n,i,j,c] = max of x[n,h,v,c] over window (i, j)",
        r"y_{nijc} = \max_{(h,v) \in \text{window } (i,j)} x_{nhvc}",
        "dx[n,h,v,c] = sum of dy[n,i,j,c] over the windows (h, v) won",
        r"dx_{nhvc} = \sum_{(i,j)\, \text{won by}\, (h,v)} dy_{nijc}",
    ),
    "AveragePool": (
        "y[n,i,j,c] = mean of x[n,h,v,c] over window (i, j)",
        r"y_{nijc} = \frac{1}{|\text{window}|} \sum_{(h,v) \in \text{window } (i,j)} x_{nhvc}",
        "dx[n,h,v,c] = sum of dy[n,i,j,c] / |window| over the windows (h, v) lies in",
        r"dx_{nhvc} = \sum_{\text{windows}\, \ni\, (h,v)} \frac{dy_{nijc}}{|\text{window}|}",
    ),
    "UpSample": (
        "y = U x: every pixel becomes a block (nearest), or a mixture of its neighbours (bilinear)",
        r"y = U x",
        "dx = U' dy: every pixel gathers what its block got",
        r"dx = U^{\top} dy",
    ),
    "Flatten": (
        "y = x, as rows", r"y_{n,\,(hW+v)C+c} = x_{nhvc}", "dx = dy, as images", r"dx_{nhvc} = dy_{n,\,(hW+v)C+c}",
    ),
    "Reshape": (
        "y = x in another shape", r"y = \mathrm{reshape}(x)", "dx = dy in x's shape", r"dx = \mathrm{reshape}(dy)",
    ),
    "Crop": (
        "y[n,h,v,c] = x[n, h + top, v + left, c]", r"y_{nhvc} = x_{n,\,h+top,\,v+left,\,c}",
        "dx = dy, and 0 where x was cut off", r"dx_{n,\,h+top,\,v+left,\,c} = dy_{nhvc}, \; 0 \text{ elsewhere}",
    ),
    "ZeroPad": (
        "y[n, h + top, v + left, c] = x[n,h,v,c], and 0 around it",
        r"y_{n,\,h+top,\,v+left,\,c} = x_{nhvc}, \; 0 \text{ around}",
        "dx[n,h,v,c] = dy[n, h + top, v + left, c]", r"dx_{nhvc} = dy_{n,\,h+top,\,v+left,\,c}",
    ),
    "BatchNorm": (
        "y = gamma (x - mean) / sqrt(var + eps) + beta, channel by channel",
        r"y = \gamma\, \hat{x} + \beta, \quad \hat{x} = \frac{x - \mu}{\sqrt{\sigma^2 + \varepsilon}}",
        "dgamma = sum dy xhat,   dbeta = sum dy,   dx = gamma / sqrt(var + eps) (dy - mean(dy) - xhat mean(dy xhat)) "
        "while training, gamma / sqrt(var + eps) dy otherwise",
        r"\frac{\partial L}{\partial \gamma} = \sum dy\, \hat{x}, \quad \frac{\partial L}{\partial \beta} = \sum dy, "
        r"\quad dx = \frac{\gamma}{\sqrt{\sigma^2 + \varepsilon}} \left( dy - \overline{dy} - \hat{x}\, "
        r"\overline{dy\, \hat{x}} \right)",
    ),
    "Dropout": (
        "y = x mask / (1 - rate) while training, y = x otherwise", r"y = \frac{x \odot m}{1 - p}",
        "dx = dy mask / (1 - rate)", r"dx = \frac{dy \odot m}{1 - p}",
    ),
    "GaussianNoise": (
        "y = x + stddev eps while training, y = x otherwise", r"y = x + \sigma \epsilon", "dx = dy", r"dx = dy",
    ),
    "KSparse": (
        "y = x for the k largest numbers of a sample, 0 for all others",
        r"y_{nj} = x_{nj}\, [\,j \in \mathrm{top}_k(x_n)\,]",
        "dx = dy for those kept, 0 for all others", r"dx_{nj} = dy_{nj}\, [\,j \in \mathrm{top}_k(x_n)\,]",
    ),
    "GaussianCode": (
        "x = (mu, s),   y = mu + exp(s/2) eps   (y = mu without noise)",
        r"y = \mu + e^{s/2} \epsilon, \quad x = (\mu, s)",
        "dmu = dy + beta/N mu,   ds = dy exp(s/2) eps / 2 + beta/(2N) (exp(s) - 1)",
        r"d\mu = dy + \tfrac{\beta}{N} \mu, \quad ds = \tfrac{1}{2} dy\, e^{s/2} \epsilon + "
        r"\tfrac{\beta}{2N} (e^s - 1)",
    ),
    "ActivityPenalty": (
        "y = x;  the penalty on x is added to the loss", r"y = x, \quad L \mathrel{+}= \lambda P(x)",
        "dx = dy + weight dP/dx", r"dx = dy + \lambda \frac{\partial P}{\partial x}",
    ),
    "Linear": ("y = x", r"y = x", "dx = dy", r"dx = dy"),
    "Sigmoid": (
        "y = 1 / (1 + exp(-x))", r"y = \sigma(x) = \frac{1}{1 + e^{-x}}",
        "dx = dy y (1 - y)", r"dx = dy \cdot y (1 - y)",
    ),
    "Tanh": ("y = tanh(x)", r"y = \tanh x", "dx = dy (1 - y^2)", r"dx = dy \cdot (1 - y^2)"),
    "ReLU": ("y = max(x, 0)", r"y = \max(x, 0)", "dx = dy where x > 0, else 0", r"dx = dy \cdot [\,x > 0\,]"),
    "LeakyReLU": (
        "y = x for x > 0, slope x otherwise", r"y = \max(x, \alpha x)",
        "dx = dy for x > 0, slope dy otherwise", r"dx = dy \cdot (\,[x > 0] + \alpha [x \le 0]\,)",
    ),
    "Softplus": (
        "y = log(1 + exp(x))", r"y = \log(1 + e^x)", "dx = dy / (1 + exp(-x))", r"dx = dy \cdot \sigma(x)",
    ),
    "Softmax": (
        "y[n,k] = exp(x[n,k]) / sum_j exp(x[n,j])", r"y_{nk} = \frac{e^{x_{nk}}}{\sum_j e^{x_{nj}}}",
        "dx[n,k] = y[n,k] (dy[n,k] - sum_j dy[n,j] y[n,j])",
        r"dx_{nk} = y_{nk} \Big( dy_{nk} - \sum_j dy_{nj}\, y_{nj} \Big)",
    ),
}  # fmt: skip

LOSSES = {
    "MaskedMSE": (
        "L = 1/(2N) sum over known t of (x[n,k] - t[n,k])^2;   dx = (x - t) / N where t is known, 0 elsewhere",
        r"L = \frac{1}{2N} \sum_{nk\, \text{known}} (x_{nk} - t_{nk})^2, \quad dx = \frac{x - t}{N} "
        r"[\,t \text{ known}\,]",
    ),
    "CategoricalCrossEntropy": (
        "L = -1/N sum_nk t[n,k] log x'[n,k],  x' = softmax(x);   dx = (x' sum_k t[n,k] - t) / N",
        r"L = -\frac{1}{N} \sum_{nk} t_{nk} \log x'_{nk}, \quad x' = \mathrm{softmax}(x), \quad "
        r"dx_{nk} = \frac{x'_{nk} \sum_j t_{nj} - t_{nk}}{N}",
    ),
    "BCE": (
        "L = -1/N sum_nk ( t[n,k] log x'[n,k] + (1 - t[n,k]) log(1 - x'[n,k]) ),  x' = sigmoid(x);   dx = (x' - t) / N",
        r"L = -\frac{1}{N} \sum_{nk} \big( t_{nk} \log x'_{nk} + (1 - t_{nk}) \log(1 - x'_{nk}) \big), \quad "
        r"x' = \sigma(x), \quad dx = \frac{x' - t}{N}",
    ),
    "MSE": (
        "L = 1/(2N) sum_nk (x[n,k] - t[n,k])^2;   dx = (x - t) / N",
        r"L = \frac{1}{2N} \sum_{nk} (x_{nk} - t_{nk})^2, \quad dx = \frac{x - t}{N}",
    ),
}

PENALTIES = {
    "Contractive": (
        "L += weight 1/N sum_n |d code_n / d x_n|^2",
        r"L \mathrel{+}= \frac{\lambda}{N} \sum_n \left\Vert \frac{\partial h_n}{\partial x_n} \right\Vert_F^2",
    ),
}  # fmt: skip

OPTIMIZERS = {
    "ConjugateGradient": (
        "s = -g + beta s,   beta = g . (g - g_before) / |g_before|^2;   theta = theta + a s,   a by a line search",
        r"s \leftarrow -g + \beta s, \quad \beta = \frac{g \cdot (g - g_{\text{before}})}"
        r"{\Vert g_{\text{before}} \Vert^2}, \quad \theta \leftarrow \theta + a s, \quad "
        r"a \approx \mathrm{argmin}_a L(\theta + a s)",
    ),
    "SGD": (
        "v = momentum v + g;   theta = theta - lr v   (Nesterov: theta - lr (g + momentum v))",
        r"v \leftarrow \mu v + g, \quad \theta \leftarrow \theta - \eta v",
    ),
    "RMSprop": (
        "s = rho s + (1 - rho) g^2;   v = momentum v + g / (sqrt(s) + eps);   theta = theta - lr v",
        r"s \leftarrow \rho s + (1 - \rho) g^2, \quad v \leftarrow \mu v + \frac{g}{\sqrt{s} + \varepsilon}, \quad "
        r"\theta \leftarrow \theta - \eta v",
    ),
    "Adam": (
        "m = beta1 m + (1 - beta1) g;   v = beta2 v + (1 - beta2) g^2;   "
        "theta = theta - lr m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps)",
        r"m \leftarrow \beta_1 m + (1 - \beta_1) g, \quad v \leftarrow \beta_2 v + (1 - \beta_2) g^2, \quad "
        r"\theta \leftarrow \theta - \eta \frac{m / (1 - \beta_1^t)}{\sqrt{v / (1 - \beta_2^t)} + \varepsilon}",
    ),
    "Nadam": (
        "m = beta1 m + (1 - beta1) g;   v = beta2 v + (1 - beta2) g^2;   theta = theta - "
        "lr (mu_(t+1) m / (1 - P_(t+1)) + (1 - mu_t) g / (1 - P_t)) / (sqrt(v / (1 - beta2^t)) + eps)",
        r"m \leftarrow \beta_1 m + (1 - \beta_1) g, \quad v \leftarrow \beta_2 v + (1 - \beta_2) g^2, \quad "
        r"\theta \leftarrow \theta - \eta \frac{\mu_{t+1} m / (1 - P_{t+1}) + (1 - \mu_t) g / (1 - P_t)}"
        r"{\sqrt{v / (1 - \beta_2^t)} + \varepsilon}",
    ),
}

# Of a restricted Boltzmann machine: (text, LaTeX)
MACHINES = {
    "Up": (
        "y[n,j] = sum_i x[n,i] W[i,j] + c[j],   x the visible, y the hidden units' total input",
        r"y_{nj} = \sum_i x_{ni} W_{ij} + c_j",
    ),
    "Down": (
        "y[n,i] = sum_j x[n,j] W[i,j] + b[i],   x the hidden, y the visible units' total input",
        r"y_{ni} = \sum_j x_{nj} W_{ij} + b_i",
    ),
    "Sigmoid": LAYERS["Sigmoid"][:2],
    "Linear": LAYERS["Linear"][:2],
    "Bernoulli": ("y = 1 where u < x, else 0,   u uniform in [0, 1)", r"y = [\,u < x\,], \quad u \sim U(0, 1)"),
    "GaussianUnit": ("y = x + eps,   eps normal", r"y = x + \epsilon, \quad \epsilon \sim N(0, 1)"),
    "ContrastiveDivergence": (
        "dW[i,j] = 1/N sum_n (v0[n,i] h0[n,j] - v1[n,i] h1[n,j]),   db = mean of v0 - v1,   dc = mean of h0 - h1",
        r"dW_{ij} = \langle v_i h_j \rangle_0 - \langle v_i h_j \rangle_k, \quad "
        r"db_i = \langle v_i \rangle_0 - \langle v_i \rangle_k, \quad dc_j = \langle h_j \rangle_0 - "
        r"\langle h_j \rangle_k",
    ),
    "MomentumUp": (
        "velocity = momentum velocity + lr (g - cost W);   W = W + velocity   (no cost on b and c)",
        r"v \leftarrow \mu v + \eta (g - \lambda W), \quad W \leftarrow W + v",
    ),
}  # fmt: skip


def formula_of(thing, phase):
    """The Formula of a layer, loss, penalty or optimizer in a phase of `Step`; its own `formulas`, where it has them.

    A class of one's own says its formulas as `formulas = {"forward": (text, LaTeX), "backward": (text, LaTeX)}`.
    """
    own = getattr(thing, "formulas", {}).get(phase)
    if own:
        return Formula(*own)
    table = {"loss": LOSSES, "penalty": PENALTIES, "update": OPTIMIZERS}.get(phase, LAYERS)
    for kind in type(thing).__mro__:
        if kind.__name__ in table:
            found = table[kind.__name__]
            return Formula(*(found[2:] if phase == "backward" else found[:2]))
    return UNKNOWN

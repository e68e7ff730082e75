"""How an optimizer made a parameter's new value, line by line."""

import math

from tinyae.trace.why.explanation import Explanation, entry, factor, short


def update(step, of, index):
    """theta after the step, for the parameter `of` ("encoder.dense_1.W"), with the optimizer's vectors on the way."""
    if step.kind == "ConjugateGradient":
        return conjugate_gradient(step, of, index)
    optimizer = step.subject
    place = Place(step, of, index)
    symbols, numbers, value = RULES[step.kind](optimizer, place)
    note = f"theta = {entry(of, index)} = {short(place.theta)},  g = its gradient = {short(place.g)}"
    if optimizer.weight_decay:
        note += f" (weight decay {optimizer.weight_decay:g} theta among it)"
    return Explanation(entry(f"{of} after", index), symbols, numbers, value, note=note + place.lines)


class Place:
    """The numbers of one parameter before and after the step."""

    def __init__(self, step, name, index):
        self.theta = float(step.params[name][index])
        self.g = float(step.grads[name][index]) + step.subject.weight_decay * self.theta
        self.before = {state: float(views[name][index]) for state, views in step.state.items()}
        self.lines = ""

    def follow(self, symbol, text, numbers, value):
        """Note a line on the way, and give its value."""
        self.lines += f"\n{symbol} = {text} = {numbers} = {short(value)}"
        return value


def sgd(optimizer, place):
    """theta - lr v."""
    lr, momentum, g = optimizer.lr, optimizer.momentum, place.g
    v = g
    if momentum:
        old = place.before["velocity"]
        v = place.follow("v", "momentum v + g", f"{short(momentum)}*{factor(old)} + {factor(g)}", momentum * old + g)
    if optimizer.nesterov:
        ahead = f"{short(place.theta)} - {short(lr)}*({factor(g)} + {short(momentum)}*{factor(v)})"
        return "theta - lr (g + momentum v)", ahead, place.theta - lr * (g + momentum * v)
    letter = "v" if momentum else "g"
    return f"theta - lr {letter}", f"{short(place.theta)} - {short(lr)}*{factor(v)}", place.theta - lr * v


def rmsprop(optimizer, place):
    """theta - lr v with v = momentum v + g / (sqrt(s) + eps)."""
    rho, g, eps, momentum = optimizer.rho, place.g, optimizer.eps, optimizer.momentum
    s = _mean_square(place, "s", "rho", rho, place.before["square"])
    old = place.before["velocity"]
    step = g / (math.sqrt(s) + eps)
    text, numbers = "g / (sqrt(s) + eps)", f"{factor(g)}/(sqrt({short(s)}) + {short(eps)})"
    if momentum:
        text, numbers = f"momentum v + {text}", f"{short(momentum)}*{factor(old)} + {numbers}"
    v = place.follow("v", text, numbers, momentum * old + step)
    return "theta - lr v", f"{short(place.theta)} - {short(optimizer.lr)}*{factor(v)}", place.theta - optimizer.lr * v


def adam(optimizer, place):
    """theta - lr m^ / (sqrt(v^) + eps)."""
    t, _, m, v = _moments(optimizer, place)
    m_hat = place.follow(
        "m^", "m / (1 - beta1^t)", f"{factor(m)}/(1 - {optimizer.beta1:g}**{t})", m / (1 - optimizer.beta1**t)
    )
    return _step(optimizer, place, m_hat, v, t, "m^")


def nadam(optimizer, place):
    """theta - lr (look-ahead of m and g) / (sqrt(v^) + eps)."""
    t, g, m, v = _moments(optimizer, place)
    ahead = optimizer.product * optimizer.mu_next
    m_part, g_part = optimizer.mu_next / (1 - ahead), (1 - optimizer.mu) / (1 - optimizer.product)
    mixed = place.follow(
        "m^", "mu_(t+1) m / (1 - P_(t+1)) + (1 - mu_t) g / (1 - P_t)",
        f"{short(optimizer.mu_next)}*{factor(m)}/(1 - {short(ahead)}) + "
        f"(1 - {short(optimizer.mu)})*{factor(g)}/(1 - {short(optimizer.product)})", m_part * m + g_part * g,
    )  # fmt: skip
    return _step(optimizer, place, mixed, v, t, "m^")


def _moments(optimizer, place):
    g, beta1 = place.g, optimizer.beta1
    old = place.before["m"]
    numbers = f"{beta1:g}*{factor(old)} + (1 - {beta1:g})*{factor(g)}"
    m = place.follow("m", "beta1 m + (1 - beta1) g", numbers, beta1 * old + (1 - beta1) * g)
    return optimizer.t, g, m, _mean_square(place, "v", "beta2", optimizer.beta2, place.before["v"])


def _mean_square(place, symbol, rate_name, rate, old):
    text = f"{rate_name} {symbol} + (1 - {rate_name}) g^2"
    numbers = f"{rate:g}*{factor(old)} + (1 - {rate:g})*{factor(place.g)}**2"
    return place.follow(symbol, text, numbers, rate * old + (1 - rate) * place.g**2)


def _step(optimizer, place, m_hat, v, t, letter):
    v_hat = place.follow(
        "v^", "v / (1 - beta2^t)", f"{short(v)}/(1 - {optimizer.beta2:g}**{t})", v / (1 - optimizer.beta2**t)
    )
    lr, eps = optimizer.lr, optimizer.eps
    numbers = f"{short(place.theta)} - {short(lr)}*{factor(m_hat)}/(sqrt({short(v_hat)}) + {short(eps)})"
    return f"theta - lr {letter} / (sqrt(v^) + eps)", numbers, place.theta - lr * m_hat / (math.sqrt(v_hat) + eps)


def conjugate_gradient(step, of, index):
    """theta + a s with s = -g + beta s."""
    searched, theta, g = step.subject, float(step.params[of][index]), float(step.grads[of][index])
    old, a, beta = float(step.state["s"][of][index]), searched.length, searched.beta
    s = beta * old - g
    name = entry(of, index)
    note = f"theta = {name} = {short(theta)},  g = its gradient = {short(g)}\n"
    note += f"s = -g + beta s = -{factor(g)} + {factor(beta)}*{factor(old)} = {short(s)}"
    numbers = f"{short(theta)} + {short(a)}*{factor(s)}"
    return Explanation(entry(f"{of} after", index), "theta + a s", numbers, theta + a * s, note=note)


RULES = {"SGD": sgd, "RMSprop": rmsprop, "Adam": adam, "Nadam": nadam, "ConjugateGradient": conjugate_gradient}

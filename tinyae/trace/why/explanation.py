"""What an explanation is: one number as a sum, in symbols, in numbers that Python can add up, and its value."""

from dataclasses import dataclass

MOST = 6  # terms that are written out; the smaller ones of a longer sum are put together


@dataclass(frozen=True)
class Term:
    """One term of a sum: in symbols, in numbers, and what it comes to."""

    symbols: str
    numbers: str
    value: float


@dataclass(frozen=True)
class Explanation:
    """Where one number comes from.

    Attributes
    ----------
    name : str
        "dW[2,0]".
    symbols, numbers : str
        The right-hand side; `numbers` is Python that gives the value to the digits shown.
    value : float
        Computed from the terms, not copied from the array.
    n_terms : int
        Terms of the whole sum, those that are not written out among them.
    note : str
        A sentence more, where the formula alone would not be clear.
    """

    name: str
    symbols: str
    numbers: str
    value: float
    n_terms: int = 1
    note: str = ""

    def __str__(self):
        margin = " " * len(self.name)
        lines = [f"{self.name} = {self.symbols}", f"{margin} = {self.numbers}", f"{margin} = {short(self.value)}"]
        if lines[1].strip() == lines[2].strip():
            del lines[1]
        return "\n".join([*lines, self.note] if self.note else lines)

    def __repr__(self):
        return str(self)


def short(value):
    """A number in four digits: '0.3142', '-2', '1e-05'."""
    return f"{float(value) + 0.0:.4g}"  # + 0.0: no "-0"


def factor(value):
    """A number as a factor: a negative one in brackets."""
    text = short(value)
    return f"({text})" if text.startswith("-") else text


def product(*pairs):
    """The Term of a product of (symbol, number) pairs.

    >>> product(("x[0,1]", 0.5), ("W[1,0]", -2.0))
    Term(symbols='x[0,1] W[1,0]', numbers='0.5*(-2)', value=-1.0)
    """
    value = 1.0
    for _, number in pairs:
        value *= float(number)
    return Term(" ".join(s for s, _ in pairs), "*".join(factor(n) for _, n in pairs), value)


def total(name, terms, note=""):
    """The Explanation of a sum. Of more than MOST terms those with the largest values are written out, in order."""
    terms = list(terms)
    value = sum(term.value for term in terms)
    if not terms:
        return Explanation(name, "0", "0", 0.0, 0, note or "Nothing reaches this place.")
    shown = sorted(sorted(range(len(terms)), key=lambda i: -abs(terms[i].value))[:MOST])
    symbols = " + ".join(terms[i].symbols for i in shown)
    numbers = " + ".join(terms[i].numbers for i in shown)
    rest = len(terms) - len(shown)
    if rest:
        smaller = value - sum(terms[i].value for i in shown)
        symbols += f" + ... ({rest:,} smaller {'terms' if rest > 1 else 'term'})"
        numbers += f" + {factor(smaller)}"
    return Explanation(name, symbols, numbers, float(value), len(terms), note)


def entry(name, index):
    """'dW[2,0]'; a number that is no array has no index."""
    return f"{name}[{','.join(str(int(i)) for i in index)}]" if len(index) else name

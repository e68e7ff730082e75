"""Topics of documents: codes of word counts, documents about the same thing, words that a code's numbers stand for.

    data = load_newsgroups()
    topics, histories = train(data.x_train, data.words, code_size=10)
    codes = topics.encode(data.x_test)
    curve = precision_curve(codes, data.y_test)  # same group among the first 1, 2, ... documents found

The groups are used for nothing but to judge the codes.
"""

from tinyae.applications.topics.comparison import compare
from tinyae.applications.topics.lsa import LSA
from tinyae.applications.topics.model import TopicModel, load_topics
from tinyae.applications.topics.retrieval import POINTS, nearest, precision_curve
from tinyae.applications.topics.training import train
from tinyae.applications.topics.weights import TermWeights, shares
from tinyae.applications.topics.words import strongest_words

__all__ = [
    "train",
    "TopicModel",
    "load_topics",
    "TermWeights",
    "shares",
    "LSA",
    "precision_curve",
    "POINTS",
    "nearest",
    "strongest_words",
    "compare",
]

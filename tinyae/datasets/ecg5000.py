"""ECG5000: 500 + 4,500 heart beats of one patient, 140 numbers each, normal or in one of four kinds of failure.

The archive ECG5000.zip of the UCR collection holds ECG5000_TRAIN.txt and ECG5000_TEST.txt: a line for each beat, first
its class from 1 to 5, then 140 amplitudes. Every beat has mean 0 and standard deviation 1.

Where the test file is not there, a file ecg5000.npz is taken: `train` (500, 140), `train_labels` (500,) from 1 to 5,
`test` (4500, 140), `test_anomaly` (4500,) 0 for class 1 and 1 for the others, and `test_labels` (4500,), 0 where the
class is known only not to be 1.

Source: BIDMC Congestive Heart Failure Database, record chf07 (Goldberger et al., Circulation 101(23), 2000); cut and
labelled by Y. Chen, E. Keogh; Dau et al., "The UCR Time Series Archive", IEEE/CAA J. Autom. Sinica 6(6), 2019.
"""

import io

import numpy as np

from tinyae.checks import UsageError
from tinyae.datasets import store
from tinyae.datasets.dataset import Dataset
from tinyae.datasets.download import DownloadError
from tinyae.datasets.source import Source
from tinyae.files import NOT_WHOLE

ARCHIVE, TRAIN, TEST, ONE_FILE = "ECG5000.zip", "ECG5000_TRAIN.txt", "ECG5000_TEST.txt", "ecg5000.npz"
LENGTH = 140
COUNTS = {"train": (292, 177, 10, 19, 2), "test": (2627, 1590, 86, 175, 22)}  # of the classes 1 to 5
CLASS_NAMES = (
    "normal", "R-on-T premature ventricular contraction", "premature ventricular contraction",
    "supra-ventricular or ectopic beat", "unclassified",
)  # fmt: skip
UNKNOWN_CLASS = "abnormal, kind not known"

SOURCE = Source(
    name="ecg5000",
    title="ECG5000",
    content="500 + 4,500 heart beats of 140 numbers, normal or of four abnormal kinds",
    files={ARCHIVE: None},
    mirrors=("https://www.timeseriesclassification.com/aeon-toolkit/",),
    members={ARCHIVE: (TRAIN, TEST)},
    substitutes=(ONE_FILE,),
    megabytes=10.6,
    licence="ODC-By 1.0 (PhysioNet)",
    citation="Goldberger et al., Circulation 101(23), 2000; Chen, Keogh et al., UCR archive (Dau et al., 2019)",
    homepage="https://www.timeseriesclassification.com/description.php?Dataset=ECG5000",
)


def load_ecg5000(data_dir=None, download=True):
    """ECG5000: x (500, 140) and (4500, 140) float32, z-normalised amplitudes; label 0 is a normal beat.

    Parameters
    ----------
    data_dir : str or Path, optional
        Folder that holds ecg5000/ with ECG5000.zip, with its two text files (packed by gzip or not), or with
        ecg5000.npz. Without it: $TINYAE_DATA_DIR, the user's cache folder, then the network.
    download : bool
        False: never use the network.

    Returns
    -------
    Dataset
        From the text files in the published order, five classes. From ecg5000.npz the normal test beats come first,
        and a sixth class holds the abnormal ones whose kind it does not know. Normal or not is complete in both.

    Raises
    ------
    UsageError
        A folder or file is missing where it was said to be, or damaged, or not this data set.
    DownloadError
        Not on disk and not to be had from the network.
    """
    one_file = store.find_file(SOURCE.name, [ONE_FILE], data_dir)
    try:
        contents = store.read(SOURCE, [TRAIN, TEST], data_dir, download=download and one_file is None)
    except (DownloadError, UsageError):
        if one_file is None:
            raise
        return _from_one_file(one_file)
    (x_train, y_train), (x_test, y_test) = (
        _parse(contents[name], part) for name, part in ((TRAIN, "train"), (TEST, "test"))
    )
    return Dataset("ecg5000", x_train, y_train, x_test, y_test, (1, LENGTH, 1), CLASS_NAMES)


def _parse(content, part):
    """Beats (N, 140) float32 and labels (N,) from 0 to 4 of a text file's content."""
    try:
        table = np.loadtxt(io.BytesIO(content.data.replace(b",", b" ")), ndmin=2)
    except NOT_WHOLE as why:
        _fail(content.place, "lines of 141 numbers", (str(why) or type(why).__name__).splitlines()[0])
    _check_shape(content.place, table, (sum(COUNTS[part]), 1 + LENGTH))
    labels = _known_labels(content.place, table[:, 0], low=1)
    _check_counts(content.place, labels, COUNTS[part])
    return _beats(content.place, table[:, 1:]), labels - 1


def _from_one_file(path):
    """The Dataset in an ecg5000.npz."""
    names = ("train", "train_labels", "test", "test_anomaly", "test_labels")
    try:
        with open(path, "rb") as f, np.load(f, allow_pickle=False) as file:
            train, train_labels, test, anomaly, test_labels = (file[name] for name in names)
    except NOT_WHOLE as why:
        reason = (str(why) or type(why).__name__).splitlines()[0]
        _fail(path, f"a whole .npz file with {', '.join(names)}", f"a damaged or different one ({reason})")
    for array, shape in ((train, (500, LENGTH)), (test, (4500, LENGTH)), (train_labels, (500,)),
                         (anomaly, (4500,)), (test_labels, (4500,))):  # fmt: skip
        _check_shape(path, array, shape)
    train_labels = _known_labels(path, train_labels, low=1)
    test_labels = _known_labels(path, test_labels, low=0)
    _check_counts(path, train_labels, COUNTS["train"])
    if (anomaly.astype(bool) != (test_labels != 1)).any() or (test_labels == 1).sum() != COUNTS["test"][0]:
        _fail(path, f"{COUNTS['test'][0]} test beats of class 1, the others abnormal", "labels that say otherwise")
    unknown = (test_labels == 0).any()
    test_labels[test_labels == 0] = len(CLASS_NAMES) + 1
    names = (*CLASS_NAMES, UNKNOWN_CLASS) if unknown else CLASS_NAMES
    return Dataset(
        "ecg5000", _beats(path, train), train_labels - 1, _beats(path, test), test_labels - 1, (1, LENGTH, 1), names
    )


def _check_shape(path, array, shape):
    if array.shape != shape or array.dtype.kind not in "fiub":
        _fail(path, f"numbers of shape {shape}", f"{array.shape} of {array.dtype}")


def _known_labels(path, labels, low):
    """Labels as int64; UsageError unless they are whole numbers from `low` to 5."""
    if not np.isin(labels, np.arange(low, 6)).all():
        strange = labels[~np.isin(labels, np.arange(low, 6))][0]
        _fail(path, f"classes from {low} to 5 in the first column", f"{strange:g}")
    return labels.astype(np.int64)


def _check_counts(path, labels, counts):
    got = tuple(np.bincount(labels, minlength=6)[1:].tolist())
    if got != counts:
        _fail(path, f"{counts} beats of the classes 1 to 5", f"{got}")


def _beats(path, x):
    """Beats as float32, checked to be normalised."""
    if not np.isfinite(x).all() or np.abs(x.mean(axis=1)).max() > 1e-3 or np.abs(x.std(axis=1) - 1).max() > 0.02:
        _fail(path, "beats with mean 0 and standard deviation 1", "others; take the files of the UCR archive")
    return np.ascontiguousarray(x, np.float32)


def _fail(path, expected, got):
    raise UsageError(f"load ecg5000: {path}: expected {expected}, got {got}.") from None

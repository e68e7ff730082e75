"""A folder of pictures as samples: PNG and JPEG, by Pillow."""

import re
from pathlib import Path

import numpy as np

from tinyae.checks import UsageError
from tinyae.files import reason
from tinyae.samples.base import Samples, classes_of, refuse

SUFFIXES = (".png", ".jpg", ".jpeg")
GREY = ("1", "L", "LA", "I", "I;16", "F")  # Pillow's modes without colour


def picture_samples(who, path, image_size=None, colour=None):
    """The Samples of all pictures in a folder, or of one picture.

    Parameters
    ----------
    path : Path
        A folder of pictures; or of folders, one for each class.
    image_size : (height, width), optional
        Every picture is scaled to cover this size, and what sticks out is cut off on both sides alike.
    colour : bool, optional
        Three channels or one. Without it three where any picture has colour.

    Notes
    -----
    Files come in the order of people (2.png before 10.png). Transparent parts become white; a JPEG is turned as its
    camera says; 16 bits a channel become 8.
    """
    files, classes = _files(who, path)
    pictures = []
    for file in files:
        picture = _open(who, file, image_size)
        if pictures and picture.shape[:2] != pictures[0].shape[:2]:
            (h, w), (height, width) = picture.shape[:2], pictures[0].shape[:2]
            refuse(
                who, path, "images of one size",
                f"{height} x {width} in {files[0].name} and {h} x {w} in {file.name}; --image-size {height}x{width} "
                "scales and crops them",
            )  # fmt: skip
        pictures.append(picture)
    if colour is None:
        colour = any(picture.shape[2] == 3 for picture in pictures)
    x = np.empty((len(pictures), *pictures[0].shape[:2], 3 if colour else 1), np.uint8)
    for i, picture in enumerate(pictures):
        x[i], pictures[i] = picture if colour else _luminance(picture), None
    root = path if path.is_dir() else path.parent
    names = tuple(file.relative_to(root).as_posix() for file in files)
    labels, class_names = classes_of(classes) if classes else (None, ())
    return Samples(path, x, "images", files=names, labels=labels, class_names=class_names)


def _files(who, path):
    """The pictures of a folder in order; the class of each, where they lie in folders of classes."""
    if not path.is_dir():
        return [path], []
    try:
        files = _pictures_in(path)
        if files:
            return files, []
        files = [
            file for folder in sorted(filter(Path.is_dir, path.iterdir()), key=_order) for file in _pictures_in(folder)
        ]
    except OSError as why:
        refuse(who, path, "a folder one can read", f"{why.strerror}; check its permissions")
    if not files:
        refuse(who, path, f"pictures ({', '.join(SUFFIXES)}), or folders of them", "a folder without any")
    return files, [file.parent.name for file in files]


def _pictures_in(folder):
    found = (file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES and not file.name.startswith("."))
    return sorted(found, key=_order)


def _order(file):
    """People's order: 2.png before 10.png."""
    parts = re.split(r"(\d+)", file.name.lower())
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts], file.name


def _open(who, file, image_size):
    """One picture as uint8 (H, W, 1 or 3)."""
    from PIL import Image, ImageOps

    try:
        with Image.open(file, formats=("PNG", "JPEG")) as image:
            image = ImageOps.exif_transpose(image)
            image = _plain(image)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as why:
        text = "no PNG or JPEG" if isinstance(why, Image.UnidentifiedImageError) else reason(why)
        refuse(who, file, "a whole PNG or JPEG", f"one that Pillow cannot read ({text}); remove it or fetch it again")
    if image_size is not None:
        height, width = image_size
        image = ImageOps.fit(image, (width, height))
    picture = np.asarray(image)
    return picture.reshape(*picture.shape[:2], -1)


def _plain(image):
    """A Pillow image of mode L or RGB."""
    from PIL import Image

    if image.mode in ("I;16", "I"):
        return Image.fromarray((np.asarray(image, dtype=np.int64) >> 8).clip(0, 255).astype(np.uint8))
    if image.has_transparency_data:
        grey = image.mode in GREY
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        return image.convert("L" if grey else "RGB")
    return image.convert("L" if image.mode in GREY else "RGB")


def _luminance(picture):
    """(H, W, 1) of (H, W, 1 or 3), as Pillow makes grey of colour: ITU-R 601-2."""
    from PIL import Image

    if picture.shape[2] == 1:
        return picture
    return np.asarray(Image.fromarray(picture).convert("L"))[..., None]


def check_image_size(who, size):
    """(height, width) as whole numbers >= 1, or None; UsageError for anything else."""
    if size is None:
        return None
    try:
        height, width = (int(n) for n in size)
        if (height, width) == tuple(size) and min(height, width) >= 1:
            return height, width
    except (TypeError, ValueError):
        pass
    raise UsageError(f"{who}: expected image_size to be (height, width), got {size!r}.")

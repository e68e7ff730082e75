"""Coloured scenes drawn by code: 32 x 32, red, green and blue, in which shape and brightness tell the colour.

Made for colourising. What a thing is says which colour it has, and where that leaves a choice its brightness decides:
a pale apple is green and a dark one red, a bright sky is blue and a black one nearly grey. Some of the colour is
drawn freely (HUE_NOISE), so that no net can know it all.

Five classes: "meadow" (sky, grass, the sun or a cloud), "house" (the same with wall, roof, door and window), "sea"
(sky, waves, sand, a boat), "night" (moon, stars, hills), "fruit" (an apple, orange, banana or plum on a table).
"""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from tinyae.checks import check_int
from tinyae.datasets.dataset import Dataset
from tinyae.datasets.source import Source

SIZE = 32  # pixels
CLASS_NAMES = ("meadow", "house", "sea", "night", "fruit")
CHUNK = 250  # images a thread draws at a time; the number of threads changes nothing
CHOICES, THINGS = 16, 8  # numbers in [0, 1) that an image may need, and things in it with a colour of their own
HUE_NOISE = 0.03  # standard deviation of what is added to red, green and blue of every thing

SOURCE = Source(
    name="coloured",
    title="built-in coloured scenes",
    content="10,000 + 2,000 colour images of 32 x 32, five kinds of scenes",
    licence="MIT, as tinyae",
    citation="made by tinyae",
)


def _colours(*rows):
    return np.array(rows, np.float32)


# Red, green, blue of each thing at full brightness.
SKY, HAZE, SUN, CLOUD = _colours((0.35, 0.62, 1.0), (0.80, 0.92, 1.0), (1.0, 0.86, 0.25), (1.0, 1.0, 1.0))
GRASS, WALL, ROOF = _colours((0.42, 0.85, 0.25), (1.0, 0.93, 0.72), (0.95, 0.32, 0.22))
DOOR, WINDOW = _colours((0.6, 0.38, 0.2), (0.5, 0.75, 1.0))
SEA, SAND, SAIL, HULL = _colours((0.15, 0.72, 0.78), (1.0, 0.86, 0.58), (1.0, 0.98, 0.95), (0.62, 0.33, 0.18))
DARK, MOON, HILL = _colours((0.3, 0.35, 0.62), (1.0, 0.97, 0.80), (0.25, 0.5, 0.3))
TABLE, PLASTER, STALK = _colours((0.80, 0.55, 0.32), (0.92, 0.90, 0.88), (0.45, 0.3, 0.15))
RED_APPLE, GREEN_APPLE = _colours((0.95, 0.16, 0.2), (0.72, 0.95, 0.3))
ORANGE, BANANA, PLUM = _colours((1.0, 0.6, 0.1), (1.0, 0.9, 0.25), (0.6, 0.25, 0.75))
WHOLE, FULL = np.ones((1, SIZE, SIZE), np.float32), np.ones((1, 1, 1), np.float32)  # all of an image; full light


def load_coloured(n_train=10_000, n_test=2000, seed=0):
    """Draw the built-in coloured scenes.

    Parameters
    ----------
    n_train, n_test : int
        Number of images. The first n images are the same whatever the number, and the test images do not depend on
        `n_train`.
    seed : int
        Same seed, same images, for any number of cores.

    Returns
    -------
    Dataset
        x (N, 3072) float32 from 0 to 1 in steps of 1/255, `x.reshape(-1, 32, 32, 3)` for red, green, blue; y (N,) 0 to
        4, every five labels in a row hold each class once.

    Raises
    ------
    UsageError
        A number is not whole or below zero.
    """
    n_train = check_int("load_coloured", "n_train", n_train, 0)
    n_test = check_int("load_coloured", "n_test", n_test, 0)
    train, test = np.random.SeedSequence(check_int("load_coloured", "seed", seed, 0)).spawn(2)
    x_train, y_train = _draw(n_train, train)
    x_test, y_test = _draw(n_test, test)
    return Dataset("coloured", x_train, y_train, x_test, y_test, (SIZE, SIZE, 3), CLASS_NAMES)


def _draw(n, seed):
    """n images (n, 3072) and labels (n,); each kind of choice has a generator of its own, read image by image."""
    order, choice, hue, grain = map(np.random.default_rng, seed.spawn(4))
    classes = len(CLASS_NAMES)
    labels = np.argsort(order.random((-(-n // classes), classes)), axis=1).reshape(-1)[:n]
    u = choice.random((n, CHOICES), np.float32)
    hues = HUE_NOISE * hue.standard_normal((n, THINGS, 3), np.float32)
    texture = grain.standard_normal((n, SIZE, SIZE), np.float32)
    x = np.empty((n, SIZE * SIZE * 3), np.float32)

    def draw_chunk(start):
        for number, scene in enumerate((_meadow, _house, _sea, _night, _fruit)):
            mine = start + np.flatnonzero(labels[start : start + CHUNK] == number)
            canvas = Canvas(u[mine], hues[mine], texture[mine])
            scene(canvas)
            x[mine] = canvas.in_bytes()

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        list(threads.map(draw_chunk, range(0, n, CHUNK)))
    return x, labels


class Canvas:
    """Images being painted, (n, SIZE, SIZE, 3), and the numbers that every next choice comes from.

    Coordinates are pixels, x to the right and y down; the middle of the first pixel is (0, 0).
    """

    def __init__(self, u, hues, texture):
        self.u, self.hues, self.texture, self.next, self.things = u, hues, texture, 0, 0
        self.image = np.zeros((len(u), SIZE, SIZE, 3), np.float32)
        self.y, self.x = np.mgrid[:SIZE, :SIZE].astype(np.float32)

    def choose(self, low, high):
        """A number from low to high for every image, (n, 1, 1)."""
        self.next += 1
        return low + (high - low) * self.u[:, self.next - 1, None, None]

    def paint(self, cover, colour, light):
        """Cover a part of every image with a colour.

        Parameters
        ----------
        cover : array (n or 1, SIZE, SIZE)
            Share of each pixel, 0 to 1.
        colour : (3,) or array (n, 1, 1, 3) or (n, SIZE, SIZE, 3)
        light : array (n or 1, SIZE, SIZE) or (n, 1, 1)
            Brightness, 1 for the colour itself.
        """
        noise = self.hues[:, self.things, None, None]
        self.things += 1
        paint = (np.asarray(colour) + noise) * np.asarray(light)[..., None]
        self.image += cover[..., None] * (np.clip(paint, 0, 1) - self.image)

    def below(self, height, slope=0.0):
        """Everything below a line that is `height` high in the middle."""
        return edge(self.y - height - slope * (self.x - SIZE / 2))

    def disc(self, x, y, radius, flatness=1.0):
        """A disc, or an ellipse `flatness` times as high as wide."""
        return edge(radius - np.hypot(self.x - x, (self.y - y) / flatness))

    def box(self, left, top, right, bottom):
        inside = np.minimum(np.minimum(self.x - left, right - self.x), np.minimum(self.y - top, bottom - self.y))
        return edge(inside)

    def triangle(self, x, top, bottom, half_width):
        """A triangle that stands on its base, tip at (x, top)."""
        reach = (self.y - top) * half_width / (bottom - top)
        return edge(np.minimum(reach - np.abs(self.x - x), bottom - self.y))

    def in_bytes(self):
        """Rows of red, green, blue in steps of 1/255."""
        levels = np.rint(255 * np.clip(self.image, 0, 1))
        return levels.reshape(len(levels), int(np.prod(levels.shape[1:]))) / np.float32(255)


def edge(distance):
    """How much of a pixel is covered whose middle lies `distance` pixels inside of an edge."""
    return np.clip(distance + 0.5, 0, 1)


# -- scenes ------------------------------------------------------------------------------------------


def _sky(c):
    """A blue sky, paler towards the horizon, with the sun or a cloud; gives the horizon's height."""
    horizon, light = c.choose(14, 23), c.choose(0.75, 1.0)
    paler = np.clip(c.y / horizon, 0, 1)[..., None]
    c.paint(WHOLE, (1 - paler) * SKY + paler * HAZE, light)
    sunny, x, y, radius = c.choose(0, 1) < 0.5, c.choose(5, 27), c.choose(4, 8), c.choose(2.2, 4.0)
    c.paint(sunny * c.disc(x, y, radius), SUN, FULL)
    cloud = np.maximum(c.disc(x, y, radius), c.disc(x + 1.3 * radius, y + 0.8, 0.8 * radius))
    cloud = np.maximum(cloud, c.disc(x - 1.3 * radius, y + 0.6, 0.75 * radius))
    c.paint(~sunny * cloud, CLOUD, FULL)
    return horizon


def _meadow(c):
    horizon = _sky(c)
    c.paint(c.below(horizon, c.choose(-0.25, 0.25)), GRASS, c.choose(0.5, 0.85) + 0.06 * c.texture)


def _house(c):
    _meadow(c)
    x, top, half, light = c.choose(10, 22), c.choose(13, 17), c.choose(5, 8), c.choose(0.8, 1.0)
    bottom = top + c.choose(8, 12)
    c.paint(c.box(x - half, top, x + half, bottom), WALL, light)
    c.paint(c.triangle(x, top - 0.9 * half, top + 0.5, half + 1.5), ROOF, c.choose(0.45, 0.75))
    side = np.where(c.choose(0, 1) < 0.5, -1, 1) * half * 0.45
    c.paint(c.box(x + side - 1.3, bottom - 5, x + side + 1.3, bottom), DOOR, 0.8 * light)
    c.paint(c.box(x - side - 1.6, top + 2, x - side + 1.6, top + 5), WINDOW, 0.7 * light)


def _sea(c):
    horizon = _sky(c)
    waves = np.sin(c.y * c.choose(1.2, 2.2) + c.choose(0, 6) + 0.8 * np.sin(c.x * c.choose(0.2, 0.6)))
    c.paint(c.below(horizon), SEA, c.choose(0.45, 0.7) + 0.09 * waves)
    c.paint(c.below(c.choose(25, 29), c.choose(-0.15, 0.15)), SAND, c.choose(0.8, 1.0) + 0.03 * c.texture)
    x, size = c.choose(8, 24), c.choose(3, 5)
    c.paint(c.triangle(x, horizon - 1.8 * size, horizon, 0.8 * size), SAIL, FULL)
    c.paint(c.box(x - size, horizon, x + size, horizon + 0.5 * size), HULL, c.choose(0.5, 0.8))


def _night(c):
    c.paint(WHOLE, DARK, c.choose(0.15, 0.4) + 0.1 * c.y / SIZE)
    c.paint(c.texture > 2.6, CLOUD, c.choose(0.6, 1.0))
    x, y, radius = c.choose(5, 27), c.choose(5, 11), c.choose(3, 5)
    shadow = c.disc(x + c.choose(0.3, 2.2) * radius, y, radius)
    c.paint(c.disc(x, y, radius) * (1 - shadow), MOON, c.choose(0.85, 1.0))
    hills = c.choose(21, 26) + c.choose(1, 3) * np.sin(c.x * c.choose(0.2, 0.5) + c.choose(0, 6))
    c.paint(c.below(hills), HILL, c.choose(0.15, 0.35) + 0.02 * c.texture)


def _fruit(c):
    top = c.choose(17, 22)
    c.paint(WHOLE, PLASTER, c.choose(0.6, 0.95))
    wood = np.sin(c.y * c.choose(1.5, 3.0) + 0.5 * np.sin(0.4 * c.x + c.choose(0, 6)))
    c.paint(c.below(top), TABLE, c.choose(0.55, 0.9) + 0.05 * wood + 0.02 * c.texture)
    kind, light = c.choose(0, 4), c.choose(0.0, 1.0)
    x, y, radius = c.choose(11, 21), c.choose(15, 19), c.choose(5.5, 8.5)
    from_light = np.hypot(c.x - x + radius / 3, c.y - y + radius / 3) / radius  # which comes from the upper left
    shade = 1 - 0.25 * np.minimum(from_light, 1.5) ** 2
    apple, orange, banana, plum = (np.floor(kind) == k for k in range(4))
    pale = light[..., None] > 0.5  # an apple's brightness tells whether it is green
    c.paint(apple * c.disc(x, y, radius), np.where(pale, GREEN_APPLE, RED_APPLE), shade * (0.6 + 0.4 * light))
    c.paint(apple * c.box(x - 0.7, y - radius - 2.5, x + 0.7, y - 0.75 * radius), STALK, 0.6 * FULL)
    c.paint(orange * c.disc(x, y, radius), ORANGE, shade * (0.75 + 0.2 * light) + 0.05 * c.texture)
    crescent = c.disc(x, y, radius) * (1 - c.disc(x, y - 0.65 * radius, radius))
    c.paint(banana * crescent, BANANA, shade * (0.85 + 0.15 * light))
    c.paint(plum * c.disc(x, y, 0.8 * radius, 0.8), PLUM, shade * (0.35 + 0.25 * light))

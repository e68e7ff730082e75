"""The ways to write each digit that `digits` draws: control points and the strokes that join them.

Points are written "x,y" in hundredths of the digit's height, y down from the top, in the proportions of the
written digit. A stroke is a word: its letters are the points it runs through, a the first. The pen turns sharply
where one word ends and the next begins. `share` is how often the form is used within its class, by and large as
people in MNIST do.
"""

from typing import NamedTuple


class Form(NamedTuple):
    """One way to write one digit."""

    digit: int
    share: float
    points: str
    strokes: str


FORMS = (
    # 0: round; begun on the right; with the ends crossing at the top
    Form(0, 0.45, "36,2 10,20 2,55 13,88 37,99 64,82 72,48 60,14 38,1", "abcdefghi"),
    Form(0, 0.30, "56,6 24,6 3,38 6,78 30,99 58,84 71,50 66,18 46,3 30,5", "abcdefghij"),
    Form(0, 0.25, "48,0 24,13 3,50 12,88 36,99 62,75 68,38 55,12 34,6 24,12", "abcdefghij"),
    # 1: a bar; with a flag; with flag and base
    Form(1, 0.70, "30,0 30,33 30,66 30,100", "abcd"),
    Form(1, 0.18, "10,22 22,12 32,0 31,50 30,100", "abc cde"),
    Form(1, 0.12, "10,24 22,14 34,0 34,50 33,98 2,99 62,97", "abc cde fg"),
    # 2: with a corner at the foot; with a loop; with a straight neck
    Form(2, 0.45, "5,22 22,3 50,2 64,22 50,52 24,80 2,97 36,94 72,97", "abcdefg ghi"),
    Form(2, 0.40, "6,20 25,2 52,6 60,30 42,62 18,90 3,95 2,82 16,76 42,90 74,96", "abcdefghijk"),
    Form(2, 0.15, "2,12 22,1 50,5 56,30 38,66 8,98 38,99 70,90", "abcdefgh"),
    # 3: two bowls meeting in a point; flat top; with a small loop in the middle
    Form(3, 0.55, "8,12 30,0 56,10 50,34 25,46 56,56 66,76 42,97 16,98 0,87", "abcde efghij"),
    Form(3, 0.15, "6,5 34,4 62,3 46,20 28,40 56,48 64,74 40,97 2,92", "abc cde efghi"),
    Form(3, 0.30, "6,10 34,0 56,12 48,34 27,46 22,50 30,50 56,56 62,78 36,98 0,92", "abcdefghijk"),
    # 4: open, in two strokes; closed, drawn in one; open, with a low bar and a short stem
    Form(4, 0.50, "12,2 6,25 4,50 30,54 60,46 60,2 56,30 52,65 50,100", "abc cde fghi"),
    Form(4, 0.25, "46,0 28,28 2,62 36,62 74,60 48,40 47,70 46,100", "abc cde afgh"),
    Form(4, 0.25, "14,4 5,30 10,52 34,52 60,30 68,4 58,38 50,70 44,100", "abcdef fghi"),
    # 5: bar, neck, bowl; one sweep like an S; the bar put on afterwards
    Form(5, 0.50, "68,2 44,3 22,5 20,24 16,42 38,40 60,56 56,84 30,100 2,90", "abc cde efghij"),
    Form(5, 0.25, "74,4 48,2 26,10 20,30 36,46 56,64 46,92 20,100 0,88", "abcdefghi"),
    Form(5, 0.25, "24,8 20,26 18,42 42,44 56,64 44,92 4,96 50,5 80,0", "abc cdefg ahi"),
    # 6: curved back; straight back; a small low loop
    Form(6, 0.45, "50,0 24,18 6,50 5,80 26,99 52,86 50,64 28,57 8,74", "abcdefghi"),
    Form(6, 0.30, "36,0 20,25 7,55 10,86 34,98 56,82 46,62 26,62 10,80", "abcdefghi"),
    Form(6, 0.25, "62,2 34,12 10,42 2,76 18,98 44,92 50,72 36,60 18,68 8,86", "abcdefghij"),
    # 7: plain; with a hook at the left; with a bar; curved
    Form(7, 0.45, "2,10 28,7 60,4 46,34 32,66 24,100", "abc cdef"),
    Form(7, 0.20, "2,22 6,6 32,8 64,3 48,34 36,66 30,100", "ab bcd defg"),
    Form(7, 0.15, "2,8 30,6 62,2 46,34 34,66 26,100 16,54 58,48", "abc cdef gh"),
    Form(7, 0.20, "0,16 22,6 48,5 58,18 50,46 40,74 36,100", "abcdefg"),
    # 8: one crossing stroke from the top right; begun at the top; two rings
    Form(8, 0.45, "58,12 38,0 14,10 14,30 36,48 56,70 46,95 20,98 8,76 26,52 50,34 60,14", "abcdefghijkl"),
    Form(8, 0.35, "36,2 14,8 16,32 40,52 52,76 36,98 12,92 12,68 36,46 54,24 48,6 34,3", "abcdefghijkl"),
    Form(8, 0.20, "32,46 12,34 16,8 40,0 54,18 46,40 10,62 6,86 30,100 56,88 54,60", "abcdefa aghijka"),
    # 9: curved tail; straight stem; stem with a hook
    Form(9, 0.40, "54,12 32,1 7,14 4,38 26,48 50,32 57,10 54,40 46,70 36,100", "abcdefg ghij"),
    Form(9, 0.40, "56,8 30,2 5,20 10,42 36,42 56,14 56,45 54,72 52,100", "abcdef fghi"),
    Form(9, 0.20, "56,16 36,0 10,12 8,38 32,46 52,30 57,14 56,46 50,82 30,100 10,92", "abcdefghijk"),
)


def points_as_rows(form):
    """The control points of a form, (C, 2) as nested lists: "36,2 10,20" -> [[0.36, 0.02], [0.1, 0.2]]."""
    return [[int(number) / 100 for number in point.split(",")] for point in form.points.split()]


def strokes_as_rows(form):
    """The words of a form as row numbers: "abc cd" -> [[0, 1, 2], [2, 3]]."""
    return [[ord(letter) - ord("a") for letter in word] for word in form.strokes.split()]

"""Tables as text: alignment, dashes where there is no number, Markdown that has as many cells as titles."""

import doctest

from tinyae import tables

ROWS = [{"method": "autoencoder", "psnr": 20.04, "n": 1234567}, {"method": "median", "psnr": None}]
COLUMNS = [("method", "method", "{}"), ("PSNR, dB", "psnr", "{:.1f}"), ("n", "n", "{:,}")]


def test_the_docstring_is_true():
    assert doctest.testmod(tables).failed == 0


def test_plain_aligns_the_first_column_left_and_numbers_right():
    assert tables.plain(ROWS, COLUMNS).splitlines() == [
        "method       PSNR, dB          n",
        "autoencoder      20.0  1,234,567",
        "median              –          –",
    ]


def test_markdown_has_a_rule_below_the_titles():
    assert tables.markdown(ROWS, COLUMNS).splitlines() == [
        "| method | PSNR, dB | n |",
        "|---|---|---|",
        "| autoencoder | 20.0 | 1,234,567 |",
        "| median | – | – |",
    ]


def test_a_table_without_rows_has_its_titles():
    assert tables.plain([], COLUMNS) == "method  PSNR, dB  n"
    assert tables.markdown([], COLUMNS).count("\n") == 1

"""The cards and the offline page: complete, safe, and stepping with the arrow keys in a real browser."""

import re
import shutil
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest

from tinyae import Autoencoder, Conv2D, Dense, Flatten, MaxPool, Reshape, UpSample, UsageError
from tinyae.trace import trace
from tinyae.trace.colours import GRADIENTS, VALUES, coloured, is_dark, palette_of
from tinyae.trace.html import card, mathml, shrunk


@pytest.fixture(scope="module")
def dense_steps():
    model = Autoencoder([Dense(3, "tanh")], [Dense(4, "sigmoid")], input_shape=4, penalty=[])
    return trace(model, np.random.default_rng(0).uniform(size=(2, 4)), optimizer="adam")


@pytest.fixture(scope="module")
def conv_steps():
    encoder = [Conv2D(3, 3, activation="relu"), MaxPool(2), Flatten(), Dense(2)]
    decoder = [Dense(16), Reshape((4, 4, 1)), UpSample(2), Conv2D(1, 3, activation="sigmoid")]
    model = Autoencoder(encoder, decoder, input_shape=(8, 8, 1))
    return trace(model, np.random.default_rng(0).uniform(size=(2, 8, 8, 1)))


class Balance(HTMLParser):
    """Fails where a tag is closed that was not opened last."""

    VOID = ("img", "meta", "br")

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, tag


@pytest.mark.parametrize("which", ["dense_steps", "conv_steps"])
def test_a_card_is_whole_and_needs_nothing_from_elsewhere(which, request):
    for step in request.getfixturevalue(which):
        page = card(step)
        parser = Balance()
        parser.feed(page)
        assert not parser.open
        assert not re.search(r"(src|href)\s*=\s*[\"'](?!data:|#)", page) and "@import" not in page
        for name in step.arrays:
            assert f"<b>{name.replace(chr(39), '&#x27;')}</b>" in page
        assert page == step._repr_html_()


def test_numbers_say_their_sum_when_pointed_at(dense_steps):
    page = card(dense_steps.find("encoder.dense_1", "backward"))
    assert 'title="dW[0,0] = x[0,0] dy[0,0] + x[1,0] dy[1,0]' in page


def test_images_and_filters_are_pictures(conv_steps):
    page = card(conv_steps.find("encoder.conv2d_1", "backward"))
    assert page.count("data:image/png;base64,") == 5  # dy, x, W, dW, dx; b and db are numbers
    assert 'alt="W"' in page and "<td" in page


def test_formulas_are_drawn_by_the_browser(dense_steps):
    pytest.importorskip("latex2mathml")
    assert "<math" in card(dense_steps[0]) and "\\" not in mathml(dense_steps[0].formula.latex)


def test_every_formula_becomes_mathml():
    pytest.importorskip("latex2mathml")
    from tinyae.trace import formulas

    for table in (formulas.LAYERS, formulas.LOSSES, formulas.PENALTIES, formulas.OPTIMIZERS, formulas.MACHINES):
        for kind, entry in table.items():
            for latex in entry[1::2]:
                assert "\\" not in mathml(latex), kind


@pytest.mark.parametrize(
    ("latex", "within"),
    [
        (r"x' - f''", '<mi>x</mi><mo lspace="0" rspace="0">&#x02032;</mo>'),  # at the letter's side, in full size
        (r"x'_{nk}", '<msub><mrow><mi>x</mi><mo lspace="0" rspace="0">&#x02032;</mo></mrow><mrow><mi>n</mi>'),
        (r"x \log y", '<mspace width="0.17em"/><mi>log</mi>'),
        ("l = -x", '<mo form="prefix">&#x02212;</mo><mi>x</mi>'),
        (r"W \mathrel{+}= x", "<mo>+=</mo>"),
        (r"\hat{m} + \overline{x^2}", '<mrow style="border-top: 1px solid; padding-top: 2px"><mrow><msup><mi>x</mi>'),
    ],
)
def test_formulas_are_set_as_tex_sets_them(latex, within):
    pytest.importorskip("latex2mathml")
    drawn = mathml(latex)
    assert within in drawn
    ElementTree.fromstring(drawn)  # every tag that opens closes


def test_without_latex2mathml_a_card_shows_the_latex(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "latex2mathml.converter", None)
    assert mathml.__wrapped__(r"y = \sigma(x)") == r"<code>y = \sigma(x)</code>"


def test_names_cannot_break_out_of_the_page(dense_steps):
    step = dense_steps[0]
    step.note = '<script>alert(1)</script>"'
    try:
        assert "<script>" not in card(step)
    finally:
        step.note = ""


def test_colours():
    table = coloured(np.array([-1.0, 0.0, 1.0]), VALUES, (-1, 1))
    np.testing.assert_array_equal(table, [VALUES[0], VALUES[2], VALUES[-1]])
    assert palette_of("dW", np.array([0.5, 0.1]))[0] is GRADIENTS
    assert palette_of("W", np.array([0.5, 0.1]))[1] == (0.0, 1.0)
    assert palette_of("W", np.array([-3.0, 2.0])) == (VALUES, (-3.0, 3.0))
    assert is_dark((0, 0, 0)) and not is_dark((255, 255, 255))


def test_holes_of_a_target_are_paper_and_leave_the_other_colours_as_they_are():
    holed, whole = np.array([-3.0, np.nan, 1.0]), np.array([-3.0, 0.0, 1.0])
    assert palette_of("target", holed) == palette_of("target", whole)
    table = coloured(holed, *palette_of("target", holed))
    np.testing.assert_array_equal(table[1], 3 * [255])
    np.testing.assert_array_equal(table[::2], coloured(whole, *palette_of("target", whole))[::2])
    assert palette_of("target", np.full(2, np.nan))[1] == (-1.0, 1.0)


def test_a_large_matrix_is_averaged_down():
    table = np.arange(600.0 * 5).reshape(600, 5)
    small = shrunk(table)
    assert small.shape == (200, 5)
    np.testing.assert_allclose(small[0], table[:3].mean(axis=0))


def test_a_widget_says_what_it_needs(dense_steps, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    with pytest.raises(UsageError, match=r"browse: expected ipywidgets.*pip install 'tinyae\[notebook\]'"):
        dense_steps.widget()


def test_the_widgets_buttons_step(dense_steps):
    pytest.importorskip("ipywidgets")
    box = dense_steps.widget()
    back, forward, place = box.children[0].children
    assert place.value == 1 and back.disabled
    forward.click()
    assert place.value == 2 and dense_steps.place == 1 and dense_steps[1].layer in box.children[1].value
    back.click()
    assert place.value == 1


def test_the_page_is_written_whole(dense_steps, tmp_path):
    path = tmp_path / "steps.html"
    dense_steps.to_html(path)
    page = path.read_text()
    assert page.count("<section hidden>") == len(dense_steps)
    assert not re.search(r"(src|href)\s*=\s*[\"'](?!data:|#)", page) and "http" not in page.replace(
        "http://www.w3.org", ""
    )
    assert list(tmp_path.iterdir()) == [path]


@pytest.fixture(scope="module")
def browser():
    """Chromium without a window; skipped where it or its driver is missing."""
    webdriver = pytest.importorskip("selenium.webdriver")
    driver, binary = shutil.which("chromedriver"), shutil.which("chromium") or shutil.which("google-chrome")
    if not driver or not binary:
        pytest.skip("no chromium with chromedriver")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    with webdriver.Chrome(options=options, service=webdriver.ChromeService(driver)) as chrome:
        yield chrome


@pytest.mark.oracle
@pytest.mark.filterwarnings("default")
@pytest.mark.slow
def test_the_arrow_keys_step_in_a_real_browser(browser, dense_steps, tmp_path):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    dense_steps.to_html(tmp_path / "steps.html")
    browser.get((tmp_path / "steps.html").as_uri())
    body = browser.find_element(By.TAG_NAME, "body")

    def shown():
        (section,) = [s for s in browser.find_elements(By.TAG_NAME, "section") if s.is_displayed()]
        return section.find_element(By.TAG_NAME, "h3").text

    assert "1 of" in shown() and "encoder.dense_1" in shown()
    body.send_keys(Keys.ARROW_RIGHT)
    assert "2 of" in shown() and "tanh" in shown()
    body.send_keys(Keys.ARROW_LEFT, Keys.ARROW_LEFT)
    assert "1 of" in shown()
    body.send_keys(Keys.END)
    assert "Adam" in shown() and not browser.find_element(By.ID, "next").is_enabled()
    browser.find_element(By.ID, "back").click()
    assert f"{len(dense_steps) - 1} of" in shown()
    body.send_keys(Keys.HOME)
    cell = next(c for c in browser.find_elements(By.CSS_SELECTOR, "td[title]") if c.is_displayed())
    cell.click()
    assert browser.find_element(By.ID, "why").text == str(dense_steps[0].why(0, 0))
    assert not [line for line in browser.get_log("browser") if line["level"] == "SEVERE"]

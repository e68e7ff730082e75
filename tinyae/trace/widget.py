"""Steps with buttons in a notebook."""

from tinyae.checks import UsageError


def browse(steps):
    """A widget with buttons back and next, a slider, and the card of the step; needs ipywidgets.

    Raises
    ------
    UsageError
        ipywidgets is not installed.
    """
    try:
        import ipywidgets as widgets
    except ImportError:
        raise UsageError(
            "browse: expected ipywidgets, which is not installed; pip install 'tinyae[notebook]', or use "
            "steps.to_html(path)."
        ) from None
    from tinyae.trace.html import card

    place = widgets.IntSlider(1, 1, len(steps), description="step", continuous_update=False)
    back, forward = widgets.Button(description="back"), widgets.Button(description="next")
    shown = widgets.HTML(card(steps[0]))

    def show(_=None):
        steps.place = place.value - 1
        shown.value = card(steps[steps.place])
        back.disabled, forward.disabled = place.value == 1, place.value == len(steps)

    place.observe(show, names="value")
    back.on_click(lambda _: setattr(place, "value", max(1, place.value - 1)))
    forward.on_click(lambda _: setattr(place, "value", min(len(steps), place.value + 1)))
    show()
    return widgets.VBox([widgets.HBox([back, forward, place]), shown])

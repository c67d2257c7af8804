"""Widgets that a notebook groups itself still show something where no kernel runs."""

import base64

import ipywidgets
import numpy as np

from cnnkit.explore import Canvas, Group

WORDS = "A gray ramp, chosen by the slider."


def group(level):
    picture = Canvas(name="ramp", interactive=False)
    picture.show(np.full((8, 8), level, np.float32), 0.0, 1.0, title="ramp")
    return Group(ipywidgets.IntSlider(), picture, caption=WORDS)


def test_a_still_and_a_sentence_stand_beside_the_widget():
    bundle = group(0.5)._repr_mimebundle_()
    assert bundle["text/plain"] == WORDS
    assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG")
    assert "application/vnd.jupyter.widget-view+json" in bundle


def test_the_still_is_of_what_is_shown():
    dark, bright = (group(level)._repr_mimebundle_()["image/png"] for level in (0.1, 0.9))
    assert dark != bright


def test_the_repr_is_short():
    assert repr(group(0.5)) == f"<Group: {WORDS}>"

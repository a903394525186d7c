"""The page: complete in itself, safe with hostile names, written whole or not at all."""

import re
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest

from scanml.errors import ArtifactError, DataError
from scanml.evaluation.plots import history_figure
from scanml.evaluation.report_page import Page

HOSTILE = "\"><script>alert(1)</script><img src=x onerror='alert(1)'>&amp;\x00\udc80"
VOID = {"meta", "img", "br"}


@pytest.fixture
def png():
    return bytes(cv2.imencode(".png", np.zeros((2, 3, 3), np.uint8))[1])


@pytest.fixture
def jpeg():
    return bytes(cv2.imencode(".jpg", np.zeros((2, 3, 3), np.uint8))[1])


class Elements(HTMLParser):
    """Every element with its attributes, the visible text, and whether all that opens is closed in order."""

    def __init__(self, text):
        super().__init__()
        self.found, self.open, self.words = [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def page_of_everything(text, png, jpeg):
    page = Page(text, text)
    page.badge(text, tone="good")
    page.badge(text)
    for _ in range(3):
        page.heading(text)
    page.text(f"{text}\n\n{text}")
    page.table([text, "n"], [[text, 1], [text, None]], caption=text)
    page.figure(png, caption=text)
    page.figure(history_figure([0, 1], {"loss": [2.0, 1.0]}), caption=text)
    page.gallery([(jpeg, text), (png, text)])
    return page


def test_hostile_text_stays_text(png, jpeg):
    page = Elements(page_of_everything(HOSTILE, png, jpeg).render())
    tags = {tag for tag, _ in page.found}
    assert "script" not in tags
    assert not [name for _, attributes in page.found for name in attributes if name.startswith("on")]
    assert "<script>alert(1)</script>" in "".join(page.words)
    assert sum(tag == "img" for tag, _ in page.found) == 4


def test_nothing_is_fetched_from_anywhere(png, jpeg):
    text = page_of_everything("cups", png, jpeg).render()
    assert not re.search(r"https?://|//\w|url\(|@import", re.sub(r"base64,[A-Za-z0-9+/=]+", "", text))
    for tag, attributes in Elements(text).found:
        assert tag not in {"script", "link", "iframe", "object"}
        assert attributes.get("src", "data:").startswith("data:image/") or "src" not in attributes
        assert attributes.get("href", "#").startswith("#")
    assert "default-src 'none'" in text


def test_contents_lead_to_their_headings(png, jpeg):
    found = Elements(page_of_everything("cups", png, jpeg).render()).found
    targets = {attributes["href"][1:] for tag, attributes in found if tag == "a"}
    assert len(targets) == 3 and targets == {a["id"] for tag, a in found if tag == "h2"}


def test_numbers_are_aligned_and_what_is_undefined_is_a_dash():
    page = Page("numbers")
    page.table(["name", "AP", "n"], [["cup", 0.12345, 1234], ["dog", None, 0], ["cat", float("nan"), 7]])
    text = page.render()
    assert '<td>cup</td><td class="number">0.123</td><td class="number">1,234</td>' in text
    assert text.count('<td class="number">\N{EN DASH}</td>') == 2


def test_an_empty_page_and_empty_parts_are_valid():
    page = Page("")
    page.table(["a"], [])
    page.gallery([])
    page.text("\n\n")
    Elements(page.render())


def test_the_same_calls_make_the_same_page(png, jpeg):
    assert page_of_everything("a", png, jpeg).render() == page_of_everything("a", png, jpeg).render()


def test_what_does_not_fit_is_refused():
    with pytest.raises(DataError, match="row 1 must have 2 cells"):
        Page("a").table(["x", "y"], [["1", "2"], ["1"]])
    with pytest.raises(DataError, match="PNG or JPEG"):
        Page("a").figure(b"<svg onload=alert(1)>")


def test_a_page_is_written_whole_and_over_an_older_one(tmp_path):
    path = tmp_path / "page.html"
    path.write_text("old")
    page = Page(HOSTILE)
    page.write(path)
    assert path.read_text(encoding="utf-8") == page.render()
    assert [entry.name for entry in tmp_path.iterdir()] == ["page.html"]


def test_a_page_that_cannot_be_written_leaves_nothing_behind(tmp_path):
    with pytest.raises(ArtifactError, match=r"missing.page\.html"):
        Page("a").write(tmp_path / "missing" / "page.html")
    (tmp_path / "page.html").mkdir()
    with pytest.raises(ArtifactError, match=r"page\.html"):
        Page("a").write(tmp_path / "page.html")
    assert [entry.name for entry in tmp_path.iterdir()] == ["page.html"]

"""The page in Chromium: what a person meets who shows it pictures."""

import base64
import io
import json

import browser
import numpy as np
import pytest
from page_pictures import encoded, noise
from PIL import Image

from keras_kd.export.edge.classify import prepare
from keras_kd.export.runners import LiteRunner


def choose(page, folder, **files):
    """Chooses files of these contents; the texts of their cards, in that order."""
    names = {name.replace("_", "."): content for name, content in files.items()}
    before = page.execute_script("return document.querySelectorAll('.card').length")
    paths = [folder / name for name in names]
    for path, content in zip(paths, names.values()):
        path.write_bytes(content)
    page.find_element("id", "files").send_keys("\n".join(map(str, paths)))
    return cards(page, before + len(names))[: len(names)][::-1]


def cards(page, count):
    browser.wait_for(page, f"document.querySelectorAll('.card').length >= {count}")
    return [one.text for one in page.find_elements("class name", "card")]


def test_what_is_no_picture_gets_a_sentence(page, tmp_path):
    good = encoded(Image.fromarray(noise(20, 20, 3)))
    told = choose(
        page,
        tmp_path,
        empty_jpg=b"",
        text_jpg=b"not a picture",
        cut_png=good[:60],
        no_png=good[:16] + bytes(4) + good[20:],  # of no width
        photo_heic=b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(50),
        good_png=good,
    )
    for text, expected in zip(told, ["The file is empty.", "no picture that a browser reads",
                                     "damaged, or too large", "damaged, or too large",
                                     "HEIC pictures are not readable", "float32"]):  # fmt: skip
        assert expected in text, text
    assert "good.png" in page.find_element("id", "status").text


def test_answers_stand_side_by_side(page, page_folder, tmp_path):
    content = encoded(Image.fromarray(noise(40, 30, 3)))
    (text,) = choose(page, tmp_path, one_png=content)
    how = json.loads((page_folder / "page.json").read_text())
    image = prepare(Image.open(io.BytesIO(content)), how["preparation"])[None]
    for name in ("float32", "int8"):
        logits = LiteRunner(page_folder / "models" / f"student_{name}.tflite")(image)[0]
        share = 100 * np.exp(logits).max() / np.exp(logits).sum()
        (column,) = [
            one
            for one in page.find_elements("css selector", ".columns > div")
            if one.text.startswith(name)
        ]
        first = column.find_elements("css selector", "li")[0]
        label = how["labels"][logits.argmax()]
        assert first.text.split("\n")[0].startswith(label) and f"{share:.1f} %" in first.text
        assert " ms" in column.text
        bar = first.find_element("class name", "bar").size["width"]
        track = first.find_element("class name", "track").size["width"]
        assert abs(100 * bar / track - share) < 1
    assert "one.png" in text
    status = page.find_element("id", "status")
    assert status.get_attribute("aria-live") == "polite" and "one.png. float32: " in status.text


GIVEN = """
const data = new DataTransfer();
for (const text of arguments[1]) {
  data.items.add(new File([Uint8Array.from(atob(text), (one) => one.charCodeAt(0))], "given.png"));
}
const event = arguments[0] === "paste"
  ? new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true})
  : new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true});
document.body.dispatchEvent(event);
return event.defaultPrevented;
"""


@pytest.mark.parametrize("how", ["paste", "drop"])
def test_pictures_are_pasted_and_dropped(page, how):
    files = [encoded(Image.fromarray(noise(20, 20, 3, seed))) for seed in (1, 2)]
    files = [base64.b64encode(file).decode() for file in files]
    prevented = browser.awaited(page, GIVEN, how, files)
    assert prevented or how == "paste"  # the browser would leave the page for the picture
    assert all("given.png" in text for text in cards(page, 2))
    browser.awaited(page, GIVEN, how, [])
    assert "holds no picture" in page.find_element("id", "status").text


def test_the_camera_is_opened_used_and_closed(page):
    page.find_element("id", "open-camera").click()
    browser.wait_for(page, "document.getElementById('video').videoWidth")
    page.find_element("id", "take").click()
    assert "Camera" in cards(page, 1)[0]
    page.find_element("id", "close-camera").click()
    browser.wait_for(page, "document.getElementById('video').srcObject === null")
    assert page.find_element("id", "open-camera").is_displayed()


def test_without_a_camera_a_sentence_says_so(page):
    refused = "async () => { throw new DOMException('', 'NotFoundError'); }"
    page.execute_script(f"navigator.mediaDevices.getUserMedia = {refused}")
    page.find_element("id", "open-camera").click()
    browser.wait_for(page, "document.getElementById('status').textContent.includes('no camera')")
    assert not page.find_element("id", "video").is_displayed()
    page.execute_script("delete navigator.mediaDevices.getUserMedia")


def test_test_pictures_answer_as_they_did_at_the_export(page, page_folder):
    """By the keyboard alone, and the two files on every picture."""
    from selenium.webdriver.common.keys import Keys

    samples = json.loads((page_folder / "page.json").read_text())["samples"]
    buttons = page.find_elements("css selector", "#pictures button")
    assert len(buttons) == len(samples["pictures"]) == samples["examples"] == 16
    buttons[0].send_keys(Keys.ENTER)
    assert "Test picture 1" in cards(page, 1)[0]
    for button in buttons[1:]:
        button.send_keys(Keys.SPACE)
    found = cards(page, len(buttons))[::-1]
    labels = json.loads((page_folder / "page.json").read_text())["labels"]
    for text, picture in zip(found, samples["pictures"]):
        lines = text.split("\n")
        first = [
            lines[at + 1].strip()
            for at, line in enumerate(lines)
            if line.startswith(("float32 ", "int8 "))
        ]
        right = [labels[one] for one in picture["answers"]]
        assert len(first) == 2
        assert all(line.startswith(label) for line, label in zip(first, right)), text
        assert ("they differ" in text) == (right[0] != right[1])


@pytest.mark.parametrize("width", [320, 390, 1100])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_and_can_be_read(page, tmp_path, width, scheme):
    """Nothing juts out on narrow screens, and words stand out from what is behind them."""
    choose(page, tmp_path, one_png=encoded(Image.fromarray(noise(20, 20, 3))), two_png=b"")
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    media = [{"name": "prefers-color-scheme", "value": scheme}]
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": media})
    assert page.execute_script("return document.documentElement.scrollWidth") <= width
    found = page.execute_script(COLOURS)
    assert len(found) > 10
    for text, ink, paper in found:
        assert contrast(ink, paper) >= 4.5, (text, ink, paper)
    page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


COLOURS = """
const behind = (one) => {
  for (; one; one = one.parentElement) {
    const colour = getComputedStyle(one).backgroundColor;
    if (colour !== "rgba(0, 0, 0, 0)") return colour;
  }
};
return [...document.querySelectorAll("p, h1, h2, h3, li, span, button, .button, a")]
  .filter((one) => one.checkVisibility())
  .filter((one) => [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
  .map((one) => [one.textContent, getComputedStyle(one).color, behind(one)]);
"""


def contrast(*colours):
    """Of two CSS colours, by WCAG 2."""
    lights = []
    for colour in colours:
        parts = np.array([float(one) for one in colour[colour.index("(") + 1 : -1].split(",")][:3])
        parts = parts / 255
        linear = np.where(parts <= 0.03928, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        lights.append(linear @ [0.2126, 0.7152, 0.0722])
    return (max(lights) + 0.05) / (min(lights) + 0.05)


def test_nothing_comes_from_elsewhere_and_nothing_fails(page, driver):
    code = "return performance.getEntriesByType('resource').map((one) => one.name)"
    here = page.execute_script("return location.origin")
    fetched = page.execute_script(code)
    assert len(fetched) > 10 and all(one.startswith((here, "data:")) for one in fetched)
    ours = [
        one["message"] for one in driver.get_log("browser") if "litert_js" not in one["message"]
    ]
    assert not [one for one in ours if "No available adapters" not in one]  # no graphics here

"""What holds for every format: written whole, read again, true to the student, and told."""

import inspect
import subprocess
import sys

import numpy as np
import pytest

from keras_kd.export import benchmark, check_formats, formats, verify
from keras_kd.export.material import Material
from keras_kd.utils.files import folder_bytes

FORMATS = formats.found()


@pytest.fixture(params=FORMATS)
def kind(request):
    """A format, unless its libraries are not installed here."""
    one = FORMATS[request.param]
    try:
        one.check_installed()
    except ValueError as error:
        pytest.skip(str(error))
    return one


def test_it_is_declared_in_full(kind):
    assert kind.title and kind.file_name and "{" not in kind.file_name
    assert isinstance(kind.order, int) and bool(kind.requires) == bool(kind.extra)
    parameters = inspect.signature(kind.write).parameters
    for need in kind.needs:
        assert hasattr(Material, need), need
        assert need in parameters or "needed" in parameters
    names = [one.file_name for one in FORMATS.values()]
    assert names.count(kind.file_name) == 1


def test_facts_are_those_of_the_file(kind, exported):
    path, facts = exported(kind.name)
    assert facts["bytes"] == folder_bytes(path) > 0 and facts["path"] == str(path)
    assert not [entry for entry in path.parent.iterdir() if entry.name.startswith(".")]


def test_it_gives_the_students_answers(kind, exported, batch_norm_net, images):
    path, _ = exported(kind.name)
    logits = batch_norm_net(images, training=False).numpy()
    facts = kind.verify(logits, path, [(images, logits.argmax(-1))])
    assert facts["examples"] == len(images) and facts["accuracy"] == facts["agreement_with_keras"]
    assert facts["max_abs_logit_difference"] < 0.05 * np.ptp(logits)


def test_it_is_known_by_its_file(kind, exported, images, batch_norm_net):
    """`verify` and `benchmark` get a path and no name."""
    path, _ = exported(kind.name)
    assert kind.opens(path) and formats.of_path(path).opens(path)
    assert verify(batch_norm_net, path, [images])["examples"] == len(images)
    timed = benchmark(path, runs=3, warmup=1)
    assert 0 < timed["latency_ms"] <= timed["p90_ms"]
    assert timed["threads"] == kind.open(path).threads
    assert kind.open(path).image_shape == images.shape[1:]
    for way, runner in kind.ways(path):
        assert way["threads"] == runner.threads and runner.image_shape == images.shape[1:]


def test_what_it_says_is_text(kind, exported):
    _, facts = exported(kind.name)
    for told in (facts, {}):
        assert all(isinstance(remark, str) and remark for remark in kind.remarks(told))


def test_they_are_in_order_and_none_is_listed():
    assert list(FORMATS) == sorted(FORMATS, key=lambda name: (FORMATS[name].order, name))
    assert check_formats() == [name for name, one in FORMATS.items() if one.by_default]
    assert check_formats(["all"]) == check_formats() and check_formats([]) == []
    name = check_formats()[-1]
    assert check_formats([name, name, "all"])[0] == name
    assert sum(one.is_reference for one in FORMATS.values()) <= 1


def test_mistakes_name_the_nearest():
    for name in FORMATS:
        with pytest.raises(
            ValueError, match=rf"Received: format='{name}x'\. Did you mean '{name}'"
        ):
            check_formats([name + "x"])


def test_a_name_that_is_gone_is_still_told(tmp_path):
    """A report may hold a format whose file is not there any more."""
    gone = formats.of_name("gone")
    assert gone.title == "" and gone.remarks({"fallback": "odd"}) == ["odd"]
    assert formats.of_path(tmp_path / "nothing") is None


def test_listing_them_needs_no_tensorflow():
    code = "import sys; from keras_kd import export; export.check_formats(); "
    code += "print('tensorflow' in sys.modules, 'keras' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert found.stdout.split() == ["False", "False"], found.stderr

"""What a format is before it says more: its file's name, its remarks, and what it lacks."""

import pytest

from keras_kd.export import check_formats, formats
from keras_kd.export.format import Format


def test_its_file_is_named_by_it_unless_it_says_otherwise():
    one = Format()
    one.name = "near"
    assert one.file_name == "student_near"
    one.file = "{name}.bin"
    assert one.file_name == "near.bin"


def test_only_a_fallback_is_remarked_on():
    assert Format().remarks({"bytes": 1, "fallback": ""}) == []
    assert Format().remarks({"fallback": "2 tensors stay"}) == ["2 tensors stay"]


def test_what_needs_nothing_is_installed():
    Format().check_installed()
    one = Format()
    one.requires = ("json",)
    one.check_installed()


@pytest.mark.parametrize("call", ["write", "opens", "open"])
def test_a_kind_must_say_itself_how(call):
    arguments = (None, None) if call == "write" else (None,)
    with pytest.raises(NotImplementedError):
        getattr(Format(), call)(*arguments)


def test_missing_libraries_are_told_with_what_installs_them(monkeypatch):
    class Far(Format):
        name, requires, extra = "far", ("json", "no_such_library"), "far"

    monkeypatch.setattr(formats, "found", lambda: {"far": Far()})
    with pytest.raises(ValueError, match=r"without no_such_library\. .*pip install 'keras-kd\[far"):
        check_formats(["far"])

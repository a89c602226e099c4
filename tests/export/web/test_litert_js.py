"""Where LiteRT.js comes from: a folder, a cache, or npm; and sentences where there is none."""

import os
import shutil

import pytest

from keras_kd.export import formats
from keras_kd.export.web import litert_js


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """No cache, no folder, and no npm."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv(litert_js.FOLDER, raising=False)
    return tmp_path


def packages(folder):
    for package, files in litert_js.FILES.items():
        for file in files:
            path = folder / package / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{package} {file}")
    return folder


def npm(nowhere, script):
    """A command npm that is this shell script."""
    program = nowhere / "bin" / "npm"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!{shutil.which('sh', path=os.defpath)}\n{script}\n")
    program.chmod(0o755)


def test_without_npm_a_sentence_says_how_to_get_them(nowhere):
    with pytest.raises(ValueError, match=r"Install npm .*npm install @litertjs/core@2\.5\.3"):
        formats.check_formats(["float32", "web"])
    assert formats.check_formats(["float32"]) == ["float32"]  # the others are unharmed
    assert "web" not in formats.check_formats(["all"])


def test_a_folder_that_is_named_is_taken(nowhere, monkeypatch):
    monkeypatch.setenv(litert_js.FOLDER, str(packages(nowhere / "mine")))
    litert_js.check()
    litert_js.copy(nowhere / "page")
    assert litert_js.missing(nowhere / "page") == []
    wasm = "core/wasm/litert_wasm_internal.wasm"
    assert (nowhere / "page" / wasm).read_text() == wasm.replace("/", " ", 1)


def test_a_folder_without_them_is_refused(nowhere, monkeypatch):
    (packages(nowhere / "mine") / "wasm-utils" / "dist" / "index.js").unlink()
    monkeypatch.setenv(litert_js.FOLDER, str(nowhere / "mine"))
    with pytest.raises(ValueError, match=r"mine, without wasm-utils/dist/index\.js"):
        litert_js.check()


def test_a_cache_needs_no_npm(nowhere):
    packages(litert_js.place())
    litert_js.check()
    assert litert_js.fetch() == litert_js.place()


def test_npm_is_started_by_the_name_that_it_is_found_under(nowhere, monkeypatch):
    npm(nowhere, "echo 'as npm.cmd' >&2; exit 1")  # which Windows calls it
    program = (nowhere / "bin" / "npm").rename(nowhere / "bin" / "npm.cmd")
    monkeypatch.setattr(litert_js.shutil, "which", lambda name: str(program))
    with pytest.raises(ConnectionError, match=r"as npm\.cmd"):
        litert_js.fetch()


def test_npm_that_fails_is_quoted(nowhere):
    npm(nowhere, "echo 'npm error ENOTFOUND' >&2; exit 1")
    with pytest.raises(ConnectionError, match=r"could not fetch @litertjs/core.*ENOTFOUND"):
        litert_js.fetch()
    assert not litert_js.place().exists()


def test_what_is_not_as_it_was_published_is_refused(nowhere):
    npm(nowhere, 'echo other > "$5/litertjs-core-2.5.3.tgz"')
    with pytest.raises(ConnectionError, match="as it was published"):
        litert_js.fetch()
    assert not litert_js.place().exists()

"""Where the files of LiteRT.js come from: two npm packages, fetched once and kept.

Reference: https://ai.google.dev/edge/litert/web, Apache License 2.0.
"""

import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from keras_kd.utils.files import replace_folder

VERSION = "2.5.3"
FOLDER = "KERAS_KD_LITERT_JS"  # an environment variable: a folder that holds them already
# npm package -> sha256 of its archive, as it was published.
PACKAGES = {
    "core": "a97660833e9e7e1063c95e12016718881240b14f7438728a2f62785e912d30fd",
    "wasm-utils": "ce2a1f8379c067be49e59752e5a7f40db6be09f6e497f0f11e59f17b515366a7",
}
# The files that the page asks for. A browser fetches one of the two runtimes: those without relaxed
# SIMD, as Safari was for long, the one that is called compat. Threads would want headers that most
# web servers do not send, and the runtimes for WebNN are larger.
FILES = {
    "core": (
        "package.json",
        "dist/index.js",
        "wasm/litert_wasm_internal.js",
        "wasm/litert_wasm_internal.wasm",
        "wasm/litert_wasm_compat_internal.js",
        "wasm/litert_wasm_compat_internal.wasm",
    ),
    "wasm-utils": ("package.json", "dist/index.js"),
}
HOW = (
    f"Install npm (it comes with Node.js) for the first export of a page, or run `npm install "
    f"@litertjs/core@{VERSION}` elsewhere and set {FOLDER} to its folder node_modules/@litertjs"
)


def place():
    """`pathlib.Path` of the folder that holds the packages, or would once they are fetched."""
    if given := os.environ.get(FOLDER):
        return Path(given).expanduser()
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras").expanduser()
    return home / "litert_js" / VERSION


def check():
    """Refuses where the files are not there and nothing could fetch them.

    Raises:
        ValueError: says how to get them.
    """
    if os.environ.get(FOLDER):
        if absent := missing(place()):
            raise ValueError(
                f"{FOLDER} must be a folder with the packages core and wasm-utils of LiteRT.js, "
                f"as node_modules/@litertjs is. Received: {place()}, without {absent[0]}. {HOW}."
            )
    elif missing(place()) and shutil.which("npm") is None:
        raise ValueError(
            "A page in a browser needs the files of LiteRT.js. Received: neither "
            f"{place()} nor the command npm to fetch them. {HOW}, or leave the format web out."
        )


def missing(folder):
    """Those of `FILES` that are not in a folder, as `package/path`."""
    names = [f"{package}/{file}" for package, files in FILES.items() for file in files]
    return [name for name in names if not (folder / name).is_file()]


def fetch():
    """The folder that holds the packages, fetched first where they are not there.

    Raises:
        ValueError: as `check`.
        ConnectionError: npm could not fetch them; says what it said, and what to do.
    """
    check()
    target = place()
    if not missing(target):
        return target
    with tempfile.TemporaryDirectory() as scratch, replace_folder(target) as fresh:
        for package, expected in PACKAGES.items():
            archive = _packed(package, Path(scratch))
            received = hashlib.sha256(archive.read_bytes()).hexdigest()
            if received != expected:
                raise ConnectionError(
                    f"npm did not bring @litertjs/{package} {VERSION} as it was published. "
                    f"Received: an archive of sha256 {received}, expected {expected}. {HOW}."
                )
            _unpack(archive, fresh / package, FILES[package])
    return target


def copy(target):
    """Copies what the page needs into the folder `target`, fetched first if need be."""
    source = fetch()
    for package, files in FILES.items():
        for file in files:
            place = target / package / file
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / package / file, place)


def _packed(package, folder):
    """The archive of a package as npm fetches it: a path."""
    name = f"@litertjs/{package}@{VERSION}"
    program = shutil.which("npm") or "npm"  # Windows starts npm.cmd under its whole name only
    try:
        subprocess.run(
            [program, "pack", name, "--loglevel=error", "--pack-destination", str(folder)],
            check=True,
            capture_output=True,
            text=True,
            timeout=600,
            cwd=folder,
        )
    except (OSError, subprocess.SubprocessError) as error:
        failed = isinstance(error, subprocess.CalledProcessError)
        said = (error.stderr.split() if failed else None) or str(error).split()
        raise ConnectionError(
            f"npm could not fetch {name}. Received: {' '.join(said)[:300]}. {HOW}."
        ) from error
    return folder / f"litertjs-{package}-{VERSION}.tgz"


def _unpack(archive, folder, files):
    with tarfile.open(archive) as members:
        for file in files:
            target = folder / file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(members.extractfile(f"package/{file}").read())

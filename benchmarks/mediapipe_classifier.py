"""Do MediaPipe and the edge script give the served class of real photographs?

python benchmarks/mediapipe_classifier.py --workdir=DIR [--work=FOLDER] [--images=500]

Takes a finished run on photographs, exports its student into FOLDER with `io=uint8` and
`output=probabilities`, makes an environment of its own with `mediapipe` in it, and asks
`ImageClassifier` there for the class of every test photograph: of the box that the evaluation cuts,
moved as docs/guide.md says; of that box as it is; and of the whole image, which MediaPipe squeezes
into a square. MediaPipe shows pixels as they are stored: of a run with `data.exif=apply` it gets
images that lie on their side turned, as an app would have to turn them. Writes
benchmarks/results/mediapipe_classifier.json.
"""

import argparse
import json
import subprocess
import venv
from pathlib import Path

import numpy as np

RESULTS = Path(__file__).parent / "results" / "mediapipe_classifier.json"
FORMATS = ("float32", "float16", "dynamic", "int8")
REGIONS = ("mediapipe, box moved", "mediapipe, box", "mediapipe, whole image")
# Runs where mediapipe is: the classes that each file gives to each image and region.
ASK = """
import json, sys
import mediapipe
from mediapipe.tasks.python import BaseOptions
from mediapipe.tasks.python.components.containers.rect import RectF
from mediapipe.tasks.python.vision import ImageClassifier, ImageClassifierOptions
from mediapipe.tasks.python.vision.core.image_processing_options import ImageProcessingOptions
models, asked = json.load(open(sys.argv[1]))
told = {"version": mediapipe.__version__, "classes": {}}
for model in models:
    options = ImageClassifierOptions(BaseOptions(model_asset_path=model), max_results=1)
    with ImageClassifier.create_from_options(options) as classifier:
        classes = told["classes"][model] = []
        for path, regions in asked:
            image = mediapipe.Image.create_from_file(path)
            found = []
            for region in regions:
                where = region and ImageProcessingOptions(RectF(**region))
                result = classifier.classify(image, where)
                found.append(result.classifications[0].categories[0].category_name)
            classes.append(found)
json.dump(told, open(sys.argv[2], "w"))
"""


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--workdir", required=True, help="a finished run on photographs")
    parser.add_argument("--work", default="mediapipe", help="folder for files and environment")
    parser.add_argument("--images", type=int, default=500, help="photographs at most")
    options = parser.parse_args(arguments)
    work = Path(options.work).resolve()
    work.mkdir(parents=True, exist_ok=True)
    material, files = export(options.workdir, work)
    paths, regions, served = photographs(material, work, options.images)
    shown = [upright(path) for path in paths] if material.exif == "apply" else paths
    told = ask(work, [str(files[name]) for name in FORMATS], list(zip(shown, regions)))
    table = {"mediapipe": told["version"], "photographs": len(paths), "formats": {}}
    for name in FORMATS:
        columns = zip(*told["classes"][str(files[name])])
        table["formats"][name] = {
            **{how: share(classes, served) for how, classes in zip(REGIONS, columns)},
            "classify.py": share(by_edge_script(files[name], paths), served),
        }
    RESULTS.write_text(json.dumps(table, indent=2) + "\n")
    print(json.dumps(table, indent=2))


def share(classes, served):
    """Share of photographs with the served class."""
    return float(np.mean([one == other for one, other in zip(classes, served)]))


def export(workdir, work):
    """The run as exporters see it, and the path of each file by its format."""
    from keras_kd.export import Options, formats
    from keras_kd.export.material import Material

    material = Material(workdir, Options(io="uint8", output="probabilities"))
    files = {}
    for name in ("saved_model", *FORMATS):
        kind = formats.get(name)
        files[name] = work / kind.file_name
        needed = material.for_format(kind)
        kind.write(material.student, files[name], material.resolution, **needed)
    return material, files


def photographs(material, work, most):
    """Paths of test photographs, the regions to ask for of each, and the class served of each.

    Regions are of the image as the run sees it: upright where its config has `data.exif=apply`.
    """
    import tensorflow as tf

    from keras_kd.data.ops import central_boxes, full_boxes

    examples = material.source.split(material.split)
    rows = np.linspace(0, examples.num_examples - 1, min(most, examples.num_examples)).round()
    rows = rows.astype(np.int64)
    sizes = examples.sizes[rows]
    boxes = full_boxes(sizes) if material.full_image else central_boxes(sizes, material.scale)
    items = examples.fetch(rows)
    paths = []
    (work / "images").mkdir(exist_ok=True)
    for row, item in zip(rows, items):
        paths.append(str(work / "images" / f"{row}.jpg"))
        Path(paths[-1]).write_bytes(item.numpy())
    regions = [
        [moved_region(box, size, material.resolution), region(box, size), None]
        for box, size in zip(np.asarray(boxes).tolist(), sizes.tolist())
    ]
    serve = tf.saved_model.load(str(work / "saved_model")).signatures["serve_bytes"]
    parts = [
        serve(bytes=items[i : i + 100])["class_name"].numpy() for i in range(0, len(rows), 100)
    ]
    return paths, regions, [name.decode() for name in np.concatenate(parts)]


def upright(path):
    """Path of the same image, with its pixels as its EXIF orientation says.

    Args:
        path: of an encoded image.
    """
    from PIL import Image, ImageOps

    from keras_kd.data.orientation import UPRIGHT, orientation_of

    path = Path(path)
    if orientation_of(path.read_bytes()) == UPRIGHT:
        return str(path)
    turned = path.with_suffix(".upright.png")
    with Image.open(path) as image:
        ImageOps.exif_transpose(image).convert("RGB").save(turned)
    return str(turned)


def region(box, size):
    """A box as `RectF` takes it.

    Args:
        box: top, left, height, width in pixels.
        size: height and width of the image in pixels.
    """
    top, left, height, width = box
    return {
        "left": left / size[1],
        "top": top / size[0],
        "right": (left + width) / size[1],
        "bottom": (top + height) / size[0],
    }


def moved_region(box, size, side):
    """The box, moved so that MediaPipe's pixels lie where the evaluation's do.

    MediaPipe interpolates at the corner of each pixel of the network, the evaluation at its middle.

    Args:
        box, size: as for `region`.
        side: of the network's images in pixels.
    """
    top, left, height, width = box
    top, left = top + (height / side - 1) / 2, left + (width / side - 1) / 2
    return region((top, left, height, width), size)


def ask(work, models, asked):
    """What MediaPipe says, in an environment of its own."""
    environment = work / "environment"
    python = environment / "bin" / "python"
    if not python.exists():
        venv.create(environment, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "mediapipe"], check=True)
    (work / "asked.json").write_text(json.dumps([models, asked]))
    subprocess.run(
        [python, "-c", ASK, str(work / "asked.json"), str(work / "told.json")], check=True
    )
    return json.loads((work / "told.json").read_text())


def by_edge_script(file, images):
    """What `export/edge/classify.py` says."""
    from PIL import Image

    from keras_kd.export.edge.classify import Classifier

    classifier = Classifier(file)
    found = []
    for path in images:
        with Image.open(path) as image:
            found.append(classifier.top(image, 1)[0][0])
    return found


if __name__ == "__main__":
    main()

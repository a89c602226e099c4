"""Do MediaPipe and the edge script give the served class of real photographs?

python benchmarks/mediapipe_classifier.py --workdir=DIR [--work=FOLDER] [--images=500]

Takes a finished run on photographs, exports its student into FOLDER with `io=uint8` and
`output=probabilities`, makes an environment of its own with `mediapipe` in it, and asks
`ImageClassifier` there for the class of every test photograph: once of the box that the evaluation
cuts, which an app names as `region_of_interest`, and once of the whole image, which MediaPipe
squeezes into a square by itself. Writes benchmarks/results/mediapipe_classifier.json.
"""

import argparse
import json
import subprocess
import venv
from pathlib import Path

import numpy as np

RESULTS = Path(__file__).parent / "results" / "mediapipe_classifier.json"
FORMATS = ("float32", "float16", "dynamic", "int8")
# Runs where mediapipe is: the classes that each file gives to each image.
ASK = """
import json, sys
import mediapipe
from mediapipe.tasks.python import BaseOptions
from mediapipe.tasks.python.vision import ImageClassifier, ImageClassifierOptions
models, images = json.load(open(sys.argv[1]))
told = {"version": mediapipe.__version__, "classes": {}}
for model in models:
    options = ImageClassifierOptions(BaseOptions(model_asset_path=model), max_results=1)
    with ImageClassifier.create_from_options(options) as classifier:
        found = [classifier.classify(mediapipe.Image.create_from_file(path)) for path in images]
    told["classes"][model] = [one.classifications[0].categories[0].category_name for one in found]
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
    whole, cut, served = photographs(material, work, options.images)
    told = ask(work, [str(files[name]) for name in FORMATS], [*cut, *whole])
    table = {"mediapipe": told["version"], "photographs": len(whole), "formats": {}}
    for name in FORMATS:
        classes = np.array(told["classes"][str(files[name])])
        table["formats"][name] = {
            "mediapipe, evaluated box": share(classes[: len(cut)], served),
            "mediapipe, whole image": share(classes[len(cut) :], served),
            "classify.py": share(by_edge_script(files[name], whole), served),
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
    """Test photographs as files: whole, cut to the evaluated box, and the class served of each."""
    import tensorflow as tf
    from PIL import Image

    from keras_kd.data.ops import central_boxes, full_boxes

    examples = material.source.split(material.split)
    rows = np.linspace(0, examples.num_examples - 1, min(most, examples.num_examples)).round()
    rows = rows.astype(np.int64)
    sizes = tf.constant(examples.sizes[rows])
    boxes = full_boxes(sizes) if material.full_image else central_boxes(sizes, material.scale)
    items = examples.fetch(rows)
    whole, cut = [], []
    (work / "images").mkdir(exist_ok=True)
    for row, item, box in zip(rows, items, boxes):
        whole.append(str(work / "images" / f"{row}.jpg"))
        Path(whole[-1]).write_bytes(item.numpy())
        cut.append(str(work / "images" / f"{row}_cut.png"))
        Image.fromarray(examples.crop(item, box).numpy()).save(cut[-1])
    serve = tf.saved_model.load(str(work / "saved_model")).signatures["serve_bytes"]
    parts = [
        serve(bytes=items[i : i + 100])["class_name"].numpy() for i in range(0, len(rows), 100)
    ]
    return whole, cut, [name.decode() for name in np.concatenate(parts)]


def ask(work, models, images):
    """What MediaPipe says, in an environment of its own."""
    environment = work / "environment"
    python = environment / "bin" / "python"
    if not python.exists():
        venv.create(environment, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "mediapipe"], check=True)
    (work / "asked.json").write_text(json.dumps([models, images]))
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

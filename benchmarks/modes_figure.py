"""A figure of what teacher and student see in each teaching mode, out of the real pipeline.

python benchmarks/modes_figure.py --source=tfds:NAME --data_dir=DIR --output=docs/images/modes.png

Columns are pairs: an image of the first training batch as the teacher sees it, and as the student
does. The first row holds the images themselves. Under `fix/*` the teacher's column shows what its
stored target was computed from: `fix/ic_ens` averages over many crops, of which nine are drawn.
Reference: L. Beyer et al., 2021, arXiv:2106.05237, figure 2.
"""

from pathlib import Path

from absl import app, flags

SOURCE = flags.DEFINE_string("source", "digits", "Source of the images, as config.data.source.")
DATA_DIR = flags.DEFINE_string("data_dir", None, "Folder of prepared TFDS data sets.")
SPLIT = flags.DEFINE_string("split", "train", "Split of the source.")
IMAGES = flags.DEFINE_integer("images", 3, "Images to show.", lower_bound=1)
RESOLUTION = flags.DEFINE_integer("resolution", 96, "Side of the student's images in pixels.")
TEACHER_RESOLUTION = flags.DEFINE_integer("teacher_resolution", 0, "The teacher's; 0: the same.")
SEED = flags.DEFINE_integer("seed", 0, "Seed of the batch.")
FLIP = flags.DEFINE_boolean("flip", True, "Whether half of the images are mirrored.")
CROP_AREA = flags.DEFINE_list("crop_area", ["0.05", "1.0"], "Share of an inception crop.")
OUTPUT = flags.DEFINE_string(
    "output", str(Path(__file__).parents[1] / "docs" / "images" / "modes.png"), "PNG file to write."
)


def main(_):
    """Draws the figure that the flags describe."""
    from keras_kd import data

    source = data.load_source(SOURCE.value, data_dir=DATA_DIR.value)
    options = {
        "teacher_resolution": TEACHER_RESOLUTION.value or None,
        "flip": FLIP.value,
        "crop_area": tuple(float(bound) for bound in CROP_AREA.value),
    }
    draw(source, SPLIT.value, RESOLUTION.value, SEED.value, IMAGES.value, OUTPUT.value, **options)
    print(f"Wrote {OUTPUT.value}")


def draw(source, split, resolution, seed, images, output, **options):
    """Draws the paper's modes of one batch, a row each.

    Args:
        source: `keras_kd.data.Source`.
        split: split expression.
        resolution: side of the student's images in pixels.
        seed: int.
        images: number of images.
        output: PNG file; its folder is made if missing.
        **options: further options of `keras_kd.data.build_dataset`.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from PIL import Image

    from keras_kd.data.modes import PAPER_MODES
    from keras_kd.data.preview import first_batch, show

    modes = list(PAPER_MODES)
    batch_size = max(images, 2)  # mixup needs two
    figure = Figure(figsize=(2.5 * images + 0.9, 1.28 * (len(modes) + 1)), dpi=100)
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(modes) + 1, 2 * images, squeeze=False)
    for number, (line, mode) in enumerate(zip(axes[1:], modes)):
        settings = (batch_size, resolution, seed, images)
        x, weight = first_batch(source, split, mode, *settings, **options)
        student = x.get("student", x.get("image"))
        teacher = x.get("teacher", student)
        for index in range(images):
            show(line[2 * index], teacher[index])
            show(line[2 * index + 1], student[index])
        label = mode if weight is None else f"{mode}\n{weight:.2f} + {1 - weight:.2f}"
        line[0].set_ylabel(label, fontsize=8)
        if number == 0:
            _head(axes[0], source.split(split), x["id"][:images])
    figure.subplots_adjust(left=0.09, right=0.99, top=0.99, bottom=0.01, wspace=0.06, hspace=0.06)
    Path(output).absolute().parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(output, format="png")
    # Photographs in a palette take a third of the bytes.
    Image.open(output).convert("RGB").quantize(256).save(output, optimize=True)


def _head(line, examples, ids):
    """The row of the images themselves, with the two columns' names."""
    from keras_kd.data.preview import originals_of, positions, show

    found = originals_of(examples, positions(examples, ids))
    for index, image in enumerate(found):
        show(line[2 * index], image)
        line[2 * index + 1].axis("off")
        names = "below, left: teacher\nright: student"
        line[2 * index + 1].text(0.5, 0.0, names, ha="center", va="bottom", fontsize=8)
    line[0].set_ylabel("image", fontsize=8)


if __name__ == "__main__":
    app.run(main)

"""Saved networks load after `import keras_kd` alone, before or after Keras, in fresh processes."""

import ast
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import keras_kd
from keras_kd import models, optimizers
from keras_kd.models.resnet import ToCaffeRange
from keras_kd.teachers import Ensemble

PACKAGE = Path(keras_kd.__file__).parent
LOAD = """
import sys
{imports}
import numpy as np
assert not any(name.startswith("keras_kd.models") for name in sys.modules)
for path in sys.argv[1:]:
    model = keras.models.load_model(path)
    x = np.linspace(-1, 1, 2 * int(np.prod(model.input_shape[1:])), dtype="float32")
    print(model.name, float(np.sum(model.predict(x.reshape(2, *model.input_shape[1:]), verbose=0))))
"""
ORDERS = [
    "import keras_kd, keras",
    "import keras, keras_kd",
    pytest.param("import keras_kd\nimport tensorflow\nimport keras", marks=pytest.mark.slow),
    pytest.param("import tensorflow, keras_kd, keras", marks=pytest.mark.slow),
]


def registered():
    """(module, class) of every class outside the methods that is registered with Keras."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            decorators = getattr(node, "decorator_list", ())
            if any("register_keras_serializable" in ast.unparse(one) for one in decorators):
                module = path.relative_to(PACKAGE.parent).with_suffix("").as_posix()
                found.add((module.replace("/", "."), node.name))
    return {(module, name) for module, name in found if ".methods." not in module}


def test_every_class_that_a_file_may_hold_is_in_the_table():
    table = {(module, name) for module, names in keras_kd._SERIALIZABLE.items() for name in names}
    assert table == registered()


def total(model):
    x = np.linspace(-1, 1, 2 * int(np.prod(model.input_shape[1:])), dtype="float32")
    return float(np.sum(model.predict(x.reshape(2, *model.input_shape[1:]), verbose=0)))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Path -> what the network in it gives: each kind of layer is in one."""
    folder = tmp_path_factory.mktemp("saved")
    images = keras.Input((8, 8, 3))
    caffe = keras.Model(images, keras.layers.Flatten()(ToCaffeRange()(images)), name="caffe")
    bit = models.bit_resnet((1,), 0.25, 5, (32, 32, 3))
    trained = models.resnet(8, 0.25, 5, (16, 16, 3))
    trained.compile(optimizers.AdamW(optimizers.WarmupCosine(1e-3, 10), 1e-4), "mse")
    ensemble = Ensemble([bit, bit])
    found = {}
    for model in (caffe, bit, trained, ensemble):
        path = str(folder / f"{model.name}.keras")
        model.save(path)
        found[path] = f"{model.name} {total(model)}"
    return found


@pytest.mark.parametrize("imports", ORDERS)
def test_networks_load_in_any_order_of_imports(files, imports):
    done = subprocess.run(
        [sys.executable, "-c", LOAD.format(imports=imports), *files], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    for line, expected in zip(done.stdout.splitlines(), files.values(), strict=True):
        assert line.split()[0] == expected.split()[0]
        assert float(line.split()[1]) == pytest.approx(float(expected.split()[1]), rel=1e-5)


def test_looking_for_keras_does_not_import_it_and_spends_nothing(files):
    imports = "import keras_kd, importlib.util\nassert importlib.util.find_spec('keras')\n"
    imports += "assert 'keras' not in sys.modules\nimport keras, importlib\nimportlib.reload(keras)"
    done = subprocess.run(
        [sys.executable, "-c", LOAD.format(imports=imports), *files], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert len(done.stdout.splitlines()) == len(files)


def test_a_class_that_is_loaded_is_the_class_itself():
    known = keras.saving.get_custom_objects()
    assert known["keras_kd>ToCaffeRange"] is ToCaffeRange
    assert known["keras_kd>AdamW"] is optimizers.AdamW

"""A TFLite file as bytes: what is read from it and written into it without running it."""

import io
import json
import zipfile

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

from keras_kd.export.card import LABELS, PREPROCESS

IDENTIFIER = b"TFL3"
METADATA, RUNTIME = b"TFLITE_METADATA", b"min_runtime_version"
# A fixed time, so that a file is the same whenever it is written.
MADE = (1980, 1, 1, 0, 0, 0)


def with_metadata(content, metadata, files):
    """A TFLite file that carries metadata and, as members of a zip archive, other files.

    Args:
        content: bytes of the file.
        metadata: bytes, see `keras_kd.export.metadata`.
        files: dict: name -> bytes of the files that the metadata names.

    Returns:
        bytes. Whoever reads the file as before sees no difference.
    """
    model = parsed(content)
    entry, buffer = schema.MetadataT(), schema.BufferT()
    entry.name, entry.buffer = METADATA, len(model.buffers)
    buffer.data = list(metadata)
    others = [one for one in model.metadata or [] if one.name != METADATA]
    model.metadata = [*others, entry]
    model.buffers.append(buffer)
    whole = io.BytesIO(packed(model))
    # Appended behind the flatbuffer, where readers of either kind find what is theirs.
    with zipfile.ZipFile(whole, "a", zipfile.ZIP_STORED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, MADE), data)
    return whole.getvalue()


def parsed(content):
    """The file as the schema's object `ModelT`, which `packed` makes bytes of again."""
    return schema.ModelT.InitFromPackedBuf(content, 0)


def packed(model):
    """Bytes of a `ModelT`."""
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), IDENTIFIER)
    return bytes(builder.Output())


def runtime_version(content):
    """The least version of TensorFlow Lite that runs a file, as the converter told, or empty."""
    model = parsed(content)
    for entry in model.metadata or []:
        if entry.name == RUNTIME:
            return bytes(model.buffers[entry.buffer].data).decode().strip("\0 ")
    return ""


def operators(content):
    """dict: name of each kind of operator in a file -> the version of it that the file needs."""
    names = {code: name for name, code in vars(schema.BuiltinOperator).items() if name[0] != "_"}
    found = {}
    for one in parsed(content).operatorCodes:
        # Old codes are bytes, those from 127 on stand in the second field.
        name = names[max(one.builtinCode, one.deprecatedBuiltinCode)]
        found[name] = max(one.version, found.get(name, 0))
    return found


def preparation(path):
    """What `preprocess.json` in a TFLite file holds, a dict; empty for a file of others."""
    try:
        with zipfile.ZipFile(path) as archive:
            return json.loads(archive.read(PREPROCESS))
    except (zipfile.BadZipFile, KeyError):
        return {}


def labels(path):
    """Names of the classes in a TFLite file, a list; empty where it has none."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.read(LABELS).decode().splitlines()
    except (zipfile.BadZipFile, KeyError):
        return []


def dtype_name(tensor):
    """NumPy's name of the type of a `TensorT`: "int8", "float32"."""
    names = {code: name for name, code in vars(schema.TensorType).items() if name[0] != "_"}
    return names[tensor.type].lower()


def outputs_of(content, operator, number=None):
    """Names of the tensors that operators of one kind give, a list.

    Args:
        content: bytes of a file.
        operator: name of the kind, such as "CONV_2D".
        number: which operator of the first graph; None: all of that kind.
    """
    model = parsed(content)
    graph, code = model.subgraphs[0], getattr(schema.BuiltinOperator, operator, None)
    found = []
    for place, one in enumerate(graph.operators):
        kind = model.operatorCodes[one.opcodeIndex]
        same = max(kind.builtinCode, kind.deprecatedBuiltinCode) == code
        if same and number in (None, place):
            found += [graph.tensors[index].name.decode() for index in one.outputs]
    return found


def given_tensors(content):
    """Names of the tensors that a file's operators give, in the order of the graph."""
    graph = parsed(content).subgraphs[0]
    return [graph.tensors[index].name.decode() for one in graph.operators for index in one.outputs]

"""Weights of KerasHub's vision transformers, under the names of Flax's archives."""

import re

from keras import ops

NAMES = (
    (r".*/class_token", "cls"),
    (r".*/patch_embedding/(kernel|bias)", r"embedding/\1"),
    (r".*/position_embedding/embeddings", "pos_embedding"),
    (r".*/ln/gamma", "Transformer/encoder_norm/scale"),
    (r".*/ln/beta", "Transformer/encoder_norm/bias"),
    (r"predictions/(kernel|bias)", r"head/\1"),
)
IN_A_BLOCK = (
    (r"ln_1/gamma", "LayerNorm_0/scale"),
    (r"ln_1/beta", "LayerNorm_0/bias"),
    (r"ln_2/gamma", "LayerNorm_1/scale"),
    (r"ln_2/beta", "LayerNorm_1/bias"),
    (r"mha/attention_output/(kernel|bias)", r"MultiHeadDotProductAttention_0/out/\1"),
    (r"mha/(query|key|value)/(kernel|bias)", r"MultiHeadDotProductAttention_0/\1/\2"),
    (r"mlp/dense_1/(kernel|bias)", r"MlpBlock_0/Dense_0/\1"),
    (r"mlp/dense_2/(kernel|bias)", r"MlpBlock_0/Dense_1/\1"),
)


def arrays_of(model):
    """A model's weights by the names of an archive, or None where it is no ViT of KerasHub.

    Args:
        model: Keras model, a `ViTBackbone` or a `ViTImageClassifier`.

    Returns:
        dict of NumPy arrays; what has no name there keeps its path.
    """
    kinds = {f"{kind.__module__}.{kind.__name__}" for kind in type(model).__mro__}
    if not any(re.match(r"keras_hub\..*\.ViT(Backbone|ImageClassifier)$", kind) for kind in kinds):
        return None
    found = {_name(weight.path): ops.convert_to_numpy(weight) for weight in model.weights}
    if "pos_embedding" in found:
        found["pos_embedding"] = found["pos_embedding"][None]
    return found


def _name(path):
    names, prefix = NAMES, ""
    if block := re.match(r".*/transformer_block_(\d+)/(.*)", path):
        names, prefix = IN_A_BLOCK, f"Transformer/encoderblock_{int(block[1]) - 1}/"
        path = block[2]
    for pattern, name in names:
        if match := re.fullmatch(pattern, path):
            return prefix + match.expand(name)
    return path

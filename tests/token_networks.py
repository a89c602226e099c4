"""ViT and Mixer in NumPy, float64, from a model's weights by name; and tiny ones."""

import math

import numpy as np
from scipy.special import erf

from keras_kd import models

VIT = {"patch": 4, "width": 12, "depth": 3, "heads": 3, "mlp_width": 20}
MIXER = {"patch": 4, "width": 12, "depth": 3, "token_width": 5, "channel_width": 20}
IMAGE = (8, 12, 3)  # a grid of 2 by 3


def tiny(name, num_classes=5, image=IMAGE, **options):
    """A network whose weights are all far from zero."""
    sizes = VIT if name == "vit" else MIXER
    return seeded(models.build(name, num_classes, image, **(sizes | options)))


def seeded(model, seed=0):
    """The same network with weights from a generator."""
    rng = np.random.default_rng(seed)
    model.set_weights([w + rng.normal(0, 0.3, w.shape) for w in model.get_weights()])
    return model


class Forward:
    """A network's weights, in float64, and the operations that they take part in."""

    def __init__(self, model, approximate=True):
        self.approximate = approximate
        self.weights = {
            layer.name: [w.numpy().astype("float64") for w in layer.weights]
            for layer in model.layers
            if layer.weights
        }

    def dense(self, x, name):
        kernel, bias = self.weights[name]
        return x @ kernel + bias

    def norm(self, x, name):
        scale, offset = self.weights[name]
        mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
        return (x - mean) / np.sqrt(variance + 1e-6) * scale + offset

    def gelu(self, x):
        if self.approximate:
            return x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
        return x / 2 * (1 + erf(x / math.sqrt(2)))

    def mlp(self, x, name):
        return self.dense(self.gelu(self.dense(x, f"{name}_hidden")), name)

    def patches(self, images):
        """The patches of images, row by row, embedded: `[B, N, D]`."""
        kernel, bias = self.weights["stem"]
        side = kernel.shape[0]
        return np.stack(
            [
                np.einsum("bhwc,hwcd->bd", images[:, y : y + side, x : x + side], kernel) + bias
                for y in range(0, images.shape[1], side)
                for x in range(0, images.shape[2], side)
            ],
            axis=1,
        )

    def attention(self, x, name, heads):
        """One head after another, one image after another."""
        query, key, value = (self.dense(x, f"{name}_{part}") for part in ("query", "key", "value"))
        size = x.shape[-1] // heads
        mixed = np.zeros_like(x)
        for image in range(len(x)):
            for head in range(heads):
                own = slice(head * size, (head + 1) * size)
                scores = query[image, :, own] @ key[image, :, own].T / math.sqrt(size)
                weights = np.exp(scores - scores.max(-1, keepdims=True))
                weights /= weights.sum(-1, keepdims=True)
                mixed[image, :, own] = weights @ value[image, :, own]
        return self.dense(mixed, f"{name}_attention")

    def vit(self, images, heads):
        """(logits, dict of each block's tokens)."""
        x, blocks = self.patches(images.astype("float64")), {}
        if "class_tokens" in self.weights:
            tokens = np.repeat(self.weights["class_tokens"][0], len(x), axis=0)
            x = np.concatenate([tokens, x], axis=1)
        x = x + self.weights["positions"][0]
        index = 1
        while (name := f"block{index}") + "_norm1" in self.weights:
            x = x + self.attention(self.norm(x, f"{name}_norm1"), name, heads)
            x = x + self.mlp(self.norm(x, f"{name}_norm2"), f"{name}_mlp")
            blocks[name] = x
            index += 1
        x = self.norm(x, "norm")
        if "class_tokens" not in self.weights:
            return self.dense(x.mean(1), "logits"), blocks
        if "logits_class" in self.weights:
            both = self.dense(x[:, 0], "logits_class"), self.dense(x[:, 1], "logits_distilled")
            return sum(both) / 2, blocks
        return self.dense(x[:, 0], "logits"), blocks

    def mixer(self, images):
        """The logits."""
        x = self.patches(images.astype("float64"))
        index = 1
        while (name := f"block{index}") + "_norm1" in self.weights:
            inner = self.norm(x, f"{name}_norm1").transpose(0, 2, 1)
            x = x + self.mlp(inner, f"{name}_token_mlp").transpose(0, 2, 1)
            x = x + self.mlp(self.norm(x, f"{name}_norm2"), f"{name}_channel_mlp")
            index += 1
        return self.dense(self.norm(x, "norm").mean(1), "logits")


def images(count=2, image=IMAGE, seed=1):
    """Random images in [-1, 1]."""
    return np.random.default_rng(seed).uniform(-1, 1, (count, *image)).astype("float32")

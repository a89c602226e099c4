"""PyTorch peer of benchmarks/step.py: the same networks and the same step.

Run by the benchmark: python step_torch.py PEER CASE
"""

import os
import sys

import torch
import torch.nn.functional as F
from step_cases import CASES, CLASSES, CLIP, LEARNING_RATE, WEIGHT_DECAY
from step_worker import serve
from torch import nn

UNITS = {50: (3, 4, 6, 3), 152: (3, 8, 36, 3)}


class StandardizedConv2d(nn.Conv2d):
    """Weight standardisation as in BiT's PyTorch code."""

    def forward(self, x):
        variance, mean = torch.var_mean(self.weight, dim=[1, 2, 3], keepdim=True, unbiased=False)
        weight = (self.weight - mean) / torch.sqrt(variance + 1e-10)
        return F.conv2d(x, weight, None, self.stride, self.padding)


def standardized(inputs, outputs, size, stride=1):
    return StandardizedConv2d(inputs, outputs, size, stride, size // 2, bias=False)


class BitUnit(nn.Module):
    """Pre-activated bottleneck with group norm."""

    def __init__(self, inputs, channels, stride):
        super().__init__()
        outputs = 4 * channels
        self.norm1 = nn.GroupNorm(min(32, inputs), inputs)
        self.conv1 = standardized(inputs, channels, 1)
        self.norm2 = nn.GroupNorm(min(32, channels), channels)
        self.conv2 = standardized(channels, channels, 3, stride)
        self.norm3 = nn.GroupNorm(min(32, channels), channels)
        self.conv3 = standardized(channels, outputs, 1)
        self.proj = standardized(inputs, outputs, 1, stride) if inputs != outputs else None

    def forward(self, x):
        y = F.relu(self.norm1(x))
        shortcut = x if self.proj is None else self.proj(y)
        y = self.conv2(F.relu(self.norm2(self.conv1(y))))
        return self.conv3(F.relu(self.norm3(y))) + shortcut


def bit(depth, width):
    base, layers = round(64 * width), []
    layers += [standardized(3, base, 7, 2), nn.ZeroPad2d(1), nn.MaxPool2d(3, 2)]
    inputs = base
    for stage, count in enumerate(UNITS.get(depth, depth)):
        for unit in range(count):
            channels = base * 2**stage
            layers.append(BitUnit(inputs, channels, 2 if stage and not unit else 1))
            inputs = 4 * channels
    layers += [nn.GroupNorm(32, inputs), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*layers, nn.Linear(inputs, CLASSES))


def normalized(inputs, outputs, size, stride=1, act=nn.ReLU, groups=1, bias=False):
    """Convolution, batch norm, activation."""
    conv = nn.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups, bias=bias)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), *([act()] if act else []))


class Residual(nn.Module):
    def __init__(self, body, shortcut=None, act=None):
        super().__init__()
        self.body, self.shortcut, self.act = body, shortcut or nn.Identity(), act or nn.Identity()

    def forward(self, x):
        return self.act(self.body(x) + self.shortcut(x))


def resnet50():
    """ResNet-50 v1 as in keras.applications: stride on the first 1x1, convolutions with bias."""
    layers, inputs = [normalized(3, 64, 7, 2, bias=True), nn.MaxPool2d(3, 2, 1)], 64
    for stage, count in enumerate(UNITS[50]):
        channels = 64 * 2**stage
        for unit in range(count):
            stride = 2 if stage and not unit else 1
            body = nn.Sequential(
                normalized(inputs, channels, 1, stride, bias=True),
                normalized(channels, channels, 3, bias=True),
                normalized(channels, 4 * channels, 1, act=None, bias=True),
            )
            shortcut = None
            if not unit:
                shortcut = normalized(inputs, 4 * channels, 1, stride, None, bias=True)
            layers.append(Residual(body, shortcut, nn.ReLU()))
            inputs = 4 * channels
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, CLASSES)]
    return nn.Sequential(*layers)


class SqueezeExcite(nn.Module):
    def __init__(self, channels):
        super().__init__()
        hidden = rounded(channels / 4)
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, hidden, 1), nn.ReLU(),
            nn.Conv2d(hidden, channels, 1), nn.Hardsigmoid(),
        )  # fmt: skip

    def forward(self, x):
        return x * self.gate(x)


def rounded(channels):
    result = max(8, int(channels + 4) // 8 * 8)
    return result + 8 if result < 0.9 * channels else result


def inverted(inputs, hidden, outputs, size, stride, act, excite=False):
    """Inverted residual: expand where it widens, depthwise, squeeze-excite, project."""
    body = [normalized(inputs, hidden, 1, act=act)] if hidden != inputs else []
    body.append(normalized(hidden, hidden, size, stride, act, groups=hidden))
    body += [SqueezeExcite(hidden)] if excite else []
    body.append(normalized(hidden, outputs, 1, act=None))
    body = nn.Sequential(*body)
    return Residual(body) if stride == 1 and inputs == outputs else body


def mobilenet_v3_small():
    swish, relu = nn.Hardswish, nn.ReLU
    rows = (  # hidden, outputs, size, stride, activation, squeeze-excite
        (16, 16, 3, 2, relu, True), (72, 24, 3, 2, relu, False), (88, 24, 3, 1, relu, False),
        (96, 40, 5, 2, swish, True), (240, 40, 5, 1, swish, True), (240, 40, 5, 1, swish, True),
        (120, 48, 5, 1, swish, True), (144, 48, 5, 1, swish, True), (288, 96, 5, 2, swish, True),
        (576, 96, 5, 1, swish, True), (576, 96, 5, 1, swish, True),
    )  # fmt: skip
    layers, inputs = [normalized(3, 16, 3, 2, swish)], 16
    for hidden, outputs, size, stride, act, excite in rows:
        layers.append(inverted(inputs, hidden, outputs, size, stride, act, excite))
        inputs = outputs
    layers += [normalized(96, 576, 1, act=swish), nn.AdaptiveAvgPool2d(1), nn.Conv2d(576, 1024, 1)]
    return nn.Sequential(*layers, swish(), nn.Flatten(), nn.Linear(1024, CLASSES))


def efficientnet_lite0():
    rows = (  # expansion, size, stride, blocks, outputs
        (1, 3, 1, 1, 16), (6, 3, 2, 2, 24), (6, 5, 2, 2, 40), (6, 3, 2, 3, 80),
        (6, 5, 1, 3, 112), (6, 5, 2, 4, 192), (6, 3, 1, 1, 320),
    )  # fmt: skip
    layers, inputs = [normalized(3, 32, 3, 2, nn.ReLU6)], 32
    for expansion, size, stride, blocks, outputs in rows:
        for block in range(blocks):
            first = 1 if block else stride
            layers.append(inverted(inputs, inputs * expansion, outputs, size, first, nn.ReLU6))
            inputs = outputs
    layers += [normalized(320, 1280, 1, act=nn.ReLU6), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*layers, nn.Linear(1280, CLASSES))


BUILDERS = {
    "bit": bit,
    "resnet50": resnet50,
    "mobilenet_v3_small": mobilenet_v3_small,
    "efficientnet_lite0": efficientnet_lite0,
}


def count(model):
    """Parameters as Keras counts them: moving statistics too, the counter of batches not."""
    buffers = (b for name, b in model.named_buffers() if "num_batches" not in name)
    return sum(t.numel() for t in (*model.parameters(), *buffers))


def build(peer, case):
    """(step, facts) of a peer, see step_worker."""
    case = CASES[case]
    torch.manual_seed(0)
    student, teacher = (
        BUILDERS[kind](**settings).to(memory_format=torch.channels_last)
        for kind, settings in (case["student"], case["teacher"])
    )
    if "pool" in case:
        student = nn.Sequential(nn.AvgPool2d(case["pool"]), student)
    teacher.eval().requires_grad_(False)
    facts = {
        "versions": {"torch": torch.__version__},
        "parameters": [count(student), count(teacher)],
        "optimizer": "torch.optim.AdamW, global norm clipped to 1",
    }
    images = torch.rand(case["batch"], 3, case["side"], case["side"]) * 2 - 1
    images = images.to(memory_format=torch.channels_last)
    labels = torch.randint(0, CLASSES, (case["batch"],))
    optimizer = torch.optim.AdamW(student.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    runs = [torch.compile(m) if peer == "torch_compile" else m for m in (student, teacher)]

    def teach():
        with torch.inference_mode(peer != "torch_compile"), torch.no_grad():
            return F.log_softmax(runs[1](images), 1)

    def step():
        optimizer.zero_grad()
        if peer == "torch_student":
            loss = F.cross_entropy(runs[0](images), labels)
        else:
            targets = teach().clone()
            logits = F.log_softmax(runs[0](images), 1)
            loss = F.kl_div(logits, targets, reduction="batchmean", log_target=True)
        loss.backward()
        nn.utils.clip_grad_norm_(student.parameters(), CLIP)
        optimizer.step()
        return float(loss)

    return (teach if peer == "torch_teacher" else step), facts


if __name__ == "__main__":
    torch.set_num_threads(int(os.environ["STEP_THREADS"]))
    serve(lambda: build(*sys.argv[1:]))

"""The best settings by length that Beyer et al. 2021 (arXiv 2106.05237) print in their tables."""

# data set -> length -> (epochs, temperature, learning rate, weight decay)
TABLE = {
    "flowers102": {
        "fast": (10_000, 10.0, 3e-3, 3e-4),
        "medium": (100_000, 1.0, 1e-3, 1e-4),
        "long": (1_000_000, 1.0, 3e-4, 1e-5),
    },
    "pets37": {
        "fast": (1_000, 5.0, 1e-2, 1e-3),
        "medium": (3_000, 10.0, 3e-3, 3e-4),
        "long": (30_000, 2.0, 3e-3, 1e-5),
    },
    "food101": {
        "fast": (100, 10.0, 1e-2, 1e-3),
        "medium": (1_000, 10.0, 1e-3, 3e-4),
        "long": (3_000, 5.0, 1e-2, 1e-4),
    },
    "sun397": {
        "fast": (100, 10.0, 1e-2, 1e-3),
        "medium": (1_000, 10.0, 3e-3, 1e-4),
        "long": (3_000, 10.0, 1e-2, 3e-5),
    },
    "imagenet": {length: (epochs, 1.0, 0.03, 3e-4) for length, epochs in
                 {"fast": 300, "medium": 1_200, "long": 9_600}.items()},
}  # fmt: skip

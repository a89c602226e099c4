"""What the paper's crops are: defaults that data, config, runs and exports share.

Reference: L. Beyer et al., "Knowledge distillation: A good teacher is patient and consistent",
2021, arXiv:2106.05237.
"""

# Resized short side over the side of the square that is cut out of it: 256 / 224 and 160 / 140.
EVAL_SCALE = 8 / 7
# Share of the image that an inception crop shows: lowest and highest.
CROP_AREA = (0.05, 1.0)
# Its width over height: lowest and highest.
CROP_ASPECT = (3 / 4, 4 / 3)

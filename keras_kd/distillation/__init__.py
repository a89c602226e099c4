"""Where networks meet: `KDModel`, its phases, averages of weights, and randomness by step."""

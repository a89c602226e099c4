"""One training stage: loop, clock, checkpoints, log, and going on where it stopped."""

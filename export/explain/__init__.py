"""Where a file of integers loses accuracy, and what keeping layers in float32 would give."""

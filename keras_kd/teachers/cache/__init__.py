"""Targets by step: what a teacher says of every batch, computed once by `keras-kd-teach`."""

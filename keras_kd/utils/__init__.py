"""Helpers that know nothing of networks: files, locks, lengths, names, signals, archives."""

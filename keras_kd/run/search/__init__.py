"""Students found by search: networks that are proposed, measured, tried for a while and compared.

`spaces` says what may be proposed, one file a builder; `proposals` asks Optuna; `bench` measures a
proposal and tries it; `study` keeps what was found; `choice` tells it.
"""

"""One file a command: flags, exit codes, and words for the user. Nothing else parses flags."""

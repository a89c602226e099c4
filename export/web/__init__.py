"""The page that runs the student in a browser: its files, its pictures and a server for it."""

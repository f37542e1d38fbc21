"""Pages over a folder of runs, in a browser on this machine."""

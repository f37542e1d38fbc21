"""The report: a pure function of a run folder.

Start with `report`, then `sections/`, one module for each part of the page. `run_facts` reads the
folder with tolerance, `outcome` has the sentences that report and terminal share, `formatting`
turns numbers into text, `charts/` draws SVG. The same folder gives the same bytes; nothing is
fetched.
"""

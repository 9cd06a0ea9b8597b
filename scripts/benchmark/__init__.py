"""The benchmark: this trainer beside its limit (the matrix products alone) and beside what one would use instead.

`engines` and `peers_*` each hold the shortest honest loop of one library, imported in a child process of its own, so that no
library is needed to measure the others. `measure` lets the modes take turns; `report` makes the table and the figure.
"""

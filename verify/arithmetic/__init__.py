"""The oracles: exact numbers by SymPy, balls by python-flint, float64 by nested torch. One file each; none imports another."""

"""The oracles, one file each: exact numbers by SymPy, balls by python-flint, float64 by nested torch."""

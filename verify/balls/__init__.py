"""Ball arithmetic over a traced tail: sets that are proved to hold its score and the score's derivatives along entries.

The function meant is the one that the graph of a `cam.tail.Tail` is in real arithmetic: each float64 in it is the
dyadic number it is, and what the trace computed beforehand is taken as it stands. Along the line of an entry A_i every
number of the tail is a power series

    x(A_i + u) = x_0 + x_1 u + x_2 u^2 + x_3 u^3 + O(u^4)

whose coefficients are balls (`arb` of python-flint). x_0 is the same for all lines and is computed once.

numbers    arrays of balls, constants, products of matrices
lines      power series along several lines: sums, Leibniz's rule, maps that are linear
curved     functions of one number, of one piece or several: Taylor coefficients, put together by Faa di Bruno's rule
functions  activations and powers
choices    maxima and comparisons: an outcome is used only where it is proved
places     what moves numbers from place to place, and windows
matrices   products of matrices, convolutions, pools, sums
table      which operation of aten has which rule
walk       a graph, operation by operation
work       how much there is to be multiplied
"""

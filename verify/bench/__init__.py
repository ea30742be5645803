"""How fast the engine of true derivatives is: measured beside its peers and beside what the processor could do at best.

workloads    tails, their sizes and their samples                one entry for a new one
arithmetic   multiplications and additions that each needs, and what every representation is predicted to gain
elsewhere    the same tails in ball arithmetic and in jax
peers        other ways to the same derivatives                  one entry for a new one
timing       clocks, rates, memory
row          one workload in one dtype: everything that is measured of it
run          all rows, each in a process of its own
gains        representations left out one at a time

What is timed of an entry is its line: where several entries share one (in a max-pool one of them has it and the others
none), the sample holds one entry of each line, so that the engine gains nothing from them. Peers take every entry
alike. What one plan shares by all lines is timed apart and counted in the time of the whole map.
"""

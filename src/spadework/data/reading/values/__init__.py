"""What a cell means: a time, a number, an id, a rule about rows.

Start with `clocks`, which reads the times of a column (`whole_times` numbers, `calendars` texts);
`times_of_day` stand in a column of their own, `steps` count from a known start, and `readings` is
what users say about times. A column is read in one way as a whole: never one cell so and the next
one otherwise. `identifiers` keeps ids as they are written, and must not learn to mend them;
`conditions` are the rules.
"""

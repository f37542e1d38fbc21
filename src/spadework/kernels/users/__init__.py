"""Users and sessions that are similar to the present one.

Start with `user_events`, which gathers the events of users into distinct columns.
`nearest_sessions` and `nearest_users` find neighbours through inverted lists, exactly;
`neighbour_sums` adds up the items of neighbours. Do not touch the order in which ties are broken
and sums are made: tests compare results bit for bit.
"""

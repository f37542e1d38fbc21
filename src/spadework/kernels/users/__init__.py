"""Users and sessions that are like the present one.

Start with `user_events`, which gathers the events of users into distinct columns.
`nearest_sessions` and `nearest_users` find neighbours through inverted lists, exactly;
`neighbour_sums` adds up what they took.
"""

"""Which column is what: user, item, time, event type, weight, basket.

Start with `column_roles`: names first (`synonyms`), then what the values say (`column_values`,
`role_doubts`, `time_columns`); `guests` are users of several columns. `headers` decides whether
there are names at all. `unused_columns` leaves out columns that have a role and hold nothing for
it; `second_look` names columns that no role reads and that may matter. What is doubtful is asked
for, and never decided by a hunch.
"""

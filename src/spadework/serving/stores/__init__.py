"""Where events and histories are kept: one interface, a file for each kind of store.

Start with `store` (the interface and its laws), then `store_addresses` (an address to a store).
"""

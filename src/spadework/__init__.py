"""Recommender systems for people who ship one: try the spade before the excavator."""

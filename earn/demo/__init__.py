"""Plays the days of `fixtures/`: seeded customers act through the services, days close.

Killed anywhere and begun again, it goes on: decisions are drawn from the seed alone, each
order has a key made of its day, customer and number, and closed days are left alone.
"""

"""Policies: rule packs that map what a configuration shows to the controls of a standard, and waivers of them."""

"""The shop."""

import os

CURRENCY = os.environ["SHOP_CURRENCY"]
NAME = os.environ["SHOP_NAME"]


def languages(config):
    """Those that the shop speaks."""
    return config["shop"]["languages"]

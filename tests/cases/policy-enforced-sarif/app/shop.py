"""The shop."""

import os

CURRENCY = os.environ["SHOP_CURRENCY"]
NAME = os.environ["SHOP_NAME"]

"""A small schema with sensitive settings, a secret to look for, and files encrypted with age."""

import json

SECRET = {"type": "string", "x-sensitive": True}
SCHEMA = {
    "type": "object",
    "properties": {
        "app": {
            "type": "object",
            "properties": {
                "name": {"type": "string", "default": "demo", "x-env": "APP_NAME"},
                "secret": {**SECRET, "x-env": "APP_SECRET"},
                "other": {**SECRET, "x-env": "APP_OTHER"},
                "keys": {"type": "array", "items": SECRET},
                "tokens": {"type": "object", "additionalProperties": SECRET},
            },
        }
    },
}
CANARY = "canary-zebra-umbrella-4711"


def age_file(path, data, *identities, armored=True):
    import pyrage

    keys = [one.to_public() for one in identities]
    path.write_bytes(pyrage.encrypt(json.dumps(data).encode(), keys, armored=armored))

"""Requests to a server."""

import io
import json
import urllib.error
import urllib.request

import numpy as np
from PIL import Image


def ask(address, path, body=None, **headers):
    """Status and answer."""
    request = urllib.request.Request(address + path, data=body, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            status, content = response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        status, content = error.code, error.read().decode()
    try:
        return status, json.loads(content)
    except ValueError:
        return status, content


def invoke(address, content):
    return ask(address, "invocations", json.dumps(content).encode())


def as_png(pixels):
    file = io.BytesIO()
    Image.fromarray(np.round(pixels.reshape(28, 28) * 255).astype(np.uint8)).save(file, "PNG")
    return file.getvalue()

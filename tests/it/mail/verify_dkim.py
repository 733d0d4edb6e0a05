"""Verifies a letter's DKIM signatures by dkimpy, which knows nothing of Milepost.

In: JSON with the letter in base64 and DNS's TXT records by name. Out: JSON, whether each signature holds.
"""

import base64
import json
import re
import sys

import dkim

question = json.load(sys.stdin)
letter = base64.b64decode(question["letter"])


def dns(name, timeout=5):
    return question["records"].get(name.decode().rstrip("."), "").encode()


signatures = len(re.findall(rb"^DKIM-Signature:", letter, re.M | re.I))
held = []
for index in range(signatures):
    try:
        held.append(bool(dkim.DKIM(letter, minkey=1024).verify(idx=index, dnsfunc=dns)))
    except dkim.DKIMException:
        held.append(False)
json.dump(held, sys.stdout)

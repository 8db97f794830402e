# SPDX-License-Identifier: GPL-2.0-only
"""The standard library's JSON encoder and decoder without their C halves."""
import json.decoder
import json.encoder
import json.scanner

json.encoder.c_make_encoder = None
json.encoder.encode_basestring_ascii = json.encoder.py_encode_basestring_ascii
DECODER = json.decoder.JSONDecoder()
DECODER.parse_string = json.decoder.py_scanstring
DECODER.scan_once = json.scanner.py_make_scanner(DECODER)
DATA = {"items": [{"id": i, "name": "item %d" % i, "tags": ["a", "b", {"x": [1.5, None, True]}]}
                  for i in range(120)]}


def main():
    for _ in range(25):
        assert DECODER.decode(json.dumps(DATA)) == DATA


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Checks a JSON file against a JSON Schema. Usage: check_schema.py SCHEMA FILE. Exits 0 valid, 1 invalid, 77 without python3-jsonschema."""
import json
import sys

try:
    import jsonschema
except ImportError:
    sys.exit(77)

schema, document = (json.load(open(name, encoding="utf-8")) for name in sys.argv[1:3])
kind = jsonschema.validators.validator_for(schema)
kind.check_schema(schema)
errors = list(kind(schema).iter_errors(document))
for error in errors[:5]:
    print("/".join(map(str, error.absolute_path)) + ": " + error.message[:300])
sys.exit(1 if errors else 0)

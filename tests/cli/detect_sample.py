#!/usr/bin/env python3
"""Writes a folder as `nika-museum bench detect` leaves it, small and made up, for the tests of its page. Usage: detect_sample.py FOLDER"""
import json
import os
import sys

folder = sys.argv[1]
os.makedirs(folder, exist_ok=True)
strategies = ["random", "swarm", "twins"]
records, cells, bugs = [], [], []
for b, bug in enumerate(["B01", "B06", "<b>X</b>\x1b[31m", "B11"]):
    for s, strategy in enumerate(strategies):
        runs = []
        for k in range(20):
            found = b < 3 and (k + s + b) % (b + 1) == 0
            n = 1 + (k * 37 + s * 11 + b * 101) % 300 if found else 1000
            records.append({"nika_detect_campaign": 1, "bug": bug, "strategy": strategy, "campaign": k, "found": found, "runs": n, "seed": 1 + 1024 * k + n})
            runs += [n] if found else []
        runs.sort()
        median = runs[9] if len(runs) >= 10 else None
        cells.append({"bug": bug, "strategy": strategy, "scenario": "hunt", "limit": 1000, "campaigns": 20, "found": len(runs), "found_low_ppm": 0, "found_high_ppm": 1000000, "outpaced": False,
                      "runs": 20, "cpu_us": 1, "runs_median": median, "runs_median_low": None, "runs_median_high": None, "runs_p90": runs[17] if len(runs) >= 18 else None,
                      "cpu_us_median": None, "cpu_us_p90": None, "others": 0, "alarms": 0, "by": {}, "seeds": []})
    size = {"decisions": 900, "acts": 40, "faults": 3, "requests": 30, "clients": 2, "replicas": 4, "events": 4000}
    small = None if b == 3 else {"nika_detect_shrunk": 1, "bug": bug, "strategy": "swarm", "seed": 1, "runs": 400, "stopped": False, "before": size,
                                 "after": {**size, "decisions": 2, "events": 60 + b}, "lines": 14}
    bugs.append({"bug": bug, "also": "", "budget": 1000, "found_by": strategies if b < 3 else [], "best": "swarm" if b < 3 else None, "within_budget": b < 2, "shrunk": small})
detect = {"nika_detect": 1, "complete": True, "strategies": strategies, "cells": cells, "bugs": bugs, "left_out": {"B43": "not planted"},
          "settings": {"version": "0.1.0", "campaigns": 20, "limit": 1000, "cpu_limit_ms": 0, "first": 1, "patience": 0, "outpaced": 0, "sound": 1000, "ground": ""},
          "sound": {"runs": 9000, "controls": 120, "alarms": 0}}
with open(os.path.join(folder, "detect.json"), "w", encoding="utf-8") as file:
    json.dump(detect, file)
with open(os.path.join(folder, "detect.jsonl"), "w", encoding="utf-8") as file:
    file.writelines(json.dumps(record) + "\n" for record in records)

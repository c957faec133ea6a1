"""A space-time picture of the beginning of a run, as SVG, from its Chrome trace (nika report --format chrome)."""

import html
import json

COLOURS = ("#2456b3", "#1b7f4b", "#b3261e", "#a05a00", "#6a3fb5", "#00798c", "#8a4b2a", "#5d6570")
WIDTH, LEFT, TOP, LANE, ARROWS_MAX = 900, 84, 16, 44, 700


def draw(trace, milliseconds, liars):
    """SVG of the first `milliseconds`; lanes whose names are in `liars` are drawn in red."""
    events = json.loads(trace)["traceEvents"]
    lanes = {e["tid"]: e["args"]["name"] for e in events if e["ph"] == "M" and e["name"] == "thread_name"}
    order = {tid: index for index, tid in enumerate(sorted(lanes))}
    end = milliseconds * 1000.0
    sent = {e["id"]: e for e in events if e["ph"] == "s"}
    arrows = [(sent[e["id"]], e) for e in events if e["ph"] == "f" and e["id"] in sent and e["ts"] <= end and e["tid"] in order]
    if not arrows:
        raise ValueError("no message in the picture")
    arrows = arrows[:ARROWS_MAX]
    names = sorted({a["name"] for a, _ in arrows})
    colour = {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(names)}
    bottom = TOP + LANE * len(order)

    def x(ts):
        return LEFT + (WIDTH - LEFT - 12) * ts / end

    def y(tid):
        return TOP + LANE * order[tid]

    out = [f'<svg viewBox="0 0 {WIDTH} {bottom + 34}" role="img" aria-label="Messages between replicas and clients over time" xmlns="http://www.w3.org/2000/svg">']
    for tid, name in sorted(lanes.items()):
        kind = "liar" if name in liars else "lane"
        out.append(f'<line class="{kind}" x1="{LEFT}" x2="{WIDTH - 12}" y1="{y(tid)}" y2="{y(tid)}"/><text x="0" y="{y(tid) + 4}">{html.escape(name)}</text>')
    for start, stop in arrows:
        out.append(f'<line x1="{x(start["ts"]):.1f}" y1="{y(start["tid"])}" x2="{x(stop["ts"]):.1f}" y2="{y(stop["tid"])}" stroke="{colour[start["name"]]}"/>'
                   f'<circle cx="{x(stop["ts"]):.1f}" cy="{y(stop["tid"])}" r="1.8" fill="{colour[start["name"]]}"/>')
    for part in range(5):
        anchor = "end" if part == 4 else "start"
        out.append(f'<text x="{x(end * part / 4):.0f}" y="{bottom - 8}" text-anchor="{anchor}">{milliseconds * part / 4:g} ms</text>')
    place = LEFT
    for name in names:
        out.append(f'<circle cx="{place}" cy="{bottom + 16}" r="4" fill="{colour[name]}"/><text x="{place + 8}" y="{bottom + 20}">{html.escape(name)}</text>')
        place += 26 + 7 * len(name)
    return "".join(out) + "</svg>"

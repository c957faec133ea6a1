(function () {
const byId = (id) => document.getElementById(id);
const model = JSON.parse(byId("model").textContent);
byId("model").textContent = "";
const run = model.run || {}, data = readModel(model), { N, time, world, kind, lane, peer, mess, cause, detail, A, B, msg, types, alone, sides } = data;
const two = sides.length > 1, laneCount = sides.reduce((sum, s) => sum + s.lanes, 0), replicas = model.replicas;
const K = {};
model.kinds.forEach((name, i) => { K[name] = i; });
const sideOf = (l) => two && l >= sides[1].first ? sides[1] : sides[0];
const isReplica = (l) => l >= 0 && l - sideOf(l).first < sideOf(l).replicas;
const numberOf = (l) => l - sideOf(l).first - (isReplica(l) ? 0 : sideOf(l).replicas), tag = (l) => two ? "AB"[sideOf(l).index] + " " : "";
// The lane of a node as notes name it, of the run in which lane `l` is.
const laneOf = (l, node) => sideOf(l).first + (node >= 2147483648 ? node - 2147483648 + sideOf(l).replicas : node);
const sideAt = (i) => two ? sides[data.side[i]] : sides[0], faultOf = (i) => (sideAt(i).run.faults || [])[detail[i]] || { name: "fault " + detail[i] };
const targetOf = (f, t) => (f.at_clients ? "c" : "r") + t;
const end = N ? time[N - 1] : 1;
const NOTES = ["", "rejects", "holds evidence", "raises the alarm", "view", "committed", "executed", "stable checkpoint", "takes a checkpoint", "state transfer", "queue", "waits"];
const LOST = ["", "lost by the network", "partitioned", "queue full", "receiver down", "malformed", "bad signature", "dropped by a fault"];
const AUTH = ["none: bound by its digest", "signature", "session MAC"];
const COLOURS = { "REQUEST": "#6b7280", "PRE-PREPARE": "#2456b3", "PREPARE": "#0e8f9e", "COMMIT": "#2e9e6b", "REPLY": "#8f96a1", "CHECKPOINT": "#7b4fc9", "VIEW-CHANGE": "#d9822b", "NEW-VIEW": "#b8388f", "BATCH": "#5f7fbf", "STATUS": "#a8a29a" };
const dark = matchMedia("(prefers-color-scheme: dark)");
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const typeName = (m) => m < 0 || !types[msg.type[m]] ? "?" : types[msg.type[m]].name;
const colour = (m) => COLOURS[typeName(m)] || "#a07850";
const laneName = (l) => l < 0 ? "all" : tag(l) + (isReplica(l) ? "r" : "c") + numberOf(l);
const laneWord = (l) => l < 0 ? "all" : tag(l) + (isReplica(l) ? "replica " : "client ") + numberOf(l);
function clock(ns) {
  const a = Math.abs(ns);
  return a >= 1e9 ? (ns / 1e9).toFixed(a >= 1e10 ? 3 : 4) + " s" : a >= 1e6 ? (ns / 1e6).toFixed(3) + " ms" : a >= 1e3 ? (ns / 1e3).toFixed(1) + " us" : ns + " ns";
}
function el(tag, text, cls) { const e = document.createElement(tag); if (text !== undefined) e.textContent = text; if (cls) e.className = cls; return e; }
function button(text, cls, act) { const b = el("button", text, cls); b.type = "button"; b.addEventListener("click", act); return b; }
function row(table, cells) {
  const r = el("tr");
  cells.forEach((c) => { const d = el("td"); if (c instanceof Node) d.append(c); else if (Array.isArray(c)) { d.textContent = c[0]; d.className = c[1]; } else d.textContent = c; r.append(d); });
  (table.tBodies[0] || table).append(r);
}
const firstAt = (t) => { let lo = 0, hi = N; while (lo < hi) { const mid = (lo + hi) >> 1; if (time[mid] < t) lo = mid + 1; else hi = mid; } return lo; };

// ---- What a node was, and when: views, view changes, down; checkpoints from taken to stable; cut off by a partition; when faults acted. ----
const spans = Array.from({ length: laneCount }, () => []), checkpoints = Array.from({ length: laneCount }, () => []), cuts = Array.from({ length: laneCount }, () => []);
const corrupted = new Set();
sides.forEach((s) => (s.run.replicas || []).forEach((r) => { if (r.corrupted) corrupted.add(s.first + r.replica); }));
const faultBands = [], requests = [], started = new Map();
(function scan() {
  const at = Array.from({ length: laneCount }, () => ({ t: 0, view: 0, state: "active" })), taken = Array.from({ length: laneCount }, () => new Map());
  const change = (l, t, view, state) => { const s = at[l]; if (t > s.t) spans[l].push({ from: s.t, to: t, view: s.view, state: s.state }); at[l] = { t, view, state }; };
  const acts = new Map(), execs = new Map(), asked = new Float64Array(laneCount);
  for (let i = 0; i < N; i++) {
    const l = lane[i];
    // A reply follows from the execution of its number, unless that is older than the operation: then it was read without being ordered.
    if (kind[i] === K.exec) execs.set(l + ":" + A[i], i);
    else if (kind[i] === K.invoke && l >= 0) asked[l] = time[i];
    else if (kind[i] === K.send && cause[i] < 0 && peer[i] >= 0 && !isReplica(peer[i]) && mess[i] >= 0) {
      const seq = /\bseq=(\d+)/.exec(msg.text[mess[i]]), e = seq ? execs.get(l + ":" + seq[1]) : undefined;
      if (e !== undefined && time[e] >= asked[peer[i]]) cause[i] = e;
    }
    if (kind[i] === K.note && detail[i] === 4 && l >= 0) change(l, time[i], A[i], B[i] ? "active" : "change");
    else if (kind[i] === K.note && detail[i] === 8 && l >= 0) taken[l].set(A[i], time[i]);
    else if (kind[i] === K.note && detail[i] === 7 && l >= 0) taken[l].forEach((t, seq) => { if (seq <= A[i]) { checkpoints[l].push({ from: t, to: time[i], seq, stable: true }); taken[l].delete(seq); } });
    else if (kind[i] === K.crash && l >= 0) { change(l, time[i], at[l].view, "down"); taken[l].clear(); }
    else if (kind[i] === K.restart && l >= 0) change(l, time[i], at[l].view, "active");
    else if (kind[i] === K.complete) { const s = started.get(l + ":" + A[i]); if (s !== undefined && sideOf(l) === sides[0]) requests.push({ t: time[i], took: time[i] - time[s], i }); }
    else if (kind[i] === K.fault) { const key = sideAt(i).index + ":" + detail[i], a = acts.get(key); if (a) { a.to = time[i]; a.count++; } else acts.set(key, { from: time[i], to: time[i], count: 1 }); }
    if (kind[i] === K.invoke) started.set(l + ":" + A[i], i);
  }
  at.forEach((s, l) => { spans[l].push({ from: s.t, to: end, view: s.view, state: s.state }); taken[l].forEach((t, seq) => checkpoints[l].push({ from: t, to: end, seq, stable: false })); });
  // A fault may act from one time to another; where it did act is darker.
  sides.forEach((s) => (s.run.faults || []).forEach((f, n) => {
    const a = acts.get(s.index + ":" + n), d = (s.drawn.faults || [])[n] || {}, planned = d.name === f.name;
    if (!a) return;
    const open = planned && d.from_ms !== undefined ? Math.min(d.from_ms * 1e6, a.from) : a.from, close = planned && d.to_ms !== undefined ? Math.max(a.to, Math.min(d.to_ms * 1e6, end)) : a.to;
    faultBands.push(Object.assign(a, { open, close, name: (two ? "AB"[s.index] + " " : "") + f.name + (f.targets.length ? " on " + f.targets.map((t) => targetOf(f, t)).join(", ") : "") }));
    if (f.name === "partition") f.targets.forEach((t) => { if (cuts[s.first + t]) cuts[s.first + t].push({ from: open, to: close, text: "cut off" + (d.kind && d.kind !== "symmetric" ? ", " + d.kind : "") }); });
  }));
}());

// ---- Head and tables. ----
const bad = run.exit_class !== 0, counted = (n, what) => n + " " + what + (n === 1 ? "" : "s");
document.title = "nika: " + run.name + ", seed " + run.seed + ": " + run.verdict;
byId("scenario-name").textContent = run.name;
byId("run-facts").textContent = "seed " + run.seed + ", " + replicas + " replicas, " + counted(model.clients, "client") + ", " + clock(run.virtual_ns) + " of virtual time, " + run.events + " events, " + run.requests_completed + " of " + run.requests_expected + " requests completed";
byId("verdict").textContent = run.verdict; byId("verdict").className = bad ? "bad" : "";
byId("sentence").textContent = (run.sentence || "").startsWith(run.verdict + ": ") ? run.sentence.slice(run.verdict.length + 2) : run.sentence;
byId("why").textContent = (model.scenario || {}).why || "";
byId("reproduce").textContent = run.reproduce;
byId("copy").addEventListener("click", () => {
  const r = document.createRange(); r.selectNodeContents(byId("reproduce")); const s = getSelection(); s.removeAllRanges(); s.addRange(r);
  try { document.execCommand("copy"); byId("copy").textContent = "Copied"; } catch (e) { byId("copy").textContent = "Selected"; }
});
if (model.lost > 0) { byId("lost").hidden = false; byId("lost").textContent = model.lost + " later events did not fit and are not shown."; }
byId("scenario").textContent = JSON.stringify(model.scenario, null, 2);
byId("drawn").textContent = JSON.stringify(model.drawn, null, 2);
byId("foot").textContent = "nika " + run.build + ", run digest " + run.digest;
const violations = run.violations || [];
violations.slice(0, 50).forEach((v) => {
  const p = el("p"); p.append(el("b", v.oracle + " " + v.property + ": ", "bad"), el("span", v.sentence + " "), button("at " + clock(v.virtual_ns) + ", event " + v.event, "link", () => jump(v.virtual_ns, v.event)));
  byId("violations").append(p);
});
byId("violations-box").hidden = violations.length === 0;
byId("to-violation").hidden = violations.length === 0;
if (run.liveness && run.liveness.why) { byId("violations-box").hidden = false; byId("violations").append(el("p", "Kind of stall, " + run.liveness.class + ": " + run.liveness.why + ".")); }
// How it came to the first violation of each event: steps as rows, values that differ in colours that differ.
function tellCause() {
  const told = new Set(), palette = ["#2456b3", "#c2410c", "#0e8f9e", "#b8388f", "#6d8f1f"];
  violations.slice(0, 20).forEach((v) => {
    if (told.size >= 2 || told.has(v.sequence)) return;
    const steps = causeOf(v, data, model.kinds, corrupted, typeName), digests = [...new Set(steps.map((s) => s.digest).filter(Boolean))];
    if (!steps.length) return;
    told.add(v.sequence);
    const table = el("table"), shown = steps.length > 40 ? steps.slice(0, 40) : steps, who = (l) => laneName(l) + (corrupted.has(l) ? " (Byzantine)" : "");
    table.append(el("tbody"));
    shown.forEach((s) => {
      const peers = [...s.peers].filter((l) => l >= 0).map(who).join(", "), forged = s.type && s.signer >= 0 && s.kind === "deliver" && ![...s.peers].includes(s.signer);
      const what = s.type ? (s.kind === "send" ? "sends " : s.lost ? "loses " : "takes ") + s.type + (s.kind !== "deliver" ? " to " + (peers || "all") : " from " + peers) + (forged ? ", signed by " + who(s.signer) : "") + (s.refused ? " and refuses it" : "") + (s.says ? ": " + s.says : "") : label(s.i);
      const chip = el("span", s.digest ? "view " + (s.says ? s.from : s.view) + ", digest " + s.digest : s.type ? "view " + s.view : ""); if (s.digest) chip.style.color = palette[digests.indexOf(s.digest) % palette.length];
      row(table, [button(clock(time[s.i]), "link", () => { select(s.i); centre(s.i); canvas.scrollIntoView({ block: "center" }); }), [who(s.lane), corrupted.has(s.lane) ? "bad" : ""], what + (s.count > s.peers.size ? " (" + s.count + " times)" : ""), chip]);
    });
    if (isStall(v) && lastViewOf(v, data, model.kinds, corrupted) > 0 && !steps.some((s) => s.type === "NEW-VIEW" && s.kind === "send")) row(table, ["", "", ["nobody sends a NEW-VIEW", "bad"], "view " + lastViewOf(v, data, model.kinds, corrupted)]);
    if (isStall(v)) (run.replicas || []).forEach((r) => row(table, [clock(v.virtual_ns), [who(r.replica), r.corrupted ? "bad" : ""], r.text, ""]));
    else {
      const rule = /\(check (\w+)\)/.exec(v.sentence), says = rule && (model.checks || {})[rule[1]];
      row(table, [clock(v.virtual_ns), "", [v.oracle + ": " + v.sentence + (says ? ". " + rule[1] + ": " + says : ""), "bad"], ""]);
    }
    const d = el("details"); d.open = told.size === 1; d.append(el("summary", "How it came to that, " + (isStall(v) ? "in view " + lastViewOf(v, data, model.kinds, corrupted) : "for number " + v.sequence) + (steps.length > 40 ? " (the first 40 of " + steps.length + " steps)" : "")), table); d.dataset.cause = v.sequence;
    byId("violations").append(d);
  });
}
tellCause();
(run.story || []).forEach((s) => row(byId("story"), [button(clock(s.first_ns), "link", () => jump(s.first_ns)), s.nodes, s.text + (s.count > 1 && s.last_ns > s.first_ns ? " (" + s.count + " times, until " + clock(s.last_ns) + ")" : "")]));
if (!(run.story || []).length) row(byId("story"), [["None.", "dim"]]);
(run.faults || []).forEach((f) => row(byId("faults"), [f.name, f.present ? "on " + (f.targets.length ? f.targets.map((t) => targetOf(f, t)).join(", ") : "the network") : "not part of this run", [f.acted + (f.acted === 1 ? " act" : " acts"), "n"]]));
if (!(run.faults || []).length) row(byId("faults"), [["None: this run is fault-free.", "dim"]]);
const convictions = (run.accountability || {}).convictions || [];
convictions.forEach((c) => {
  const d = el("details"); d.append(el("summary", "replica " + c.replica + ": " + c.kind), el("p", c.sentence)); c.evidence.forEach((hex) => d.append(el("pre", hex.length > 400 ? hex.slice(0, 400) + "..." : hex))); byId("accused").append(d);
});
(function accuse() {
  const seen = new Map();
  for (let i = 0; i < N; i++) if (kind[i] === K.note && detail[i] === 2 && sideOf(lane[i]) === sides[0]) { const key = B[i] + ":" + A[i]; if (!seen.has(key)) seen.set(key, { i, by: new Set() }); seen.get(key).by.add(lane[i]); }
  seen.forEach((s) => { const p = el("p"); p.append(button([...s.by].map(laneName).join(", ") + " hold evidence against r" + B[s.i] + ": two different " + ((types[A[s.i]] || {}).name || "message") + "s", "link", () => { select(s.i); centre(s.i); })); byId("accused").append(p); });
  if (!seen.size && !convictions.length) byId("accused").append(el("p", "Nobody.", "dim"));
}());
(run.replicas || []).forEach((r) => row(byId("replicas"), ["r" + r.replica + (r.corrupted ? " (Byzantine)" : ""), r.text]));
Object.entries(run.rejects || {}).sort((a, b) => b[1] - a[1]).forEach(([id, n]) => row(byId("rejects"), [id, (model.checks || {})[id] || "", [String(n), "n"]]));
if (!Object.keys(run.rejects || {}).length) row(byId("rejects"), [["Nothing.", "dim"]]);

// ---- Filters. ----
const typeShown = new Map(), laneShown = new Array(laneCount).fill(true);
const typeCount = new Map();
for (let i = 0; i < N; i++) if (mess[i] >= 0 && kind[i] === K.deliver) typeCount.set(typeName(mess[i]), (typeCount.get(typeName(mess[i])) || 0) + 1);
[...typeCount.keys()].sort((a, b) => typeCount.get(b) - typeCount.get(a)).forEach((name) => {
  typeShown.set(name, name !== "STATUS");
  const b = button("", "", () => { typeShown.set(name, !typeShown.get(name)); b.setAttribute("aria-pressed", typeShown.get(name)); refilter(); });
  const dot = el("span", undefined, "dot"); dot.style.background = COLOURS[name] || "#a07850";
  b.append(dot, name, el("span", String(typeCount.get(name)), "dim")); b.setAttribute("aria-pressed", typeShown.get(name)); b.dataset.type = name;
  const m = types.find((t) => t && t.name === name); if (m) b.title = m.doc;
  byId("types").append(b);
});
for (let l = 0; l < laneCount && l < 200; l++) {
  const b = button(laneName(l), "", () => { laneShown[l] = !laneShown[l]; b.setAttribute("aria-pressed", laneShown[l]); layout(); refilter(); });
  b.setAttribute("aria-pressed", true); b.dataset.lane = laneName(l); byId("lanes").append(b);
}
if (laneCount > 40) for (let l = 40; l < laneCount; l++) laneShown[l] = false, byId("lanes").children[l] && byId("lanes").children[l].setAttribute("aria-pressed", false);
let wantView = -1, wantSeq = -1, wantText = "", passes = new Uint8Array(msg.count);
const number = (id) => /^\d+$/.test(byId(id).value.trim()) ? Number(byId(id).value) : -1;
function refilter() {
  wantView = number("f-view"); wantSeq = number("f-seq"); wantText = byId("f-text").value.trim();
  for (let m = 0; m < msg.count; m++)
    passes[m] = typeShown.get(typeName(m)) !== false && (wantView < 0 || msg.view[m] === wantView) && (wantSeq < 0 || msg.seq[m] === wantSeq) && (wantText === "" || msg.text[m].includes(wantText)) ? 1 : 0;
  draw();
}
["f-view", "f-seq", "f-text"].forEach((id) => byId(id).addEventListener("input", refilter));

// ---- The diagram. ----
const canvas = byId("diagram"), over = byId("overview"), LEFT = two ? 90 : 74, TOP = 26;
let from = 0, to = end, laneY = [], shownLanes = [], width = 0, height = 0, selected = -1, chain = new Set(), hits = [], pending = false;
function sized(c, w, h) { const r = devicePixelRatio || 1; c.width = Math.round(w * r); c.height = Math.round(h * r); const g = c.getContext("2d"); g.setTransform(r, 0, 0, r, 0, 0); return g; }
let g = null, go = null, bands = 0;
function layout() {
  shownLanes = []; laneY = new Array(laneCount).fill(-1);
  for (let l = 0; l < laneCount; l++) if (laneShown[l]) shownLanes.push(l);
  bands = Math.min(faultBands.length, 6);
  const gap = shownLanes.length <= 8 ? 62 : shownLanes.length <= 16 ? 40 : 22;
  shownLanes.forEach((l, i) => { laneY[l] = TOP + bands * 16 + gap * (i + 0.6); });
  height = TOP + bands * 16 + gap * shownLanes.length + 14; width = canvas.parentElement.clientWidth - 2;
  canvas.style.height = height + "px"; g = sized(canvas, width, height); go = sized(over, width, 34);
}
// A place on the axis: the time, or (where moments are crowded and long pauses lie between) how many events came before it.
let even = false;
function rank(t) { const i = firstAt(t); return i === 0 ? t - time[0] : i === N ? N + (t - time[N - 1]) / 1e6 : i - 1 + (t - time[i - 1]) / (time[i] - time[i - 1]); }
function unrank(r) { const i = Math.max(0, Math.min(N - 1, Math.floor(r) + 1)); return r < 0 ? time[0] + r : r >= N - 1 ? time[N - 1] + Math.max(0, r - N) * 1e6 : time[i - 1] + (time[i] - time[i - 1]) * (r - i + 1); }
const R = (t) => even ? rank(t) : t, unR = (r) => even ? unrank(r) : r;
const X = (t) => LEFT + (R(t) - R0) / (R1 - R0) * (width - LEFT - 8);
const T = (x) => unR(R0 + (x - LEFT) / (width - LEFT - 8) * (R1 - R0));
let R0 = 0, R1 = 1;
function label(i) {
  const k = model.kinds[kind[i]];
  if (mess[i] >= 0) return typeName(mess[i]) + (kind[i] === K.send ? " to " + laneName(peer[i]) : kind[i] === K.deliver ? " from " + laneName(peer[i]) : ": " + LOST[detail[i]]);
  if (kind[i] === K.note) return detail[i] === 4 ? (B[i] ? "active in view " : "leaves for view ") + A[i] : detail[i] === 2 ? "holds evidence against " + laneName(laneOf(lane[i], B[i])) : detail[i] === 1 ? "rejects a message of " + laneName(laneOf(lane[i], B[i])) : NOTES[detail[i]] + " " + A[i];
  if (kind[i] === K.exec) return "executes " + A[i];
  if (kind[i] === K.timer) return timerName(i);
  if (kind[i] === K.fault) return "fault " + faultOf(i).name + " acts";
  if (kind[i] === K.invoke || kind[i] === K.complete) return k + "s operation " + A[i];
  return { crash: "crashes", restart: "restarts", gst: "the network settles", persist: "writes " + A[i], stored: "has written " + A[i], drop: LOST[detail[i]] || "lost", trusted: "trusted certificate" }[k] || k;
}
function timerName(i) {
  const name = (sideOf(lane[i]).timers[isReplica(lane[i]) ? "replica" : "client"] || [])[detail[i]];
  return name ? "timer: " + name : "timer " + detail[i];
}
function redraw() { if (!pending) { pending = true; requestAnimationFrame(() => { pending = false; draw(); }); } }
function ticks(ink, line) {
  if (even) {
    g.fillStyle = ink; g.strokeStyle = line; g.lineWidth = 1; g.font = "11px system-ui"; g.textAlign = "center";
    for (let x = LEFT + 60; x < width - 30; x += 110) { g.beginPath(); g.moveTo(x, TOP - 6); g.lineTo(x, height); g.stroke(); g.fillText(clock(Math.round(T(x))), x, 14); }
    return;
  }
  const raw = (to - from) / Math.max(2, (width - LEFT) / 110), p = Math.pow(10, Math.floor(Math.log10(raw))), step = [1, 2, 5, 10].map((k) => k * p).find((s) => s >= raw);
  g.fillStyle = ink; g.strokeStyle = line; g.lineWidth = 1; g.font = "11px system-ui"; g.textAlign = "center";
  for (let t = Math.ceil(from / step) * step; t <= to; t += step) { const x = X(t); g.beginPath(); g.moveTo(x, TOP - 6); g.lineTo(x, height); g.stroke(); g.fillText(clock(Math.round(t)), x, 14); }
}
function drawBands() {
  g.textAlign = "left"; g.font = "11px system-ui";
  faultBands.slice(0, bands).forEach((b, i) => {
    const x0 = Math.max(LEFT, X(b.open)), x1 = Math.min(width, Math.max(X(b.close), X(b.open) + 3)), y = TOP + i * 16;
    if (x1 < LEFT || x0 > width) return;
    g.fillStyle = "rgba(214,59,47,.13)"; g.fillRect(x0, y, x1 - x0, 13); g.fillStyle = "rgba(214,59,47,.22)"; g.fillRect(Math.max(LEFT, X(b.from)), y, Math.max(3, Math.min(width, X(b.to)) - Math.max(LEFT, X(b.from))), 13);
    g.fillStyle = css("--bad"); g.fillText(b.name + " (" + b.count + (b.count === 1 ? " act)" : " acts)"), x0 + 4, y + 10);
  });
}
// Along the lanes: between the lines that say it, a replica hears nobody or is not heard; a checkpoint is taken and is not stable yet.
function drawCuts(l, y) {
  cuts[l].forEach((c) => {
    if (c.to < from || c.from > to) return;
    const x0 = Math.max(LEFT, X(c.from)), x1 = Math.min(width, Math.max(X(c.to), X(c.from) + 2));
    g.save(); g.beginPath(); g.rect(x0, y - 12, x1 - x0, 24); g.clip(); g.strokeStyle = "rgba(214,59,47,.45)"; g.lineWidth = 1; g.beginPath();
    for (let x = x0 - 24 - (x0 % 8); x < x1; x += 8) { g.moveTo(x, y + 12); g.lineTo(x + 24, y - 12); }
    g.stroke(); g.restore();
    if (x1 - x0 > 46) { g.fillStyle = css("--bad"); g.font = "10px system-ui"; g.textAlign = "right"; g.fillText(c.text, x1 - 4, y - 14); }
  });
}
function drawCheckpoints(l, y) {
  let n = 0, last = -9;
  checkpoints[l].forEach((c) => {
    if (c.to < from || c.from > to || n > 2000) return;
    const x0 = Math.max(LEFT, X(c.from)), x1 = Math.min(width, Math.max(X(c.to), X(c.from) + 2));
    if (x1 - last < 1) return;
    n++; last = x1;
    g.fillStyle = c.stable ? "rgba(75,123,216,.75)" : "rgba(75,123,216,.35)"; g.fillRect(x0, y + 13, x1 - x0, 4);
    if (x1 - x0 > 84) { g.fillStyle = css("--dim"); g.font = "10px system-ui"; g.textAlign = "left"; g.fillText("checkpoint " + c.seq + (c.stable ? "" : ", not stable"), x0, y + 26); }
  });
}
function drawLanes(ink, dim, line) {
  const tint = dark.matches ? ["rgba(127,176,255,.10)", "rgba(76,195,138,.12)", "rgba(199,146,234,.13)"] : ["rgba(36,86,179,.06)", "rgba(46,158,107,.09)", "rgba(123,79,201,.09)"];
  shownLanes.forEach((l) => {
    const y = laneY[l];
    spans[l].forEach((s) => {
      if (!isReplica(l) || s.to < from || s.from > to) return;
      const x0 = Math.max(LEFT, X(s.from)), x1 = Math.min(width, X(s.to));
      g.fillStyle = s.state === "down" ? "rgba(128,128,128,.45)" : s.state === "change" ? "rgba(224,161,0,.30)" : tint[s.view % 3];
      g.fillRect(x0, y - 12, Math.max(1, x1 - x0), 24);
      if (x1 - x0 > 46) { g.fillStyle = dim; g.font = "10px system-ui"; g.textAlign = "left"; g.fillText(s.state === "down" ? "down" : s.state === "change" ? "to view " + s.view : "view " + s.view, x0 + 4, y - 14); }
    });
    drawCuts(l, y); drawCheckpoints(l, y);
    g.strokeStyle = corrupted.has(l) ? "#d63b2f" : line; g.lineWidth = corrupted.has(l) ? 1.6 : 1; g.beginPath(); g.moveTo(LEFT, y); g.lineTo(width, y); g.stroke();
  });
}
function drawLabels(ink) {
  g.fillStyle = css("--card"); g.fillRect(0, TOP - 4, LEFT - 2, height);
  g.textAlign = "right";
  shownLanes.forEach((l) => {
    g.fillStyle = corrupted.has(l) ? css("--bad") : ink; g.font = (isReplica(l) ? "600 " : "") + "12px system-ui"; g.fillText(laneWord(l), LEFT - 8, laneY[l] + 4);
    if (corrupted.has(l)) { g.font = "10px system-ui"; g.fillText("Byzantine", LEFT - 8, laneY[l] + 16); }
  });
}
function arrow(x0, y0, x1, y1, c, wide, dashed, head) {
  g.strokeStyle = c; g.fillStyle = c; g.lineWidth = wide; g.setLineDash(dashed ? [4, 3] : []);
  g.beginPath(); g.moveTo(x0, y0); g.lineTo(x1, y1); g.stroke(); g.setLineDash([]);
  if (!head) return;
  const a = Math.atan2(y1 - y0, x1 - x0), s = wide > 1.6 ? 8 : 6;
  g.beginPath(); g.moveTo(x1, y1); g.lineTo(x1 - s * Math.cos(a - .38), y1 - s * Math.sin(a - .38)); g.lineTo(x1 - s * Math.cos(a + .38), y1 - s * Math.sin(a + .38)); g.fill();
}
function mark(i, x, y) {
  const k = kind[i], on = i === selected || chain.has(i);
  let shape = "";
  if (k === K.exec) shape = "exec"; else if (k === K.fault) shape = "fault"; else if (k === K.timer) shape = "timer"; else if (k === K.crash) shape = "crash"; else if (k === K.restart) shape = "restart";
  else if (k === K.invoke || k === K.complete) shape = k === K.invoke ? "ring" : "disc";
  else if (k === K.note && (detail[i] === 2 || detail[i] === 3)) shape = "alarm"; else if (k === K.note && detail[i] === 7) shape = "stable"; else if (k === K.trusted) shape = "ring";
  if (!shape && !on) return false;
  g.fillStyle = g.strokeStyle = { exec: "#2e9e6b", fault: "#d63b2f", timer: "#b08d00", crash: "#d63b2f", restart: "#2e9e6b", alarm: "#d63b2f", stable: "#4b7bd8", ring: "#6b7280", disc: "#2e9e6b" }[shape] || css("--accent");
  g.lineWidth = 1.5; g.beginPath();
  if (shape === "exec") { g.rect(x - 3.5, y - 3.5, 7, 7); g.fill(); if (roomy) { g.font = "10px system-ui"; g.textAlign = "center"; g.fillText(String(A[i]), x, y + 15); } }
  else if (shape === "fault") { g.moveTo(x, y + 4); g.lineTo(x + 4.5, y + 12); g.lineTo(x - 4.5, y + 12); g.fill(); }
  else if (shape === "timer") { g.moveTo(x, y - 9); g.lineTo(x, y + 9); g.stroke(); }
  else if (shape === "crash") { g.moveTo(x - 5, y - 5); g.lineTo(x + 5, y + 5); g.moveTo(x + 5, y - 5); g.lineTo(x - 5, y + 5); g.lineWidth = 2.5; g.stroke(); }
  else if (shape === "stable") { g.moveTo(x, y - 6); g.lineTo(x + 5, y); g.lineTo(x, y + 6); g.lineTo(x - 5, y); g.fill(); }
  else if (shape === "ring") { g.arc(x, y, 4, 0, 7); g.stroke(); } else { g.arc(x, y, 4, 0, 7); g.fill(); }
  if (on) { g.strokeStyle = css("--accent"); g.lineWidth = 2; g.beginPath(); g.arc(x, y, i === selected ? 9 : 6, 0, 7); g.stroke(); }
  return true;
}
let roomy = false;
const ARROWS = 6000;
let onlyAlone = false;
function visibleMessage(i) { return mess[i] >= 0 && (!onlyAlone || alone[i]) && passes[mess[i]] && lane[i] >= 0 && laneY[lane[i]] >= 0 && peer[i] >= 0 && laneY[peer[i]] >= 0; }
function drawEvents(lo, hi) {
  const many = hi - lo > 60000, alpha = hi - lo > 3000 ? .35 : hi - lo > 800 ? .6 : .95;
  let shown = 0, skipped = 0;
  roomy = hi - lo < 900;
  // Past this number arrows are only ink: a sample tells the same, and the frame stays short.
  const step = Math.max(1, Math.ceil((hi - lo) / (ARROWS * 3)));
  const last = Math.min(N, hi + 4000);
  for (let i = lo; i < last; i++) {
    const k = kind[i];
    if ((k !== K.deliver && k !== K.drop) || !visibleMessage(i)) continue;
    const c = cause[i], lost = k === K.drop;
    if (c < 0 ? i >= hi : time[c] > to) continue;
    shown++;
    if (step > 1 && i % step !== 0 && !chain.has(i)) { skipped++; continue; }
    const src = lost ? lane[i] : peer[i], dst = lost ? peer[i] : lane[i];
    let x0 = X(c >= 0 ? time[c] : time[i]), x1 = X(time[i]), y0 = laneY[src], y1 = laneY[dst];
    if (lost) { x1 = Math.max(x1, x0 + 6); y1 = y0 + (y1 - y0) * .45; }
    const on = chain.has(i);
    g.globalAlpha = chain.size ? (on ? alpha : alpha * .25) : two && !alone[i] ? alpha * .3 : alpha;
    arrow(x0, y0, x1, y1, lost ? "#d63b2f" : colour(mess[i]), on ? 2.6 : roomy ? 1.3 : 1, lost, roomy || on);
    if (lost && roomy) { g.font = "12px system-ui"; g.textAlign = "center"; g.fillText("x", x1, y1 + 4); }
    if (hits.length < 20000) hits.push({ i, x0, y0, x1, y1 });
  }
  g.globalAlpha = 1;
  const used = new Int32Array(laneCount).fill(-10);
  for (let i = lo; i < hi; i++) {
    const l = lane[i];
    if (l < 0 || laneY[l] < 0 || kind[i] === K.deliver || kind[i] === K.send) { if (!(chain.has(i) && l >= 0 && laneY[l] >= 0)) continue; }
    const x = X(time[i]);
    if (onlyAlone && !alone[i] && i !== selected) continue;
    if (many && Math.floor(x) === used[l] && kind[i] !== K.crash) continue;
    if (mark(i, x, laneY[l])) { used[l] = Math.floor(x); if (hits.length < 30000) hits.push({ i, x0: x, y0: laneY[l] + (kind[i] === K.fault ? 8 : 0), x1: x, y1: laneY[l] }); }
  }
  byId("count").textContent = (hi - lo).toLocaleString("en") + " events, " + shown.toLocaleString("en") + " messages shown" + (skipped ? " (every " + step + "th drawn; zoom in for all)" : "");
}
// Violations of one event share a line and a label; labels that would overlap are written further down.
function drawViolations() {
  const groups = new Map(), rows = [];
  violations.forEach((v) => { if (v.virtual_ns >= from && v.virtual_ns <= to) groups.set(v.event, (groups.get(v.event) || []).concat(v)); });
  const places = [...groups.values()].map((list) => {
    const x = X(list[0].virtual_ns);
    g.strokeStyle = "#d63b2f"; g.lineWidth = 2; g.beginPath(); g.moveTo(x, TOP - 8); g.lineTo(x, height); g.stroke();
    list.forEach((v) => (v.replicas || []).forEach((r) => { if (laneY[r] >= 0) { g.beginPath(); g.arc(x, laneY[r], 11, 0, 7); g.stroke(); } }));
    return { x, text: list[0].oracle + " " + list[0].property + " violated" + (list.length > 1 ? " (+" + list.slice(1).map((v) => v.oracle).join(", ") + ")" : "") };
  });
  g.font = "600 11px system-ui"; g.textAlign = "left";
  places.sort((a, b) => a.x - b.x).forEach((p) => {
    const w = g.measureText(p.text).width + 8, left = p.x + w > width ? p.x - w : p.x;
    let line = rows.findIndex((edge) => edge <= left); if (line < 0) line = rows.length;
    if (line > 7) return;
    rows[line] = left + w;
    const y = TOP - 10 + line * 16;
    g.fillStyle = "#d63b2f"; g.fillRect(left, y, w, 15); g.fillStyle = "#fff"; g.fillText(p.text, left + 4, y + 11);
  });
}
// Where the two runs part, and which lanes are whose.
function drawParting() {
  if (!two) return;
  const first = shownLanes.find((l) => sideOf(l) === sides[1]);
  if (first !== undefined) { const y = laneY[first] - (shownLanes.length <= 8 ? 34 : 14); g.strokeStyle = css("--dim"); g.lineWidth = 1; g.setLineDash([2, 3]); g.beginPath(); g.moveTo(LEFT, y); g.lineTo(width, y); g.stroke(); g.setLineDash([]); }
  if (data.parted < from || data.parted > to) return;
  const x = X(data.parted), text = "the runs part"; g.strokeStyle = css("--accent"); g.lineWidth = 2; g.setLineDash([6, 3]); g.beginPath(); g.moveTo(x, TOP - 8); g.lineTo(x, height); g.stroke(); g.setLineDash([]);
  g.font = "600 11px system-ui"; g.textAlign = "left"; const w = g.measureText(text).width + 8, left = Math.max(LEFT, x - w);
  g.fillStyle = css("--accent"); g.fillRect(left, height - 16, w, 15); g.fillStyle = css("--card"); g.fillText(text, left + 4, height - 5);
}
let density = null;
function drawOverview() {
  const W = Math.max(1, width - LEFT - 8);
  if (!density || density.length !== Math.ceil(W)) { density = new Float64Array(Math.ceil(W)); for (let i = 0; i < N; i++) density[Math.min(density.length - 1, Math.floor(time[i] / (end || 1) * W))]++; }
  let top = 1; for (const d of density) top = Math.max(top, d);
  go.clearRect(0, 0, width, 34); go.fillStyle = css("--dim"); go.font = "10px system-ui"; go.textAlign = "right"; go.fillText("whole run", LEFT - 8, 21);
  for (let x = 0; x < density.length; x++) if (density[x]) { const h = 3 + 24 * Math.log1p(density[x]) / Math.log1p(top); go.fillRect(LEFT + x, 32 - h, 1, h); }
  faultBands.forEach((b) => { go.fillStyle = "rgba(214,59,47,.35)"; go.fillRect(LEFT + b.open / end * W, 0, Math.max(2, (b.close - b.open) / end * W), 4); });
  if (data.parted >= 0) { go.fillStyle = css("--accent"); go.fillRect(LEFT + data.parted / end * W - 1, 0, 2, 34); }
  violations.forEach((v) => { go.fillStyle = "#d63b2f"; go.fillRect(LEFT + v.virtual_ns / end * W - 1, 0, 2, 34); });
  go.strokeStyle = css("--accent"); go.lineWidth = 2; go.fillStyle = "rgba(80,130,255,.18)";
  const a = LEFT + from / end * W, b = Math.max(3, (to - from) / end * W); go.fillRect(a, 1, b, 32); go.strokeRect(a, 1, b, 32);
}
function draw() {
  const ink = css("--ink"), dim = css("--dim"), line = css("--line");
  R0 = R(from); R1 = Math.max(R(to), R0 + 1e-9);
  g.clearRect(0, 0, width, height); hits = [];
  ticks(dim, css("--soft")); drawLanes(ink, dim, line);
  g.save(); g.beginPath(); g.rect(LEFT, 0, width, height); g.clip();
  const lo = firstAt(from), hi = firstAt(to + 1);
  drawEvents(lo, hi); drawBands(); drawViolations(); drawParting();
  g.restore(); drawLabels(ink); drawOverview();
  if (byId("table-box").open) fillTable(lo, hi);
}
// The bands in view as words: for those who cannot see them, and for tests.
function fillBands() {
  const list = [], add = (l, what, s) => { if (s.to >= from && s.from <= to) list.push({ l, what, s }); };
  faultBands.forEach((b) => add(-1, "fault " + b.name + ": " + b.count + (b.count === 1 ? " act" : " acts"), { from: b.open, to: b.close }));
  shownLanes.forEach((l) => {
    if (!isReplica(l)) return;
    spans[l].forEach((s) => add(l, s.state === "down" ? "down" : s.state === "change" ? "view change to view " + s.view : "view " + s.view, s));
    cuts[l].forEach((s) => add(l, s.text, s));
    checkpoints[l].forEach((s) => add(l, "checkpoint " + s.seq + (s.stable ? ", taken until stable" : ", never stable"), s));
  });
  byId("bands").tBodies[0].replaceChildren();
  list.slice(0, 200).forEach((b) => row(byId("bands"), [b.l < 0 ? "" : laneName(b.l), b.what, clock(b.s.from), clock(b.s.to)]));
}
function fillTable(lo, hi) {
  fillBands();
  const body = byId("table").tBodies[0]; body.replaceChildren();
  for (let i = lo, n = 0; i < hi && n < 300; i++) {
    if (lane[i] >= 0 && laneY[lane[i]] < 0) continue;
    if (mess[i] >= 0 && !passes[mess[i]]) continue;
    if (onlyAlone && !alone[i]) continue;
    n++; row(byId("table"), [button(clock(time[i]), "link", () => { select(i); redraw(); }), laneName(lane[i]), label(i), [mess[i] >= 0 ? msg.text[mess[i]] : "", "m"]]);
  }
}
byId("table-box").addEventListener("toggle", draw);

// ---- Selection: fields, what led to it, what it led to. ----
function past(i) { const list = []; for (let c = cause[i]; c >= 0 && list.length < 200; c = cause[c]) list.push(c); return list; }
function future(i) { const list = [], set = new Set([i]); for (let j = i + 1; j < N && j < i + 60000 && list.length < 400; j++) if (cause[j] >= 0 && set.has(cause[j])) { set.add(j); list.push(j); } return list; }
function links(list, max) {
  const ol = el("ol");
  list.slice(0, max).forEach((j) => { const li = el("li"); li.append(button(clock(time[j]) + "  " + laneName(lane[j]) + "  " + label(j), "", () => { select(j); if (time[j] < from || time[j] > to) centre(j); redraw(); })); ol.append(li); });
  if (list.length > max) ol.append(el("li", "and " + (list.length - max) + " more", "dim"));
  return ol;
}
function facts(pairs) { const t = el("table"); t.append(el("tbody")); pairs.forEach((p) => { row(t, [[p[0], "dim"], [p[1], "m"]]); t.tBodies[0].lastChild.dataset.field = p[0]; }); return t; }
function fields(text) {
  const list = []; let match; const word = /([a-z_0-9]+)=(\[[^\]]*\]|<[^>]*>|\S+)/g;
  while ((match = word.exec(text)) !== null) list.push([match[1], match[2]]);
  return list.length ? list : [["text", text]];
}
// What a result waited for: every event on the way has one that it came from, the last of those that it needed. The share of each step
// in the whole is what would have to be faster.
function path(i) {
  const way = [...past(i).reverse(), i], start = started.get(lane[i] + ":" + A[i]), first = way[0];
  if (start === undefined || first <= start || lane[first] < 0) return way;
  // A timer or a disk that other requests shared: before it comes the arrival of this one.
  for (let j = start; j < first; j++)
    if (kind[j] === K.deliver && lane[j] === lane[first] && typeName(mess[j]) === "REQUEST" && msg.sender[mess[j]] === lane[i]) return [...past(j).reverse(), j, ...way];
  return way;
}
function steps(way) {
  const ol = el("ol"), total = Math.max(1, time[way[way.length - 1]] - time[way[0]]);
  way.forEach((j, n) => {
    const took = n ? time[j] - time[way[n - 1]] : 0, li = el("li");
    li.append(button((n ? "+" + clock(took) + " (" + Math.round(took / total * 100) + " %)" : clock(time[j])) + "  " + laneName(lane[j]) + "  " + label(j), "", () => { select(j); redraw(); }));
    ol.append(li);
  });
  ol.dataset.path = way.length; return ol;
}
function criticalPath(i) {
  const way = path(i); select(i); chain = new Set(way);
  const w = Math.max(1000, time[i] - time[way[0]]); show(time[way[0]] - w * .06, time[i] + w * .06); canvas.scrollIntoView({ block: "center" });
}
function select(i) {
  selected = i; const before = past(i), after = future(i); chain = new Set([i, ...before, ...after]);
  const box = byId("detail"), m = mess[i]; box.replaceChildren();
  const h = el("h3", m >= 0 ? typeName(m) : label(i)); if (m >= 0) h.style.color = colour(m); box.append(h);
  if (m >= 0) {
    const lost = kind[i] === K.drop, c = kind[i] === K.send ? i : cause[i], type = types[msg.type[m]];
    if (type) box.append(el("p", type.doc, "dim"));
    const src = kind[i] === K.deliver ? peer[i] : lane[i], dst = kind[i] === K.deliver ? lane[i] : peer[i];
    const list = [["from", laneWord(src)], ["to", laneWord(dst)]];
    if (c >= 0) list.push(["sent", clock(time[c])]);
    if (kind[i] !== K.send) list.push([lost ? "lost" : "delivered", clock(time[i]) + (lost ? ": " + LOST[detail[i]] : "")]);
    if (c >= 0 && c !== i) list.push(["under way", clock(time[i] - time[c])]);
    box.append(facts(list), el("h4", "Fields")); box.append(facts(fields(msg.text[m])));
    box.append(el("h4", "Authenticity"), facts([["proof", AUTH[msg.auth[m]] || "?"], ["signed as", msg.sender[m] === 65535 ? "nobody known" : laneWord(msg.sender[m])], ["bytes", (msg.proof[m] || "none") + (msg.proof[m] ? "..." : "")], ["frame", msg.size[m] + " bytes"]]));
    if (corrupted.has(src)) box.append(el("p", "Its sender is Byzantine.", "bad"));
    if (msg.sender[m] !== 65535 && msg.sender[m] !== src) box.append(el("p", "Forwarded: " + laneName(src) + " sent what " + laneName(msg.sender[m]) + " had signed.", "warn"));
  } else box.append(facts([["node", laneWord(lane[i])], ["time", clock(time[i])], ["event", String(world[i])], ["a", String(A[i])], ["b", String(B[i])]]));
  if (two) box.append(el("p", alone[i] ? "Only in run " + "AB"[sideAt(i).index] + "." : "In both runs.", alone[i] ? "warn" : "dim"));
  if (kind[i] === K.complete) { const way = path(i); box.append(el("h4", "Critical path: " + way.length + " steps, " + clock(time[i] - time[way[0]])), steps(way)); }
  box.append(el("h4", "What led to it (" + before.length + ")"), links(before, 12), el("h4", "What it led to (" + after.length + (after.length === 400 ? " or more" : "") + ")"), links(after, 12));
  box.append(button("Clear", "", () => { selected = -1; chain = new Set(); box.replaceChildren(el("p", "Nothing selected.", "dim")); draw(); }));
  canvas.dataset.selected = String(i); redraw();
}
function show(a, b) { const least = 2000; if (b - a < least) { const m = (a + b) / 2; a = m - least / 2; b = m + least / 2; } if (b - a > end * 1.02) { a = -end * .01; b = end * 1.01; } const w = b - a; if (a < -w * .3) { a = -w * .3; b = a + w; } if (b > end + w * .3) { b = end + w * .3; a = b - w; } from = a; to = b; redraw(); }
function centre(i) { const w = Math.min(to - from, Math.max(20e6, (to - from) / 4)); show(time[i] - w / 2, time[i] + w / 2); }
function jump(t, event) { const lo = firstAt(t), w = span(lo); show(t - w * .75, t + w * .25); if (event !== undefined) { let i = lo; while (i < N && time[i] === t && world[i] !== event) i++; if (i < N && time[i] === t) select(i); } canvas.scrollIntoView({ block: "center" }); }
// A stretch of time around event i with about 400 events: what can be read.
function span(i) { const a = Math.max(0, i - 300), b = Math.min(N - 1, i + 100); return Math.max(2e5, time[b] - time[a]); }
function zoom(f, x) { const near = selected >= 0 && time[selected] >= from && time[selected] <= to ? time[selected] : (from + to) / 2, t = x === undefined ? near : T(x); show(t - (t - from) * f, t + (to - t) * f); }
function nearest(px, py) {
  let best = -1, near = 64;
  hits.forEach((h) => {
    const dx = h.x1 - h.x0, dy = h.y1 - h.y0, q = dx * dx + dy * dy, u = q ? Math.max(0, Math.min(1, ((px - h.x0) * dx + (py - h.y0) * dy) / q)) : 0;
    const ex = px - h.x0 - u * dx, ey = py - h.y0 - u * dy, d = (ex * ex + ey * ey) * (q < 80 ? .5 : 1); if (d < near) { near = d; best = h.i; }
  });
  return best;
}
let drag = null;
canvas.addEventListener("pointerdown", (e) => { drag = { x: e.offsetX, from, to, moved: false }; canvas.setPointerCapture(e.pointerId); canvas.classList.add("drag"); });
canvas.addEventListener("pointermove", (e) => { if (!drag) { canvas.title = ""; const i = nearest(e.offsetX, e.offsetY); if (i >= 0) canvas.title = laneName(lane[i]) + " " + label(i) + " " + (mess[i] >= 0 ? msg.text[mess[i]] : ""); return; } const dx = e.offsetX - drag.x; if (Math.abs(dx) > 3) drag.moved = true; if (drag.moved) { const a = R(drag.from), b = R(drag.to), dt = dx / (width - LEFT - 8) * (b - a); show(unR(a - dt), unR(b - dt)); } });
canvas.addEventListener("pointerup", (e) => { canvas.classList.remove("drag"); if (drag && !drag.moved) { const i = nearest(e.offsetX, e.offsetY); if (i >= 0) select(i); } drag = null; });
canvas.addEventListener("wheel", (e) => { e.preventDefault(); if (e.shiftKey || Math.abs(e.deltaX) > Math.abs(e.deltaY)) { const d = (e.deltaX || e.deltaY) / width * (to - from); show(from + d, to + d); } else zoom(Math.exp(e.deltaY / 400), e.offsetX); }, { passive: false });
function step(d) { let i = selected < 0 ? firstAt(from) - (d > 0 ? 1 : 0) : selected; for (i += d; i >= 0 && i < N; i += d) if (lane[i] >= 0 && laneY[lane[i]] >= 0 && kind[i] !== K.persist && kind[i] !== K.stored && (mess[i] < 0 || passes[mess[i]])) break; if (i >= 0 && i < N) { select(i); if (time[i] < from || time[i] > to) centre(i); } }
canvas.addEventListener("keydown", (e) => {
  const w = to - from, act = { e: () => setEven(!even), ArrowLeft: () => show(from - w / 5, to - w / 5), ArrowRight: () => show(from + w / 5, to + w / 5), "+": () => zoom(.6), "=": () => zoom(.6), "-": () => zoom(1 / .6), Home: () => show(0, end), n: () => step(1), p: () => step(-1), v: () => violations.length && jump(violations[0].virtual_ns, violations[0].event), d: () => data.parted >= 0 && toParting() }[e.key];
  if (act && !e.ctrlKey && !e.metaKey) { e.preventDefault(); act(); }
});
const overAt = (e) => { const t = (e.offsetX - LEFT) / (width - LEFT - 8) * end, w = Math.min(to - from, end / 4); show(t - w / 2, t + w / 2); };
over.addEventListener("pointerdown", (e) => { over.setPointerCapture(e.pointerId); overAt(e); });
over.addEventListener("pointermove", (e) => { if (e.buttons) overAt(e); });
byId("zoom-in").addEventListener("click", () => zoom(.5)); byId("zoom-out").addEventListener("click", () => zoom(2)); byId("fit").addEventListener("click", () => show(0, end));
byId("even").addEventListener("click", () => setEven(!even));
function setEven(on) { even = on; byId("even").setAttribute("aria-pressed", on); redraw(); }
byId("to-start").addEventListener("click", () => show(0, N ? time[Math.min(N - 1, 230)] * 1.05 : 1));
byId("to-violation").addEventListener("click", () => jump(violations[0].virtual_ns, violations[0].event));

// ---- Two runs. ----
function toParting() { const lo = firstAt(data.parted), w = span(lo); show(data.parted - w * .3, data.parted + w * .7); canvas.scrollIntoView({ block: "center" }); }
function quiet(i) { return kind[i] === K.persist || kind[i] === K.stored || kind[i] === K.timer || (mess[i] >= 0 && typeName(mess[i]) === "STATUS"); }
function onlyIn(side) {
  const list = [], counts = new Map();
  for (let i = 0; i < N; i++) {
    if (!alone[i] || sideAt(i) !== side) continue;
    const name = mess[i] >= 0 ? model.kinds[kind[i]] + " " + typeName(mess[i]) : model.kinds[kind[i]];
    counts.set(name, (counts.get(name) || 0) + 1);
    if (!quiet(i)) list.push(i);
  }
  const box = el("div"), letter = "AB"[side.index];
  box.append(el("h3", "Only in " + letter + ": " + [...counts.values()].reduce((a, b) => a + b, 0).toLocaleString("en") + " events"));
  box.append(el("p", [...counts].sort((a, b) => b[1] - a[1]).slice(0, 10).map((c) => c[1] + " " + c[0]).join(", "), "dim"));
  const ol = links(list, 15); ol.dataset.only = letter.toLowerCase(); box.append(ol); return box;
}
if (two) {
  const d = model.diff || {}, text = (e) => e ? e.text : "the run has ended", choice = (c) => c && c.name ? c.name + " = " + c.value : "nothing more";
  byId("compare-box").hidden = false;
  byId("compare-text").textContent = d.same ? "They are the same: " + d.same_events + " events." : "The first " + d.same_events + " events are the same. " + (data.parted >= 0 ? "At " + clock(data.parted) + " the runs part." : "What is drawn is the same; states or results differ.");
  sides.forEach((s, n) => row(byId("compare-facts"), ["run " + "AB"[n], s.run.name + ", seed " + s.run.seed, [s.run.verdict, s.run.exit_class ? "bad" : ""], (s.run.sentence || "").replace(s.run.verdict + ": ", "")]));
  if (d.diverged) ["a", "b"].forEach((n) => row(byId("compare-facts"), ["first in " + n.toUpperCase(), data.firsts["ab".indexOf(n)] >= 0 ? button("show", "link", () => { const i = data.firsts["ab".indexOf(n)]; select(i); centre(i); canvas.scrollIntoView({ block: "center" }); }) : "", "", text(d.diverged[n])]));
  if (d.decided && (d.decided.a || d.decided.b)) row(byId("compare-facts"), ["decided", "otherwise for the first time", "", "A: " + choice(d.decided.a) + "; B: " + choice(d.decided.b)]);
  if (data.parted >= 0) {
    sides.forEach((s) => byId("compare-only").append(onlyIn(s)));
    [["to-parting", toParting], ["only-alone", () => { onlyAlone = !onlyAlone; byId("only-alone").setAttribute("aria-pressed", onlyAlone); draw(); }]].forEach(([id, act]) => { byId(id).hidden = false; byId(id).addEventListener("click", act); });
  }
}

// ---- Latency and throughput. ----
function drawSpeed() {
  const c = byId("speed"), w = c.parentElement.clientWidth - 34, h = 170, s = sized(c, w, h), sorted = requests.map((r) => r.took).sort((a, b) => a - b);
  const at = (q) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
  byId("speed-text").textContent = sorted.length ? sorted.length + " requests; latency: median " + clock(at(.5)) + ", 99 % " + clock(at(.99)) + ", longest " + clock(sorted[sorted.length - 1]) + ". Dots: latency of a request, on a logarithmic scale. Bars: requests completed in a slice of time." : "No request completed.";
  if (!sorted.length) return;
  if (!byId("paths").children.length) {
    const ranked = requests.slice().sort((a, b) => a.took - b.took);
    [["slowest", 1], ["median", .5], ["fastest", 0]].forEach(([word, q]) => {
      const r = ranked[Math.min(ranked.length - 1, Math.floor(q * ranked.length))];
      byId("paths").append(button("Critical path of the " + word + " request, " + clock(r.took), "", () => criticalPath(r.i)));
    });
  }
  const low = Math.log(Math.max(1, sorted[0])), high = Math.log(Math.max(2, sorted[sorted.length - 1])), slices = Math.min(120, Math.max(10, Math.floor(w / 8))), bins = new Float64Array(slices);
  const x = (t) => LEFT + t / end * (w - LEFT - 4), y = (v) => h - 24 - (Math.log(Math.max(1, v)) - low) / Math.max(1e-9, high - low) * (h - 40);
  requests.forEach((r) => { bins[Math.min(slices - 1, Math.floor(r.t / end * slices))]++; });
  const most = bins.reduce((a, b) => Math.max(a, b), 1);
  s.fillStyle = "rgba(46,158,107,.28)"; bins.forEach((b, i) => s.fillRect(x(i * end / slices), h - 18 - b / most * (h - 34), (w - LEFT) / slices - 1, b / most * (h - 34)));
  s.fillStyle = css("--accent"); requests.forEach((r) => s.fillRect(x(r.t) - 1.5, y(r.took) - 1.5, 3, 3));
  s.fillStyle = css("--dim"); s.font = "11px system-ui"; s.textAlign = "right"; s.fillText(clock(sorted[sorted.length - 1]), LEFT - 6, y(sorted[sorted.length - 1]) + 4); s.fillText(clock(sorted[0]), LEFT - 6, y(sorted[0]) + 4);
  s.textAlign = "left"; s.fillText("0", LEFT, h - 4); s.textAlign = "right"; s.fillText(clock(end), w - 4, h - 4); s.fillText("at most " + most + " in " + clock(end / slices), w - 4, 11);
}
function all() { layout(); refilter(); drawSpeed(); }
addEventListener("resize", () => { density = null; all(); });
dark.addEventListener("change", all);
addEventListener("beforeprint", all);
if (data.parted >= 0) { const w = span(firstAt(data.parted)); from = Math.max(0, data.parted - w * .3); to = data.parted + w * .7; }
else if (violations.length) { const t = violations[0].virtual_ns, w = span(firstAt(t)); from = Math.max(0, t - w * .8); to = t + w * .2; }
else if (N > 400) { to = time[Math.min(N - 1, 230)] * 1.05; }
all();
if (violations.length || data.parted >= 0) setEven(true);
document.documentElement.dataset.ready = "1";
}());

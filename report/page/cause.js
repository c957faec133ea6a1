"use strict";
// How it came to a violation: what the replicas that disagree, and the Byzantine ones, took, sent and did for the number that it is about, up
// to the event that broke the property, and their view changes. Where progress stopped, and no number is wrong, it is what everybody did for the last
// view that a correct replica left for. Equal steps are joined: [{i, lane, kind, type, view, digest, signer, refused, peers: Set, count}]. `d` is what
// readModel() gives, `names` the kinds of events.
const isStall = (violation) => violation.property === "liveness";
function lastViewOf(violation, d, names, corrupted) {
  let last = 0;
  for (let i = 0; i < d.N && d.world[i] <= violation.event; i++) if (names[d.kind[i]] === "note" && d.detail[i] === 4 && !corrupted.has(d.lane[i])) last = Math.max(last, d.A[i]);
  return last;
}
// What a message of a view change says of this number: the order that its sender holds for it, or gives it; the highest of several.
function orderIn(d, m, type, seq) {
  if (!d.ordersOf) { d.ordersOf = new Map(); d.msg.orders.forEach((o) => { const list = d.ordersOf.get(o[0]); if (list) list.push(o); else d.ordersOf.set(o[0], [o]); }); }
  const given = (d.ordersOf.get(m) || []).filter((o) => o[3] === seq), low = /\blow_mark=(\d+)/.exec(d.msg.text[m]), verb = type === "NEW-VIEW" ? "gives" : "holds";
  if (low && Number(low[1]) >= seq) return { says: "number " + seq + " is behind its checkpoint", digest: "" };
  if (!given.length) return { says: verb + " no order for number " + seq, digest: "" };
  const best = given.reduce((a, b) => b[2] > a[2] ? b : a);
  return { says: verb + " number " + seq + (best[4] ? "" : " the null batch: no request"), digest: best[4], from: best[2] };
}
function causeOf(violation, d, names, corrupted, typeName) {
  const lanes = new Set(violation.replicas || []), seq = violation.sequence, steps = new Map(), refused = new Set(), stalled = isStall(violation);
  if (!stalled && (seq === undefined || seq === null)) return [];
  const last = lastViewOf(violation, d, names, corrupted);
  for (let i = 0; i < d.N && d.world[i] <= violation.event; i++) if (names[d.kind[i]] === "note" && d.detail[i] === 1) refused.add(d.cause[i]);
  for (let i = 0; i < d.N && d.world[i] <= violation.event; i++) {
    const l = d.lane[i], m = d.mess[i], name = names[d.kind[i]];
    let step = null;
    const type = m >= 0 ? typeName(m) : "", moves = type === "VIEW-CHANGE" || type === "NEW-VIEW";
    if (stalled ? moves && d.msg.view[m] === last && (name === "send" || name === "deliver" || (name === "drop" && type === "NEW-VIEW")) : moves && lanes.has(l) && (name === "send" || name === "deliver")) {
      step = { type, view: d.msg.view[m], digest: "", signer: stalled ? -1 : d.msg.sender[m], refused: refused.has(i), lost: name === "drop" };
      if (!stalled) Object.assign(step, orderIn(d, m, type, seq));
    } else if (stalled) {
      if (name !== "note" || d.detail[i] !== 4 || d.A[i] !== last) continue;
      step = { type: "", view: -1, digest: "", signer: -1, refused: false };
    } else if (m >= 0 && (name === "send" || name === "deliver") && d.msg.seq[m] === seq) {
      const digest = /\bdigest=([0-9a-f]+)/.exec(d.msg.text[m]);
      if (type === "STATUS" || type === "REPLY" || type === "REQUEST" || !(lanes.has(l) || (name === "send" && corrupted.has(l)))) continue;
      step = { type, view: d.msg.view[m], digest: digest ? digest[1] : "", signer: d.msg.sender[m], refused: refused.has(i) };
    } else if (!lanes.has(l)) {
      continue;
    } else if ((name === "exec" && d.A[i] === seq) || (name === "note" && (d.detail[i] === 5 || d.detail[i] === 4) && (d.detail[i] === 4 || d.A[i] === seq)) || name === "crash" || name === "restart") {
      step = { type: "", view: -1, digest: "", signer: -1, refused: false };
    } else {
      continue;
    }
    const key = [l, d.kind[i], step.type, step.view, step.digest, step.says, step.refused, step.type ? step.signer : d.detail[i] + ":" + d.A[i] + ":" + d.B[i]].join(" "), old = steps.get(key);
    if (old) { old.peers.add(d.peer[i]); old.count++; } else steps.set(key, Object.assign(step, { i, lane: l, kind: name, peers: new Set([d.peer[i]]), count: 1 }));
  }
  return [...steps.values()];
}

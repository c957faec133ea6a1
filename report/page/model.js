"use strict";
// The model's columns as typed arrays. Two runs (nika report --diff) become one: lanes, messages and events of the second behind those of
// the first, events in the order of time; and what only one of them has from their first difference on is marked.
function readModel(model) {
  const sides = [model, model.other].filter(Boolean).map(function (m, index) {
    const ev = m.events, N = ev.count, s = { index, run: m.run || {}, drawn: m.drawn || {}, timers: m.timers || {}, types: m.types, msg: m.messages, replicas: m.replicas,
      lanes: m.replicas + m.clients, first: 0, N, time: new Float64Array(N), world: new Uint32Array(N), kind: Uint8Array.from(ev.kind), lane: Int16Array.from(ev.lane),
      peer: Int16Array.from(ev.peer), mess: Int32Array.from(ev.message), cause: new Int32Array(N), detail: ev.detail, A: ev.a, B: ev.b };
    for (let i = 0, t = 0, e = 0; i < N; i++) { t += ev.dt[i]; e += ev.de[i]; s.time[i] = t; s.world[i] = e; s.cause[i] = ev.back[i] ? i - ev.back[i] : -1; }
    return s;
  });
  return sides.length > 1 ? join(sides[0], sides[1], model.kinds) : Object.assign({ sides, alone: null, parted: -1 }, sides[0]);

  function same(a, b, i) {
    const x = a.mess[i], y = b.mess[i];
    return a.kind[i] === b.kind[i] && a.time[i] === b.time[i] && a.world[i] === b.world[i] && a.lane[i] === b.lane[i] && a.peer[i] === b.peer[i] && a.detail[i] === b.detail[i] &&
      a.A[i] === b.A[i] && a.B[i] === b.B[i] && (x < 0) === (y < 0) && (x < 0 || (a.msg.type[x] === b.msg.type[y] && a.msg.text[x] === b.msg.text[y]));
  }
  // What an event says, without times and digests: behind the first difference most of these differ.
  function key(s, i, kinds) {
    const m = s.mess[i], name = kinds[s.kind[i]], text = s.kind[i] + " " + s.lane[i] + " " + s.peer[i] + " " + s.detail[i];
    if (m >= 0) return text + " " + s.msg.type[m] + " " + s.msg.sender[m] + " " + s.msg.view[m] + " " + s.msg.seq[m];
    return name === "note" ? text + " " + s.A[i] + " " + s.B[i] : name === "exec" || name === "invoke" || name === "complete" ? text + " " + s.A[i] : text;
  }
  function marks(a, b, parted, kinds) {
    const left = new Map(), alone = [new Uint8Array(a.N), new Uint8Array(b.N)];
    for (let i = parted; i < a.N; i++) { const k = key(a, i, kinds), list = left.get(k); if (list) list.push(i); else left.set(k, [i]); }
    left.forEach((list) => list.reverse());
    for (let i = parted; i < b.N; i++) { const list = left.get(key(b, i, kinds)); if (list && list.length) list.pop(); else alone[1][i] = 1; }
    left.forEach((list) => list.forEach((i) => { alone[0][i] = 1; }));
    return alone;
  }
  function join(a, b, kinds) {
    const N = a.N + b.N, d = { sides, N, time: new Float64Array(N), world: new Uint32Array(N), kind: new Uint8Array(N), lane: new Int16Array(N), peer: new Int16Array(N),
      mess: new Int32Array(N), cause: new Int32Array(N), detail: new Array(N), A: new Array(N), B: new Array(N), alone: new Uint8Array(N), side: new Uint8Array(N), types: a.types.concat(b.types) };
    let parted = 0;
    while (parted < a.N && parted < b.N && same(a, b, parted)) parted++;
    const alone = marks(a, b, parted, kinds), place = [new Int32Array(a.N), new Int32Array(b.N)];
    b.first = a.lanes;
    for (let x = 0, y = 0, i = 0; i < N; i++) {
      const right = x >= a.N || (y < b.N && b.time[y] < a.time[x]), s = right ? b : a, j = right ? y++ : x++, at = s.first, m = right ? a.msg.count : 0;
      place[right ? 1 : 0][j] = i;
      d.time[i] = s.time[j]; d.world[i] = s.world[j]; d.kind[i] = s.kind[j]; d.detail[i] = s.detail[j]; d.A[i] = s.A[j]; d.B[i] = s.B[j]; d.alone[i] = alone[right ? 1 : 0][j]; d.side[i] = right ? 1 : 0;
      d.lane[i] = s.lane[j] < 0 ? -1 : s.lane[j] + at; d.peer[i] = s.peer[j] < 0 ? -1 : s.peer[j] + at; d.mess[i] = s.mess[j] < 0 ? -1 : s.mess[j] + m;
      d.cause[i] = s.cause[j] < 0 ? -1 : place[right ? 1 : 0][s.cause[j]];
    }
    d.msg = { count: a.msg.count + b.msg.count, orders: a.msg.orders.concat(b.msg.orders.map((o) => [o[0] + a.msg.count, ...o.slice(1)])), type: a.msg.type.concat(b.msg.type.map((t) => t + a.types.length)), sender: a.msg.sender.concat(b.msg.sender.map((l) => l === 65535 ? l : l + a.lanes)) };
    ["view", "seq", "size", "auth", "text", "proof"].forEach((name) => { d.msg[name] = a.msg[name].concat(b.msg[name]); });
    d.parted = a.N === b.N && parted === a.N ? -1 : Math.min(parted < a.N ? a.time[parted] : Infinity, parted < b.N ? b.time[parted] : Infinity);
    d.same = parted;
    d.firsts = [parted < a.N ? place[0][parted] : -1, parted < b.N ? place[1][parted] : -1];
    return d;
  }
}

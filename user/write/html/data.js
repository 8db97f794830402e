// SPDX-License-Identifier: GPL-2.0-only
// The trace as the views want it. Slices lie in typed arrays, those of a track by depth and then by
// start, so that what lies in a stretch of time is found by bisection.
'use strict';

// First index in [lo, hi) whose value is above v.
function firstAbove(values, lo, hi, v) {
	while (lo < hi) {
		const mid = (lo + hi) >>> 1;
		if (values[mid] > v)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

class Track {
	constructor(section, index) {
		this.index = index;
		this.pid = section.number();
		this.tid = section.number();
		this.thread = section.number();
		const flags = section.number();
		this.backwards = (flags & 1) !== 0;
		this.marks = (flags & 2) !== 0; // its slices are no calls: losses, windows, pauses
		this.lost = section.number();
		this.name = section.text();
		this.n = 0;
		this.blocks = [];
		this.edges = [];
		this.roots = null; // of the flame graph
	}

	addBlock(section, span) {
		const n = section.number();
		const fn = section.column(new Uint32Array(n));
		const depth = section.column(new Uint32Array(n));
		const start = section.column(new Float64Array(n)); // gaps so far
		const end = section.column(new Float64Array(n)); // durations so far
		if (!this.edges.length)
			this.edges.push(this.backwards ? span : 0);
		this.place(n, depth, start, end);
		this.blocks.push({ n, fn, depth, start, end });
		this.n += n;
	}

	// From gaps and durations to times: an edge is where the next slice of its depth would touch.
	place(n, depth, start, end) {
		const edges = this.edges, backwards = this.backwards;
		for (let i = 0; i < n; i++) {
			const d = depth[i], z = start[i], dur = end[i];
			const gap = z % 2 ? -(z + 1) / 2 : z / 2;
			if (backwards) {
				end[i] = edges[d] - gap;
				start[i] = end[i] - dur;
				edges[d] = start[i];
				edges[d + 1] = end[i];
			} else {
				start[i] = edges[d] + gap;
				end[i] = start[i] + dur;
				edges[d] = end[i];
				edges[d + 1] = start[i];
			}
		}
	}

	// All blocks have come: sorts slices by depth, and in order of time.
	settle() {
		const rows = [];
		for (const b of this.blocks) {
			for (let i = 0; i < b.n; i++)
				rows[b.depth[i]] = (rows[b.depth[i]] || 0) + 1;
		}
		this.rows = new Uint32Array(rows.length + 1); // row d is from rows[d] to rows[d + 1]
		for (let d = 0; d < rows.length; d++)
			this.rows[d + 1] = this.rows[d] + (rows[d] || 0);
		this.fn = new Uint32Array(this.n);
		this.start = new Float64Array(this.n);
		this.end = new Float64Array(this.n);
		this.fill();
		this.blocks = this.edges = null;
	}

	fill() {
		const next = this.backwards ? this.rows.slice(1) : this.rows.slice();
		for (const b of this.blocks) {
			for (let i = 0; i < b.n; i++) {
				const d = b.depth[i], to = this.backwards ? --next[d] : next[d]++;
				this.fn[to] = b.fn[i];
				this.start[to] = b.start[i];
				this.end[to] = b.end[i];
			}
			b.fn = b.depth = b.start = b.end = null;
		}
	}

	get depth() {
		return this.rows.length - 1;
	}

	functionOf(i) {
		return this.fn[i] >>> 3;
	}

	depthOf(i) {
		return firstAbove(this.rows, 0, this.rows.length, i) - 1;
	}

	// The slice of row d at time t, or -1.
	at(d, t) {
		if (d < 0 || d >= this.depth)
			return -1;
		const i = firstAbove(this.start, this.rows[d], this.rows[d + 1], t) - 1;
		return i >= this.rows[d] && (this.end[i] > t || this.start[i] === t) ? i : -1;
	}

	parentOf(i) {
		return this.at(this.depthOf(i) - 1, this.start[i]);
	}

	// The slices directly beneath slice i: [from, to).
	childrenOf(i) {
		const d = this.depthOf(i) + 1;
		if (d >= this.depth)
			return [0, 0];
		const hi = this.rows[d + 1];
		let from = firstAbove(this.start, this.rows[d], hi, this.start[i] - 0.5);
		const to = firstAbove(this.start, from, hi, this.end[i] - 0.5);
		while (from < to && this.end[from] > this.end[i])
			from++;
		return [from, to];
	}

	selfOf(i) {
		const [from, to] = this.childrenOf(i);
		let self = this.end[i] - this.start[i];
		for (let k = from; k < to; k++)
			self -= this.end[k] - this.start[k];
		return self;
	}
}

class Trace {
	constructor() {
		this.facts = {};
		this.processes = new Map();
		this.functions = [];
		this.tracks = [];
		this.args = new Map(); // by track and start
		this.trees = new Map(); // nodes by track, or by -1 of what belongs to none
	}

	static async read() {
		const trace = new Trace();
		await Reader.read((kind, section) => trace.take(kind, section));
		for (const t of trace.tracks)
			t.settle();
		trace.countSlices();
		return trace;
	}

	take(kind, section) {
		switch (kind) {
		case 'M':
			while (section.more) {
				const key = section.text(), value = section.text();
				this.facts[key] = /^-?[0-9.]+$/.test(value) && key !== 'version' ? Number(value) : value;
			}
			break;
		case 'P':
			while (section.more)
				this.processes.set(section.number(), section.text());
			break;
		case 'F':
			while (section.more)
				this.addFunction(section);
			break;
		case 'T':
			while (section.more)
				this.tracks.push(new Track(section, this.tracks.length));
			break;
		case 'S':
			this.tracks[section.number()].addBlock(section, this.facts.span_ns);
			break;
		case 'A':
			while (section.more)
				this.addArgs(section);
			break;
		case 'D':
			while (section.more)
				this.addChange(section);
			break;
		case 'G':
			this.addStacks(section);
		}
	}

	addFunction(section) {
		const f = { index: this.functions.length, name: section.text(), file: section.text(),
			line: section.number(), shown: 0 };
		for (const key of ['calls', 'self', 'total', 'min', 'mean', 'p50', 'p99', 'max'])
			f[key] = section.number();
		const seen = Text.whole(f.name) + '\n' + Text.whole(f.file), raw = f.name + '\n' + f.file;
		f.key = (seen === raw ? raw : seen + '\n' + raw).toLowerCase(); // what is searched
		this.functions.push(f);
	}

	// What calls were made with: pairs of names and values.
	addArgs(section) {
		const key = section.number() + ':' + section.number(), args = [];
		for (let n = section.number(); n > 0; n--)
			args.push([section.text(), section.text()]);
		this.args.set(key, args);
	}

	argsOf(track, i) {
		return this.args.get(track.index + ':' + track.start[i]);
	}

	// Of a page of differences.
	addChange(section) {
		const f = this.functions[section.number()], verdict = section.number();
		const judged = section.number() === 1, change = section.number();
		Object.assign(f, { verdict, judged, change: (change % 2 ? -(change + 1) / 2 : change / 2) / 100,
			callsBefore: section.number(), selfBefore: section.number() });
	}

	addStacks(section) {
		const index = section.number(), first = section.number(), differs = section.number();
		if (!this.trees.has(index))
			this.trees.set(index, [Flame.node(null, null)]);
		const nodes = this.trees.get(index);
		for (let i = first; section.more; i++) {
			const parent = nodes[i - section.number()];
			const node = Flame.node(parent, this.functions[section.number()]);
			node.count = section.number();
			node.self = section.number();
			if (differs) {
				node.countBefore = section.number();
				node.selfBefore = section.number();
			}
			parent.children.push(node);
			nodes.push(node);
		}
	}

	// How often each function is on the timeline.
	countSlices() {
		this.slices = 0;
		for (const t of this.tracks) {
			if (!t.marks)
				this.slices += t.n;
			for (let i = 0; i < t.n; i++)
				this.functions[t.fn[i] >>> 3].shown++;
		}
	}

	get sampled() {
		return this.facts.period_ns > 0;
	}

	trackName(t) {
		const several = this.processes.size > 1;
		return several ? t.name + ' (' + t.pid + ')' : t.name;
	}

	// The functions that what is searched for occurs in: 1 by number.
	matches(text) {
		const wanted = text.toLowerCase(), found = new Uint8Array(this.functions.length);
		for (const f of this.functions) {
			if (wanted && f.key.includes(wanted))
				found[f.index] = 1;
		}
		return found;
	}
}

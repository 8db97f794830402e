// SPDX-License-Identifier: GPL-2.0-only
// window.vtbpf: what the page shows, for scripts and tests. Times are in ns since the trace began.
'use strict';

const Query = {
	of(page) {
		const trace = page.trace;
		return {
			page,
			facts: trace.facts,
			// When the timeline was first drawn, in ms since the page was opened.
			paintedAt: page.timeline ? page.timeline.painted : null,
			processes: () => [...trace.processes].map(([pid, name]) => ({ pid, name })),
			functions: () => trace.functions.map(({ name, file, line, calls, self, total, min, mean, p50, p99, max }) =>
				({ name, file, line, calls, self, total, min, mean, p50, p99, max })),
			tracks: () => trace.tracks.map((t) => ({ name: t.name, pid: t.pid, tid: t.tid, thread: t.thread,
				marks: t.marks, lost: t.lost, slices: t.n, depth: t.depth })),
			slices: (track, from = 0, n = 1000) => Query.slices(trace, track, from, n),
			sums: () => Query.sums(trace),
			flame: () => page.flame && Query.stacks(page.flame.flame.root),
			view: () => ({ from: page.timeline.from, to: page.timeline.to }),
			selection: () => page.timeline.selected && Query.slice(trace, page.timeline.selected.track, page.timeline.selected.i),
			search(text) {
				Page.at('search').value = text;
				return page.search();
			},
		};
	},

	slice(trace, track, i) {
		const f = trace.functions[track.functionOf(i)], flags = track.fn[i] & 7;
		return { name: f.name, file: f.file, line: f.line, start: track.start[i], dur: track.end[i] - track.start[i],
			self: track.selfOf(i), depth: track.depthOf(i), flags, track: track.index };
	},

	slices(trace, index, from, n) {
		const track = trace.tracks[index], slices = [];
		for (let i = from; i < Math.min(track.n, from + n); i++)
			slices.push(Query.slice(trace, track, i));
		return slices;
	},

	// Number and durations of the timeline's slices, by function: [{name, file, line, slices, ns}].
	sums(trace) {
		const sums = trace.functions.map(({ name, file, line }) => ({ name, file, line, slices: 0, ns: 0 }));
		for (const t of trace.tracks) {
			for (let i = 0; i < t.n; i++) {
				const sum = sums[t.fn[i] >>> 3];
				sum.slices++;
				sum.ns += t.end[i] - t.start[i];
			}
		}
		return sums.filter((s) => s.slices);
	},

	// [{stack: names from the outermost, self, count}], as a flame graph shows them.
	stacks(root) {
		const stacks = [];
		Flame.each(root, (node) => {
			if (!node.fn || (!node.self && !node.count))
				return;
			const stack = [];
			for (let n = node; n.fn; n = n.parent)
				stack.unshift(n.fn.name);
			stacks.push({ stack, self: node.self, count: node.count, selfBefore: node.selfBefore });
		});
		return stacks;
	},
};

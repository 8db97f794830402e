// SPDX-License-Identifier: GPL-2.0-only
// What is known of the selection: a slice of the timeline, a frame of the flame graph, or a function.
'use strict';

class Details {
	constructor(trace, actions) {
		this.trace = trace;
		this.actions = actions;
		this.box = document.getElementById('details');
	}

	hide() {
		this.box.hidden = true;
	}

	static pairs(pairs) {
		const { element } = Text;
		return element('dl', {}, ...pairs.filter((p) => p[1] !== null && p[1] !== undefined)
			.map(([name, value, about]) => element('div', { title: about },
				element('dt', {}, name), element('dd', {}, value))));
	}

	show(fn, pairs, buttons) {
		const { element } = Text;
		const head = element('div', { class: 'head' },
			element('h2', {}, element('bdi', {}, Text.whole(fn.name))),
			element('div', { class: 'buttons' },
				...buttons.map(([name, action]) => element('button', { onclick: action }, name)),
				element('button', { onclick: () => this.actions.clear(), 'aria-label': 'Close' }, '×')));
		const place = element('p', { class: 'place' }, element('bdi', {}, Text.whole(Text.place(fn))));
		this.box.replaceChildren(head, place, Details.pairs(pairs));
		this.box.hidden = false;
	}

	// Lines for the tip and the screen reader.
	describeSlice({ track, i }) {
		const fn = this.trace.functions[track.functionOf(i)];
		return [Text.shown(fn.name), Text.time(track.end[i] - track.start[i]) + ' from ' + Text.time(track.start[i]),
			Text.shown(this.trace.trackName(track), 100), Text.shown(Text.place(fn), 160)].filter(Boolean);
	}

	static state(flags) {
		const parts = [];
		if (flags & 1)
			parts.push('ran already at the begin');
		if (flags & 2)
			parts.push('still ran at the end');
		return parts.join(', ') || null;
	}

	showSlice(hit) {
		const { track, i } = hit, flags = track.fn[i] & 7;
		const fn = this.trace.functions[track.functionOf(i)], dur = track.end[i] - track.start[i];
		const pairs = [
			['Start', Text.exact(track.start[i]), 'since the trace began'],
			['Duration', Text.time(dur), Text.exact(dur)],
			...this.args(track, i),
			['Self', track.marks ? null : Text.time(track.selfOf(i)), 'without the calls beneath it'],
			['Thread', Text.shown(this.trace.trackName(track), 100) + ', tid ' + track.thread],
			['Process', track.pid],
			['Depth', track.marks ? null : track.depthOf(i)],
			['Open', Details.state(flags), 'the call was cut off where recording began or ended'],
			['Sampled', flags & 4 ? 'yes' : null, 'made of samples, not recorded'],
			['Lost', track.marks && track.lost ? Text.count(track.lost) + ' calls on this track' : null],
			['All calls', this.sums(fn)],
		];
		const buttons = [['Zoom to it', () => this.actions.zoom(hit)]];
		if (!track.marks)
			buttons.push(['Find all', () => this.actions.find(fn)]);
		this.show(fn, pairs, buttons);
	}

	args(track, i) {
		const args = this.trace.argsOf(track, i) || [];
		return args.map(([name, value]) => ['func_args: ' + Text.shown(name), Text.whole(value),
			'an argument of the call']);
	}

	sums(fn) {
		if (!fn.calls)
			return null;
		if (this.trace.sampled)
			return Text.count(fn.calls) + ' samples, total ' + Text.time(fn.total);
		return Text.count(fn.calls) + ', mean ' + Text.time(fn.mean) + ', p99 ' + Text.time(fn.p99) +
			', max ' + Text.time(fn.max);
	}

	showNode(node, all) {
		const what = this.trace.sampled ? 'Samples' : 'Calls';
		this.show(node.fn, [
			['Total', Text.time(node.total) + ' (' + Text.percent(node.total / (all || 1)) + ')', Text.exact(node.total)],
			['Self', Text.time(node.self), Text.exact(node.self)],
			[what + ' here', Text.count(node.count)],
			['All calls', this.sums(node.fn)],
		], [['Find all', () => this.actions.find(node.fn)]]);
	}
}

// SPDX-License-Identifier: GPL-2.0-only
// The lanes of the timeline, one a track: where each is, and its head on the left, a button that folds it.
'use strict';

class Lanes {
	static ROW = 18; // pixels
	static AXIS = 28; // above the first lane
	static FOLDED = 26;
	static MARKS = 22;
	static OPEN_MIN = 46;

	constructor(trace, changed) {
		this.trace = trace;
		this.changed = changed;
		this.list = this.ordered().filter((lane) => lane.kind === 'process' || lane.track.n);
		this.element = Text.element('ul', { class: 'lanes', 'aria-label': 'Threads' });
		for (const lane of this.list)
			this.element.append(this.head(lane));
		this.layout();
	}

	// Processes, their threads, and behind each thread what belongs to it.
	ordered() {
		const several = new Set(this.trace.tracks.filter((t) => t.n).map((t) => t.pid)).size > 1;
		const lanes = [], byProcess = new Map();
		for (const t of this.trace.tracks) {
			if (!byProcess.has(t.pid))
				byProcess.set(t.pid, []);
			byProcess.get(t.pid).push(t);
		}
		for (const [pid, tracks] of byProcess) {
			const process = { kind: 'process', pid, open: true, tracks };
			const order = new Map();
			tracks.forEach((t) => order.has(t.thread) || order.set(t.thread, order.size));
			const sorted = tracks.slice().sort((a, b) => order.get(a.thread) - order.get(b.thread) ||
				a.marks - b.marks || a.index - b.index);
			if (several && tracks.some((t) => t.n))
				lanes.push(process);
			for (const track of sorted)
				lanes.push({ kind: track.marks ? 'marks' : 'calls', track, open: true, process });
		}
		return lanes;
	}

	processName(pid) {
		const name = this.trace.processes.get(pid);
		return name ? Text.shown(name, 120) + ' (' + pid + ')' : 'process ' + pid;
	}

	head(lane) {
		lane.head = Text.element('li', { class: lane.kind });
		if (lane.kind === 'marks') {
			lane.head.append(Text.shown(lane.track.name, 120));
			lane.head.title = Text.whole(lane.track.name.slice(0, 2000));
			return lane.head;
		}
		lane.button = Text.element('button', { onclick: () => this.toggle(lane) });
		if (lane.kind === 'process') {
			lane.button.append(this.processName(lane.pid));
		} else {
			const t = lane.track;
			lane.button.append(Text.element('bdi', {}, Text.shown(t.name, 120)));
			lane.button.title = Text.whole(t.name.slice(0, 2000)) + '\ntid ' + t.tid +
				(t.tid === t.thread ? '' : ', of thread ' + t.thread);
			lane.head.append();
		}
		lane.head.append(lane.button);
		if (lane.kind === 'calls')
			lane.head.append(Text.element('div', { class: 'note' }, this.note(lane.track)));
		return lane.head;
	}

	note(t) {
		return Text.count(t.n) + (this.trace.sampled ? ' sampled' : t.n === 1 ? ' call' : ' calls') +
			', ' + t.depth + ' deep';
	}

	toggle(lane) {
		lane.open = !lane.open;
		this.layout();
		this.changed();
	}

	// Places what is open; a folded process hides its threads.
	layout() {
		let y = Lanes.AXIS;
		for (const lane of this.list) {
			lane.hidden = lane.kind !== 'process' && !lane.process.open;
			lane.top = y;
			lane.height = lane.hidden ? 0 : Lanes.heightOf(lane);
			y += lane.height;
			this.place(lane);
		}
		this.height = y + 8;
	}

	static heightOf(lane) {
		if (lane.kind === 'marks')
			return Lanes.MARKS;
		if (lane.kind === 'process' || !lane.open)
			return Lanes.FOLDED;
		return Math.max(Lanes.OPEN_MIN, lane.track.depth * Lanes.ROW + 8);
	}

	place(lane) {
		lane.head.hidden = lane.hidden;
		lane.head.style.top = lane.top + 'px';
		lane.head.style.height = lane.height + 'px';
		if (lane.button)
			lane.button.setAttribute('aria-expanded', lane.open);
	}

	// Those that are between two heights.
	between(top, bottom) {
		return this.list.filter((l) => !l.hidden && l.top < bottom && l.top + l.height > top);
	}

	of(track) {
		return this.list.find((lane) => lane.track === track);
	}

	// Unfolds what hides a track.
	open(track) {
		const lane = this.of(track);
		if (lane.open && lane.process.open)
			return lane;
		lane.open = lane.process.open = true;
		this.layout();
		this.changed();
		return lane;
	}
}

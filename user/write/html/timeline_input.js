// SPDX-License-Identifier: GPL-2.0-only
// How the timeline is moved and asked: wheel, drag, click and keys.
'use strict';

class TimelineInput {
	constructor(timeline) {
		this.t = timeline;
		this.drag = null;
		const canvas = timeline.canvas;
		canvas.addEventListener('wheel', (event) => this.wheel(event), { passive: false });
		canvas.addEventListener('pointerdown', (event) => this.down(event));
		canvas.addEventListener('pointermove', (event) => this.move(event));
		canvas.addEventListener('pointerup', (event) => this.up(event));
		canvas.addEventListener('pointercancel', () => { this.drag = null; });
		canvas.addEventListener('pointerleave', () => Paint.tip(null, null));
		canvas.addEventListener('dblclick', () => {
			if (timeline.selected)
				timeline.zoomTo(timeline.selected);
		});
		canvas.addEventListener('keydown', (event) => this.key(event));
	}

	place(event) {
		const box = this.t.canvas.getBoundingClientRect();
		return [event.clientX - box.left, event.clientY - box.top];
	}

	wheel(event) {
		const t = this.t, [x] = this.place(event), step = event.deltaMode ? 30 : 1;
		event.preventDefault();
		Paint.tip(null, null);
		if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY))
			return t.pan((event.deltaX || event.deltaY) * step / t.canvas.clientWidth);
		if (event.altKey)
			return t.box.scrollBy(0, event.deltaY * step);
		t.zoom(Math.exp(Math.max(-400, Math.min(400, event.deltaY * step)) * 0.0022), t.from + x / t.scale);
	}

	down(event) {
		if (event.button !== 0)
			return;
		const [x, y] = this.place(event);
		this.drag = { x, y, from: this.t.from, to: this.t.to, top: this.t.box.scrollTop, moved: false };
		this.t.canvas.setPointerCapture(event.pointerId);
	}

	move(event) {
		const t = this.t, [x, y] = this.place(event), d = this.drag;
		if (!d) {
			const hit = t.hitAt(x, y);
			t.canvas.style.cursor = hit ? 'pointer' : '';
			return Paint.tip(event, hit && t.options.describe(hit));
		}
		d.moved = d.moved || Math.abs(x - d.x) > 3 || Math.abs(y - d.y) > 3;
		if (!d.moved)
			return;
		t.canvas.classList.add('dragged');
		Paint.tip(null, null);
		const by = (d.x - x) / t.scale;
		t.view(d.from + by, d.to + by);
		t.box.scrollTop = d.top + d.y - y;
	}

	up(event) {
		const d = this.drag, [x, y] = this.place(event);
		this.drag = null;
		this.t.canvas.classList.remove('dragged');
		if (d && !d.moved)
			this.t.select(this.t.hitAt(x, y), false);
	}

	// Keys that work wherever the focus is, as long as the timeline is to be seen.
	viewKey(event) {
		const t = this.t, step = event.shiftKey ? 0.5 : 0.15;
		const actions = {
			w: () => t.zoom(1 - step), s: () => t.zoom(1 + step * 1.2),
			a: () => t.pan(-step), d: () => t.pan(step),
			'+': () => t.zoom(0.7), '=': () => t.zoom(0.7), '-': () => t.zoom(1.4),
			0: () => t.fit(),
			f: () => t.selected ? t.zoomTo(t.selected) : t.fit(),
		};
		const action = actions[event.key.toLowerCase()];
		if (!action || event.ctrlKey || event.metaKey || event.altKey)
			return false;
		action();
		return true;
	}

	key(event) {
		const t = this.t;
		const actions = {
			ArrowLeft: () => this.go(-1), ArrowRight: () => this.go(1),
			ArrowUp: () => this.up1(), ArrowDown: () => this.down1(),
			Enter: () => t.selected && t.zoomTo(t.selected),
			Escape: () => t.select(null), Home: () => t.fit(),
			PageDown: () => t.box.scrollBy(0, t.box.clientHeight * 0.8),
			PageUp: () => t.box.scrollBy(0, -t.box.clientHeight * 0.8),
		};
		if (!actions[event.key] || event.ctrlKey || event.metaKey || event.altKey)
			return;
		event.preventDefault();
		event.stopPropagation();
		actions[event.key]();
	}

	// The first call in view, where none is selected.
	first() {
		const t = this.t;
		for (const lane of t.lanes.between(t.box.scrollTop + Lanes.AXIS, t.box.scrollTop + t.box.clientHeight)) {
			if (lane.kind !== 'calls' || !lane.track.depth)
				continue;
			const i = firstAbove(lane.track.end, 0, lane.track.rows[1], t.from);
			if (i < lane.track.rows[1])
				return { track: lane.track, i };
		}
		return null;
	}

	go(by) {
		const s = this.t.selected;
		if (!s)
			return this.t.select(this.first());
		const d = s.track.depthOf(s.i), i = s.i + by;
		if (i >= s.track.rows[d] && i < s.track.rows[d + 1])
			this.t.select({ track: s.track, i });
	}

	up1() {
		const s = this.t.selected, i = s ? s.track.parentOf(s.i) : -1;
		if (!s)
			this.t.select(this.first());
		else if (i >= 0)
			this.t.select({ track: s.track, i });
		else
			this.lane(-1);
	}

	down1() {
		const s = this.t.selected;
		if (!s)
			return this.t.select(this.first());
		const [from, to] = s.track.childrenOf(s.i);
		if (from < to)
			this.t.select({ track: s.track, i: from });
		else
			this.lane(1);
	}

	// To the outermost call of the next lane, near where we are.
	lane(by) {
		const t = this.t, s = t.selected, lanes = t.lanes.list.filter((l) => l.kind === 'calls' && !l.hidden);
		const lane = lanes[lanes.findIndex((l) => l.track === s.track) + by];
		if (!lane)
			return;
		const n = lane.track.rows[1];
		const i = Math.min(firstAbove(lane.track.end, 0, n, s.track.start[s.i]), n - 1);
		t.select({ track: lane.track, i });
	}
}

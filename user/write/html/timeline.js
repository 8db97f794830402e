// SPDX-License-Identifier: GPL-2.0-only
// The timeline: draws the slices of each lane in the stretch of time that is in view. Slices narrower
// than a pixel are drawn as one, found by bisection, so that a frame costs what is seen of the trace, not
// what is in it. timeline_input.js moves it.
'use strict';

class Timeline {
	constructor(host, trace, options) {
		this.trace = trace;
		this.options = options;
		this.span = trace.facts.span_ns || 1;
		this.from = 0;
		this.to = this.span;
		this.selected = null; // {track, i}
		this.strip = new Paint.Strip(); // slices narrower than a pixel
		this.found = null; // functions that are searched for, by number
		this.lanes = new Lanes(trace, () => this.resize());
		this.draw = Paint.scheduler(() => this.paint());
		this.build(host);
		Paint.onChange(this.draw);
	}

	build(host) {
		const about = Text.element('p', { class: 'unseen', id: 'timeline-about' }, this.about());
		this.canvas = Text.element('canvas', { tabindex: 0, role: 'application', 'aria-roledescription': 'timeline',
			'aria-label': 'Timeline. Arrow keys go from call to call, Enter zooms to one, W and S zoom, A and D pan.',
			'aria-describedby': 'timeline-about' });
		this.corner = Text.element('div', { class: 'corner', 'aria-hidden': 'true' });
		this.sizer = Text.element('div', { class: 'sizer' }, this.corner, this.lanes.element, this.canvas);
		this.box = Text.element('div', { class: 'scroll' }, this.sizer);
		host.append(about, this.box);
		new ResizeObserver(() => this.resize()).observe(this.box);
		this.box.addEventListener('scroll', this.draw);
		this.input = new TimelineInput(this);
		this.resize();
		this.fit();
	}

	about() {
		const calls = this.lanes.list.filter((lane) => lane.kind === 'calls');
		return Text.count(this.trace.slices) + ' calls on ' + calls.length + ' tracks in ' +
			Text.time(this.span) + '. The tab Functions has the same as a table.';
	}

	resize() {
		this.canvas.style.height = this.box.clientHeight + 'px';
		this.sizer.style.height = Math.max(this.lanes.height, this.box.clientHeight) + 'px';
		this.draw();
	}

	// ---- what is in view ----

	get scale() {
		return (this.canvas.clientWidth || 1) / (this.to - this.from);
	}

	view(from, to) {
		const margin = this.span * 0.02, most = this.span + 2 * margin;
		const span = Math.min(Math.max(to - from, 20), most);
		const middle = (from + to) / 2;
		from = Math.min(Math.max(middle - span / 2, -margin), this.span + margin - span);
		this.from = from;
		this.to = from + span;
		this.draw();
	}

	fit() {
		this.view(-this.span * 0.01, this.span * 1.01);
	}

	zoom(factor, at = (this.from + this.to) / 2) {
		const span = Math.max((this.to - this.from) * factor, 20), part = (at - this.from) / (this.to - this.from);
		this.view(at - part * span, at - part * span + span);
	}

	pan(part) {
		const by = (this.to - this.from) * part;
		this.view(this.from + by, this.to + by);
	}

	// ---- selection ----

	select(hit, show = true) {
		this.selected = hit;
		this.options.select(hit);
		if (hit && show)
			this.reveal(hit);
		this.draw();
	}

	reveal({ track, i }) {
		const lane = this.lanes.open(track), start = track.start[i], end = track.end[i];
		const middle = (start + end) / 2, span = this.to - this.from;
		if (end < this.from || start > this.to || end - start < span / 2000)
			this.view(middle - Math.max(Math.min(span, (end - start) * 40), 20) / 2,
				middle + Math.max(Math.min(span, (end - start) * 40), 20) / 2);
		const y = lane.top + track.depthOf(i) * Lanes.ROW, top = this.box.scrollTop;
		if (y < top + Lanes.AXIS || y + Lanes.ROW > top + this.box.clientHeight)
			this.box.scrollTop = y - this.box.clientHeight / 2;
	}

	zoomTo({ track, i }) {
		const dur = Math.max(track.end[i] - track.start[i], 10);
		this.view(track.start[i] - dur * 0.1, track.end[i] + dur * 0.1);
	}

	search(matches) {
		this.found = matches;
		this.draw();
	}

	// The slice at a place of the canvas, or null.
	hitAt(x, y) {
		const at = y + this.box.scrollTop, t = this.from + x / this.scale, near = 2 / this.scale;
		const lane = y < Lanes.AXIS ? null : this.lanes.between(at, at + 1)[0];
		if (!lane || !lane.track)
			return null;
		const folded = !lane.open || lane.kind === 'marks';
		const d = folded ? 0 : Math.floor((at - lane.top - 3) / Lanes.ROW), track = lane.track;
		let i = track.at(d, t);
		if (i < 0 && d >= 0 && d < track.depth) {
			i = firstAbove(track.start, track.rows[d], track.rows[d + 1], t - near);
			if (i >= track.rows[d + 1] || track.start[i] > t + near)
				i = -1;
		}
		return i < 0 ? null : { track, i };
	}

	// ---- drawing ----

	paint() {
		if (!this.canvas.clientWidth || !this.box.clientHeight)
			return;
		const { g, width, height } = Paint.begin(this.canvas);
		const top = this.box.scrollTop, theme = Paint.colours();
		const seen = this.lanes.between(top + Lanes.AXIS, top + height);
		this.ticks = this.axisTicks(width);
		this.strip.begin(Math.ceil(width));
		this.paintGrid(g, height, theme);
		for (const lane of seen)
			this.paintLane(g, lane, top, width, theme);
		this.paintAxis(g, width, theme);
		this.corner.textContent = Text.time(this.to - this.from) + ' in view';
		if (!this.painted) {
			this.painted = performance.now();
			this.options.painted();
		}
	}

	axisTicks(width) {
		const least = (this.to - this.from) * 110 / width;
		let step = 10 ** Math.floor(Math.log10(least));
		step = [1, 2, 5, 10].map((n) => n * step).find((s) => s >= least);
		const ticks = [];
		for (let t = Math.ceil(this.from / step) * step; t <= this.to; t += step)
			ticks.push(t);
		return { step: Math.max(step, 1), at: ticks };
	}

	paintGrid(g, height, theme) {
		g.fillStyle = theme.line;
		g.globalAlpha = 0.5;
		for (const t of this.ticks.at)
			g.fillRect(Math.round((t - this.from) * this.scale), 0, 1, height);
		g.globalAlpha = 1;
	}

	paintAxis(g, width, theme) {
		g.fillStyle = theme.panel;
		g.fillRect(0, 0, width, Lanes.AXIS);
		g.fillStyle = theme.line;
		g.fillRect(0, Lanes.AXIS - 1, width, 1);
		for (const t of this.ticks.at) {
			const x = Math.round((t - this.from) * this.scale);
			g.fillStyle = theme.line;
			g.fillRect(x, Lanes.AXIS - 8, 1, 8);
			g.fillStyle = theme.dim;
			g.fillText(Timeline.tickLabel(t, this.ticks.step), x + 4, Lanes.AXIS / 2);
		}
	}

	static tickLabel(t, step) {
		const [size, unit] = [[1e9, 's'], [1e6, 'ms'], [1e3, 'µs'], [1, 'ns']]
			.find(([s]) => Math.abs(t) >= s || s === 1);
		const digits = Math.min(9, Math.max(0, Math.ceil(Math.log10(size / step) - 1e-9)));
		return t === 0 ? '0' : (t / size).toFixed(digits) + ' ' + unit;
	}

	paintLane(g, lane, top, width, theme) {
		const y = lane.top - top;
		g.fillStyle = theme.line;
		g.fillRect(0, y + lane.height - 1, width, 1);
		if (lane.kind === 'process') {
			g.fillStyle = theme.panel;
			g.fillRect(0, y, width, lane.height - 1);
			return;
		}
		this.paintUntraced(g, lane, y, width, theme);
		if (lane.kind === 'marks')
			return this.paintRow(g, lane, 0, y + 3, Lanes.MARKS - 7, theme);
		if (!lane.open)
			return this.paintRow(g, lane, 0, y + 4, Lanes.FOLDED - 9, theme);
		const first = Math.max(0, Math.floor((Lanes.AXIS - y) / Lanes.ROW) - 1);
		const last = Math.min(lane.track.depth, Math.ceil((this.canvas.clientHeight - y) / Lanes.ROW));
		for (let d = first; d < last; d++)
			this.paintRow(g, lane, d, y + 3 + d * Lanes.ROW, Lanes.ROW - 1, theme);
	}

	// Between the windows of a process nothing was recorded.
	paintUntraced(g, lane, y, width, theme) {
		const w = lane.process.tracks.find((t) => t.marks && t.name === 'vtbpf windows' && t.n);
		if (!w)
			return;
		let i = firstAbove(w.end, 0, w.n, this.from), edge = i ? w.end[i - 1] : this.from;
		g.fillStyle = theme.shade;
		g.globalAlpha = 0.7;
		for (let left = 3000; left > 0 && edge < this.to; left--, i++) {
			const next = i < w.n ? w.start[i] : this.to;
			const x = Math.max(0, (edge - this.from) * this.scale);
			const to = Math.min(width, (next - this.from) * this.scale);
			if (to - x >= 1)
				g.fillRect(x, y, to - x, lane.height - 1);
			if (i >= w.n)
				break;
			edge = w.end[i];
		}
		g.globalAlpha = 1;
	}

	paintRow(g, lane, d, y, height, theme) {
		const t = lane.track, hi = t.rows[d + 1], scale = this.scale, from = this.from, to = this.to;
		let i = firstAbove(t.end, t.rows[d], hi, from);
		while (i < hi && t.start[i] < to) {
			const x = (t.start[i] - from) * scale, end = (t.end[i] - from) * scale;
			if (end - x >= 1.5) {
				this.paintSlice(g, { lane, i, x, end, y, height }, theme);
				i++;
				continue;
			}
			const pixel = Math.floor(Math.max(x, 0));
			const next = Timeline.skip(t.end, i + 1, hi, from + (pixel + 1) / scale);
			this.strip.put(pixel, this.colourOf(lane, this.shownOf(t, i, next), theme));
			i = next;
		}
		this.strip.end(g, y, height);
	}

	// First index from i on whose end is above v: steps that grow, then bisection.
	static skip(ends, i, hi, v) {
		let step = 1, lo = i;
		while (i < hi && ends[i] <= v) {
			lo = i + 1;
			i += step;
			step *= 2;
		}
		return firstAbove(ends, lo, Math.min(i, hi), v);
	}

	// Of slices drawn as one: the one that is searched for, if there is any.
	shownOf(t, i, next) {
		if (this.found) {
			for (let k = i; k < next; k++) {
				if (this.found[t.fn[k] >>> 3])
					return k;
			}
		}
		return i;
	}

	colourOf(lane, i, theme) {
		if (lane.kind === 'marks')
			return theme.mark;
		const fn = lane.track.fn[i] >>> 3;
		if (this.found)
			return this.found[fn] ? theme.hit : theme.faded;
		return Paint.functionColour(this.trace.functions[fn]);
	}

	paintSlice(g, box, theme) {
		const { lane, i, y, height } = box, t = lane.track, width = this.canvas.clientWidth;
		const x = Math.max(box.x, -4), end = Math.min(box.end, width + 4), flags = t.fn[i] & 7;
		const fn = t.fn[i] >>> 3, s = this.selected;
		g.fillStyle = this.colourOf(lane, i, theme);
		g.fillRect(x, y, Math.max(end - x - 0.6, 1), height);
		if (flags & 4)
			Timeline.paintSampled(g, x, end, y + height, theme);
		if (end - x > 24) {
			g.fillStyle = lane.kind === 'marks' ? theme.back : this.found && !this.found[fn] ? theme.dim : theme.ink;
			const room = end - Math.max(x, 0) - 8;
			const name = Paint.nameOf(this.trace.functions[fn]);
			g.fillText(Paint.fitted(g, name, room), Math.max(x, 0) + 4, y + height / 2 + 0.5);
		}
		if (s && s.track === t && s.i === i) {
			g.strokeStyle = theme.accent;
			g.lineWidth = 2;
			g.strokeRect(x + 1, y + 1, Math.max(end - x - 2.6, 1), height - 2);
		}
	}

	// What was not recorded but made of samples is dotted beneath.
	static paintSampled(g, x, end, y, theme) {
		g.fillStyle = theme.dim;
		const from = Math.ceil(Math.max(x, 0) / 4) * 4;
		for (let at = from; at + 2 < end; at += 4)
			g.fillRect(at, y - 2, 2, 1);
	}
}

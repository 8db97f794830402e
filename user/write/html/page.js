// SPDX-License-Identifier: GPL-2.0-only
// Puts the page together: reads the data, makes the views, and joins them by tabs, search and keys.
// window.vtbpf is for scripts that ask the page what it shows.
'use strict';

class Page {
	static HITS_MAX = 200000; // that one can step through
	static VIEWS = ['timeline', 'flame', 'table'];

	constructor(trace) {
		this.trace = trace;
		this.hits = [];
		this.hit = -1;
		this.details = new Details(trace, {
			clear: () => this.clear(),
			zoom: (hit) => this.timeline.zoomTo(hit),
			find: (fn) => this.find(fn),
		});
		this.nameIt();
		this.notices();
		this.tabs();
		this.timeline = new Timeline(Page.at('timeline'), trace, {
			select: (hit) => this.selectSlice(hit),
			describe: (hit) => this.details.describeSlice(hit),
			painted: () => this.painted && this.painted(),
		});
		this.searching();
		this.keys();
	}

	static at(id) {
		return document.getElementById(id);
	}

	announce(text) {
		Page.at('live').textContent = text;
	}

	nameIt() {
		const names = [...this.trace.processes].filter(([, name]) => name);
		const what = names.length === 1 ? names[0][1] + ' (' + names[0][0] + ')' :
			this.trace.processes.size > 1 ? this.trace.processes.size + ' processes' : 'trace';
		Page.at('title').textContent = Text.shown(what, 80);
		Page.at('title').title = 'vtbpf ' + this.trace.facts.version;
		document.title = Text.shown(what, 80) + ' – vtbpf';
	}

	// What the numbers do not cover is said first.
	notices() {
		const f = this.trace.facts, lines = [];
		if (this.trace.sampled)
			lines.push('Sampled every ' + Text.time(f.period_ns) + (f.wall ? ', threads that sleep too' : ' of CPU time') +
				': ' + Text.count(f.samples) + ' samples, ' + Text.count(f.samples_lost) +
				' lost. What is dotted in the timeline was made of samples; flame graph and table count them.');
		if (f.exact)
			lines.push('Recorded for a part of the time, sampled for another: the timeline has ' +
				Text.count(f.exact) + ' calls and ' + Text.count(f.sampled) + ' slices of samples, ' +
				'flame graph and table have the ' + (this.trace.sampled ? 'samples.' : 'calls.'));
		if (f.coverage < 1)
			lines.push('Recorded in windows, ' + Text.percent(f.coverage) +
				' of the time. Sums are of what was seen; what was not is shaded, if the file says when that was.');
		if (f.lost)
			lines.push(Text.count(f.lost) + ' calls were lost while tracing; the timeline shows where.');
		if (f.dropped)
			lines.push(Text.count(f.dropped) + ' calls did not fit between others and are left out.');
		if (f.shortest_ns)
			lines.push('The timeline shows ' + Text.count(this.trace.slices) + ' of ' + Text.count(f.calls) +
				' calls, those of at least ' + Text.time(f.shortest_ns) +
				'; self times there include what is left out. Flame graph and table have all.');
		Page.at('notices').replaceChildren(...lines.map((line) => Text.element('p', {}, line)));
	}

	// ---- views ----

	tabs() {
		const buttons = Page.VIEWS.map((view) => Page.at('tab-' + view));
		buttons.forEach((button, i) => {
			button.addEventListener('click', () => this.open(Page.VIEWS[i]));
			button.addEventListener('keydown', (event) => {
				const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
				if (!by)
					return;
				const to = (i + by + buttons.length) % buttons.length;
				this.open(Page.VIEWS[to]);
				buttons[to].focus();
			});
		});
		this.view = 'timeline';
	}

	open(view) {
		this.view = view;
		this.details.hide();
		for (const v of Page.VIEWS) {
			Page.at(v).hidden = v !== view;
			Page.at('tab-' + v).setAttribute('aria-selected', v === view);
			Page.at('tab-' + v).tabIndex = v === view ? 0 : -1;
		}
		if (view === 'flame')
			this.makeFlame();
		if (view === 'table')
			this.makeTable();
		if (view === 'timeline' && this.timeline.selected)
			this.details.showSlice(this.timeline.selected);
		this.search();
	}

	makeFlame() {
		if (!this.flame)
			this.flame = new FlameView(Page.at('flame'), this.trace, {
				announce: (text) => this.announce(text),
				select: (node, all) => node.fn ? this.details.showNode(node, all) : this.details.hide(),
				shown: () => this.search(),
			});
	}

	makeTable() {
		if (!this.table)
			this.table = FunctionTable.make(Page.at('table'), this.trace, {
				announce: (text) => this.announce(text),
				open: (fn) => this.find(fn),
			});
	}

	// ---- selection ----

	selectSlice(hit) {
		if (!hit)
			return this.details.hide();
		this.details.showSlice(hit);
		this.announce(this.details.describeSlice(hit).join(', '));
	}

	clear() {
		this.timeline.select(null);
		this.details.hide();
	}

	find(fn) {
		this.only = fn;
		Page.at('search').value = Text.whole(fn.name);
		this.open('timeline');
		this.step(1);
	}

	// ---- search ----

	searching() {
		const field = Page.at('search');
		let timer = 0;
		field.addEventListener('input', () => {
			clearTimeout(timer);
			timer = setTimeout(() => this.search(), 120);
		});
		field.addEventListener('keydown', (event) => {
			if (event.key !== 'Enter' && event.key !== 'Escape')
				return;
			event.preventDefault();
			clearTimeout(timer);
			if (event.key === 'Escape')
				field.value = '';
			if (event.key === 'Escape' || this.searched !== field.value)
				this.search();
			if (event.key === 'Enter')
				this.step(event.shiftKey ? -1 : 1);
			else
				field.blur();
		});
		Page.at('next').addEventListener('click', () => this.step(1));
		Page.at('previous').addEventListener('click', () => this.step(-1));
	}

	search() {
		const text = Page.at('search').value, matches = text ? this.matches(text) : null;
		this.searched = text;
		this.hit = -1;
		this.found = 0;
		this.timeline.search(matches);
		if (this.view === 'timeline')
			this.hits = matches ? this.sliceHits(matches) : [];
		else if (this.view === 'flame')
			this.found = (this.hits = this.flame.search(matches)).length;
		else
			this.filterTable(matches);
		this.tellHits();
		return this.found;
	}

	// Of a function that was asked for by itself, others of a similar name are no hits.
	matches(text) {
		const matches = this.trace.matches(text), only = this.only;
		if (only && Text.whole(only.name) === text) {
			matches.fill(0);
			matches[only.index] = 1;
		}
		return matches;
	}

	// Slices of what is searched for, in order of time.
	sliceHits(matches) {
		for (const f of this.trace.functions)
			this.found += matches[f.index] ? f.shown : 0;
		const hits = [];
		for (const track of this.trace.tracks) {
			for (let i = 0; i < track.n && hits.length < Page.HITS_MAX; i++) {
				if (matches[track.fn[i] >>> 3])
					hits.push({ track, i });
			}
		}
		return hits.sort((a, b) => a.track.start[a.i] - b.track.start[b.i]);
	}

	filterTable(matches) {
		this.table.filter(matches ? (fn) => matches[fn.index] === 1 : null);
		this.hits = [];
		this.found = matches ? this.table.rows.length : 0;
	}

	tellHits() {
		const n = this.found, at = this.hit >= 0 ? Text.count(this.hit + 1) + ' of ' : '';
		const part = this.hits.length && this.hits.length < n ? ' (steps: the first ' + Text.count(this.hits.length) + ')' : '';
		Page.at('hits').textContent = this.searched ? n ? at + Text.count(n) + part : 'no hits' : '';
		Page.at('next').disabled = Page.at('previous').disabled = !this.hits.length;
	}

	step(by) {
		const n = this.hits.length;
		if (!n)
			return;
		this.hit = this.hit < 0 ? this.nearest(by) : (this.hit + by + n) % n;
		if (this.view === 'flame')
			this.flame.flame.select(this.hits[this.hit]);
		else
			this.timeline.select(this.hits[this.hit]);
		this.tellHits();
	}

	// Steps begin with what is in view.
	nearest(by) {
		if (by < 0)
			return this.hits.length - 1;
		if (this.view === 'flame')
			return 0;
		return Math.max(0, this.hits.findIndex(({ track, i }) => track.start[i] >= this.timeline.from));
	}

	// ---- keys ----

	keys() {
		Help.make();
		document.addEventListener('keydown', (event) => {
			const inField = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName);
			if (inField || event.ctrlKey || event.metaKey || event.altKey)
				return;
			if (event.key === '/')
				Page.at('search').select();
			else if (event.key === 'n')
				this.step(1);
			else if (event.key === 'N')
				this.step(-1);
			else if (event.key === '?')
				Help.toggle();
			else if (event.key === 'Escape')
				Help.hide() || this.clear();
			else if (this.view !== 'timeline' || !this.timeline.input.viewKey(event))
				return;
			event.preventDefault();
		});
	}
}

// ---- begin ----

function fail(error) {
	Page.at('loading').textContent = 'This report cannot be shown: ' + error.message + '.';
	Page.at('loading').className = 'failure';
	throw error;
}

async function begin() {
	const trace = await Trace.read();
	Page.at('loading').hidden = true;
	if (trace.facts.kind === 'diff')
		return { diff: new DiffPage(trace) };
	const page = new Page(trace);
	await new Promise((done) => { page.painted = done; });
	return Query.of(page);
}

window.vtbpf = { ready: null };
document.addEventListener('DOMContentLoaded', () => {
	const ready = begin().then((query) => Object.assign(window.vtbpf, query), fail);
	window.vtbpf.ready = ready;
});

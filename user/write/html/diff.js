// SPDX-License-Identifier: GPL-2.0-only
// The page of `vtbpf diff`: a flame graph whose colours tell what changed, and the functions in a table.
'use strict';

class DiffPage {
	static VERDICTS = ['slower', 'faster', 'new', 'gone', 'same'];
	static VIEWS = ['flame', 'table'];
	static FULL = 0.5; // change of the strongest colour
	static LEAST = 0.02; // and of the weakest

	constructor(trace) {
		this.trace = trace;
		this.root = Flame.settle(trace.trees.size ? trace.trees.get(0)[0] : Flame.node(null, null));
		DiffPage.at('title').textContent = document.title = 'vtbpf diff';
		DiffPage.at('tab-timeline').hidden = DiffPage.at('timeline').hidden = true;
		DiffPage.at('help-button').hidden = true;
		DiffPage.at('notices').replaceChildren(Text.element('p', {}, trace.facts.summary));
		for (const view of DiffPage.VIEWS)
			DiffPage.at('tab-' + view).addEventListener('click', () => this.open(view));
		this.makeFlame();
		this.searching();
		this.open('flame');
	}

	static at(id) {
		return document.getElementById(id);
	}

	open(view) {
		for (const v of DiffPage.VIEWS) {
			DiffPage.at(v).hidden = v !== view;
			DiffPage.at('tab-' + v).setAttribute('aria-selected', v === view);
			DiffPage.at('tab-' + v).tabIndex = v === view ? 0 : -1;
		}
		if (view === 'flame')
			this.flame.resize();
		else
			this.makeTable();
		this.search();
	}

	announce(text) {
		DiffPage.at('live').textContent = text;
	}

	// ---- flame graph ----

	makeFlame() {
		const { element } = Text, host = DiffPage.at('flame');
		this.width = element('select', { 'aria-label': 'Width', onchange: () => this.swap() },
			element('option', { value: 'after' }, 'Width: time after'),
			element('option', { value: 'before' }, 'Width: time before'));
		const reset = element('button', { onclick: () => this.flame.zoom(this.flame.root) }, 'Reset zoom');
		host.append(element('div', { class: 'tools' }, this.width, reset,
			element('span', { class: 'push' }, 'red: more time than before, blue: less; callers are on top')));
		this.flame = new Flame(host, {
			colour: (node) => this.colour(node),
			describe: (node) => this.describe(node),
			announce: (text) => this.announce(text),
			select: () => {},
		});
		this.flame.show(this.root);
	}

	// What is wide: gone functions are seen by what they took before.
	swap() {
		Flame.each(this.root, (node) => {
			[node.self, node.selfBefore] = [node.selfBefore, node.self];
		});
		this.flame.show(Flame.settle(this.root));
	}

	get swapped() {
		return this.width.value === 'before';
	}

	// [before, after] of what the node takes with all beneath it, or alone.
	times(node, alone) {
		const now = alone ? node.self : node.total, then = alone ? node.selfBefore : node.totalBefore;
		return this.swapped ? [now, then] : [then, now];
	}

	colour(node) {
		const [before, after] = this.times(node, false), most = Math.max(before, after) || 1;
		const change = (after - before) / most;
		if (Math.abs(change) < DiffPage.LEAST)
			return Paint.colours().shade;
		const strength = 0.2 + 0.7 * Math.min(Math.abs(change) / DiffPage.FULL, 1);
		return change > 0 ? `rgba(226, 60, 48, ${strength})` : `rgba(52, 112, 228, ${strength})`;
	}

	static change(before, after) {
		if (!before || !after)
			return before ? 'gone' : after ? 'new' : 'as before';
		const percent = 100 * (after / before - 1);
		return (percent >= 0 ? '+' : '−') + Math.abs(percent).toFixed(1) + ' %';
	}

	describe(node) {
		const line = (name, [before, after]) => name + ' ' + Text.time(before) + ' → ' + Text.time(after) + ', ' +
			DiffPage.change(before, after);
		const lines = [line('total', this.times(node, false)), line('self', this.times(node, true))];
		if (!node.fn)
			return ['all', ...lines];
		return [Text.shown(node.fn.name), ...lines, Text.shown(Text.place(node.fn), 160)].filter(Boolean);
	}

	// ---- table ----

	columns() {
		const percent = (f) => f.judged ? (f.change >= 0 ? '+' : '−') + Math.abs(f.change).toFixed(1) + ' %' : '';
		const number = (key, title, about, text) => ({ key, title, about, number: true,
			text: (f) => text(f[key]), value: (f) => f[key] });
		return [
			{ key: 'name', title: 'Function', about: 'its qualified name', text: (f) => Text.shown(f.name),
				value: (f) => f.name },
			{ key: 'file', title: 'File', about: 'and the line of its definition',
				text: (f) => Text.ending(Text.place(f), 44), value: (f) => Text.place(f) },
			{ key: 'verdict', title: 'Verdict', about: 'of what a usual call takes by itself',
				text: (f) => DiffPage.VERDICTS[f.verdict], value: (f) => DiffPage.VERDICTS[f.verdict] },
			{ key: 'change', title: 'Change', about: 'of what a usual call takes by itself', number: true,
				text: percent, value: (f) => f.judged ? f.change : 0 },
			number('callsBefore', 'Calls before', 'or samples', Text.count),
			number('calls', 'Calls after', 'or samples', Text.count),
			number('selfBefore', 'Self before', 'time in the function itself', Text.time),
			number('self', 'Self after', 'time in the function itself', Text.time),
			number('moved', 'Difference', 'between these, either way', Text.time),
		];
	}

	makeTable() {
		if (this.table)
			return;
		const rows = this.trace.functions.filter((f) => f.verdict !== undefined);
		for (const f of rows)
			f.moved = Math.abs(f.self - f.selfBefore);
		this.table = new SortedTable(DiffPage.at('table'), { columns: this.columns(), rows, sort: 'moved',
			caption: 'Functions: ' + Text.count(rows.length), announce: (text) => this.announce(text) });
	}

	// ---- search ----

	searching() {
		const field = DiffPage.at('search');
		field.addEventListener('input', () => this.search());
		document.addEventListener('keydown', (event) => {
			if (event.key !== '/' || event.ctrlKey || event.metaKey || /^(INPUT|SELECT)$/.test(event.target.tagName))
				return;
			event.preventDefault();
			field.select();
		});
	}

	search() {
		const text = DiffPage.at('search').value, matches = text ? this.trace.matches(text) : null;
		let found = this.flame.search(matches).length;
		if (this.table) {
			this.table.filter(matches ? (fn) => matches[fn.index] === 1 : null);
			if (!DiffPage.at('table').hidden)
				found = this.table.rows.length;
		}
		DiffPage.at('hits').textContent = text ? found ? Text.count(found) : 'no hits' : '';
		return found;
	}
}

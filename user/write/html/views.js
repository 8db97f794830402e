// SPDX-License-Identifier: GPL-2.0-only
// The flame graph with its choice of threads, the table of functions, and the list of keys.
'use strict';

class FlameView {
	constructor(host, trace, options) {
		this.trace = trace;
		this.options = options;
		this.roots = new Map(); // by track, or -1 of all
		const { element } = Text;
		this.choice = element('select', { 'aria-label': 'Thread', onchange: () => {
			this.choose();
			options.shown();
		} });
		this.reset = element('button', { onclick: () => this.flame.zoom(this.flame.root) }, 'Reset zoom');
		this.about = element('span', { class: 'push' });
		host.append(element('div', { class: 'tools' }, this.choice, this.reset, this.about));
		for (const [value, name] of this.choices())
			this.choice.append(element('option', { value }, name));
		this.flame = new Flame(host, {
			colour: (node) => Paint.functionColour(node.fn),
			describe: (node) => this.describe(node),
			announce: options.announce,
			select: (node) => options.select(node, this.flame.root.total),
		});
		this.choose();
	}

	choices() {
		const choices = [...this.trace.trees.keys()].map((index) => {
			const t = this.trace.tracks[index];
			return [index, Text.shown(this.trace.trackName(t), 80) + ' – tid ' + t.tid];
		});
		return [[-1, 'All threads'], ...choices];
	}

	choose() {
		const index = Number(this.choice.value);
		if (!this.roots.has(index))
			this.roots.set(index, this.rootOf(index));
		const root = this.roots.get(index);
		this.flame.show(root);
		this.about.textContent = Text.time(root.total) + (this.trace.sampled ? ' in samples' : ' in calls') +
			'; width is time, callers are on top';
	}

	rootOf(index) {
		if (index >= 0)
			return Flame.settle(this.trace.trees.get(index)[0]);
		const root = Flame.node(null, null);
		for (const nodes of this.trace.trees.values())
			Flame.merge(root, nodes[0]);
		return Flame.settle(root);
	}

	describe(node) {
		if (!node.fn)
			return ['all: ' + Text.time(node.total)];
		const share = node.total / (this.flame.root.total || 1);
		return [Text.shown(node.fn.name), 'total ' + Text.time(node.total) + ', ' + Text.percent(share),
			'self ' + Text.time(node.self), Text.shown(Text.place(node.fn), 160)].filter(Boolean);
	}

	search(matches) {
		return this.flame.search(matches);
	}
}

const FunctionTable = {
	time(key, title, about) {
		return { key, title, about, number: true, text: (f) => Text.time(f[key]), value: (f) => f[key],
			full: (f) => Text.exact(f[key]) };
	},

	columns(trace) {
		const calls = trace.sampled ? 'Samples' : 'Calls';
		const columns = [
			{ key: 'name', title: 'Function', about: 'its qualified name', text: (f) => Text.shown(f.name),
				value: (f) => f.name, full: (f) => Text.whole(f.name.slice(0, 4000)) },
			{ key: 'file', title: 'File', about: 'and the line of its definition',
				text: (f) => Text.ending(Text.place(f), 44), value: (f) => Text.place(f),
				full: (f) => Text.whole(Text.place(f).slice(0, 4000)) },
			{ key: 'calls', title: calls, about: 'that were seen', number: true, text: (f) => Text.count(f.calls),
				value: (f) => f.calls },
			FunctionTable.time('self', 'Self', 'time in the function itself'),
			FunctionTable.time('total', 'Total', 'time from begin to end, of outermost calls'),
		];
		if (!trace.sampled)
			columns.push(FunctionTable.time('min', 'Min', 'of whole calls'),
				FunctionTable.time('mean', 'Mean', 'of whole calls'),
				FunctionTable.time('p50', 'p50', 'half of the calls took no longer, within 5 %'),
				FunctionTable.time('p99', 'p99', '99 % of the calls took no longer, within 5 %'),
				FunctionTable.time('max', 'Max', 'of all calls'));
		return columns;
	},

	make(host, trace, actions) {
		const rows = trace.functions.filter((f) => f.calls || f.self);
		const all = rows.reduce((sum, f) => sum + f.self, 0) || 1;
		return new SortedTable(host, { columns: FunctionTable.columns(trace), rows, sort: 'self',
			caption: 'Functions: ' + Text.count(rows.length), share: (f) => f.self / all,
			announce: actions.announce, open: actions.open });
	},
};

const Help = {
	KEYS: [
		['Timeline', [['w s', 'zoom in, out (or the wheel)'], ['a d', 'pan (or drag)'], ['0', 'all of the trace'],
			['f', 'zoom to the selection'], ['↑ ↓', 'to the caller, to what it calls'], ['← →', 'to the neighbour'],
			['Enter', 'zoom to the selection']]],
		['Flame graph', [['Enter', 'zoom to a frame (or a click)'], ['Backspace', 'one level up'], ['Escape', 'all']]],
		['Everywhere', [['/', 'search'], ['n N', 'next, previous hit (Enter in the field)'], ['?', 'this list'],
			['Escape', 'clear the selection']]],
	],

	make() {
		const { element } = Text, box = document.getElementById('help');
		for (const [title, keys] of Help.KEYS)
			box.append(element('h2', {}, title), element('dl', { 'aria-label': title },
				...keys.flatMap(([key, what]) => [element('dd', {}, element('kbd', {}, key)), element('dt', {}, what)])));
		box.append(element('button', { onclick: () => Help.hide() }, 'Close'));
		document.getElementById('help-button').addEventListener('click', () => Help.toggle());
	},

	set(open) {
		document.getElementById('help').hidden = !open;
		document.getElementById('help-button').setAttribute('aria-expanded', open);
		if (open)
			document.querySelector('#help button').focus();
	},

	toggle() {
		Help.set(document.getElementById('help').hidden);
	},

	hide() {
		const was = !document.getElementById('help').hidden;
		Help.set(false);
		if (was)
			document.getElementById('help-button').focus();
		return was;
	},
};

// SPDX-License-Identifier: GPL-2.0-only
// A table that is sorted by a click on a column's head. Columns are {key, title, number, about,
// text(row) -> what is shown, full(row) -> its tip, value(row) -> what it is sorted by}.
'use strict';

class SortedTable {
	static ROWS = 300; // in the document at first; more on demand

	constructor(host, options) {
		this.options = options;
		this.columns = options.columns;
		this.rows = this.all = options.rows;
		this.limit = SortedTable.ROWS;
		this.body = Text.element('tbody');
		this.heads = this.columns.map((column) => this.head(column));
		this.caption = Text.element('caption', { class: 'unseen' }, options.caption);
		this.more = Text.element('button', { class: 'more', onclick: () => this.showMore() });
		this.table = Text.element('table', {}, this.caption,
			Text.element('thead', {}, Text.element('tr', {}, ...this.heads)), this.body);
		host.append(Text.element('div', { class: 'scroll table-box', tabindex: 0, role: 'region',
			'aria-label': options.caption }, this.table, this.more));
		this.sort(options.sort, true);
	}

	head(column) {
		const button = Text.element('button', { title: column.about, onclick: () => this.toggle(column.key) },
			column.title, Text.element('span', { class: 'arrow', 'aria-hidden': 'true' }));
		return Text.element('th', { scope: 'col', 'aria-sort': 'none', class: column.number && 'number' },
			button);
	}

	// Numbers are first shown with the largest on top, names from A on.
	toggle(key) {
		const column = this.columns.find((c) => c.key === key);
		this.sort(key, this.key === key ? !this.falling : !!column.number);
		this.options.announce('sorted by ' + column.title + (this.falling ? ', falling' : ', rising'));
	}

	sort(key, falling) {
		const column = this.columns.find((c) => c.key === key), sign = falling ? -1 : 1;
		this.key = key;
		this.falling = falling;
		this.columns.forEach((c, i) => this.heads[i].setAttribute('aria-sort',
			c.key !== key ? 'none' : falling ? 'descending' : 'ascending'));
		const collator = new Intl.Collator('en');
		const compare = column.number ? (a, b) => column.value(a) - column.value(b) :
			(a, b) => collator.compare(column.value(a), column.value(b));
		this.all.sort((a, b) => sign * compare(a, b));
		this.filter(this.wanted);
	}

	// Only rows that wanted(row) holds of; null: all.
	filter(wanted) {
		this.wanted = wanted;
		this.rows = wanted ? this.all.filter(wanted) : this.all;
		this.limit = SortedTable.ROWS;
		this.fill();
	}

	showMore() {
		this.limit *= 4;
		this.fill();
	}

	fill() {
		const shown = this.rows.slice(0, this.limit), rest = this.rows.length - shown.length;
		this.body.replaceChildren(...shown.map((row) => this.line(row)));
		this.more.hidden = rest === 0;
		this.more.textContent = 'Show more: ' + Text.count(rest) + ' are not shown';
	}

	line(row) {
		const cells = this.columns.map((column, i) => {
			const inside = i || !this.options.open ? column.text(row) :
				Text.element('button', { class: 'link', onclick: () => this.options.open(row) },
					column.text(row));
			return Text.element(i ? 'td' : 'th', { class: column.number ? 'number' : 'text',
				scope: i ? null : 'row', title: column.full && column.full(row) },
			column.number ? inside : Text.element('bdi', {}, inside));
		});
		const line = Text.element('tr', {}, ...cells);
		if (this.options.share)
			line.style.setProperty('--share', this.options.share(row));
		return line;
	}
}

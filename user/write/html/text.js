// SPDX-License-Identifier: GPL-2.0-only
// Names, numbers and elements. Names come from the traced program and may hold anything: they get
// into the page as text alone, never as markup.
'use strict';

const Text = (() => {
	const NAME_MAX = 240;

	// Control characters, and those that turn the direction of text around, are shown as what they are.
	const ODD = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

	function escaped(c) {
		const code = c.codePointAt(0).toString(16);
		return code.length < 3 ? '\\x' + code.padStart(2, '0') : '\\u' + code.padStart(4, '0');
	}

	// The whole text, made visible.
	function whole(text) {
		return text.replace(ODD, escaped);
	}

	// As much of it as a view has room for.
	function shown(text, max = NAME_MAX) {
		if (text.length <= max)
			return whole(text);
		let end = max - 1;
		if (/[\ud800-\udbff]/.test(text[end - 1]))
			end--;
		return whole(text.slice(0, end)) + '…';
	}

	function fixed(v) {
		const digits = Math.max(0, 3 - Math.floor(Math.log10(Math.abs(v)) + 1e-9));
		return v.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
	}

	// A duration in ns, with four significant digits.
	function time(ns) {
		const units = [[1e9, 's'], [1e6, 'ms'], [1e3, 'µs']];
		for (const [size, unit] of units) {
			if (Math.abs(ns) >= size)
				return fixed(ns / size) + ' ' + unit;
		}
		return Math.round(ns) + ' ns';
	}

	function count(n) {
		return Math.round(n).toLocaleString('en');
	}

	function exact(ns) {
		return count(ns) + ' ns';
	}

	function percent(part) {
		return (part * 100).toFixed(part < 0.1 ? 2 : 1) + ' %';
	}

	function place(f) {
		return f.file ? f.file + ':' + f.line : '';
	}

	// The end of a path tells more than its begin.
	function ending(text, max) {
		const whole = shown(text);
		return whole.length <= max ? whole : '…' + whole.slice(1 - max).replace(/^[\udc00-\udfff]/, '');
	}

	// An element with attributes ("on…": listeners) and children: elements, or texts.
	function element(tag, attributes = {}, ...children) {
		const e = document.createElement(tag);
		for (const [key, value] of Object.entries(attributes)) {
			if (key.startsWith('on'))
				e.addEventListener(key.slice(2), value);
			else if (value === true)
				e.setAttribute(key, '');
			else if (value !== false && value !== undefined && value !== null)
				e.setAttribute(key, value);
		}
		e.append(...children.map((c) => c instanceof Node ? c : String(c)));
		return e;
	}

	return { whole, shown, time, count, exact, percent, place, ending, element };
})();

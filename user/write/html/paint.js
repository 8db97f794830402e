// SPDX-License-Identifier: GPL-2.0-only
// What the views that draw have in common: colours of the theme, a sharp canvas, texts that are cut.
'use strict';

const Paint = (() => {
	const FONT = '12px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';
	const dark = matchMedia('(prefers-color-scheme: dark)');
	const moreContrast = matchMedia('(prefers-contrast: more)');
	let theme = null;
	const listeners = [];

	// The style sheet has the colours, so that they are in one place.
	function colours() {
		if (theme)
			return theme;
		const style = getComputedStyle(document.documentElement);
		theme = { dark: dark.matches };
		for (const name of ['back', 'panel', 'ink', 'dim', 'line', 'accent', 'hit', 'shade', 'mark', 'faded'])
			theme[name] = style.getPropertyValue('--' + name).trim();
		return theme;
	}

	function changed() {
		theme = null;
		hues.clear();
		for (const listener of listeners)
			listener();
	}
	dark.addEventListener('change', changed);
	moreContrast.addEventListener('change', changed);

	function onChange(listener) {
		listeners.push(listener);
	}

	// A number that texts of any kind are spread by (FNV-1a).
	function hash(text) {
		let h = 0x811c9dc5;
		for (let i = 0; i < text.length && i < 400; i++)
			h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
		return (h ^ (h >>> 15)) >>> 0;
	}

	const hues = new Map(); // colour by function

	// The same function has the same colour in each view; those of a file are akin.
	function functionColour(f) {
		let c = hues.get(f);
		if (c)
			return c;
		const h = hash(f.file || f.name), own = hash(f.name);
		const hue = (h % 30) * 12 + (own % 9 - 4) * 6, step = (own >>> 8) % 5;
		c = colours().dark ? `hsl(${hue} 34% ${29 + step * 3}%)` : `hsl(${hue} 56% ${71 + step * 4}%)`;
		hues.set(f, c);
		return c;
	}

	// Fits the canvas to its box, in the pixels of the screen; returns what to draw with.
	function begin(canvas) {
		const ratio = devicePixelRatio || 1;
		const width = canvas.clientWidth, height = canvas.clientHeight;
		const w = Math.max(1, Math.round(width * ratio)), h = Math.max(1, Math.round(height * ratio));
		if (canvas.width !== w || canvas.height !== h) {
			canvas.width = w;
			canvas.height = h;
		}
		const g = canvas.getContext('2d', { alpha: false });
		g.setTransform(ratio, 0, 0, ratio, 0, 0);
		g.font = FONT;
		g.textBaseline = 'middle';
		g.fillStyle = colours().back;
		g.fillRect(0, 0, width, height);
		return { g, width, height };
	}

	const widths = new Map(); // of texts

	function widthOf(g, text) {
		let w = widths.get(text);
		if (w === undefined) {
			if (widths.size > 50000)
				widths.clear();
			w = g.measureText(text).width;
			widths.set(text, w);
		}
		return w;
	}

	// The text, or as much of it as goes into `room` pixels.
	function fitted(g, text, room) {
		const width = widthOf(g, text);
		if (width <= room)
			return text;
		const n = Math.floor(text.length * (room - 9) / width);
		return n < 2 ? '' : text.slice(0, n).replace(/[\ud800-\udbff]$/, '') + '…';
	}

	const names = new WeakMap(); // as shown, by function

	function nameOf(f) {
		let name = names.get(f);
		if (name === undefined) {
			name = Text.shown(f.name);
			names.set(f, name);
		}
		return name;
	}

	// Calls draw() before the next frame, however often it is asked for.
	function scheduler(draw) {
		let waiting = false;
		return () => {
			if (waiting)
				return;
			waiting = true;
			requestAnimationFrame(() => {
				waiting = false;
				draw();
			});
		};
	}

	// The tip beside the pointer.
	function tip(event, lines) {
		const box = document.getElementById('tip');
		box.hidden = !lines;
		if (!lines)
			return;
		box.replaceChildren(...lines.map((line) => Text.element('div', {}, line)));
		const x = Math.min(event.clientX + 14, innerWidth - box.offsetWidth - 8);
		let y = event.clientY + 18;
		if (y + box.offsetHeight > innerHeight - 8)
			y = event.clientY - box.offsetHeight - 10;
		box.style.transform = `translate(${Math.max(4, x)}px, ${Math.max(4, y)}px)`;
	}

	return { colours, onChange, functionColour, begin, fitted, nameOf, scheduler, tip };
})();

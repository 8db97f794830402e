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

	// A colour by hue, saturation and lightness.
	function hex(hue, s, l) {
		const channel = (n) => {
			const k = (n + hue / 30 + 12) % 12, a = s * Math.min(l, 1 - l);
			return Math.round(255 * (l - a * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
		};
		const n = channel(0) << 16 | channel(8) << 8 | channel(4);
		return '#' + n.toString(16).padStart(6, '0');
	}

	const packs = new Map();

	// A colour, "#rrggbb", as a pixel of an image.
	function packed(colour) {
		let p = packs.get(colour);
		if (p === undefined) {
			const n = parseInt(colour.slice(1), 16);
			p = (0xff000000 | (n & 255) << 16 | (n & 0xff00) | n >> 16) >>> 0;
			packs.set(colour, p);
		}
		return p;
	}

	const hues = new Map(); // colour by function

	// The same function has the same colour in each view; those of a file are akin.
	function functionColour(f) {
		let c = hues.get(f);
		if (c)
			return c;
		const h = hash(f.file || f.name), own = hash(f.name);
		const hue = (h % 30) * 12 + (own % 9 - 4) * 6, step = (own >>> 8) % 5;
		c = colours().dark ? hex(hue, 0.34, 0.29 + step * 0.03) : hex(hue, 0.56, 0.71 + step * 0.04);
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

	// A line of pixels that is drawn as high as one likes: for many that each have a colour of their own.
	class Strip {
		constructor() {
			this.canvas = document.createElement('canvas');
			this.canvas.height = 1;
			this.used = false;
		}

		begin(width) {
			if (this.canvas.width !== width || !this.image) {
				this.canvas.width = width;
				this.image = new ImageData(width, 1);
				this.pixels = new Uint32Array(this.image.data.buffer);
			}
		}

		put(x, colour) {
			this.pixels[x] = packed(colour);
			this.used = true;
		}

		// Draws it, and makes it empty again.
		end(g, y, height) {
			if (!this.used)
				return;
			this.canvas.getContext('2d').putImageData(this.image, 0, 0);
			g.imageSmoothingEnabled = false;
			g.drawImage(this.canvas, 0, y, this.canvas.width, height);
			this.pixels.fill(0);
			this.used = false;
		}
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

	return { colours, onChange, functionColour, begin, fitted, nameOf, scheduler, tip, Strip };
})();

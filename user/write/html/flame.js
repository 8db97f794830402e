// SPDX-License-Identifier: GPL-2.0-only
// A flame graph, callers on top. A node is {fn: {name, file, line}, parent, children, self, total,
// count}, made by Flame.node; Flame.settle computes totals. What a node looks like and what is said of it
// are the host's: options {colour(node), describe(node) -> lines, announce(text), select(node)}.
'use strict';

class Flame {
	static ROW = 20; // pixels

	static node(parent, fn) {
		return { parent, fn, children: [], self: 0, count: 0, total: 0, selfBefore: 0, countBefore: 0,
			totalBefore: 0, depth: 0, at: 0 };
	}

	static each(root, visit) {
		const open = [root];
		while (open.length) {
			const node = open.pop();
			visit(node);
			for (let i = node.children.length - 1; i >= 0; i--)
				open.push(node.children[i]);
		}
	}

	// Totals, depths and order, after the last node; places are in units of `self`.
	static settle(root) {
		const order = [];
		Flame.each(root, (node) => {
			node.depth = node.parent ? node.parent.depth + 1 : 0;
			node.total = node.self;
			node.totalBefore = node.selfBefore;
			order.push(node);
		});
		for (let i = order.length - 1; i > 0; i--) {
			order[i].parent.total += order[i].total;
			order[i].parent.totalBefore += order[i].totalBefore;
		}
		for (const node of order) {
			node.children.sort((a, b) => b.total - a.total);
			let at = node.at;
			for (const child of node.children) {
				child.at = at;
				at += child.total;
			}
		}
		return root;
	}

	// Adds what is beneath `from` to what is beneath `to`: stacks of one thread to those of all.
	static merge(to, from) {
		const open = [[to, from]];
		while (open.length) {
			const [a, b] = open.pop();
			const known = new Map(a.children.map((c) => [c.fn, c]));
			for (const child of b.children) {
				let mine = known.get(child.fn);
				if (!mine) {
					mine = Flame.node(a, child.fn);
					a.children.push(mine);
					known.set(child.fn, mine);
				}
				for (const key of ['self', 'count', 'selfBefore', 'countBefore'])
					mine[key] += child[key];
				open.push([mine, child]);
			}
		}
	}

	constructor(host, options) {
		this.options = options;
		this.canvas = Text.element('canvas', { tabindex: 0, role: 'application',
			'aria-roledescription': 'flame graph',
			'aria-label': 'Flame graph. Arrow keys select a frame, Enter zooms to it, Escape zooms out.' });
		this.sizer = Text.element('div', { class: 'sizer' }, this.canvas);
		this.box = Text.element('div', { class: 'scroll' }, this.sizer);
		host.append(this.box);
		this.root = this.zoomed = this.selected = null;
		this.found = null; // functions that are searched for: a predicate of nodes
		this.drawn = []; // by row: [x, width, node]
		this.draw = Paint.scheduler(() => this.paint());
		new ResizeObserver(() => this.resize()).observe(this.box);
		this.box.addEventListener('scroll', this.draw);
		Paint.onChange(this.draw);
		this.listen();
	}

	show(root) {
		this.root = this.zoomed = root;
		this.selected = null;
		this.resize();
	}

	get rows() {
		let deepest = 0;
		Flame.each(this.root, (node) => { deepest = Math.max(deepest, node.depth); });
		return deepest + 1;
	}

	resize() {
		if (!this.root || !this.box.clientHeight)
			return;
		this.canvas.style.height = this.box.clientHeight + 'px';
		if (this.sized !== this.root) {
			this.sized = this.root;
			this.sizer.style.minHeight = this.rows * Flame.ROW + 8 + 'px';
		}
		this.draw();
	}

	paint() {
		if (!this.root || !this.canvas.clientWidth)
			return;
		const { g, width, height } = Paint.begin(this.canvas);
		const top = this.box.scrollTop;
		this.drawn = [];
		for (let node = this.zoomed; node; node = node.parent)
			this.paintNode(g, node, 0, width, top);
		this.paintBeneath(g, width, top, height);
	}

	paintBeneath(g, width, top, height) {
		const scale = width / (this.zoomed.total || 1), lowest = (top + height) / Flame.ROW;
		const open = [this.zoomed];
		while (open.length) {
			const node = open.pop();
			if (node.depth + 1 > lowest)
				continue;
			for (const child of node.children) {
				const x = (child.at - this.zoomed.at) * scale, w = child.total * scale;
				if (w < 0.7) { // those that follow are no wider
					this.paintRest(g, node, x, scale, top);
					break;
				}
				this.paintNode(g, child, x, w, top);
				open.push(child);
			}
		}
	}

	// Frames too narrow to be told apart.
	paintRest(g, node, x, scale, top) {
		const last = node.children[node.children.length - 1];
		const end = (last.at + last.total - this.zoomed.at) * scale;
		g.fillStyle = Paint.colours().faded;
		g.fillRect(x, (node.depth + 1) * Flame.ROW - top, Math.max(end - x, 0.5), Flame.ROW - 1);
	}

	paintNode(g, node, x, w, top) {
		const y = node.depth * Flame.ROW - top, theme = Paint.colours();
		(this.drawn[node.depth] = this.drawn[node.depth] || []).push([x, w, node]);
		if (y < -Flame.ROW)
			return;
		const above = node !== this.zoomed && node.depth < this.zoomed.depth;
		const out = this.found && !(node.fn && this.found(node));
		g.globalAlpha = above ? 0.55 : 1;
		g.fillStyle = !node.fn ? theme.shade : out ? theme.faded : this.found ? theme.hit :
			this.options.colour(node);
		g.fillRect(x, y, Math.max(w - 1, 0.7), Flame.ROW - 1);
		if (w > 26) {
			g.fillStyle = out ? theme.dim : theme.ink;
			const name = node.fn ? Paint.nameOf(node.fn) : this.options.rootName || 'all';
			g.fillText(Paint.fitted(g, name, w - 10), x + 5, y + Flame.ROW / 2);
		}
		g.globalAlpha = 1;
		if (node === this.selected) {
			g.strokeStyle = theme.accent;
			g.lineWidth = 2;
			g.strokeRect(x + 1, y + 1, Math.max(w - 3, 1), Flame.ROW - 3);
		}
	}

	nodeAt(event) {
		const box = this.canvas.getBoundingClientRect(), x = event.clientX - box.left;
		const row = Math.floor((event.clientY - box.top + this.box.scrollTop) / Flame.ROW);
		const hit = (this.drawn[row] || []).find(([from, w]) => x >= from && x < from + w);
		return hit ? hit[2] : null;
	}

	listen() {
		const canvas = this.canvas;
		canvas.addEventListener('pointermove', (event) => {
			const node = this.nodeAt(event);
			canvas.style.cursor = node ? 'pointer' : 'default';
			Paint.tip(event, node && this.options.describe(node));
		});
		canvas.addEventListener('pointerleave', () => Paint.tip(null, null));
		canvas.addEventListener('click', (event) => {
			const node = this.nodeAt(event);
			if (node)
				this.zoom(node);
		});
		canvas.addEventListener('keydown', (event) => this.key(event));
	}

	key(event) {
		const node = this.selected || this.zoomed;
		const siblings = node.parent ? node.parent.children : [node], i = siblings.indexOf(node);
		const steps = {
			ArrowDown: () => node.children[0],
			ArrowUp: () => node.parent,
			ArrowRight: () => siblings[i + 1],
			ArrowLeft: () => siblings[i - 1],
			Home: () => this.root,
		};
		if (event.ctrlKey || event.metaKey || event.altKey)
			return;
		if (steps[event.key])
			this.select(steps[event.key]() || node);
		else if (event.key === 'Enter' || event.key === ' ')
			this.zoom(node);
		else if (event.key === 'Escape' || event.key === 'Backspace')
			this.zoom(event.key === 'Escape' ? this.root : this.zoomed.parent || this.root);
		else
			return;
		event.preventDefault();
		event.stopPropagation();
	}

	select(node) {
		this.selected = node;
		for (let a = this.zoomed; a !== node && !Flame.holds(a, node);)
			a = this.zoomed = a.parent;
		const y = node.depth * Flame.ROW, top = this.box.scrollTop;
		if (y < top || y + Flame.ROW > top + this.box.clientHeight)
			this.box.scrollTop = y - this.box.clientHeight / 2;
		this.options.select(node);
		this.options.announce(this.options.describe(node).join(', '));
		this.draw();
	}

	// Is `node` beneath a, or above it, where it is drawn in full width?
	static holds(a, node) {
		for (let n = node; n; n = n.parent) {
			if (n === a)
				return true;
		}
		for (let n = a; n; n = n.parent) {
			if (n === node)
				return true;
		}
		return false;
	}

	zoom(node) {
		this.zoomed = node;
		this.select(node);
	}

	// Highlights nodes whose function has a 1 in `matches` (NULL: none); returns them, the widest first.
	search(matches) {
		this.found = matches && ((node) => matches[node.fn.index] === 1);
		this.draw();
		const hits = [];
		if (this.found)
			Flame.each(this.root, (node) => {
				if (node.fn && this.found(node))
					hits.push(node);
			});
		return hits.sort((a, b) => b.total - a.total);
	}
}

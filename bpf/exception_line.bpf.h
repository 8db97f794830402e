/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The line that a frame executes, for --exceptions: nobody can ask for it later. The table of a code
 * object is read byte by byte; what was found is kept.
 */
#ifndef VTBPF_EXCEPTION_LINE_BPF_H
#define VTBPF_EXCEPTION_LINE_BPF_H

const volatile struct vtbpf_exceptions exceptions;

/* Made only with --exceptions. What was found, so that it is looked for once. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct line_key);
	__type(value, __u32);
} exception_lines SEC(".maps");

#define LINE_CHUNK 64	     /* bytes of a table read at a time */
#define LINES_MANY (1 << 16) /* bytes of a table, with bpf_loop() */
#define LINES_FEW 64	     /* without */
#define CODE_LARGEST (1 << 24)
#define BEFORE_CODE 0xffffffff /* the frame stands before its first instruction */

/* Objects/locations.md (3.11; 3.14: InternalDocs/code_objects.md) */
#define LOCATION_START 0x80
#define LOCATION_ONE_LINE 10 /* to 12: on this line, or one or two below */
#define LOCATION_NO_COLUMNS 13
#define LOCATION_LONG 14
#define LOCATION_NONE 15
#define LOCATION_MORE 0x40 /* the number goes on in the next byte */

struct line_walk {
	__u8 chunk[LINE_CHUNK];
	__u64 table;  /* its bytes */
	__u32 size;   /* how many */
	__u32 offset; /* of the instruction */
	__u32 end;    /* of the entry; 3.8, 3.9: its beginning */
	__s32 line;
	__u32 number; /* being read */
	__u32 shift;  /* of its next 6 bits */
	__u8 reading; /* a number is being read */
	__u8 lineless;
	__u8 found;
	__u8 bad;
};

/* Objects/lnotab_notes.txt: a pair has come to its second byte. */
static __always_inline bool pair_step(struct line_walk *w, __u32 i, __u8 byte)
{
	__s8 delta = byte;

	if (!(i & 1)) {
		w->end += byte;
		w->found = exceptions.lines == VTBPF_LINES_LNOTAB && w->end > w->offset;
		return w->found;
	}
	w->lineless = exceptions.lines == VTBPF_LINES_PAIRS && delta == -128;
	if (!w->lineless)
		w->line += delta;
	w->found = exceptions.lines == VTBPF_LINES_PAIRS && w->end > w->offset;
	return w->found;
}

/* An entry's further bytes begin with the number of lines between it and the one before. */
static __always_inline void number_step(struct line_walk *w, __u8 byte)
{
	__u32 n;

	if (!w->reading)
		return;
	w->number |= (__u32)(byte & 0x3f) << (w->shift & 31);
	w->shift += 6;
	if (byte & LOCATION_MORE && w->shift < 32)
		return;
	w->reading = 0;
	n = w->number >> 1;
	w->line += w->number & 1 ? -(__s32)n : (__s32)n;
}

static __always_inline bool location_step(struct line_walk *w, __u8 byte)
{
	__u8 kind = byte >> 3 & 15;

	if (!(byte & LOCATION_START)) {
		number_step(w, byte);
		return false;
	}
	if (w->end > w->offset) { /* the entry before was it */
		w->found = 1;
		return true;
	}
	w->end += ((byte & 7) + 1) * CODE_UNIT;
	w->lineless = kind == LOCATION_NONE;
	w->reading = kind == LOCATION_NO_COLUMNS || kind == LOCATION_LONG;
	w->number = w->shift = 0;
	if (kind >= LOCATION_ONE_LINE && kind < LOCATION_NO_COLUMNS)
		w->line += kind - LOCATION_ONE_LINE;
	return false;
}

struct line_ref {
	struct line_walk *w;
};

static long line_step(__u32 i, void *arg)
{
	struct line_walk *w = ((struct line_ref *)arg)->w;
	__u32 at = i & (LINE_CHUNK - 1), left = w->size - i;
	__u8 byte;

	if (i >= w->size)
		return 1;
	if (!at) {
		if (left > LINE_CHUNK)
			left = LINE_CHUNK;
		if (bpf_probe_read_user(w->chunk, left, (void *)(w->table + i))) {
			w->bad = 1;
			return 1;
		}
	}
	byte = w->chunk[at];
	return exceptions.lines == VTBPF_LINES_LOCATIONS ? location_step(w, byte) :
							   pair_step(w, i, byte);
}

/* 0 where the instruction has none. */
static __noinline __u32 line_of(struct line_walk *w, __u64 code, __u32 offset)
{
	__u64 table = word_at(code + exceptions.code_lines);
	__u64 size = word_at(table + exceptions.var_size);
	struct line_ref ref = { .w = w };

	__builtin_memset(w, 0, sizeof(*w));
	w->table = table + exceptions.bytes_data;
	w->size = size < LINES_MANY ? size : LINES_MANY;
	w->offset = offset;
	bpf_probe_read_user(&w->line, sizeof(w->line), (void *)(code + layout.code_firstlineno));
	if (offset == BEFORE_CODE)
		return w->line;
	if (have_bpf_loop) {
		bpf_loop(LINES_MANY, line_step, &ref, 0);
	} else {
		for (int i = 0; i < LINES_FEW; i++)
			if (line_step(i, &ref))
				break;
		if (!w->found && w->size > LINES_FEW)
			return 0;
	}
	/* The last entry has no other behind it that would end it. */
	if (!w->found && exceptions.lines != VTBPF_LINES_LNOTAB && w->end <= offset)
		return 0;
	return w->bad || w->lineless || w->line < 0 ? 0 : w->line;
}

/* How far into its code the frame has come. False when that makes no sense. */
static __always_inline bool frame_offset(__u64 frame, __u64 code, __u32 *offset)
{
	__u64 instr = word_at(frame + exceptions.frame_instr), start = code + exceptions.code_bytes;
	__s32 tlbc = 0;

	if (exceptions.index_unit) {
		*offset = (__s32)instr < 0 ? BEFORE_CODE : (__u32)instr * exceptions.index_unit;
		return (__s32)instr < CODE_LARGEST;
	}
	if (exceptions.frame_tlbc != VTBPF_NO_FIELD)
		bpf_probe_read_user(&tlbc, sizeof(tlbc), (void *)(frame + exceptions.frame_tlbc));
	if (tlbc > 0 && exceptions.code_tlbc != VTBPF_NO_FIELD)
		start = word_at(word_at(code + exceptions.code_tlbc) + 8 + 8 * (__u64)tlbc);
	*offset = instr == start - CODE_UNIT ? BEFORE_CODE : instr - start;
	return instr + CODE_UNIT - start < CODE_LARGEST;
}

/* The line that the frame executes, 0 when it is not known. id: of its code object, 0 none. */
static __always_inline __u32 frame_line(struct line_walk *w, __u64 frame, __u64 code, __u32 id)
{
	struct line_key key = { .code = id };
	__u32 *known, line;

	if (!frame_offset(frame, code, &key.offset))
		return 0;
	known = id ? bpf_map_lookup_elem(&exception_lines, &key) : 0;
	if (known)
		return *known;
	line = line_of(w, code, key.offset);
	if (id)
		bpf_map_update_elem(&exception_lines, &key, &line, BPF_ANY);
	return line;
}

#endif

// SPDX-License-Identifier: GPL-2.0-only
#include "py_objects.h"

#include <errno.h>
#include <string.h>

#define FRAME_MAX 128
#define CODE_MAX 256
#define TAG_MASK 7ULL

/* A field of a structure that was read whole; the layout comes from discover, not from the target. */
static uint64_t field(const unsigned char *raw, uint16_t at, size_t size)
{
	uint64_t value = 0;

	memcpy(&value, raw + at, size);
	return value;
}

static size_t max_end(size_t end, uint16_t at, size_t size)
{
	return at + size > end ? at + size : end;
}

/* What one frame says of itself. */
struct frame_info {
	uint64_t code, previous, instr;
	uint32_t tlbc;
	bool shim;
};

static size_t instr_size(const struct py_reader *r)
{
	return r->l.lines == PY_LINES_LOCATIONS ? 8 : 4; /* a pointer, or an int */
}

static int read_frame(struct py_reader *r, uint64_t addr, struct frame_info *info)
{
	const struct vtbpf_layout *l = &r->frame;
	unsigned char raw[FRAME_MAX];
	size_t end = 0;
	int err;

	end = max_end(end, l->frame_code, 8);
	end = max_end(end, l->frame_previous, 8);
	end = max_end(end, l->frame_owner, 1);
	end = max_end(end, r->l.frame_instr, instr_size(r));
	if (r->l.frame_tlbc != PY_NO_FIELD)
		end = max_end(end, r->l.frame_tlbc, 4);
	if (end > sizeof(raw))
		return -EINVAL;
	err = py_reader__get(r, addr, raw, end);
	if (err)
		return err;
	info->code = field(raw, l->frame_code, 8);
	if (l->flags & VTBPF_LAYOUT_TAGGED_CODE)
		info->code &= ~TAG_MASK;
	info->previous = field(raw, l->frame_previous, 8);
	info->instr = field(raw, r->l.frame_instr, instr_size(r));
	info->tlbc = r->l.frame_tlbc == PY_NO_FIELD ? 0 : field(raw, r->l.frame_tlbc, 4);
	info->shim = l->frame_owner && raw[l->frame_owner] >= l->owner_first_shim;
	return 0;
}

/* Whether the object is a code object: its type is the one that is called "code". */
static bool is_code(struct py_reader *r, uint64_t object)
{
	struct py_type type;
	char text[sizeof("code")];
	uint64_t name;

	if (py_object__type(r, object, &type))
		return false;
	if (r->code_type && type.addr == r->code_type)
		return true;
	if (py_reader__word(r, type.addr, r->l.tp_name, &name) ||
	    py_reader__get(r, name, text, sizeof(text)) || memcmp(text, "code", sizeof(text)) ||
	    type.flags & PY_TYPE_HEAP)
		return false;
	r->code_type = type.addr;
	return true;
}

static int read_code(struct py_reader *r, struct py_frame *f)
{
	const struct vtbpf_layout *l = &r->frame;
	unsigned char raw[CODE_MAX];
	size_t end = 0;
	int err;

	end = max_end(end, l->code_filename, 8);
	end = max_end(end, l->code_name, 8);
	end = max_end(end, l->code_flags, 4);
	end = max_end(end, l->code_firstlineno, 4);
	end = max_end(end, l->code_version, 4);
	end = max_end(end, r->l.code_lines, 8);
	if (end > sizeof(raw) || !is_code(r, f->code))
		return -EINVAL;
	err = py_reader__get(r, f->code, raw, end);
	if (err)
		return err;
	f->filename = field(raw, l->code_filename, 8);
	f->name = field(raw, l->code_name, 8);
	f->lines = field(raw, r->l.code_lines, 8);
	f->co_flags = field(raw, l->code_flags, 4);
	f->firstlineno = field(raw, l->code_firstlineno, 4);
	f->co_version = l->code_version ? field(raw, l->code_version, 4) : 0;
	return 0;
}

int py_thread_frames(struct py_reader *r, const struct py_thread *t, struct py_frame *out,
		     size_t max)
{
	/* there is at most one shim for each Python frame, the interpreter's own entry frame */
	size_t n = 0, steps = 2 * max + 2;
	uint64_t frame = t->frame;
	struct frame_info info;
	int err;

	py_reader__begin(r);
	for (; frame && n < max && steps; steps--, frame = info.previous) {
		err = read_frame(r, frame, &info);
		if (err)
			break;
		if (info.shim)
			continue;
		out[n].frame = frame;
		out[n].code = info.code;
		out[n].instr = info.instr;
		out[n].tlbc = info.tlbc;
		if (read_code(r, &out[n]))
			break;
		n++;
	}
	return !n && r->gone ? -ESRCH : (int)n;
}

bool py_frame__holds(struct py_reader *r, const struct py_frame *f)
{
	struct py_frame now = { .code = f->code };

	return !read_code(r, &now) && now.filename == f->filename && now.name == f->name &&
	       now.lines == f->lines && now.firstlineno == f->firstlineno;
}

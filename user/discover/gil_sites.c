// SPDX-License-Identifier: GPL-2.0-only
/*
 * The bytes of the code are searched for calls of the two functions' stubs, or through their slots; the
 * unwind table says in which functions the hits lie, and those are decoded from their first byte, so that a
 * probe never lands inside an instruction.
 *
 * Of the calls of pthread_mutex_lock() only those are taken behind which no pthread_cond_signal() comes
 * next: drop_gil() locks the mutex, and take_gil() the one of the switch, for nothing but such a signal,
 * which says enough.
 */
#include "gil_sites.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#include "elf_functions.h"
#include "function_ref.h"
#include "insn.h"

#define MAX_STUBS 16
#define MAX_INSNS (1 << 20) /* of all functions */

struct search {
	struct elf_image *img;
	struct decoder *decoder;
	struct elf_functions functions;
	struct function_ref lock, signal;
	struct gil_plan *gil;
	size_t n_stubs;
	uint64_t stubs[MAX_STUBS];
	bool full;
	size_t left;		   /* instructions that may still be decoded */
	struct function_set found; /* functions that have such calls */
};

static int32_t number_at(const uint8_t *bytes)
{
	int32_t n;

	memcpy(&n, bytes, sizeof(n));
	return n;
}

static bool is_slot(const struct function_ref *ref, uint64_t vaddr)
{
	for (size_t i = 0; i < ref->n_slots; i++)
		if (ref->slots[i] == vaddr)
			return true;
	return false;
}

static bool is_slot_of_either(const struct search *s, uint64_t vaddr)
{
	return is_slot(&s->lock, vaddr) || is_slot(&s->signal, vaddr);
}

/* ---- stubs ------------------------------------------------------------------------------ */

static void add_stub(struct search *s, uint64_t vaddr)
{
	if (s->n_stubs == MAX_STUBS)
		s->full = true;
	else
		s->stubs[s->n_stubs++] = vaddr;
}

/* `jmp *slot`, behind endbr64 and with a prefix (bnd), or without. */
static void add_stubs_at(struct search *s, const struct elf_segment *seg, uint64_t at)
{
	static const uint8_t endbr[] = { 0xf3, 0x0f, 0x1e, 0xfa };

	add_stub(s, seg->vaddr + at);
	if (at && seg->bytes[at - 1] == 0xf2)
		add_stub(s, seg->vaddr + --at);
	if (at >= sizeof(endbr) && !memcmp(seg->bytes + at - sizeof(endbr), endbr, sizeof(endbr)))
		add_stub(s, seg->vaddr + at - sizeof(endbr));
}

static void find_stubs(struct search *s, const struct elf_segment *seg)
{
	for (uint64_t at = 0; at + 6 <= seg->size; at++) {
		const uint8_t *p = seg->bytes + at;

		if (p[0] == 0xff && p[1] == 0x25 &&
		    is_slot_of_either(s, seg->vaddr + at + 6 + (uint64_t)(int64_t)number_at(p + 2)))
			add_stubs_at(s, seg, at);
	}
}

/* ---- which functions -------------------------------------------------------------------- */

static bool is_stub(const struct search *s, uint64_t vaddr)
{
	for (size_t i = 0; i < s->n_stubs; i++)
		if (s->stubs[i] == vaddr)
			return true;
	return false;
}

static void find_functions(struct search *s, const struct elf_segment *seg)
{
	for (uint64_t at = 0; at + 6 <= seg->size; at++) {
		const uint8_t *p = seg->bytes + at;
		uint64_t vaddr = seg->vaddr + at;

		if (p[0] == 0xe8 ?
			    is_stub(s, vaddr + 5 + (uint64_t)(int64_t)number_at(p + 1)) :
			    p[0] == 0xff && p[1] == 0x15 &&
				    is_slot_of_either(
					    s, vaddr + 6 + (uint64_t)(int64_t)number_at(p + 2)))
			function_set__add(&s->found, &s->functions, vaddr);
	}
}

/* ---- one function ----------------------------------------------------------------------- */

static void add_place(struct search *s, struct gil_places *places, const struct insn *in)
{
	uint64_t offset;

	if (places->n == GIL_SITES_MAX)
		s->full = true;
	else if (!in->refused && elf_image__offset(s->img, in->vaddr, &offset))
		places->offsets[places->n++] = offset;
}

static void look_at_function(struct search *s, const struct extent *e)
{
	struct insn in, lock = {};
	bool locks = false; /* by the call before */

	for (uint64_t vaddr = e->start; vaddr < e->end && s->left; vaddr += in.len, s->left--) {
		bool signals;

		if (!decoder__insn(s->decoder, s->img, vaddr, &in))
			break;
		if (in.kind != INSN_CALL && in.kind != INSN_CALL_INDIRECT)
			continue;
		signals = function_ref__is_called(&s->signal, s->img, s->decoder, &in);
		if (signals)
			add_place(s, &s->gil->signals, &in);
		else if (locks)
			add_place(s, &s->gil->locks, &lock);
		locks = function_ref__is_called(&s->lock, s->img, s->decoder, &in);
		if (locks)
			lock = in;
	}
	if (locks)
		add_place(s, &s->gil->locks, &lock);
	s->full |= !s->left;
}

/* ---- all -------------------------------------------------------------------------------- */

static int fail(char *why, size_t size, const char *what)
{
	snprintf(why, size, "%s: leave out --gil, or trace another build of the same version",
		 what);
	return -ENOTSUP;
}

static void each_code(struct search *s, void (*fn)(struct search *s, const struct elf_segment *seg))
{
	for (size_t i = 0; i < s->img->n_segments; i++)
		if (s->img->segments[i].exec)
			fn(s, &s->img->segments[i]);
}

static int find(struct search *s, char *why, size_t why_size)
{
	if (s->img->machine != EM_X86_64)
		return fail(why, why_size, "the GIL can be watched on x86_64 only");
	if (!elf_functions__open(&s->functions, s->img))
		return fail(why, why_size, "the interpreter does not say where its functions are");
	s->decoder = decoder__new(s->img->machine);
	if (!s->decoder)
		return -errno;
	s->gil->arg_reg = insn__arg_reg(s->img->machine, 0);
	function_ref__find(s->img, "pthread_mutex_lock", &s->lock);
	function_ref__find(s->img, "pthread_cond_signal", &s->signal);
	if (s->lock.vaddr) /* libc is a part of the file */
		add_stub(s, s->lock.vaddr);
	if (s->signal.vaddr)
		add_stub(s, s->signal.vaddr);
	each_code(s, find_stubs);
	each_code(s, find_functions);
	for (size_t i = 0; i < s->found.n; i++)
		look_at_function(s, &s->found.all[i]);
	/* One signals that the lock is taken, one that it is given up. */
	if (!s->gil->locks.n || s->gil->signals.n < 2 || s->full || s->found.full)
		return fail(why, why_size,
			    "the interpreter's machine code does not show where it takes the GIL");
	return 0;
}

int gil_sites__find(int fd, const struct probe_plan *plan, struct gil_plan *gil, char *why,
		    size_t why_size)
{
	struct search s = { .gil = gil, .left = MAX_INSNS };
	int err;

	memset(gil, 0, sizeof(*gil));
	if (plan->free_threaded)
		return 0;
	s.img = elf_image__new(fd);
	if (!s.img)
		return -errno;
	err = find(&s, why, why_size);
	if (err)
		memset(gil, 0, sizeof(*gil));
	decoder__free(s.decoder);
	elf_image__free(s.img);
	return err;
}

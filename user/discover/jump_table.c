// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "jump_table.h"

#define MAX_LOOK_BACK 24 /* instructions between the check of the number and the jump */
#define MAX_ENTRIES 1024 /* a switch over a byte has 256 */

/* A walk back through a run. */
struct back {
	const struct insn *run, *at;
};

static bool back__to_write(struct back *b, uint8_t reg)
{
	while (b->at > b->run && reg < INSN_REGS) {
		b->at--;
		if (b->at->writes >> reg & 1)
			return true;
	}
	return false;
}

/* `and $limit,reg`, or `cmp $limit,reg` with a branch behind it that asks for the larger one. */
static bool is_limit(const struct insn *in, uint8_t reg)
{
	if (in->shape != SHAPE_LIMIT || in->src != reg)
		return false;
	return in->writes >> reg & 1 || (in[1].kind == INSN_BRANCH && in[1].cond == COND_OTHER);
}

/* Looks for what bounds reg. The compiler may have copied the number since. */
static bool find_limit(struct back b, uint8_t reg, size_t *n)
{
	while (b.at > b.run && reg < INSN_REGS) {
		const struct insn *in = --b.at;

		if (is_limit(in, reg)) {
			*n = (size_t)in->disp + 1;
			return in->disp > 0 && in->disp < MAX_ENTRIES;
		}
		if (!(in->writes >> reg & 1))
			continue;
		if ((in->shape != SHAPE_COPY_INT && in->shape != SHAPE_COPY) || in->disp)
			return false;
		reg = in->src;
	}
	return false;
}

/* lea TABLE,base; movslq (base,number,4),x; add base,x; jmp *x */
static bool find_relative(struct back b, struct jump_table *t)
{
	const struct insn *read = b.at;

	while (read > b.run && read->shape != SHAPE_TABLE_READ)
		read--;
	if (read->shape != SHAPE_TABLE_READ)
		return false;
	b.at = read;
	t->relative = true;
	if (!find_limit(b, read->src, &t->n) || !back__to_write(&b, read->base))
		return false;
	t->vaddr = (uint64_t)b.at->disp;
	return b.at->shape == SHAPE_ADDRESS;
}

bool jump_table__find(const struct insn *run, size_t n, struct jump_table *t)
{
	struct back b = { .run = n > MAX_LOOK_BACK ? run + n - MAX_LOOK_BACK : run,
			  .at = run + n - 1 };

	*t = (struct jump_table){ 0 };
	if (!n || b.at->kind != INSN_JUMP_INDIRECT)
		return false;
	if (b.at->shape != SHAPE_TABLE_JUMP) /* jmp *TABLE(,number,8) */
		return find_relative(b, t);
	t->vaddr = (uint64_t)b.at->disp;
	return find_limit(b, b.at->src, &t->n);
}

bool jump_table__entry(const struct jump_table *t, const struct elf_image *img, size_t i,
		       uint64_t *vaddr)
{
	const uint8_t *p = elf_image__bytes(img, t->vaddr + 4 * i, 4);
	int32_t from_table;

	if (t->relative && p) {
		memcpy(&from_table, p, sizeof(from_table));
		*vaddr = t->vaddr + (uint64_t)(int64_t)from_table;
	} else if (t->relative || !elf_image__u64(img, t->vaddr + 8 * i, vaddr)) {
		return false;
	}
	return elf_image__is_code(img, *vaddr);
}

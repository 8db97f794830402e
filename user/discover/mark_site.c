// SPDX-License-Identifier: GPL-2.0-only
#include "mark_site.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "elf_image.h"
#include "insn.h"

#define NAME "audit"
#define METH_FASTCALL 0x80 /* Include/methodobject.h: f(self, args, nargs) */
#define METHOD_FLAGS 16	   /* PyMethodDef: name, function, flags, doc */
#define MAX_NAMES 64

struct names {
	uint64_t at[MAX_NAMES]; /* where a string of that text begins, or a longer one goes on so */
	size_t n;
};

static void find_names(const struct elf_image *img, struct names *names)
{
	for (size_t i = 0; i < img->n_segments; i++) {
		const struct elf_segment *seg = &img->segments[i];
		const uint8_t *at = seg->bytes, *end = at + seg->size;

		while (names->n < MAX_NAMES && at < end &&
		       (at = memmem(at, end - at, NAME, sizeof(NAME)))) {
			names->at[names->n++] = seg->vaddr + (at - seg->bytes);
			at++;
		}
	}
}

static bool is_name(const struct names *names, uint64_t value)
{
	for (size_t i = 0; i < names->n; i++)
		if (names->at[i] == value)
			return true;
	return false;
}

/* Pointers to the name, and to code: a table of methods has them side by side. */
static bool is_wanted(const struct elf_image *img, uint64_t value, const void *arg)
{
	return is_name(arg, value) || elf_image__is_code(img, value);
}

static bool is_method(const struct elf_image *img, const struct names *names,
		      const struct elf_slot *slot)
{
	const uint8_t *flags = elf_image__bytes(img, slot->vaddr + METHOD_FLAGS, sizeof(uint32_t));
	uint32_t value;

	if (slot[1].vaddr != slot->vaddr + 8 || !is_name(names, slot->value) ||
	    !elf_image__is_code(img, slot[1].value) || !flags)
		return false;
	memcpy(&value, flags, sizeof(value));
	return value == METH_FASTCALL;
}

/* The function; 0 when there is none, or another one of that name. */
static uint64_t find_function(const struct elf_image *img, const struct names *names,
			      const struct elf_slot *slots, size_t n)
{
	uint64_t found = 0;

	for (size_t i = 0; i + 1 < n; i++) {
		if (!is_method(img, names, &slots[i]) || slots[i + 1].value == found)
			continue;
		if (found)
			return 0;
		found = slots[i + 1].value;
	}
	return found;
}

/* The first instruction, or the one behind a landing pad: that is one more the kernel may emulate. */
static int choose(const struct elf_image *img, uint64_t vaddr, struct mark_site *site)
{
	struct decoder *d = decoder__new(img->machine);
	struct insn first, second;
	int err = d && decoder__insn(d, img, vaddr, &first) ? 0 : -ENOENT;

	site->vaddr = vaddr;
	if (!err && first.landing_pad && decoder__insn(d, img, vaddr + first.len, &second) &&
	    second.emulated)
		site->vaddr = second.vaddr;
	site->args_reg = insn__arg_reg(img->machine, 1);
	site->nargs_reg = insn__arg_reg(img->machine, 2);
	if (!err && !elf_image__offset(img, site->vaddr, &site->offset))
		err = -ENOENT;
	decoder__free(d);
	return err;
}

int mark_site__find(int fd, struct mark_site *site)
{
	struct elf_image *img = elf_image__new(fd);
	struct elf_slot *slots = NULL;
	struct names names = {};
	uint64_t vaddr = 0;
	size_t n = 0;
	int err;

	memset(site, 0, sizeof(*site));
	if (!img)
		return -errno;
	find_names(img, &names);
	err = elf_image__slots(img, is_wanted, &names, &slots, &n);
	if (!err)
		vaddr = find_function(img, &names, slots, n);
	if (!err)
		err = vaddr ? choose(img, vaddr, site) : -ENOENT;
	free(slots);
	elf_image__free(img);
	return err;
}

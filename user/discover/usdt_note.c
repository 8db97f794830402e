// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>

#include "usdt_note.h"

#define NT_STAPSDT 3

/* Location, base and semaphore, then three strings: provider, name, arguments. */
#define ADDRS 3

/* The next NUL-terminated string of a note, or NULL. */
static const char *next_string(const char **p, const char *end)
{
	const char *s = *p, *nul = s < end ? memchr(s, '\0', (size_t)(end - s)) : NULL;

	if (nul)
		*p = nul + 1;
	return nul ? s : NULL;
}

bool usdt_note__parse(const struct elf_image *img, const struct elf_note *note, uint64_t base,
		      struct usdt_site *site)
{
	const char *p = (const char *)note->desc, *end = p + note->desc_len;
	const char *provider, *name, *args;
	uint64_t addr[ADDRS], moved;

	if (note->type != NT_STAPSDT || strcmp(note->owner, "stapsdt") != 0 ||
	    note->desc_len < sizeof(addr))
		return false;
	memcpy(addr, p, sizeof(addr));
	p += sizeof(addr);
	provider = next_string(&p, end);
	name = next_string(&p, end);
	args = next_string(&p, end);
	if (!provider || !name || !args)
		return false;
	/* The notes are not relocated when a prelinker moves the file; .stapsdt.base is. */
	moved = base ? base - addr[1] : 0;
	*site = (struct usdt_site){ .vaddr = addr[0] + moved };
	if (!elf_image__offset(img, site->vaddr, &site->offset))
		return false;
	if (addr[2])
		elf_image__offset(img, addr[2] + moved, &site->ref_ctr_offset);
	snprintf(site->name, sizeof(site->name), "%s:%s", provider, name);
	snprintf(site->args, sizeof(site->args), "%s", args);
	return true;
}

struct reading {
	const struct elf_image *img;
	struct usdt_site *sites;
	size_t n, max;
	uint64_t base;
};

static int read_one(const struct elf_note *note, void *arg)
{
	struct reading *r = arg;

	if (r->n < r->max && usdt_note__parse(r->img, note, r->base, &r->sites[r->n]))
		r->n++;
	return r->n == r->max;
}

size_t usdt_note__read(const struct elf_image *img, struct usdt_site *sites, size_t max)
{
	struct reading r = { .img = img, .sites = sites, .max = max };

	elf_image__section(img, ".stapsdt.base", &r.base);
	elf_image__each_note(img, ".note.stapsdt", read_one, &r);
	return r.n;
}

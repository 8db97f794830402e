// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "site_bench.h"

struct site_bench b;

void site_bench__begin(unsigned int minor)
{
	size_t i;

	memset(&b, 0, sizeof(b));
	b.e = malloc(sizeof(*b.e));
	fake_elf__init(b.e);
	fake_elf__put(b.e, AT(0), "\xc3", 1);
	fake_elf__put(b.e, HANDLER, "\xff\xe0", 2);
	for (i = 0; i < 256; i++)
		b.table.handlers[i] = HANDLER;
	b.s.py = cpython__of(minor);
	b.plan.layout = b.s.py->layout;
}

void site_bench__begin_arm64(unsigned int minor)
{
	site_bench__begin(minor);
	b.e->machine = EM_AARCH64;
	PUT_WORDS(AT(0), 0xd65f03c0);	/* ret */
	PUT_WORDS(HANDLER, 0xd61f0000); /* br x0 */
}

void site_bench__put(uint64_t at, const char *code, size_t size)
{
	fake_elf__put(b.e, at, code, size);
}

void site_bench__search(void)
{
	uint64_t roots[257] = { AT(0) };

	b.fd = fake_elf__open(b.e);
	b.img = elf_image__new(b.fd);
	b.d = decoder__new(b.e->machine);
	memcpy(roots + 1, b.table.handlers, sizeof(b.table.handlers));
	b.f = flow__new(b.img, b.d, roots, 257);
	assert_non_null(b.f);
	b.s = (struct site_search){ .img = b.img,
				    .decoder = b.d,
				    .py = b.s.py,
				    .table = &b.table,
				    .flow = b.f,
				    .eval = AT(0),
				    .frame_reg = RBX,
				    .next_reg = R15,
				    .plan = &b.plan };
}

void site_bench__end(void)
{
	flow__free(b.f);
	decoder__free(b.d);
	elf_image__free(b.img);
	close(b.fd);
	free(b.e);
}

const struct probe_site *site_bench__only_site(void)
{
	assert_int_equal(b.plan.n_sites, 1);
	return &b.plan.sites[0];
}

// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../user/discover/flow.h"
#include "fake_elf.h"

#define AT(n) (FAKE_CODE + (n))

struct code {
	struct fake_elf *e;
	struct elf_image *img;
	struct decoder *d;
	struct flow *f;
	int fd;
};

static void build(struct code *c, const uint8_t *bytes, size_t size, const uint64_t *roots,
		  size_t n_roots)
{
	fake_elf__put(c->e, FAKE_CODE, bytes, size);
	c->fd = fake_elf__open(c->e);
	c->img = elf_image__new(c->fd);
	c->d = decoder__new(EM_X86_64);
	c->f = flow__new(c->img, c->d, roots, n_roots);
	assert_non_null(c->f);
}

static void begin(struct code *c)
{
	c->e = malloc(sizeof(*c->e));
	fake_elf__init(c->e);
}

static void end(struct code *c)
{
	flow__free(c->f);
	decoder__free(c->d);
	elf_image__free(c->img);
	close(c->fd);
	free(c->e);
}

/* 0: test eax; 2: je 6; 4: mov ecx, eax; 6: ret */
static void test_branch(void **state)
{
	static const uint8_t bytes[] = { 0x85, 0xc0, 0x74, 0x02, 0x89, 0xc1, 0xc3 };
	const uint64_t root = AT(0);
	struct code c;
	size_t n;

	(void)state;
	begin(&c);
	build(&c, bytes, sizeof(bytes), &root, 1);
	assert_int_equal(flow__insns(c.f, &n)[0].vaddr, AT(0));
	assert_int_equal(n, 4);
	assert_int_equal(flow__joins(c.f, AT(6), AT(6)), 1);
	assert_int_equal(flow__joins(c.f, AT(0), AT(5)), 0);
	assert_null(flow__at(c.f, AT(1)));
	assert_int_equal(flow__next(c.f, flow__at(c.f, AT(2)))->vaddr, AT(4));
	assert_null(flow__next(c.f, flow__at(c.f, AT(6))));
	end(&c);
}

/* 0: je 4; 2: nop; 3: nop; 4: ret. Both ways lead to the ret, one past the nops. */
static void test_reaches(void **state)
{
	static const uint8_t bytes[] = { 0x74, 0x02, 0x90, 0x90, 0xc3 };
	const uint64_t root = AT(0), nop = AT(2), both[] = { AT(2), AT(0) };
	struct code c;

	(void)state;
	begin(&c);
	build(&c, bytes, sizeof(bytes), &root, 1);
	assert_true(flow__reaches(c.f, AT(0), AT(4), &nop, 1));
	assert_false(flow__reaches(c.f, AT(2), AT(4), &nop, 1));
	assert_false(flow__reaches(c.f, AT(0), AT(4), both, 2));
	assert_false(flow__reaches(c.f, AT(4), AT(0), NULL, 0));
	end(&c);
}

/* 0: jmp *rax; 2: mov ebx, eax (handler); 4: ret. An indirect jump leads to every root but the
 * first. */
static void test_indirect(void **state)
{
	static const uint8_t bytes[] = { 0xff, 0xe0, 0x89, 0xc3, 0xc3 };
	const uint64_t roots[] = { AT(0), AT(2) };
	struct code c;

	(void)state;
	begin(&c);
	build(&c, bytes, sizeof(bytes), roots, 2);
	assert_true(flow__reaches(c.f, AT(0), AT(4), NULL, 0));
	assert_false(flow__reaches(c.f, AT(2), AT(0), NULL, 0));
	end(&c);
}

/* 0: jmp 8; 2: nop padding; 5: mov ebx, eax; 7: ret; 8: jmp *rax. Nobody jumps to 5: a case of a
 * switch. The padding is no code. */
static void test_gap(void **state)
{
	static const uint8_t bytes[] = {
		0xeb, 0x06, 0x0f, 0x1f, 0x00, 0x89, 0xc3, 0xc3, 0xff, 0xe0
	};
	const uint64_t root = AT(0);
	struct code c;

	(void)state;
	begin(&c);
	build(&c, bytes, sizeof(bytes), &root, 1);
	assert_null(flow__at(c.f, AT(2)));
	assert_non_null(flow__at(c.f, AT(5)));
	assert_true(flow__reaches(c.f, AT(0), AT(7), NULL, 0));
	end(&c);
}

/* 0: and $1,%ecx; 3: jmp *TABLE(,%rcx,8); 10: nop; 11: ret. The table has 10 and 11: both are cases,
 * though one falls into the other. */
static void test_switch(void **state)
{
	static const uint8_t bytes[] = {
		0x83, 0xe1, 1, 0xff, 0x24, 0xcd, 0, 0x80, 0, 0, 0x90, 0xc3
	};
	const uint64_t root = AT(0), nop = AT(10);
	struct code c;

	(void)state;
	begin(&c);
	fake_elf__put_u64(c.e, FAKE_DATA, AT(10));
	fake_elf__put_u64(c.e, FAKE_DATA + 8, AT(11));
	build(&c, bytes, sizeof(bytes), &root, 1);
	assert_true(flow__is_root(c.f, AT(10)));
	assert_true(flow__is_root(c.f, AT(11)));
	assert_true(flow__reaches(c.f, AT(0), AT(11), &nop, 1));
	end(&c);
	begin(&c);
	fake_elf__put_u64(c.e, FAKE_DATA, AT(10));
	fake_elf__put_u64(c.e, FAKE_DATA + 8, FAKE_DATA);
	build(&c, bytes, sizeof(bytes), &root, 1);
	assert_false(flow__is_root(c.f, AT(11)));
	end(&c);
}

/* 0: je 4; 2: nop; 3: nop; 4: ret. What leads to the ret, and to nothing but itself. */
static void test_predecessors(void **state)
{
	static const uint8_t bytes[] = { 0x74, 0x02, 0x90, 0x90, 0xc3 };
	const uint64_t root = AT(0);
	const struct insn *from[2];
	struct code c;

	(void)state;
	begin(&c);
	build(&c, bytes, sizeof(bytes), &root, 1);
	assert_int_equal(flow__predecessors(c.f, flow__at(c.f, AT(4)), from, 2), 2);
	assert_int_equal(from[0]->vaddr, AT(3));
	assert_int_equal(from[1]->vaddr, AT(0));
	assert_int_equal(flow__predecessors(c.f, flow__at(c.f, AT(4)), from, 1), 2);
	assert_int_equal(flow__predecessors(c.f, flow__at(c.f, AT(0)), from, 2), 0);
	assert_ptr_equal(flow__before(c.f, flow__at(c.f, AT(3))), flow__at(c.f, AT(2)));
	assert_null(flow__before(c.f, flow__at(c.f, AT(0))));
	assert_true(flow__is_root(c.f, AT(0)));
	assert_false(flow__is_root(c.f, AT(4)));
	end(&c);
}

/* 0: call 16 (abort); 5: ret, which is other code */
static void test_no_return(void **state)
{
	static const uint8_t bytes[] = { 0xe8, 0x0b, 0, 0, 0, 0xc3 };
	const uint64_t root = AT(0);
	struct code c;
	size_t n;

	(void)state;
	begin(&c);
	fake_elf__symbol(c.e, "abort", AT(16));
	build(&c, bytes, sizeof(bytes), &root, 1);
	flow__insns(c.f, &n);
	assert_int_equal(n, 1);
	end(&c);
}

static void test_no_code(void **state)
{
	const uint64_t root = FAKE_DATA;
	struct code c;

	(void)state;
	begin(&c);
	c.fd = fake_elf__open(c.e);
	c.img = elf_image__new(c.fd);
	c.d = decoder__new(EM_X86_64);
	c.f = flow__new(c.img, c.d, &root, 1);
	assert_null(c.f);
	end(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_branch),	     cmocka_unit_test(test_reaches),
		cmocka_unit_test(test_indirect),     cmocka_unit_test(test_gap),
		cmocka_unit_test(test_predecessors), cmocka_unit_test(test_no_return),
		cmocka_unit_test(test_no_code),	     cmocka_unit_test(test_switch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

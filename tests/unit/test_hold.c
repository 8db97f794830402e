// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <unistd.h>

#include "../../user/discover/hold.h"
#include "fake_elf.h"

#define AT(n) (FAKE_CODE + (n))
#define RDX 1
#define RBX 3
#define RSI 4
#define BIT(r) (1u << (r))

struct code {
	struct fake_elf *e;
	struct elf_image *img;
	struct decoder *d;
	struct flow *f;
	uint16_t machine; /* 0: x86_64 */
	int fd;
};

static void begin(struct code *c, const char *bytes, size_t size, uint64_t handler)
{
	const uint64_t roots[] = { AT(0), handler };

	c->e = malloc(sizeof(*c->e));
	fake_elf__init(c->e);
	c->e->machine = c->machine ? c->machine : EM_X86_64;
	fake_elf__put(c->e, FAKE_CODE, bytes, size);
	c->fd = fake_elf__open(c->e);
	c->img = elf_image__new(c->fd);
	c->d = decoder__new(c->e->machine);
	c->f = flow__new(c->img, c->d, roots, handler ? 2 : 1);
	assert_non_null(c->f);
}

#define BEGIN(c, code, handler) begin(c, code, sizeof(code) - 1, handler)

static void end(struct code *c)
{
	flow__free(c->f);
	decoder__free(c->d);
	elf_image__free(c->img);
	close(c->fd);
	free(c->e);
}

static uint32_t regs_at(const struct code *c, const struct hold *h, unsigned int at)
{
	assert_non_null(flow__at(c->f, AT(at)));
	return hold__regs(h, flow__at(c->f, AT(at)));
}

/* 0: push rbp; 1: mov rbx, rsi; 4: mov [rsp+8], rbx; 9: call 0x20; e: xor ebx, ebx;
 * 10: mov rbx, [rsp+8]; 15: ret */
static void test_spill(void **state)
{
	struct hold *h;
	struct code c = { 0 };

	(void)state;
	BEGIN(&c,
	      "\x55\x48\x89\xf3\x48\x89\x5c\x24\x08\xe8\x12\0\0\0\x31\xdb\x48\x8b\x5c\x24\x08\xc3",
	      0);
	h = hold__new(c.f, NULL, RSI, 8);
	assert_int_equal(regs_at(&c, h, 0), BIT(RSI));
	assert_int_equal(regs_at(&c, h, 4), BIT(RSI) | BIT(RBX));
	assert_int_equal(regs_at(&c, h, 0xe), BIT(RBX)); /* the call takes rsi */
	assert_int_equal(regs_at(&c, h, 0x10), 0);
	assert_int_equal(regs_at(&c, h, 0x15), BIT(RBX));
	hold__free(h);
	end(&c);
}

/* 0: mov [rsp+8], rsi; 5: mov dword [rsp+c], eax; 9: mov rbx, [rsp+8]; e: ret. The word was
 * written to in part. */
static void test_overwritten(void **state)
{
	struct hold *h;
	struct code c = { 0 };

	(void)state;
	BEGIN(&c, "\x48\x89\x74\x24\x08\x89\x44\x24\x0c\x48\x8b\x5c\x24\x08\xc3", 0);
	h = hold__new(c.f, NULL, RSI, 8);
	assert_int_equal(regs_at(&c, h, 0xe), BIT(RSI));
	hold__free(h);
	end(&c);
}

/* 0: mov rbx, rsi; 3: push rsi; 4: push rax; 5: mov rsi, [rsp+8]; a: xor ebx, ebx; c: pop rax;
 * d: pop rbx; e: ret */
static void test_pushes(void **state)
{
	struct hold *h;
	struct code c = { 0 };

	(void)state;
	BEGIN(&c, "\x48\x89\xf3\x56\x50\x48\x8b\x74\x24\x08\x31\xdb\x58\x5b\xc3", 0);
	h = hold__new(c.f, NULL, RSI, 8);
	assert_int_equal(regs_at(&c, h, 0xd), BIT(RSI));
	assert_int_equal(regs_at(&c, h, 0xe), BIT(RSI) | BIT(RBX));
	hold__free(h);
	end(&c);
}

/* 0: mov rbx, rsi; 3: je 7; 5: mov ebx, eax; 7: ret. On one of the ways rbx is lost. */
static void test_ways_meet(void **state)
{
	struct hold *h;
	struct code c = { 0 };

	(void)state;
	BEGIN(&c, "\x48\x89\xf3\x74\x02\x89\xc3\xc3", 0);
	h = hold__new(c.f, NULL, RSI, 8);
	assert_int_equal(regs_at(&c, h, 5), BIT(RSI) | BIT(RBX));
	assert_int_equal(regs_at(&c, h, 7), BIT(RSI));
	hold__free(h);
	end(&c);
}

/* 0: mov rbx, rsi; 3: jmp *rax; 5 (handler): je a; 7: mov rsi, [rax]; a: jmp *rax. The handler may
 * come after itself. */
static void test_handlers(void **state)
{
	struct hold *h;
	struct code c = { 0 };

	(void)state;
	BEGIN(&c, "\x48\x89\xf3\xff\xe0\x74\x03\x48\x8b\x30\xff\xe0", AT(5));
	h = hold__new(c.f, NULL, RSI, 8);
	assert_int_equal(regs_at(&c, h, 3), BIT(RSI) | BIT(RBX));
	assert_int_equal(regs_at(&c, h, 5), BIT(RBX));
	hold__free(h);
	end(&c);
}

/* 0: mov [rsp+10], edx; 4: call 0x20; 9: cmp dword [rsp+10], 0; e: mov eax, [rsp+10]; 12: test
 * eax, eax; 14: test ecx, ecx; 16: ret */
static void test_int(void **state)
{
	struct hold *h;
	struct code c = { 0 };

	(void)state;
	BEGIN(&c,
	      "\x89\x54\x24\x10\xe8\x17\0\0\0\x83\x7c\x24\x10\0\x8b\x44\x24\x10\x85\xc0\x85\xc9\xc3",
	      0);
	h = hold__new(c.f, NULL, RDX, 4);
	assert_true(hold__is_test(h, flow__at(c.f, AT(9))));
	assert_true(hold__is_test(h, flow__at(c.f, AT(0x12))));
	assert_false(hold__is_test(h, flow__at(c.f, AT(0x14))));
	hold__free(h);
	end(&c);
}

/* 0: push rbp; 1: mov rbp, rsp; 4: mov [rbp-4], edx; 7: xor edx, edx; 9: mov eax, [rbp-4];
 * c: pop rbp; d: mov ecx, [rbp-4]; 10: ret. Words of the stack are found by rbp while it points
 * there. */
static void test_frame_pointer(void **state)
{
	struct hold *h;
	struct code c = { 0 };

	(void)state;
	BEGIN(&c, "\x55\x48\x89\xe5\x89\x55\xfc\x31\xd2\x8b\x45\xfc\x5d\x8b\x4d\xfc\xc3", 0);
	h = hold__new(c.f, NULL, RDX, 4);
	assert_int_equal(regs_at(&c, h, 9), 0);
	assert_int_equal(regs_at(&c, h, 0xc), BIT(0));
	assert_int_equal(regs_at(&c, h, 0x10), BIT(0));
	hold__free(h);
	end(&c);
}

/* 0: je 5; 2: mov rbx, [rax]; 5: ret. What instruction 2 loads is in rbx only on that way. */
static void test_definition(void **state)
{
	struct hold *h;
	struct code c = { 0 };

	(void)state;
	BEGIN(&c, "\x74\x04\x48\x8b\x18\x90\xc3", 0);
	h = hold__new(c.f, flow__at(c.f, AT(2)), RBX, 8);
	assert_int_equal(regs_at(&c, h, 2), 0);
	assert_int_equal(regs_at(&c, h, 5), BIT(RBX));
	assert_int_equal(regs_at(&c, h, 6), 0);
	hold__free(h);
	hold__free(NULL);
	end(&c);
}

/* 0: stp x29, x30, [sp, #-48]!; 4: mov x29, sp; 8: stp x1, x0, [x29, #16]; c: bl 0x10c;
 * 10: ldp x4, x5, [x29, #16]; 14: strb w4, [sp, #23]; 18: ldp x6, x7, [sp, #16]; 1c: ret */
static void test_arm64_pairs(void **state)
{
	static const uint32_t words[] = { 0xa9bd7bfd, 0x910003fd, 0xa90103a1, 0x94000040,
					  0xa94117a4, 0x39005fe4, 0xa9411fe6, 0xd65f03c0 };
	struct code c = { .machine = EM_AARCH64 };
	struct hold *first, *second;

	(void)state;
	begin(&c, (const char *)words, sizeof(words), 0);
	first = hold__new(c.f, NULL, 1, 8);
	second = hold__new(c.f, NULL, 0, 8);
	assert_int_equal(regs_at(&c, first, 0x10), 0); /* the call takes x1 */
	assert_int_equal(regs_at(&c, first, 0x14), BIT(4));
	assert_int_equal(regs_at(&c, second, 0x14), BIT(5));
	assert_int_equal(regs_at(&c, first, 0x1c), BIT(4)); /* its word was written to in part */
	assert_int_equal(regs_at(&c, second, 0x1c), BIT(5) | BIT(7));
	hold__free(first);
	hold__free(second);
	end(&c);
}

/* 0: str w2, [sp, #0x6c]; 4: bl 0x104; 8: ldr w0, [sp, #0x6c]; c: cbnz w0, 0x14; 10: cbnz w2, 0x18;
 * 14: cmp w0, #0; 18: ret */
static void test_arm64_int(void **state)
{
	static const uint32_t words[] = { 0xb9006fe2, 0x94000040, 0xb9406fe0, 0x35000040,
					  0x35000042, 0x7100001f, 0xd65f03c0 };
	struct code c = { .machine = EM_AARCH64 };
	struct hold *h;

	(void)state;
	begin(&c, (const char *)words, sizeof(words), 0);
	h = hold__new(c.f, NULL, 2, 4);
	assert_true(hold__is_test(h, flow__at(c.f, AT(0xc))));
	assert_false(hold__is_test(h, flow__at(c.f, AT(0x10))));
	assert_true(hold__is_test(h, flow__at(c.f, AT(0x14))));
	hold__free(h);
	end(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spill),	      cmocka_unit_test(test_overwritten),
		cmocka_unit_test(test_pushes),	      cmocka_unit_test(test_ways_meet),
		cmocka_unit_test(test_handlers),      cmocka_unit_test(test_int),
		cmocka_unit_test(test_frame_pointer), cmocka_unit_test(test_definition),
		cmocka_unit_test(test_arm64_pairs),   cmocka_unit_test(test_arm64_int),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-only
/* The rules on code made for them; tests/unit/test_probe_plan.c tries them on real interpreters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../user/discover/sites.h"
#include "fake_elf.h"

#define AT(n) (FAKE_CODE + (n))
#define HANDLER AT(0x100)
#define RBX 3
#define RSI 4
#define RDI 5
#define RBP 6
#define R12 12
#define R15 15

struct bench {
	struct fake_elf *e;
	struct elf_image *img;
	struct decoder *d;
	struct flow *f;
	struct dispatch_table table;
	struct probe_plan plan;
	struct site_search s;
	int fd;
};

static struct bench b;

static void begin(unsigned int minor)
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

static void put(uint64_t at, const char *code, size_t size)
{
	fake_elf__put(b.e, at, code, size);
}

#define PUT(at, code) put(at, code, sizeof(code) - 1)

static void search(void)
{
	uint64_t roots[257] = { AT(0) };

	b.fd = fake_elf__open(b.e);
	b.img = elf_image__new(b.fd);
	b.d = decoder__new(EM_X86_64);
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

static void end(void)
{
	flow__free(b.f);
	decoder__free(b.d);
	elf_image__free(b.img);
	close(b.fd);
	free(b.e);
}

static const struct probe_site *only_site(void)
{
	assert_int_equal(b.plan.n_sites, 1);
	return &b.plan.sites[0];
}

static const struct cpython_opcode resume = { "RESUME", 149, VTBPF_SITE_ENTRY };

/* mov %r15,0x38(%rbx); add $2,%r15; jne; jmp *%rax */
static void test_branch_of_handler(void **state)
{
	(void)state;
	begin(13);
	PUT(HANDLER, "\x4c\x89\x7b\x38\x49\x83\xc7\x02\x75\x02\xff\xe0\xc3");
	search();
	assert_int_equal(sites__add_handler(&b.s, &resume), 0);
	assert_int_equal(only_site()->offset, HANDLER + 8);
	assert_int_equal(only_site()->entry_offset, HANDLER);
	assert_int_equal(only_site()->cost, COST_EMULATED);
	assert_int_equal(only_site()->site.frame_reg, RBX);
	assert_int_equal(only_site()->site.instr_reg, R15);
	assert_int_equal(only_site()->site.flags, VTBPF_SITE_INSTR_ADVANCED);
	assert_string_equal(only_site()->name, "RESUME");
	end();
}

/* endbr64; push: the byte after the landing pad */
static void test_landing_pad(void **state)
{
	(void)state;
	begin(13);
	PUT(HANDLER, "\xf3\x0f\x1e\xfa\x55\xc3");
	search();
	assert_int_equal(sites__add_handler(&b.s, &resume), 0);
	assert_int_equal(only_site()->offset, HANDLER + 4);
	assert_int_equal(only_site()->site.instr_reg, R15);
	assert_int_equal(only_site()->site.flags, 0);
	end();
}

/* Other code jumps to behind the first instruction: a branch further on would see it twice. */
static void test_joined_handler(void **state)
{
	(void)state;
	begin(13);
	PUT(AT(0), "\xe9\xff\x00\x00\x00"); /* jmp HANDLER + 4 */
	PUT(HANDLER, "\x4c\x89\x7b\x38\x49\x83\xc7\x02\x75\x02\xff\xe0\xc3");
	search();
	assert_int_equal(sites__add_handler(&b.s, &resume), 0);
	assert_int_equal(only_site()->offset, HANDLER);
	assert_int_equal(only_site()->cost, COST_SINGLE_STEP);
	end();
}

/* RESUME_CHECK, at 0x200 (mov %r15,0x38(%rbx); jne), gives up by going on in RESUME: its entry is
 * seen twice, with the same frame and next_instr. */
static void test_joined_by_resume_check(void **state)
{
	(void)state;
	begin(13);
	b.table.handlers[149] = HANDLER;
	b.table.handlers[207] = AT(0x200);
	PUT(HANDLER, "\x4c\x89\x7b\x38\x75\x02\xff\xe0\xc3");
	PUT(AT(0x200), "\x4c\x89\x7b\x38\x0f\x85\xfa\xfe\xff\xff\xff\xe0"); /* jne HANDLER + 4 */
	search();
	assert_int_equal(sites__add_handler(&b.s, &resume), 0);
	assert_int_equal(only_site()->offset, HANDLER + 4);
	assert_int_equal(only_site()->site.instr_reg, R15);
	end();
}

/* The two have moved next_instr by different lengths: behind the label it is not known. */
static void test_joined_in_disagreement(void **state)
{
	(void)state;
	begin(13);
	b.table.handlers[149] = HANDLER;
	b.table.handlers[207] = AT(0x200);
	PUT(HANDLER, "\x4c\x89\x7b\x38\x75\x02\xff\xe0\xc3");
	PUT(AT(0x200), "\x49\x83\xc7\x02\x0f\x85\xfa\xfe\xff\xff\xff\xe0");
	search();
	assert_int_equal(sites__add_handler(&b.s, &resume), 0);
	assert_int_equal(only_site()->offset, HANDLER);
	end();
}

/* mov %rbx,%rax; mov 8(%rbx),%rbx; jmp: the frame is left, but a copy is there */
static void test_frame_in_copy(void **state)
{
	(void)state;
	begin(13);
	PUT(HANDLER, "\x48\x89\xd8\x48\x8b\x5b\x08\xeb\x00\xc3");
	search();
	assert_int_equal(sites__add_handler(&b.s, &resume), 0);
	assert_int_equal(only_site()->offset, HANDLER + 7);
	assert_int_equal(only_site()->site.frame_reg, 0);
	end();
}

/* mov 8(%rbx),%rbx; jmp: no register holds the frame */
static void test_frame_lost(void **state)
{
	const struct cpython_opcode yield = { "YIELD_VALUE", 118, VTBPF_SITE_YIELD };

	(void)state;
	begin(13);
	PUT(HANDLER, "\x48\x8b\x5b\x08\xeb\x00\xc3");
	search();
	assert_int_equal(sites__add_handler(&b.s, &yield), 0);
	assert_int_equal(only_site()->offset, HANDLER);
	assert_int_equal(only_site()->site.instr_reg, VTBPF_NO_REG);
	end();
}

/* mov 8(%rbx),%rbx; movq $0,8(%rbp); jmp: the frame that yielded is the one that loses its
 * caller. */
static void test_yield_frame_named(void **state)
{
	const struct cpython_opcode yield = { "YIELD_VALUE", 150, VTBPF_SITE_YIELD };

	(void)state;
	begin(12);
	PUT(HANDLER, "\x48\x8b\x5b\x08\x48\xc7\x45\x08\0\0\0\0\xeb\x00\xc3");
	search();
	assert_int_equal(sites__add_handler(&b.s, &yield), 0);
	assert_int_equal(only_site()->offset, HANDLER + 12);
	assert_int_equal(only_site()->site.frame_reg, RBP);
	end();
}

/* Its register is written to before the jmp; the jmp is before the store; another field is set to
 * 0; the handler is not YIELD_VALUE's. */
static void test_yield_frame_not_named(void **state)
{
	const struct cpython_opcode yield = { "YIELD_VALUE", 150, VTBPF_SITE_YIELD };
	static const char *const codes[] = {
		"\x48\x8b\x5b\x08\x48\xc7\x45\x08\0\0\0\0\x89\xc5\xeb\x00\xc3\xc3",
		"\x48\x8b\x5b\x08\xeb\x00\x48\xc7\x45\x08\0\0\0\0\xff\xe0\xc3\xc3",
		"\x48\x8b\x5b\x08\x48\xc7\x45\x10\0\0\0\0\xeb\x00\xc3\xc3\xc3\xc3",
		"\x48\x8b\x5b\x08\x48\xc7\x45\x08\0\0\0\0\xeb\x00\xc3\xc3\xc3\xc3",
	};
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++) {
		begin(12);
		put(HANDLER, codes[i], 18);
		search();
		assert_int_equal(sites__add_handler(&b.s, i < 3 ? &yield : &resume), 0);
		assert_int_equal(only_site()->offset, HANDLER);
		assert_int_equal(only_site()->site.frame_reg, RBX);
		end();
	}
}

/* add $4,%r15; jne: next_instr is behind an inline cache. add $8: how far it may have moved must be
 * known at an entry. */
static void test_next_instr_lost(void **state)
{
	const struct cpython_opcode yield = { "YIELD_VALUE", 118, VTBPF_SITE_YIELD };

	(void)state;
	begin(13);
	PUT(HANDLER, "\x49\x83\xc7\x04\x75\x02\xff\xe0\xc3");
	search();
	assert_int_equal(sites__add_handler(&b.s, &resume), 0);
	assert_int_equal(only_site()->offset, HANDLER + 4);
	assert_int_equal(only_site()->site.instr_reg, R15);
	assert_int_equal(only_site()->site.flags, 2);
	end();
	begin(13);
	PUT(HANDLER, "\x49\x83\xc7\x08\x75\x02\xff\xe0\xc3");
	search();
	assert_int_equal(sites__add_handler(&b.s, &resume), 0);
	assert_int_equal(only_site()->offset, HANDLER);
	assert_int_equal(only_site()->site.instr_reg, R15);
	b.plan.n_sites = 0;
	assert_int_equal(sites__add_handler(&b.s, &yield), 0);
	assert_int_equal(only_site()->offset, HANDLER + 4);
	end();
}

/* An indirect call may run other Python code: nothing behind it stands for the handler. */
static void test_call_in_between(void **state)
{
	(void)state;
	begin(13);
	PUT(HANDLER, "\xff\xd0\x75\x00\xc3");
	search();
	assert_int_equal(sites__add_handler(&b.s, &resume), 0);
	assert_int_equal(only_site()->offset, HANDLER);
	end();
}

static void test_same_address_once(void **state)
{
	(void)state;
	begin(13);
	search();
	assert_int_equal(sites__add_handler(&b.s, &resume), 0);
	assert_int_equal(sites__add_handler(&b.s, &resume), 0);
	assert_int_equal(b.plan.n_sites, 1);
	end();
}

static void test_registers(void **state)
{
	size_t i;

	(void)state;
	begin(13);
	for (i = 0; i < 20; i++) { /* mov %r12,0x38(%rbp); jmp *%rax */
		b.table.handlers[i] = AT(0x200 + 16 * i);
		PUT(b.table.handlers[i], "\x4c\x89\x65\x38\xff\xe0");
	}
	search();
	b.s.frame_reg = b.s.next_reg = INSN_NO_REG;
	assert_int_equal(sites__find_registers(&b.s), 0);
	assert_int_equal(b.s.frame_reg, RBP);
	assert_int_equal(b.s.next_reg, R12);
	end();
	begin(13);
	search();
	assert_int_equal(sites__find_registers(&b.s), -ENOENT);
	end();
}

/* ---- 3.12 on --------------------------------------------------------------------------------- */

/* RETURN_VALUE calls a function that asks cmpb $0,0x46(%rsi); jne */
static void test_owner_called(void **state)
{
	(void)state;
	begin(12);
	b.table.handlers[83] = AT(0x200);
	PUT(AT(0x200), "\xe8\xfb\x00\x00\x00\xff\xe0"); /* call 0x300 */
	PUT(AT(0x300), "\x55\x80\x7e\x46\x00\x75\x01\xc3\xc3");
	search();
	assert_int_equal(sites__owner_exits(&b.s), 0);
	assert_int_equal(only_site()->offset, AT(0x300)); /* the push */
	assert_int_equal(only_site()->entry_offset, AT(0x300));
	assert_int_equal(only_site()->site.frame_reg, RSI);
	assert_int_equal(only_site()->site.kind, VTBPF_SITE_EXIT);
	end();
}

static void test_owner_inlined(void **state)
{
	(void)state;
	begin(12);
	b.table.handlers[83] = AT(0x200);
	PUT(AT(0x200),
	    "\x80\x7b\x46\x00\x89\xc8\x75\x00\xff\xe0"); /* a mov between compare and branch */
	search();
	assert_int_equal(sites__owner_exits(&b.s), 0);
	assert_int_equal(only_site()->offset, AT(0x206));
	assert_int_equal(only_site()->site.frame_reg, RBX);
	end();
}

/* The frame's register is overwritten before the branch; another byte is compared; another
 * value. */
static void test_owner_not_found(void **state)
{
	static const char *const codes[] = { "\x80\x7b\x46\x00\x89\xcb\x75\x00\xff\xe0",
					     "\x80\x7b\x47\x00\x89\xc8\x75\x00\xff\xe0",
					     "\x80\x7b\x46\x01\x89\xc8\x75\x00\xff\xe0" };
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		begin(12);
		b.table.handlers[83] = AT(0x200);
		put(AT(0x200), codes[i], 10);
		search();
		assert_int_equal(sites__owner_exits(&b.s), -ENOENT);
		end();
	}
}

/* ---- throw() --------------------------------------------------------------------------------- */

/* mov %rsi,%rbx; test %edx,%edx; jne 0x40; jmp *%rax. 0x40: dec %ecx; js */
static void test_throw_block(void **state)
{
	(void)state;
	begin(12);
	PUT(AT(0), "\x48\x89\xf3\x85\xd2\x75\x39\xff\xe0");
	PUT(AT(0x3f), "\xc3\xff\xc9\x78\x00\xff\xe0");
	search();
	assert_int_equal(sites__throw(&b.s), 0);
	assert_int_equal(only_site()->offset, AT(0x42));
	assert_int_equal(only_site()->site.kind, VTBPF_SITE_THROW);
	assert_int_equal(only_site()->site.frame_reg, RBX);
	end();
}

/* throwflag is asked for twice: where the recursion limit was checked (0x20: call; reload; test;
 * je 0x7; jmp 0x40) the flag comes from the stack. The site is on both lines. */
static void test_throw_block_of_two(void **state)
{
	(void)state;
	begin(12);
	PUT(AT(0),
	    "\x48\x89\xf3\x55\x78\x1a\x85\xd2\x75\x36\xff\xe0\xc3"); /* mov; push; js 0x20; test; jne */
	PUT(AT(0x1f),
	    "\xc3\x89\x54\x24\x08\xe8\x57\x00\x00\x00\x8b\x54\x24\x08\x85\xd2\x74\xd9\xeb\x0d");
	PUT(AT(0x3f), "\xc3\xff\xc9\x78\x00\xff\xe0");
	PUT(AT(0x80), "\xc3");
	search();
	assert_int_equal(sites__throw(&b.s), 0);
	assert_int_equal(only_site()->offset, AT(0x42));
	assert_int_equal(only_site()->site.frame_reg, RBX);
	end();
}

/* The same, but a handler jumps into the block: PyTraceBack_Here, which is called, takes its
 * place. */
static void test_throw_block_joined(void **state)
{
	(void)state;
	begin(12);
	fake_elf__symbol(b.e, "PyTraceBack_Here", AT(0x300));
	PUT(AT(0), "\x48\x89\xf3\x85\xd2\x75\x39\xff\xe0");
	PUT(AT(0x40), "\xff\xc9\x78\x00\xff\xe0");
	b.table.handlers[5] = AT(0x200);
	PUT(AT(0x200), "\xe8\xfb\x00\x00\x00\xe9\x36\xfe\xff\xff"); /* call 0x300; jmp 0x40 */
	PUT(AT(0x300), "\xf3\x0f\x1e\xfa\x55\xc3");
	search();
	assert_int_equal(sites__throw(&b.s), 0);
	assert_int_equal(only_site()->site.kind, VTBPF_SITE_TRACEBACK);
	assert_int_equal(only_site()->offset, AT(0x304));
	assert_int_equal(only_site()->site.frame_reg, RDI);
	end();
}

/* Neither a block nor a call: said in a note. */
static void test_throw_unseen(void **state)
{
	(void)state;
	begin(12);
	search();
	assert_int_equal(sites__throw(&b.s), 0);
	assert_int_equal(b.plan.n_sites, 0);
	assert_int_equal(b.plan.n_notes, 1);
	end();
}

/* ---- 3.8-3.10 -------------------------------------------------------------------------------- */

/* mov %rsi,%rbx; mov %rdi,%rbp; je 0x30 (too deep); mov %rbx,0x18(%rbp); je 0x20; [0x20:]
 * mov 0x18(%rbx),%rax; mov %rax,0x18(%rbp); call; 0x30: pop; ret */
static void put_frame_function(void)
{
	PUT(AT(0), "\x48\x89\xf3\x48\x89\xfd\x74\x28\x48\x89\x5d\x18\x74\x12\xeb\x10");
	PUT(AT(0x20), "\x48\x8b\x43\x18\x48\x89\x45\x18\xe8\xd3\x00\x00\x00\x90\x90\x90");
	PUT(AT(0x30), "\x5d\xc3");
}

static void test_frame_function(void **state)
{
	(void)state;
	begin(10);
	put_frame_function();
	search();
	assert_int_equal(sites__frame_function(&b.s), 0);
	assert_int_equal(b.plan.n_sites, 2);
	assert_int_equal(b.plan.sites[0].offset, AT(0x0c));
	assert_int_equal(b.plan.sites[0].site.kind, VTBPF_SITE_ENTRY);
	assert_int_equal(b.plan.sites[0].site.frame_reg, RBX);
	assert_int_equal(b.plan.sites[1].offset, AT(0x28));
	assert_int_equal(b.plan.sites[1].site.kind, VTBPF_SITE_EXIT);
	assert_int_equal(b.plan.sites[1].site.frame_reg, RBX);
	assert_int_equal(b.plan.n_notes, 0);
	end();
}

/* A handler returns without the store: where calls end is not known. */
static void test_frame_function_incomplete(void **state)
{
	(void)state;
	begin(10);
	put_frame_function();
	PUT(AT(0x0e), "\xff\xe0"); /* jmp *%rax instead of jmp 0x20 */
	b.table.handlers[83] = AT(0x200);
	PUT(AT(0x200), "\xe9\x2b\xfe\xff\xff"); /* jmp 0x30 */
	search();
	assert_int_equal(sites__frame_function(&b.s), -ENOENT);
	end();
}

/* The caller's frame is loaded into the frame's own register: 0x20: jle 0x26; xor %esi,%esi;
 * nop; 0x26: mov 0x18(%rbx),%rbx; mov %rbx,0x18(%rbp); je 0x30; 0x30: pop; ret */
static void put_frame_replaced(const char *branch)
{
	put_frame_function();
	put(AT(0x20), branch, 2);
	PUT(AT(0x22), "\x31\xf6\x66\x90\x48\x8b\x5b\x18\x48\x89\x5d\x18\x74\x00");
}

/* The last branch before the load, then, has the frame. */
static void test_frame_replaced(void **state)
{
	(void)state;
	begin(10);
	put_frame_replaced("\x7e\x04");
	search();
	assert_int_equal(sites__frame_function(&b.s), 0);
	assert_int_equal(b.plan.n_sites, 2);
	assert_int_equal(b.plan.sites[1].offset, AT(0x20));
	assert_int_equal(b.plan.sites[1].site.frame_reg, RBX);
	end();
}

/* That branch may also lead back to the handlers: only the load itself is sure. */
static void test_frame_replaced_unsure(void **state)
{
	(void)state;
	begin(10);
	PUT(AT(0x40), "\xff\xe0");
	put_frame_replaced("\x7e\x1e");
	search();
	assert_int_equal(sites__frame_function(&b.s), 0);
	assert_int_equal(b.plan.n_sites, 2);
	assert_int_equal(b.plan.sites[1].offset, AT(0x26));
	assert_int_equal(b.plan.sites[1].cost, COST_SINGLE_STEP);
	end();
}

/* The frame is begun on a second way, too: 0x30: mov %rbx,0x18(%rbp); jne 0x20 */
static void test_frame_begun_twice(void **state)
{
	(void)state;
	begin(10);
	put_frame_function();
	PUT(AT(0x30), "\x48\x89\x5d\x18\x75\xea\x5d\xc3");
	search();
	assert_int_equal(sites__frame_function(&b.s), -ENOENT); /* not taken, it returns */
	end();
	begin(10);
	put_frame_function();
	PUT(AT(0x2d), "\xeb\x31");
	PUT(AT(0x60), "\x5d\xc3");
	PUT(AT(0x30), "\x48\x89\x5d\x18\x75\xea\xeb\xe8");
	search();
	assert_int_equal(sites__frame_function(&b.s), 0);
	assert_int_equal(b.plan.n_sites, 3);
	assert_int_equal(b.plan.sites[0].offset, AT(0x0c));
	assert_int_equal(b.plan.sites[1].offset, AT(0x34));
	assert_int_equal(b.plan.sites[1].site.kind, VTBPF_SITE_ENTRY);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_branch_of_handler),
		cmocka_unit_test(test_landing_pad),
		cmocka_unit_test(test_joined_handler),
		cmocka_unit_test(test_joined_by_resume_check),
		cmocka_unit_test(test_joined_in_disagreement),
		cmocka_unit_test(test_frame_in_copy),
		cmocka_unit_test(test_frame_lost),
		cmocka_unit_test(test_yield_frame_named),
		cmocka_unit_test(test_yield_frame_not_named),
		cmocka_unit_test(test_next_instr_lost),
		cmocka_unit_test(test_call_in_between),
		cmocka_unit_test(test_same_address_once),
		cmocka_unit_test(test_registers),
		cmocka_unit_test(test_owner_called),
		cmocka_unit_test(test_owner_inlined),
		cmocka_unit_test(test_owner_not_found),
		cmocka_unit_test(test_throw_block),
		cmocka_unit_test(test_throw_block_of_two),
		cmocka_unit_test(test_throw_block_joined),
		cmocka_unit_test(test_throw_unseen),
		cmocka_unit_test(test_frame_function),
		cmocka_unit_test(test_frame_function_incomplete),
		cmocka_unit_test(test_frame_replaced),
		cmocka_unit_test(test_frame_replaced_unsure),
		cmocka_unit_test(test_frame_begun_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

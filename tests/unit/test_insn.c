// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../user/discover/insn.h"
#include "fake_elf.h"

struct sample {
	const char *text;
	uint8_t code[10];
	uint8_t len, kind, shape;
	bool emulated;
	uint64_t target;
	uint8_t dst, src, base;
	int64_t disp;
	uint32_t writes;
};

#define N INSN_NO_REG
#define R(n) (1u << (n))

/* Registers: 0 rax, 1 rdx, 2 rcx, 3 rbx, 4 rsi, 5 rdi, 6 rbp, 7 rsp, 8-15. */
static const struct sample x86[] = {
	{ "jne 0x1010", { 0x75, 0x0e }, 2, INSN_BRANCH, 0, true, 0x1010, N, N, N, 0, 0 },
	{ "je 0x206",
	  { 0x0f, 0x84, 0, 0xf2, 0xff, 0xff },
	  6,
	  INSN_BRANCH,
	  0,
	  true,
	  0x206,
	  N,
	  N,
	  N,
	  0,
	  0 },
	{ "jmp 0x1002", { 0xeb, 0 }, 2, INSN_JUMP, 0, true, 0x1002, N, N, N, 0, 0 },
	{ "jrcxz 0x1004", { 0xe3, 2 }, 2, INSN_BRANCH, 0, false, 0x1004, N, N, N, 0, 0 },
	{ "callq 0x1105", { 0xe8, 0, 1, 0, 0 }, 5, INSN_CALL, 0, true, 0x1105, N, N, N, 0, 0xfb7 },
	{ "jmpq *%rax", { 0xff, 0xe0 }, 2, INSN_JUMP_INDIRECT, 0, false, 0, N, N, N, 0, 0 },
	{ "jmpq *0x10(%rip)",
	  { 0xff, 0x25, 0x10, 0, 0, 0 },
	  6,
	  INSN_JUMP_INDIRECT,
	  0,
	  false,
	  0x1016,
	  N,
	  N,
	  N,
	  0,
	  0 },
	{ "pushq %rbp", { 0x55 }, 1, INSN_PLAIN, SHAPE_SPILL, true, 0, N, 6, N, -8, R(7) },
	{ "pushq %r15", { 0x41, 0x57 }, 2, INSN_PLAIN, SHAPE_SPILL, true, 0, N, 15, N, -8, R(7) },
	{ "nop", { 0x90 }, 1, INSN_PLAIN, 0, true, 0, N, N, N, 0, 0 },
	{ "pause", { 0xf3, 0x90 }, 2, INSN_PLAIN, 0, false, 0, N, N, N, 0, 0 },
	{ "retq", { 0xc3 }, 1, INSN_RETURN, 0, false, 0, N, N, N, 0, R(7) },
	{ "ud2", { 0x0f, 0x0b }, 2, INSN_TRAP, 0, false, 0, N, N, N, 0, 0 },
	{ "movq %r15, 0x38(%rbx)",
	  { 0x4c, 0x89, 0x7b, 0x38 },
	  4,
	  INSN_PLAIN,
	  SHAPE_STORE,
	  false,
	  0,
	  N,
	  15,
	  3,
	  0x38,
	  0 },
	{ "movq 0x18(%rbx), %rax",
	  { 0x48, 0x8b, 0x43, 0x18 },
	  4,
	  INSN_PLAIN,
	  SHAPE_LOAD,
	  false,
	  0,
	  0,
	  N,
	  3,
	  0x18,
	  R(0) },
	{ "movq 8(%rsp), %rax",
	  { 0x48, 0x8b, 0x44, 0x24, 8 },
	  5,
	  INSN_PLAIN,
	  SHAPE_RELOAD,
	  false,
	  0,
	  0,
	  N,
	  N,
	  8,
	  R(0) },
	{ "movq $0, 8(%rbp)",
	  { 0x48, 0xc7, 0x45, 8, 0, 0, 0, 0 },
	  8,
	  INSN_PLAIN,
	  SHAPE_STORE_ZERO,
	  false,
	  0,
	  N,
	  N,
	  6,
	  8,
	  0 },
	{ "movq %rsi, %rbx",
	  { 0x48, 0x89, 0xf3 },
	  3,
	  INSN_PLAIN,
	  SHAPE_COPY,
	  false,
	  0,
	  3,
	  4,
	  N,
	  0,
	  R(3) },
	{ "movl %edx, %r14d",
	  { 0x41, 0x89, 0xd6 },
	  3,
	  INSN_PLAIN,
	  SHAPE_COPY_INT,
	  false,
	  0,
	  14,
	  1,
	  N,
	  0,
	  R(14) },
	{ "leaq 2(%r10), %rax",
	  { 0x49, 0x8d, 0x42, 2 },
	  4,
	  INSN_PLAIN,
	  SHAPE_COPY,
	  false,
	  0,
	  0,
	  10,
	  N,
	  2,
	  R(0) },
	{ "addq $2, %r15",
	  { 0x49, 0x83, 0xc7, 2 },
	  4,
	  INSN_PLAIN,
	  SHAPE_COPY,
	  false,
	  0,
	  15,
	  15,
	  N,
	  2,
	  R(15) },
	{ "cmpb $0, 0x46(%rsi)",
	  { 0x80, 0x7e, 0x46, 0 },
	  4,
	  INSN_PLAIN,
	  SHAPE_BYTE_ZERO,
	  false,
	  0,
	  N,
	  N,
	  4,
	  0x46,
	  0 },
	{ "cmpb $0, 0x44(%r12)",
	  { 0x41, 0x80, 0x7c, 0x24, 0x44, 0 },
	  6,
	  INSN_PLAIN,
	  SHAPE_BYTE_ZERO,
	  false,
	  0,
	  N,
	  N,
	  12,
	  0x44,
	  0 },
	{ "cmpb $1, 0x46(%rsi)",
	  { 0x80, 0x7e, 0x46, 1 },
	  4,
	  INSN_PLAIN,
	  SHAPE_OTHER,
	  false,
	  0,
	  N,
	  N,
	  N,
	  0,
	  0 },
	{ "movzbl 0x46(%rsi), %eax",
	  { 0x0f, 0xb6, 0x46, 0x46 },
	  4,
	  INSN_PLAIN,
	  SHAPE_LOAD_BYTE,
	  false,
	  0,
	  0,
	  N,
	  4,
	  0x46,
	  R(0) },
	{ "testl %edx, %edx", { 0x85, 0xd2 }, 2, INSN_PLAIN, SHAPE_TEST, false, 0, N, 1, N, 0, 0 },
	{ "leaq 0x10(%rip), %rdi",
	  { 0x48, 0x8d, 0x3d, 0x10, 0, 0, 0 },
	  7,
	  INSN_PLAIN,
	  SHAPE_ADDRESS,
	  false,
	  0,
	  5,
	  N,
	  N,
	  0x1017,
	  R(5) },
	{ "movslq (%rdi,%rax,4), %rax",
	  { 0x48, 0x63, 0x04, 0x87 },
	  4,
	  INSN_PLAIN,
	  SHAPE_TABLE_READ,
	  false,
	  0,
	  0,
	  0,
	  5,
	  0,
	  R(0) },
	{ "jmpq *0x8000(,%r9,8)",
	  { 0x42, 0xff, 0x24, 0xcd, 0, 0x80, 0, 0 },
	  8,
	  INSN_JUMP_INDIRECT,
	  SHAPE_TABLE_JUMP,
	  false,
	  0,
	  N,
	  9,
	  N,
	  0x8000,
	  0 },
	{ "cmpl $0xa5, %r13d",
	  { 0x41, 0x81, 0xfd, 0xa5, 0, 0, 0 },
	  7,
	  INSN_PLAIN,
	  SHAPE_LIMIT,
	  false,
	  0,
	  N,
	  13,
	  N,
	  0xa5,
	  0 },
	{ "andl $7, %eax", { 0x83, 0xe0, 7 }, 3, INSN_PLAIN, SHAPE_LIMIT, false, 0, N, 0, N, 7, R(0) },
	{ "movb $3, %al", { 0xb0, 3 }, 2, INSN_PLAIN, SHAPE_OTHER, false, 0, N, N, N, 0, R(0) },
	{ "movq %fs:0x10, %rax",
	  { 0x64, 0x48, 0x8b, 4, 0x25, 0x10, 0, 0, 0 },
	  9,
	  INSN_PLAIN,
	  SHAPE_OTHER,
	  false,
	  0,
	  N,
	  N,
	  N,
	  0,
	  R(0) },
};

static void check(const struct sample *s, uint16_t machine)
{
	struct fake_elf *e = malloc(sizeof(*e));
	struct decoder *d = decoder__new(machine);
	struct elf_image *img;
	struct insn in;
	char text[64];
	int fd;

	fake_elf__init(e);
	e->machine = machine;
	fake_elf__put(e, FAKE_CODE, s->code, s->len);
	fd = fake_elf__open(e);
	img = elf_image__new(fd);
	print_message("%s\n", s->text);
	assert_true(decoder__insn(d, img, FAKE_CODE, &in));
	assert_int_equal(in.len, s->len);
	assert_int_equal(in.kind, s->kind);
	assert_int_equal(in.shape, s->shape);
	assert_int_equal(in.emulated, s->emulated);
	assert_int_equal(in.target, s->target);
	assert_int_equal(in.dst, s->dst);
	assert_int_equal(in.src, s->src);
	assert_int_equal(in.base, s->base);
	assert_int_equal(in.disp, s->disp);
	assert_int_equal(in.writes, s->writes);
	decoder__text(d, img, FAKE_CODE, text, sizeof(text));
	assert_non_null(strstr(s->text, strtok(text, " ")));
	elf_image__free(img);
	decoder__free(d);
	close(fd);
	free(e);
}

static void test_x86(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(x86) / sizeof(*x86); i++)
		check(&x86[i], EM_X86_64);
}

static void decode(const uint8_t *code, size_t len, struct insn *in)
{
	struct fake_elf *e = malloc(sizeof(*e));
	struct decoder *d = decoder__new(EM_X86_64);
	struct elf_image *img;
	int fd;

	fake_elf__init(e);
	fake_elf__put(e, FAKE_CODE, code, len);
	fd = fake_elf__open(e);
	img = elf_image__new(fd);
	assert_true(decoder__insn(d, img, FAKE_CODE, in));
	elf_image__free(img);
	decoder__free(d);
	close(fd);
	free(e);
}

static void test_flags(void **state)
{
	static const uint8_t endbr64[] = { 0xf3, 0x0f, 0x1e, 0xfa }, mov[] = { 0x48, 0x89, 0xc3 };
	static const uint8_t lea[] = { 0x49, 0x8d, 0x42, 2 }, sub[] = { 0x48, 0x29, 0xc3 };
	static const uint8_t long_nop[] = { 0x0f, 0x1f, 0x40, 0 };
	struct insn in;

	(void)state;
	decode(endbr64, 4, &in);
	assert_true(in.landing_pad && !in.emulated && !in.writes_flags);
	decode(mov, 3, &in);
	assert_false(in.writes_flags);
	decode(lea, 4, &in);
	assert_false(in.writes_flags);
	decode(sub, 3, &in);
	assert_true(in.writes_flags);
	decode(long_nop, 4, &in);
	assert_true(in.nop && !in.emulated); /* older kernels single-step it */
}

static void test_stack(void **state)
{
	static const uint8_t sub[] = { 0x48, 0x83, 0xec, 0x28 };       /* sub $0x28,%rsp */
	static const uint8_t lea[] = { 0x48, 0x8d, 0x64, 0x24, 0x10 }; /* lea 0x10(%rsp),%rsp */
	static const uint8_t and[] = { 0x48, 0x83, 0xe4, 0xf0 };       /* and $-16,%rsp */
	static const uint8_t store[] = { 0x0f, 0x29, 0x44, 0x24,
					 0x20 };		    /* movaps %xmm0,0x20(%rsp) */
	static const uint8_t spill[] = { 0x89, 0x54, 0x24, 0x10 };  /* mov %edx,0x10(%rsp) */
	static const uint8_t cmp[] = { 0x83, 0x7c, 0x24, 0x10, 0 }; /* cmpl $0,0x10(%rsp) */
	static const uint8_t pop[] = { 0x5b };			    /* pop %rbx */
	struct insn in;

	(void)state;
	decode(sub, 4, &in);
	assert_int_equal(in.sp_add, -0x28);
	decode(lea, 5, &in);
	assert_int_equal(in.sp_add, 0x10);
	decode(and, 4, &in);
	assert_true(in.sp_lost);
	decode(store, 5, &in);
	assert_int_equal(in.wrote, 16);
	assert_int_equal(in.wrote_at, 0x20);
	decode(spill, 4, &in);
	assert_int_equal(in.shape, SHAPE_SPILL);
	assert_int_equal(in.size, 4);
	assert_int_equal(in.wrote, 4);
	decode(cmp, 5, &in);
	assert_int_equal(in.shape, SHAPE_TEST_SPILL);
	assert_int_equal(in.wrote, 0);
	decode(pop, 1, &in);
	assert_int_equal(in.shape, SHAPE_RELOAD);
	assert_int_equal(in.sp_add, 8);
	assert_false(in.sp_lost);
}

static void test_nothing_to_decode(void **state)
{
	struct fake_elf *e = malloc(sizeof(*e));
	struct decoder *d = decoder__new(EM_X86_64);
	struct elf_image *img;
	struct insn in;
	char text[8] = "x";
	int fd;

	(void)state;
	fake_elf__init(e);
	fake_elf__put(e, FAKE_CODE + 0xfff, "\x48", 1); /* a prefix at the end of the segment */
	fd = fake_elf__open(e);
	img = elf_image__new(fd);
	assert_false(decoder__insn(d, img, FAKE_CODE + 0xfff, &in));
	assert_false(decoder__insn(d, img, FAKE_DATA, &in)); /* no code */
	assert_false(decoder__insn(d, img, 0, &in));
	assert_string_equal(decoder__text(d, img, 0, text, sizeof(text)), "");
	assert_null(decoder__new(EM_386));
	decoder__free(NULL);
	elf_image__free(img);
	decoder__free(d);
	close(fd);
	free(e);
}

static void test_register_names(void **state)
{
	(void)state;
	assert_string_equal(insn__reg_name(EM_X86_64, 3), "rbx");
	assert_string_equal(insn__reg_name(EM_X86_64, 16), "-");
	assert_string_equal(insn__reg_name(EM_AARCH64, 30), "x30");
	assert_string_equal(insn__reg_name(EM_X86_64, insn__sp_reg(EM_X86_64)), "rsp");
	assert_string_equal(insn__reg_name(EM_X86_64, insn__fp_reg(EM_X86_64)), "rbp");
	assert_string_equal(insn__reg_name(EM_AARCH64, insn__sp_reg(EM_AARCH64)), "sp");
	assert_string_equal(insn__reg_name(EM_AARCH64, insn__fp_reg(EM_AARCH64)), "x29");
	assert_string_equal(insn__reg_name(EM_AARCH64, INSN_NO_REG), "-");
	assert_int_equal(insn__arg_reg(EM_X86_64, 1), 4);
	assert_int_equal(insn__arg_reg(EM_X86_64, 3), INSN_NO_REG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_x86),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_stack),
		cmocka_unit_test(test_nothing_to_decode),
		cmocka_unit_test(test_register_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

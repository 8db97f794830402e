// SPDX-License-Identifier: GPL-2.0-only
/* What is said of each instruction of arm64, and that nothing else is said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../user/discover/insn.h"
#include "fake_elf.h"

static const char *const kinds[] = { "",     "jump",   "branch", "call", "jump-indirect",
				     "call", "return", "trap" };
static const char *const shapes[] = { "",	   "copy",	 "copy-int",  "load",
				      "store",	   "byte-zero",	 "load-byte", "test",
				      "address",   "store-zero", "spill",     "reload",
				      "test-spill" };

/* Facts as text: only what differs from an instruction of which nothing is known. */
static void describe(const struct insn *in, FILE *out)
{
	static const char *const conds[] = { "", "zero", "nonzero" };
	const struct {
		const char *name;
		uint8_t reg;
	} regs[] = {
		{ "dst", in->dst }, { "src", in->src }, { "base", in->base }, { "pair", in->pair }
	};
	size_t i;

	fprintf(out, "%s%s%s", kinds[in->kind], shapes[in->shape], conds[in->cond]);
	for (i = 0; i < 4; i++) {
		if (regs[i].reg != INSN_NO_REG)
			fprintf(out, " %s %d", regs[i].name, regs[i].reg);
	}
	if (in->target)
		fprintf(out, " to %#llx", (unsigned long long)in->target);
	if (in->disp)
		fprintf(out, " disp %lld", (long long)in->disp);
	if (in->size)
		fprintf(out, " size %d", in->size);
	if (in->wrote)
		fprintf(out, " wrote %d at %d", in->wrote, in->wrote_at);
	if (in->sp_add)
		fprintf(out, " sp %+d", in->sp_add);
	fprintf(out, "%s%s%s%s", in->on_fp ? " on-fp" : "", in->sets_fp ? " sets-fp" : "",
		in->moves_fp ? " moves-fp" : "", in->sp_lost ? " sp-lost" : "");
	fprintf(out, "%s%s%s%s%s", in->emulated ? " emulated" : "", in->refused ? " refused" : "",
		in->writes_flags ? " flags" : "", in->landing_pad ? " pad" : "",
		in->nop ? " nop" : "");
	if (in->writes == UINT32_MAX)
		fprintf(out, " writes all");
	for (i = 0; i < INSN_REGS && in->writes != UINT32_MAX; i++) {
		if (in->writes >> i & 1 && in->kind != INSN_CALL && in->kind != INSN_CALL_INDIRECT)
			fprintf(out, " writes %zu", i);
	}
}

static const struct {
	const char *text;
	uint32_t code;
	const char *facts;
} samples[] = {
	{ "str x22, [x25, #0x38]", 0xf9001f36, "store src 22 base 25 disp 56" },
	{ "stp x9, x8, [x6, #0x38]", 0xa903a0c9, "store src 9 base 6 pair 8 disp 56" },
	{ "str xzr, [x6, #8]", 0xf90004df, "store-zero base 6 disp 8" },
	{ "ldr x0, [x25, #0x20]", 0xf9401320, "load dst 0 base 25 disp 32 writes 0" },
	{ "ldp x4, x8, [x1, #0x38]", 0xa943a024,
	  "load dst 4 base 1 pair 8 disp 56 writes 4 writes 8" },
	{ "ldrb w1, [x25, #0x46]", 0x39411b21, "load-byte dst 1 base 25 disp 70 writes 1" },
	{ "ldrsb w1, [x25, #0x46]", 0x39c11b21, " writes 1" },
	{ "ldr w1, [x25, #0x34]", 0xb9403721, " writes 1" },
	{ "ldr x26, [x24, #-8]!", 0xf85f8f1a, " writes 24 writes 26" },
	{ "ldr q0, [x2], #16", 0x3cc10440, " writes 2" },
	{ "add x28, x22, #2", 0x91000adc, "copy dst 28 src 22 disp 2 writes 28" },
	{ "sub x26, x24, #4", 0xd100131a, "copy dst 26 src 24 disp -4 writes 26" },
	{ "mov x21, x1", 0xaa0103f5, "copy dst 21 src 1 writes 21" },
	{ "mov w21, w1", 0x2a0103f5, "copy-int dst 21 src 1 writes 21" },
	{ "mov x0, #-1", 0x92800000, " writes 0" },
	{ "adrp x16, +0x7f000", 0xf00003f0, "address dst 16 disp 524288 emulated writes 16" },
	{ "adr x3, +16", 0x10000083, "address dst 3 disp 4112 emulated writes 3" },
	{ "cmp w3, #0", 0x7100007f, "test src 3 flags" },
	{ "cmp w3, #3", 0x71000c7f, " flags" },
	{ "cmp x19, x0", 0xeb00027f, " flags" },
	{ "tst w3, w3", 0x6a03007f, "test src 3 flags" },
	{ "dmb ish", 0xd5033bbf, "" },
	{ "smov w0, v31.b[0]", 0x0e012fe0, " writes 0" },
	/* the stack */
	{ "str w2, [sp, #0x6c]", 0xb9006fe2, "spill src 2 disp 108 size 4 wrote 4 at 108" },
	{ "stp x6, x7, [sp, #0x80]", 0xa9081fe6,
	  "spill src 6 pair 7 disp 128 size 8 wrote 16 at 128" },
	{ "ldp w6, w7, [sp, #0x80]", 0x29501fe6,
	  "reload dst 6 pair 7 disp 128 size 4 writes 6 writes 7" },
	{ "stp q0, q1, [sp, #0x20]", 0xad0107e0, " wrote 32 at 32" },
	{ "strb w4, [sp, #0x186]", 0x39061be4, " wrote 1 at 390" },
	{ "str x6, [x29, #0xc0]", 0xf90063a6, "store src 6 base 29 disp 192 wrote 8 at 192 on-fp" },
	{ "str w6, [x29, #0xb8]", 0xb900bba6,
	  "spill src 6 base 29 disp 184 size 4 wrote 4 at 184 on-fp" },
	{ "stp x29, x30, [sp, #-0x30]!", 0xa9bd7bfd, " wrote 16 at -48 sp -48" },
	{ "ldp x29, x30, [sp], #0x30", 0xa8c37bfd, " sp +48 moves-fp writes 29 writes 30" },
	{ "ldr x0, [sp, x1]", 0xf8616be0, " writes 0" },
	{ "sub sp, sp, #0x2d0", 0xd10b43ff, " sp -720" },
	{ "add sp, sp, #1, lsl #12", 0x914007ff, " sp +4096" },
	{ "add x29, sp, #0x10", 0x910043fd, " disp 16 sets-fp moves-fp writes 29" },
	{ "mov x29, sp", 0x910003fd, " sets-fp moves-fp writes 29" },
	{ "mov sp, x29", 0x910003bf, " sp-lost" },
	{ "and sp, x0, #-16", 0x927cec1f, " sp-lost" },
	{ "sub sp, sp, x1", 0xcb2163ff, " sp-lost" },
	/* branches */
	{ "cbz w0, +16", 0x34000080, "branchzero src 0 to 0x1010 emulated" },
	{ "cbnz x3, -8", 0xb5ffffc3, "branchnonzero src 3 to 0xff8 emulated" },
	{ "tbnz w0, #31, +16", 0x37f80080, "branch src 0 to 0x1010 emulated" },
	{ "b.ne +8", 0x54000041, "branchnonzero to 0x1008 emulated" },
	{ "b.gt +8", 0x5400004c, "branch to 0x1008 emulated" },
	{ "b +256", 0x14000040, "jump to 0x1100 emulated" },
	{ "bl +256", 0x94000040, "call to 0x1100 emulated flags" },
	{ "br x0", 0xd61f0000, "jump-indirect src 0 emulated" },
	{ "blr x0", 0xd63f0000, "call src 0 emulated flags" },
	{ "ret", 0xd65f03c0, "return src 30 emulated" },
	{ "brk #0", 0xd4200000, "trap refused" },
	/* single-stepped, or not at all */
	{ "nop", 0xd503201f, " nop" },
	{ "bti j", 0xd503249f, " pad" },
	{ "bti c", 0xd503245f, " pad" },
	{ "paciasp", 0xd503233f, " writes 30" },
	{ "autiasp", 0xd50323bf, " refused writes 30" },
	{ "yield", 0xd503203f, " refused" },
	{ "ldr x0, +16", 0x58000080, " refused writes 0" },
	{ "ldxr x0, [x1]", 0xc85f7c20, " refused writes 0" },
	{ "ldar x0, [x1]", 0xc8dffc20, " writes 0" },
	{ "mrs x0, tpidr_el0", 0xd53bd040, " writes 0" },
	{ "msr tpidr_el0, x0", 0xd51bd040, " refused flags" },
};

static void decode(uint32_t code, struct insn *in)
{
	struct fake_elf *e = malloc(sizeof(*e));
	struct decoder *d = decoder__new(EM_AARCH64);
	struct elf_image *img;
	int fd;

	fake_elf__init(e);
	e->machine = EM_AARCH64;
	fake_elf__put(e, FAKE_CODE, &code, sizeof(code));
	fd = fake_elf__open(e);
	img = elf_image__new(fd);
	assert_true(decoder__insn(d, img, FAKE_CODE, in));
	assert_int_equal(in->len, 4);
	elf_image__free(img);
	decoder__free(d);
	close(fd);
	free(e);
}

static void test_facts(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(samples) / sizeof(*samples); i++) {
		char *text = NULL;
		size_t size;
		FILE *out = open_memstream(&text, &size);
		struct insn in;

		assert_non_null(out);
		decode(samples[i].code, &in);
		describe(&in, out);
		fclose(out);
		if (strcmp(text, samples[i].facts) != 0)
			print_error("%s\n", samples[i].text);
		assert_string_equal(text, samples[i].facts);
		free(text);
	}
}

/* A call leaves only what the callee must keep. */
static void test_calls(void **state)
{
	struct insn in;

	(void)state;
	decode(0x94000040, &in);
	assert_int_equal(in.writes, 0x4007ffff);
	decode(0xd63f0000, &in);
	assert_int_equal(in.kind, INSN_CALL_INDIRECT);
	assert_int_equal(in.writes, 0x4007ffff);
}

/* Newer than capstone 4; from 5 on it tells which registers they write to. */
static void test_unknown(void **state)
{
	static const struct {
		uint32_t code;
		uint8_t kind;
		uint32_t writes; /* at least */
	} codes[] = {
		{ 0xd65f0bff, INSN_RETURN, 0 },		      /* retaa */
		{ 0xd71f0801, INSN_JUMP_INDIRECT, 0 },	      /* braa x0, x1 */
		{ 0xd63f081f, INSN_CALL_INDIRECT, 1u << 30 }, /* blraaz x0 */
		{ 0xf8e30044, INSN_PLAIN, 1u << 4 },	      /* ldaddal x3, x4, [x2] */
		{ 0xc8e3fc44, INSN_PLAIN, 1u << 3 },	      /* casal x3, x4, [x2] */
		{ 0, INSN_TRAP, 0 },			      /* udf #0 */
	};
	struct insn in;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(codes) / sizeof(*codes); i++) {
		decode(codes[i].code, &in);
		assert_int_equal(in.kind, codes[i].kind);
		assert_int_equal(in.writes & codes[i].writes, codes[i].writes);
		assert_false(in.emulated);
		if (in.kind == INSN_PLAIN) {
			assert_int_equal(in.writes & ~0x18u, 0);
			assert_false(in.writes_flags || in.sp_lost);
		} else if (in.kind != INSN_TRAP) {
			assert_true(in.refused);
		}
	}
	assert_true(in.nop); /* padding */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_facts),
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-only
/* Arguments as text; what is expected was written by CPython 3.11's repr(). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "../../user/decode/arg_text.h"
#include "../../user/decode/printable.h"

static char out[ARG_TEXT_MAX + 1];

static void expect(const struct arg *arg, const char *want)
{
	size_t n = arg__put_value(arg, out);

	assert_in_range(n, 0, ARG_TEXT_MAX);
	out[n] = '\0';
	assert_string_equal(out, want);
}

static void expect_bytes(struct arg arg, const void *data, size_t n, const char *want)
{
	arg.value.bytes = (struct event_bytes){ data, n };
	expect(&arg, want);
}

/* clang-format off */
static const struct {
	uint64_t bits;
	const char *text;
} floats[] = {
	{ 0x0000000000000000ULL, "0.0" },
	{ 0x8000000000000000ULL, "-0.0" },
	{ 0x3ff0000000000000ULL, "1.0" },
	{ 0xc004000000000000ULL, "-2.5" },
	{ 0x3fb999999999999aULL, "0.1" },
	{ 0x3fd5555555555555ULL, "0.3333333333333333" },
	{ 0x4341c37937e08000ULL, "1e+16" },
	{ 0x430c6bf526340000ULL, "1000000000000000.0" },
	{ 0x4341c37937e07fffULL, "9999999999999998.0" },
	{ 0x437b69b4ba630f35ULL, "1.2345678901234568e+17" },
	{ 0x3f1a36e2eb1c432dULL, "0.0001" },
	{ 0x3f1a36371ea531a8ULL, "9.999e-05" },
	{ 0x3ee4f8b588e368f1ULL, "1e-05" },
	{ 0x0000000000000001ULL, "5e-324" },
	{ 0x7fefffffffffffffULL, "1.7976931348623157e+308" },
	{ 0x3d30000000000000ULL, "5.684341886080802e-14" },
	{ 0xbd30000000000000ULL, "-5.684341886080802e-14" },
	{ 0x0010000000000000ULL, "2.2250738585072014e-308" },
	{ 0x3e78000000000000ULL, "8.940696716308594e-08" },
	{ 0x4340000000000000ULL, "9007199254740992.0" },
	{ 0x4480f0cf064dd592ULL, "1e+22" },
	{ 0x44b52d02c7e14af6ULL, "1e+23" },
	{ 0x4059000000000000ULL, "100.0" },
	{ 0x40c81cd6c8b43958ULL, "12345.678" },
	{ 0x4011666666666666ULL, "4.35" },
	{ 0x7ff0000000000000ULL, "inf" },
	{ 0xfff0000000000000ULL, "-inf" },
	{ 0x7ff8000000000000ULL, "nan" },
	{ 0x0010000000000000ULL, "2.2250738585072014e-308" },
	{ 0x3f202e4b6ce5dc68ULL, "0.00012345" },
	{ 0x7e41eb2d66005835ULL, "1.5e+300" },
	{ 0x43f0000000000000ULL, "1.8446744073709552e+19" },
	{ 0x4770000000000000ULL, "1.329227995784916e+36" },
};

static const struct {
	bool negative;
	size_t n;
	uint32_t digits[8];
	const char *text;
} ints[] = {
	{ 0, 0, { 0 }, "0" },
	{ 0, 1, { 1u }, "1" },
	{ 1, 1, { 1u }, "-1" },
	{ 0, 1, { 1073741823u }, "1073741823" },
	{ 0, 2, { 0u, 1u }, "1073741824" },
	{ 1, 2, { 0u, 1u }, "-1073741824" },
	{ 0, 2, { 0u, 2u }, "2147483648" },
	{ 0, 3, { 0u, 0u, 8u }, "9223372036854775808" },
	{ 1, 3, { 0u, 0u, 8u }, "-9223372036854775808" },
	{ 0, 3, { 7u, 0u, 16u }, "18446744073709551623" },
	{ 0, 1, { 1000000000u }, "1000000000" },
	{ 0, 2, { 660865024u, 931322574u }, "1000000000000000000" },
	{ 0, 2, { 660865023u, 931322574u }, "999999999999999999" },
	{ 0, 5, { 0u, 668304384u, 172751547u, 175927511u, 7523u }, "10000000000000000000"
	  "000000000000000000000" },
	{ 1, 7, { 0u, 0u, 106499473u, 412125989u, 574947799u, 479747688u, 652530u }, "-1"
	  "000000000000000000000000000000000000000000000000000000000000" },
};

static const struct {
	uint8_t width;
	size_t n;
	const char *data, *text;
} strs[] = {
	{ 1, 5, "\160\154\141\151\156", "'plain'" },
	{ 1, 4, "\151\164\047\163", "\"it's\"" },
	{ 1, 8, "\163\141\171\040\042\156\157\042", "'say \"no\"'" },
	{ 1, 12, "\142\157\164\150\040\047\040\141\156\144\040\042", "'both \\' and \"'" },
	{ 1, 30, "\164\141\142\011\156\145\167\012\154\151\156\145\015\134\040\000\040"
	  "\033\040\177\040\200\040\237\040\240\040\255\040\351", "'tab\\tnew\\nline\\r"
	  "\\\\ \\x00 \\x1b \\x7f \\x80 \\x9f \\xa0 \\xad \303\251'" },
	{ 2, 16, "\321\166\247\143\040\000\013\040\050\040\377\376\000\340\376\377", "'"
	  "\347\233\221\346\216\247 \\u200b\\u2028\\ufeff\\ue000\\ufffe'" },
	{ 2, 6, "\000\330\040\000\377\337", "'\\ud800 \\udfff'" },
	{ 4, 20, "\015\364\001\000\040\000\000\000\001\000\016\000\040\000\000\000\377"
	  "\377\020\000", "'\360\237\220\215 \\U000e0001 \\U0010ffff'" },
	{ 1, 0, "", "''" },
};
/* clang-format on */

static void test_floats(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(floats) / sizeof(floats[0]); i++)
		expect_bytes((struct arg){ .kind = VTBPF_ARG_FLOAT }, &floats[i].bits, 8,
			     floats[i].text);
	expect_bytes((struct arg){ .kind = VTBPF_ARG_FLOAT }, "1234", 4, "<unreadable>");
}

static void test_ints(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(ints) / sizeof(ints[0]); i++)
		expect_bytes((struct arg){ .kind = VTBPF_ARG_INT,
					   .length = ints[i].n,
					   .value.width = ints[i].negative },
			     ints[i].digits, ints[i].n * 4, ints[i].text);
}

/* The longest, 2 ** 7680 - 1, and what is longer; digits that are none. */
static void test_long_ints(void **state)
{
	struct arg arg = { .kind = VTBPF_ARG_INT, .length = VTBPF_ARG_BYTES / 4 };
	uint32_t digits[VTBPF_ARG_BYTES / 4];
	size_t n;

	(void)state;
	memset(digits, 0xff, sizeof(digits));
	arg.value.bytes = (struct event_bytes){ (const char *)digits, sizeof(digits) };
	n = arg__put_value(&arg, out);
	assert_int_equal(n, 2312);
	assert_memory_equal(out, "81351712473709768731", 20);
	assert_memory_equal(out + n - 20, "80472988443450802175", 20);
	arg.length++;
	expect(&arg, "<int>");
	arg.length = UINT64_MAX;
	expect(&arg, "<int>");
}

static void test_bools(void **state)
{
	(void)state;
	expect(&(struct arg){ .kind = VTBPF_ARG_BOOL, .length = 1 }, "True");
	expect(&(struct arg){ .kind = VTBPF_ARG_BOOL }, "False");
	expect(&(struct arg){ .kind = VTBPF_ARG_NONE }, "None");
}

static void test_strs(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(strs) / sizeof(strs[0]); i++)
		expect_bytes((struct arg){ .kind = VTBPF_ARG_STR,
					   .length = strs[i].n / strs[i].width,
					   .value.width = strs[i].width },
			     strs[i].data, strs[i].n, strs[i].text);
	expect_bytes((struct arg){ .kind = VTBPF_ARG_STR, .length = 1, .value.width = 3 }, "abc", 3,
		     "<unreadable>");
}

/* 256 characters are whole, one more is told by an ellipsis; and the longest text has room. */
static void test_long_strs(void **state)
{
	struct arg arg = { .kind = VTBPF_ARG_STR, .length = VTBPF_ARG_CHARS, .value.width = 4 };
	uint32_t data[VTBPF_ARG_CHARS];
	size_t n;

	(void)state;
	for (size_t i = 0; i < VTBPF_ARG_CHARS; i++)
		data[i] = 0xe0001;
	arg.value.bytes = (struct event_bytes){ (const char *)data, sizeof(data) };
	n = arg__put_value(&arg, out);
	assert_int_equal(n, 2 + 10 * VTBPF_ARG_CHARS);
	assert_memory_equal(out, "'\\U000e0001\\U000e0001", 21);
	arg.length++;
	assert_int_equal(arg__put_value(&arg, out), n + 3);
	assert_memory_equal(out + n - 1, "'\342\200\246", 4);
}

static void test_types(void **state)
{
	struct arg sized = { .kind = VTBPF_ARG_SIZED, .length = 3 };
	struct arg other = { .kind = VTBPF_ARG_OTHER };

	(void)state;
	expect_bytes(sized, "tuple", 5, "<tuple len 3>");
	expect_bytes(other, "Thing", 5, "<Thing>");
	expect_bytes(other, "collections.OrderedDict", 23, "<OrderedDict>");
	expect_bytes(other, "gr\303\274\303", 5, "<gr\303\274\357\277\275>");
	expect_bytes(other, "", 0, "<>");
	expect(&(struct arg){ .kind = VTBPF_ARG_UNREADABLE }, "<unreadable>");
	expect(&(struct arg){ .kind = 99 }, "<unreadable>");
}

static void test_names(void **state)
{
	struct arg arg = { .name = { { "\061\166", 2 }, 2 } };
	size_t n = arg__put_name(&arg, out);

	(void)state;
	assert_int_equal(n, 3);
	assert_memory_equal(out, "\347\230\261", 3);
	arg.name.width = 0;
	n = arg__put_name(&arg, out);
	assert_memory_equal(out, "<unreadable>", n);
}

/* One whole argument, and everything short of it; lengths that lie. */
static void test_torn(void **state)
{
	struct {
		struct vtbpf_arg a;
		char name[8], value[8];
	} rec = { .a = { .bytes = 5, .kind = VTBPF_ARG_OTHER, .name_bytes = 3, .name_width = 1 },
		  .name = "abc",
		  .value = "Thing" };
	struct event_bytes left;
	struct arg arg;

	(void)state;
	left = (struct event_bytes){ (const char *)&rec, sizeof(rec) };
	assert_true(arg__next(&left, &arg));
	expect(&arg, "<Thing>");
	assert_int_equal(left.len, 0);
	assert_false(arg__next(&left, &arg));
	for (size_t n = 0; n < sizeof(rec) - 3; n++) {
		left = (struct event_bytes){ (const char *)&rec, n };
		assert_false(arg__next(&left, &arg));
	}
	rec.a.name_bytes = 255;
	left = (struct event_bytes){ (const char *)&rec, sizeof(rec) };
	assert_false(arg__next(&left, &arg));
	rec.a.name_bytes = 3;
	rec.a.bytes = UINT16_MAX;
	assert_false(arg__next(&left, &arg));
}

static void test_printable(void **state)
{
	static const uint32_t shown[] = { ' ', '~', 0xa1, 0x76d1, 0x1f40d };
	static const uint32_t hidden[] = { 0,	   0x1f,   0x7f,   0x80,     0xa0,    0xad,
					   0x3000, 0xd800, 0xffff, 0x10ffff, 0x110000 };

	(void)state;
	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
		assert_true(printable(shown[i]));
	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
		assert_false(printable(hidden[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_floats),	  cmocka_unit_test(test_ints),
		cmocka_unit_test(test_long_ints), cmocka_unit_test(test_bools),
		cmocka_unit_test(test_strs),	  cmocka_unit_test(test_long_strs),
		cmocka_unit_test(test_types),	  cmocka_unit_test(test_names),
		cmocka_unit_test(test_torn),	  cmocka_unit_test(test_printable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

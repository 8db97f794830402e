// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../user/ctl_request.h"

#define WORDS(text) text, sizeof(text) /* the NUL that ends the last word is the literal's own */

static struct ctl_request parsed;
static char why[256];

static int parse(const char *packet, size_t len)
{
	memset(&parsed, 0, sizeof(parsed));
	*why = '\0';
	return ctl_request__parse(packet, len, &parsed, why, sizeof(why));
}

static void test_commands(void **state)
{
	(void)state;
	assert_int_equal(parse(WORDS(CTL_GREETING "\0status")), 0);
	assert_int_equal(parsed.command, CTL_STATUS);
	assert_null(parsed.arg);
	assert_int_equal(parse(WORDS(CTL_GREETING "\0ignore-thread\0pool-*")), 0);
	assert_int_equal(parsed.command, CTL_IGNORE_THREAD);
	assert_string_equal(parsed.arg, "pool-*");
	/* Nothing in an argument means anything but itself. */
	assert_int_equal(parse(WORDS(CTL_GREETING "\0ignore-function\0a b\n; rm -rf /")), 0);
	assert_string_equal(parsed.arg, "a b\n; rm -rf /");
}

static void test_round_trip(void **state)
{
	char packet[CTL_REQUEST_MAX];

	(void)state;
	for (int i = 0; i < CTL_COMMANDS; i++) {
		struct ctl_request req;
		const char *name = ctl_request__name(i);
		int err = ctl_request__make(name, NULL, &req, why, sizeof(why));
		ssize_t len;

		if (err)
			err = ctl_request__make(name, "x", &req, why, sizeof(why));
		assert_int_equal(err, 0);
		assert_int_equal(req.command, i);
		len = ctl_request__format(&req, packet);
		assert_true(len > 0);
		assert_int_equal(parse(packet, len), 0);
		assert_int_equal(parsed.command, i);
		assert_int_equal(!parsed.arg, !req.arg);
	}
}

static void test_damaged(void **state)
{
	static const char whole[] = CTL_GREETING "\0ignore-thread\0x";

	(void)state;
	for (size_t len = 0; len < sizeof(whole); len++) {
		assert_int_equal(parse(whole, len), -EINVAL);
		assert_true(*why);
	}
	assert_int_equal(parse(whole, sizeof(whole)), 0);
	assert_int_equal(parse(WORDS(CTL_GREETING "\0ignore-thread\0x\0y")), -EINVAL);
	assert_int_equal(parse(WORDS(CTL_GREETING "\0status\0x")), -EINVAL);
	assert_int_equal(parse(WORDS(CTL_GREETING "\0ignore-thread")), -EINVAL);
	assert_int_equal(parse(WORDS(CTL_GREETING "\0ignore-thread\0")), -EINVAL);
	assert_int_equal(parse(WORDS("vtbpf-ctl-2\0status")), -EINVAL);
	assert_int_equal(parse(WORDS(CTL_GREETING "\0\0")), -EINVAL);
	assert_int_equal(parse(WORDS(CTL_GREETING "\0Status")), -EINVAL);
}

static void test_length(void **state)
{
	static char arg[CTL_REQUEST_MAX + 1], packet[CTL_REQUEST_MAX];
	struct ctl_request req = { .command = CTL_IGNORE_THREAD, .arg = arg };
	size_t head = sizeof(CTL_GREETING "\0ignore-thread");
	size_t most = CTL_REQUEST_MAX - head - 1;

	(void)state;
	memset(arg, 'a', most);
	assert_int_equal(ctl_request__format(&req, packet), CTL_REQUEST_MAX);
	assert_int_equal(parse(packet, CTL_REQUEST_MAX), 0);
	assert_int_equal(strlen(parsed.arg), most);
	memset(arg, 'a', most + 1);
	assert_int_equal(ctl_request__format(&req, packet), -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

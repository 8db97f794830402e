// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "../../user/decode/session.h"
#include "capture_builder.h"

#define PID 100

/* Name of process PID whose command line is n bytes with NULs between the arguments. */
static void expect_name(const char *command, size_t n, const char *want)
{
	struct session *s = session__new();
	struct capture_builder b;
	struct capture *c;
	char name[256];

	builder__init(&b);
	builder__session(&b, PID, 1);
	builder__text(&b, VTBPF_TEXT_COMMAND, command, n);
	c = builder__open(&b);
	assert_int_equal(session__read(s, c, NULL), 0);
	session__process_name(s, session__process(s, PID), name, sizeof(name));
	assert_string_equal(name, want);
	session__free(s);
	capture__free(c);
	builder__release(&b);
}

#define EXPECT(command, want) expect_name(command, sizeof(command) - 1, want)

static void test_command_lines(void **state)
{
	(void)state;
	EXPECT("python3\0/srv/app.py\0--port\0"
	       "80",
	       "/srv/app.py");
	EXPECT("/usr/bin/python3.11\0-u\0-X\0dev\0-Wignore\0app.py", "app.py");
	EXPECT("python\0-m\0http.server\0"
	       "8000",
	       "-m http.server");
	EXPECT("python\0-Bmpip\0list", "-m pip");
	EXPECT("python\0-c\0print(1)", "-c print(1)");
	EXPECT("python\0--check-hash-based-pycs\0never\0x.py", "x.py");
	EXPECT("python", "python");
	EXPECT("/opt/x/python3\0-", "-");
	EXPECT("/usr/bin/uwsgi\0--ini", "/usr/bin/uwsgi");
	EXPECT("python\0-m", "python");
	EXPECT("", "MainProcess");
	EXPECT("\0\0", "MainProcess");
}

static void test_long_code_is_cut(void **state)
{
	char command[512] = "python\0-c";
	char want[64] = "-c ";

	(void)state;
	memset(command + 10, 'x', 400);
	memset(want + 3, 'x', 60);
	expect_name(command, 410, want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_command_lines),
		cmocka_unit_test(test_long_code_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

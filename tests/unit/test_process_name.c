// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
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

/* A process of the capture, as it is known by its parent's pid and perhaps a name. */
static void add_process(struct capture_builder *b, uint32_t pid, uint32_t ppid, const char *name)
{
	struct vtbpf_rec_process *p = builder__record(b, VTBPF_REC_PROCESS, pid,
						      sizeof(*p) - sizeof(p->rec) + strlen(name));

	p->ppid = ppid;
	p->bytes = strlen(name);
	memcpy(p->name, name, strlen(name));
}

static void expect_child(struct session *s, uint32_t pid, const char *want)
{
	char name[256];

	session__process_name(s, session__process(s, pid), name, sizeof(name));
	assert_string_equal(name, want);
}

/* A child has its own name, else its parent's; parents that go round in a circle name nobody. */
static void test_children(void **state)
{
	static const char command[] = "python3\0app.py";
	struct session *s = session__new();
	struct capture_builder b;
	struct capture *c;

	(void)state;
	builder__init(&b);
	builder__session(&b, PID, 1);
	builder__text(&b, VTBPF_TEXT_COMMAND, command, sizeof(command));
	add_process(&b, 101, PID, "");
	add_process(&b, 102, 101, "");
	add_process(&b, 103, 102, "ForkPoolWorker-1");
	add_process(&b, 104, 103, "");
	add_process(&b, 105, 106, "");
	add_process(&b, 106, 105, "");
	c = builder__open(&b);
	assert_int_equal(session__read(s, c, NULL), 0);
	expect_child(s, 101, "app.py");
	expect_child(s, 102, "app.py");
	expect_child(s, 103, "ForkPoolWorker-1");
	expect_child(s, 104, "ForkPoolWorker-1");
	expect_child(s, 105, "MainProcess");
	session__free(s);
	capture__free(c);
	builder__release(&b);
}

static void test_missed(void **state)
{
	static const char reason[] = "it ended too early";
	struct session *s = session__new();
	struct vtbpf_rec_missed *m;
	struct capture_builder b;
	struct capture *c;
	struct event ev;

	(void)state;
	builder__init(&b);
	builder__session(&b, PID, 1);
	m = builder__record(&b, VTBPF_REC_MISSED, 107,
			    sizeof(*m) - sizeof(m->rec) + strlen(reason));
	m->ppid = PID;
	m->bytes = strlen(reason);
	memcpy(m->comm, "python3.9", 9);
	memcpy(m->reason, reason, strlen(reason));
	c = builder__open(&b);
	assert_int_equal(session__read(s, c, NULL), 0);
	assert_int_equal(s->n_missed, 1);
	assert_int_equal(s->missed[0].pid, 107);
	assert_int_equal(s->missed[0].ppid, PID);
	assert_string_equal(s->missed[0].comm, "python3.9");
	assert_string_equal(s->missed[0].reason, reason);
	m->bytes = UINT16_MAX; /* beyond the record */
	assert_int_equal(decoder__decode(&m->rec, &ev), -EBADMSG);
	session__free(s);
	capture__free(c);
	builder__release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_command_lines),
		cmocka_unit_test(test_long_code_is_cut),
		cmocka_unit_test(test_children),
		cmocka_unit_test(test_missed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

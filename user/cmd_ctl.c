// SPDX-License-Identifier: GPL-2.0-only
/* The other end of trace/control.c: asks a running trace for something, and shows its answer. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "commands.h"
#include "ctl_request.h"
#include "discover/inner_pid.h"
#include "log.h"
#include "units.h"
#include "write/json_writer.h"

#define PATIENCE_S 30 /* for all but a dump, which takes as long as it takes */

/* ---- asking ----------------------------------------------------------------------------- */

static int no_trace(pid_t pid, const char *why)
{
	char text[512];

	if (kill(pid, 0) && errno == ESRCH)
		snprintf(text, sizeof(text),
			 "there is no such process; start one with: sudo vtbpf -p PID");
	else
		snprintf(text, sizeof(text), "%s; start one with: sudo vtbpf -p %d", why, pid);
	inner_pid__explain("/proc", pid, text, sizeof(text));
	log_error("no trace of process %d runs: %s", pid, text);
	return EXIT_FAILED;
}

static int explain_connect(pid_t pid, int err)
{
	if (err == ENOENT)
		return no_trace(pid, "it has no socket in " CTL_DIR);
	if (err == ECONNREFUSED)
		return no_trace(pid, "the one that did has died");
	if (err == EACCES || err == EPERM) {
		log_error("%s: %s; only root may control a trace: run it with sudo", CTL_DIR,
			  strerror(err));
		return EXIT_NO_PRIVILEGE;
	}
	log_error("%s/%d.sock: %s", CTL_DIR, pid, strerror(err));
	return EXIT_FAILED;
}

/* 0, or the exit status after a message. */
static int connect_to(pid_t pid, int *fd)
{
	struct timeval patience = { .tv_sec = PATIENCE_S };
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	snprintf(un.sun_path, sizeof(un.sun_path), CTL_DIR "/%d.sock", pid);
	*fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (*fd < 0) {
		log_error("cannot make a socket: %s", strerror(errno));
		return EXIT_FAILED;
	}
	setsockopt(*fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (!connect(*fd, (struct sockaddr *)&un, sizeof(un)))
		return 0;
	return explain_connect(pid, errno);
}

/* The answer, ended by NUL, in buf. 0, or the exit status after a message. */
static int ask(int fd, pid_t pid, const struct ctl_request *req, char *buf)
{
	struct timeval patience = { .tv_sec = req->command == CTL_DUMP ? 0 : PATIENCE_S };
	char packet[CTL_REQUEST_MAX];
	ssize_t n = ctl_request__format(req, packet);

	if (n < 0) {
		log_error("ctl: '%.40s...' is too long", req->arg);
		return EXIT_USAGE;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	/* Who may not ask is told so at once, and then nobody listens: the answer counts. */
	send(fd, packet, n, MSG_NOSIGNAL);
	n = recv(fd, buf, CTL_ANSWER_MAX, 0);
	/* It hung up on a request that it did not read: the answer lies behind that error. */
	if (n < 0 && errno == ECONNRESET)
		n = recv(fd, buf, CTL_ANSWER_MAX, 0);
	if (n > 0) {
		buf[n] = '\0';
		return 0;
	}
	if (n < 0 && errno == EAGAIN)
		log_error("the trace of process %d does not answer", pid);
	else
		log_error("the trace of process %d ended before it answered", pid);
	return EXIT_FAILED;
}

/* ---- showing ---------------------------------------------------------------------------- */

enum kind { TEXT, NUMBER, SECONDS, BYTES, LIST };

/* Keys of the status, in order; what a line has a title for is shown to people. */
static const struct field {
	const char *key, *title;
	enum kind kind;
} fields[] = {
	{ "pid", "process", NUMBER },
	{ "command", "command", TEXT },
	{ "python", "CPython", TEXT },
	{ "tracer_pid", "traced by", NUMBER },
	{ "state", "state", TEXT },
	{ "start_us", NULL, SECONDS },
	{ "seconds", "seconds", SECONDS },
	{ "pauses", "pauses", NUMBER },
	{ "paused_seconds", "paused seconds", SECONDS },
	{ "window", "window", TEXT },
	{ "windows", "windows", NUMBER },
	{ "coverage", "coverage", SECONDS },
	{ "overhead_stated_percent", "overhead stated", SECONDS },
	{ "overhead_achieved_percent", "achieved", SECONDS },
	{ "overhead_worst_10s_percent", "worst 10 s", SECONDS },
	{ "mode", "recorded are", TEXT },
	{ "sample_hz", "samples a second", SECONDS },
	{ "samples", "samples", NUMBER },
	{ "samples_lost", "lost samples", NUMBER },
	{ "samples_unreadable", "unreadable", NUMBER },
	{ "samples_ignored", "ignored samples", NUMBER },
	{ "calls", "calls", NUMBER },
	{ "lost", "lost", NUMBER },
	{ "ignored_threads", "ignored threads", NUMBER },
	{ "ignored_events", "ignored events", NUMBER },
	{ "hidden", "ignored calls", NUMBER },
	{ "below_min_duration", "too short", NUMBER },
	{ "below_max_stack_depth", "too deep", NUMBER },
	{ "capture_bytes", "captured", BYTES },
	{ "kept_calls", "kept calls", NUMBER },
	{ "kept_samples", "kept samples", NUMBER },
	{ "kept_bytes", "kept in memory", BYTES },
	{ "dropped_calls", "dropped calls", NUMBER },
	{ "dropped_samples", "dropped samples", NUMBER },
	{ "output", "output", TEXT },
	{ "filter", "filter", LIST },
	{ "ignored", NULL, LIST },
};

#define N_FIELDS (sizeof(fields) / sizeof(fields[0]))

/* The value of the first line of that key at or after *at, which then points behind the line; NULL
 * when there is none. Ends lines by NUL as it goes, which a second search passes as well. */
static char *find_value(char **at, const char *end, const char *key)
{
	size_t len = strlen(key);

	while (*at < end) {
		char *text = *at, *stop = text + strcspn(text, "\n");

		*at = stop + 1;
		*stop = '\0';
		if (!strncmp(text, key, len) && text[len] == ' ')
			return text + len + 1;
	}
	return NULL;
}

/* Names come from the target, and a terminal obeys control characters. */
static void print_safely(const char *s)
{
	for (; *s; s++) {
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			printf("\\x%02x", (unsigned char)*s);
		else
			putchar(*s);
	}
	putchar('\n');
}

static void print_status(char *text, const char *end)
{
	for (size_t i = 0; i < N_FIELDS; i++) {
		const struct field *f = &fields[i];
		char *at = text, *value, size[32];

		while (f->title && (value = find_value(&at, end, f->key))) {
			printf("%-16s ", f->title);
			if (f->kind == BYTES)
				print_safely(
					format_size(strtoull(value, NULL, 10), size, sizeof(size)));
			else
				print_safely(value);
			if (f->kind != LIST)
				break;
		}
	}
}

static bool is_number(const char *s)
{
	size_t n = strspn(s, "0123456789.");

	return n && !s[n] && *s != '.' && s[n - 1] != '.';
}

static void put_value(struct json_writer *j, const struct field *f, const char *value)
{
	if (f->kind != TEXT && f->kind != LIST && is_number(value)) {
		json__raw(j, value, strlen(value));
		j->comma = true;
	} else {
		json__string(j, value);
	}
}

static int print_json(char *text, const char *end)
{
	struct json_writer j;
	struct outbuf out;
	int err = outbuf__init(&out, STDOUT_FILENO, false);

	if (err)
		return err;
	json__init(&j, &out);
	json__open(&j, '{');
	for (size_t i = 0; i < N_FIELDS; i++) {
		const struct field *f = &fields[i];
		char *at = text, *value = find_value(&at, end, f->key);

		if (!value && f->kind != LIST)
			continue;
		json__key(&j, f->key);
		if (f->kind != LIST) {
			put_value(&j, f, value);
			continue;
		}
		json__open(&j, '[');
		for (; value; value = find_value(&at, end, f->key))
			put_value(&j, f, value);
		json__close(&j, ']');
	}
	json__close(&j, '}');
	outbuf__write(&out, "\n", 1);
	return outbuf__finish(&out);
}

static int show(const struct options *o, const struct ctl_request *req, char *answer)
{
	static const char good[] = "ok\n", bad[] = "error: ";
	char *end = answer + strlen(answer), *text;
	int err = 0;

	if (strncmp(answer, good, strlen(good))) {
		text = answer + (strncmp(answer, bad, strlen(bad)) ? 0 : strlen(bad));
		text[strcspn(text, "\n")] = '\0';
		log_error("ctl %s: %s", ctl_request__name(req->command), text);
		return EXIT_FAILED;
	}
	text = answer + strlen(good);
	if (req->command != CTL_STATUS)
		fputs(text, stdout);
	else if (o->json)
		err = print_json(text, end);
	else
		print_status(text, end);
	if (!err && (fflush(stdout) || ferror(stdout)))
		err = -errno;
	if (err)
		log_error("cannot write: %s", strerror(-err));
	return err ? EXIT_FAILED : EXIT_OK;
}

/* ---- the whole -------------------------------------------------------------------------- */

int cmd_ctl(const struct options *o)
{
	static char answer[CTL_ANSWER_MAX + 1];
	struct ctl_request req;
	int fd = -1, status;
	char why[256];

	if (ctl_request__make(o->inputs.items[0], o->inputs.n > 1 ? o->inputs.items[1] : NULL, &req,
			      why, sizeof(why))) {
		log_error("ctl: %s", why);
		return EXIT_USAGE;
	}
	if (o->json && req.command != CTL_STATUS) {
		log_error("ctl: --json: goes with status");
		return EXIT_USAGE;
	}
	status = connect_to(o->pid, &fd);
	if (!status)
		status = ask(fd, o->pid, &req, answer);
	if (!status)
		status = show(o, &req, answer);
	if (fd >= 0)
		close(fd);
	return status;
}

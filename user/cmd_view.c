// SPDX-License-Identifier: GPL-2.0-only
/* `vtbpf view FILE`: a page of ours is served on loopback; a trace is handed to ui.perfetto.dev. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "browser.h"
#include "commands.h"
#include "convert.h"
#include "finish.h"
#include "http_serve.h"
#include "log.h"
#include "sudo_user.h"

#define PERFETTO "https://ui.perfetto.dev"
/* The only port of this machine from which the Perfetto UI fetches a trace (its Content-Security-Policy;
 * tools/open_trace_in_ui of google/perfetto). */
#define PERFETTO_PORT 9001

struct kind {
	const char *ending, *format, *type;
	bool perfetto;
};

static const struct kind kinds[] = {
	{ ".html", "html", "text/html; charset=utf-8", false },
	{ ".speedscope.json", NULL, NULL, false }, /* ends in .json, and Perfetto cannot show it */
	{ ".json", "json", "application/json", true },
	{ ".json.gz", "json.gz", "application/gzip", true },
	{ ".pftrace", "pftrace", "application/octet-stream", true },
};

struct view {
	const struct kind *kind;
	struct http_file file;
	char *path; /* in the address */
	struct http_server *server;
	struct browser browser;
	int signals;
};

static const struct kind *kind_of(const char *path, const char *format)
{
	size_t len = strlen(path);

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const struct kind *k = &kinds[i];
		size_t n = strlen(k->ending);

		if (format ? k->format && !strcmp(k->format, format) :
			     len > n && !strcmp(path + len - n, k->ending))
			return k->format ? k : NULL;
	}
	return NULL;
}

/* ---- what to serve ---------------------------------------------------------------------- */

static int open_regular(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), err = 0;
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		err = -errno;
	else if (!S_ISREG(st.st_mode))
		err = S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	if (!err)
		return fd;
	close(fd);
	return err;
}

/* Converts the file to what can be viewed, in a directory of our own that is gone when this returns. */
static int convert_and_open(const struct options *o, const char *format)
{
	struct convert_options c = finish__options(o, o->inputs.items[0]);
	const char *tmp = getenv("TMPDIR");
	struct convert_summary sum;
	char *dir = NULL, *out = NULL;
	int err = -ENOMEM;

	if (asprintf(&dir, "%s/vtbpf-view-XXXXXX", tmp && *tmp == '/' ? tmp : "/tmp") < 0)
		return err;
	if (!mkdtemp(dir)) {
		err = -errno;
		log_error("cannot make a directory for the page: %s: %s", dir, strerror(-err));
	} else if (asprintf(&out, "%s/trace", dir) >= 0) {
		c.output = out;
		c.output_named = true;
		c.format = format;
		finish__catch_signals();
		err = convert__run(&c, &sum);
		if (!err)
			err = open_regular(out);
		unlink(out);
		rmdir(dir);
	}
	free(out);
	free(dir);
	return err;
}

static int open_file(const struct options *o, struct view *v)
{
	const char *input = o->inputs.items[0];
	const struct kind *as_is = kind_of(input, NULL);
	int fd;

	v->kind = o->format ? kind_of(input, o->format) : as_is ? as_is : &kinds[0];
	if (v->kind != as_is)
		return convert_and_open(o, v->kind->format); /* says itself what is wrong */
	fd = open_regular(input);
	if (fd < 0)
		log_error("%s: %s", input, fd == -EINVAL ? "no regular file" : strerror(-fd));
	return fd;
}

/* ---- its address ------------------------------------------------------------------------ */

static char *put_encoded(char *out, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < 0x80 && (isalnum(c) || strchr("._-~", c)))
			*out++ = (char)c;
		else
			out += sprintf(out, "%%%02X", c);
	}
	*out = '\0';
	return out;
}

/* "/", 32 digits that nobody can guess, "/", the file's name: so the page is shown under its name, and
 * other users of this machine do not find it. */
static char *make_path(const char *input, const struct kind *kind, bool converted)
{
	const char *slash = strrchr(input, '/'), *name = slash ? slash + 1 : input;
	unsigned char secret[16];
	size_t size = 2 + 2 * sizeof(secret) + 3 * (strlen(name) + strlen(kind->ending)) + 1;
	char *path = malloc(size), *p = path;

	if (!path || getrandom(secret, sizeof(secret), 0) != sizeof(secret)) {
		free(path);
		return NULL;
	}
	*p++ = '/';
	for (size_t i = 0; i < sizeof(secret); i++)
		p += sprintf(p, "%02x", secret[i]);
	*p++ = '/';
	p = put_encoded(p, name);
	if (converted)
		strcpy(p, kind->ending);
	return path;
}

/* What the browser is to open. The UI decodes the address of the trace within its own once. */
static char *make_url(const struct view *v)
{
	unsigned int port = http_server__port(v->server);
	char *url = NULL, *twice, *p;

	if (!v->kind->perfetto)
		return asprintf(&url, "http://127.0.0.1:%u%s", port, v->path) < 0 ? NULL : url;
	twice = malloc(3 * strlen(v->path) + 1);
	if (!twice)
		return NULL;
	p = twice;
	for (const char *s = v->path; *s; s++) {
		*p++ = *s;
		if (*s == '%')
			p = stpcpy(p, "25");
	}
	*p = '\0';
	if (asprintf(&url, PERFETTO "/#!/?url=http://127.0.0.1:%u%s", port, twice) < 0)
		url = NULL;
	free(twice);
	return url;
}

/* ---- serving ---------------------------------------------------------------------------- */

static int start_server(const struct options *o, struct view *v)
{
	uint16_t port = o->port ? o->port : v->kind->perfetto ? PERFETTO_PORT : 0;
	int err;

	v->server = http_server__new(&v->file, port);
	if (v->server)
		return 0;
	err = -errno;
	if (err == -EADDRINUSE && v->kind->perfetto && !o->port)
		log_error("cannot listen on port %u: %s; ui.perfetto.dev fetches a trace from this "
			  "port only: end what uses it, or give --format html",
			  port, strerror(-err));
	else
		log_error("cannot listen on 127.0.0.1:%u: %s", port, strerror(-err));
	return err;
}

static int block_signals(void)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static void show(const struct options *o, struct view *v, const char *url)
{
	const char *why = browser__missing();
	int err = 0;

	if (o->no_browser)
		return;
	if (!why)
		err = browser__open(&v->browser, url);
	if (why || err)
		log_info("no browser is opened: %s; open the address yourself",
			 why ? why : strerror(-err));
}

static void serve(struct view *v)
{
	int wake[] = { v->signals, -1 };

	while (!(v->kind->perfetto && http_server__fetched(v->server))) {
		wake[1] = v->browser.fd;
		switch (http_server__step(v->server, wake, 2)) {
		case 0:
			return;
		case 1:
			if (browser__failed(&v->browser))
				log_warn("the browser could not be opened; open the address "
					 "yourself");
			break;
		}
	}
	log_info("ui.perfetto.dev has the trace");
}

/* Root is for reading the file; what listens and what opens the browser is the user's. */
static int view(const struct options *o, struct view *v)
{
	char *url;
	int err = start_server(o, v);

	if (err)
		return err;
	v->signals = block_signals();
	err = v->signals < 0 ? -errno : sudo_user__become();
	url = err ? NULL : make_url(v);
	if (!url) {
		log_error("cannot serve it: %s", strerror(err ? -err : ENOMEM));
		return err ? err : -ENOMEM;
	}
	if (v->kind->perfetto && http_server__port(v->server) != PERFETTO_PORT)
		log_warn("ui.perfetto.dev fetches a trace from port %u only", PERFETTO_PORT);
	printf("%s\n", url);
	fflush(stdout);
	log_info("served on 127.0.0.1 until %sCtrl-C",
		 v->kind->perfetto ? "ui.perfetto.dev has it, or " : "");
	show(o, v, url);
	free(url);
	serve(v);
	return 0;
}

int cmd_view(const struct options *o)
{
	struct view v = { .signals = -1, .browser.fd = -1 };
	int err = 0;

	v.file.fd = open_file(o, &v);
	if (v.file.fd < 0)
		return EXIT_FAILED;
	v.path = make_path(o->inputs.items[0], v.kind, v.kind != kind_of(o->inputs.items[0], NULL));
	v.file.path = v.path;
	v.file.type = v.kind->type;
	v.file.origin = v.kind->perfetto ? PERFETTO : NULL;
	if (v.path)
		err = view(o, &v);
	else
		log_error("cannot serve it: %s", strerror(errno));
	http_server__free(v.server);
	close(v.file.fd);
	free(v.path);
	return err || !v.path ? EXIT_FAILED : EXIT_OK;
}
